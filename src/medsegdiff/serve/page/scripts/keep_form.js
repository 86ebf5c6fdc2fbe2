// Keeping a corrected mask with its image, for the next training.

import { field, h, speak } from "./elements.js";
import { ask } from "./question.js";
import { Refused, send } from "./requests.js";

const THERE_IS_ONE = 409; // somebody else's correction of the same image

/**
 * The form of author and note.
 *
 * @param {() => Promise<File>} maskFile the mask as it is now.
 * @param {() => void} onKept it is kept.
 */
export function keepForm(job, maskFile, onKept) {
  const author = h("input", { type: "text", name: "author", autocomplete: "name", required: true, maxlength: 100 });
  const note = h("textarea", { name: "note", rows: 2, maxlength: 1000 });
  const button = h("button", { type: "submit", class: "primary" }, "Keep image and mask");
  const answer = h("p", { class: "answer" });
  const element = h("form", { class: "keep", novalidate: true }, field("Your name", author, "Kept with the mask, so that others know whose it is."),
    field("Note (optional)", note), button, answer);
  const say = (text, kind) => {
    answer.textContent = text;
    answer.className = `answer ${kind}`;
    speak(text);
    answer.scrollIntoView({ block: "nearest" });
  };
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!element.reportValidity()) return;
    button.disabled = true;
    say("Keeping it …", "");
    try {
      const kept = await keptBy({ mask: await maskFile(), author: author.value.trim(), note: note.value.trim() });
      say(`Kept as ${kept.study} in ${kept.folder_name}.`, "good");
      onKept();
    } catch (error) {
      button.disabled = false;
      say(error.message, "problem");
    }
  });
  /** Keep it; in the place of somebody else's only when that is wanted. */
  const keptBy = async (fields) => {
    try {
      return await post(`${job.url}/keep`, fields);
    } catch (error) {
      if (error.status !== THERE_IS_ONE) throw error;
      const [who] = error.message.split(" To keep "); // the rest tells programs how
      const text = `${who} If yours takes its place, the earlier mask is put aside, not lost.`;
      const isWanted = await ask({ title: "Replace it?", text, yes: "Replace it", no: "Leave it as it is" });
      if (!isWanted) throw new Refused(error.status, `Yours is not kept. ${who}`);
      return post(`${job.url}/keep`, { ...fields, replace: "true" });
    }
  };
  const changed = () => {
    button.disabled = false;
    answer.textContent = "";
  };
  return { element, changed };
}

function post(url, fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return send(url, body).done;
}
