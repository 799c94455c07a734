// The words for what a course document holds, and for its faults.

import { writeDuration } from "./durations.js";
import { gettext } from "./words.js";

/** @type {Record<string, () => string>} */
const FIELDS = {
  title: () => gettext("Title"),
  section: () => gettext("Section"),
  kind: () => gettext("Kind"),
  duration_seconds: () => gettext("Duration"),
  required: () => gettext("Counts towards completion"),
  pass_mark: () => gettext("Pass mark"),
  complete_at: () => gettext("Completed at"),
  requires: () => gettext("Comes after"),
  due_at: () => gettext("Due at"),
  due_after_days: () => gettext("Due after days"),
  content_id: () => gettext("Content id"),
  time_zone: () => gettext("Time zone"),
  on_edit: () => gettext("After an edit"),
  valid_for_days: () => gettext("A completion counts for"),
  lessons: () => gettext("Lessons"),
};

/** @type {Record<string, () => string>} */
const VALUES = {
  video: () => gettext("Video"),
  article: () => gettext("Article"),
  quiz: () => gettext("Quiz"),
  assignment: () => gettext("Assignment"),
  other: () => gettext("Other"),
  keep: () => gettext("stays completed"),
  reopen: () => gettext("has to do what is new"),
};

/** The name of a field. */
export const fieldName = (/** @type {string} */ field) => FIELDS[field]?.() ?? field;

/**
 * A value in words. `titles` are the titles of the lessons by their ids.
 * @param {string} field
 * @param {unknown} value
 * @param {ReadonlyMap<string, string>} titles
 */
export function valueText(field, value, titles) {
  if (Array.isArray(value) && value.length) return value.map((id) => titles.get(id) ?? id).join(", ");
  if (value === null || value === undefined || value === "" || Array.isArray(value)) return gettext("nothing");
  if (typeof value === "boolean") return value ? gettext("yes") : gettext("no");
  if (field === "duration_seconds" && typeof value === "number") return writeDuration(value);
  if (field === "kind" || field === "on_edit") return VALUES[String(value)]?.() ?? String(value);
  return String(value);
}

/** What is wrong with a field, for the author. */
export function draftFaultText(/** @type {DraftFault} */ { kind, field }) {
  if (kind === "duration") return gettext("Write minutes and seconds, such as 12:30, or hours too, such as 1:02:30.");
  if (kind === "percentage") return gettext("Write a number above 0, up to 100.");
  if (kind === "days") return gettext("Write a whole number of days.");
  if (kind === "no_lessons") return gettext("A course needs one lesson at least.");
  return field === "title" ? gettext("Write a title.") : gettext("This is missing.");
}

/** Words for authors in place of the API's messages for programmers.
 * @type {Record<string, () => string>} */
const API_FAULTS = {
  string_too_short: () => gettext("Write a character that can be seen."),
  string_pattern_mismatch: () => gettext("Write a character that can be seen."),
  string_too_long: () => gettext("This is too long."),
  too_short: () => gettext("A course needs one lesson at least."),
  too_long: () => gettext("These are too many."),
  uuid_parsing: () => gettext("This is not a UUID."),
  extra_forbidden: () => gettext("A course document has no such field."),
  missing: () => gettext("This is missing."),
  float_type: () => gettext("This is not a number."),
  unknown_time_zone: () => gettext("This is not a time zone, such as Europe/Berlin."),
  pass_mark_without_quiz: () => gettext("Only a quiz or an assignment has a pass mark."),
  two_due_dates: () => gettext("Only one of the two due dates can be set."),
  requires_itself: () => gettext("A lesson cannot come after itself."),
  unknown_lesson: () => gettext("There is no such lesson in the course."),
  circular_requirement: () => gettext("These lessons come after each other in a circle, so that none can begin."),
};

/**
 * A fault that the API found, in words for the author, with its place in the document.
 * @param {{ loc: (string | number)[], msg: string, type: string }} fault
 * @param {CourseDocument} doc
 * @returns {Fault}
 */
export function apiFault({ loc, msg, type }, doc) {
  const [, first, index, field] = loc;
  const text = API_FAULTS[type]?.() ?? msg;
  if (first !== "lessons" || index === undefined)
    return {
      location: first === undefined ? gettext("The document") : fieldName(String(first)),
      text,
      id: null,
      field: String(first),
    };
  const lesson = doc.lessons?.[Number(index)];
  return {
    location: lessonField(Number(index), field),
    text,
    id: lesson?.id,
    field: field === undefined ? undefined : String(field),
  };
}

/**
 * A fault that the page found, with its place.
 * @param {readonly CourseLesson[]} lessons
 * @param {DraftFault} fault
 * @returns {Fault}
 */
export function draftFault(lessons, fault) {
  const index = lessons.findIndex(({ id }) => id === fault.id);
  const location = index < 0 ? fieldName(fault.field) : lessonField(index, fault.field);
  return { location, text: draftFaultText(fault), id: fault.id, field: fault.field };
}

/**
 * @param {number} index
 * @param {string | number | undefined} field
 */
function lessonField(index, field) {
  const position = String(index + 1);
  if (field === undefined) return gettext("Lesson %(position)s", { position });
  return gettext("Lesson %(position)s, %(field)s", { position, field: fieldName(String(field)) });
}
