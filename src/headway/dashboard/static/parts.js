// Parts of a page are fetched anew when its tab is looked at again, and replaced where they have become others.

import { localize } from "./headway.js";
import { hide, show } from "./notice.js";
import { writes } from "./progress.js";
import { page } from "./service.js";

const PARTS = "[data-part]";
/** @returns {HTMLElement} */
const marked = () => document.querySelector("[data-page-etag]");
let isUnderWay = false;
let isAskedAgain = false;

/** Fetch the page's parts anew. `whole`: also if the service would say that nothing has changed. */
export async function refresh(whole = false) {
  if (isUnderWay) {
    isAskedAgain ||= whole; // the running request may be answered that nothing has changed
    return;
  }
  isUnderWay = true;
  await fetchParts(whole);
  isUnderWay = false;
  if (!isAskedAgain) return;
  isAskedAgain = false;
  refresh(true);
}

async function fetchParts(/** @type {boolean} */ whole) {
  try {
    const found = await newest(whole);
    if (found) take(found);
    hide();
  } catch (error) {
    show(error, () => refresh());
  }
}

/** The page as it is after all writes: what was read before one of them would take its place back. */
async function newest(/** @type {boolean} */ whole) {
  for (;;) {
    const known = writes;
    await known;
    const found = await page(location.href, whole ? null : marked()?.dataset.pageEtag);
    if (writes === known) return found;
  }
}

function take(/** @type {Document} */ found) {
  const parts = [...document.querySelectorAll(PARTS)];
  if (!parts.some((part) => found.getElementById(part.id)))
    throw new Error("This course is not in the catalogue any more.");
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
 * Put one element in another's place, keeping what is open open, and the focus where it was, or else on the part.
 * @param {Element} old
 * @param {Element} fresh
 */
export function replace(old, fresh) {
  const unfolded = [old, ...old.querySelectorAll("details")].filter(
    (one) => one instanceof HTMLDetailsElement && one.open,
  );
  for (const open of unfolded) {
    const again = open === old ? fresh : fresh.querySelector(`#${CSS.escape(open.id)}`);
    if (again instanceof HTMLDetailsElement) again.open = true;
  }
  if (old.isEqualNode(fresh)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.id : null;
  old.replaceWith(fresh);
  if (focused === null) return;
  /** @type {HTMLElement} */
  const again = document.getElementById(focused) ?? fresh.closest(PARTS);
  again.focus({ preventScroll: true });
}

function looked() {
  if (document.visibilityState === "visible") refresh();
}

document.addEventListener("visibilitychange", looked);
window.addEventListener("focus", looked);
window.addEventListener("pageshow", (event) => event.persisted && looked());
