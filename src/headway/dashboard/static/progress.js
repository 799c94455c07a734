// A learner's lesson progress, read and written by the API. Every write is conditional: it names the etag of the lesson
// progress that the page has seen, and the API refuses it when the lesson progress has changed since.

import { dataOf } from "./headway.js";
import { ask, codeOf, conditionOf, etagOf } from "./service.js";
import { gettext } from "./words.js";

const ATTEMPTS = 5;
/** @type {Record<string, string>} */
const REASONS = {
  lesson_not_found: gettext("This lesson is not in the course any more. Copy what you want to keep."),
  course_not_found: gettext("This course is not in the catalogue any more. Copy what you want to keep."),
  lesson_locked: gettext("This lesson is locked until other lessons are completed."),
  not_enrolled: gettext("You are not enrolled in this course now."),
};
/** @type {DOMStringMap} */
const { api } = document.getElementById("lessons")?.dataset ?? {};

/**
 * Fulfilled when all writes that have begun are over. A new write replaces the promise.
 * @type {Promise<unknown>}
 */
export let writes = Promise.resolve();

/** The address of the lesson progress that an element of a list shows. */
export function addressOf(/** @type {HTMLElement} */ item) {
  /** @type {HTMLElement | null} */
  const course = item.closest("[data-course]");
  return `${api}/progress/${course?.dataset.course}/lessons/${dataOf(item, "lesson")}`;
}

/** A note with the line ends of a text field. */
export const textOf = (/** @type {string | null | undefined} */ note) => (note ?? "").replace(/\r\n?/g, "\n");

/**
 * Write fields of the lesson progress with this etag (null: there is none yet). If it has changed since, `decide` gets
 * the lesson progress as it is now (null: none). It returns what to leave stored, or null to write the fields on that.
 * @param {string} address
 * @param {Partial<LessonProgress>} fields
 * @param {string | null} etag
 * @param {(present: StoredProgress | null) => StoredProgress | null} decide
 */
export function store(address, fields, etag, decide) {
  const write = settle(address, fields, etag, decide);
  writes = Promise.allSettled([writes, write]);
  return write;
}

/**
 * @param {string} address
 * @param {Partial<LessonProgress>} fields
 * @param {string | null} etag
 * @param {(present: StoredProgress | null) => StoredProgress | null} decide
 */
async function settle(address, fields, etag, decide) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const stored = await put(address, fields, etag);
    if (stored) return stored;
    const present = await read(address);
    const settled = decide(present);
    if (settled) return settled;
    etag = present?.etag ?? null;
  }
  throw new Error(gettext("The lesson changes all the time. Try again in a moment."));
}

async function read(/** @type {string} */ address) {
  const answer = await ask(address);
  return progressOf(answer, "progress_not_found");
}

/**
 * @param {string} address
 * @param {Partial<LessonProgress>} fields
 * @param {string | null} etag
 */
async function put(address, fields, etag) {
  const answer = await ask(address, {
    method: "PUT",
    headers: { "Content-Type": "application/json", ...conditionOf(etag) },
    body: JSON.stringify(fields),
  });
  return progressOf(answer, "precondition_failed");
}

/**
 * The lesson progress of an answer, or null when the API refused with the code `none`.
 * @param {Response} answer
 * @param {string} none
 * @returns {Promise<StoredProgress | null>}
 */
async function progressOf(answer, none) {
  const code = await codeOf(answer);
  if (code === none) return null;
  if (!answer.ok) throw new Error(REASONS[code ?? ""] ?? gettext("The service did not accept this."));
  return { progress: await answer.json(), etag: etagOf(answer) };
}
