// What every page does: moments and numbers in the reader's own zone and locale.

const locale = document.documentElement.dataset.locale;
const moments = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

// As the server writes them: to the even neighbour, of the decimal number that a value is as text.
const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 3, roundingMode: "halfEven" });
const percentages = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1, roundingMode: "halfEven" });
const LEAST_WITHOUT_EXPONENT = 1e-6;

export function number(value) {
  return numbers.format(String(value));
}

/** A percentage of 0 to 100, to one decimal at most. */
export function percent(value) {
  return percentages.format(value < LEAST_WITHOUT_EXPONENT ? "0" : `${value}E-2`);
}

/** A figure and what it counts, a word in the singular: "1 lesson", "0 lessons". */
export function count(value, of) {
  const written = number(value);
  return written === number(1) ? `${written} ${of}` : `${written} ${of}s`;
}

/** A text that runs in its own direction, whichever that is, within another one. */
export function isolated(text) {
  return `\u2068${text}\u2069`;
}

export function localize(root) {
  for (const time of root.querySelectorAll("time[data-moment]")) {
    time.textContent = moments.format(new Date(time.dateTime));
  }
}

localize(document);
