// What is shown in place of something that is not there: a sentence, and the way out.

import { h, svg } from "./elements.js";

/** A quiet card that says what is so and what to do. */
export function trouble(title, message, ...actions) {
  return h("section", { class: "card trouble", role: "alert" },
    h("h1", {}, title),
    h("p", {}, message),
    actions.length > 0 && h("p", { class: "actions" }, actions));
}

/** The same for what went wrong: looks like it. */
export function failure(title, message, ...actions) {
  const card = trouble(title, message, ...actions);
  card.classList.add("failure");
  card.prepend(svg("svg", { class: "failure-mark", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: "M12 2.5 22.5 21H1.5Z" }), svg("path", { class: "stroke", d: "M12 9v6m0 2.4v.6" })));
  return card;
}
