// Shows new figures of a course in the elements of the page that have the old ones.

import { dataOf, number, percent, shown } from "./headway.js";
import { gettext } from "./words.js";

const NOBODY = "–";

// Writes a figure as the server does, by its element's `data-as`.
/** @type {Record<string, (value: number) => string>} */
const WRITTEN = {
  number,
  percent,
  minutes: (value) => {
    const whole = shown(value, 0, []);
    const [hours, minutes] = [Math.floor(whole / 60), whole % 60];
    return hours
      ? gettext("%(hours)s h %(minutes)s min", { hours: number(hours), minutes })
      : gettext("%(minutes)s min", { minutes });
  },
};

/**
 * The figure at a path of names; null or undefined where there is none.
 * @param {CourseFigures} figures
 * @param {string} path
 * @returns {number | null | undefined}
 */
export function at(figures, path) {
  const step = (/** @type {any} */ value, /** @type {string} */ name) => value?.[name];
  return path.split(".").reduce(step, figures);
}

/**
 * Show the figures in a part of the page, and mark for a moment those that have changed.
 * @param {ParentNode} part
 * @param {CourseFigures} figures
 */
export function show(part, figures) {
  /** @type {NodeListOf<HTMLElement>} */
  const elements = part.querySelectorAll("[data-figure]");
  for (const element of elements) {
    const value = at(figures, dataOf(element, "figure"));
    const written = value === null || value === undefined ? NOBODY : WRITTEN[dataOf(element, "as")](value);
    if (written !== element.textContent) {
      element.textContent = written;
      flash(element);
    }
  }
}

function flash(/** @type {HTMLElement} */ element) {
  element.classList.remove("changed");
  void element.offsetWidth; // so that the animation begins again
  element.classList.add("changed");
}
