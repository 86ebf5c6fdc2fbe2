// What was sent last, so that it need not be chosen anew when nothing came of it.

let last = null;

/** A job was taken with this image, model and settings. */
export function remember(id, sent) {
  last = { id, ...sent };
}

/** What this job was sent with; null if it was not the last one. */
export function recalled(id) {
  return last?.id === id ? last : null;
}
