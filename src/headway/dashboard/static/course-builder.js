// The builder: makes a new draft of what the author types, moves and removes, and has it shown.

import { dragIn } from "./course-drag.js";
import { blockOf, fieldOf, isChecked, mark, rowOf, unmark } from "./course-elements.js";
import { History } from "./course-history.js";
import { pressed } from "./course-keys.js";
import * as model from "./course-model.js";
import { readFrom, shownIn } from "./course-values.js";
import { View } from "./course-view.js";
import { dataOf, find, isolated, number } from "./headway.js";
import { gettext, ngettext } from "./words.js";

export class Builder {
  /**
   * `changed` is called after each change. `say` announces what happened. `faultText` words a fault at its field.
   * @param {Draft} draft
   * @param {{ changed: () => void, say: (text: string) => void, faultText: (fault: DraftFault) => string }} notified
   */
  constructor(draft, { changed, say, faultText }) {
    this.history = new History(draft);
    this.changed = changed;
    this.say = say;
    this.faultText = faultText;
    this.view = new View(this.history);
    this.listen();
  }

  get draft() {
    return this.history.present;
  }

  /**
   * Go on from another draft.
   * @param {Draft} draft
   * @param {{ field?: string, said?: string }} [how] `field`: the author is typing in it
   */
  change(draft, { field, said } = {}) {
    if (draft === this.draft) return;
    this.history.push(draft, field);
    this.refresh(said);
  }

  /** Show another document as one step, which can be undone. */
  replace(/** @type {CourseDocument} */ doc) {
    this.change(model.draftOf(doc));
  }

  /** @param {string} [said] */
  refresh(said) {
    this.view.render();
    this.changed();
    if (said) this.say(said);
  }

  // --- What the author does

  listen() {
    this.view.root.addEventListener("input", (event) => this.typed(/** @type {FormField} */ (event.target)));
    this.view.root.addEventListener("change", (event) => this.settled(/** @type {FormField} */ (event.target)));
    this.view.root.addEventListener("keydown", (event) => pressed(this, event));
    this.view.root.addEventListener("click", (event) => this.clicked(event));
    this.view.root.addEventListener("focusin", ({ target }) =>
      this.view.entersChoice(/** @type {HTMLElement} */ (target)),
    );
    this.view.root.addEventListener("paste", (event) => this.pasted(event));
    dragIn(this.view.list, {
      lesson: (id, key, position) => this.moved(id, model.moveLesson(this.draft, id, key, position)),
      section: (key, to) => this.change(model.moveSection(this.draft, key, to)),
    });
  }

  typed(/** @type {FormField} */ input) {
    if (!input.name || input instanceof HTMLSelectElement || input.type === "checkbox") return;
    this.take(input);
  }

  /** A field has its value. */
  settled(/** @type {FormField} */ input) {
    if (this.view.isRendering) return; // a field that is taken away with the focus has its last say
    if (input.dataset.bulk) this.bulkEdit(input);
    else if (input.dataset.require !== undefined) this.require(input);
    if (!input.name) return;
    this.take(input);
    this.history.settle();
    const row = rowOf(input);
    const value = row ? this.view.lesson(row)?.[input.name] : this.draft.course[input.name];
    if (input.type !== "checkbox" && typeof value === "number") input.value = shownIn(input.name, value);
    this.markAlone(input);
  }

  take(/** @type {FormField} */ input) {
    const { name } = input;
    if (input instanceof HTMLTextAreaElement && /[\r\n]/.test(input.value))
      input.value = input.value.replace(/\s*[\r\n]\s*/g, " "); // a title is one paragraph
    unmark(input);
    const row = rowOf(input);
    const value = isChecked(input) ?? readFrom(name, input.value);
    const field = `${row?.dataset.lesson ?? ""}/${name}`;
    if (name === "section") {
      const key = blockOf(input).dataset.section ?? "";
      this.change(model.renameSection(this.draft, key, input.value), { field: `${key}/${name}` });
    } else if (row) {
      const lesson = this.view.lesson(row);
      if (lesson?.[name] === value || (name === "content_id" && !value && lesson?.content_id === lesson?.id)) return;
      this.change(model.setLessons(this.draft, new Set([dataOf(row, "lesson")]), name, value), { field });
    } else if (this.draft.course[name] !== value) {
      this.change(model.setCourse(this.draft, name, value), { field });
    }
  }

  /** Say at a field what is wrong with it, as soon as the author leaves it. A title may come later. */
  markAlone(/** @type {FormField} */ input) {
    const id = rowOf(input)?.dataset.lesson ?? null;
    const fault = model
      .faultsOf(this.draft)
      .find((one) => one.id === id && one.field === input.name && one.kind !== "missing");
    if (fault) mark(input, this.faultText(fault));
  }

  require(/** @type {FormField} */ select) {
    const row = rowOf(select);
    const lesson = row && this.view.lesson(row);
    if (!lesson || !select.value) return;
    const requires = [...(lesson.requires ?? []), select.value];
    this.change(model.setLessons(this.draft, new Set([lesson.id]), "requires", requires));
  }

