// Edits a course's document in a form. What the author does not edit stays exactly as it was: also fields that the form
// does not know, and fields that the document does not have.

import { copyOf, find } from "./headway.js";

const NULLABLE = new Set(["section", "duration_seconds", "pass_mark", "complete_at"]);
const NUMBERS = new Set(["duration_seconds", "pass_mark", "complete_at"]);
/** @type {Record<string, number>} */
const STEPS = { ArrowUp: -1, ArrowDown: 1 };
const UNTITLED = "A lesson without a title";

// A title that is written in another direction is isolated, so that it does not change the sentence around it.
const TURNING =
  /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufefc]|[\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const isolated = (/** @type {string} */ title) => (TURNING.test(title) ? `\u2068${title}\u2069` : title);

const shown = (/** @type {unknown} */ value) => (value === null || value === undefined ? "" : String(value));
// An English reader means 1800 by 1,800; a German one means 1.8.
const AMBIGUOUS = /^[1-9]\d{0,2},\d{3}$/;
const held = (/** @type {FormField} */ input) => (input.type === "checkbox" ? input.checked : input.value);

function parsed(/** @type {FormField} */ input) {
  if (input.type === "checkbox") return input.checked;
  const text = input.value;
  if (NULLABLE.has(input.name) && text.trim() === "") return null;
  if (!NUMBERS.has(input.name)) return text;
  const number = ambiguity(input) ? NaN : Number(text.trim().replace(",", "."));
  return Number.isFinite(number) ? number : text; // the API says what is wrong with it
}

/** Why a number can be read in two ways; null when it can not, or when there is no field. */
export function ambiguity(/** @type {FormField | null} */ input) {
  if (!input || !NUMBERS.has(input.name)) return null;
  const text = input.value.trim();
  if (!AMBIGUOUS.test(text)) return null;
  return `this can be read in two ways: write ${text.replace(",", "")}, or ${Number(text.replace(",", "."))}`;
}

/**
 * @param {HTMLElement} root
 * @returns {NodeListOf<FormField>}
 */
const fieldsOf = (root) => root.querySelectorAll("[name]");

/**
 * The field with a name; null when there is none.
 * @param {HTMLElement} root
 * @param {string | number} name
 * @returns {FormField | null}
 */
const fieldNamed = (root, name) => root.querySelector(`[name="${CSS.escape(String(name))}"]`);

/**
 * A field that every form of this kind has. Throws an error when it is not there.
 * @param {HTMLElement} root
 * @param {string} name
 */
function fieldOf(root, name) {
  const field = fieldNamed(root, name);
  if (!field) throw new Error(`The form has no field "${name}".`);
  return field;
}

/** The lesson in which an element is. Throws an error when it is in none. */
function itemOf(/** @type {Element} */ within) {
  /** @type {LessonItem | null} */
  const item = within.closest(".lesson-edit");
  if (!item) throw new Error("The element is not in a lesson.");
  return item;
}

function newId() {
  // crypto.randomUUID works in secure contexts only, and a school's network may use plain HTTP.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export class CourseForm {
  /**
   * `say` announces what has happened. `changed` is called after each change, with the field that was changed, if any.
   * @param {HTMLElement} root
   * @param {{ say: (what: string) => void, changed: (input?: FormField) => void }} notified
   */
  constructor(root, { say, changed }) {
    /** @type {CourseDocument} */
    this.source = {};
    this.course = find("#course-fields", root);
    this.list = find("#lessons", root);
    this.sections = find("#sections");
    this.say = say;
    this.changed = changed;
    find("#add-lesson", root).addEventListener("click", () => this.add());
    this.list.addEventListener("click", (event) => this.clicked(event));
    this.list.addEventListener("keydown", (event) => this.pressed(event));
    this.list.addEventListener("change", ({ target }) => this.settled(/** @type {FormField} */ (target)));
    this.list.addEventListener("input", ({ target }) => this.edited(/** @type {FormField} */ (target)));
    this.course.addEventListener("input", ({ target }) => this.edited(/** @type {FormField} */ (target)));
  }

  fill(/** @type {CourseDocument} */ doc) {
    this.source = doc;
    for (const input of fieldsOf(this.course)) this.put(input, doc[input.name]);
    const lessons = Array.isArray(doc.lessons) ? doc.lessons : [];
    this.list.replaceChildren(...lessons.map((lesson) => this.made(lesson)));
    this.refresh();
  }

  read() {
    const doc = { ...this.source };
    this.take(this.course, doc);
    doc.lessons = this.items().map((item) => {
      const lesson = { ...item.source };
      this.take(item, lesson);
      return lesson;
    });
    return doc;
  }

  /**
   * The field for a location in the document, as the API names it; null when the form has none.
   * @param {(string | number)[]} location
   */
  field(location) {
    const [name, index, part] = location;
    if (name !== "lessons") return fieldNamed(this.course, name);
    const item = this.items()[Number(index)];
    return item && part !== undefined ? fieldNamed(item, part) : null;
  }

  items() {
    return /** @type {LessonItem[]} */ ([...this.list.children]);
  }

  made(/** @type {CourseLesson} */ lesson) {
    /** @type {LessonItem} */
    const item = copyOf("#lesson-template");
    item.source = lesson !== null && typeof lesson === "object" ? lesson : {};
    for (const input of fieldsOf(item)) this.put(input, item.source[input.name]);
    return item;
  }

  /**
   * @param {FormField} input
   * @param {unknown} value
   */
  put(input, value) {
    if (input.type === "checkbox") input.checked = value !== false;
    else input.value = shown(value);
    input.given = held(input);
  }

  /**
   * @param {HTMLElement} root
   * @param {CourseDocument | CourseLesson} target
   */
  take(root, target) {
    for (const input of fieldsOf(root)) {
      if (held(input) !== input.given) target[input.name] = parsed(input);
    }
  }

  /** @param {FormField} [input] */
  edited(input) {
    this.refresh();
    this.changed(input);
  }

  /** Update what is shown beside the fields: positions, titles, sections. */
  refresh() {
    /** @type {string | null} */
    let before = null;
    const sections = new Set();
    const items = this.items();
    items.forEach((item, index) => {
      const value = (/** @type {string} */ name) => fieldOf(item, name).value.trim();
      const title = value("title") || UNTITLED;
      const optional = fieldOf(item, "required").checked ? "" : ", optional";
      const section = value("section");
      find(".lesson-position", item).textContent = String(index + 1);
      find(".lesson-name", item).textContent = title;
      find(".lesson-facts", item).textContent = value("kind") + optional;
      const heading = find(".lesson-section", item);
      heading.textContent = section;
      heading.hidden = !section || section === before;
      this.name(item, "[data-move='-1']", `Move up: ${isolated(title)}`, index === 0);
      this.name(item, "[data-move='1']", `Move down: ${isolated(title)}`, index === items.length - 1);
      this.name(item, "[data-remove]", `Remove: ${isolated(title)}`, false);
      before = section || null;
      if (section) sections.add(section);
    });
    this.sections.replaceChildren(...[...sections].map((section) => new Option(section, section)));
  }

  /**
   * @param {LessonItem} item
   * @param {string} selector
   * @param {string} label
   * @param {boolean} off
   */
  name(item, selector, label, off) {
    const button = find(selector, item);
    button.setAttribute("aria-label", label);
    button.toggleAttribute("data-off", off);
    if (off) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }

  add() {
    const last = this.items().at(-1);
    const section = (last && fieldOf(last, "section").value.trim()) || null;
    /** @type {CourseLesson} */
    const lesson = { id: newId(), title: "", section, kind: "video", duration_seconds: null, required: true };
    const item = this.made({ ...lesson, pass_mark: null, complete_at: 100 });
    this.list.append(item);
    this.edited();
    this.open(fieldOf(item, "title"));
    this.say("A lesson was added at the end.");
  }

  /** Unfold a field and focus it. */
  open(/** @type {HTMLElement} */ input) {
    const folded = input.closest("details");
    if (folded) folded.open = true;
    input.focus();
  }

  clicked(/** @type {MouseEvent} */ event) {
    const button = /** @type {Element} */ (event.target).closest("button");
    if (!button || button.hasAttribute("data-off")) return;
    const item = itemOf(button);
    if (button.dataset.move) this.move(item, Number(button.dataset.move), button);
    else if (button.hasAttribute("data-remove")) this.remove(item);
  }

  pressed(/** @type {KeyboardEvent} */ event) {
    const step = STEPS[event.key];
    const target = /** @type {HTMLElement} */ (event.target);
    // In a field, these keys have a meaning of their own: they open a list of choices.
    if (!step || !event.altKey || !target.closest("summary, .lesson-actions")) return;
    event.preventDefault();
    this.move(itemOf(target), step, target);
  }

  /**
   * Move a lesson up (-1) or down (1). The focus stays on the element that had it.
   * @param {LessonItem} item
   * @param {number} step
   * @param {HTMLElement} focused
   */
  move(item, step, focused) {
    const other = step < 0 ? item.previousElementSibling : item.nextElementSibling;
    if (!other) return;
    this.list.insertBefore(step < 0 ? item : other, step < 0 ? other : item);
    this.edited();
    focused.focus();
    const position = this.items().indexOf(item) + 1;
    this.say(
      `${isolated(find(".lesson-name", item).textContent)} is lesson ${position} of ${this.list.children.length} now.`,
    );
  }

  remove(/** @type {LessonItem} */ item) {
    const title = find(".lesson-name", item).textContent;
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    this.edited();
    find(next ? "summary" : "#add-lesson", next ?? document).focus();
    this.say(`${isolated(title)} was removed.`);
  }

  // A lesson with a pass mark is not completed by a percentage, unless its author says so. Without the mark, its
  // percentage is restored.
  settled(/** @type {FormField} */ input) {
    if (input.name !== "pass_mark") return;
    const threshold = fieldOf(itemOf(input), "complete_at");
    if (input.value.trim() === "") this.restore(threshold);
    else if (input.given === "" && threshold.value === "100") this.clear(threshold);
  }

  clear(/** @type {FormField} */ threshold) {
    threshold.cleared = threshold.value;
    threshold.value = "";
    this.edited(threshold);
    this.say("Completed at was cleared: passing completes the lesson.");
  }

  restore(/** @type {FormField} */ threshold) {
    const { cleared } = threshold;
    delete threshold.cleared;
    if (cleared === undefined || threshold.value.trim() !== "") return;
    threshold.value = cleared;
    this.edited(threshold);
    this.say(`Completed at is ${cleared} again.`);
  }
}
