// The session's earlier jobs: what became of each, and the way to it.

import { h, speak } from "./elements.js";
import { getJson, remove } from "./requests.js";
import { percent } from "./words.js";

const SECONDS_BETWEEN_LOOKS = 3;
const STATES = {
  waiting: "waiting", running: "running", done: "done", failed: "failed", cancelled: "cancelled",
};

/** A list that keeps itself up to date while something runs. */
export function jobList() {
  const list = h("ul", { class: "jobs" });
  const element = h("section", { class: "card", hidden: true, "aria-labelledby": "jobs-title" },
    h("h2", { id: "jobs-title" }, "Earlier in this session"), list,
    h("p", { class: "hint" }, "Only this browser sees them. They are deleted after a while, and when the program ends."));
  let timer = null;
  let isLeft = false;
  async function look() {
    clearTimeout(timer); // one that waits, when a button asks for another
    let jobs;
    try {
      jobs = await getJson("/api/jobs");
    } catch {
      return; // what one starts next says why the server does not answer
    }
    if (isLeft) return;
    jobs.reverse(); // the newest first
    list.replaceChildren(...jobs.map((job) => entry(job, look)));
    element.hidden = jobs.length === 0;
    if (jobs.some((job) => job.state === "waiting" || job.state === "running")) {
      timer = setTimeout(look, SECONDS_BETWEEN_LOOKS * 1000);
    }
  }
  look();
  const leave = () => {
    isLeft = true;
    clearTimeout(timer);
  };
  return { element, leave };
}

function entry(job, look) {
  const done = job.state === "running" ? `, ${percent(Math.round(100 * (job.fraction ?? 0)) / 100)}` : "";
  const word = job.state === "running" || job.state === "waiting" ? "Cancel" : "Delete";
  return h("li", {},
    h("a", { href: `#job/${job.id}` }, job.name),
    h("span", { class: `state ${job.state}` }, `${STATES[job.state]}${done}`),
    h("button", {
      type: "button", class: "quiet", "aria-label": `${word} ${job.name}`,
      onclick: () => remove(`/api/jobs/${job.id}`).catch((error) => speak(error.message)).then(look),
    }, word));
}
