// The elements of the builder: its fields, what they show, and how they are put in their places.

import { newId } from "./course-model.js";
import { readFrom, shownIn } from "./course-values.js";
import { copyOf, find } from "./headway.js";

export const rowOf = (/** @type {Element} */ within) =>
  /** @type {HTMLElement | null} */ (within.closest("[data-lesson]"));
export const blockOf = (/** @type {Element} */ within) => /** @type {HTMLElement} */ (within.closest("[data-section]"));

/** @returns {NodeListOf<FormField>} */
export const fieldsOf = (/** @type {Element} */ root) => root.querySelectorAll("[name]:not([name='section'])");

/**
 * @param {Element} root
 * @param {string} name
 * @returns {FormField | null}
 */
export const fieldNamed = (root, name) => root.querySelector(`[name="${CSS.escape(name)}"]`);

/**
 * A field that every row or block has.
 * @param {HTMLElement} root
 * @param {string} name
 */
export function fieldOf(root, name) {
  const field = fieldNamed(root, name);
  if (!field) throw new Error(`There is no field "${name}".`);
  return field;
}

/** Whether a box is checked; undefined where the field is none. */
export const isChecked = (/** @type {FormField} */ input) =>
  input instanceof HTMLInputElement && input.type === "checkbox" ? input.checked : undefined;

/**
 * Show a value in a field, unless it is what the author has typed there.
 * @param {FormField} input
 * @param {unknown} value
 */
export function fill(input, value) {
  if (input instanceof HTMLInputElement && input.type === "checkbox") input.checked = value !== false;
  else if (input.name === "section" || readFrom(input.name, input.value) !== (value ?? null)) {
    const shown = shownIn(input.name, value);
    if (input.value !== shown) input.value = shown;
  }
}

/**
 * @param {Map<string, HTMLElement>} elements
 * @param {string} key
 * @param {string} template
 * @param {string} name the attribute that holds the key
 */
export function made(elements, key, template, name) {
  const element = copyOf(template);
  element.dataset[name] = key;
  elements.set(key, element);
  return element;
}

/**
 * Give an element these children in this order. What is in its place already is not touched.
 * @param {Element} parent
 * @param {readonly Element[]} wanted
 */
export function arrange(parent, wanted) {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  for (const [index, child] of wanted.entries()) {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  }
}

/**
 * @param {Map<string, HTMLElement>} elements
 * @param {ReadonlySet<string>} keys
 */
export function keepOnly(elements, keys) {
  for (const [key, element] of elements) {
    if (keys.has(key)) continue;
    element.remove();
    elements.delete(key);
  }
}

/**
 * @param {Element} root
 * @param {string} selector
 * @param {string} text
 */
export function label(root, selector, text) {
  find(selector, root).setAttribute("aria-label", text);
}

/**
 * @param {HTMLElement} button
 * @param {boolean} isOff
 */
export function setOff(button, isOff) {
  if (isOff) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}

/**
 * Write short texts beside each other.
 * @param {HTMLElement} line
 * @param {readonly string[]} texts
 */
export function write(line, texts) {
  if (line.textContent === texts.join(" ")) return;
  line.replaceChildren(
    ...texts.flatMap((text, position) => {
      const item = document.createElement("span");
      item.textContent = text;
      return position ? [" ", item] : [item];
    }),
  );
}

/**
 * Say at a field what is wrong with it.
 * @param {FormField} input
 * @param {string} text
 */
export function mark(input, text) {
  unmark(input);
  const words = document.createElement("span");
  words.id = `fault-${newId()}`;
  words.className = "field-error";
  words.textContent = text;
  input.dataset.fault = words.id;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", [words.id, input.dataset.hint].filter(Boolean).join(" "));
  const line = input.closest(".row-line, .course-title");
  if (line) line.after(words);
  else (input.closest("label") ?? input).after(words);
}

export function unmark(/** @type {FormField} */ input) {
  if (!input.dataset.fault) return;
  document.getElementById(input.dataset.fault)?.remove();
  delete input.dataset.fault;
  input.removeAttribute("aria-invalid");
  if (input.dataset.hint) input.setAttribute("aria-describedby", input.dataset.hint);
  else input.removeAttribute("aria-describedby");
}
