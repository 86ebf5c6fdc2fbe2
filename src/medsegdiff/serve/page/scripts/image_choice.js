// Step one: drop files, choose them, or take a bundled sample.

import { chosenFiles, droppedFiles, isPicture, nameOf, totalSize } from "./chosen_files.js";
import { h, speak } from "./elements.js";
import { KINDS, isKnown } from "./kinds.js";
import { count, size } from "./words.js";

/**
 * The drop zone with its buttons and samples.
 *
 * @param {number} most bytes that the server takes.
 * @param {() => void} onChange something else is chosen.
 */
export function imageChoice(most, onChange) {
  return new ImageChoice(most, onChange);
}

class ImageChoice {
  constructor(most, onChange) {
    this.most = most;
    this.onChange = onChange;
    this.files = h("input", { type: "file", multiple: true, hidden: true });
    this.folder = h("input", { type: "file", webkitdirectory: true, hidden: true });
    for (const input of [this.files, this.folder]) {
      input.addEventListener("change", () => this.take(chosenFiles(input)));
    }
    this.shown = h("div", { class: "shown", hidden: true });
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.samples = h("div", { class: "samples" });
    this.zone = this.dropZone();
    this.element = h("div", { class: "image-choice" }, this.zone, this.shown, this.problem, this.samples);
  }

  dropZone() {
    const zone = h("div", { class: "drop" },
      h("p", { class: "drop-title" }, "Drop an image or a volume here"),
      h("p", { class: "actions" },
        h("button", { type: "button", onclick: () => this.files.click() }, "Choose files"),
        h("button", { type: "button", onclick: () => this.folder.click() }, "Choose a folder")),
      h("p", { class: "hint" }, `${KINDS} · up to ${size(this.most)}`),
      this.files, this.folder);
    const over = (isOver) => (event) => {
      event.preventDefault();
      zone.classList.toggle("over", isOver);
    };
    zone.addEventListener("dragenter", over(true));
    zone.addEventListener("dragover", over(true));
    zone.addEventListener("dragleave", over(false));
    zone.addEventListener("drop", async (event) => {
      over(false)(event);
      await this.takeDropped(event.dataTransfer);
    });
    return zone;
  }

  /** What is chosen: files with their folder's name, or a sample; with a title. Null before. */
  chosen() {
    return this.choice ?? null;
  }

  async takeDropped(transfer) {
    try {
      const dropped = await droppedFiles(transfer);
      if (dropped.files.length === 0) this.refuse("There is no file in what was dropped.");
      this.take(dropped);
    } catch {
      this.refuse("What was dropped cannot be read. Choose it with the buttons.");
    }
  }

  take(given) {
    if (given.files.length === 0) return;
    const files = given.files.filter(isKnown);
    const left = given.files.length - files.length;
    const title = nameOf(files.length > 0 ? { ...given, files } : given);
    const bytes = totalSize(files);
    if (files.length === 0) {
      this.refuse(`${title} is of a kind that is not known. Known are ${KINDS}.`);
      return;
    }
    if (bytes > this.most) {
      this.refuse(`${title} has ${size(bytes)}; this server takes ${size(this.most)} at most.`);
      return;
    }
    this.leave();
    const picture = files.length === 1 && isPicture(files[0]);
    this.picture = picture ? URL.createObjectURL(files[0]) : null;
    this.shown.replaceChildren(
      picture ? h("img", { src: this.picture, alt: "" }) : h("span", { class: "file-mark", "aria-hidden": "true" }),
      h("span", {}, h("strong", {}, title), h("br"), `${count(files.length, "file")}, ${size(bytes)}`,
        left > 0 && `; ${count(left, "file")} of other kinds left out`),
      h("button", { type: "button", class: "quiet", onclick: () => this.clear() }, "Remove"));
    this.shown.hidden = false;
    this.zone.hidden = true;
    speak(`${title} is chosen.`);
    this.set({ files, folder: given.folder, title });
  }

  useSamples(samples) {
    if (this.choice?.sample) this.clear();
    if (samples.length === 0) {
      this.samples.replaceChildren();
      return;
    }
    const one = (sample) => h("button", {
      type: "button", class: "sample", "data-sample": sample.id, "aria-pressed": "false",
      onclick: () => this.takeSample(sample),
    }, h("img", { src: sample.thumbnail, alt: "", loading: "lazy" }), h("span", {}, sample.title));
    this.samples.replaceChildren(
      h("p", { class: "or", id: "samples-title" }, "or try a sample"),
      h("div", { class: "sample-row", role: "group", "aria-labelledby": "samples-title" }, samples.map(one)));
  }

  takeSample(sample) {
    this.clear();
    this.set({ sample: sample.id, title: sample.title });
    speak(`${sample.title} is chosen.`);
  }

  clear() {
    this.shown.hidden = true;
    this.zone.hidden = false;
    for (const input of [this.files, this.folder]) input.value = "";
    this.leave();
    this.set(null);
  }

  set(choice) {
    this.choice = choice;
    this.problem.hidden = true;
    for (const button of this.samples.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.sample === choice?.sample));
    }
    this.onChange();
  }

  refuse(message) {
    this.problem.textContent = message;
    this.problem.hidden = false;
  }

  leave() {
    if (this.picture) URL.revokeObjectURL(this.picture);
    this.picture = null;
  }
}
