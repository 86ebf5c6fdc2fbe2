// What of a result is shown, and how: the one object that controls write and viewers read.

import { rememberedSides } from "./sides.js";

/** Views in the order of their buttons; those that a result has no layer for are left out. */
const VIEWS = [
  ["mask", "Mask"],
  ["members", "Each mask"],
  ["agreement", "Agreement"],
  ["probability", "Probability"],
  ["uncertainty", "Uncertainty"],
  ["image", "Image only"],
];

/** The display that a result opens with. */
export function firstDisplay() {
  return {
    view: "mask",
    style: "outline",
    opacity: 0.8,
    threshold: 0,
    member: 0,
    channel: 0,
    hidden: new Set(),
    planes: "all",
    isRadiological: rememberedSides(),
  };
}

/** The views that a result has. */
export function viewsOf(result) {
  const { layers } = result;
  const has = {
    mask: true, image: true, members: layers.members?.length > 1, agreement: layers.agreement,
    probability: layers.probability?.length > 0, uncertainty: layers.uncertainty,
  };
  return VIEWS.filter(([view]) => has[view]).map(([value, title]) => ({ value, title }));
}

/** Whether a view is a heat map, so that a threshold means something. */
export function isHeat(view, spaceDims) {
  return view === "probability" || view === "uncertainty" || (view === "agreement" && spaceDims === 3);
}

/** The classes that are structures: all but the background. */
export function structures(result) {
  return result.classes.filter((one) => one.index > 0);
}

/** The address of the layer that a display shows over the image; null for none. */
export function layerUrl(result, display) {
  const { layers } = result;
  if (display.view === "image") return null;
  if (display.view === "members") return layers.members[display.member];
  if (display.view === "probability") return layers.probability[display.channel].url;
  return layers[display.view];
}

/** A class's name as people write it. */
export function spoken(name) {
  return name.replaceAll("_", " ");
}
