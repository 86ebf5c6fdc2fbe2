// The page's frame: reads what the server has, and shows the view that the address names.

import { aboutView } from "./about_view.js";
import { h } from "./elements.js";
import { jobView } from "./job_view.js";
import { getJson } from "./requests.js";
import { runView } from "./run_view.js";
import { startView } from "./start_view.js";
import { trouble } from "./trouble.js";

const main = document.getElementById("main");
const views = { new: startView, job: jobView, run: runView, about: aboutView };
let server = null;
let leave = () => {};

/** Read the address, `#page/argument`, and show its view. */
function show() {
  leave();
  const [page, argument] = location.hash.slice(1).split("/");
  const name = page in views ? page : firstPage();
  const view = views[name](server, argument);
  leave = view.leave ?? (() => {});
  main.replaceChildren(view.element);
  document.title = view.title ? `${view.title} · MedSegDiff` : "MedSegDiff";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  window.scrollTo(0, 0);
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
    main.replaceChildren(trouble("The page cannot start", error.message,
      h("button", { class: "primary", onclick: () => location.reload() }, "Try again")));
    return;
  }
  document.querySelector('[data-page="run"]').hidden = !server.run;
  window.addEventListener("hashchange", () => {
    show();
    main.focus({ preventScroll: true });
  });
  show();
}

holdDrops();
start();
