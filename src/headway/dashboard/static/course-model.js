// A course while it is edited, as data. Every function returns a new draft and changes none, so that an undo is the draft
// before. What the author does not edit stays exactly as it was: also fields that the pages do not know.

import { parseDuration } from "./durations.js";

export const MARKED = new Set(["quiz", "assignment"]); // the kinds that may have a pass mark
const FIRST_KIND = "video";
const LONGEST_TITLE = 500;

export function newId() {
  // crypto.randomUUID works in secure contexts only, and a school's network may use plain HTTP.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// --- From a document to a draft, and back

/**
 * The draft of a document: neighbours with the same section are a block.
 * @param {CourseDocument} doc
 * @returns {Draft}
 */
export function draftOf({ lessons = [], ...course }) {
  /** @type {{ key: string, title: string, lessons: CourseLesson[] }[]} */
  const sections = [];
  for (const lesson of lessons) {
    const title = lesson.section ?? "";
    if (sections.at(-1)?.title !== title) sections.push({ key: newId(), title, lessons: [] });
    sections.at(-1)?.lessons.push(lesson);
  }
  return { course, sections: sections.length ? sections : [newSection("", [newLesson()])] };
}

/**
 * The document that is saved. Lessons in which nothing was filled in are left out, and so are sections without lessons.
 * @param {Draft} draft
 * @returns {CourseDocument}
 */
export function documentOf({ course, sections }) {
  return { ...course, lessons: sections.flatMap(({ title, lessons }) => written(title.trim() || null, lessons)) };
}

/**
 * @param {string | null} section
 * @param {readonly CourseLesson[]} lessons
 */
function written(section, lessons) {
  return lessons
    .filter((lesson) => !isBlank(lesson))
    .map((lesson) => ((lesson.section ?? null) === section ? lesson : { ...lesson, section }));
}

/**
 * A new section with a key of its own.
 * @param {string} title
 * @param {readonly CourseLesson[]} lessons
 * @returns {CourseSection}
 */
export const newSection = (title, lessons = []) => ({ key: newId(), title, lessons });

/**
 * A new lesson, of the kind of the lesson before it unless that is a quiz or an assignment.
 * @param {CourseLesson} [before]
 * @param {Partial<CourseLesson>} [fields]
 * @returns {CourseLesson}
 */
export function newLesson(before, fields = {}) {
  const kind = before && !MARKED.has(before.kind) ? before.kind : FIRST_KIND;
  const plain = { id: newId(), title: "", kind, duration_seconds: null, required: true };
  return { ...plain, pass_mark: null, complete_at: 100, ...fields };
}

/** Whether nothing was filled in. A lesson of the stored course is never blank: it has more fields. */
export function isBlank(/** @type {CourseLesson} */ lesson) {
  return (
    lesson.title.trim() === "" &&
    lesson.content_id === undefined &&
    lesson.requires === undefined &&
    lesson.due_at === undefined &&
    lesson.due_after_days === undefined &&
    lesson.duration_seconds === null &&
    lesson.pass_mark === null
  );
}

// --- Finding

/** @returns {CourseLesson[]} */
export const lessonsOf = (/** @type {Draft} */ draft) => draft.sections.flatMap((section) => section.lessons);

/**
 * Where a lesson is; undefined when it is nowhere.
 * @param {Draft} draft
 * @param {string} id
 */
export function locate(draft, id) {
  for (const [section, { lessons }] of draft.sections.entries()) {
    const position = lessons.findIndex((lesson) => lesson.id === id);
    if (position >= 0) return { section, position };
  }
  return undefined;
}

/** The seconds of lessons, of those that have a length. */
export function lengthOf(/** @type {readonly CourseLesson[]} */ lessons) {
  return lessons.reduce((sum, { duration_seconds: seconds }) => sum + (typeof seconds === "number" ? seconds : 0), 0);
}

// --- Changing the course and its sections

/**
 * @param {Draft} draft
 * @param {string} field
 * @param {unknown} value
 * @returns {Draft}
 */
export const setCourse = (draft, field, value) => ({ ...draft, course: { ...draft.course, [field]: value } });

/**
 * The draft with other lessons in a section.
 * @param {Draft} draft
 * @param {number} index
 * @param {(lessons: readonly CourseLesson[]) => readonly CourseLesson[]} change
 * @returns {Draft}
 */
const withLessons = (draft, index, change) => ({
  ...draft,
  sections: draft.sections.map((section, at) =>
    at === index ? { ...section, lessons: change(section.lessons) } : section,
  ),
});

/**
 * @param {Draft} draft
 * @param {string} key
 * @param {string} title
 * @returns {Draft}
 */
export const renameSection = (draft, key, title) => ({
  ...draft,
  sections: draft.sections.map((section) => (section.key === key ? { ...section, title } : section)),
});

/**
 * @param {Draft} draft
 * @param {CourseSection} section
 * @param {number} at
 * @returns {Draft}
 */
export const insertSection = (draft, section, at = draft.sections.length) => ({
  ...draft,
  sections: draft.sections.toSpliced(at, 0, section),
});

/**
 * A section is moved with its lessons to a place among the others; the first is 0.
 * @param {Draft} draft
 * @param {string} key
 * @param {number} to
 * @returns {Draft}
 */
export function moveSection(draft, key, to) {
  const section = draft.sections.find((one) => one.key === key);
  if (!section || to < 0 || to >= draft.sections.length) return draft;
  const others = draft.sections.filter((one) => one !== section);
  return { ...draft, sections: others.toSpliced(to, 0, section) };
}

/**
 * A section is removed with its lessons.
 * @param {Draft} draft
 * @param {string} key
 */
export function removeSection(draft, key) {
  const removed = draft.sections.find((section) => section.key === key);
  if (!removed) return draft;
  const emptied = removeLessons(draft, new Set(removed.lessons.map(({ id }) => id)));
  return { ...emptied, sections: emptied.sections.filter((section) => section.key !== key) };
}

// --- Changing lessons

/**
 * @param {Draft} draft
 * @param {string} key
 * @param {CourseLesson} lesson
 * @param {number} position
 * @returns {Draft}
 */
export function insertLesson(draft, key, lesson, position) {
  const index = draft.sections.findIndex((section) => section.key === key);
  return withLessons(draft, index, (lessons) => lessons.toSpliced(position, 0, lesson));
}

/**
 * Lessons are removed, and no other lesson requires them any more.
 * @param {Draft} draft
 * @param {ReadonlySet<string>} ids
 * @returns {Draft}
 */
export function removeLessons(draft, ids) {
  const sections = draft.sections.map((section) => {
    const lessons = section.lessons.filter(({ id }) => !ids.has(id)).map((lesson) => withoutRequired(lesson, ids));
    return isSame(lessons, section.lessons) ? section : { ...section, lessons };
  });
  return { ...draft, sections };
}

/**
 * @param {CourseLesson} lesson
 * @param {ReadonlySet<string>} ids
 */
function withoutRequired(lesson, ids) {
  if (!lesson.requires?.some((id) => ids.has(id))) return lesson;
  return { ...lesson, requires: lesson.requires.filter((id) => !ids.has(id)) };
}

/**
 * @param {readonly unknown[]} some
 * @param {readonly unknown[]} others
 */
const isSame = (some, others) => some.length === others.length && some.every((one, at) => one === others[at]);

/**
 * A lesson is moved to a position in a section, counted without the lesson itself.
 * @param {Draft} draft
 * @param {string} id
 * @param {string} key
 * @param {number} position
 */
export function moveLesson(draft, id, key, position) {
  const from = locate(draft, id);
  if (!from) return draft;
  const lesson = draft.sections[from.section].lessons[from.position];
  const without = withLessons(draft, from.section, (lessons) => lessons.toSpliced(from.position, 1));
  return insertLesson(without, key, lesson, position);
}

/**
 * A lesson is moved up (-1) or down (1). From the edge of a section it goes into the next one.
 * @param {Draft} draft
 * @param {string} id
 * @param {number} step
 */
export function stepLesson(draft, id, step) {
  const from = locate(draft, id);
  if (!from) return draft;
  const { key, lessons } = draft.sections[from.section];
  const to = from.position + step;
  if (to >= 0 && to < lessons.length) return moveLesson(draft, id, key, to);
  const next = draft.sections[from.section + step];
  return next ? moveLesson(draft, id, next.key, step < 0 ? next.lessons.length : 0) : draft;
}

/**
 * Lessons are moved to the end of a section, in their order.
 * @param {Draft} draft
 * @param {ReadonlySet<string>} ids
 * @param {string} key
 */
export function gatherLessons(draft, ids, key) {
  const moved = lessonsOf(draft).filter(({ id }) => ids.has(id));
  const sections = draft.sections.map((section) => {
    const others = section.lessons.filter(({ id }) => !ids.has(id));
    return { ...section, lessons: section.key === key ? [...others, ...moved] : others };
  });
  return { ...draft, sections };
}

/**
 * A copy of a lesson comes after it. The copy shows the same content, unless the content has no name but the lesson's.
 * @param {Draft} draft
 * @param {string} id
 * @param {string} copyId
 */
export function duplicateLesson(draft, id, copyId) {
  const at = locate(draft, id);
  if (!at) return draft;
  const { key, lessons } = draft.sections[at.section];
  const { content_id: content, ...others } = lessons[at.position];
  const own = content && content !== id ? { content_id: content } : {};
  const copy = { ...others, ...own, id: copyId };
  return insertLesson(draft, key, copy, at.position + 1);
}

/**
 * A field of lessons is set, and what follows from it.
 * @param {Draft} draft
 * @param {ReadonlySet<string>} ids
 * @param {string} field
 * @param {unknown} value
 * @returns {Draft}
 */
export function setLessons(draft, ids, field, value) {
  const sections = draft.sections.map((section) => {
    const lessons = section.lessons.map((lesson) => (ids.has(lesson.id) ? withField(lesson, field, value) : lesson));
    return isSame(lessons, section.lessons) ? section : { ...section, lessons };
  });
  return { ...draft, sections };
}

/**
 * A lesson with a pass mark is completed by passing, unless its author says more. Only some kinds have a pass mark.
 * @param {CourseLesson} lesson
 * @param {string} field
 * @param {unknown} value
 */
function withField(lesson, field, value) {
  if (lesson[field] === value) return lesson;
  if (field === "pass_mark") return withMark(lesson, value);
  const changed = { ...lesson, [field]: value };
  if (field === "kind" && !MARKED.has(changed.kind)) return withMark(changed, null);
  if (field === "due_at" && value !== null && changed.due_after_days) changed.due_after_days = null;
  if (field === "due_after_days" && value !== null && changed.due_at) changed.due_at = null;
  return changed;
}

/**
 * @param {CourseLesson} lesson
 * @param {any} mark
 */
function withMark(lesson, mark) {
  const had = (lesson.pass_mark ?? null) !== null;
  if (!MARKED.has(lesson.kind) && mark !== null) return lesson;
  if (!had && mark === null) return lesson;
  const changed = { ...lesson, pass_mark: mark };
  if (!had && lesson.complete_at === 100) changed.complete_at = null;
  if (mark === null && lesson.complete_at === null) changed.complete_at = 100;
  return changed;
}

// --- A list of titles

/**
 * The lines of a pasted list: `# Title` begins a section, any other line is a lesson, with its length where the line
 * ends in one, as in `Title 12:30`.
 * @param {string} text
 * @returns {Line[]}
 */
export function parseLines(text) {
  return text
    .split(/[\r\n\u2028\u2029]+/)
    .map((line) => parseLine(line))
    .filter((line) => line.title !== "" || line.isSection);
}

const LENGTH_AT_END = /^(?<title>.*[^\s\u2013\u2014([-])[\s\u2013\u2014([-]+(?<length>\d{1,3}(:[0-5]\d){1,2})[)\]]?$/;

/**
 * @param {string} line
 * @returns {Line}
 */
function parseLine(line) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a title has none, and a tab divides columns
  const text = line.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  const heading = text.match(/^#+(?:\s+(.*))?$/);
  if (heading) return { isSection: true, title: (heading[1] ?? "").slice(0, LONGEST_TITLE), seconds: null };
  const plain = text.replace(/^[-*\u2022\u00b7]\s+/, "");
  const { title, length } = plain.match(LENGTH_AT_END)?.groups ?? { title: plain, length: "" };
  return { isSection: false, title: title.slice(0, LONGEST_TITLE), seconds: parseDuration(length) ?? null };
}

/**
 * Lines are inserted after a lesson, or in its place where it has no title yet. What comes after the lesson in its
 * section belongs to the last of the new sections. `last` is the lesson that was inserted last.
 * @param {Draft} draft
 * @param {string} id
 * @param {readonly Line[]} lines
 * @returns {{ draft: Draft, last: string }}
 */
export function insertLines(draft, id, lines) {
  const at = locate(draft, id);
  if (!at) return { draft, last: id };
  const { lessons, ...section } = draft.sections[at.section];
  let before = lessons[at.position];
  const isReplaced = isBlank(before);
  const blocks = [{ ...section, lessons: lessons.slice(0, at.position + (isReplaced ? 0 : 1)) }];
  for (const { isSection, title, seconds } of lines) {
    if (isSection) blocks.push({ key: newId(), title, lessons: [] });
    else {
      before = newLesson(before, { title, duration_seconds: seconds });
      blocks[blocks.length - 1].lessons.push(before);
    }
  }
  const final = blocks[blocks.length - 1].lessons;
  final.push(...lessons.slice(at.position + 1));
  if (final.length === 0) {
    before = newLesson(before);
    final.push(before);
  }
  const last = locate({ ...draft, sections: blocks }, before.id) ? before.id : final[0].id;
  const kept = blocks.filter((block, index) => index > 0 || block.lessons.length > 0 || block.title !== "");
  return { draft: { ...draft, sections: draft.sections.toSpliced(at.section, 1, ...kept) }, last };
}

// --- What is not right yet

/**
 * What an author can correct without asking the service. `id` is null where the fault is of the course.
 * @param {Draft} draft
 * @returns {DraftFault[]}
 */
export function faultsOf(draft) {
  const lessons = lessonsOf(draft).filter((lesson) => !isBlank(lesson));
  /** @type {DraftFault[]} */
  const found = [];
  if (!draft.course.title?.trim()) found.push({ id: null, field: "title", kind: "missing" });
  if (typeof draft.course.valid_for_days === "string") found.push({ id: null, field: "valid_for_days", kind: "days" });
  if (lessons.length === 0) found.push({ id: null, field: "lessons", kind: "no_lessons" });
  return [...found, ...lessons.flatMap(faultsOfLesson)];
}

/** @returns {DraftFault[]} */
function faultsOfLesson(/** @type {CourseLesson} */ lesson) {
  const { id } = lesson;
  /** @type {DraftFault[]} */
  const found = [];
  if (lesson.title.trim() === "") found.push({ id, field: "title", kind: "missing" });
  if (typeof lesson.duration_seconds === "string") found.push({ id, field: "duration_seconds", kind: "duration" });
  if (!isPercentage(lesson.complete_at)) found.push({ id, field: "complete_at", kind: "percentage" });
  if (!isPercentage(lesson.pass_mark)) found.push({ id, field: "pass_mark", kind: "percentage" });
  if (typeof lesson.due_after_days === "string") found.push({ id, field: "due_after_days", kind: "days" });
  return found;
}

function isPercentage(/** @type {unknown} */ value) {
  if (value === null || value === undefined) return true;
  return typeof value === "number" && value > 0 && value <= 100;
}
