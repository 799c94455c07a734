// Shows a draft: its sections and lessons, which of them are selected and unfolded, and what is wrong with them.

import {
  arrange,
  fieldNamed,
  fieldOf,
  fieldsOf,
  fill,
  keepOnly,
  label,
  made,
  mark,
  rowOf,
  setOff,
  unmark,
  write,
} from "./course-elements.js";
import * as model from "./course-model.js";
import { writeDuration } from "./durations.js";
import { copyOf, find, isolated, number, percent } from "./headway.js";
import { gettext, ngettext } from "./words.js";

export class View {
  /** @param {import("./course-history.js").History} history whose present draft is shown */
  constructor(history) {
    this.history = history;
    this.root = find("#course");
    this.list = find("#sections");
    this.bulk = find("#bulk");
    /** @type {Set<string>} */
    this.picked = new Set();
    this.lastPicked = "";
    this.isRendering = false;
    /** @type {Set<string>} */
    this.folded = new Set();
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.blocks = new Map();
    /** @type {WeakMap<HTMLElement, readonly unknown[]>} */
    this.shown = new WeakMap(); // what each row and block shows
    this.turn = 0; // grows when something is selected or unfolded, which is not in the draft
    /** @type {Map<string, LessonFigures>} */
    this.figures = new Map();
    this.render();
  }

  get draft() {
    return this.history.present;
  }

  /** The lesson of a row. */
  lesson(/** @type {HTMLElement} */ row) {
    return model.lessonsOf(this.draft).find(({ id }) => id === row.dataset.lesson);
  }

  render() {
    const focused = document.activeElement;
    this.isRendering = true;
    this.renderAll();
    this.isRendering = false;
    if (focused instanceof HTMLElement && focused !== document.activeElement && focused.isConnected) focused.focus();
  }

  renderAll() {
    const { course, sections } = this.draft;
    for (const input of fieldsOf(find("#course-fields"))) fill(input, course[input.name]);
    fill(find("#course-title", document, HTMLTextAreaElement), course.title);
    const lessons = model.lessonsOf(this.draft);
    const ids = new Set(lessons.map(({ id }) => id));
    keepOnly(this.rows, ids);
    keepOnly(this.blocks, new Set(sections.map(({ key }) => key)));
    for (const id of this.picked) if (!ids.has(id)) this.picked.delete(id);
    arrange(
      this.list,
      sections.map(({ key }) => this.blocks.get(key) ?? made(this.blocks, key, "#section-template", "section")),
    );
    let position = 0;
    for (const [index, section] of sections.entries()) {
      this.showSection(section, index, position);
      position += section.lessons.length;
    }
    write(find("#course-facts"), sizeOf(lessons));
    this.renderBulk();
    setOff(find("#undo"), this.history.past.length === 0);
    setOff(find("#redo"), this.history.future.length === 0);
  }

  /**
   * Show a section and its lessons.
   * @param {CourseSection} section
   * @param {number} index
   * @param {number} before how many lessons come before it
   */
  showSection(section, index, before) {
    const block = /** @type {HTMLElement} */ (this.blocks.get(section.key));
    const isFolded = this.folded.has(section.key);
    const isLast = index === this.draft.sections.length - 1;
    const state = [section, index, isLast, before, isFolded, this.figures, this.turn];
    if (this.isShown(block, state)) return;
    const name = section.title.trim() ? isolated(section.title.trim()) : gettext("Lessons without a section");
    fill(fieldOf(block, "section"), section.title);
    block.setAttribute("aria-label", name);
    block.toggleAttribute("data-folded", isFolded);
    find("[data-do='fold']", block).setAttribute("aria-expanded", String(!isFolded));
    write(find(".block-facts", block), sizeOf(section.lessons));
    label(block, "[data-do='fold']", gettext("Lessons of %(section)s", { section: name }));
    label(block, "[data-do='section-up']", gettext("Move %(section)s up", { section: name }));
    label(block, "[data-do='section-down']", gettext("Move %(section)s down", { section: name }));
    label(block, "[data-do='section-remove']", gettext("Remove %(section)s and its lessons", { section: name }));
    label(block, "[data-do='add']", gettext("Add a lesson to %(section)s", { section: name }));
    setOff(find("[data-do='section-up']", block), index === 0);
    setOff(find("[data-do='section-down']", block), isLast);
    arrange(
      find(".rows", block),
      section.lessons.map((lesson, at) => this.row(lesson, before + at + 1)),
    );
  }

