// The builder: shows a draft as sections and lessons, and makes a new draft of what the author types, moves and removes.

import { dragIn } from "./course-drag.js";
import {
  arrange,
  blockOf,
  fieldNamed,
  fieldOf,
  fieldsOf,
  fill,
  isChecked,
  keepOnly,
  label,
  made,
  mark,
  rowOf,
  setOff,
  unmark,
  write,
} from "./course-elements.js";
import { History } from "./course-history.js";
import * as model from "./course-model.js";
import { readFrom, shownIn } from "./course-values.js";
import { writeDuration } from "./durations.js";
import { copyOf, dataOf, find, isolated, number, percent } from "./headway.js";
import { gettext, ngettext } from "./words.js";

/** @type {Record<string, number>} */
const STEPS = { ArrowUp: -1, ArrowDown: 1 };

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
    this.listen();
    this.render();
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
    this.render();
    this.changed();
    if (said) this.say(said);
  }

  // --- Showing

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
    fill(find("#course-title", document, HTMLInputElement), course.title);
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
    find("#course-facts").textContent = sizeOf(lessons);
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
    find(".block-facts", block).textContent = sizeOf(section.lessons);
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

  bulkEdit(/** @type {FormField} */ input) {
    const field = dataOf(input, "bulk");
    const value = input.value;
    if (value === "") return;
    const ids = new Set(this.picked);
    const said = ngettext("%(shown)s lesson changed.", "%(shown)s lessons changed.", ids.size, {
      shown: number(ids.size),
    });
    input.value = "";
    if (field === "section") this.change(model.gatherLessons(this.draft, ids, value), { said });
    else if (field === "required")
      this.change(model.setLessons(this.draft, ids, field, value === "required"), { said });
    else this.change(model.setLessons(this.draft, ids, field, readFrom(field, value)), { said });
  }

  // --- What the author does

  listen() {
    this.root.addEventListener("input", (event) => this.typed(/** @type {FormField} */ (event.target)));
    this.root.addEventListener("change", (event) => this.settled(/** @type {FormField} */ (event.target)));
    this.root.addEventListener("keydown", (event) => this.pressed(event));
    this.root.addEventListener("click", (event) => this.clicked(event));
    this.root.addEventListener("focusin", ({ target }) => this.entersChoice(/** @type {HTMLElement} */ (target)));
    this.root.addEventListener("paste", (event) => this.pasted(event));
    dragIn(this.list, {
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
    if (this.isRendering) return; // a field that is taken away with the focus has its last say
    if (input.dataset.bulk) this.bulkEdit(input);
    else if (input.dataset.require !== undefined) this.require(input);
    if (!input.name) return;
    this.take(input);
    this.history.settle();
    const row = rowOf(input);
    const value = row ? this.lesson(row)?.[input.name] : this.draft.course[input.name];
    if (input.type !== "checkbox" && typeof value === "number") input.value = shownIn(input.name, value);
    this.markAlone(input);
  }

  take(/** @type {FormField} */ input) {
    const { name } = input;
    unmark(input);
    const row = rowOf(input);
    const value = isChecked(input) ?? readFrom(name, input.value);
    const field = `${row?.dataset.lesson ?? ""}/${name}`;
    if (name === "section") {
      const key = blockOf(input).dataset.section ?? "";
      this.change(model.renameSection(this.draft, key, input.value), { field: `${key}/${name}` });
    } else if (row) {
      const lesson = this.lesson(row);
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
    const lesson = row && this.lesson(row);
    if (!lesson || !select.value) return;
    const requires = [...(lesson.requires ?? []), select.value];
    this.change(model.setLessons(this.draft, new Set([lesson.id]), "requires", requires));
  }

  lesson(/** @type {HTMLElement} */ row) {
    return model.lessonsOf(this.draft).find(({ id }) => id === row.dataset.lesson);
  }

  pressed(/** @type {KeyboardEvent} */ event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.isComposing) return;
    if (isCommand && !event.altKey && ["z", "y"].includes(event.key.toLowerCase())) {
      event.preventDefault();
      if (event.shiftKey || event.key.toLowerCase() === "y") this.redo();
      else this.undo();
      return;
    }
    const row = rowOf(target);
    const step = STEPS[event.key];
    // In a choice, these keys have a meaning of their own.
    if (step && event.altKey && !(target instanceof HTMLSelectElement)) this.step(event, row, step);
    else if (event.altKey || isCommand || !(target instanceof HTMLInputElement)) return;
    else if (event.key === "Enter") this.entered(event, target, row);
    else if (step && row && ["title", "duration_seconds"].includes(target.name)) this.goTo(event, row, step, target);
    else if (event.key === "Backspace" && row && target.name === "title") this.deleted(event, row, target);
  }

  /**
   * Move what has the focus: a lesson, or a section.
   * @param {KeyboardEvent} event
   * @param {HTMLElement | null} row
   * @param {number} step
   */
  step(event, row, step) {
    const block = /** @type {Element} */ (event.target).closest("[data-section]");
    if (!(block instanceof HTMLElement)) return;
    event.preventDefault();
    if (row) this.stepLesson(row, step);
    else this.stepSection(block, step);
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
    this.folded.delete(draft.sections[at.section].key);
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

  /**
   * Enter in a field: to the next one, or to a new lesson.
   * @param {KeyboardEvent} event
   * @param {HTMLInputElement} input
   * @param {HTMLElement | null} row
   */
  entered(event, input, row) {
    if (input.name === "section") {
      event.preventDefault();
      this.enterSection(blockOf(input));
    } else if (input.id === "course-title") {
      event.preventDefault();
      find("[name='section']", this.list).focus();
    } else if (row && ["title", "duration_seconds"].includes(input.name)) {
      event.preventDefault();
      if (input.name === "title" && input.value.startsWith("#")) this.beginSection(row, input);
      else this.addAfter(row);
    } else if (input.dataset.bulk) this.bulkEdit(input);
  }

  enterSection(/** @type {HTMLElement} */ block) {
    const section = this.draft.sections.find(({ key }) => key === block.dataset.section);
    const [first] = section?.lessons ?? [];
    if (first) this.focusLesson(first.id);
    else this.addTo(block);
  }

  /** A title such as `# Section` begins a section in the place of its lesson. */
  beginSection(/** @type {HTMLElement} */ row, /** @type {HTMLInputElement} */ input) {
    const id = dataOf(row, "lesson");
    const emptied = model.setLessons(this.draft, new Set([id]), "title", "");
    const { draft, last } = model.insertLines(emptied, id, model.parseLines(input.value));
    this.change(draft, { said: gettext("A section was added.") });
    this.focusLesson(last);
  }

  /** After a lesson without a title comes no other one yet. */
  addAfter(/** @type {HTMLElement} */ row) {
    const id = dataOf(row, "lesson");
    const at = model.locate(this.draft, id);
    if (!at) return;
    const { key, lessons } = this.draft.sections[at.section];
    const next = lessons[at.position + 1];
    if (model.isBlank(lessons[at.position])) return;
    if (next && model.isBlank(next)) this.focusLesson(next.id);
    else this.insert(key, at.position + 1, lessons[at.position]);
  }

  addTo(/** @type {HTMLElement} */ block) {
    const key = dataOf(block, "section");
    const lessons = this.draft.sections.find((section) => section.key === key)?.lessons ?? [];
    const last = lessons.at(-1);
    if (last && model.isBlank(last)) this.focusLesson(last.id);
    else this.insert(key, lessons.length, last ?? model.lessonsOf(this.draft).at(-1));
  }

  /**
   * @param {string} key
   * @param {number} position
   * @param {CourseLesson} [before]
   */
  insert(key, position, before) {
    const lesson = model.newLesson(before);
    this.folded.delete(key);
    this.change(model.insertLesson(this.draft, key, lesson, position));
    this.focusLesson(lesson.id);
  }

  addSection() {
    const lesson = model.newLesson(model.lessonsOf(this.draft).at(-1));
    const section = model.newSection("", [lesson]);
    this.change(model.insertSection(this.draft, section), { said: gettext("A section was added.") });
    fieldOf(/** @type {HTMLElement} */ (this.blocks.get(section.key)), "section").focus();
  }

  /**
   * To the same field of the lesson above or below.
   * @param {KeyboardEvent} event
   * @param {HTMLElement} row
   * @param {number} step
   * @param {HTMLInputElement} input
   */
  goTo(event, row, step, input) {
    const rows = [...this.list.querySelectorAll("[data-section]:not([data-folded]) [data-lesson]")];
    const next = rows[rows.indexOf(row) + step];
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    fieldOf(next, input.name).focus();
  }

  /**
   * Backspace in an empty lesson takes it away.
   * @param {KeyboardEvent} event
   * @param {HTMLElement} row
   * @param {HTMLInputElement} input
   */
  deleted(event, row, input) {
    const lesson = this.lesson(row);
    if (input.value !== "" || event.repeat || !lesson || !model.isBlank(lesson)) return;
    event.preventDefault();
    this.remove(new Set([lesson.id]), -1);
  }

  pasted(/** @type {ClipboardEvent} */ event) {
    const input = /** @type {HTMLInputElement} */ (event.target);
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
    this.focusLesson(last);
  }

  clicked(/** @type {MouseEvent} */ event) {
    const target = /** @type {Element} */ (event.target);
    const pick = target.closest("[data-pick]");
    if (pick instanceof HTMLInputElement)
      this.pick(dataOf(/** @type {HTMLElement} */ (rowOf(pick)), "lesson"), pick.checked, event.shiftKey);
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
    if (action === "more") this.toggleMore(row);
    else if (action === "insert") this.insertAfter(id);
    else if (action === "up") this.stepLesson(row, -1);
    else if (action === "down") this.stepLesson(row, 1);
    else if (action === "duplicate") this.duplicate(id);
    else if (action === "remove") this.remove(new Set([id]), 1);
    else if (action === "not-required") {
      const requires = this.lesson(row)?.requires?.filter((one) => one !== button.dataset.id);
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
    this.focusLesson(copy);
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
    else if (action === "fold") {
      if (!this.folded.delete(key)) this.folded.add(key);
      this.render();
    }
  }

  doToCourse(/** @type {string} */ action) {
    if (action === "undo") this.undo();
    else if (action === "redo") this.redo();
    else if (action === "add-section") this.addSection();
    else if (action === "bulk-remove") this.remove(new Set(this.picked), 1);
    else if (action === "bulk-clear") {
      this.picked.clear();
      this.turn += 1;
      this.render();
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
    if (next) this.focusLesson(next.id);
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
      if (field === "title") return find("#course-title", document, HTMLInputElement);
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
  return seconds ? `${shown} · ${writeDuration(seconds)}` : shown;
}
