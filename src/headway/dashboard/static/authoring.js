// The page of a course's document: edited as a form or as JSON, checked, then saved, both through the API.

import { CourseForm } from "./course-form.js";
import { conflict, element, faults, forecast, trouble } from "./course-report.js";

const form = document.querySelector("#course");
const text = document.querySelector("#course-json");
const result = document.querySelector("#result");
const state = document.querySelector("#state");
const check = document.querySelector("#check");
const said = document.querySelector("#said");
const POLL_MILLISECONDS = 1000;

const tabs = { form: document.querySelector("#tab-form"), json: document.querySelector("#tab-json") };
const panels = { form: document.querySelector("#as-form"), json: document.querySelector("#as-json") };
let view = "form";
let tag = form.dataset.tag; // of the version that is edited; empty: there is none yet
let base = tag ? JSON.parse(text.value) : null; // that version
let untouched = JSON.stringify(JSON.parse(text.value));
let saving = false;

const say = (what) => { said.textContent = what; };
const fields = new CourseForm(form, { say, changed });

// The document as it is edited now. Raises SyntaxError where it is no JSON.
function current() {
  if (view === "form") return fields.read();
  const doc = JSON.parse(text.value);
  if (doc === null || typeof doc !== "object" || Array.isArray(doc)) throw new SyntaxError("A course is an object: { … }");
  return doc;
}

function isDirty() {
  try {
    return JSON.stringify(current()) !== untouched;
  } catch {
    return true;
  }
}

function tellState() {
  state.textContent = !tag ? "Not saved yet" : isDirty() ? "Changes that are not saved" : "No changes";
}

function changed() {
  clearFaults();
  result.replaceChildren();
  tellState();
}

// --- The two views

