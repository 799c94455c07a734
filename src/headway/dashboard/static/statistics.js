// What the tabs of a course share for teachers: the stream of figures, and the part that is fetched again in place.

import { dataOf, find, focusedIn, isolated, localize, number } from "./headway.js";
import htmx from "./htmx.js";
import { codeOf } from "./service.js";
import { gettext, ngettext } from "./words.js";

const RETRY_MILLISECONDS = 5000;
const QUIET_MILLISECONDS = 20000; // between two announcements to those who listen to the page
const SOON_MILLISECONDS = 5000; // between two requests for the part while figures change

export const clock = new Intl.DateTimeFormat(document.documentElement.dataset.locale, { timeStyle: "medium" });

const live = find("#live-state");
/** The id of the part of the page that is fetched again in place. */
export const part = dataOf(live, "part");

/**
 * @typedef {object} Calls What a tab does with new figures, with the part after it was fetched again (and with the
 * element that asked for it), and after a step back or forward within the page.
 * @property {(figures: CourseFigures) => void} figures
 * @property {(part: HTMLElement, asker: HTMLElement) => void} [fetched]
 * @property {() => void} [stepped]
 */

/** @type {Required<Calls>} */
let calls = { figures: () => {}, fetched: () => {}, stepped: () => {} };

/** Connect to the stream, and make these calls. */
export function follow(/** @type {Calls} */ given) {
  calls = { ...calls, ...given };
  if (document.hidden) return;
  tell("connecting", gettext("Connecting"));
  connect();
}

/** Fetch the part again. `source` is the element that shows that it is busy; the default one shows nothing. */
export function refresh(source = "#live-said") {
  // The target is that of the page. Named here, it would be looked up now, and could be replaced before it is needed.
  return htmx.ajax("get", location.pathname + location.search, { source, swap: "outerHTML show:none" });
}

let isDue = false;

/** Fetch the part again soon, but not while the focus is in it. */
export function refreshSoon() {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    if (document.hidden || find(`#${part}`).contains(document.activeElement)) refreshSoon();
    else refresh();
  }, SOON_MILLISECONDS);
}

// The stream

/** @type {EventSource | null} */
let source = null;
/** @type {ReturnType<typeof setTimeout>} */
let retry;
let lastSaid = -Infinity;
/**
 * The figures that the page has shown last. Where the page shows none, these are the figures of the first event,
 * unless the page was loaded in the background, perhaps long before.
 */
let state = find(`#${part}`).dataset.state ?? (document.hidden ? "" : undefined);

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

function received(/** @type {MessageEvent} */ event) {
  const wasLost = live.dataset.state === "lost";
  const isKnown = event.lastEventId === (state ?? event.lastEventId);
  state = event.lastEventId;
  if (isKnown) {
    tell("live", gettext("Live"));
    if (wasLost) say(gettext("Connected again."));
    return;
  }
  const figures = JSON.parse(event.data);
  tell("live", gettext("Live, changed at %(time)s", { time: isolated(clock.format(new Date())) }));
  if (wasLost) say(gettext("Connected again. Figures have changed."));
  else if (performance.now() - lastSaid > QUIET_MILLISECONDS)
    say(
      ngettext(
        "Figures have changed: %(shown)s learner.",
        "Figures have changed: %(shown)s learners.",
        figures.learners,
        { shown: number(figures.learners) },
      ),
    );
  find("#course-title").textContent = figures.title;
  calls.figures(figures);
}

function opened() {
  const wasLost = live.dataset.state === "lost";
  if (live.dataset.state !== "live") tell("live", gettext("Live"));
  if (wasLost) say(gettext("Connected again."));
}

function lost() {
  if (live.dataset.state !== "lost") {
    tell("lost", gettext("Connection lost, trying again. The figures are as they were."));
    say(gettext("The connection is lost. Trying again."));
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
        gettext("Your session is over."),
        `${dataOf(live, "signIn")}?next=${encodeURIComponent(location.pathname)}`,
        gettext("Sign in again"),
      );
    if (code === "missing_scope" || code === "course_not_granted")
      return endedBecause(gettext("You may not see this page any more."));
    if (code === "course_not_found") return endedBecause(gettext("The course is not in the catalogue any more."));
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
  if (address) whole.append(" ", Object.assign(document.createElement("a"), { href: address, textContent: title }));
  tell("over", whole);
  say(words);
}

function connect() {
  disconnect();
  source = new EventSource(dataOf(live, "stream"));
  source.addEventListener("open", opened);
  source.addEventListener("statistics", received);
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

document.addEventListener("htmx:configRequest", ({ detail }) => {
  for (const [name, value] of [...detail.formData.entries()]) if (value === "") detail.formData.delete(name);
});

// Back and forward: the part is fetched again in place, and the page scrolls to where it was.
document.addEventListener("htmx:beforeHistoryUpdate", () => {
  history.replaceState({ ...history.state, scrolled: scrollY }, "");
});

addEventListener("popstate", async (event) => {
  if (!event.state?.htmx) return; // the step is within the page
  event.stopImmediatePropagation(); // htmx would load the whole page again, from its top
  calls.stepped();
  await refresh();
  if (event.state.scrolled !== undefined) scrollTo(0, event.state.scrolled);
});

// When the part is replaced, what is unfolded in it or folded stays so, and the focus stays where it was.
/** @type {{ unfolded: string[], folded: string[], focused: string | null }} */
let kept = { unfolded: [], folded: [], focused: null };

document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  const ids = (/** @type {string} */ selector) => [...target.querySelectorAll(selector)].map(({ id }) => id);
  kept = { unfolded: ids("details[open]"), folded: ids("details:not([open])"), focused: focusedIn(target) };
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const fresh = find(`#${part}`);
  localize(fresh);
  state = fresh.dataset.state ?? state;
  for (const id of kept.folded) document.getElementById(id)?.toggleAttribute("open", false);
  for (const id of kept.unfolded) document.getElementById(id)?.toggleAttribute("open", true);
  if (kept.focused) document.getElementById(kept.focused)?.focus({ preventScroll: true });
  calls.fetched(fresh, detail.requestConfig.elt);
});

for (const name of /** @type {const} */ (["htmx:responseError", "htmx:sendError"])) {
  document.addEventListener(name, ({ detail }) => {
    const notice = Object.assign(document.createElement("p"), { className: "notice", role: "alert" });
    notice.textContent = gettext("That could not be loaded. Try again in a moment, or load the page again.");
    const old = find(`#${detail.target.id}`);
    old.querySelector(":scope > .notice")?.remove();
    old.prepend(notice);
  });
}
