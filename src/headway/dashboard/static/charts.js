// Draws the charts of a course with Observable Plot, as SVG in places that the page has kept free for them.

import { count, dataOf, find } from "./headway.js";
import { axisX, axisY, gridY, plot, pointerX, rectY, ruleX, ruleY, text, tip } from "./plot.js";

/**
 * @typedef {{ learners: number, from: number, to: number }} Bin
 * @typedef {(width: number, height: number, data: ChartData & { element: HTMLElement }) => Element} Chart
 */

const locale = document.documentElement.dataset.locale;
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });

const BIN = 10;
const LEAST = 100;

/**
 * The number of learners for each ten points of the best score. The last bin also has the highest score.
 * @param {{ score: number, learners: number }[]} distribution
 */
export function binsOf(distribution) {
  /** @type {number[]} */
  const bins = Array(100 / BIN).fill(0);
  for (const { score, learners } of distribution) bins[Math.min(Math.floor(score / BIN), bins.length - 1)] += learners;
  return bins;
}

/** @type {Chart} */
function scores(width, height, { lessons, element }) {
  const bins = binsOf(lessons[Number(element.dataset.lesson)].score_distribution);
  const rows = bins.map((learners, position) => ({ learners, from: position * BIN, to: (position + 1) * BIN }));
  const passMark = element.dataset.passMark === undefined ? [] : [Number(element.dataset.passMark)];
  return plot({
    width,
    height,
    marginLeft: 40,
    marginRight: 8,
    marginTop: 18,
    marginBottom: 24,
    x: { domain: [0, 100], ticks: [0, 20, 40, 60, 80, 100], label: null },
    y: { ...learnersScale(bins), label: null },
    marks: [
      gridY({ ticks: ticksOf(bins), stroke: "var(--line)", strokeOpacity: 1 }),
      axisY({ ticks: ticksOf(bins), tickSize: 0, tickFormat: whole.format, label: null }),
      axisX({ ticks: [0, 20, 40, 60, 80, 100], tickSize: 0, label: null }),
      rectY(rows, { x1: "from", x2: "to", y: "learners", inset: 1, insetBottom: 0, fill: "var(--accent)" }),
      ruleX(passMark, { stroke: "var(--ink)", strokeDasharray: "4 3" }),
      text(passMark, {
        x: (/** @type {number} */ mark) => mark,
        frameAnchor: "top",
        dy: -14,
        text: () => "pass mark",
        textAnchor: passMark[0] > 80 ? "end" : "middle",
      }),
      ruleY([0], { stroke: "var(--ink-soft)" }),
      ...tips(rows, width, {
        x: (/** @type {Bin} */ row) => row.from + BIN / 2,
        y: "learners",
        title: (/** @type {Bin} */ row) =>
          `${row.from} to ${row.to === 100 ? 100 : row.to - 1} points\n${count(row.learners, "learner")}`,
      }),
    ],
  });
}

/**
 * The marks that tell above a bar what it shows, while the pointer is on it: on the side that has more room.
 * @param {object[]} rows
 * @param {number} width
 * @param {object} channels
 */
function tips(rows, width, channels) {
  const middle = Math.ceil(rows.length / 2);
  const maxRadius = Math.max(2, width / rows.length / 2); // half of the bar under the pointer
  /**
   * @param {object[]} some
   * @param {"bottom-left" | "bottom-right"} anchor
   */
  const labels = (some, anchor) =>
    tip(some, pointerX({ ...channels, anchor, maxRadius, fill: "var(--surface)", stroke: "var(--line)" }));
  return [labels(rows.slice(0, middle), "bottom-left"), labels(rows.slice(middle), "bottom-right")];
}

function learnersScale(/** @type {number[]} */ counts) {
  return { domain: [0, Math.max(4, ...counts)], nice: ticksOf(counts) }; // no bar is higher than the last tick
}

function ticksOf(/** @type {number[]} */ counts) {
  return Math.min(4, Math.max(4, ...counts));
}

/** @type {Record<string, Chart>} */
const CHARTS = { scores };
/** @type {Record<string, (element: HTMLElement) => string>} */
const LABELS = {
  scores: (element) => `Learners by their best score in ${element.dataset.title}`,
};

/** @type {ChartData} */
let data = { lessons: [] };

const rooms = new ResizeObserver((entries) => {
  for (const { target } of entries)
    if (target.clientWidth !== Number(target.firstElementChild?.getAttribute("width")))
      draw(/** @type {HTMLElement} */ (target));
});

/**
 * Draw the charts in a part of the page, and draw each again when its room changes.
 * @param {ParentNode} part
 * @param {Partial<ChartData>} shown
 */
export function drawIn(part, shown) {
  data = { ...data, ...shown };
  /** @type {NodeListOf<HTMLElement>} */
  const elements = part.querySelectorAll("[data-chart]");
  for (const element of elements) {
    draw(element);
    rooms.observe(element);
  }
}

/** Draw a chart, and replace the one that is there. */
function draw(/** @type {HTMLElement} */ element) {
  const width = element.clientWidth;
  const height = Number(find("svg", element, SVGSVGElement).getAttribute("height"));
  if (width < LEAST) return; // it is not laid out yet
  const kind = dataOf(element, "chart");
  const chart = CHARTS[kind](width, height, { ...data, element });
  chart.querySelector("style")?.remove(); // the pages' policy allows no style but headway.css, which has these rules
  for (const part of chart.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label"); // one name, set below
  chart.setAttribute("class", "plot");
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", LABELS[kind](element));
  element.replaceChildren(chart);
}
