// What is drawn over a picture: colours for pixels, and lines around regions.

import { AGREEMENT, heatTable, rgb } from "./colours.js";
import { structures } from "./display.js";
import { outline } from "./outlines.js";

/**
 * The overlay of a display.
 *
 * @returns {{picture: OffscreenCanvas|null, lines: {path: Path2D, color: string, dash: number[]}[]}|null}
 */
export function overlayOf(result, display, layer) {
  if (layer === null) return null;
  if (display.view === "agreement") return { picture: null, lines: contours(layer) };
  if (display.view === "probability" || display.view === "uncertainty") return heat(display, layer);
  const isFilled = display.style !== "outline";
  const lines = display.style === "fill" ? [] : outlines(result, display, layer);
  return { picture: isFilled ? coloured(layer, classTable(result, display)) : null, lines };
}

/** Colour one box of a mask anew, after a stroke. */
export function repaint(result, display, layer, overlay, { left, top, right, bottom }) {
  if (right <= left || bottom <= top) return;
  const part = { width: right - left, height: bottom - top, values: new Uint8Array((right - left) * (bottom - top)) };
  for (let y = 0; y < part.height; y += 1) {
    const start = (top + y) * layer.width + left;
    part.values.set(layer.values.subarray(start, start + part.width), y * part.width);
  }
  overlay.picture.getContext("2d").putImageData(pixels(part, classTable(result, display)), left, top);
}

function outlines(result, display, layer) {
  return structures(result)
    .filter(({ index }) => !display.hidden.has(index))
    .map(({ index, color }) => ({ path: outline(layer, (value) => value === index), color, dash: [] }));
}

function contours(layer) {
  return AGREEMENT.map(({ least, color, dash }) => ({ path: outline(layer, (value) => value >= least), color, dash }));
}

/** Heat above the threshold; a line where a probability crosses it. */
function heat(display, layer) {
  const least = Math.round(255 * display.threshold);
  const line = { path: outline(layer, (value) => value >= least), color: "#ffffff", dash: [] };
  return { picture: coloured(layer, heatTable(display.view, display.threshold)), lines: least > 0 ? [line] : [] };
}

/** A colour with its opacity for each of 256 class numbers. */
function classTable(result, display) {
  const table = Array.from({ length: 256 }, () => [0, 0, 0, 0]);
  for (const { index, color } of structures(result)) {
    if (!display.hidden.has(index)) table[index] = [...rgb(color), 255];
  }
  return table;
}

function coloured(layer, table) {
  const canvas = new OffscreenCanvas(layer.width, layer.height);
  canvas.getContext("2d").putImageData(pixels(layer, table), 0, 0);
  return canvas;
}

function pixels({ width, height, values }, table) {
  const data = new ImageData(width, height);
  const words = new Uint32Array(data.data.buffer);
  const packed = Uint32Array.from(table, ([r, g, b, a]) => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0);
  for (let i = 0; i < values.length; i += 1) words[i] = packed[values[i]];
  return data;
}
