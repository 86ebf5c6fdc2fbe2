// A training that is watched: how far it is, its curves, and pictures of its validations.

import { chart } from "./curves.js";
import { h } from "./elements.js";
import { LOST, getJson, listen } from "./requests.js";
import { failure } from "./trouble.js";
import { duration, percent } from "./words.js";

const STATES = {
  waiting: "Waiting for a training", preparing: "Preparing the first step", running: "Running", stopped: "Stopped", finished: "Finished",
};

/** The page of `medsegdiff serve --run RUN`. */
export function runView(server) {
  const element = h("div", { class: "run" }, h("p", { class: "loading" }, "Loading …"));
  let stop = () => {};
  let isLeft = false;
  async function open() {
    try {
      if (!server.run) throw new Error("Start the program with a training's folder: medsegdiff serve --run RUN.");
      const run = await getJson("/api/run");
      if (isLeft) return;
      const page = new RunPage(element);
      page.draw(run);
      stop = listen("/api/run/events", (now) => page.draw(now), (last) => last && page.draw(last), (isLost) => page.setLost(isLost));
    } catch (error) {
      element.replaceChildren(failure("There is no training to watch", error.message));
    }
  }
  open();
  return {
    element,
    title: "Training",
    leave: () => {
      isLeft = true;
      stop();
    },
  };
}

/** The parts that change with every event; pictures are only touched when there are others. */
class RunPage {
  constructor(element) {
    this.head = h("div", { class: "result-head" });
    this.lost = h("p", { class: "problem", role: "alert", hidden: true }, LOST);
    this.progress = h("section", { class: "card progress" });
    this.charts = h("div", { class: "charts" });
    this.pictures = h("section", { class: "card" });
    this.known = null;
    element.replaceChildren(this.head, this.lost, this.progress, this.charts, this.pictures);
  }

  setLost(isLost) {
    this.lost.hidden = !isLost;
  }

  draw(run) {
    const { step, total_steps: total, curves } = run;
    this.head.replaceChildren(h("h1", {}, run.name), h("span", { class: `state ${run.state}` }, STATES[run.state]));
    this.progress.replaceChildren(
      h("progress", { max: 1, value: total ? step / total : 0, "aria-label": "Progress of the training" }),
      h("p", { class: "stage" }, where(step, total, run)),
      h("p", { class: "hint" }, best(run)));
    this.charts.replaceChildren(
      h("section", { class: "card" }, chart({ title: "Dice on the validation studies", points: curves.dice, highest: 1, hasDots: true, last: total })),
      h("section", { class: "card" }, chart({ title: "Loss", points: curves.loss, last: total })));
    const listed = JSON.stringify(run.pictures);
    if (listed !== this.known) this.pictures.replaceChildren(h("h2", {}, "Validation studies"), pictures(run.pictures));
    this.known = listed;
  }
}

function where(step, total, run) {
  if (run.state === "waiting") return "No training is at work here yet. One is shown as soon as it begins.";
  if (run.state === "preparing") return "Reading the data and measuring the speed come first, which can take some minutes.";
  const share = total ? `Step ${step} of ${total} (${percent(step / total)})` : `Step ${step}`;
  const eta = run.eta_seconds;
  if (run.state === "running" && step === total) return `${share}. The best weights are validated once more.`;
  return run.state === "running" && eta !== null && eta !== undefined ? `${share}, about ${duration(eta)} left` : share;
}

function best({ best: one, state }) {
  if (!one) return "No validation yet.";
  return `Best${state === "finished" ? "" : " so far"}: Dice ${one.dice.toFixed(4)} at step ${one.step}.`;
}

function pictures(list) {
  if (list.length === 0) return h("p", { class: "empty" }, "The first pictures come with the first validation.");
  const one = ({ step, url }) => h("figure", {},
    h("a", { href: url, target: "_blank", rel: "noopener" }, h("img", { src: url, alt: `Validation studies at step ${step}`, loading: "lazy" })),
    h("figcaption", {}, `Step ${step}`));
  return h("div", { class: "pictures" }, [...list].reverse().map(one));
}
