// A calm question before something is lost: over the page, answered by one of two buttons.

import { h } from "./elements.js";

/**
 * Ask, and wait for the answer; the escape key means no.
 *
 * @param {{title: string, text: string, yes: string, no: string}} what
 * @returns {Promise<boolean>}
 */
export function ask({ title, text, yes, no }) {
  const dialog = h("dialog", { class: "question", "aria-labelledby": "question-title", "aria-describedby": "question-text" },
    h("h2", { id: "question-title" }, title),
    h("p", { id: "question-text" }, text),
    h("p", { class: "actions" },
      h("button", { type: "button", class: "primary", onclick: () => dialog.close("no") }, no),
      h("button", { type: "button", onclick: () => dialog.close("yes") }, yes)));
  const before = document.activeElement;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus({ preventScroll: true });
      resolve(dialog.returnValue === "yes");
    });
  });
}
