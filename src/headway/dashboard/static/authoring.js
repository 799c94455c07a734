// The page of a course's document. The author edits it as a form or as JSON, checks it and saves it. The API checks and
// saves.

import { ambiguity, CourseForm } from "./course-form.js";
import { conflict, editedMeanwhile, element, faults, impact, saved, trouble } from "./course-report.js";
import { count, dataOf, find, number } from "./headway.js";
import { ask, codeOf, conditionOf, etagOf, SignedOut, SomebodyElse, Unavailable } from "./service.js";

const form = find("#course");
const text = find("#course-json", document, HTMLTextAreaElement);
const result = find("#result");
const state = find("#state");
const check = find("#check");
const said = find("#said");
const recalculating = find("#recalculation");
const address = dataOf(form, "course");
const POLL_MILLISECONDS = 1000;

/** @type {Record<string, HTMLElement>} */
const tabs = { form: find("#tab-form"), json: find("#tab-json") };
/** @type {Record<string, HTMLElement>} */
const panels = { form: find("#as-form"), json: find("#as-json") };
let view = "form";
let etag = dataOf(form, "etag"); // of the version that is edited; empty: the course does not exist yet
/** @type {CourseDocument | null} */
let base = etag ? JSON.parse(text.value) : null; // that version
let untouched = JSON.stringify(JSON.parse(text.value));
/** @type {Element | null} */
let asker = null; // the element that had the focus when the present request was sent; null: there is no request

const say = (/** @type {string} */ what) => {
  said.textContent = what;
};
const fields = new CourseForm(form, { say, changed });

/**
 * The document as it is edited now. Throws SyntaxError when it is not a JSON object.
 * @returns {CourseDocument}
 */
function current() {
  if (view === "form") return fields.read();
  const doc = JSON.parse(text.value);
  if (doc === null || typeof doc !== "object" || Array.isArray(doc))
    throw new SyntaxError("A course is an object: { … }");
  return doc;
}

/** Whether the document, written as JSON, is still this text. */
function isStill(/** @type {string} */ written) {
  try {
    return JSON.stringify(current()) === written;
  } catch {
    return false;
  }
}

const isDirty = () => !isStill(untouched);

function tellState() {
  state.textContent = !etag ? "Not saved yet" : isDirty() ? "Changes that are not saved" : "No changes";
}

/**
 * Drop what was said about the document before this change. The faults of other fields stay.
 * @param {HTMLElement} [input] the field that was changed
 */
function changed(input) {
  if (input) unmark(input);
  result.querySelector("[data-until-edited]")?.remove();
  tellState();
}

// --- The two views

function show(/** @type {string} */ wanted) {
  if (wanted === view) return;
  try {
    if (wanted === "json") text.value = JSON.stringify(fields.read(), null, 2);
    else fields.fill(current());
  } catch (error) {
    tell([{ location: "JSON", text: error instanceof Error ? error.message : String(error), field: text }]);
    text.focus();
    return;
  }
  view = wanted;
  for (const [name, tab] of Object.entries(tabs)) {
    tab.setAttribute("aria-selected", String(name === view));
    tab.tabIndex = name === view ? 0 : -1;
    panels[name].hidden = name !== view;
  }
}

for (const [name, tab] of Object.entries(tabs)) {
  tab.addEventListener("click", () => show(name));
  tab.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    show(name === "form" ? "json" : "form");
    tabs[view].focus();
  });
}
text.addEventListener("input", () => changed(text));

// --- The API

/**
 * @param {string} body
 * @param {string} query
 */
function put(body, query = "") {
  const headers = { "Content-Type": "application/json", ...conditionOf(etag) };
  return ask(address + query, { method: "PUT", headers, body });
}

/**
 * The course as it is stored; `doc` is null when it was removed.
 * @returns {Promise<{ doc: CourseDocument | null, etag: string, recalculation: Recalculation | null }>}
 */
async function load() {
  const reply = await ask(address);
  if ((await codeOf(reply)) === "course_not_found") return { doc: null, etag: "", recalculation: null };
  if (!reply.ok) throw new Unavailable();
  const { version, recalculation, ...doc } = await reply.json();
  return { doc, etag: String(version), recalculation };
}

