// A course's document as a form. What is not edited stays as it was given, to the letter: fields that the form does
// not know, and fields that are not there at all.

const NULLABLE = new Set(["section", "duration_seconds", "pass_mark", "complete_at"]);
const NUMBERS = new Set(["duration_seconds", "pass_mark", "complete_at"]);
const UNTITLED = "A lesson without a title";

// A title of another direction in a sentence that can hold no markup: isolated, so that it turns nothing around it.
const TURNING = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufefc]|[\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const isolated = (title) => (TURNING.test(title) ? `\u2068${title}\u2069` : title);

const shown = (value) => (value === null || value === undefined ? "" : String(value));
// Of an English reader it is 1800, of a German one 1.8.
const AMBIGUOUS = /^[1-9]\d{0,2},\d{3}$/;
const held = (input) => (input.type === "checkbox" ? input.checked : input.value);

function parsed(input) {
  if (input.type === "checkbox") return input.checked;
  const text = input.value;
  if (NULLABLE.has(input.name) && text.trim() === "") return null;
  if (!NUMBERS.has(input.name)) return text;
  const number = ambiguity(input) ? NaN : Number(text.trim().replace(",", "."));
  return Number.isFinite(number) ? number : text; // the API says what is wrong with it
}

/** Why a field's number is not taken though it looks like one; null where it is, or there is no field. */
export function ambiguity(input) {
  const text = input?.value.trim();
  if (!NUMBERS.has(input?.name) || !AMBIGUOUS.test(text)) return null;
  return `this can be read in two ways: write ${text.replace(",", "")}, or ${Number(text.replace(",", "."))}`;
}

function newId() {
  // crypto.randomUUID is for secure contexts alone, and a school's network may speak plain HTTP.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export class CourseForm {
  // `say` tells a listener what has happened; `changed` is called after each change, with the field if it was one's.
  constructor(root, { say, changed }) {
    this.course = root.querySelector("#course-fields");
    this.list = root.querySelector("#lessons");
    this.template = document.querySelector("#lesson-template");
    this.sections = document.querySelector("#sections");
    this.say = say;
    this.changed = changed;
    root.querySelector("#add-lesson").addEventListener("click", () => this.add());
    this.list.addEventListener("click", (event) => this.clicked(event));
    this.list.addEventListener("keydown", (event) => this.pressed(event));
    this.list.addEventListener("change", (event) => this.settled(event.target));
    this.list.addEventListener("input", ({ target }) => this.edited(target));
    this.course.addEventListener("input", ({ target }) => this.edited(target));
  }

  fill(doc) {
    this.source = doc;
    for (const input of this.course.querySelectorAll("[name]")) this.put(input, doc[input.name]);
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

  // The field at a place of the document, as the API names places; null where the form has none.
  field(place) {
    const [name, index, part] = place;
    if (name !== "lessons") return this.course.querySelector(`[name="${CSS.escape(String(name))}"]`);
    const item = this.items()[index];
    return item && part !== undefined ? item.querySelector(`[name="${CSS.escape(String(part))}"]`) : null;
  }

  items() {
    return [...this.list.children];
  }

  made(lesson) {
    const item = this.template.content.firstElementChild.cloneNode(true);
    item.source = lesson !== null && typeof lesson === "object" ? lesson : {};
    for (const input of item.querySelectorAll("[name]")) this.put(input, item.source[input.name]);
    return item;
  }

  put(input, value) {
    if (input.type === "checkbox") input.checked = value !== false;
    else input.value = shown(value);
    input.given = held(input);
  }

  take(root, target) {
    for (const input of root.querySelectorAll("[name]")) {
      if (held(input) !== input.given) target[input.name] = parsed(input);
    }
  }

  edited(input) {
    this.refresh();
    this.changed(input);
  }

  // What is shown beside the fields: places, titles, sections.
  refresh() {
    let before = null;
    const sections = new Set();
    const items = this.items();
    items.forEach((item, index) => {
      const value = (name) => item.querySelector(`[name="${name}"]`).value.trim();
      const title = value("title") || UNTITLED;
      const optional = item.querySelector('[name="required"]').checked ? "" : ", optional";
      const section = value("section");
      item.querySelector(".lesson-place").textContent = index + 1;
      item.querySelector(".lesson-name").textContent = title;
      item.querySelector(".lesson-facts").textContent = value("kind") + optional;
      const heading = item.querySelector(".lesson-section");
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

  name(item, selector, label, off) {
    const button = item.querySelector(selector);
    button.setAttribute("aria-label", label);
    button.toggleAttribute("data-off", off);
    if (off) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }

  add() {
    const last = this.list.lastElementChild;
    const section = last?.querySelector('[name="section"]').value.trim() || null;
    const lesson = { id: newId(), title: "", section, kind: "video", duration_seconds: null, required: true };
    const item = this.made({ ...lesson, pass_mark: null, complete_at: 100 });
    this.list.append(item);
    this.edited();
    this.open(item.querySelector('[name="title"]'));
    this.say("A lesson was added at the end.");
  }

  // Show a field that may be folded away, and go there.
  open(input) {
    const folded = input.closest("details");
    if (folded) folded.open = true;
    input.focus();
  }

  clicked(event) {
    const button = event.target.closest("button");
    if (!button || button.hasAttribute("data-off")) return;
    const item = button.closest(".lesson-edit");
    if (button.dataset.move) this.move(item, Number(button.dataset.move), button);
    else if (button.hasAttribute("data-remove")) this.remove(item);
  }

  pressed(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    // In a field these keys are the field's own: they open a list of choices.
    if (!step || !event.altKey || !event.target.closest("summary, .lesson-actions")) return;
    event.preventDefault();
    this.move(event.target.closest(".lesson-edit"), step, event.target);
  }

  // Whoever moves a lesson keeps the place at which they were in it.
  move(item, step, focused) {
    const other = step < 0 ? item.previousElementSibling : item.nextElementSibling;
    if (!other) return;
    this.list.insertBefore(step < 0 ? item : other, step < 0 ? other : item);
    this.edited();
    focused.focus();
    const place = this.items().indexOf(item) + 1;
    this.say(`${isolated(item.querySelector(".lesson-name").textContent)} is lesson ${place} of ${this.list.children.length} now.`);
  }

  remove(item) {
    const title = item.querySelector(".lesson-name").textContent;
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    this.edited();
    (next?.querySelector("summary") ?? document.querySelector("#add-lesson")).focus();
    this.say(`${isolated(title)} was removed.`);
  }

  // A lesson that has to be passed is not completed by scrolling to its end, unless its author says so. Without the
  // mark it is completed as before.
  settled(input) {
    if (input.name !== "pass_mark") return;
    const threshold = input.closest(".lesson-edit").querySelector('[name="complete_at"]');
    if (input.value.trim() === "") this.restore(threshold);
    else if (input.given === "" && threshold.value === "100") this.clear(threshold);
  }

  clear(threshold) {
    threshold.cleared = threshold.value;
    threshold.value = "";
    this.edited(threshold);
    this.say("Completed at was cleared: passing completes the lesson.");
  }

  restore(threshold) {
    const { cleared } = threshold;
    delete threshold.cleared;
    if (cleared === undefined || threshold.value.trim() !== "") return;
    threshold.value = cleared;
    this.edited(threshold);
    this.say(`Completed at is ${cleared} again.`);
  }
}
