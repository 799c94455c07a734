// A learner's pages: edits notes, bookmarks and what is done in place, and shows what has changed in other tabs.

import "./calendar.js";
import { find } from "./headway.js";
import { edit } from "./notes.js";
import { hide, show, tell } from "./notice.js";
import { refresh, replace } from "./parts.js";
import { addressOf, store, textOf } from "./progress.js";
import "./sections.js";
import { gettext } from "./words.js";

document.addEventListener("click", (event) => {
  /** @type {HTMLElement | null} */
  const button = /** @type {Element} */ (event.target).closest("[data-action]");
  /** @type {HTMLElement | null | undefined} */
  const item = button?.closest(".lesson");
  if (!button || !item) return;
  if (button.dataset.action === "note") editNote(item);
  if (button.dataset.action === "bookmark") toggleBookmark(item.id);
});

function editNote(/** @type {HTMLElement} */ item) {
  edit(item, (found) => {
    if (found !== undefined) showProgress(item, found);
    find("[data-action=note]", item).focus();
    refresh(true); // shows what others have changed, and what this changes elsewhere on the page
  });
}

async function toggleBookmark(/** @type {string} */ itemId) {
  const item = find(`#${itemId}`);
  const button = find("[data-action=bookmark]", item);
  if (button.ariaBusy) return;
  const wanted = button.ariaPressed !== "true";
  press(button, wanted);
  button.ariaBusy = "true";
  try {
    const decide = (/** @type {StoredProgress | null} */ present) =>
      Boolean(present?.progress.is_bookmarked) === wanted ? present : null;
    const stored = await store(addressOf(item), { is_bookmarked: wanted }, item.dataset.etag ?? null, decide);
    showProgress(document.getElementById(itemId) ?? item, stored);
    hide();
    tell(wanted ? gettext("Bookmark saved") : gettext("Bookmark removed"));
    refresh(); // shows how many bookmarks there are; the choice of lessons may no longer include this one
  } catch (error) {
    press(button, !wanted);
    show(error, () => toggleBookmark(itemId));
  } finally {
    button.ariaBusy = null;
  }
}

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches(".lesson-done")) return;
  event.preventDefault();
  markDone(form.closest(".lesson")?.id ?? "", form.dataset.form === "done");
});

/**
 * @param {string} itemId
 * @param {boolean} isDone whether the lesson is marked as done, or as not done
 */
async function markDone(itemId, isDone) {
  const item = find(`#${itemId}`);
  const button = find(".lesson-done button", item);
  if (button.ariaBusy) return;
  button.ariaBusy = "true";
  const status = isDone ? "completed" : "not_started";
  try {
    const decide = (/** @type {StoredProgress | null} */ present) =>
      present?.progress.status === status ? present : null;
    await store(addressOf(item), { status }, item.dataset.etag ?? null, decide);
    hide();
    tell(isDone ? gettext("Marked as done") : gettext("Marked as not done"));
    await refresh(true);
    if (isDone) find("#finish").querySelector(".finish")?.scrollIntoView({ block: "center" });
  } catch (error) {
    show(error, () => markDone(itemId, isDone));
  } finally {
    button.ariaBusy = null;
  }
}

/** When another lesson ends the course, here or on another device, say so. */
document.addEventListener("headway:part", ({ target, detail }) => {
  if (target.id !== "finish" || target.querySelector(".finish") || !detail.querySelector(".finish")) return;
  tell(find("h2", detail).textContent);
});

/**
 * @param {HTMLElement} item
 * @param {StoredProgress | null} stored null: there is no lesson progress
 */
function showProgress(item, stored) {
  const note = find(".lesson-note", item);
  if (stored) item.dataset.etag = stored.etag;
  else delete item.dataset.etag;
  note.textContent = textOf(stored?.progress.user_notes);
  note.hidden = !note.textContent;
  find("[data-action=note]", item).textContent = note.hidden ? gettext("Add a note") : gettext("Edit note");
  /** @type {HTMLElement | null} */
  const bookmark = item.querySelector("[data-action=bookmark]");
  if (bookmark) press(bookmark, Boolean(stored?.progress.is_bookmarked));
}

/**
 * @param {HTMLElement} button
 * @param {boolean} is
 */
function press(button, is) {
  button.ariaPressed = String(is);
}

const PIECES = "[data-piece]";
const idsOf = (/** @type {Element} */ list) => [...list.querySelectorAll(PIECES)].map((piece) => piece.id).join();

/** When the lessons are fetched again, only those that have changed are replaced, and no note that is being edited. */
document.addEventListener("headway:part", (event) => {
  const [list, fresh] = [event.target, event.detail];
  if (list.id !== "lessons") return;
  const isAlike = idsOf(list) === idsOf(fresh);
  if (!isAlike && !list.querySelector(".edited")) return; // the whole list is replaced
  event.preventDefault();
  const pieces = new Map([...fresh.querySelectorAll(PIECES)].map((piece) => [piece.id, piece]));
  for (const piece of list.querySelectorAll(isAlike ? PIECES : ".lesson")) takePiece(piece, pieces.get(piece.id));
  list.dataset.pageEtag = fresh.dataset.pageEtag;
});

/**
 * @param {Element} piece
 * @param {Element | undefined} fresh
 */
function takePiece(piece, fresh) {
  if (!fresh) return;
  if (!piece.classList.contains("edited")) replace(piece, fresh);
  else for (const part of [".lesson-what", ".lesson-figures"]) replace(find(part, piece), find(part, fresh));
}