  bulkEdit(/** @type {FormField} */ input) {
    const field = dataOf(input, "bulk");
    const value = input.value;
    if (value === "") return;
    const ids = new Set(this.view.picked);
    const said = ngettext("%(shown)s lesson changed.", "%(shown)s lessons changed.", ids.size, {
      shown: number(ids.size),
    });
    input.value = "";
    if (field === "section") this.change(model.gatherLessons(this.draft, ids, value), { said });
    else if (field === "required")
      this.change(model.setLessons(this.draft, ids, field, value === "required"), { said });
    else this.change(model.setLessons(this.draft, ids, field, readFrom(field, value)), { said });
  }

  stepLesson(/** @type {HTMLElement} */ row, /** @type {number} */ step) {
    const id = dataOf(row, "lesson");
    this.moved(id, model.stepLesson(this.draft, id, step));
  }

  stepSection(/** @type {HTMLElement} */ block, /** @type {number} */ step) {
    const key = dataOf(block, "section");
    const to = this.draft.sections.findIndex((section) => section.key === key) + step;
    const draft = model.moveSection(this.draft, key, to);
    if (draft === this.draft) return;
    const said = gettext("%(title)s is section %(position)s of %(total)s now.", {
      title: block.getAttribute("aria-label") ?? "",
      position: number(to + 1),
      total: number(draft.sections.length),
    });
    this.change(draft, { said });
  }

  /**
   * A lesson was moved.
   * @param {string} id
   * @param {Draft} draft
   */
  moved(id, draft) {
    const at = model.locate(draft, id);
    if (!at || draft === this.draft) return;
    this.view.folded.delete(draft.sections[at.section].key);
    const lessons = model.lessonsOf(draft);
    const position = lessons.findIndex((lesson) => lesson.id === id);
    const values = {
      title: isolated(lessons[position].title || gettext("A lesson without a title")),
      position: number(position + 1),
      total: number(lessons.length),
      section: isolated(draft.sections[at.section].title),
    };
    const said = draft.sections[at.section].title
      ? gettext("%(title)s is lesson %(position)s of %(total)s now, in %(section)s.", values)
      : gettext("%(title)s is lesson %(position)s of %(total)s now.", values);
    this.change(draft, { said });
  }

  enterSection(/** @type {HTMLElement} */ block) {
    const section = this.draft.sections.find(({ key }) => key === block.dataset.section);
    const [first] = section?.lessons ?? [];
    if (first) this.view.focusLesson(first.id);
    else this.addTo(block);
  }

  /** A title such as `# Section` begins a section in the place of its lesson. */
  beginSection(/** @type {HTMLElement} */ row, /** @type {TextField} */ input) {
    const id = dataOf(row, "lesson");
    const emptied = model.setLessons(this.draft, new Set([id]), "title", "");
    const { draft, last } = model.insertLines(emptied, id, model.parseLines(input.value));
    this.change(draft, { said: gettext("A section was added.") });
    this.view.focusLesson(last);
  }

  /** After a lesson without a title comes no other one yet. */
  addAfter(/** @type {HTMLElement} */ row) {
    const id = dataOf(row, "lesson");
    const at = model.locate(this.draft, id);
    if (!at) return;
    const { key, lessons } = this.draft.sections[at.section];
    const next = lessons[at.position + 1];
    if (model.isBlank(lessons[at.position])) return;
    if (next && model.isBlank(next)) this.view.focusLesson(next.id);
    else this.insert(key, at.position + 1, lessons[at.position]);
  }

  addTo(/** @type {HTMLElement} */ block) {
    const key = dataOf(block, "section");
    const lessons = this.draft.sections.find((section) => section.key === key)?.lessons ?? [];
    const last = lessons.at(-1);
    if (last && model.isBlank(last)) this.view.focusLesson(last.id);
    else this.insert(key, lessons.length, last ?? model.lessonsOf(this.draft).at(-1));
  }

  /**
   * @param {string} key
   * @param {number} position
   * @param {CourseLesson} [before]
   */
  insert(key, position, before) {
    const lesson = model.newLesson(before);
    this.view.folded.delete(key);
    this.change(model.insertLesson(this.draft, key, lesson, position));
    this.view.focusLesson(lesson.id);
  }

  addSection() {
    const lesson = model.newLesson(model.lessonsOf(this.draft).at(-1));
    const section = model.newSection("", [lesson]);
    this.change(model.insertSection(this.draft, section), { said: gettext("A section was added.") });
    fieldOf(/** @type {HTMLElement} */ (this.view.blocks.get(section.key)), "section").focus();
  }

