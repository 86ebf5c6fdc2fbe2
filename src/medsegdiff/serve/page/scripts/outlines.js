// The border of a region along the edges of its pixels, sharp at any zoom.

/**
 * The edges between pixels that are inside and those that are not.
 *
 * @param {{width: number, height: number, values: Uint8Array}} layer
 * @param {(value: number) => boolean} isInside
 * @returns {Path2D} in pixels of the image.
 */
export function outline({ width, height, values }, isInside) {
  const inside = Uint8Array.from({ length: 256 }, (_, value) => (isInside(value) ? 1 : 0));
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : inside[values[y * width + x]]);
  const path = new Path2D();
  for (let y = 0; y <= height; y += 1) {
    runs(width, (x) => at(x, y - 1) !== at(x, y), (from, to) => {
      path.moveTo(from, y);
      path.lineTo(to, y);
    });
  }
  for (let x = 0; x <= width; x += 1) {
    runs(height, (y) => at(x - 1, y) !== at(x, y), (from, to) => {
      path.moveTo(x, from);
      path.lineTo(x, to);
    });
  }
  return path;
}

/** Call `found` with each stretch of 0 to `length` in which `isEdge` holds. */
function runs(length, isEdge, found) {
  let start = -1;
  for (let i = 0; i <= length; i += 1) {
    const edge = i < length && isEdge(i);
    if (edge && start < 0) start = i;
    if (!edge && start >= 0) {
      found(start, i);
      start = -1;
    }
  }
}
