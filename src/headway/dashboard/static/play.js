// The page that plays a lesson: opens a launch, shows its player in a frame, and says what has been saved.

import { dataOf, find } from "./headway.js";
import { hide, show } from "./notice.js";
import { ask, codeOf, learnerOf } from "./service.js";
import { gettext } from "./words.js";

/** @type {Record<string, string>} */
const REASONS = {
  lesson_not_found: gettext("This lesson is not in the course any more."),
  course_not_found: gettext("This course is not in the catalogue any more."),
  lesson_locked: gettext("This lesson is locked until other lessons are completed."),
  not_enrolled: gettext("You are not enrolled in this course now."),
  launch_not_found: gettext("This lesson was open for too long. Load the page again to go on."),
  other_run: gettext("A new run of this course has begun. Load the page again to go on."),
};
/** @type {Record<string, string>} */
const STATUSES = {
  not_started: gettext("Not started"),
  in_progress: gettext("In progress"),
  completed: gettext("Completed"),
};

const place = find("#play");
const progress = dataOf(place, "progress");
const saved = find("#saved");
const status = find("#lesson-status");
const frame = document.createElement("iframe");
frame.title = dataOf(place, "title");
frame.allow = "autoplay; clipboard-write; fullscreen";
frame.setAttribute("sandbox", dataOf(place, "sandbox"));

/** @type {Record<string, (detail: string) => void>} */
const EVENTS = {
  saved() {
    saved.textContent = gettext("Saved");
    hide();
    showStatus();
  },
  waiting() {
    saved.textContent = gettext("Not saved yet: there is no connection. It is tried again.");
  },
  refused(code) {
    saved.textContent = gettext("Not saved");
    fail(new Error(reasonOf(code)));
  },
  failed() {
    fail(new Error(gettext("The content could not be opened. Load the page again.")));
  },
  ended: showStatus,
  continue: () => follow("#next"),
  previous: () => follow("#previous"),
};

addEventListener("message", ({ source, data }) => {
  if (source !== frame.contentWindow || typeof data?.headway !== "string") return;
  if (Object.hasOwn(EVENTS, data.headway)) EVENTS[data.headway](String(data.detail ?? ""));
});

// A page that the browser has kept for its button Back is shown again as it was left: its content has ended.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});

/** Why something was refused, in words. Content may send any code. */
function reasonOf(/** @type {string} */ code) {
  return Object.hasOwn(REASONS, code) ? REASONS[code] : gettext("The service did not accept this.");
}

function follow(/** @type {string} */ link) {
  /** @type {HTMLAnchorElement | null} */ (document.querySelector(link))?.click();
}

async function showStatus() {
  try {
    const answer = await ask(progress);
    if (!answer.ok) return;
    const { user_id: learner, status: present } = await answer.json();
    if (learner !== learnerOf(document)) return; // somebody else has signed in on this device since
    status.className = `lesson-status is-${present}`;
    status.textContent = STATUSES[present];
  } catch {
    // it is shown with the next commit
  }
}

function fail(/** @type {unknown} */ error) {
  show(error, () => location.reload());
}

async function open() {
  try {
    const answer = await ask(`${progress}/launches`, { method: "POST" });
    const code = await codeOf(answer);
    if (!answer.ok) throw new Error(reasonOf(code ?? ""));
    const { play_url: address } = await answer.json();
    if (!address) throw new Error(gettext("The content of this lesson is not here any more."));
    frame.src = address;
    find("#frame").replaceChildren(frame);
    frame.focus();
  } catch (error) {
    fail(error);
  }
}

open();
