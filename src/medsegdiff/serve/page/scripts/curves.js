// A curve with axes, as SVG, with its last figure in words for those who do not see it.

import { h, svg } from "./elements.js";
import { figure } from "./words.js";

const WIDTH = 640;
const HEIGHT = 280;
const BOX = { left: 66, right: WIDTH - 26, top: 16, bottom: HEIGHT - 56 };
const MOST_POINTS = 400;

/**
 * A chart of values against the step.
 *
 * @param {{title: string, points: [number, number][], lowest?: number, highest?: number, hasDots?: boolean, last?: number}} what
 *     `last` is the step at which the axis ends.
 */
export function chart({ title, points, lowest = 0, highest = null, hasDots = false, last = null }) {
  if (points.length === 0) {
    return h("figure", { class: "chart" }, h("figcaption", {}, title), h("p", { class: "empty" }, "Nothing yet."));
  }
  const shown = thinned(points);
  const top = highest ?? niceAbove(Math.max(...shown.map(([, value]) => value)));
  const end = Math.max(last ?? 0, points.at(-1)[0], 1);
  const isDotted = hasDots || shown.length === 1; // one point makes no line
  const x = (step) => BOX.left + (step / end) * (BOX.right - BOX.left);
  const y = (value) => BOX.bottom - ((Math.min(Math.max(value, lowest), top) - lowest) / (top - lowest)) * (BOX.bottom - BOX.top);
  const line = shown.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const [lastStep, lastValue] = points.at(-1);
  return h("figure", { class: "chart" },
    h("figcaption", {}, title, h("strong", {}, figure(lastValue))),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: ${figure(lastValue)} at step ${lastStep}` },
      ticks(lowest, top, 4).map((value) => [
        svg("line", { class: "grid", x1: BOX.left, x2: BOX.right, y1: y(value), y2: y(value) }),
        svg("text", { x: BOX.left - 8, y: y(value) + 6, "text-anchor": "end" }, figure(value)),
      ]).flat(),
      ticks(0, end, 5, true).map((step) => svg("text", { x: x(step), y: BOX.bottom + 24, "text-anchor": "middle" }, String(Math.round(step)))),
      svg("text", { x: (BOX.left + BOX.right) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, "step"),
      svg("polyline", { class: "curve", points: line }),
      isDotted && shown.map(([step, value]) => svg("circle", { class: "dot", cx: x(step), cy: y(value), r: 4 },
        svg("title", {}, `step ${step}: ${figure(value)}`)))));
}

/** Means over equal stretches, so that a long training stays quick to draw. */
function thinned(points) {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size === 1) return points;
  const parts = Array.from({ length: Math.ceil(points.length / size) }, (_, i) => points.slice(i * size, (i + 1) * size));
  return parts.map((part) => [0, 1].map((axis) => part.reduce((sum, point) => sum + point[axis], 0) / part.length));
}

/** Round numbers from the lowest to the highest, about so many. */
function ticks(lowest, highest, number, areWhole = false) {
  const nice = niceAbove((highest - lowest) / number);
  const step = areWhole ? Math.ceil(nice) : nice;
  return Array.from({ length: Math.floor((highest - lowest) / step + 1e-9) + 1 }, (_, i) => lowest + i * step);
}

/** The next of 1, 2, 2.5, 5, 10 … at or above a value. */
function niceAbove(value) {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((part) => part * unit).find((one) => one >= value * (1 - 1e-9));
}
