// Which side of the patient is where in a volume's planes: remembered, in words, and as letters at their borders.

import { h } from "./elements.js";

const SAGITTAL = 2; // NiiVue's numbers of planes; beyond are 3-D and others without sides
const KEY = "the patient's left";
const WORDS = {
  true: "The patient's left is on the right of the picture, as radiologists look at it; from the side, the front is on the left.",
  false: "The patient's left is on the left of the picture; from the side, the front is on the left.",
};

/** Whether the patient's left is on the right, as this browser was told last; so at first. */
export function rememberedSides() {
  try {
    return localStorage.getItem(KEY) !== "on the left";
  } catch {
    return true; // the browser keeps nothing
  }
}

/** Keep the choice for the next visit, where the browser keeps anything. */
export function rememberSides(isRadiological) {
  try {
    localStorage.setItem(KEY, isRadiological ? "on the right" : "on the left");
  } catch {
    // then it holds for this result alone
  }
}

/** In words, where the patient's left is. */
export function sidesInWords(isRadiological) {
  return WORDS[isRadiological];
}

/**
 * Letters for the planes that are drawn.
 *
 * @param {{axCorSag: number, leftTopWidthHeight: number[]}[]} slices as NiiVue keeps them, in pixels of the canvas.
 * @param {number} ratio of these to the page's.
 * @returns {HTMLElement[]}
 */
export function sideLetters(slices, isRadiological, ratio) {
  return slices.filter(({ axCorSag }) => axCorSag <= SAGITTAL).flatMap(({ axCorSag, leftTopWidthHeight }) => {
    const [left, top, width, height] = leftTopWidthHeight.map((value) => value / ratio);
    const [toLeft, toTop, toRight, toBottom] = lettersOf(axCorSag, isRadiological);
    const letter = (text, side, x, y) => {
      const mark = h("span", { class: `side ${side}` }, text);
      Object.assign(mark.style, { left: `${x}px`, top: `${y}px` });
      return mark;
    };
    return [
      letter(toLeft, "at-left", left, top + height / 2), letter(toRight, "at-right", left + width, top + height / 2),
      letter(toTop, "at-top", left + width / 2, top), letter(toBottom, "at-bottom", left + width / 2, top + height),
    ];
  });
}

/** Left, top, right and bottom of a plane: 0 axial, 1 coronal, 2 sagittal. */
function lettersOf(plane, isRadiological) {
  const [left, right] = isRadiological ? ["R", "L"] : ["L", "R"];
  return [[left, "A", right, "P"], [left, "S", right, "I"], ["A", "S", "P", "I"]][plane];
}
