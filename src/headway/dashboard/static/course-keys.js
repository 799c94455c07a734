// What keys do in the builder: Enter, the arrows, Backspace, and those that undo.

import { blockOf, fieldOf, rowOf } from "./course-elements.js";
import { isBlank } from "./course-model.js";
import { find } from "./headway.js";

/** @type {Record<string, number>} */
const STEPS = { ArrowUp: -1, ArrowDown: 1 };

/**
 * @param {CourseBuilder} builder
 * @param {KeyboardEvent} event
 */
export function pressed(builder, event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const isCommand = event.ctrlKey || event.metaKey;
  if (event.isComposing) return;
  if (isCommand && !event.altKey && ["z", "y"].includes(event.key.toLowerCase())) {
    event.preventDefault();
    if (event.shiftKey || event.key.toLowerCase() === "y") builder.redo();
    else builder.undo();
    return;
  }
  const row = rowOf(target);
  const direction = STEPS[event.key];
  // In a choice, these keys have a meaning of their own.
  if (direction && event.altKey && !(target instanceof HTMLSelectElement)) step(builder, event, row, direction);
  else if (event.altKey || isCommand || !isText(target)) return;
  else if (event.key === "Enter") entered(builder, event, target, row);
  else if (direction && row && ["title", "duration_seconds"].includes(target.name) && !hasLineTo(target, direction))
    goTo(builder, event, row, direction, target);
  else if (event.key === "Backspace" && row && target.name === "title") deleted(builder, event, row, target);
}

/** @returns {target is TextField} */
const isText = (/** @type {HTMLElement} */ target) =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;

/**
 * Whether an arrow may still lead to another line of the same title.
 * @param {TextField} field
 * @param {number} direction
 */
function hasLineTo(field, direction) {
  if (field instanceof HTMLInputElement) return false;
  const hasLines = field.clientHeight > 3.5 * Number.parseFloat(getComputedStyle(field).fontSize);
  return hasLines && field.selectionStart !== (direction < 0 ? 0 : field.value.length);
}

/**
 * Move what has the focus: a lesson, or a section.
 * @param {CourseBuilder} builder
 * @param {KeyboardEvent} event
 * @param {HTMLElement | null} row
 * @param {number} direction
 */
function step(builder, event, row, direction) {
  const block = /** @type {Element} */ (event.target).closest("[data-section]");
  if (!(block instanceof HTMLElement)) return;
  event.preventDefault();
  if (row) builder.stepLesson(row, direction);
  else builder.stepSection(block, direction);
}

/**
 * Enter in a field: to the next one, or to a new lesson.
 * @param {CourseBuilder} builder
 * @param {KeyboardEvent} event
 * @param {TextField} input
 * @param {HTMLElement | null} row
 */
function entered(builder, event, input, row) {
  if (input.name === "section") {
    event.preventDefault();
    builder.enterSection(blockOf(input));
  } else if (input.id === "course-title") {
    event.preventDefault();
    find("[name='section']", builder.view.list).focus();
  } else if (row && ["title", "duration_seconds"].includes(input.name)) {
    event.preventDefault();
    if (input.name === "title" && input.value.startsWith("#")) builder.beginSection(row, input);
    else builder.addAfter(row);
  } else if (input.dataset.bulk) builder.bulkEdit(input);
}

/**
 * To the same field of the lesson above or below.
 * @param {CourseBuilder} builder
 * @param {KeyboardEvent} event
 * @param {HTMLElement} row
 * @param {number} direction
 * @param {TextField} input
 */
function goTo(builder, event, row, direction, input) {
  const rows = [...builder.view.list.querySelectorAll("[data-section]:not([data-folded]) [data-lesson]")];
  const next = rows[rows.indexOf(row) + direction];
  if (!(next instanceof HTMLElement)) return;
  event.preventDefault();
  fieldOf(next, input.name).focus();
}

/**
 * Backspace in an empty lesson takes it away.
 * @param {CourseBuilder} builder
 * @param {KeyboardEvent} event
 * @param {HTMLElement} row
 * @param {TextField} input
 */
function deleted(builder, event, row, input) {
  const lesson = builder.view.lesson(row);
  if (input.value !== "" || event.repeat || !lesson || !isBlank(lesson)) return;
  event.preventDefault();
  builder.remove(new Set([lesson.id]), -1);
}
