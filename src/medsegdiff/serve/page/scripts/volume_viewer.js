// A volume in three planes and 3-D, drawn by NiiVue, with what the model drew over it.

import { isHeat, layerUrl } from "./display.js";
import { h } from "./elements.js";
import { History } from "./history.js";
import { classColours, heatColours, niivue } from "./niivue.js";
import { squeezed } from "./pixels.js";
import { getBlob } from "./requests.js";
import { sideLetters } from "./sides.js";

const LARGEST_BRUSH = 25; // voxels
const CLEAR = 0.005; // opacity of the inside of an outline: NiiVue draws no outline around what is not there
const OVER_A_DRAWING = 0.4; // most opacity of a map while a mask is corrected: NiiVue draws the mask below it
const GRID = 2; // NiiVue's MULTIPLANAR_TYPE: planes and 3-D two by two
const LABELS = 1002; // NIfTI's intent code of class numbers: only those get an outline

/** Shows layers of a 3-D result, and takes corrections of its mask. */
export class VolumeViewer {
  constructor(result) {
    this.result = result;
    this.canvas = h("canvas", { tabindex: 0, role: "application", "aria-roledescription": "volume viewer" });
    this.letters = h("div", { class: "sides", "aria-hidden": "true" });
    this.element = h("div", { class: "viewer volume" }, this.canvas, this.letters);
    this.images = new Map();
    this.overlay = null;
    this.onEdited = () => {};
  }

  async load() {
    this.library = await niivue();
    this.view = new this.library.Niivue({
      backColor: [0.05, 0.065, 0.08, 1], crosshairColor: [0.31, 0.82, 0.86, 0.8], crosshairWidth: 0.2, isColorbar: false,
      isNearestInterpolation: true, dragAndDropEnabled: false, loadingText: "", logLevel: "error", show3Dcrosshair: true,
      isOrientationTextVisible: false, sagittalNoseLeft: true, multiplanarShowRender: 1, multiplanarLayout: GRID, maxDrawUndoBitmaps: 0,
    });
    await this.view.attachToCanvas(this.canvas);
    this.view.addVolume(await this.image(this.result.layers.image, { colormap: "gray" }));
    this.stop = new AbortController();
    this.canvas.addEventListener("keydown", (event) => this.key(event), { signal: this.stop.signal });
    this.watcher = new ResizeObserver(() => requestAnimationFrame(() => this.label()));
    this.watcher.observe(this.element);
    this.view.onDrawingChanged = (action) => action === "draw" && this.drawn();
  }

  /** Show what a display asks for; the last one asked for wins. */
  async show(display) {
    this.display = display;
    const { view } = display;
    this.canvas.setAttribute("aria-label", `${this.result.study}, ${view}. Arrow keys move the cross, page up and page down go through slices.`);
    this.view.opts.isRadiologicalConvention = display.isRadiological; // drawn with the next line
    this.view.setSliceType(this.planes(display.planes));
    this.label();
    const url = this.isDrawing && display.view === "mask" ? null : layerUrl(this.result, display);
    const image = url === null ? null : await this.image(url, {});
    if (this.display !== display) return;
    if (this.overlay && this.overlay !== image) this.view.removeVolume(this.overlay);
    if (image && this.overlay !== image) this.view.addVolume(image);
    this.overlay = image;
    if (image) this.dress(image, display);
    if (this.isDrawing) this.dressDrawing(display);
    this.canvas.dataset.shown = view === "members" ? `member ${display.member}` : view;
  }

