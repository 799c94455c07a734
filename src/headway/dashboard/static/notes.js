// Notes, edited in place. What is typed is stored on what was seen. Where somebody else has changed the note meanwhile,
// it is shown beside what is stored now, and the learner decides: nothing is lost.

import { number } from "./headway.js";
import { reasonOf, signInAddress, tell } from "./notice.js";
import { lessonOf, store, textOf } from "./progress.js";
import { SignedOut } from "./service.js";

const LONGEST = 10_000;
const NEARLY = 9_000;
/** @type {HTMLTemplateElement} */
const template = document.querySelector("#editor");
/** @type {Map<string, Editor>} */
const editors = new Map();

/** What is stored is not what was edited. */
class Conflict extends Error {
  constructor(/** @type {StoredProgress} */ present) {
    super("This note was changed elsewhere.");
    this.present = present;
  }
}

/**
 * Edit the note of a lesson. `closed` is called in the end: with the lesson progress that is stored, or nothing.
 * @param {HTMLElement} item
 * @param {(found?: StoredProgress) => void} closed
 */
export function edit(item, closed) {
  const lessonId = lessonOf(item);
  if (!editors.has(lessonId)) editors.set(lessonId, new Editor(item, closed));
  editors.get(lessonId).textarea.focus();
}

window.addEventListener("beforeunload", (event) => {
  if ([...editors.values()].some((editor) => editor.isChanged)) event.preventDefault();
});

class Editor {
  /**
   * @param {HTMLElement} item
   * @param {(found?: StoredProgress) => void} closed
   */
  constructor(item, closed) {
    this.item = item;
    this.lessonId = lessonOf(item);
    this.closed = closed;
    this.etag = item.dataset.etag ?? null;
    this.base = textOf(item.querySelector(".lesson-note").textContent); // what is typed is compared with
    /** @type {StoredProgress} */
    this.present = null; // what is stored, when it is known to differ from what the page shows
    this.asked = false; // whether to discard what is typed
    this.element = /** @type {HTMLElement} */ (template.content.firstElementChild.cloneNode(true));
    this.textarea = this.element.querySelector("textarea");
    this.textarea.value = this.base;
    this.part(".editor-title").textContent = item.querySelector("h3").textContent;
    this.element.addEventListener("click", ({ target }) =>
      this.choose(/** @type {HTMLElement} */ (target).dataset.choice),
    );
    this.element.addEventListener("keydown", (event) => this.press(event));
    this.textarea.addEventListener("input", () => this.typed());
    item.classList.add("edited");
    item.querySelector(".lesson-own").append(this.element);
    this.typed();
  }

  get isChanged() {
    return this.textarea.value !== this.base;
  }

  /** Not in a conflict: what is stored there is overwritten only by a choice to do so. */
  get canSave() {
    const { hidden, disabled } = this.button("save");
    return !hidden && !disabled;
  }

  /** @returns {HTMLElement} */
  part(/** @type {string} */ selector) {
    return this.element.querySelector(selector);
  }

  /** @returns {HTMLButtonElement} */
  button(/** @type {string} */ choice) {
    return this.element.querySelector(`[data-choice="${choice}"]`);
  }

  choose(/** @type {string} */ choice) {
    if (this.element.ariaBusy) return;
    if (choice === "save" || choice === "mine") this.save();
    if (choice === "stored") this.close(this.present ?? { progress: null, etag: null });
    if (choice === "both") this.keepBoth();
    if (choice === "cancel") this.cancel();
  }

  press(/** @type {KeyboardEvent} */ event) {
    const isSave = event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat;
    if (isSave && this.canSave) this.choose("save");
    if (event.key === "Escape" && !this.isChanged) this.choose("cancel");
  }

  typed() {
    this.asked = false;
    this.button("cancel").textContent = "Cancel";
    const length = [...this.textarea.value].length;
    this.part(".length").textContent = length < NEARLY ? "" : `${number(length)} of ${number(LONGEST)} characters`;
    for (const choice of ["save", "mine"]) this.button(choice).disabled = length > LONGEST;
  }

  async save() {
    const text = this.textarea.value;
    if (!this.isChanged) return this.close(this.present);
    this.busy(true);
    try {
      const fields = { user_notes: text };
      this.saved(await store(this.lessonId, fields, this.etag, (present) => this.decide(present, text)), text);
    } catch (error) {
      if (error instanceof Conflict) this.showConflict(error.present);
      else this.showTrouble(error);
    } finally {
      this.busy(false);
    }
  }

  /**
   * The lesson progress has changed: has its note? Most often only the player has gone on.
   * @param {StoredProgress} present
   * @param {string} text
   */
  decide(present, text) {
    const note = textOf(present?.progress.user_notes);
    if (note === text && present) return present;
    if (note !== this.base) throw new Conflict(present);
    return null;
  }

  /**
   * @param {StoredProgress} found
   * @param {string} text
   */
  saved(found, text) {
    tell("Note saved");
    if (this.textarea.value === text) return this.close(found);
    this.goOnFrom(found); // there was more typing meanwhile, which is still to be saved
    this.setConflict(false);
    return undefined;
  }

  /** Compare what is typed with this lesson progress from now on, and write on its etag. */
  goOnFrom(/** @type {StoredProgress} */ found) {
    this.present = found;
    this.etag = found?.etag ?? null;
    this.base = textOf(found?.progress.user_notes);
  }

  setConflict(/** @type {boolean} */ is) {
    this.part(".conflict").hidden = !is;
    this.button("save").hidden = is;
  }

  showConflict(/** @type {StoredProgress} */ present) {
    this.goOnFrom(present);
    this.part(".stored").textContent = this.base || "Nothing: the note was removed.";
    this.setConflict(true);
    tell(this.part(".conflict-title").textContent);
    if (document.activeElement !== this.textarea) this.part(".conflict").focus(); // who types is left alone
  }

  keepBoth() {
    this.textarea.value = [this.base, this.textarea.value].filter(Boolean).join("\n\n");
    this.typed();
    this.setConflict(false); // what is stored is in what is typed now
    this.textarea.focus();
    if (!this.canSave) this.part(".trouble").textContent = "Both are too long for one note: shorten it.";
    else this.save();
  }

  cancel() {
    if (!this.isChanged || this.asked) return this.close();
    this.asked = true;
    this.button("cancel").textContent = "Discard what I typed";
    tell("Not saved. Press again to discard what you typed.");
    return undefined;
  }

  showTrouble(/** @type {Error} */ error) {
    const trouble = this.part(".trouble");
    trouble.textContent = `Not saved. ${reasonOf(error)} `;
    if (error instanceof SignedOut) {
      const link = { href: signInAddress(), target: "_blank", textContent: "Sign in in another tab" };
      trouble.append(Object.assign(document.createElement("a"), link));
    }
  }

  busy(/** @type {boolean} */ is) {
    this.element.ariaBusy = is ? "true" : null;
    this.button("save").textContent = is ? "Saving…" : "Save";
    if (is) this.part(".trouble").textContent = "";
  }

  close(/** @type {StoredProgress} */ found = undefined) {
    editors.delete(this.lessonId);
    this.element.remove();
    this.item.classList.remove("edited");
    this.closed(found);
  }
}
