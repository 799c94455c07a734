// The lessons of a course: figures, bars and charts of scores, which change in place.

import { binsOf, drawIn } from "./charts.js";
import { at, show } from "./figures.js";
import { dataOf, find } from "./headway.js";
import { follow, refresh, refreshSoon } from "./statistics.js";

let figures = given();
drawIn(document, { lessons: figures.lessons });

function given() {
  return withSums(JSON.parse(find("#funnel-data").textContent));
}

/** Add what the page shows of several figures: scores by ten points, and learners who stopped in a section. */
function withSums(/** @type {CourseFigures} */ fresh) {
  for (const lesson of fresh.lessons) lesson.bins = binsOf(lesson.score_distribution);
  /** @type {NodeListOf<HTMLElement>} */
  const sections = document.querySelectorAll("#funnel > [data-lessons]");
  fresh.sections = [...sections].map((section) => {
    const [first, last] = dataOf(section, "lessons").split("-").map(Number);
    const lessons = fresh.lessons.slice(first, last + 1);
    return { stopped_here: lessons.reduce((sum, lesson) => sum + lesson.stopped_here, 0) };
  });
  return fresh;
}

/** What the layout of the figures depends on. Where it is the same, the page shows new figures in the old elements. */
function layoutOf(/** @type {CourseFigures} */ { learners, enrolled, lessons }) {
  const parts = lessons.map((lesson) => [
    lesson.lesson_id,
    lesson.title,
    lesson.required,
    lesson.pass_mark,
    lesson.score_distribution.length > 0,
  ]);
  return JSON.stringify([learners + enrolled > 0, parts]);
}

/** Where learners stopped. When that changes, other lessons may be marked. */
function stopsOf(/** @type {CourseFigures} */ { lessons }) {
  return JSON.stringify(lessons.map(({ stopped_here }) => stopped_here));
}

function showBars(/** @type {ParentNode} */ part) {
  const most = Math.max(1, ...figures.lessons.map(({ started }) => started));
  /** @type {NodeListOf<SVGRectElement>} */
  const bars = part.querySelectorAll("[data-bar]");
  for (const bar of bars) bar.setAttribute("width", String((100 * (at(figures, bar.dataset.bar ?? "") ?? 0)) / most));
}

follow({
  figures: (fresh) => {
    if (layoutOf(fresh) !== layoutOf(figures)) return refresh();
    if (stopsOf(fresh) !== stopsOf(figures)) refreshSoon();
    const part = find("#funnel");
    figures = withSums(fresh);
    show(part, figures);
    showBars(part);
    drawIn(part, { lessons: figures.lessons });
  },
  fetched: (part) => {
    figures = given();
    drawIn(part, { lessons: figures.lessons });
  },
});
