// The sentences of the scripts in the page's language. A message is the English sentence; `%(name)s` stands for a value.
// `words-{language}.js`, which is made from the catalogue of that language, comes before all modules.

const CATEGORIES = ["zero", "one", "two", "few", "many", "other"]; // in the order of gettext's plural forms

/** @type {Record<string, string[]>} */
const known = /** @type {any} */ (globalThis).headwayWords ?? {};
const rules = new Intl.PluralRules(document.documentElement.lang || "en");
const used = CATEGORIES.filter((category) =>
  /** @type {string[]} */ (rules.resolvedOptions().pluralCategories).includes(category),
);

/**
 * Return a sentence with its values.
 * @param {string} message
 * @param {Record<string, string | number>} [values]
 */
export function gettext(message, values = {}) {
  return filled(known[message]?.[0] || message, values);
}

/**
 * Return the sentence for a number of things with its values.
 * @param {string} one the sentence for one thing
 * @param {string} many the sentence for any other number
 * @param {number} number
 * @param {Record<string, string | number>} [values]
 */
export function ngettext(one, many, number, values = {}) {
  const form = known[one]?.[used.indexOf(rules.select(number))];
  return filled(form || (number === 1 ? one : many), values);
}

/**
 * @param {string} sentence
 * @param {Record<string, string | number>} values
 */
function filled(sentence, values) {
  return sentence.replace(/%\((\w+)\)s|%%/g, (found, name) => (found === "%%" ? "%" : String(values[name])));
}