  pasted(/** @type {ClipboardEvent} */ event) {
    const input = /** @type {TextField} */ (event.target);
    const row = rowOf(input);
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!row || input.name !== "title" || !/[\r\n]/.test(text.trim())) return;
    event.preventDefault();
    const lines = model.parseLines(text);
    const { draft, last } = model.insertLines(this.draft, dataOf(row, "lesson"), lines);
    const count = lines.filter(({ isSection }) => !isSection).length;
    const said = ngettext("%(shown)s lesson was added.", "%(shown)s lessons were added.", count, {
      shown: number(count),
    });
    this.change(draft, { said });
    this.view.focusLesson(last);
  }

  clicked(/** @type {MouseEvent} */ event) {
    const target = /** @type {Element} */ (event.target);
    const pick = target.closest("[data-pick]");
    if (pick instanceof HTMLInputElement)
      this.view.pick(dataOf(/** @type {HTMLElement} */ (rowOf(pick)), "lesson"), pick.checked, event.shiftKey);
    const button = target.closest("button[data-do]");
    if (!(button instanceof HTMLElement) || button.getAttribute("aria-disabled") === "true") return;
    const action = dataOf(button, "do");
    const row = rowOf(button);
    const block = button.closest("[data-section]");
    if (row) this.doToLesson(action, row, button);
    else if (block instanceof HTMLElement) this.doToSection(action, block);
    else this.doToCourse(action);
  }

  /**
   * @param {string} action
   * @param {HTMLElement} row
   * @param {HTMLElement} button
   */
  doToLesson(action, row, button) {
    const id = dataOf(row, "lesson");
    if (action === "more") this.view.toggleMore(row);
    else if (action === "insert") this.insertAfter(id);
    else if (action === "up") this.stepLesson(row, -1);
    else if (action === "down") this.stepLesson(row, 1);
    else if (action === "duplicate") this.duplicate(id);
    else if (action === "remove") this.remove(new Set([id]), 1);
    else if (action === "not-required") {
      const requires = this.view.lesson(row)?.requires?.filter((one) => one !== button.dataset.id);
      this.change(model.setLessons(this.draft, new Set([id]), "requires", requires));
      find("[data-require]", row).focus();
    }
  }

  insertAfter(/** @type {string} */ id) {
    const at = model.locate(this.draft, id);
    if (!at) return;
    const { key, lessons } = this.draft.sections[at.section];
    this.insert(key, at.position + 1, lessons[at.position]);
  }

  duplicate(/** @type {string} */ id) {
    const copy = model.newId();
    this.change(model.duplicateLesson(this.draft, id, copy), { said: gettext("The lesson was duplicated.") });
    this.view.focusLesson(copy);
  }

  /**
   * @param {string} action
   * @param {HTMLElement} block
   */
  doToSection(action, block) {
    const key = dataOf(block, "section");
    if (action === "add") this.addTo(block);
    else if (action === "section-up") this.stepSection(block, -1);
    else if (action === "section-down") this.stepSection(block, 1);
    else if (action === "section-remove") this.removeSection(block);
    else if (action === "fold") this.view.toggleFold(key);
  }

  doToCourse(/** @type {string} */ action) {
    if (action === "undo") this.undo();
    else if (action === "redo") this.redo();
    else if (action === "add-section") this.addSection();
    else if (action === "bulk-remove") this.remove(new Set(this.view.picked), 1);
    else if (action === "bulk-clear") {
      this.view.pickNone();
      find("#add-section").focus();
    }
  }

  removeSection(/** @type {HTMLElement} */ block) {
    const next = block.nextElementSibling ?? block.previousElementSibling;
    const said = gettext("%(title)s was removed.", { title: block.getAttribute("aria-label") ?? "" });
    this.change(model.removeSection(this.draft, dataOf(block, "section")), { said });
    find(next ? "[name='section']" : "#add-section", next ?? document).focus();
  }

  /**
   * Remove lessons. The focus goes to the lesson after them (1) or before them (-1).
   * @param {ReadonlySet<string>} ids
   * @param {number} toward
   */
  remove(ids, toward) {
    const lessons = model.lessonsOf(this.draft);
    const index = lessons.findIndex(({ id }) => ids.has(id));
    const before = lessons[index - 1];
    const after = lessons.slice(index).find(({ id }) => !ids.has(id));
    const said = ngettext("%(shown)s lesson was removed.", "%(shown)s lessons were removed.", ids.size, {
      shown: number(ids.size),
    });
    this.change(model.removeLessons(this.draft, ids), { said });
    const next = toward > 0 ? (after ?? before) : (before ?? after);
    if (next) this.view.focusLesson(next.id);
    else find("#add-section").focus();
  }

  undo() {
    if (this.history.undo()) this.turned(gettext("Undone."), "#undo");
    else this.say(gettext("There is nothing to undo."));
  }

  redo() {
    if (this.history.redo()) this.turned(gettext("Done again."), "#redo");
    else this.say(gettext("There is nothing to do again."));
  }

  /**
   * Show another state. What had the focus may be gone with it.
   * @param {string} said
   * @param {string} button
   */
  turned(said, button) {
    this.refresh(said);
    if (document.activeElement === document.body) find(button).focus();
  }
}
