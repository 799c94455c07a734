// A course's page: charts, figures that move by themselves, and a roster that is sorted and paged in place.

import { binsOf, draw } from "./charts.js";
import { count, isolated, localize, number, percent, shown } from "./headway.js";
import htmx from "./htmx.js";
import { codeOf } from "./service.js";

const locale = document.documentElement.dataset.locale;
const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
const NOBODY = "–";
const RETRY_MILLISECONDS = 5000;
const QUIET_MILLISECONDS = 20000; // between two notices to those who listen to the page
const DAYS_MILLISECONDS = 5000; // between two looks at what happens day by day

// Numbers as the server writes them.
/** @type {Record<string, (value: number, of: string) => string>} */
const WRITTEN = {
  number,
  percent,
  count,
  minutes: (value) => {
    const whole = shown(value, 0, []);
    const [hours, minutes] = [Math.floor(whole / 60), whole % 60];
    return hours ? `${number(hours)} h ${minutes} min` : `${minutes} min`;
  },
};

const byId = (/** @type {string} */ id) => document.getElementById(id);
const dataOf = (/** @type {string} */ id) => JSON.parse(byId(id)?.textContent ?? "null");

// The charts

const rooms = new ResizeObserver((entries) => {
  for (const { target } of entries)
    if (target.clientWidth !== Number(target.firstElementChild?.getAttribute("width")))
      drawOne(/** @type {HTMLElement} */ (target));
});

/** @type {ChartData} */
const data = { figures: null, activity: null };

function withBins(/** @type {CourseFigures} */ figures) {
  for (const lesson of figures.lessons) lesson.bins = binsOf(lesson.score_distribution);
  return figures;
}

function drawOne(/** @type {HTMLElement} */ element) {
  draw(element, data);
}

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {NodeListOf<HTMLElement>}
 */
function elementsIn(root, selector) {
  return root.querySelectorAll(selector);
}

function drawIn(/** @type {ParentNode} */ root) {
  for (const element of elementsIn(root, "[data-chart]")) {
    drawOne(element);
    rooms.observe(element);
  }
}

// The figures

/**
 * The figure that a path of names leads to; undefined where there is none.
 * @param {CourseFigures} figures
 * @param {string} path
 * @returns {number}
 */
function at(figures, path) {
  const step = (/** @type {any} */ value, /** @type {string} */ name) => value?.[name];
  return path.split(".").reduce(step, figures);
}

/** What the server lays the figures out by: the page has places for others that are alike in this. */
function layoutOf(/** @type {CourseFigures} */ { learners, lessons }) {
  const parts = lessons.map((lesson) => [
    lesson.lesson_id,
    lesson.title,
    lesson.required,
    lesson.pass_mark,
    lesson.score_distribution.length > 0,
  ]);
  return JSON.stringify([learners > 0, parts]);
}

function show(/** @type {CourseFigures} */ figures) {
  data.figures = withBins(figures);
  const page = byId("figures");
  for (const element of elementsIn(page, "[data-figure]")) {
    const value = at(figures, element.dataset.figure);
    const written =
      value === null || value === undefined ? NOBODY : WRITTEN[element.dataset.as](value, element.dataset.of);
    if (written !== element.textContent) {
      element.textContent = written;
      flash(element);
    }
  }
  for (const element of elementsIn(page, "[data-chart]")) drawOne(element);
}

function flash(/** @type {HTMLElement} */ element) {
  element.classList.remove("changed");
  void element.offsetWidth; // so that the animation begins anew
  element.classList.add("changed");
}

/**
 * Ask for a part of the page anew. Where nobody waits for it, `source` is an element that shows nothing meanwhile.
 * @param {string} id
 */
function refresh(id, source = `#${id}-data`) {
  return htmx.ajax("get", location.pathname + location.search, {
    source,
    target: `#${id}`,
    swap: "outerHTML show:none",
  });
}

let areDaysDue = false;

/** What happens today shows in the days soon, but not under the hands of who is there. */
function refreshDaysSoon() {
  if (areDaysDue) return;
  areDaysDue = true;
  setTimeout(() => {
    areDaysDue = false;
    const part = byId("activity");
    if (document.hidden || part.contains(document.activeElement)) refreshDaysSoon();
    else if (part.hasAttribute("data-is-current")) refresh("activity");
  }, DAYS_MILLISECONDS);
}

