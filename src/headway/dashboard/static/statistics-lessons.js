// The lessons of a course: figures and bars, which change in place. Charts of scores follow soon.

import { showTips } from "./chart-tips.js";
import { at, show } from "./figures.js";
import { dataOf, find } from "./headway.js";
import { follow, refresh, refreshSoon } from "./statistics.js";

const BIN = 10;

let figures = given();
showTips(document);

function given() {
  return withSums(JSON.parse(find("#funnel-data").textContent));
}

/**
 * The number of learners for each ten points of the best score. The last bin also has the highest score.
 * @param {{ score: number, learners: number }[]} distribution
 */
function binsOf(distribution) {
  /** @type {number[]} */
  const bins = Array(100 / BIN).fill(0);
  for (const { score, learners } of distribution) bins[Math.min(Math.floor(score / BIN), bins.length - 1)] += learners;
  return bins;
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

/** What the charts and the marks of lessons depend on: the scores, and where learners stopped. */
function drawnOf(/** @type {CourseFigures} */ { lessons }) {
  return JSON.stringify(lessons.map(({ stopped_here, score_distribution }) => [stopped_here, score_distribution]));
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
    if (drawnOf(fresh) !== drawnOf(figures)) refreshSoon();
    const part = find("#funnel");
    figures = withSums(fresh);
    show(part, figures);
    showBars(part);
  },
  fetched: (part) => {
    figures = given();
    showTips(part);
  },
});
