// A round brush on an image of class numbers.

/**
 * Paint a stroke: every pixel whose centre lies within the radius of the line.
 *
 * @param {{width: number, height: number, values: Uint8Array}} layer
 * @param {[number, number]} from a point in pixels of the image.
 * @param {[number, number]} to
 * @param {number} diameter in pixels; at least the pixel under the point is painted.
 * @param {number} value the class; 0 erases.
 */
export function stroke(layer, from, to, diameter, value) {
  const { width, height, values } = layer;
  const radius = Math.max(diameter / 2, 0.5);
  const [left, right] = span(from[0], to[0], radius, width);
  const [top, bottom] = span(from[1], to[1], radius, height);
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1) {
      if (distance([x + 0.5, y + 0.5], from, to) <= radius) values[y * width + x] = value;
    }
  }
  const [x, y] = to.map(Math.floor);
  if (x >= 0 && y >= 0 && x < width && y < height) values[y * width + x] = value;
  return { left, top, right, bottom };
}

function span(a, b, radius, size) {
  const first = Math.max(0, Math.floor(Math.min(a, b) - radius));
  return [Math.min(first, size), Math.max(0, Math.min(size, Math.ceil(Math.max(a, b) + radius)))];
}

/** From a point to a stretch of line. */
function distance([x, y], [x1, y1], [x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = dx * dx + dy * dy;
  const part = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / length));
  return Math.hypot(x - x1 - part * dx, y - y1 - part * dy);
}
