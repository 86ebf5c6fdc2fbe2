// The page's frame: reads what the server has, and shows the view that the address names.

import { aboutView } from "./about_view.js";
import { h } from "./elements.js";
import { jobView } from "./job_view.js";
import { ask } from "./question.js";
import { getJson } from "./requests.js";
import { runView } from "./run_view.js";
import { startView } from "./start_view.js";
import { failure } from "./trouble.js";

const main = document.getElementById("main");
const views = { new: startView, job: jobView, run: runView, about: aboutView };
let server = null;
let view = {};
let shown = ""; // the address of the view
let isAsking = false;

/** Read the address, `#page/argument`, and show its view. */
function show() {
  view.leave?.();
  shown = location.href;
  const [page, argument] = location.hash.slice(1).split("/");
  const name = page in views ? page : firstPage();
  view = views[name](server, argument);
  main.replaceChildren(view.element);
  document.title = view.title ? `${view.title} · MedSegDiff` : "MedSegDiff";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  window.scrollTo(0, 0);
}

/** The address has changed: show its view, unless something would be lost and shall not be. */
async function move() {
  const wanted = location.href;
  if (view.unsaved?.()) {
    history.pushState(null, "", shown);
    if (isAsking || !(await isLeft())) return;
    history.pushState(null, "", wanted);
  }
  show();
  main.focus({ preventScroll: true });
}

async function isLeft() {
  isAsking = true;
  const answer = await ask({
    title: "Leave the correction?", text: "What you have drawn is neither kept nor downloaded, and is lost when you leave.",
    yes: "Leave without it", no: "Stay here",
  });
  isAsking = false;
  return answer;
}

/** A server that only watches a training opens with it. */
function firstPage() {
  return server.run && server.models.length === 0 ? "run" : "new";
}

/** A file that is dropped beside the place for it must not take the page's place. */
function holdDrops() {
  for (const name of ["dragover", "drop"]) {
    window.addEventListener(name, (event) => event.preventDefault());
  }
}

async function start() {
  try {
    server = await getJson("/api/models");
  } catch (error) {
    main.replaceChildren(failure("The page cannot start", error.message,
      h("button", { class: "primary", onclick: () => location.reload() }, "Try again")));
    return;
  }
  document.querySelector('[data-page="run"]').hidden = !server.run;
  window.addEventListener("hashchange", move);
  window.addEventListener("beforeunload", (event) => {
    if (view.unsaved?.()) event.preventDefault(); // the browser asks in its own words
  });
  show();
}

holdDrops();
start();
