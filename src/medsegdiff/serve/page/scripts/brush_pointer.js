// The brush under the pointer, or moved by the arrow keys: its ring, and its strokes.

import { stroke } from "./brush.js";

/** The pointer of a picture viewer. */
export function brushPointer(viewer) {
  return new BrushPointer(viewer);
}

class BrushPointer {
  constructor(viewer) {
    this.viewer = viewer;
    this.at = null; // in pixels of the image
    this.isDown = false;
  }

  begin(place) {
    this.at = this.viewer.viewport.toImage(...place);
    this.isDown = true;
    this.viewer.history.begin();
    this.paint(this.at);
  }

  move(place) {
    const before = this.at;
    this.at = this.viewer.viewport.toImage(...place);
    if (this.isDown) this.paint(before);
  }

  end() {
    if (!this.isDown) return;
    this.isDown = false;
    if (this.viewer.history.end()) this.viewer.edited();
  }

  hide() {
    if (this.isDown) return;
    this.at = null;
    this.viewer.draw();
  }

  /** Move by keys; a step is half of the brush. */
  step(dx, dy) {
    const { width, height } = this.viewer.mask;
    const step = Math.max(1, this.viewer.brush.size / 2);
    const [x, y] = this.at ?? [width / 2, height / 2];
    this.at = [Math.min(Math.max(x + step * dx, 0), width), Math.min(Math.max(y + step * dy, 0), height)];
  }

  /** Paint once where the brush is. */
  stamp() {
    this.step(0, 0);
    this.viewer.history.begin();
    this.paint(this.at);
    if (this.viewer.history.end()) this.viewer.edited();
  }

  paint(from) {
    const { brush, mask } = this.viewer;
    this.viewer.painted(stroke(mask, from, this.at, brush.size, brush.tool === "eraser" ? 0 : brush.value));
  }

  draw(context, pixel) {
    if (!this.at) return;
    context.beginPath();
    context.arc(...this.at, Math.max(this.viewer.brush.size / 2, 0.5), 0, 2 * Math.PI);
    for (const [color, width] of [["rgb(0 0 0 / 0.7)", 3], ["#ffffff", 1.2]]) {
      context.strokeStyle = color;
      context.lineWidth = width * pixel;
      context.stroke();
    }
  }
}
