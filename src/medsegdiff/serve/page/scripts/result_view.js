// A result: the viewer with its controls on one side, what was found on the other.

import { correction } from "./correction.js";
import { displayControls } from "./display_controls.js";
import { firstDisplay } from "./display.js";
import { h, speak } from "./elements.js";
import { downloads, findings, provenance, quality, warnings } from "./facts.js";
import { legend } from "./legend.js";
import { PictureViewer } from "./picture_viewer.js";
import { sidesInWords } from "./sides.js";
import { VolumeViewer } from "./volume_viewer.js";

const NARROW = "(max-width: 1099px)"; // one column, as in viewer.css

/**
 * The view of a finished job.
 *
 * @param {object} server the answer of /api/models.
 * @param {{id: string, url: string, name: string}} job
 * @param {object} result the answer of /api/jobs/{id}/result.
 * @returns {{element: HTMLElement, ready: Promise<void>, unsaved: () => boolean, leave: () => void}}
 */
export function resultView(server, job, result) {
  const viewer = result.space_dims === 2 ? new PictureViewer(result) : new VolumeViewer(result);
  const display = firstDisplay();
  const legendPlace = h("div", { class: "legend-place" });
  const note = h("p", { class: "viewer-note" }, "Loading the picture …");
  viewer.element.append(note);
  const update = async (changes) => {
    Object.assign(display, changes);
    legendPlace.replaceChildren(legend(result, display, update));
    if (result.space_dims === 3) legendPlace.append(h("p", { class: "hint" }, sidesInWords(display.isRadiological)));
    await shown(viewer, display, note);
  };
  const controls = displayControls(result, viewer, display, update);
  const correct = correction(server, job, result, viewer, (isOn) => {
    controls.setCorrecting(isOn);
    if (!isOn) found.after(correct.element);
    else if (matchMedia(NARROW).matches) stage.append(correct.element); // below the picture, which stays in sight
    else facts.prepend(correct.element); // seen first, so read first
    for (const hint of facts.querySelectorAll(".of-the-model")) hint.hidden = !isOn && !correct.isEdited;
  });
  const found = findings(result);
  const stage = h("div", { class: "stage-column" }, controls.top, viewer.element, controls.bottom, legendPlace);
  const facts = h("div", { class: "facts-column" }, found, correct.element, quality(result), downloads(result), provenance(result));
  const element = h("div", { class: "result" },
    h("div", { class: "result-head" },
      h("h1", {}, result.study),
      h("a", { class: "button", href: "#new" }, "Segment another image")),
    warnings(result),
    stage,
    facts);
  const ready = opened(viewer, note, update).then((isOpen) => {
    if (!isOpen) return;
    controls.enable();
    correct.enable();
    speak(`The result of ${result.study} is shown.`);
  });
  return {
    element,
    ready,
    unsaved: () => correct.isUnsaved,
    leave: () => {
      controls.leave();
      correct.leave();
      viewer.leave();
    },
  };
}

/** Whether the viewer could be opened; if not, the note says why. */
async function opened(viewer, note, update) {
  try {
    await viewer.load();
    note.hidden = true;
    await update({});
  } catch (error) {
    failed(note, error);
    return false;
  }
  return true;
}

async function shown(viewer, display, note) {
  try {
    await viewer.show({ ...display, hidden: new Set(display.hidden) });
    note.hidden = true;
  } catch (error) {
    failed(note, error);
  }
}

function failed(note, error) {
  note.textContent = `This cannot be drawn: ${error.message} The files can be downloaded all the same.`;
  note.hidden = false;
}
