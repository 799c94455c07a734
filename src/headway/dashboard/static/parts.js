// Fetches the parts of a page again, and replaces those that have changed: every few seconds while the page is seen, and
// when its tab is shown again. A page without an etag does not ask by itself.

import { focusedIn, localize } from "./headway.js";
import { hide, offered, show } from "./notice.js";
import { writes } from "./progress.js";
import { page, SignedOut, SomebodyElse } from "./service.js";
import { gettext } from "./words.js";

const PARTS = "[data-part]";
const PAUSE_MS = 5_000; // between two questions whether something has changed, each of which costs one look-up
const LONGEST_PRESS_MS = 5_000; // the release may be lost to another window
const LOOK_MS = 20; // between two looks whether the release has come
/** @returns {HTMLElement | null} */
const partWithEtag = () => document.querySelector("[data-page-etag]");
/** @type {Promise<void> | null} */
let underWay = null;
/** @type {Promise<void> | null} */
let following = null; // the refresh that begins when the one under way has ended
let isOver = false; // the session has ended: only the reader can go on
let isPressed = false; // a key or a pointer

/**
 * Fetch the page's parts again. Fulfilled when they are shown. `whole`: without the page's etag, so that the service
 * always sends them.
 * @returns {Promise<void>}
 */
export function refresh(whole = false) {
  if (!underWay) {
    underWay = fetchParts(whole).finally(() => {
      underWay = null;
    });
    return underWay;
  }
  if (!whole) return underWay;
  following ??= underWay.then(() => {
    following = null;
    return refresh(true); // the request that was under way may have been answered that nothing has changed
  });
  return following;
}

async function fetchParts(/** @type {boolean} */ whole) {
  try {
    const found = await newest(whole);
    if (found) take(found);
    isOver = false;
    hide(again);
  } catch (error) {
    isOver = error instanceof SignedOut || error instanceof SomebodyElse;
    // A write that has failed stays what is tried again, unless it can be tried no more.
    show(error, error instanceof SomebodyElse ? again : (offered() ?? again));
  }
}

function again() {
  refresh();
}

/**
 * The page as it is after all writes, while nothing is pressed. A page that was read before a write would undo what the
 * write has shown.
 */
async function newest(/** @type {boolean} */ whole) {
  for (;;) {
    const known = writes;
    await known;
    const found = await page(location.href, whole ? null : partWithEtag()?.dataset.pageEtag);
    await released();
    if (writes === known) return found;
  }
}

/** A button that is replaced between press and release is not clicked, so what is pressed is waited for. */
async function released() {
  for (let waited = 0; isPressed && waited < LONGEST_PRESS_MS; waited += LOOK_MS)
    await new Promise((fulfil) => setTimeout(fulfil, LOOK_MS));
}

for (const begins of ["keydown", "pointerdown"]) window.addEventListener(begins, () => (isPressed = true));
for (const ends of ["keyup", "pointerup", "pointercancel", "blur"])
  window.addEventListener(ends, () => (isPressed = false)); // `blur`: of the window, since an element's does not bubble

function take(/** @type {Document} */ found) {
  const parts = [...document.querySelectorAll(PARTS)];
  if (!parts.some((part) => found.getElementById(part.id)))
    throw new Error(gettext("This course is not in the catalogue any more."));
  localize(found);
  for (const part of parts) {
    const fresh = found.getElementById(part.id);
    if (!fresh) continue;
    const event = new CustomEvent("headway:part", {
      bubbles: true,
      cancelable: true,
      detail: document.adoptNode(fresh),
    });
    if (part.dispatchEvent(event)) replace(part, fresh);
  }
}

/**
 * Replace an element. What is folded or unfolded stays so. The focus stays where it was, or goes to the part.
 * @param {Element} old
 * @param {Element} fresh
 */
export function replace(old, fresh) {
  for (const one of [old, ...old.querySelectorAll("details")]) {
    const again = one === old ? fresh : fresh.querySelector(`#${CSS.escape(one.id)}`);
    if (one instanceof HTMLDetailsElement && again instanceof HTMLDetailsElement) again.open = one.open;
  }
  if (old.isEqualNode(fresh)) return;
  const focused = focusedIn(old);
  old.replaceWith(fresh);
  if (focused === null) return;
  /** @type {HTMLElement | null} */
  const again = document.getElementById(focused) ?? fresh.closest(PARTS);
  again?.focus({ preventScroll: true });
}

function looked() {
  if (document.visibilityState === "visible") refresh();
}

document.addEventListener("visibilitychange", looked);
window.addEventListener("focus", looked);
window.addEventListener("pageshow", (event) => event.persisted && looked());

setInterval(() => !isOver && partWithEtag() && looked(), PAUSE_MS);
