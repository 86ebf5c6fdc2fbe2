// A picture with what the model drew over it, on a canvas.

import { h } from "./elements.js";
import { brushPointer } from "./brush_pointer.js";
import { History } from "./history.js";
import { overlayOf, repaint } from "./overlay.js";
import { layerUrl } from "./display.js";
import { decoded, greyPng, readValues } from "./pixels.js";
import { steer } from "./steering.js";
import { Viewport } from "./viewport.js";

/** Shows layers of a 2-D result, and takes corrections of its mask. */
export class PictureViewer {
  constructor(result) {
    this.result = result;
    this.canvas = h("canvas", { tabindex: 0, role: "application", "aria-roledescription": "image viewer" });
    this.element = h("div", { class: "viewer picture" }, this.canvas);
    this.context = this.canvas.getContext("2d");
    this.layers = new Map();
    this.overlay = null;
    this.brush = null;
    this.onEdited = () => {};
  }

  async load() {
    this.image = await decoded(this.result.layers.image);
    this.mask = await readValues(this.result.layers.mask);
    this.layers.set(this.result.layers.mask, this.mask);
    this.viewport = new Viewport(this.image.width, this.image.height);
    this.pointer = brushPointer(this);
    this.stopSteering = steer(this);
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(this.element);
    this.resize();
  }

  /** Show what a display asks for; the last one asked for wins. */
  async show(display) {
    this.display = display;
    this.canvas.setAttribute("aria-label", `${this.result.study}, ${display.view}. Arrow keys move, plus and minus zoom, 0 shows all.`);
    const url = layerUrl(this.result, display);
    const layer = url === null ? null : await this.layer(url);
    if (this.display !== display) return;
    this.overlay = this.brush ? this.corrected(display, layer) : overlayOf(this.result, display, layer);
    this.draw();
    this.canvas.dataset.shown = display.view === "members" ? `member ${display.member}` : display.view;
  }

  /** The mask that is drawn on; a heat map, if one is shown, lies under it. */
  corrected(display, layer) {
    const mask = overlayOf(this.result, { ...display, view: "mask", style: "both" }, this.mask);
    return { ...mask, under: display.view === "mask" ? null : overlayOf(this.result, { ...display, threshold: 0 }, layer).picture };
  }

  async layer(url) {
    if (!this.layers.has(url)) this.layers.set(url, await readValues(url));
    return this.layers.get(url);
  }

  resize() {
    const { clientWidth, clientHeight } = this.element;
    this.ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(clientWidth * this.ratio);
    this.canvas.height = Math.round(clientHeight * this.ratio);
    this.viewport.resize(clientWidth, clientHeight);
    this.draw();
  }

  draw() {
    const { context, viewport, ratio } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const scale = ratio * viewport.scale;
    context.setTransform(scale, 0, 0, scale, ratio * viewport.x, ratio * viewport.y);
    context.imageSmoothingEnabled = viewport.scale < 2;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.image, 0, 0);
    if (this.overlay) this.drawOverlay(1 / viewport.scale);
    if (this.brush) this.pointer.draw(context, 1 / viewport.scale);
  }

  drawOverlay(pixel) {
    const { context, overlay } = this;
    context.globalAlpha = this.display.opacity;
    if (overlay.under) context.drawImage(overlay.under, 0, 0);
    context.globalAlpha = this.fillOpacity();
    if (overlay.picture) context.drawImage(overlay.picture, 0, 0);
    context.globalAlpha = overlay.under ? 1 : this.display.opacity;
    for (const { path, color, dash } of overlay.lines) {
      context.setLineDash([]);
      context.lineCap = "square"; // no gap at a corner
      context.lineWidth = 4 * pixel;
      context.strokeStyle = "rgb(0 0 0 / 0.55)";
      context.stroke(path);
      context.setLineDash(dash.map((length) => length * pixel));
      context.lineCap = dash.length > 0 ? "butt" : "square";
      context.lineWidth = 2 * pixel;
      context.strokeStyle = color;
      context.stroke(path);
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
  }

  /** While one corrects, the image is seen through; an outline is filled only during a stroke. */
  fillOpacity() {
    if (!this.brush) return this.display.opacity;
    const isSeen = this.display.style === "fill" || this.pointer.isDown;
    return isSeen ? Math.min(this.display.opacity, 0.45) : 0;
  }

  zoom(factor) {
    this.viewport.zoom(factor);
    this.draw();
  }

  fit() {
    this.viewport.fit();
    this.draw();
  }

  /** Take corrections with a brush `{tool, size, value}`; null ends it. */
  async setBrush(brush) {
    this.brush = brush;
    this.history ??= new History(() => this.mask.values);
    this.element.classList.toggle("drawing", brush !== null);
    await this.show(this.display);
  }

  /** The mask was painted on between these borders. */
  painted(box) {
    repaint(this.result, this.display, this.mask, this.overlay, box);
    this.draw();
  }

  /** A stroke or an undo is done. */
  edited() {
    this.show({ ...this.display });
    this.onEdited();
  }

  undo() {
    this.history.undo();
    this.edited();
  }

  redo() {
    this.history.redo();
    this.edited();
  }

  revert() {
    this.history.revert();
    this.edited();
  }

  /** How large a brush may be, and is at first, in pixels. */
  brushSizes() {
    const side = Math.min(this.mask.width, this.mask.height);
    return { min: 1, max: Math.max(4, Math.round(side / 5)), value: Math.max(2, Math.round(side / 25)) };
  }

  /** The mask as it is now: a PNG of class numbers at the picture's own size. */
  async maskFile() {
    const { values, width, height } = this.mask;
    return new File([await greyPng(values, width, height)], `${this.result.study}.png`, { type: "image/png" });
  }

  leave() {
    this.watcher?.disconnect();
    this.stopSteering?.();
  }
}
