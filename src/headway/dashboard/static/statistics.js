// A course's page for teachers: charts, figures that are updated live, and a roster that is sorted and paged in place.

import { binsOf, draw } from "./charts.js";
import { count, dataOf, find, focusedIn, isolated, localize, number, percent, shown } from "./headway.js";
import htmx from "./htmx.js";
import { codeOf } from "./service.js";

const locale = document.documentElement.dataset.locale;
const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
const NOBODY = "–";
const RETRY_MILLISECONDS = 5000;
const QUIET_MILLISECONDS = 20000; // between two announcements to those who listen to the page
const DAYS_MILLISECONDS = 5000; // between two requests for the activity day by day

// Writes a figure as the server does, by its element's `data-as`.
/** @type {Record<string, (value: number, element: HTMLElement) => string>} */
const WRITTEN = {
  number,
  percent,
  count: (value, element) => count(value, dataOf(element, "of")),
  minutes: (value) => {
    const whole = shown(value, 0, []);
    const [hours, minutes] = [Math.floor(whole / 60), whole % 60];
    return hours ? `${number(hours)} h ${minutes} min` : `${minutes} min`;
  },
};

const byId = (/** @type {string} */ id) => document.getElementById(id);
const jsonOf = (/** @type {string} */ id) => JSON.parse(find(`#${id}`).textContent);

// The charts

const rooms = new ResizeObserver((entries) => {
  for (const { target } of entries)
    if (target.clientWidth !== Number(target.firstElementChild?.getAttribute("width")))
      drawOne(/** @type {HTMLElement} */ (target));
});

/** @type {ChartData} */
const data = { figures: withBins(jsonOf("figures-data")), activity: jsonOf("activity-data") };

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
 * The figure at a path of names; null or undefined where there is none.
 * @param {CourseFigures} figures
 * @param {string} path
 * @returns {number | null | undefined}
 */
function at(figures, path) {
  const step = (/** @type {any} */ value, /** @type {string} */ name) => value?.[name];
  return path.split(".").reduce(step, figures);
}

/** What the layout of the figures depends on. Where it is the same, the page shows new figures in the old elements. */
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
  const page = find("#figures");
  for (const element of elementsIn(page, "[data-figure]")) {
    const value = at(figures, dataOf(element, "figure"));
    const written = value === null || value === undefined ? NOBODY : WRITTEN[dataOf(element, "as")](value, element);
    if (written !== element.textContent) {
      element.textContent = written;
      flash(element);
    }
  }
  for (const element of elementsIn(page, "[data-chart]")) drawOne(element);
}

function flash(/** @type {HTMLElement} */ element) {
  element.classList.remove("changed");
  void element.offsetWidth; // so that the animation begins again
  element.classList.add("changed");
}

/**
 * Fetch a part of the page again. `source` is the element that shows that it is busy; the default one shows nothing.
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

/** Show today's activity soon, but not while the focus is in that part. */
function refreshDaysSoon() {
  if (areDaysDue) return;
  areDaysDue = true;
  setTimeout(() => {
    areDaysDue = false;
    const part = find("#activity");
    if (document.hidden || part.contains(document.activeElement)) refreshDaysSoon();
    else if (part.hasAttribute("data-is-current")) refresh("activity");
  }, DAYS_MILLISECONDS);
}

/** The roster does not change while somebody reads it. It says what time it shows. */
function dateRoster() {
  find("#roster-as-of").textContent = `As of ${isolated(clock.format(new Date()))}`;
  find("#roster-again").removeAttribute("data-is-old");
}

find("#roster-again").addEventListener("click", () => refresh("roster", "#roster-again"));

// The stream

const live = find("#live-state");
/** @type {EventSource | null} */
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
  find("#live-words").replaceChildren(words);
}

function say(/** @type {string} */ words) {
  find("#live-said").textContent = words;
  lastSaid = performance.now();
}

function changed(/** @type {MessageEvent} */ event) {
  const page = find("#figures");
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
  find("#course-title").textContent = figures.title;
  find("#roster-again").setAttribute("data-is-old", "");
  refreshDaysSoon();
  const before = data.figures.learners;
  if (layoutOf(figures) === layoutOf(data.figures)) show(figures);
  else refresh("figures");
  if (before > 0 !== figures.learners > 0) refreshAll();
}

