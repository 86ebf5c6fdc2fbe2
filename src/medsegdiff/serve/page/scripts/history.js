// Undo and redo of strokes: each is kept as the stretch of numbers that it changed.

const MOST = 50;

/** What was done to an array of numbers, and how to take it back. */
export class History {
  /** @param {() => Uint8Array} values the numbers as they are now. */
  constructor(values) {
    this.values = values;
    this.original = values().slice();
    this.done = [];
    this.undone = [];
  }

  /** A stroke begins. */
  begin() {
    this.before = this.values().slice();
  }

  /** A stroke is done; false if it changed nothing. */
  end() {
    const { before } = this;
    const after = this.values();
    this.before = null;
    let first = 0;
    while (first < after.length && before[first] === after[first]) first += 1;
    if (first === after.length) return false;
    let stop = after.length;
    while (before[stop - 1] === after[stop - 1]) stop -= 1;
    this.done.push({ first, before: before.slice(first, stop), after: after.slice(first, stop) });
    if (this.done.length > MOST) this.done.shift();
    this.undone = [];
    return true;
  }

  undo() {
    this.move(this.done, this.undone, "before");
  }

  redo() {
    this.move(this.undone, this.done, "after");
  }

  /** Back to what the model drew; that can be undone as well. */
  revert() {
    this.begin();
    this.values().set(this.original);
    this.end();
  }

  get canUndo() {
    return this.done.length > 0;
  }

  get canRedo() {
    return this.undone.length > 0;
  }

  move(from, to, side) {
    const stroke = from.pop();
    if (!stroke) return;
    this.values().set(stroke[side], stroke.first);
    to.push(stroke);
  }
}
