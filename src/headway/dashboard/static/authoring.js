// The page of a course's document: the builder, and what is between it and the API. The API checks and saves.

import { Builder } from "./course-builder.js";
import { DraftStore } from "./course-draft.js";
import { documentOf, draftOf, faultsOf } from "./course-model.js";
import * as report from "./course-report.js";
import { apiFault, draftFault, draftFaultText } from "./course-words.js";
import { dataOf, find, isolated, number } from "./headway.js";
import { ask, codeOf, conditionOf, etagOf, SignedOut, SomebodyElse, Unavailable } from "./service.js";
import { gettext, ngettext } from "./words.js";

const { element } = report;
const POLL_MILLISECONDS = 1000;
const IDLE_MILLISECONDS = 150;
/** @type {Record<string, string>} */
const MEDIA_TYPES = { json: "application/json", yaml: "application/yaml", yml: "application/yaml" };

const root = find("#course");
const result = find("#result");
const state = find("#state");
const reviewing = find("#review");
const said = find("#said");
const recalculating = find("#recalculation");
const dialog = find("#dialog", document, HTMLDialogElement);
const address = dataOf(root, "course");
const store = new DraftStore(address);
/** @type {CourseDocument} */
const given = JSON.parse(find("#document", document, HTMLScriptElement).text);

const textOf = (/** @type {CourseDocument} */ doc) => JSON.stringify(documentOf(draftOf(doc)));
let etag = dataOf(root, "etag"); // of the version that is edited; empty: the course does not exist yet
/** @type {CourseDocument | null} */
let base = etag ? given : null; // that version
let untouched = textOf(given);
let isUnderWay = false; // a request whose answer the author waits for
let isRemoved = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later; // the timer of `keepDraft`

const say = (/** @type {string} */ text) => {
  said.textContent = "";
  requestAnimationFrame(() => {
    said.textContent = text;
  });
};
const builder = new Builder(draftOf(given), { changed, say, faultText: draftFaultText });

const current = () => documentOf(builder.draft);
const isDirty = () => !isRemoved && JSON.stringify(current()) !== untouched;

/** Keep the draft, and say whether it differs from what is saved: soon, because a long course is long to write. */
function changed() {
  result.querySelector("[data-until-edited]")?.remove();
  clearTimeout(later);
  later = setTimeout(keepDraft, IDLE_MILLISECONDS);
}

function keepDraft() {
  clearTimeout(later);
  const isKept = isDirty();
  if (isKept) store.write({ base, etag, document: current() });
  else store.remove();
  history.scrollRestoration = isKept ? "manual" : "auto"; // after a reload, a message at the top tells of the draft
  if (!isUnderWay) tellState();
}

/** @param {string} [doing] what the page does at present, until this is called again without it */
function tellState(doing = "") {
  find("#course-name").textContent = base?.title || gettext("New course");
  if (doing) state.textContent = doing;
  else if (!etag) state.textContent = gettext("Not saved yet");
  else state.textContent = isDirty() ? gettext("Unsaved changes") : gettext("No changes");
}

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

/** Do something that the author waits for, one at a time, and say what did not work. */
async function attempt(/** @type {() => Promise<void>} */ work) {
  if (isUnderWay) return;
  isUnderWay = true;
  reviewing.setAttribute("aria-disabled", "true");
  try {
    await work();
  } catch (error) {
    tellState();
    dialog.close();
    tellError(error);
  } finally {
    isUnderWay = false;
    reviewing.removeAttribute("aria-disabled");
  }
}

function tellError(/** @type {unknown} */ error) {
  if (error instanceof SignedOut) {
    const again = `${dataOf(root, "signIn")}?${new URLSearchParams({ next: location.pathname })}`;
    const link = element("a", { href: again, target: "_blank", rel: "noopener" }, gettext("Sign in in another tab"));
    const text = gettext("Sign in again, then come back: your edits are still here.");
    show(report.trouble(gettext("Your session is over"), text, " ", link));
  } else if (error instanceof SomebodyElse) {
    show(
      report.trouble(
        gettext("Somebody else has signed in"),
        gettext("Nothing was stored. Load the page again to go on as this person."),
      ),
    );
  } else if (error instanceof Unavailable) {
    const text = gettext("Your edits are still here. Try again in a moment.");
    show(report.trouble(gettext("The service does not answer"), text));
  } else throw error;
}

/** Show something above the builder, and go there. */
function show(/** @type {HTMLElement} */ made) {
  result.replaceChildren(made);
  result.focus();
}

/**
 * Whether a request was done. If not, say why.
 * @param {Response} reply
 * @param {CourseDocument} doc
 */
async function answered(reply, doc) {
  if (reply.ok) return true;
  dialog.close();
  if ((await codeOf(reply)) === "precondition_failed") await tellConflict(doc);
  else if (reply.status === 422) {
    const { detail } = await reply.json();
    tellFaults(detail.map((/** @type {Parameters<typeof apiFault>[0]} */ fault) => apiFault(fault, doc)));
  } else await tellRefusal(reply);
  return false;
}

