// Which part of a picture is seen: scale and place, by wheel, fingers, buttons and keys.

const MOST = 40; // screen pixels for one of the image

/** Maps pixels of an image to those of its canvas. */
export class Viewport {
  constructor(width, height) {
    this.image = { width, height };
    this.canvas = { width: 1, height: 1 };
    this.isFitted = true;
    this.fit();
  }

  /** The canvas has another size; a picture that was fitted stays so. */
  resize(width, height) {
    this.canvas = { width, height };
    if (this.isFitted) this.fit();
    else this.hold();
  }

  /** See the whole picture. */
  fit() {
    this.scale = this.smallest();
    this.x = (this.canvas.width - this.scale * this.image.width) / 2;
    this.y = (this.canvas.height - this.scale * this.image.height) / 2;
    this.isFitted = true;
  }

  /** Zoom so that the point of the canvas stays where it is. */
  zoom(factor, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const scale = Math.min(Math.max(this.scale * factor, this.smallest()), MOST);
    const change = scale / this.scale;
    this.x = x - change * (x - this.x);
    this.y = y - change * (y - this.y);
    this.scale = scale;
    this.isFitted = scale === this.smallest();
    this.hold();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.isFitted = false;
    this.hold();
  }

  /** A point of the canvas in pixels of the image. */
  toImage(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  smallest() {
    return Math.min(this.canvas.width / this.image.width, this.canvas.height / this.image.height);
  }

  /** Keep the picture in sight: centred where it is smaller than the canvas, else no gap. */
  hold() {
    for (const [axis, side] of [["x", "width"], ["y", "height"]]) {
      const room = this.canvas[side] - this.scale * this.image[side];
      this[axis] = room > 0 ? room / 2 : Math.min(0, Math.max(room, this[axis]));
    }
  }
}
