// What the colours on the picture mean; classes can be hidden one by one.

import { AGREEMENT, heatBar } from "./colours.js";
import { isHeat, spoken, structures } from "./display.js";
import { h, svg, swatch } from "./elements.js";

const ENDS = {
  probability: ["0: surely not", "1: surely"],
  uncertainty: ["0: sure", "1: undecided"],
  agreement: ["0: in no mask", "1: in all masks"],
};

/** The legend of a display. */
export function legend(result, display, update) {
  if (isHeat(display.view, result.space_dims)) return heatLegend(display.view);
  if (display.view === "agreement") return lineLegend();
  if (display.view === "image") return h("p", { class: "hint" }, "The image as it came.");
  return classLegend(result, display, update);
}

function heatLegend(view) {
  const [little, much] = ENDS[view];
  return h("div", { class: "legend heat" }, h("span", {}, little), heatBar(view), h("span", {}, much));
}

function lineLegend() {
  const line = (color, dash) => svg("svg", { class: "line-mark", viewBox: "0 0 32 12", "aria-hidden": "true" },
    svg("rect", { width: 32, height: 12, rx: 2, fill: "#1b232c" }),
    svg("line", { x1: 2, x2: 30, y1: 6, y2: 6, stroke: color, "stroke-width": 2, "stroke-dasharray": dash.join(" ") || null }));
  return h("ul", { class: "legend" },
    AGREEMENT.map(({ title, color, dash }) => h("li", {}, line(color, dash), `inside ${title}`)));
}

function classLegend(result, display, update) {
  const one = ({ index, name, color }) => {
    const box = h("input", { type: "checkbox", checked: !display.hidden.has(index), onchange: () => {
      const hidden = new Set(display.hidden);
      if (box.checked) hidden.delete(index);
      else hidden.add(index);
      Object.assign(display, { hidden });
      update({ hidden });
    } });
    box.dataset.index = index;
    return h("li", {}, h("label", {}, box, swatch(color), spoken(name)));
  };
  return h("ul", { class: "legend" }, structures(result).map(one));
}