  /**
   * Whether an element shows this already. A long course is not written anew for every key.
   * @param {HTMLElement} element
   * @param {readonly unknown[]} state
   */
  isShown(element, state) {
    if (this.shown.get(element)?.every((one, index) => one === state[index])) return true;
    this.shown.set(element, state);
    return false;
  }

  /**
   * The element of a lesson.
   * @param {CourseLesson} lesson
   * @param {number} position
   */
  row(lesson, position) {
    const row = this.rows.get(lesson.id) ?? made(this.rows, lesson.id, "#lesson-template", "lesson");
    const more = row.querySelector(".more");
    const state = [lesson, position, this.picked.has(lesson.id), this.figures.get(lesson.id)];
    if (!more && this.isShown(row, state)) return row;
    row.toggleAttribute("data-picked", this.picked.has(lesson.id));
    for (const input of fieldsOf(row)) fill(input, lesson[input.name]);
    find("[data-pick]", row, HTMLInputElement).checked = this.picked.has(lesson.id);
    if (row.dataset.position !== String(position)) {
      row.dataset.position = String(position);
      const written = { position: number(position) };
      find(".row-position", row).textContent = number(position);
      label(row, "[data-pick]", gettext("Select lesson %(position)s", written));
      label(row, "[name='title']", gettext("Title of lesson %(position)s", written));
      label(row, "[name='duration_seconds']", gettext("Duration of lesson %(position)s", written));
      label(row, "[name='kind']", gettext("Kind of lesson %(position)s", written));
      label(row, "[data-do='insert']", gettext("Insert a lesson after lesson %(position)s", written));
      label(row, "[data-do='more']", gettext("More about lesson %(position)s", written));
    }
    write(find(".row-facts", row), this.factsOf(lesson));
    write(find(".row-figures", row), this.figuresOf(lesson.id));
    if (more instanceof HTMLElement) this.fillMore(more, lesson);
    return row;
  }

  /** What is special about a lesson. */
  factsOf(/** @type {CourseLesson} */ lesson) {
    const { required, pass_mark: mark, complete_at: percentage, requires = [] } = lesson;
    return [
      required === false ? gettext("Optional") : "",
      typeof mark === "number" ? gettext("Passed at %(percent)s", { percent: percent(mark) }) : "",
      typeof percentage === "number" && percentage !== 100
        ? gettext("Completed at %(percent)s", { percent: percent(percentage) })
        : "",
      requires.length
        ? ngettext("After %(shown)s lesson", "After %(shown)s lessons", requires.length, {
            shown: number(requires.length),
          })
        : "",
      lesson.due_at || lesson.due_after_days ? gettext("Has a due date") : "",
    ].filter(Boolean);
  }

  /** How learners do in a lesson; nothing where that is not known. */
  figuresOf(/** @type {string} */ id) {
    const found = this.figures.get(id);
    if (!found) return [];
    return [
      ngettext("%(shown)s started", "%(shown)s started", found.started, { shown: number(found.started) }),
      ngettext("%(shown)s completed", "%(shown)s completed", found.completed, { shown: number(found.completed) }),
      ngettext("%(shown)s stopped here", "%(shown)s stopped here", found.stopped_here, {
        shown: number(found.stopped_here),
      }),
    ];
  }

  showFigures(/** @type {LessonFigures[]} */ figures) {
    this.figures = new Map(figures.map((one) => [one.lesson_id, one]));
    this.render();
  }

  toggleFold(/** @type {string} */ key) {
    if (!this.folded.delete(key)) this.folded.add(key);
    this.render();
  }

  // --- More about a lesson

