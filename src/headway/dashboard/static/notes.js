// Edits notes in place. A note is saved only if it is still as the page has shown it. When it was changed elsewhere
// meanwhile, the page shows both notes, and the learner decides. Nothing is lost.

import { copyOf, find, number } from "./headway.js";
import { reasonOf, signInAddress, tell } from "./notice.js";
import { addressOf, store, textOf } from "./progress.js";
import { SignedOut } from "./service.js";
import { gettext } from "./words.js";

const LONGEST = 10_000;
const NEARLY = 9_000;
/** @type {Map<string, Editor>} */
const editors = new Map();

/** @typedef {(found?: StoredProgress | null) => void} Closed */

/** The stored note is not the one that was edited. `present` is what is stored now, or null. */
class Conflict extends Error {
  constructor(/** @type {StoredProgress | null} */ present) {
    super(gettext("This note was changed elsewhere."));
    this.present = present;
  }
}

/**
 * Edit the note of a lesson. In the end, the editor calls `closed`: with what is stored (null: no lesson progress), or
 * with nothing when the page shows that already.
 * @param {HTMLElement} item
 * @param {Closed} closed
 */
export function edit(item, closed) {
  const address = addressOf(item);
  const editor = editors.get(address) ?? new Editor(item, closed);
  editors.set(address, editor);
  editor.textarea.focus();
}

window.addEventListener("beforeunload", (event) => {
  if ([...editors.values()].some((editor) => editor.isChanged)) event.preventDefault();
});

class Editor {
  /**
   * @param {HTMLElement} item
   * @param {Closed} closed
   */
  constructor(item, closed) {
    this.item = item;
    this.address = addressOf(item);
    this.closed = closed;
    this.etag = item.dataset.etag ?? null;
    this.base = textOf(find(".lesson-note", item).textContent); // the note before it was edited
    /** @type {StoredProgress | null | undefined} */
    this.present = undefined; // what is stored now (null: no lesson progress), when the page does not show that
    this.asked = false; // whether the learner was asked to confirm that the typed text is discarded
    this.element = copyOf("#editor");
    this.textarea = find("textarea", this.element, HTMLTextAreaElement);
    this.textarea.value = this.base;
    this.part(".editor-title").textContent = find("h3", item).textContent;
    this.element.addEventListener("click", ({ target }) =>
      this.choose(/** @type {HTMLElement} */ (target).dataset.choice),
    );
    this.element.addEventListener("keydown", (event) => this.press(event));
    this.textarea.addEventListener("input", () => this.typed());
    item.classList.add("edited");
    find(".lesson-own", item).append(this.element);
    this.typed();
  }

  get isChanged() {
    return this.textarea.value !== this.base;
  }

  /** Whether the note can be saved at once. In a conflict it can not: the learner has to choose first. */
  get canSave() {
    const { hidden, disabled } = this.button("save");
    return !hidden && !disabled;
  }

  part(/** @type {string} */ selector) {
    return find(selector, this.element);
  }

  button(/** @type {string} */ choice) {
    return find(`[data-choice="${choice}"]`, this.element, HTMLButtonElement);
  }

  choose(/** @type {string | undefined} */ choice) {
    if (this.element.ariaBusy) return;
    if (choice === "save" || choice === "mine") this.save();
    if (choice === "stored") this.close(this.present ?? null);
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
    this.button("cancel").textContent = gettext("Cancel");
    const length = [...this.textarea.value].length;
    this.part(".length").textContent =
      length < NEARLY
        ? ""
        : gettext("%(length)s of %(longest)s characters", { length: number(length), longest: number(LONGEST) });
    for (const choice of ["save", "mine"]) this.button(choice).disabled = length > LONGEST;
  }

  async save() {
    const text = this.textarea.value;
    if (!this.isChanged) return this.close(this.present);
    this.busy(true);
    try {
      const fields = { user_notes: text };
      this.saved(await store(this.address, fields, this.etag, (present) => this.decide(present, text)), text);
    } catch (error) {
      if (error instanceof Conflict) this.showConflict(error.present);
      else this.showTrouble(error);
    } finally {
      this.busy(false);
    }
  }

  /**
   * The lesson progress has changed: has its note? Most often only the player has gone on.
   * @param {StoredProgress | null} present
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
    tell(gettext("Note saved"));
    if (this.textarea.value === text) return this.close(found);
    this.goOnFrom(found); // the learner has typed more meanwhile, which is not saved yet
    this.setConflict(false);
    return undefined;
  }

  /** Compare what is typed with this lesson progress from now on, and write on its etag. */
  goOnFrom(/** @type {StoredProgress | null} */ found) {
    this.present = found;
    this.etag = found?.etag ?? null;
    this.base = textOf(found?.progress.user_notes);
  }

  setConflict(/** @type {boolean} */ is) {
    this.part(".conflict").hidden = !is;
    this.button("save").hidden = is;
  }

  showConflict(/** @type {StoredProgress | null} */ present) {
    this.goOnFrom(present);
    this.part(".stored").textContent = this.base || gettext("Nothing: the note was removed.");
    this.setConflict(true);
    tell(this.part(".conflict-title").textContent);
    if (document.activeElement !== this.textarea) this.part(".conflict").focus(); // but not while the learner types
  }

  keepBoth() {
    this.textarea.value = [this.base, this.textarea.value].filter(Boolean).join("\n\n");
    this.typed();
    this.setConflict(false); // the text field has both notes now
    this.textarea.focus();
    if (!this.canSave) this.part(".trouble").textContent = gettext("Both are too long for one note: shorten it.");
    else this.save();
  }

  cancel() {
    if (!this.isChanged || this.asked) return this.close();
    this.asked = true;
    this.button("cancel").textContent = gettext("Discard what I typed");
    tell(gettext("Not saved. Press again to discard what you typed."));
    return undefined;
  }

  showTrouble(/** @type {unknown} */ error) {
    const trouble = this.part(".trouble");
    trouble.textContent = `${gettext("Not saved.")} ${reasonOf(error)} `;
    if (error instanceof SignedOut) {
      const link = { href: signInAddress(), target: "_blank", textContent: gettext("Sign in in another tab") };
      trouble.append(Object.assign(document.createElement("a"), link));
    }
  }

  busy(/** @type {boolean} */ is) {
    this.element.ariaBusy = is ? "true" : null;
    this.button("save").textContent = is ? gettext("Saving…") : gettext("Save");
    if (is) this.part(".trouble").textContent = "";
  }

  /** @param {StoredProgress | null} [found] */
  close(found) {
    editors.delete(this.address);
    this.element.remove();
    this.item.classList.remove("edited");
    this.closed(found);
  }
}
