// Keeping a corrected mask with its image, for the next training.

import { field, h } from "./elements.js";
import { send } from "./requests.js";

/**
 * The form of author and note.
 *
 * @param {() => Promise<File>} maskFile the mask as it is now.
 */
export function keepForm(job, maskFile) {
  const author = h("input", { type: "text", name: "author", autocomplete: "name", required: true, maxlength: 100 });
  const note = h("textarea", { name: "note", rows: 2, maxlength: 1000 });
  const button = h("button", { type: "submit", class: "primary" }, "Keep image and mask");
  const answer = h("p", { class: "answer", role: "status" });
  const element = h("form", { class: "keep", novalidate: true }, field("Your name", author, "Kept with the mask, so that others know whose it is."),
    field("Note (optional)", note), button, answer);
  const say = (text, kind) => {
    answer.textContent = text;
    answer.className = `answer ${kind}`;
    answer.scrollIntoView({ block: "nearest" });
  };
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!element.reportValidity()) return;
    button.disabled = true;
    say("Keeping it …", "");
    try {
      const body = new FormData();
      body.append("mask", await maskFile());
      body.append("author", author.value.trim());
      body.append("note", note.value.trim());
      const kept = await send(`${job.url}/keep`, body).done;
      say(`Kept as ${kept.study} in ${kept.folder_name}.`, "good");
    } catch (error) {
      button.disabled = false;
      say(error.message, "problem");
    }
  });
  const changed = () => {
    button.disabled = false;
    answer.textContent = "";
  };
  return { element, changed };
}
