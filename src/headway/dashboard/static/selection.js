// The people who are selected in a table: how many there are, and copying their e-mail addresses.

import { find, number } from "./headway.js";
import { gettext, ngettext } from "./words.js";

const PEOPLE = 'input[name="user_ids"][type="checkbox"]';
/** @returns {HTMLFormElement | null} */
const bar = () => document.querySelector("#selection");
const people = () => /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll(PEOPLE)]);
const selected = () => people().filter((one) => one.checked);
/** How many people these are: a table may have several lines of one. */
const count = (/** @type {HTMLInputElement[]} */ lines) => new Set(lines.map((one) => one.value)).size;

/** Show how many people are selected, and the bar where anybody is. */
function show() {
  const form = bar();
  if (!form) return;
  const chosen = count(selected());
  form.toggleAttribute("data-any", chosen > 0);
  find("[data-selected]", form).textContent = ngettext("%(shown)s selected", "%(shown)s selected", chosen, {
    shown: number(chosen),
  });
  find("[data-copied]", form).textContent = "";
  find("[data-addresses]", form).hidden = true;
  /** @type {NodeListOf<HTMLInputElement>} */
  const all = document.querySelectorAll("[data-select-all]");
  for (const one of all) {
    one.checked = chosen > 0 && chosen === count(people());
    one.indeterminate = chosen > 0 && !one.checked;
  }
}

function select(/** @type {boolean} */ isSelected) {
  for (const one of people()) one.checked = isSelected;
  show();
}

/** Select or deselect all lines of a person, as one of them is. */
function selectPerson(/** @type {HTMLInputElement} */ line) {
  for (const one of people()) if (one.value === line.value) one.checked = line.checked;
  show();
}

/** Copy the addresses of the selected people. Where the browser does not allow that, show them to be copied by hand. */
async function copy(/** @type {HTMLFormElement} */ form) {
  const chosen = selected();
  const addresses = [...new Set(chosen.flatMap(({ dataset }) => dataset.email ?? []))];
  const without = count(chosen.filter(({ dataset }) => !dataset.email));
  /** @type {string[]} */
  const said = [];
  if (addresses.length > 0) said.push(await given(form, addresses));
  if (without > 0)
    said.push(
      ngettext("%(shown)s of the selected has no address.", "%(shown)s of the selected have no address.", without, {
        shown: number(without),
      }),
    );
  find("[data-copied]", form).textContent = said.join(" ");
}

/**
 * Give the addresses to the clipboard or show them, and return what was done.
 * @param {HTMLFormElement} form
 * @param {string[]} addresses
 */
async function given(form, addresses) {
  const shown = { shown: number(addresses.length) };
  const text = addresses.join(", ");
  try {
    await navigator.clipboard.writeText(text);
    return ngettext("%(shown)s address copied.", "%(shown)s addresses copied.", addresses.length, shown);
  } catch {
    const field = find("[data-addresses]", form, HTMLTextAreaElement);
    field.hidden = false;
    field.value = text;
    field.select();
    return gettext("The browser does not allow copying. Copy the addresses from the field.");
  }
}

document.addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return;
  if (target.matches("[data-select-all]")) select(target.checked);
  else if (target.matches(PEOPLE)) selectPerson(target);
});

document.addEventListener("click", ({ target }) => {
  const form = bar();
  if (!form || !(target instanceof Element)) return;
  if (target.matches("[data-copy]")) copy(form);
  if (target.matches("[data-select-none]")) {
    select(false);
    document.querySelector(/** @type {"input"} */ ("[data-select-all]"))?.focus();
  }
});

// A browser may keep what was selected when it shows a page again; a table that was fetched again has nobody selected.
addEventListener("pageshow", show);
show();
