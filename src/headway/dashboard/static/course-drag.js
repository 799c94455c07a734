// Moves lessons and sections by a pointer: a mouse, a pen or a finger.

const EDGE_PIXELS = 96; // so close to the window's edge, the page scrolls
const SCROLL_PIXELS = 14;

/**
 * Let the pointer move what has a grip in the list.
 * @param {HTMLElement} list
 * @param {{ lesson: (id: string, key: string, position: number) => void, section: (key: string, to: number) => void }} moved
 */
export function dragIn(list, moved) {
  list.addEventListener("pointerdown", (event) => {
    const grip = /** @type {Element} */ (event.target).closest("[data-grip]");
    if (!(grip instanceof HTMLElement) || event.button !== 0) return;
    event.preventDefault();
    begin(list, grip, event, moved);
  });
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} grip
 * @param {PointerEvent} first
 * @param {Parameters<typeof dragIn>[1]} moved
 */
function begin(list, grip, first, moved) {
  const isSection = grip.dataset.grip === "section";
  const selector = isSection ? "[data-section]" : "[data-lesson], [data-section]";
  const item = /** @type {HTMLElement} */ (grip.closest(isSection ? "[data-section]" : "[data-lesson]"));
  const ended = new AbortController();
  /** @type {{ target: HTMLElement, side: "before" | "after" } | null} */
  let place = null;
  let y = first.clientY;

  const look = () => {
    const found = targetAt(list, y, selector);
    if (!found) return;
    unmark(list);
    place = found.target === item ? null : found;
    if (place) place.target.dataset.drop = place.side;
  };
  const scroll = () => {
    if (ended.signal.aborted) return;
    const step = y < EDGE_PIXELS ? -SCROLL_PIXELS : y > innerHeight - EDGE_PIXELS ? SCROLL_PIXELS : 0;
    if (step) {
      scrollBy(0, step);
      look();
    }
    requestAnimationFrame(scroll);
  };
  const end = () => {
    ended.abort();
    unmark(list);
    delete item.dataset.dragged;
  };

  item.dataset.dragged = "";
  grip.setPointerCapture(first.pointerId);
  const on = { signal: ended.signal };
  grip.addEventListener(
    "pointermove",
    (event) => {
      y = event.clientY;
      look();
    },
    on,
  );
  grip.addEventListener(
    "pointerup",
    () => {
      const dropped = place;
      end();
      if (dropped && isSection) moved.section(...sectionPlace(list, item, dropped));
      else if (dropped) moved.lesson(...lessonPlace(item, dropped));
    },
    on,
  );
  grip.addEventListener("pointercancel", end, on);
  addEventListener("keydown", (event) => event.key === "Escape" && end(), on);
  requestAnimationFrame(scroll);
}

/**
 * What is at a height of the window, and on which side of its middle.
 * @param {HTMLElement} list
 * @param {number} y
 * @param {string} selector
 * @returns {{ target: HTMLElement, side: "before" | "after" } | null}
 */
function targetAt(list, y, selector) {
  const { left, width } = list.getBoundingClientRect();
  const found = document.elementFromPoint(left + width / 2, y)?.closest(selector);
  if (!(found instanceof HTMLElement) || !list.contains(found)) return null;
  const { top, height } = found.getBoundingClientRect();
  return { target: found, side: y < top + height / 2 ? "before" : "after" };
}

function unmark(/** @type {HTMLElement} */ list) {
  for (const marked of list.querySelectorAll("[data-drop]")) marked.removeAttribute("data-drop");
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} item
 * @param {{ target: HTMLElement, side: string }} place
 * @returns {[string, number]}
 */
function sectionPlace(list, item, { target, side }) {
  const others = [...list.children].filter((one) => one !== item);
  return [item.dataset.section ?? "", others.indexOf(target) + (side === "after" ? 1 : 0)];
}

/**
 * @param {HTMLElement} item
 * @param {{ target: HTMLElement, side: string }} place
 * @returns {[string, string, number]}
 */
function lessonPlace(item, { target, side }) {
  const section = /** @type {HTMLElement} */ (target.closest("[data-section]"));
  const others = [...section.querySelectorAll("[data-lesson]")].filter((one) => one !== item);
  const index = others.indexOf(target);
  // Over a section's head or its foot, the lesson becomes the first or the last one.
  const position = index < 0 ? (side === "before" ? 0 : others.length) : index + (side === "after" ? 1 : 0);
  return [item.dataset.lesson ?? "", section.dataset.section ?? "", position];
}
