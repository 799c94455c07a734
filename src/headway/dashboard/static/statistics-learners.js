// The learners of a course: the roster is filtered, sorted and paged in place. It does not change while it is read.

import { find, isolated } from "./headway.js";
import { clock, follow, part, refresh } from "./statistics.js";
import { gettext } from "./words.js";

const form = find("#roster-form", document, HTMLFormElement);
/** @type {HTMLSelectElement | null} */
const group = form.querySelector("#group");
const groupAtFirst = group?.value;

/** Say what time the roster shows. */
function dateRoster() {
  const asOf = document.getElementById("roster-as-of");
  if (asOf) asOf.textContent = gettext("As of %(time)s", { time: isolated(clock.format(new Date())) });
}

/**
 * Say who was found. A link to another page, or the button that asks for the present roster, leads to the table.
 * @param {HTMLElement} roster
 * @param {HTMLElement} asker
 */
function rosterCame(roster, asker) {
  dateRoster();
  find("#roster-said").textContent = roster.querySelector("[data-says]")?.textContent.trim().replace(/\s+/g, " ") ?? ""; // a fault is an alert
  if (!asker.matches(".pager a, #roster-again")) return;
  /** @type {HTMLElement | null} */
  const frame = roster.querySelector(".table-frame");
  frame?.focus({ preventScroll: true });
  roster.scrollIntoView();
}

document.addEventListener("click", ({ target }) => {
  if (target instanceof Element && target.matches("#roster-again")) refresh("#roster-again");
});

// Another class is another page: its head, its tabs and its stream are of that class. The browser loads it.
form.addEventListener(
  "submit",
  (event) => {
    if (group && group.value !== groupAtFirst) event.stopImmediatePropagation();
  },
  { capture: true },
);
// What is asked for in place is of the present class, also after another one was chosen and not yet shown.
document.addEventListener("htmx:configRequest", ({ target, detail: { formData } }) => {
  if (!form.contains(/** @type {Node} */ (target))) return;
  if (groupAtFirst) formData.set("group", groupAtFirst);
  else formData.delete("group");
});
form.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData.entries()]) if (value === "") formData.delete(name);
});

/** Show the filters of the address in the fields. */
function showFilters() {
  const wanted = new URLSearchParams(location.search);
  /** @type {NodeListOf<HTMLInputElement>} */
  const fields = form.querySelectorAll("[id][name]");
  for (const field of fields) field.value = wanted.get(field.name) ?? "";
}

dateRoster();
follow({
  figures: () => {
    const roster = find(`#${part}`);
    if (roster.querySelector("[data-is-empty]")) refresh();
    else document.getElementById("roster-again")?.setAttribute("data-is-old", "");
  },
  fetched: rosterCame,
  stepped: showFilters,
});
