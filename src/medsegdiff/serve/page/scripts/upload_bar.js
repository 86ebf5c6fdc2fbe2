// How much of an image has reached the server.

import { h, speak } from "./elements.js";
import { percent } from "./words.js";

/** A bar that is hidden until an upload begins. */
export function uploadBar() {
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Upload" });
  const text = h("span", {});
  const stop = h("button", { type: "button", class: "quiet" }, "Stop");
  const element = h("div", { class: "upload", hidden: true }, bar, text, stop);
  let onStop = () => {};
  stop.addEventListener("click", () => onStop());
  const set = (fraction) => {
    bar.value = fraction;
    text.textContent = fraction < 1 ? `Sending: ${percent(Math.round(fraction * 100) / 100)}` : "Checking the file …";
  };
  return {
    element,
    set,
    show(chosen, abort) {
      onStop = abort;
      element.hidden = false;
      set(chosen.sample ? 1 : 0);
      speak("Sending the image.");
    },
    hide() {
      element.hidden = true;
    },
  };
}
