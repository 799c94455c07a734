// A calendar to walk through with the arrow keys. The day under the pointer, or with the focus, is told below it.

import { replace } from "./parts.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
let asSent = null;

function prepare(part) {
  asSent = part?.cloneNode(true);
  const table = part?.querySelector(".weeks");
  if (!table) return;
  table.setAttribute("role", "grid");
  const days = [...table.querySelectorAll(".day")];
  for (const day of days) day.tabIndex = -1;
  const readout = part.querySelector(".readout");
  const tell = (event) => {
    const day = event.target.closest(".day");
    if (day) readout.textContent = day.title;
  };
  days.reduce((one, other) => (column(one) > column(other) ? one : other)).tabIndex = 0;
  table.addEventListener("pointerover", tell);
  table.addEventListener("focusin", tell);
  table.addEventListener("keydown", (event) => walk(table, event));
}

const column = (day) => day.cellIndex;

function walk(table, event) {
  const [down, right] = STEPS[event.key] ?? [0, 0];
  const from = event.target.closest(".day");
  if (!from || !(down || right)) return;
  event.preventDefault();
  const to = table.rows[from.parentElement.rowIndex + down]?.cells[from.cellIndex + right];
  if (!to?.classList.contains("day")) return;
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

document.addEventListener("headway:part", (event) => {
  if (event.target.id !== "days") return;
  event.preventDefault();
  if (asSent?.isEqualNode(event.detail)) return;
  replace(event.target, event.detail);
  prepare(document.getElementById("days"));
});

prepare(document.getElementById("days"));