/** When the first learner comes or the last one goes, the other parts of the page have to say so, too. */
function refreshAll() {
  refresh("roster", "#roster-said");
  if (find("#activity").hasAttribute("data-is-current")) refresh("activity");
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

/** Ask the figures' own address why the stream was refused, because a browser does not say that. */
async function askWhy() {
  try {
    const code = await codeOf(await fetch(dataOf(live, "figures"), { headers: { Accept: "application/json" } }));
    if (code === "not_authenticated")
      return endedBecause(
        "Your session is over. ",
        `${dataOf(live, "signIn")}?next=${encodeURIComponent(location.pathname)}`,
        "Sign in again",
      );
    if (code === "missing_scope" || code === "course_not_granted")
      return endedBecause("This page is not for you any more. ");
    if (code === "course_not_found") return endedBecause("The course is not in the catalogue any more. ");
  } catch {
    // the service does not answer: the stream is tried again
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
  source = new EventSource(dataOf(live, "stream"));
  source.addEventListener("open", opened);
  source.addEventListener("statistics", changed);
  source.addEventListener("error", lost);
}

function disconnect() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

// A hidden page closes its stream, because a browser allows only a few.
document.addEventListener("visibilitychange", () => {
  if (live.dataset.state === "over") return;
  if (document.hidden) disconnect();
  else if (source === null) connect();
});
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => event.persisted && connect());

// The parts that are fetched again in place

const OF_ACTIVITY = new Set(["from", "to"]);

document.addEventListener("htmx:configRequest", ({ detail }) => {
  for (const [name, value] of [...detail.formData.entries()]) if (value === "") detail.formData.delete(name);
  keepTheRest(detail);
});

/** Keep the parameters of the other parts of the page in the address. */
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

// Back and forward: the parts are fetched again in place, and the page scrolls to where it was.
/** @type {NodeListOf<HTMLInputElement>} */
const FILTERS = document.querySelectorAll("#roster-form [id]");

document.addEventListener("htmx:beforeHistoryUpdate", () => {
  history.replaceState({ ...history.state, scrolled: scrollY }, "");
});

addEventListener("popstate", async (event) => {
  if (!event.state?.htmx) return; // the step is within the page
  event.stopImmediatePropagation(); // htmx would load the whole page again, from its top
  const wanted = new URLSearchParams(location.search);
  for (const field of FILTERS) if (field.name) field.value = wanted.get(field.name) ?? "";
  await Promise.all([refresh("activity", "#live-said"), refresh("roster", "#roster-said")]);
  if (event.state.scrolled !== undefined) scrollTo(0, event.state.scrolled);
});

// When a part is replaced, what is unfolded in it stays so, and the focus stays where it was.
/** @type {{ unfolded: string[], focused: string | null }} */
let kept = { unfolded: [], focused: null };

document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  const unfolded = [...target.querySelectorAll("details[open]")].map((details) => details.id);
  kept = { unfolded, focused: focusedIn(target) };
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const part = byId(detail.target.id);
  if (!part) return;
  localize(part);
  if (part.id === "figures") data.figures = withBins(jsonOf("figures-data"));
  if (part.id === "activity") data.activity = jsonOf("activity-data");
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
  find("#roster-said").textContent = part.querySelector("[data-says]")?.textContent.trim() ?? ""; // a fault is an alert
  if (!asker.matches(".pager a, #roster-again")) return;
  /** @type {HTMLElement | null} */
  const frame = part.querySelector(".table-frame");
  frame?.focus({ preventScroll: true });
  part.scrollIntoView();
}

for (const name of /** @type {const} */ (["htmx:responseError", "htmx:sendError"])) {
  document.addEventListener(name, ({ detail }) => {
    const notice = Object.assign(document.createElement("p"), { className: "notice", role: "alert" });
    notice.textContent = "That could not be loaded. Try again in a moment, or load the page again.";
    const part = find(`#${detail.target.id}`);
    part.querySelector(":scope > .notice")?.remove();
    part.prepend(notice);
  });
}

drawIn(document);
dateRoster();
if (!document.hidden) {
  tell("connecting", "Connecting");
  connect();
}