async function tellRefusal(/** @type {Response} */ reply) {
  const { detail } = await reply.json().catch(() => ({ detail: String(reply.status) }));
  show(report.trouble(gettext("That did not work"), String(detail)));
}

function tellFaults(/** @type {Fault[]} */ found) {
  builder.view.markAll(found);
  const title = ngettext("%(shown)s thing is not right yet", "%(shown)s things are not right yet", found.length, {
    shown: number(found.length),
  });
  show(report.faults(title, found, ({ id = null, field = "title" }) => builder.view.fieldAt(id, field)?.focus()));
}

// --- The dialog

/**
 * @param {string} title
 * @param {readonly Node[]} content
 * @param {readonly HTMLElement[]} buttons the first one has the focus
 */
function open(title, content, buttons) {
  find("#dialog-title").textContent = title;
  find("#dialog-content").replaceChildren(...content);
  find("#dialog-buttons").replaceChildren(
    ...buttons,
    button(gettext("Back to editing"), () => dialog.close(), "quiet"),
  );
  if (!dialog.open) dialog.showModal();
  buttons[0]?.focus();
}

/**
 * @param {string} text
 * @param {() => void} onclick
 * @param {string} classes
 */
const button = (text, onclick, classes = "") => element("button", { type: "button", onclick, classes }, text);

// --- Review and save

const review = () => attempt(check);

async function check() {
  result.replaceChildren();
  const lessons = current().lessons ?? [];
  const found = faultsOf(builder.draft).map((fault) => draftFault(lessons, fault));
  builder.view.markAll([]);
  if (found.length) return tellFaults(found);
  const doc = current();
  const written = JSON.stringify(doc);
  tellState(gettext("Checking …"));
  const reply = await put(written, "?dry_run=true");
  tellState();
  if (!(await answered(reply, doc))) return;
  if (JSON.stringify(current()) !== written) return check(); // the author has typed meanwhile
  if (etag && written === untouched) return show(untilEdited(report.note(gettext("Nothing has changed"))));
  open(gettext("Review and save"), report.review(await reply.json(), base, doc), [
    button(gettext("Save"), () => attempt(() => save(doc))),
  ]);
}

function untilEdited(/** @type {HTMLElement} */ made) {
  made.toggleAttribute("data-until-edited", true);
  return made;
}

async function save(/** @type {CourseDocument} */ doc) {
  tellState(gettext("Saving …"));
  const reply = await put(JSON.stringify(doc));
  tellState();
  if (await answered(reply, doc)) tellSaved(doc, etagOf(reply));
}

/**
 * @param {CourseDocument} doc
 * @param {string} version
 */
function tellSaved(doc, version) {
  goOnFrom(doc, version);
  dialog.close();
  result.replaceChildren();
  history.replaceState(null, "", location.pathname);
  if (!isDirty()) state.textContent = gettext("Saved");
  watch();
}

/**
 * Edit another version from now on.
 * @param {CourseDocument | null} doc null: the course does not exist
 * @param {string} version
 */
function goOnFrom(doc, version) {
  base = doc;
  etag = version;
  untouched = doc ? textOf(doc) : "";
  find("#course-links").hidden = !etag;
  keepDraft();
  tellState();
}

async function tellConflict(/** @type {CourseDocument} */ doc) {
  const { doc: theirs, etag: version } = await load();
  // The document was saved, but the answer did not arrive.
  if (theirs && textOf(theirs) === textOf(doc)) return tellSaved(theirs, version);
  const keep = () => {
    goOnFrom(theirs, version);
    review();
  };
  const take = () => {
    dialog.close();
    if (theirs) builder.replace(theirs);
    goOnFrom(theirs, version);
    say(gettext("This is what the other author saved. Undo brings yours back."));
  };
  open(
    theirs ? gettext("Somebody else has saved this course") : gettext("This course has been removed"),
    report.conflict(base, theirs),
    theirs
      ? [button(gettext("Compare mine with theirs"), keep), button(gettext("Go on with theirs"), take, "quiet")]
      : [button(gettext("Review it as a new course"), keep)],
  );
}

// --- Importing a file

async function read(/** @type {File} */ file) {
  const type = MEDIA_TYPES[file.name.split(".").at(-1)?.toLowerCase() ?? ""];
  if (!type) {
    const text = gettext("Choose a file whose name ends in .json, .yaml or .yml.");
    return show(report.trouble(gettext("This file cannot be read"), text));
  }
  const reply = await ask(dataOf(root, "validate"), { method: "POST", headers: { "Content-Type": type }, body: file });
  if (reply.status === 422) {
    const { detail } = await reply.json();
    const found = detail.map((/** @type {Parameters<typeof apiFault>[0]} */ fault) => {
      const { location, text } = apiFault(fault, {});
      return { location, text };
    });
    return show(report.faults(gettext("This file is not a course document"), found, () => undefined));
  }
  if (!reply.ok) return tellRefusal(reply);
  const { version, recalculation, ...doc } = await reply.json();
  builder.replace({ ...doc, id: given.id });
  result.replaceChildren();
  say(gettext("The file was read. Nothing is saved yet, and undo takes it back."));
}