function show(wanted) {
  if (wanted === view) return;
  try {
    if (wanted === "json") text.value = JSON.stringify(fields.read(), null, 2);
    else fields.fill(current());
  } catch (error) {
    tell([{ place: "JSON", text: error.message, field: text }]);
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
text.addEventListener("input", changed);

// --- The API

const meta = document.querySelector('meta[name="forgery-token"]');

// After somebody has signed in again, in another tab, this page's forgery token is of the session before.
async function renewForgeryToken() {
  const page = await fetch(location.href, { redirect: "error" }).then((reply) => reply.text(), () => "");
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector('meta[name="forgery-token"]');
  if (!fresh || fresh.content === meta.content) return false;
  meta.content = fresh.content;
  return true;
}

async function put(doc, query) {
  const condition = tag ? { "If-Match": `"${tag}"` } : { "If-None-Match": "*" };
  const send = () =>
    fetch(form.dataset.course + query, {
      method: "PUT",
      headers: { "Content-Type": "application/json", "X-Headway-Forgery-Token": meta.content, ...condition },
      body: JSON.stringify(doc),
    });
  const reply = await send();
  return reply.status === 403 && (await renewForgeryToken()) ? send() : reply;
}

async function load() {
  const reply = await fetch(form.dataset.course);
  if (reply.status === 404) return { doc: null, tag: "", rederivation: null };
  if (!reply.ok) throw new Error(`${reply.status}`);
  const { version, rederivation, ...doc } = await reply.json();
  return { doc, tag: String(version), rederivation };
}

// --- What is wrong

function clearFaults() {
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
  for (const message of form.querySelectorAll(".field-error")) message.remove();
}

function mark(input, message, number) {
  const id = `fault-${number}`;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", id);
  input.closest("label").after(element("span", { id, classes: "field-error" }, message));
  const folded = input.closest("details");
  if (folded) folded.open = true;
}

function tell(found) {
  clearFaults();
  found.forEach(({ place, text: message, field }, number) => {
    if (field) mark(field, `${place.split(", ").at(-1)}: ${message}`, number);
  });
  result.replaceChildren(faults(found, (field) => fields.open(field)));
  result.focus();
}

const WORDS = { title: "Title", section: "Section", kind: "Kind", duration_seconds: "Duration", time_zone: "Time zone",
  pass_mark: "Pass mark", complete_at: "Completed at", on_edit: "After an edit", lessons: "Lessons" };

function worded([first, index, part]) {
  if (first === undefined) return "The document";
  if (first !== "lessons" || index === undefined) return WORDS[first] ?? String(first);
  return `Lesson ${index + 1}` + (part === undefined ? "" : `, ${WORDS[part] ?? part}`);
}

// What the API says of kinds of faults is for programmers in places.
const KINDS = {
  string_pattern_mismatch: "it takes a character at least that can be seen",
  string_too_short: "it takes a character at least that can be seen",
  too_short: "there is one at least",
  uuid_parsing: "this is no UUID",
  extra_forbidden: "there is no such field in a course document",
  missing: "this is missing",
};

function tellFaults(detail) {
  tell(detail.map(({ loc, msg, type }) => {
    const place = loc.slice(1);
    return { place: worded(place), text: KINDS[type] ?? msg, field: view === "form" ? fields.field(place) : null };
  }));
}

// --- Checking and saving

async function answered(reply, doc) {
  if (reply.ok) return true;
  if (reply.status === 412) await tellConflict(doc);
  else if (reply.status === 422) tellFaults((await reply.json()).detail);
  else if (reply.status === 401) {
    const again = `${form.dataset.signIn}?${new URLSearchParams({ next: location.pathname })}`;
    const link = element("a", { href: again, target: "_blank", rel: "noopener" }, "Sign in in another tab");
    result.replaceChildren(trouble("Your session is over", link, ", then come back and go on: your edits are here still."));
  } else {
    const reason = await reply.json().then((body) => body.detail, () => "");
    result.replaceChildren(trouble("That did not work", String(reason || reply.status), " Your edits are here still."));
  }
  return false;
}

async function attempt(work) {
  if (saving) return;
  saving = true;
  check.setAttribute("aria-disabled", "true");
  try {
    await work();
  } catch (error) {
    tellState();
    if (error instanceof SyntaxError) tell([{ place: "JSON", text: error.message, field: text }]);
    else result.replaceChildren(trouble("The service does not answer", "Your edits are here still. Try again in a moment."));
  } finally {
    saving = false;
    check.removeAttribute("aria-disabled");
  }
}

const checkNow = () =>
  attempt(async () => {
    const doc = current();
    clearFaults();
    state.textContent = "Checking …";
    const reply = await put(doc, "?dry_run=true");
    tellState();
    if (!(await answered(reply, doc))) return;
    result.replaceChildren(forecast(await reply.json(), base, doc, () => saveNow(doc)));
    result.focus();
  });

const saveNow = (doc) =>
  attempt(async () => {
    state.textContent = "Saving …";
    const reply = await put(doc, "");
    tellState();
    if (!(await answered(reply, doc))) return;
    await reload();
    history.replaceState(null, "", location.pathname);
    state.textContent = "Saved";
    const done = element("div", { classes: "note good", role: "status" }, element("h2", {}, "Saved"));
    result.replaceChildren(done);
    watch();
  });

// What the catalogue has takes the place of what is edited.
async function reload() {
  const found = await load();
  ({ doc: base, tag } = found);
  untouched = JSON.stringify(base);
  fields.fill(base);
  text.value = JSON.stringify(base, null, 2);
  document.querySelector("#course-name").textContent = base.title;
  tellState();
}

async function tellConflict(doc) {
  const theirs = await load();
  const keep = () => {
    base = theirs.doc;
    tag = theirs.tag;
    checkNow();
  };
  const discard = () => attempt(async () => {
    await reload();
    result.replaceChildren();
    tabs[view].focus();
  });
  result.replaceChildren(conflict(theirs.doc, doc, { keep, discard }));
  result.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  checkNow();
});
addEventListener("beforeunload", (event) => {
  if (isDirty()) event.preventDefault();
});

// --- What follows from the last edit

const deriving = document.querySelector("#deriving");

async function watch() {
  const { rederivation } = await load().catch(() => ({ rederivation: undefined }));
  if (rederivation) {
    const { learners, done } = rederivation;
    const number = new Intl.NumberFormat(document.documentElement.dataset.locale);
    deriving.hidden = false;
    Object.assign(document.querySelector("#deriving-bar"), { max: learners, value: done });
    document.querySelector("#deriving-text").textContent =
      `Derived for ${number.format(done)} of ${number.format(learners)} learners.`;
  } else if (rederivation === null && !deriving.hidden) {
    deriving.hidden = true;
    say("What follows from the edit is derived for all learners.");
  }
  if (rederivation !== null && !deriving.hidden) setTimeout(watch, POLL_MILLISECONDS);
}

// --- Begin

for (const zone of Intl.supportedValuesOf("timeZone")) document.querySelector("#zones").append(new Option(zone, zone));
fields.fill(JSON.parse(text.value));
form.querySelector("fieldset").disabled = false;
text.readOnly = false;
panels.json.hidden = true;
panels.json.classList.remove("without-script");
if (!deriving.hidden) watch();
