// Colours of heat maps, as tables of 256; dark is little, bright is much.

const STOPS = {
  probability: ["#0b1f3a", "#1f4e79", "#1f8a8c", "#4fc07a", "#d6e04a", "#fff9c4"],
  uncertainty: ["#140b2e", "#4b1273", "#96306f", "#d9513c", "#f79c2e", "#fff3b0"],
  agreement: ["#10241f", "#155e52", "#1f9e89", "#63cb8b", "#b5e368", "#fdf9c9"],
};

/** Contours of agreement: which share of the members, how it is called, and how it is drawn. */
export const AGREEMENT = [
  { least: 1, title: "at least one mask", color: "#f2b632", dash: [2, 4] },
  { least: 128, title: "at least half of the masks", color: "#ffffff", dash: [7, 4] },
  { least: 255, title: "all masks", color: "#4fd1dc", dash: [] },
];

const RISE = 3; // heat is opaque from a third on, so that the image shows where there is little

/** The table of a heat map, shape (256, 4), 0 to 255; clear below a threshold of 0 to 1. */
export function heatTable(name, threshold = 0) {
  const stops = STOPS[name].map(rgb);
  return Array.from({ length: 256 }, (_, level) => {
    const place = (level / 255) * (stops.length - 1);
    const below = Math.min(Math.floor(place), stops.length - 2);
    const part = place - below;
    const opacity = level < Math.round(255 * threshold) ? 0 : Math.min(255, RISE * level);
    return [...stops[below].map((value, i) => Math.round(value + part * (stops[below + 1][i] - value))), opacity];
  });
}

/** Red, green and blue of "#rrggbb", 0 to 255. */
export function rgb(color) {
  return [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
}

/** A bar that shows a heat map's colours from 0 to 1. */
export function heatBar(name) {
  const canvas = document.createElement("canvas");
  canvas.width = 256;
  canvas.height = 1;
  canvas.className = "heat-bar";
  canvas.setAttribute("aria-hidden", "true");
  const context = canvas.getContext("2d");
  heatTable(name).forEach(([r, g, b], level) => {
    context.fillStyle = `rgb(${r} ${g} ${b})`;
    context.fillRect(level, 0, 1, 1);
  });
  return canvas;
}
