// Correcting the mask: pen, eraser, undo, redo; then download or keep it.

import { spoken, structures } from "./display.js";
import { choice, field, h, slider } from "./elements.js";
import { keepForm } from "./keep_form.js";
import { count } from "./words.js";

/**
 * The card with the tools.
 *
 * @param {(isOn: boolean) => void} onSwitch correcting begins or ends.
 */
export function correction(server, job, result, viewer, onSwitch) {
  return new Correction(server, job, result, viewer, onSwitch);
}

class Correction {
  constructor(server, job, result, viewer, onSwitch) {
    Object.assign(this, { result, viewer, onSwitch });
    this.brush = { tool: "pen", size: 1, value: structures(result)[0]?.index ?? 1 };
    this.toggle = h("button", { type: "button", class: "primary", disabled: true, "aria-expanded": "false", onclick: () => this.switch() }, "Correct the mask");
    this.tools = h("div", { class: "tools", hidden: true });
    this.keep = server.keep ? keepForm(job, () => viewer.maskFile(), () => this.saved()) : null;
    this.element = h("section", { class: "card correct" },
      h("h2", {}, "Correct"),
      h("p", { class: "hint" }, server.keep
        ? "Paint over what is wrong, then keep image and mask to train on."
        : "Paint over what is wrong, then download the mask. To collect corrections for a training, start the program with --keep FOLDER."),
      this.toggle, this.tools);
    this.isOn = false;
    this.isUnsaved = false; // strokes that are neither kept nor downloaded
  }

  enable() {
    this.toggle.disabled = false;
    this.viewer.onEdited = () => this.edited();
    this.keys = new AbortController();
    document.addEventListener("keydown", (event) => this.key(event), { signal: this.keys.signal });
  }

  get isEdited() {
    return this.viewer.history?.canUndo === true;
  }

  leave() {
    this.keys?.abort();
  }

  async switch() {
    this.isOn = !this.isOn;
    if (this.isOn && this.tools.childElementCount === 0) this.fill();
    this.tools.hidden = !this.isOn;
    this.element.classList.toggle("on", this.isOn);
    this.toggle.textContent = this.isOn ? "Done" : "Correct the mask";
    this.toggle.setAttribute("aria-expanded", String(this.isOn));
    this.onSwitch(this.isOn);
    this.toggle.focus({ preventScroll: true }); // the card may have moved, which takes the focus away
    await this.viewer.setBrush(this.isOn ? this.brush : null);
    this.refresh();
    const isBelow = this.element.closest(".stage-column"); // of the picture
    if (this.isOn) this.element.scrollIntoView({ block: isBelow ? "start" : "nearest" });
  }

  fill() {
    const sizes = this.viewer.brushSizes();
    this.brush.size = sizes.value;
    this.size = slider("Brush", {
      ...sizes, text: (value) => count(value, this.result.space_dims === 3 ? "voxel" : "pixel"), onInput: (value) => this.set({ size: value }),
    });
    const button = (title, act) => h("button", { type: "button", onclick: act }, title);
    this.undo = button("Undo", () => this.viewer.undo());
    this.redo = button("Redo", () => this.viewer.redo());
    this.revert = button("Start over", () => this.viewer.revert());
    const classes = structures(this.result);
    const select = h("select", { onchange: () => this.set({ value: Number(select.value) }) },
      classes.map(({ index, name }) => h("option", { value: index }, spoken(name))));
    this.tools.append(
      choice("Tool", [{ value: "pen", title: "Pen" }, { value: "eraser", title: "Eraser" }], "pen", (tool) => this.set({ tool })),
      ...(classes.length > 1 ? [field("Class", select)] : []),
      this.size.element,
      h("p", { class: "actions" }, this.undo, this.redo, this.revert),
      h("p", { class: "actions" }, button("Download this mask", () => this.download())),
      h("p", { class: "hint" }, this.result.space_dims === 3
        ? "Draw on any of the planes. [ and ] change the size of the brush, Ctrl+Z undoes."
        : "On the picture: arrow keys move the brush, space paints, [ and ] change its size, Ctrl+Z undoes."),
      ...(this.keep ? [this.keep.element] : []));
  }

  set(changes) {
    Object.assign(this.brush, changes);
    this.viewer.setBrush(this.brush);
  }

  edited() {
    this.isUnsaved = this.isEdited;
    this.keep?.changed();
    this.refresh();
  }

  saved() {
    this.isUnsaved = false;
  }

  refresh() {
    if (!this.isOn) return;
    const { history } = this.viewer;
    this.undo.disabled = !history.canUndo;
    this.redo.disabled = !history.canRedo;
    this.revert.disabled = !history.canUndo;
  }

  key(event) {
    if (!this.isOn || /^(text|textarea|number)$/.test(event.target.type ?? "")) return;
    const isCommand = event.ctrlKey || event.metaKey;
    const letter = event.key.toLowerCase();
    if (isCommand && letter === "z" && !event.shiftKey) this.viewer.undo();
    else if (isCommand && (letter === "y" || letter === "z")) this.viewer.redo();
    else if (!isCommand && (letter === "[" || letter === "]")) this.resize(letter === "]" ? 1.25 : 0.8);
    else return;
    event.preventDefault();
  }

  resize(factor) {
    const { min, max } = this.viewer.brushSizes();
    const wanted = factor > 1 ? Math.ceil(this.brush.size * factor) : Math.floor(this.brush.size * factor);
    const value = Math.min(max, Math.max(min, wanted));
    this.size.set(value);
    this.set({ size: value });
  }

  async download() {
    const file = await this.viewer.maskFile();
    const url = URL.createObjectURL(file);
    h("a", { href: url, download: `corrected_${file.name}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    this.saved();
  }
}
