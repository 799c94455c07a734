// The quick search in a dialog: Ctrl K, or ⌘ K on Apple's computers. Results come while the reader types.

import { find } from "./headway.js";
import { gettext } from "./words.js";

const PAUSE = 150; // milliseconds without a key, before the text is looked for
const dialog = find("#quick-search", document, HTMLDialogElement);
const text = find("#quick-text", dialog, HTMLInputElement);
const results = find("#quick-results", dialog);
const says = find("#quick-says", dialog);
const button = find("#quick-open");
const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let request = new AbortController();

if (isApple) find("kbd", button).textContent = "⌘ K";

function open() {
  if (!document.querySelector("dialog[open]")) dialog.showModal(); // its first field gets the focus
}

/** Show what was found, or nothing: what the text found before does not count any more. */
function show(/** @type {Node[]} */ found = [], sentence = "") {
  results.replaceChildren(...found);
  says.textContent = sentence;
  text.ariaExpanded = String(options().length > 0);
  choose(options()[0]);
}

/** @returns {HTMLElement[]} */
const options = () => [...results.querySelectorAll("[role=option]")].filter((one) => one instanceof HTMLElement);
const chosen = () => options().find((one) => one.ariaSelected === "true");

function choose(/** @type {HTMLElement | undefined} */ option) {
  for (const one of options()) one.ariaSelected = String(one === option);
  if (!option) return text.removeAttribute("aria-activedescendant");
  text.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

/** Choose the next option, or the one before; after the last one comes the first. */
function step(/** @type {number} */ by) {
  const all = options();
  const present = chosen();
  const from = present ? all.indexOf(present) : by > 0 ? -1 : 0;
  choose(all.at((from + by) % all.length));
}

/** Look for the text. A later text breaks off the request of an earlier one. */
async function look() {
  const { signal } = request;
  const address = `${find("form", dialog, HTMLFormElement).action}?${new URLSearchParams({ q: text.value })}`;
  try {
    const answer = await fetch(address, {
      headers: { "HX-Request": "true", "HX-Target": results.id, "HX-Current-URL": location.href },
      cache: "no-store",
      signal,
    });
    const signIn = answer.headers.get("HX-Redirect");
    if (signIn) return location.assign(signIn);
    if (!answer.ok) throw new Error(`The search answered ${answer.status}.`);
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    const sentence = found.querySelector("[data-says]");
    sentence?.remove();
    if (!signal.aborted) show([...found.body.children], sentence?.textContent.trim());
  } catch (error) {
    if (signal.aborted) return;
    console.warn(error);
    show([], gettext("The search does not answer now. Please try again."));
  }
}

/** Forget what the last text found, and break off its request. */
function forget() {
  clearTimeout(timer);
  request.abort();
  request = new AbortController();
}

text.addEventListener("input", () => {
  forget();
  choose(undefined);
  if (text.value.trim()) timer = setTimeout(look, PAUSE);
  else show();
});

text.addEventListener("keydown", (event) => {
  if (event.isComposing || !options().length) return;
  if (event.key === "ArrowDown") step(1);
  else if (event.key === "ArrowUp") step(-1);
  else if (event.key === "Enter" && chosen()) chosen()?.click();
  else return;
  event.preventDefault();
});

dialog.addEventListener("click", ({ target }) => {
  if (target === dialog) dialog.close(); // the space around it
});
dialog.addEventListener("close", () => {
  forget();
  text.value = "";
  show();
});
find("#quick-close", dialog).addEventListener("click", () => dialog.close());
button.addEventListener("click", (event) => {
  event.preventDefault();
  open();
});
document.addEventListener("keydown", (event) => {
  const isHeld = isApple ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  if (!isHeld || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
  event.preventDefault();
  open();
});
