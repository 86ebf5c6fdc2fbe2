// Controls of the viewer: what is shown, through which member, how opaque, from which value on.

import { isHeat, spoken, viewsOf } from "./display.js";
import { choice, field, h, slider } from "./elements.js";
import { rememberSides } from "./sides.js";
import { percent } from "./words.js";

const MILLISECONDS_A_MEMBER = 700;
const CORRECTED_OVER = ["mask", "probability", "uncertainty"]; // views that stay while one corrects
const PLANES = [
  { value: "all", title: "All planes" }, { value: "axial", title: "Axial" }, { value: "coronal", title: "Coronal" },
  { value: "sagittal", title: "Sagittal" }, { value: "render", title: "3-D" },
];
const SIDES = [{ value: true, title: "on the right" }, { value: false, title: "on the left" }];

/**
 * The rows above and below a viewer.
 *
 * @param {(changes: object) => void} update shows the display with these changes.
 */
export function displayControls(result, viewer, display, update) {
  return new DisplayControls(result, viewer, display, update);
}

class DisplayControls {
  constructor(result, viewer, display, update) {
    Object.assign(this, { result, viewer, display, update });
    this.timer = null;
    this.view = choice("Show", viewsOf(result), display.view, (view) => this.change({ view }));
    this.members = this.memberRow();
    this.style = choice("Draw as", [{ value: "outline", title: "Outline" }, { value: "fill", title: "Fill" }],
      display.style, (style) => this.change({ style }));
    this.opacity = slider("Opacity", {
      min: 0.05, max: 1, step: 0.05, value: display.opacity, text: percent, onInput: (opacity) => this.change({ opacity }),
    });
    this.threshold = slider("Show from", {
      min: 0, max: 0.99, step: 0.01, value: 0, text: (value) => value.toFixed(2), onInput: (threshold) => this.change({ threshold }),
    });
    this.channel = this.channelChoice();
    this.top = h("div", { class: "controls top-controls" }, this.view, this.placeControls());
    this.bottom = h("div", { class: "controls" }, this.members.element, this.style, this.channel, this.opacity.element, this.threshold.element);
    this.parts = [...this.top.querySelectorAll("input, button"), ...this.bottom.querySelectorAll("input, button, select")];
    for (const part of this.parts) part.disabled = true;
    this.refresh();
  }

  /** The viewer has loaded. */
  enable() {
    for (const part of this.parts) part.disabled = false;
    this.isLoaded = true;
  }

  change(changes) {
    if (changes.view && changes.view !== "members") this.stop();
    this.update(changes);
    this.refresh();
  }

  refresh() {
    const { view } = this.display;
    const heat = isHeat(view, this.result.space_dims);
    this.members.element.hidden = view !== "members" || this.isCorrecting;
    this.style.hidden = !(view === "mask" || view === "members" || this.isCorrecting);
    this.threshold.element.hidden = !heat || this.isCorrecting;
    this.opacity.element.hidden = view === "image";
    this.channel.hidden = view !== "probability" || this.result.layers.probability.length < 2;
    for (const input of this.view.querySelectorAll("input")) {
      input.disabled = !this.isLoaded || (this.isCorrecting && !CORRECTED_OVER.includes(input.value));
    }
  }

  /** While one corrects, the mask is shown, over the image or over how unsure the model is. */
  setCorrecting(isOn) {
    this.isCorrecting = isOn;
    this.stop();
    if (isOn && !CORRECTED_OVER.includes(this.display.view)) {
      this.view.querySelector('input[value="mask"]').checked = true;
      this.update({ view: "mask" });
    }
    this.refresh();
  }

  memberRow() {
    const total = this.result.layers.members?.length ?? 0;
    const set = (member) => {
      row.set(member + 1);
      this.change({ member });
    };
    const row = slider("Mask", {
      min: 1, max: Math.max(total, 1), value: 1, text: (value) => `${value} of ${total}`, onInput: (value) => this.change({ member: value - 1 }),
    });
    this.play = h("button", { type: "button", class: "play", "aria-pressed": "false", onclick: () => (this.timer ? this.stop() : start()) }, "Play");
    const start = () => {
      this.timer = setInterval(() => set((this.display.member + 1) % total), MILLISECONDS_A_MEMBER);
      this.play.textContent = "Pause";
      this.play.setAttribute("aria-pressed", "true");
    };
    return { element: h("div", { class: "members" }, row.element, this.play) };
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "Play";
    this.play.setAttribute("aria-pressed", "false");
  }

  channelChoice() {
    const channels = this.result.layers.probability ?? [];
    const select = h("select", { onchange: () => this.change({ channel: Number(select.value) }) },
      channels.map(({ name }, index) => h("option", { value: index }, spoken(name))));
    return field("Of", select);
  }

  placeControls() {
    if (this.result.space_dims === 3) {
      return h("div", { class: "places" },
        choice("Planes", PLANES, "all", (planes) => this.change({ planes })),
        choice("The patient's left is", SIDES, this.display.isRadiological, (isRadiological) => this.turn(isRadiological)));
    }
    const button = (title, text, act) => h("button", { type: "button", "aria-label": title, title, onclick: act }, text);
    return h("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
      button("Zoom out", "−", () => this.viewer.zoom(0.8)),
      button("Show all of it", "Fit", () => this.viewer.fit()),
      button("Zoom in", "+", () => this.viewer.zoom(1.25)));
  }

  /** Mirror the planes, now and at the next visit. */
  turn(isRadiological) {
    rememberSides(isRadiological);
    this.change({ isRadiological });
  }

  leave() {
    this.stop();
  }
}
