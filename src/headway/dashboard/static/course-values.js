// The values of a course's fields, as texts that stand in fields and are typed there.

import { parseDuration, writeDuration } from "./durations.js";

/**
 * A value as it stands in its field.
 * @param {string} field
 * @param {unknown} value
 */
export function shownIn(field, value) {
  if (value === null || value === undefined) return "";
  if (field === "duration_seconds" && typeof value === "number") return writeDuration(value);
  if (field === "due_at") return localMoment(String(value));
  return String(value);
}

/**
 * What was typed in a field, as its value. A text that can not be read stays as it is: `faultsOf` finds it.
 * @param {string} field
 * @param {string} text
 */
export function readFrom(field, text) {
  const trimmed = text.trim();
  if (field === "title" || field === "kind" || field === "time_zone" || field === "on_edit") return text;
  if (trimmed === "") return null;
  if (field === "duration_seconds") return parseDuration(trimmed) ?? text;
  if (field === "pass_mark" || field === "complete_at") return numberOf(trimmed) ?? text;
  if (field === "due_after_days" || field === "valid_for_days")
    return /^[1-9]\d*$/.test(trimmed) ? Number(trimmed) : text;
  if (field === "due_at") return new Date(trimmed).toISOString();
  return trimmed;
}

function numberOf(/** @type {string} */ text) {
  const number = Number(text.replace(/\s*%$/, "").replace(",", "."));
  return Number.isFinite(number) ? number : undefined;
}

/** A moment as a field for a date and a time holds it, in the author's own time zone. */
function localMoment(/** @type {string} */ moment) {
  const date = new Date(moment);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
