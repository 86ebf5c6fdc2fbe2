// What is shown in place of something that is not there: a sentence, and the way out.

import { h } from "./elements.js";

/** A quiet card that says what is wrong and what to do. */
export function trouble(title, message, ...actions) {
  return h("section", { class: "card trouble", role: "alert" },
    h("h1", {}, title),
    h("p", {}, message),
    actions.length > 0 && h("p", { class: "actions" }, actions));
}
