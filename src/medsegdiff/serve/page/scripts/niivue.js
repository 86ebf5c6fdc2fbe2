// NiiVue, loaded when the first volume is shown, and our colours in its form.

import { heatTable, rgb } from "./colours.js";
import { structures } from "./display.js";

const SCRIPT = "/static/vendor/niivue.umd.js";
let loading = null;

/**
 * The library.
 *
 * @throws {Error} it cannot be loaded, or the browser has no WebGL 2.
 */
export async function niivue() {
  if (!document.createElement("canvas").getContext("webgl2")) {
    throw new Error("This browser cannot draw volumes, because WebGL 2 is switched off.");
  }
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SCRIPT;
    script.addEventListener("load", () => resolve(window.niivue));
    script.addEventListener("error", () => {
      loading = null;
      reject(new Error("The volume viewer cannot be loaded."));
    });
    document.head.append(script);
  });
  return loading;
}

/** A heat map as NiiVue has them, from a threshold of 0 to 1 on. */
export function heatColours(name, threshold) {
  return columns(heatTable(name, threshold));
}

/** Colours of classes as NiiVue has them; hidden ones are clear. */
export function classColours(result, hidden) {
  const most = Math.max(...result.classes.map(({ index }) => index));
  const table = Array.from({ length: most + 1 }, () => [0, 0, 0, 0]);
  for (const { index, color } of structures(result)) {
    if (!hidden.has(index)) table[index] = [...rgb(color), 255];
  }
  return { ...columns(table), labels: table.map((_, index) => result.classes.find((one) => one.index === index)?.name ?? "") };
}

function columns(table) {
  const column = (part) => table.map((color) => color[part]);
  return { R: column(0), G: column(1), B: column(2), A: column(3), I: table.map((_, index) => index) };
}