/** The roster stays as it is while somebody reads it: it says from when it is. */
function dateRoster() {
  byId("roster-as-of").textContent = `As of ${isolated(clock.format(new Date()))}`;
  byId("roster-again").removeAttribute("data-is-old");
}

byId("roster-again").addEventListener("click", () => refresh("roster", "#roster-again"));

// The stream

const live = byId("live-state");
/** @type {EventSource} */
let source = null;
/** @type {ReturnType<typeof setTimeout>} */
let retry;
let lastSaid = -Infinity;

/**
 * @param {string} state
 * @param {string | Node} words
 */
function tell(state, words) {
  live.dataset.state = state;
  byId("live-words").replaceChildren(words);
}

function say(/** @type {string} */ words) {
  byId("live-said").textContent = words;
  lastSaid = performance.now();
}

function changed(/** @type {MessageEvent} */ event) {
  const page = byId("figures");
  const wasLost = live.dataset.state === "lost";
  if (event.lastEventId === page.dataset.state) {
    tell("live", "Live");
    if (wasLost) say("Connected again.");
    return;
  }
  page.dataset.state = event.lastEventId;
  const figures = JSON.parse(event.data);
  tell("live", `Live, changed at ${isolated(clock.format(new Date()))}`);
  if (wasLost) say("Connected again. Figures have changed.");
  else if (performance.now() - lastSaid > QUIET_MILLISECONDS)
    say(`Figures have changed: ${count(figures.learners, "learner")}.`);
  byId("course-title").textContent = figures.title;
  byId("roster-again").setAttribute("data-is-old", "");
  refreshDaysSoon();
  const before = data.figures.learners;
  if (layoutOf(figures) === layoutOf(data.figures)) show(figures);
  else refresh("figures");
  if (before > 0 !== figures.learners > 0) refreshAll();
}

/** With the first learner, or without the last one, no part of the page goes on saying the opposite. */
function refreshAll() {
  refresh("roster", "#roster-said");
  if (byId("activity").hasAttribute("data-is-current")) refresh("activity");
}

function opened() {
  const wasLost = live.dataset.state === "lost";
  if (live.dataset.state !== "live") tell("live", "Live");
  if (wasLost) say("Connected again.");
}

function lost() {
  if (live.dataset.state !== "lost") {
    tell("lost", "Connection lost, trying again. The figures are as they were.");
    say("The connection is lost. Trying again.");
  }
  if (source?.readyState === EventSource.CLOSED) {
    disconnect();
    retry = setTimeout(askWhy, RETRY_MILLISECONDS);
  }
}

/** A browser does not say why a stream was refused; the figures' own address does. */
async function askWhy() {
  try {
    const code = await codeOf(await fetch(live.dataset.figures, { headers: { Accept: "application/json" } }));
    if (code === "not_authenticated")
      return endedBecause(
        "Your session is over. ",
        `${live.dataset.signIn}?next=${encodeURIComponent(location.pathname)}`,
        "Sign in again",
      );
    if (["missing_scope", "course_not_granted"].includes(code))
      return endedBecause("This page is not for you any more. ");
    if (code === "course_not_found") return endedBecause("The course is not in the catalogue any more. ");
  } catch {
    // nobody answers: it is tried again
  }
  if (!document.hidden) connect();
}

/**
 * @param {string} words
 * @param {string} [address]
 * @param {string} [title]
 */
function endedBecause(words, address, title) {
  const whole = document.createElement("span");
  whole.append(words);
  if (address) whole.append(Object.assign(document.createElement("a"), { href: address, textContent: title }));
  tell("over", whole);
  say(words);
}

function connect() {
  disconnect();
  source = new EventSource(live.dataset.stream);
  source.addEventListener("open", opened);
  source.addEventListener("statistics", changed);
  source.addEventListener("error", lost);
}

function disconnect() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

// A page that nobody sees needs no stream, of which a browser has few.
document.addEventListener("visibilitychange", () => {
  if (live.dataset.state === "over") return;
  if (document.hidden) disconnect();
  else if (source === null) connect();
});
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => event.persisted && connect());