  /** Colours, opacity and threshold of the overlay. */
  dress(image, display) {
    const heat = isHeat(display.view, 3);
    const isOutline = !heat && display.style === "outline" && display.hidden.size === 0; // NiiVue outlines all or none
    if (heat) {
      this.view.addColormap("heat", heatColours(display.view, display.threshold));
      image.colormap = "heat";
      image.cal_min = 0;
      image.cal_max = 255;
    } else {
      image.hdr.intent_code = isOutline ? LABELS : 0;
      image.setColormapLabel(classColours(this.result, display.hidden));
      this.view.opts.atlasOutline = isOutline ? display.opacity : 0;
    }
    const most = this.isDrawing ? OVER_A_DRAWING : 1;
    this.view.setOpacity(this.view.volumes.indexOf(image), isOutline ? CLEAR : Math.min(display.opacity, most));
    this.view.updateGLVolume();
  }

  /** What is drawn on, as an outline or filled. */
  dressDrawing({ style, opacity }) {
    const isOutline = style === "outline";
    this.view.drawRimOpacity = isOutline ? (this.overlay ? 1 : opacity) : -1; // -1 is NiiVue's word for no rim
    this.view.setDrawOpacity(isOutline ? CLEAR : Math.min(opacity, 0.5));
  }

  /** Letters for the sides of the patient, where the planes are now. */
  label() {
    const ratio = this.canvas.width / Math.max(this.canvas.clientWidth, 1);
    this.letters.replaceChildren(...sideLetters(this.view.screenSlices, this.display?.isRadiological ?? true, ratio));
  }

  async image(url, options) {
    if (!this.images.has(url)) {
      const file = new File([await getBlob(url)], "layer.nii.gz");
      this.images.set(url, await this.library.NVImage.loadFromFile({ file, name: "layer.nii.gz", ...options }));
    }
    return this.images.get(url);
  }

  planes(name) {
    const types = this.library.SLICE_TYPE;
    return { all: types.MULTIPLANAR, axial: types.AXIAL, coronal: types.CORONAL, sagittal: types.SAGITTAL, render: types.RENDER }[name];
  }

  key(event) {
    const right = this.display.isRadiological ? -1 : 1; // voxels count from the patient's left to the right
    const steps = {
      ArrowLeft: [-right, 0, 0], ArrowRight: [right, 0, 0], ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1],
    };
    if (!(event.key in steps)) return;
    this.view.moveCrosshairInVox(...steps[event.key]);
    event.preventDefault();
  }

  /** Take corrections with a brush `{tool, size, value}`; null ends it. */
  async setBrush(brush) {
    if (!this.history) await this.openDrawing();
    this.isDrawing = brush !== null;
    this.element.classList.toggle("drawing", this.isDrawing);
    this.view.setDrawingEnabled(this.isDrawing);
    if (brush) {
      this.view.opts.penSize = brush.size;
      this.view.setPenValue(brush.tool === "eraser" ? 0 : brush.value, false);
    }
    await this.show(this.display);
  }

  async openDrawing() {
    this.view.loadDrawing(await this.image(this.result.layers.mask, {}));
    this.view.setDrawColormap(classColours(this.result, new Set()));
    this.history = new History(() => this.view.drawBitmap);
    this.history.begin();
  }

  /** A stroke is done: NiiVue draws at once, so what was there before is kept from the last one. */
  drawn() {
    if (!this.history) return;
    this.history.end();
    this.history.begin();
    this.onEdited();
  }

  undo() {
    this.restore(() => this.history.undo());
  }

  redo() {
    this.restore(() => this.history.redo());
  }

  revert() {
    this.restore(() => this.history.revert());
  }

  restore(act) {
    act();
    this.history.begin();
    this.view.refreshDrawing(true);
    this.onEdited();
  }

  brushSizes() {
    return { min: 1, max: LARGEST_BRUSH, value: 5 };
  }

  /** The mask as it is now, as a .nii.gz on the image's grid. */
  async maskFile() {
    const bytes = await this.view.saveImage({ filename: "", isSaveDrawing: true });
    return new File([await squeezed(bytes, "gzip")], `${this.result.study}.nii.gz`, { type: "application/gzip" });
  }

  leave() {
    this.stop?.abort();
    this.watcher?.disconnect();
    this.view?.cleanup();
    this.canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
