// Tells people something: in a live region for those who listen, or in a notice that stays until it is dealt with.

import { find } from "./headway.js";
import { SignedOut, SomebodyElse, Unavailable } from "./service.js";
import { gettext } from "./words.js";

const status = find("#status");
const notice = find("#notice");
const words = find("p", notice);
const link = find("a", notice, HTMLAnchorElement);
const button = find("button", notice, HTMLButtonElement);
/** @type {(() => void) | null} */
let retried = null;

/** Say something in the page's live region. */
export function tell(/** @type {string} */ text) {
  status.textContent = "";
  requestAnimationFrame(() => {
    status.textContent = text;
  });
}

/** What went wrong, in a sentence. */
export function reasonOf(/** @type {unknown} */ error) {
  if (error instanceof SignedOut) return gettext("You are signed out. Sign in in another tab, then try again here.");
  if (error instanceof SomebodyElse)
    return gettext("Somebody else has signed in meanwhile. Copy what you need, then load this page again.");
  if (error instanceof Unavailable) return gettext("The service does not answer. Try again in a moment.");
  return error instanceof Error ? error.message : String(error);
}

/**
 * Show what went wrong, and what can be done about it. The button calls `again`.
 * @param {unknown} error
 * @param {() => void} again
 */
export function show(error, again) {
  const reason = reasonOf(error);
  if (notice.hidden || words.textContent !== reason) {
    words.textContent = reason;
    tell(reason);
  }
  link.hidden = !(error instanceof SignedOut);
  link.textContent = gettext("Sign in in another tab");
  link.href = signInAddress();
  button.hidden = error instanceof SomebodyElse;
  button.onclick = retried = again;
  notice.hidden = false;
}

/** What the notice offers to try again; null where there is no notice. */
export function offered() {
  return retried;
}

/** The address of the sign-in page, which leads back to this page. */
export function signInAddress() {
  const path = find(".bar-name").getAttribute("href");
  return `${path}/sign-in?next=${encodeURIComponent(location.pathname)}`;
}

/** Hide the notice: with `again` only the one that was shown with it. */
export function hide(/** @type {(() => void) | null} */ again = null) {
  if (again && retried !== again) return;
  notice.hidden = true;
  retried = null;
}