// The parts that are asked for anew in place

const OF_ACTIVITY = new Set(["from", "to"]);

document.addEventListener("htmx:configRequest", ({ detail }) => {
  for (const [name, value] of [...detail.formData.entries()]) if (value === "") detail.formData.delete(name);
  keepTheRest(detail);
});

/** What the page shows beside the part that is asked for stays in the address. */
function keepTheRest(/** @type {HtmxEvent["detail"]} */ detail) {
  const isActivity = detail.target.id === "activity";
  if (!isActivity && detail.target.id !== "roster") return;
  const [path, query = ""] = detail.path.split("#")[0].split("?");
  const wanted = new URLSearchParams(query);
  for (const name of [...wanted.keys()]) if (OF_ACTIVITY.has(name) !== isActivity) wanted.delete(name);
  for (const name of [...detail.formData.keys()])
    if (OF_ACTIVITY.has(name) !== isActivity) detail.formData.delete(name);
  for (const [name, value] of new URLSearchParams(location.search))
    if (OF_ACTIVITY.has(name) !== isActivity) wanted.set(name, value);
  detail.path = wanted.size ? `${path}?${wanted}` : path;
}

// Back and forward: the parts are asked for anew in place, and one is where one was.
/** @type {NodeListOf<HTMLInputElement>} */
const FILTERS = document.querySelectorAll("#roster-form [id]");

document.addEventListener("htmx:beforeHistoryUpdate", () => {
  history.replaceState({ ...history.state, scrolled: scrollY }, "");
});

addEventListener("popstate", async (event) => {
  if (!event.state?.htmx) return; // it is within the page
  event.stopImmediatePropagation(); // htmx would load the whole page again, from its top
  const wanted = new URLSearchParams(location.search);
  for (const field of FILTERS) if (field.name) field.value = wanted.get(field.name) ?? "";
  await Promise.all([refresh("activity", "#live-said"), refresh("roster", "#roster-said")]);
  if (event.state.scrolled !== undefined) scrollTo(0, event.state.scrolled);
});

// What is unfolded in a part stays so, and who is in it stays there.
/** @type {{ unfolded: string[], focused: string }} */
let kept = { unfolded: [], focused: null };

document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  const unfolded = [...target.querySelectorAll("details[open]")].map((details) => details.id);
  kept = { unfolded, focused: target.contains(document.activeElement) ? document.activeElement.id : null };
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const part = byId(detail.target.id);
  if (!part) return;
  localize(part);
  if (part.id === "figures") data.figures = withBins(dataOf("figures-data"));
  if (part.id === "activity") data.activity = dataOf("activity-data");
  drawIn(part);
  for (const id of kept.unfolded) byId(id)?.setAttribute("open", "");
  if (kept.focused) byId(kept.focused)?.focus({ preventScroll: true });
  if (part.id === "roster") rosterCame(part, detail.requestConfig.elt);
});

/**
 * @param {HTMLElement} part
 * @param {HTMLElement} asker
 */
function rosterCame(part, asker) {
  dateRoster();
  byId("roster-said").textContent = part.querySelector("[data-says]")?.textContent.trim() ?? ""; // a fault says itself
  if (!asker.matches(".pager a, #roster-again")) return;
  /** @type {HTMLElement} */
  const frame = part.querySelector(".table-frame");
  frame?.focus({ preventScroll: true });
  part.scrollIntoView();
}

for (const name of /** @type {const} */ (["htmx:responseError", "htmx:sendError"])) {
  document.addEventListener(name, ({ detail }) => {
    const notice = Object.assign(document.createElement("p"), { className: "notice", role: "alert" });
    notice.textContent = "That could not be loaded. Try again in a moment, or load the page again.";
    const part = byId(detail.target.id);
    part.querySelector(":scope > .notice")?.remove();
    part.prepend(notice);
  });
}

data.figures = withBins(dataOf("figures-data"));
data.activity = dataOf("activity-data");
drawIn(document);
dateRoster();
if (!document.hidden) {
  tell("connecting", "Connecting");
  connect();
}
