// A job that waits or runs: where it stands, how long it takes, and how to stop it.

import { h, speak } from "./elements.js";
import { LOST } from "./requests.js";
import { count, duration, percent } from "./words.js";

const STAGES = { reading: "Reading the image", drawing: "Drawing the masks", writing: "Writing the files" };

/**
 * The card of a job in progress; `set` takes each new state.
 *
 * @param {number} most seconds that the server lets a job run.
 * @param {() => Promise<void>} onCancel what fails in it is told.
 */
export function progressCard(state, most, onCancel) {
  const stage = h("p", { class: "stage" });
  const bar = h("progress", { max: 1, "aria-label": "Progress" });
  const left = h("p", { class: "hint" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true },
    `A job may take ${duration(most)} here, and this one needs longer: cancel it, and draw fewer masks or steps.`);
  const lost = h("p", { class: "problem", role: "alert", hidden: true });
  const setLost = (isLost, message = LOST) => {
    lost.hidden = !isLost;
    lost.textContent = message;
  };
  const cancel = h("button", { type: "button", onclick: async () => {
    cancel.disabled = true;
    try {
      await onCancel();
    } catch (error) {
      setLost(true, error.message);
      cancel.disabled = false;
    }
  } }, "Cancel");
  const element = h("section", { class: "card progress" },
    h("h1", {}, state.name ?? "Your image"), stage, bar, left, problem, lost, h("p", { class: "actions" }, cancel));
  let spoken = "";
  const set = (now) => {
    if (now.state !== "waiting" && now.state !== "running") return; // what has ended is told elsewhere
    const { title, rest, fraction } = described(now);
    stage.textContent = title;
    left.textContent = rest;
    problem.hidden = !(now.eta_seconds > most);
    if (fraction === null) bar.removeAttribute("value");
    else bar.value = fraction;
    document.title = fraction === null ? "Waiting · MedSegDiff" : `${percent(Math.round(fraction * 100) / 100)} · MedSegDiff`;
    const quarter = `${title}${fraction ? `, ${25 * Math.floor(fraction * 4)} per cent` : ""}`;
    if (quarter !== spoken) speak(quarter);
    spoken = quarter;
  };
  set(state);
  return { element, set, setLost };
}

function described(now) {
  if (now.state === "waiting") {
    const before = now.position ?? 0;
    const rest = before > 0 ? `${count(before, "job")} before yours.` : "Yours is next.";
    return { title: "Waiting", rest, fraction: null };
  }
  const fraction = now.fraction ?? 0;
  const eta = now.eta_seconds;
  const share = percent(Math.round(fraction * 100) / 100);
  return {
    title: STAGES[now.stage] ?? "Starting",
    rest: eta === null || eta === undefined ? share : `${share}, ${eta < 1 ? "nearly done" : `about ${duration(eta)} left`}`,
    fraction,
  };
}
