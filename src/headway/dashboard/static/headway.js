// What every page does: moments and numbers in the reader's own zone and locale.

const locale = document.documentElement.dataset.locale;
const moments = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

// What is written is rounded before, by `shown`.
const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 20 });
const percentages = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 20 });
const EXACT = 60; // digits of a fraction, more than those of which all are zeros behind a tie

/**
 * The value as people are shown it, as `shown` of the server's domain/bounds.py makes it.
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
 * To so many decimals, from the middle between two to the even one.
 * @param {number} value
 * @param {number} decimals
 */
function rounded(value, decimals) {
  const nearest = value.toFixed(decimals); // from the middle upwards
  const isMiddle = /^50*$/.test(value.toFixed(EXACT).split(".")[1].slice(decimals));
  const isOdd = Number(nearest.at(-1)) % 2 === 1;
  return Number(isMiddle && isOdd ? (Number(nearest) - 10 ** -decimals).toFixed(decimals) : nearest);
}

/** A figure to three decimals at most. */
export function number(/** @type {number} */ value) {
  return numbers.format(shown(value, 3, []));
}

/** A percentage of 0 to 100, to one decimal at most. */
export function percent(/** @type {number} */ value) {
  return percentages.format(/** @type {Intl.StringNumericLiteral} */ (`${shown(value, 1)}E-2`));
}

/**
 * A figure and what it counts, a word in the singular: "1 lesson", "0 lessons".
 * @param {number} value
 * @param {string} of
 */
export function count(value, of) {
  const written = number(value);
  return written === number(1) ? `${written} ${of}` : `${written} ${of}s`;
}

/** A text that runs in its own direction, whichever that is, within another one. */
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
