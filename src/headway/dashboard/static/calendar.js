// A calendar to walk through with the arrow keys. The day under the pointer, or with the focus, is described below it.

import { replace } from "./parts.js";

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
/** @type {Node} */
let asSent = null;

/** @param {HTMLElement} day */
const dateOf = (day) => day.id.replace("day-", "");

/** @param {HTMLElement} part */
function prepare(part) {
  asSent = part?.cloneNode(true);
  /** @type {HTMLTableElement} */
  const table = part?.querySelector(".weeks");
  if (!table) return;
  table.setAttribute("role", "grid");
  /** @type {HTMLElement[]} */
  const days = Array.from(table.querySelectorAll(".day"));
  for (const day of days) day.tabIndex = -1;
  const readout = part.querySelector(".readout");
  const tell = (/** @type {Event} */ event) => {
    const day = dayOf(event);
    if (day) readout.textContent = day.title;
  };
  // Today, which is the last: rows are weekdays, so the last one of the document may be of the week before.
  let reached = days.reduce((one, other) => (dateOf(other) > dateOf(one) ? other : one));
  reached.tabIndex = 0;
  table.addEventListener("focusin", ({ target }) => {
    reached.tabIndex = -1;
    reached = /** @type {HTMLElement} */ (target);
    reached.tabIndex = 0;
  });
  table.addEventListener("pointerover", tell);
  table.addEventListener("focusin", tell);
  table.addEventListener("keydown", (event) => walk(table, event));
}

/** @returns {HTMLTableCellElement} */
function dayOf(/** @type {Event} */ { target }) {
  return /** @type {Element} */ (target).closest(".day");
}

/**
 * @param {HTMLTableElement} table
 * @param {KeyboardEvent} event
 */
function walk(table, event) {
  const [down, right] = STEPS[event.key] ?? [0, 0];
  const from = dayOf(event);
  if (!from || !(down || right)) return;
  event.preventDefault();
  const to =
    table.rows[/** @type {HTMLTableRowElement} */ (from.parentElement).rowIndex + down]?.cells[from.cellIndex + right];
  if (to?.classList.contains("day")) to.focus();
}

document.addEventListener("headway:part", (event) => {
  if (event.target.id !== "days") return;
  event.preventDefault();
  if (asSent?.isEqualNode(event.detail)) return;
  prepare(event.detail); // before it takes the place: a day keeps the focus only if it can have it
  replace(event.target, event.detail);
});

prepare(document.getElementById("days"));