// --- What is wrong

/**
 * The message at each field that has a fault.
 * @type {Map<HTMLElement, HTMLElement>}
 */
const marks = new Map();

function unmark(/** @type {HTMLElement} */ input) {
  marks.get(input)?.remove();
  marks.delete(input);
  input.removeAttribute("aria-invalid");
  if (input.dataset.hint) input.setAttribute("aria-describedby", input.dataset.hint);
  else input.removeAttribute("aria-describedby");
}

function clearFaults() {
  for (const input of marks.keys()) unmark(input);
}

/**
 * @param {HTMLElement} input
 * @param {string} message
 * @param {number} number
 */
function mark(input, message, number) {
  const id = `fault-${number}`;
  unmark(input);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", [id, input.dataset.hint].filter(Boolean).join(" "));
  const words = element("span", { id, classes: "field-error" }, message);
  marks.set(input, words);
  (input.closest("label") ?? input).after(words);
  const folded = input.closest("details");
  if (folded) folded.open = true;
}

function tell(/** @type {Fault[]} */ found) {
  clearFaults();
  found.forEach(({ location, text: message, field }, number) => {
    if (field) mark(field, `${location.split(", ").at(-1)}: ${message}`, number);
  });
  report(faults(found, (field) => fields.open(field)));
}

/** @type {Record<string, string>} */
const WORDS = {
  title: "Title",
  section: "Section",
  kind: "Kind",
  duration_seconds: "Duration",
  time_zone: "Time zone",
  pass_mark: "Pass mark",
  complete_at: "Completed at",
  on_edit: "After an edit",
  lessons: "Lessons",
};

/** The location of a fault in words, from the location that the API names. */
function worded(/** @type {(string | number)[]} */ [first, index, part]) {
  if (first === undefined) return "The document";
  if (first !== "lessons" || index === undefined) return WORDS[first] ?? String(first);
  const lesson = `Lesson ${Number(index) + 1}`;
  return part === undefined ? lesson : `${lesson}, ${WORDS[part] ?? part}`;
}

// Words for authors in place of the API's messages for programmers.
/** @type {Record<string, string>} */
const KINDS = {
  string_too_short: "it needs a character that can be seen",
  too_short: "there is one at least",
  uuid_parsing: "this is not a UUID",
  extra_forbidden: "there is no such field in a course document",
  missing: "this is missing",
  float_type: "this is no number",
};

function tellFaults(/** @type {{ loc: (string | number)[], msg: string, type: string }[]} */ detail) {
  tell(
    detail.map(({ loc, msg, type }) => {
      const location = loc.slice(1);
      const field = view === "form" ? fields.field(location) : null;
      return { location: worded(location), text: ambiguity(field) ?? KINDS[type] ?? msg, field };
    }),
  );
}

// --- Checking and saving

/** Show the result of a request. It gets the focus, unless the author has moved the focus meanwhile. */
function report(/** @type {HTMLElement} */ made) {
  const isAwaited = [asker, document.body].includes(document.activeElement);
  result.replaceChildren(made);
  if (isAwaited) result.focus();
}

/**
 * @param {Response} reply
 * @param {CourseDocument} doc
 */
async function answered(reply, doc) {
  if (reply.ok) return true;
  if ((await codeOf(reply)) === "precondition_failed") await tellConflict(doc);
  else if (reply.status === 422) tellFaults((await reply.json()).detail);
  else {
    const reason = await reply.json().then(
      (body) => body.detail,
      () => "",
    );
    report(trouble("That did not work", String(reason || reply.status), " Your edits are here still."));
  }
  return false;
}

async function attempt(/** @type {() => Promise<void>} */ work) {
  if (asker) return;
  asker = document.activeElement;
  check.setAttribute("aria-disabled", "true");
  try {
    await work();
  } catch (error) {
    tellState();
    tellError(error);
  } finally {
    asker = null;
    check.removeAttribute("aria-disabled");
  }
}