// --- Removing the course

async function askToRemove() {
  const stored = base;
  if (!stored) return;
  const headers = { "Content-Type": "application/json" };
  const reply = await ask(`${address}?dry_run=true`, { method: "PUT", headers, body: JSON.stringify(stored) });
  if (!(await answered(reply, stored))) return;
  const { learners } = await reply.json();
  const title = stored.title ?? "";
  const confirmed = button(gettext("Remove the course"), () => attempt(remove), "danger");
  confirmed.disabled = true;
  const field = element("input", { autocomplete: "off", dir: "auto" });
  field.addEventListener("input", () => {
    confirmed.disabled = field.value.trim() !== title.trim();
  });
  open(
    gettext("Remove %(title)s?", { title: isolated(title) }),
    [
      element("ul", { classes: "meaning" }, ...removalText(learners).map((text) => element("li", {}, text))),
      element("label", { classes: "form-field" }, gettext("Type the title of the course to confirm"), field),
    ],
    [confirmed],
  );
  field.focus();
}

/** What a removal means. */
function removalText(/** @type {number} */ learners) {
  return [
    gettext("The course leaves the catalogue. Learners cannot open it any more."),
    learners === 0
      ? gettext("No learner has progress in this course.")
      : ngettext(
          "%(shown)s learner has progress in this course. It is kept.",
          "%(shown)s learners have progress in this course. It is kept.",
          learners,
          { shown: number(learners) },
        ),
    gettext("Download the document before. With it, the course can come back, and the progress with it."),
  ];
}

async function remove() {
  const reply = await ask(address, { method: "DELETE" });
  if (!reply.ok && (await codeOf(reply)) !== "course_not_found") {
    dialog.close();
    return tellRefusal(reply);
  }
  isRemoved = true;
  store.remove();
  location.assign(dataOf(root, "catalogue"));
}

// --- The recalculation after the last edit

async function watch() {
  const loaded = await load().catch(() => undefined);
  const recalculation = loaded?.recalculation; // null: it is finished; undefined: the service did not answer
  if (recalculation) {
    const { learners, done } = recalculation;
    recalculating.hidden = false;
    Object.assign(find("#recalculation-bar"), { max: learners, value: done });
    find("#recalculation-text").textContent = ngettext(
      "Recalculated for %(done)s of %(shown)s learner.",
      "Recalculated for %(done)s of %(shown)s learners.",
      learners,
      { done: number(done), shown: number(learners) },
    );
  } else if (recalculation === null && !recalculating.hidden) {
    recalculating.hidden = true;
    say(gettext("The course is recalculated for all learners."));
  }
  if (recalculation !== null && !recalculating.hidden) setTimeout(watch, POLL_MILLISECONDS);
}

// --- How learners do

async function figures() {
  const statistics = root.dataset.statistics;
  if (!statistics) return;
  const reply = await ask(statistics).catch(() => null);
  if (reply?.ok) builder.view.showFigures((await reply.json()).lessons);
}

// --- Begin

/** Show what was not saved before the page was loaded again. */
function restore() {
  const kept = store.read();
  if (!kept) return;
  const isOlder = kept.etag !== etag;
  const newest = { base, etag };
  if (isOlder) {
    base = kept.base;
    etag = kept.etag;
    untouched = kept.base ? textOf(kept.base) : textOf(given);
  }
  builder.replace(kept.document);
  keepDraft();
  if (!isDirty()) return;
  const text = isOlder
    ? gettext("Somebody else has saved the course since. You see the difference when you save.")
    : gettext("They are from before the page was loaded again.");
  const discard = () => {
    builder.replace(given);
    goOnFrom(newest.base, newest.etag);
    if (!newest.etag) untouched = textOf(given);
    keepDraft();
    result.replaceChildren();
    find("#course-title").focus();
  };
  const choices = element("p", {}, button(gettext("Discard them"), discard, "quiet small"));
  result.replaceChildren(report.note(gettext("Your unsaved changes are here"), element("p", {}, text), choices));
}

for (const zone of Intl.supportedValuesOf("timeZone")) find("#zones").append(new Option(zone, zone));
reviewing.addEventListener("click", review);
addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
  event.preventDefault();
  if (!document.querySelector("dialog[open]")) review();
});
addEventListener("beforeunload", (event) => {
  keepDraft();
  if (isDirty()) event.preventDefault();
});
find("#remove-course").addEventListener("click", () => attempt(askToRemove));
const file = find("#file", document, HTMLInputElement);
find("#import").addEventListener("click", () => file.click());
file.addEventListener("change", () => {
  const [chosen] = file.files ?? [];
  if (chosen) attempt(() => read(chosen)).then(() => Object.assign(file, { value: "" }));
});
restore();
tellState();
if (location.hash) builder.view.fieldAt(null, location.hash.slice(1).replace("-", "_"))?.focus();
if (!recalculating.hidden) watch();
figures();
