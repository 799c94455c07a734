// A learner's pages: notes and bookmarks in place, a calendar to walk through, and news from other tabs.

import "./calendar.js";
import { edit } from "./notes.js";
import { hide, show, tell } from "./notice.js";
import { refresh, replace } from "./parts.js";
import { lessonOf, store, textOf } from "./progress.js";

document.addEventListener("click", (event) => {
  /** @type {HTMLElement} */
  const button = /** @type {Element} */ (event.target).closest("[data-action]");
  /** @type {HTMLElement} */
  const item = button?.closest(".lesson");
  if (button?.dataset.action === "note") editNote(item);
  if (button?.dataset.action === "bookmark") toggleBookmark(item.id);
});

function editNote(/** @type {HTMLElement} */ item) {
  edit(item, (found) => {
    if (found) showProgress(item, found);
    partOf(item, "[data-action=note]").focus();
    refresh(true); // what came meanwhile, and what follows from this
  });
}

/**
 * @param {HTMLElement} item
 * @param {string} selector
 * @returns {HTMLElement}
 */
function partOf(item, selector) {
  return item.querySelector(selector);
}

async function toggleBookmark(/** @type {string} */ itemId) {
  const item = document.getElementById(itemId);
  const button = partOf(item, "[data-action=bookmark]");
  if (button.ariaBusy) return;
  const wanted = button.ariaPressed !== "true";
  press(button, wanted);
  button.ariaBusy = "true";
  try {
    const decide = (/** @type {StoredProgress} */ present) =>
      Boolean(present?.progress.is_bookmarked) === wanted ? present : null;
    const stored = await store(lessonOf(item), { is_bookmarked: wanted }, item.dataset.etag ?? null, decide);
    showProgress(document.getElementById(itemId) ?? item, stored);
    hide();
    tell(wanted ? "Bookmark saved" : "Bookmark removed");
    refresh(); // how many there are, and whether this lesson is still among those shown
  } catch (error) {
    press(button, !wanted);
    show(error, () => toggleBookmark(itemId));
  } finally {
    button.ariaBusy = null;
  }
}

/**
 * @param {HTMLElement} item
 * @param {StoredProgress} stored
 */
function showProgress(item, { progress, etag }) {
  const note = partOf(item, ".lesson-note");
  if (etag) item.dataset.etag = etag;
  else delete item.dataset.etag;
  note.textContent = textOf(progress?.user_notes);
  note.hidden = !note.textContent;
  partOf(item, "[data-action=note]").textContent = note.hidden ? "Add a note" : "Edit note";
  press(partOf(item, "[data-action=bookmark]"), Boolean(progress?.is_bookmarked));
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

/** Lessons that came anew: only what has changed is replaced, and a note that is being edited is left alone. */
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
 * @param {Element} fresh
 */
function takePiece(piece, fresh) {
  if (!fresh) return;
  if (!piece.classList.contains("edited")) replace(piece, fresh);
  else
    for (const part of [".lesson-what", ".lesson-figures"])
      replace(piece.querySelector(part), fresh.querySelector(part));
}
