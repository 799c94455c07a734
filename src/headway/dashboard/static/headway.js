// What every page does: finds its elements, and writes moments and numbers in the reader's own zone and locale.

/**
 * The first element that a selector matches. Throws an error when there is none, or when it is not of this kind.
 * @template {Element} [Kind=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} root
 * @param {new () => Kind} kind `any`, because a default value is not checked against a type parameter
 * @returns {Kind}
 */
export function find(selector, root = document, kind = /** @type {any} */ (HTMLElement)) {
  const found = root.querySelector(selector);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${kind.name} "${selector}".`);
}

/**
 * The value of an element's `data-` attribute, by its name in `dataset`. Throws an error when it is not there.
 * @param {HTMLElement} element
 * @param {string} name
 */
export function dataOf(element, name) {
  const value = element.dataset[name];
  if (value !== undefined) return value;
  throw new Error(`The element "${element.id || element.className}" has no data "${name}".`);
}

/** A copy of the element in a template. Throws an error when there is no such template. */
export function copyOf(/** @type {string} */ template) {
  const { content } = find(template, document, HTMLTemplateElement);
  return document.importNode(find("*", content), true);
}

/** The id of the element with the focus, when it is in this part of the page; otherwise null. */
export function focusedIn(/** @type {Element} */ part) {
  const focused = document.activeElement;
  return focused && part.contains(focused) ? focused.id : null;
}

const locale = document.documentElement.dataset.locale;
const moments = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

// `shown` rounds before these write.
const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 20 });
const percentages = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 20 });
const EXACT = 60; // digits of a fraction: enough to tell a tie from what is only close to one

/**
 * The value rounded for display, by the same rule as `shown` in the server's domain/bounds.py: the figure reaches 0 or a
 * mark only when the value does, with more decimals if need be.
 * @param {number} value
 */
export function shown(value, decimals = 0, marks = [100]) {
  for (let places = decimals; ; places += 1) {
    for (const figure of neighbours(value, places)) {
      const isSo = figure > 0 === value > 0 && marks.every((mark) => figure >= mark === value >= mark);
      if (isSo) return figure;
    }
  }
}

/**
 * @param {number} value
 * @param {number} decimals
 */
function neighbours(value, decimals) {
  const nearest = rounded(value, decimals);
  const step = 10 ** -decimals;
  return [nearest, rounded(nearest > value ? nearest - step : nearest + step, decimals)];
}

/**
 * The value with so many decimals; from the middle between two figures to the even one.
 * @param {number} value
 * @param {number} decimals
 */
function rounded(value, decimals) {
  const nearest = value.toFixed(decimals); // rounds a tie upwards
  const isMiddle = /^50*$/.test(value.toFixed(EXACT).split(".")[1].slice(decimals));
  const isOdd = Number(nearest.at(-1)) % 2 === 1;
  return Number(isMiddle && isOdd ? (Number(nearest) - 10 ** -decimals).toFixed(decimals) : nearest);
}

/** A figure with at most one decimal. */
export function number(/** @type {number} */ value) {
  return numbers.format(shown(value, 1, []));
}

/** A whole percentage from 0 to 100. */
export function percent(/** @type {number} */ value) {
  return percentages.format(/** @type {Intl.StringNumericLiteral} */ (`${shown(value)}E-2`));
}

/** A text whose direction of writing does not change the text around it. */
export function isolated(/** @type {string} */ text) {
  return `\u2068${text}\u2069`;
}

/** Write the moments in a part of the page in the reader's zone and locale. */
export function localize(/** @type {ParentNode} */ root) {
  /** @type {NodeListOf<HTMLTimeElement>} */
  const found = root.querySelectorAll("time[data-moment]");
  for (const time of found) {
    time.textContent = moments.format(new Date(time.dateTime));
  }
}

localize(document);
