// The states of a draft, for undo and redo. A state is never changed.

const MOST = 500;

export class History {
  /** @param {Draft} draft */
  constructor(draft) {
    /** @type {Draft[]} */
    this.past = [];
    /** @type {Draft[]} */
    this.future = [];
    this.present = draft;
    /** @type {string | null} */
    this.field = null; // the field in which the author is typing: what is typed in it is one step
  }

  /**
   * Go on from another draft. Changes of one field that follow each other are undone together.
   * @param {Draft} draft
   * @param {string | null} field
   */
  push(draft, field = null) {
    if (draft === this.present) return;
    if (field === null || field !== this.field) this.past = [...this.past, this.present].slice(-MOST);
    this.field = field;
    this.future = [];
    this.present = draft;
  }

  /** What is typed from now on is another step. */
  settle() {
    this.field = null;
  }

  /** @returns {boolean} whether there was anything to undo */
  undo() {
    return this.step(this.past, this.future);
  }

  /** @returns {boolean} whether there was anything to do again */
  redo() {
    return this.step(this.future, this.past);
  }

  /**
   * @param {Draft[]} from
   * @param {Draft[]} to
   */
  step(from, to) {
    const draft = from.pop();
    if (!draft) return false;
    to.push(this.present);
    this.present = draft;
    this.settle();
    return true;
  }
}