  toggleMore(/** @type {HTMLElement} */ row) {
    const isOpen = row.querySelector(".more") !== null;
    find("[data-do='more']", row).setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) find(".more", row).remove();
    else row.append(copyOf("#more-template"));
    this.turn += 1;
    this.render();
  }

  /**
   * @param {HTMLElement} more
   * @param {CourseLesson} lesson
   */
  fillMore(more, lesson) {
    const isMarked = model.MARKED.has(lesson.kind);
    find(".of-marked", more).hidden = !isMarked && (lesson.pass_mark ?? null) === null;
    find(".lesson-id", more).textContent = lesson.id;
    const content = fieldOf(more, "content_id");
    if (lesson.content_id === lesson.id) content.value = ""; // the default
    const titles = new Map(model.lessonsOf(this.draft).map((one) => [one.id, one.title]));
    const chosen = lesson.requires ?? [];
    const names = find(".requires", more);
    names.replaceChildren(
      ...chosen.map((id) => {
        const item = copyOf("#required-template");
        find("bdi", item).textContent = titles.get(id) ?? id;
        const button = find("button", item);
        button.dataset.id = id;
        button.setAttribute(
          "aria-label",
          gettext("No longer after %(title)s", { title: isolated(titles.get(id) ?? id) }),
        );
        return item;
      }),
    );
    const select = find("[data-require]", more, HTMLSelectElement);
    const others = [...titles].filter(([id, title]) => id !== lesson.id && title.trim() && !chosen.includes(id));
    select.replaceChildren(select.options[0], ...others.map(([id, title]) => new Option(title, id)));
    select.selectedIndex = 0;
  }

  /** The lessons that can be chosen are those that there are when the choice gets the focus. */
  entersChoice(/** @type {HTMLElement} */ target) {
    const row = target.dataset.require === undefined ? null : rowOf(target);
    const lesson = row && this.lesson(row);
    if (row && lesson) this.fillMore(find(".more", row), lesson);
  }

  // --- Selecting several

  renderBulk() {
    this.bulk.hidden = this.picked.size === 0;
    if (this.bulk.hidden) return;
    find("#bulk-count").textContent = ngettext(
      "%(shown)s lesson selected",
      "%(shown)s lessons selected",
      this.picked.size,
      { shown: number(this.picked.size) },
    );
    const select = find("[data-bulk='section']", this.bulk, HTMLSelectElement);
    const named = this.draft.sections.map(
      ({ key, title }) => new Option(title.trim() || gettext("Lessons without a section"), key),
    );
    select.replaceChildren(select.options[0], ...named);
    select.selectedIndex = 0;
  }

  /**
   * @param {string} id
   * @param {boolean} isPicked
   * @param {boolean} isRange from the lesson that was selected last
   */
  pick(id, isPicked, isRange) {
    const ids = model.lessonsOf(this.draft).map((lesson) => lesson.id);
    const [from, to] = [ids.indexOf(isRange && this.lastPicked ? this.lastPicked : id), ids.indexOf(id)];
    for (const one of ids.slice(Math.min(from, to), Math.max(from, to) + 1)) {
      if (isPicked) this.picked.add(one);
      else this.picked.delete(one);
    }
    this.lastPicked = id;
    this.turn += 1;
    this.render();
  }

  pickNone() {
    this.picked.clear();
    this.turn += 1;
    this.render();
  }

  // --- Fields

  /**
   * Unfold a lesson and focus one of its fields.
   * @param {string} id
   * @param {string} [field]
   */
  focusLesson(id, field = "title") {
    this.fieldAt(id, field)?.focus();
  }

  /**
   * A field of a lesson, or of the course where `id` is null; null where the page has none. What folds it is opened.
   * @param {string | null} id
   * @param {string} field
   * @returns {FormField | null}
   */
  fieldAt(id, field) {
    if (id === null) {
      if (field === "title") return find("#course-title", document, HTMLTextAreaElement);
      find("#settings", document, HTMLDetailsElement).open = true;
      return fieldNamed(find("#course-fields"), field);
    }
    const at = model.locate(this.draft, id);
    const row = this.rows.get(id);
    if (!at || !row) return null;
    if (this.folded.delete(this.draft.sections[at.section].key)) this.render();
    const found = fieldNamed(row, field);
    if (found || row.querySelector(".more")) return found;
    this.toggleMore(row);
    return fieldNamed(row, field);
  }

  /** Mark the fields that have a fault. */
  markAll(/** @type {readonly Fault[]} */ faults) {
    for (const marked of this.root.querySelectorAll("[aria-invalid]")) unmark(/** @type {FormField} */ (marked));
    for (const { id = null, field, text } of faults) {
      const input = field && this.fieldAt(id, field);
      if (input) mark(input, text);
    }
  }
}

/** How many lessons there are, and how long they are together. */
function sizeOf(/** @type {readonly CourseLesson[]} */ lessons) {
  const count = lessons.filter((lesson) => !model.isBlank(lesson)).length;
  const seconds = model.lengthOf(lessons);
  const shown = ngettext("%(shown)s lesson", "%(shown)s lessons", count, { shown: number(count) });
  return seconds ? [shown, writeDuration(seconds)] : [shown];
}