function tellError(/** @type {unknown} */ error) {
  if (error instanceof SyntaxError) tell([{ location: "JSON", text: error.message, field: text }]);
  else if (error instanceof SignedOut) {
    const again = `${dataOf(form, "signIn")}?${new URLSearchParams({ next: location.pathname })}`;
    const link = element("a", { href: again, target: "_blank", rel: "noopener" }, "Sign in in another tab");
    report(trouble("Your session is over", link, ", then come back and go on: your edits are here still."));
  } else if (error instanceof SomebodyElse) {
    report(
      trouble(
        "Somebody else has signed in",
        "Nothing was stored. Your edits are here still: copy them as JSON, then load the page again.",
      ),
    );
  } else if (error instanceof Unavailable) {
    report(trouble("The service does not answer", "Your edits are here still. Try again in a moment."));
  } else throw error;
}

const checkNow = () =>
  attempt(async () => {
    const doc = current();
    const written = JSON.stringify(doc);
    clearFaults();
    state.textContent = "Checking …";
    const reply = await put(written, "?dry_run=true");
    tellState();
    // The focus stays where it is while the author types.
    if ([200, 422].includes(reply.status) && !isStill(written)) result.replaceChildren(editedMeanwhile());
    else if (await answered(reply, doc)) report(impact(await reply.json(), base, doc, () => saveNow(doc)));
  });

const saveNow = (/** @type {CourseDocument} */ doc) =>
  attempt(async () => {
    state.textContent = "Saving …";
    const reply = await put(JSON.stringify(doc));
    tellState();
    if (await answered(reply, doc)) tellSaved(doc, etagOf(reply));
  });

/**
 * Continue from the saved document, and keep what the author has typed since.
 * @param {CourseDocument} doc
 * @param {string} version
 */
function tellSaved(doc, version) {
  goOnFrom(doc, version);
  history.replaceState(null, "", location.pathname);
  if (!isDirty()) state.textContent = "Saved";
  report(saved(isDirty()));
  watch();
}

/**
 * @param {CourseDocument} doc
 * @param {string} version
 */
function goOnFrom(doc, version) {
  base = doc;
  etag = version;
  untouched = JSON.stringify(doc);
  find("#course-name").textContent = doc.title ?? "";
  tellState();
}

async function tellConflict(/** @type {CourseDocument} */ doc) {
  const theirs = await load();
  // The document was saved, but the answer did not arrive.
  if (JSON.stringify(theirs.doc) === JSON.stringify(doc)) return tellSaved(doc, theirs.etag);
  const keep = () => {
    base = theirs.doc;
    etag = theirs.etag;
    checkNow();
  };
  const discard = (/** @type {CourseDocument} */ stored) => {
    clearFaults();
    fields.fill(stored);
    text.value = JSON.stringify(stored, null, 2);
    goOnFrom(stored, theirs.etag);
    result.replaceChildren();
    tabs[view].focus();
  };
  report(conflict(theirs.doc, doc, { keep, discard }));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  checkNow();
});
addEventListener("beforeunload", (event) => {
  if (isDirty()) event.preventDefault();
});

// --- The recalculation after the last edit

async function watch() {
  const loaded = await load().catch(() => undefined);
  const recalculation = loaded?.recalculation; // null: it is finished; undefined: the service did not answer
  if (recalculation) {
    const { learners, done } = recalculation;
    recalculating.hidden = false;
    Object.assign(find("#recalculation-bar"), { max: learners, value: done });
    find("#recalculation-text").textContent = `Recalculated for ${number(done)} of ${count(learners, "learner")}.`;
  } else if (recalculation === null && !recalculating.hidden) {
    recalculating.hidden = true;
    say("The course is recalculated for all learners.");
  }
  if (recalculation !== null && !recalculating.hidden) setTimeout(watch, POLL_MILLISECONDS);
}

// --- Begin

for (const zone of Intl.supportedValuesOf("timeZone")) find("#zones").append(new Option(zone, zone));
fields.fill(JSON.parse(text.value));
find("fieldset", form, HTMLFieldSetElement).disabled = false;
text.readOnly = false;
panels.json.hidden = true;
panels.json.classList.remove("without-script");
if (location.hash) document.getElementById(location.hash.slice(1))?.focus(); // a disabled field can not get the focus
if (!recalculating.hidden) watch();
