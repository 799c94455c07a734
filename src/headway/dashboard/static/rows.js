// A learner's lesson progress, by the API. It comes with its etag. A write with an older etag is refused.

import { ask, codeOf } from "./service.js";

const ATTEMPTS = 5;
/** @type {Record<string, string>} */
const REASONS = {
  lesson_not_found: "This lesson is not in the course any more. Copy what you want to keep.",
  course_not_found: "This course is not in the catalogue any more. Copy what you want to keep.",
};
/** @type {DOMStringMap} */
const { api, course } = document.getElementById("lessons")?.dataset ?? {};

/**
 * Fulfilled once every write that has begun is over. Another promise from then on that another one begins.
 * @type {Promise<unknown>}
 */
export let writes = Promise.resolve();

const addressOf = (/** @type {string} */ lessonId) => `${api}/progress/${course}/lessons/${lessonId}`;

/** The lesson that an element of the list stands for. */
export const lessonOf = (/** @type {Element} */ item) => item.id.replace("lesson-", "");

/** A note as a text field holds it. */
export const textOf = (/** @type {string} */ note) => (note ?? "").replace(/\r\n?/g, "\n");

/**
 * Write fields on the row of this etag (null: there is none yet). Where it is another row meanwhile, `decide` is given
 * that one (null: none), and answers what to leave it at, or nothing: then the fields are written on that one.
 * @param {string} lessonId
 * @param {Partial<LessonRow>} fields
 * @param {string} etag
 * @param {(present: StoredRow) => StoredRow} decide
 */
export function store(lessonId, fields, etag, decide) {
  const write = settle(lessonId, fields, etag, decide);
  writes = Promise.allSettled([writes, write]);
  return write;
}

/**
 * @param {string} lessonId
 * @param {Partial<LessonRow>} fields
 * @param {string} etag
 * @param {(present: StoredRow) => StoredRow} decide
 */
async function settle(lessonId, fields, etag, decide) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const stored = await put(lessonId, fields, etag);
    if (stored) return stored;
    const present = await read(lessonId);
    const settled = decide(present);
    if (settled) return settled;
    etag = present?.etag ?? null;
  }
  throw new Error("The lesson changes all the time. Try again in a moment.");
}

async function read(/** @type {string} */ lessonId) {
  const answer = await ask(addressOf(lessonId));
  return rowOf(answer, "progress_not_found");
}

/**
 * @param {string} lessonId
 * @param {Partial<LessonRow>} fields
 * @param {string} etag
 */
async function put(lessonId, fields, etag) {
  /** @type {Record<string, string>} */
  const condition = etag ? { "If-Match": `"${etag}"` } : { "If-None-Match": "*" };
  const answer = await ask(addressOf(lessonId), {
    method: "PUT",
    headers: { "Content-Type": "application/json", ...condition },
    body: JSON.stringify(fields),
  });
  return rowOf(answer, "precondition_failed");
}

/**
 * The row that was answered; null where that was refused with the code that stands for none.
 * @param {Response} answer
 * @param {string} none
 * @returns {Promise<StoredRow>}
 */
async function rowOf(answer, none) {
  const code = await codeOf(answer);
  if (code === none) return null;
  if (!answer.ok) throw new Error(REASONS[code] ?? "The service does not take this.");
  return { row: await answer.json(), etag: answer.headers.get("ETag").replaceAll('"', "") };
}
