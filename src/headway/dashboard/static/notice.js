// What there is to tell: aloud to those who listen, or in a notice that stays until it is dealt with.

import { SignedOut, SomebodyElse, Unavailable } from "./service.js";

const status = document.getElementById("status");
const notice = document.getElementById("notice");
const link = notice.querySelector("a");
const button = notice.querySelector("button");

/** Say something in the page's live region. */
export function tell(/** @type {string} */ text) {
  status.textContent = "";
  requestAnimationFrame(() => {
    status.textContent = text;
  });
}

/** What went wrong, in a sentence. */
export function reasonOf(/** @type {Error} */ error) {
  if (error instanceof SignedOut) return "You are signed out. Sign in in another tab, then try again here.";
  if (error instanceof SomebodyElse)
    return "Somebody else has signed in meanwhile. Copy what you need, then load this page again.";
  if (error instanceof Unavailable) return "The service does not answer. Try again in a moment.";
  return error.message;
}

/**
 * Show what went wrong, and what can be done about it; `again` is what to try once more.
 * @param {Error} error
 * @param {() => void} again
 */
export function show(error, again) {
  const reason = reasonOf(error);
  if (notice.hidden || notice.firstElementChild.textContent !== reason) {
    notice.firstElementChild.textContent = reason;
    tell(reason);
  }
  link.hidden = !(error instanceof SignedOut);
  link.textContent = "Sign in in another tab";
  link.href = signInAddress();
  button.hidden = error instanceof SomebodyElse;
  button.onclick = again;
  notice.hidden = false;
}

/** Where one signs in, and comes back to this page. */
export function signInAddress() {
  const path = document.querySelector(".bar-name").getAttribute("href");
  return `${path}/sign-in?next=${encodeURIComponent(location.pathname)}`;
}

export function hide() {
  notice.hidden = true;
}
