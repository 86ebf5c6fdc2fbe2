// What was found, in figures and words: volumes, quality, warnings, files.

import { spoken, structures } from "./display.js";
import { h, svg, swatch } from "./elements.js";
import { settingInWords } from "./settings_form.js";
import { count, duration, figure, percent, size } from "./words.js";

const SHOWN_DOWNLOADS = 4; // the mask and what says how sure it is; the others are folded

/** How large each structure is, in ml where that is known. */
export function findings(result) {
  const figures = result.statistics.classes ?? {};
  const rows = structures(result).map(({ name, color }) => {
    const one = figures[name] ?? {};
    return h("tr", {},
      h("th", { scope: "row" }, h("span", { class: "class-name" }, swatch(color), spoken(name))),
      h("td", {}, extent(one, result.space_dims)),
      h("td", {}, one.n_voxels ? percent(one.share_of_image) : "–"),
      h("td", {}, one.n_voxels ? pieces(one) : "–"));
  });
  const head = ["Structure", result.space_dims === 3 ? "Volume" : "Area", "Of the image", "Pieces"];
  return card("Found",
    h("table", { class: "figures" },
      h("thead", {}, h("tr", {}, head.map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, rows)),
    h("p", { class: "hint of-the-model", hidden: true }, "Measured on the model's mask, without your correction."),
    structures(result).filter(({ name }) => figures[name]?.touches_border).map(({ name }) =>
      h("p", { class: "hint" }, `The ${spoken(name)} reaches the border of the image and may go on outside of it.`)));
}

/** How good the mask is by the model's own account, and what that means. */
export function quality(result) {
  return card("Expected quality",
    h("p", { class: "score" }, h("strong", {}, share(result.quality)), bar(result.quality)),
    h("p", {}, result.quality_words),
    h("p", { class: "hint" }, "The overlap with the truth (Dice) that the probabilities promise: 1 is the same mask, 0 none at all."));
}

/** The same as a length. */
function bar(quality) {
  const meaning = { role: "meter", "aria-label": "Expected quality", "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": quality };
  return svg("svg", { class: "bar", viewBox: "0 0 1 1", preserveAspectRatio: "none", ...meaning }, svg("rect", { width: quality, height: 1 }));
}

/** Two digits, and 1 only where it is exactly 1. */
function share(quality) {
  return quality > 0.99 && quality < 1 ? "> 0.99" : quality.toFixed(2);
}

/** What a person should know before using the mask. */
export function warnings(result) {
  if (result.warnings.length === 0) return null;
  return h("section", { class: "card warning", "aria-label": "Warnings" },
    h("h2", {}, result.warnings.length === 1 ? "Please note" : "Please note these"),
    h("ul", {}, result.warnings.map((text) => h("li", {}, text))));
}

/** The files to take away. */
export function downloads(result) {
  const one = ({ title, file_name: name, url, bytes }) => h("li", {},
    h("a", { href: url, download: name }, title), h("span", { class: "hint" }, `${name}, ${size(bytes)}`));
  const list = (files) => h("ul", { class: "downloads" }, files.map(one));
  const [first, more] = [result.downloads.slice(0, SHOWN_DOWNLOADS), result.downloads.slice(SHOWN_DOWNLOADS)];
  return card("Download", list(first), more.length > 0 && h("details", {}, h("summary", {}, count(more.length, "more file")), list(more)));
}

/** How the masks were made, so that they can be made again. */
export function provenance(result) {
  const rows = [
    ["Model", result.model.title ?? result.model.id ?? result.model],
    ["Size", result.shape.join(" × ") + (result.space_dims === 3 ? " voxels" : " pixels")],
    ["Spacing", result.spacing_mm ? `${result.spacing_mm.map(figure).join(" × ")} mm` : "not known"],
    ...Object.entries(result.settings).filter(([name, value]) => name !== "model" && typeof value !== "object").map(([name, value]) => settingInWords(name, value)),
    ["Time", duration(result.seconds)],
  ];
  return h("section", { class: "card" }, h("details", {},
    h("summary", {}, "How it was made"),
    h("dl", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]).flat())));
}

function card(title, ...content) {
  return h("section", { class: "card" }, h("h2", {}, title), content);
}

function extent(one, spaceDims) {
  if (one.n_voxels === undefined) return "not known";
  if (one.n_voxels === 0) return "not found";
  if (one.volume_ml !== null && one.volume_ml !== undefined) return `${figure(one.volume_ml)} ml`;
  if (one.area_mm2 !== null && one.area_mm2 !== undefined) return `${figure(one.area_mm2)} mm²`;
  return count(one.n_voxels, spaceDims === 3 ? "voxel" : "pixel");
}

function pieces(one) {
  return one.n_pieces > 1 ? `${one.n_pieces} (largest ${percent(one.largest_piece_share)})` : String(one.n_pieces);
}
