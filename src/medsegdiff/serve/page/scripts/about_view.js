// What this is, what its words mean, whose work it holds.

import { h } from "./elements.js";

const WORDS = [
  ["Mask", "The pixels, or voxels, that belong to a structure."],
  ["Masks of a model", "The model draws several masks, each plausible; they differ where the image leaves doubt. The one mask is fused from them."],
  ["Expected quality", "The overlap (Dice) of the mask with the truth that the model's probabilities promise, from 0 to 1. It does not prove that a mask is right: a model can be sure and wrong."],
  ["Agreement", "The share of the drawn masks that a pixel is in."],
  ["Probability", "How sure the model is that a pixel belongs to the structure, calibrated on images that it was not trained on."],
  ["Uncertainty", "Entropy of that probability, as a share of its largest value: 0 is sure, 1 is wholly undecided."],
  ["Seed", "The number that the masks are drawn from. The same image, model, settings and seed give the same masks."],
];

/** The page about the program. */
export function aboutView(server) {
  const element = h("div", { class: "about" },
    h("h1", {}, "About MedSegDiff"),
    h("img", { class: "about-picture", src: "/static/about.svg", alt: "One image, several plausible outlines, and the one mask with its uncertain rim", width: 720, height: 200 }),
    h("section", { class: "card" },
      h("p", {}, "A diffusion model that outlines structures in medical images. It runs on the machine that you opened this page from; nothing is sent elsewhere."),
      h("p", {}, h("strong", {}, "For research only. It is not a medical device and was not tested as one."), " A model knows the kind of images that it was trained on, and nothing else."),
      h("p", {}, `Version ${server.version}.`)),
    h("section", { class: "card" },
      h("h2", {}, "What the words mean"),
      h("dl", { class: "words" }, WORDS.map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]).flat())),
    h("section", { class: "card" },
      h("h2", {}, "Other people's work"),
      h("p", {}, "Volumes are drawn by ", h("a", { href: "/static/vendor/LICENSES.txt" }, "NiiVue"), " 0.69 (BSD licence). For programs there is the ",
        h("a", { href: "/api/openapi.json" }, "description of the interface"), ".")));
  return { element, title: "About" };
}
