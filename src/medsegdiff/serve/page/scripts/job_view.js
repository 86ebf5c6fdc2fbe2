// One job: its progress while it runs, then its result, or why there is none.

import { h, speak } from "./elements.js";
import { progressCard } from "./progress_card.js";
import { getJson, listen, remove } from "./requests.js";
import { resultView } from "./result_view.js";
import { failure, trouble } from "./trouble.js";

const MILLISECONDS_TO_AGAIN = 3000; // after the server has refused to be listened to
const again = (job = "") => h("a", { class: "button primary", href: `#new${job && `/${job}`}` }, "Segment another image");

/** Follow the job with this id. */
export function jobView(server, id) {
  const job = new Job(server, id);
  job.follow();
  return { element: job.element, title: "Result", unsaved: () => job.unsaved(), leave: () => job.close() };
}

class Job {
  constructor(server, id) {
    this.server = server;
    this.id = id;
    this.url = `/api/jobs/${encodeURIComponent(id)}`;
    this.element = h("div", { class: "job" }, h("p", { class: "loading" }, "Loading …"));
    this.stop = () => {};
    this.unsaved = () => false;
  }

  async follow() {
    try {
      const state = await getJson(this.url);
      if (this.isClosed) return;
      this.leave();
      this.name = state.name;
      if (state.state === "waiting" || state.state === "running") this.watch(state);
      else await this.end(state);
    } catch (error) {
      this.tell(error.status === 404 ? gone() : failure("This job cannot be shown", error.message, again()));
    }
  }

  watch(state) {
    const card = progressCard(state, this.server.limits.seconds, () => this.cancel());
    this.show(card.element);
    let timer = null;
    const later = () => {
      timer = setTimeout(() => this.follow(), MILLISECONDS_TO_AGAIN);
    };
    const stop = listen(`${this.url}/events`, (now) => card.set(now), (last) => (last ? this.end(last) : later()), (isLost) => card.setLost(isLost));
    this.stop = () => {
      clearTimeout(timer);
      stop();
    };
  }

  async end(state) {
    this.leave();
    try {
      if (state.state === "done") await this.showResult(state);
      else if (state.state === "cancelled") this.tell(cancelled(state, this.id));
      else this.tell(failed(state, this.id));
    } catch (error) {
      this.tell(error.status === 404 ? gone() : failure("The result cannot be shown", error.message, again()));
    }
  }

  async showResult(state) {
    const result = await getJson(`${this.url}/result`);
    if (this.isClosed) return;
    const view = resultView(this.server, { ...state, url: this.url }, result);
    this.show(view.element);
    this.stop = view.leave;
    this.unsaved = view.unsaved;
    document.title = `${result.study} · MedSegDiff`;
    await view.ready;
  }

  async cancel() {
    await remove(this.url);
    this.leave();
    this.tell(cancelled({ name: this.name }, this.id));
  }

  show(element) {
    this.element.replaceChildren(element);
  }

  /** Show a card in the place of a result; its role speaks it. */
  tell(card) {
    speak("");
    document.title = `${card.querySelector("h1").textContent} · MedSegDiff`;
    this.show(card);
  }

  /** Another page is shown. */
  close() {
    this.isClosed = true;
    this.leave();
  }

  leave() {
    this.stop();
    this.stop = () => {};
  }
}

function gone() {
  return trouble("This result is not here any more",
    "Results are deleted after a while, and when the program ends. Segment the image again: with the same seed the masks are the same.",
    again());
}

function cancelled(state, id) {
  return trouble("Cancelled", `Nothing was kept of ${state.name ?? "this job"}.`, again(id));
}

function failed(state, id) {
  const error = state.error ?? {};
  const message = error.message ?? (typeof error === "string" ? error : "The program gave no reason.");
  return failure(`${state.name ?? "The image"} could not be segmented`, message, again(id));
}
