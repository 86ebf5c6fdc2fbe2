// Pointer, wheel and keys on a picture: pan and zoom, or the brush while one corrects.

const KEY_STEP = 40; // screen pixels

/**
 * Listen on a viewer's canvas.
 *
 * @returns {() => void} stop.
 */
export function steer(viewer) {
  const { canvas } = viewer;
  const stop = new AbortController();
  const on = (name, listener, options = {}) => canvas.addEventListener(name, listener, { signal: stop.signal, ...options });
  const fingers = new Map();
  on("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    if (viewer.brush && fingers.size === 1 && event.button === 0) viewer.pointer.begin(place(event));
    else viewer.pointer.end();
  });
  on("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (fingers.size === 2 && before) pinch(viewer, fingers, event);
    else if (viewer.brush) viewer.pointer.move(place(event));
    else if (before) viewer.viewport.pan(event.offsetX - before[0], event.offsetY - before[1]);
    if (before) fingers.set(event.pointerId, place(event));
    if (before || viewer.brush) viewer.draw();
  });
  const up = (event) => {
    fingers.delete(event.pointerId);
    viewer.pointer.end();
  };
  on("pointerup", up);
  on("pointercancel", up);
  on("pointerleave", () => viewer.pointer.hide());
  on("wheel", (event) => {
    event.preventDefault();
    viewer.viewport.zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    viewer.draw();
  }, { passive: false });
  on("dblclick", () => !viewer.brush && viewer.fit());
  on("keydown", (event) => {
    if (key(viewer, event)) event.preventDefault();
  });
  return () => stop.abort();
}

function place(event) {
  return [event.offsetX, event.offsetY];
}

/** Two fingers: zoom by their distance, about the one that rests. */
function pinch(viewer, fingers, event) {
  const [[, other]] = [...fingers].filter(([id]) => id !== event.pointerId);
  const before = fingers.get(event.pointerId);
  const length = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
  viewer.viewport.zoom(length(place(event)) / Math.max(1, length(before)), ...other);
}

/** Whether a key meant something here. */
function key(viewer, event) {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const zooms = { "+": 1.25, "=": 1.25, "-": 0.8 };
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key in moves) {
    const [dx, dy] = moves[event.key];
    if (viewer.brush) viewer.pointer.step(dx, dy);
    else viewer.viewport.pan(-KEY_STEP * dx, -KEY_STEP * dy);
  } else if (event.key in zooms) viewer.viewport.zoom(zooms[event.key]);
  else if (event.key === "0") viewer.viewport.fit();
  else if (event.key === " " && viewer.brush) viewer.pointer.stamp();
  else return false;
  viewer.draw();
  return true;
}
