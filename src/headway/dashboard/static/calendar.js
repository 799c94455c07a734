// Makes a calendar that the arrow keys walk through. Below it stands the day that has the pointer, the finger or the focus.

import { find } from "./headway.js";
import { replace } from "./parts.js";

const TOWARD = document.documentElement.dir === "rtl" ? -1 : 1; // on a mirrored page, the next week is on the left
/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -TOWARD], ArrowRight: [0, TOWARD] };
/** @type {Node | null} */
let asSent = null;

/** @param {HTMLElement} day */
const dateOf = (day) => day.id.replace("day-", "");

/** @param {HTMLElement} part */
function prepare(part) {
  asSent = part.cloneNode(true);
  /** @type {HTMLTableElement | null} */
  const table = part.querySelector(".weeks");
  if (!table) return; // there is no course yet
  table.setAttribute("role", "grid");
  /** @type {HTMLElement[]} */
  const days = Array.from(table.querySelectorAll(".day"));
  for (const day of days) day.tabIndex = -1;
  const readout = find(".readout", part);
  const tell = (/** @type {Event} */ event) => {
    const day = dayOf(event);
    if (!day) return;
    readout.textContent = day.title;
    table.querySelector(".told")?.classList.remove("told");
    day.classList.add("told");
  };
  // The latest day, which is today. A row is a weekday, so the last day of the table may be in the week before.
  let reached = days.reduce((one, other) => (dateOf(other) > dateOf(one) ? other : one));
  reached.tabIndex = 0;
  table.addEventListener("focusin", ({ target }) => {
    reached.tabIndex = -1;
    reached = /** @type {HTMLElement} */ (target);
    reached.tabIndex = 0;
  });
  table.addEventListener("pointerover", tell);
  // A finger that moves on tells of the day that it is on now, and not of the one that it has touched first.
  table.addEventListener("pointerdown", ({ target, pointerId }) => {
    const touched = /** @type {Element} */ (target);
    if (touched.hasPointerCapture(pointerId)) touched.releasePointerCapture(pointerId);
  });
  table.addEventListener("focusin", tell);
  table.addEventListener("keydown", (event) => walk(table, event));
}

/** @returns {HTMLTableCellElement | null} */
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
  prepare(event.detail); // before it is in the page: only a day that is prepared can keep the focus
  replace(event.target, event.detail);
});

const days = document.getElementById("days");
if (days) prepare(days);
