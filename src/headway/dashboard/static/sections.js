// Shows the lesson that the address names, or the lesson to continue with. Its section is unfolded.

const navigation = /** @type {PerformanceNavigationTiming | undefined} */ (
  performance.getEntriesByType("navigation")[0]
);

/** Unfold the section of an element, so that it can be scrolled to. */
function unfold(/** @type {string} */ id) {
  const target = document.getElementById(id);
  const section = target?.closest("details");
  if (!target || !section || section.open) return;
  section.open = true;
  target.scrollIntoView();
}

const named = (/** @type {string} */ address) => new URL(address, location.href).hash.slice(1);

/** Scroll this window alone: the page may be in a frame, and the page around it must not move. */
function showNext() {
  const next = document.querySelector(".lesson[aria-current]")?.getBoundingClientRect();
  if (!next || next.bottom <= innerHeight) return;
  scrollTo({ top: scrollY + next.top - Math.max(0, (innerHeight - next.height) / 2), behavior: "instant" });
}

document.addEventListener("click", ({ target }) => {
  /** @type {HTMLAnchorElement | null} */
  const link = /** @type {Element} */ (target).closest('a[href*="#"]');
  if (link && link.pathname === location.pathname) unfold(named(link.href)); // before the browser scrolls there
});
window.addEventListener("hashchange", () => unfold(named(location.href)));

if (location.hash) unfold(named(location.href));
// A page that is loaded again, or that somebody comes back to, is where it was before.
else if (navigation?.type === "navigate" && scrollY === 0) showNext();
