// Tips of the charts that the server draws: under the pointer or a finger, and by the arrow keys.

import { dataOf, find } from "./headway.js";

const SVG = "http://www.w3.org/2000/svg";
const isMirrored = document.documentElement.dir === "rtl";

/** Let the charts in a part of the page show tips. */
export function showTips(/** @type {ParentNode} */ part) {
  /** @type {NodeListOf<HTMLElement>} */
  const charts = part.querySelectorAll(".chart[data-tips]");
  for (const chart of charts) showTipsOf(chart);
}

function showTipsOf(/** @type {HTMLElement} */ chart) {
  /** @type {string[]} */
  const tips = JSON.parse(dataOf(chart, "tips")); // from left to right
  const plot = find(".chart-plot", chart, SVGSVGElement);
  const cursor = document.createElementNS(SVG, "rect");
  const tip = Object.assign(document.createElement("div"), { className: "chart-tip", hidden: true, dir: "auto" });
  let shown = isMirrored ? 0 : tips.length - 1; // at first the last step

  cursor.setAttribute("class", "chart-cursor");
  cursor.setAttribute("height", "100%");
  cursor.setAttribute("width", `${100 / tips.length}%`);
  tip.setAttribute("aria-hidden", "true"); // it is the value of the slider
  chart.append(tip);
  // A slider: the arrow keys move through the steps, and a screen reader says each.
  for (const [name, value] of Object.entries({ role: "slider", tabindex: "0", "aria-valuemin": "1" }))
    chart.setAttribute(name, value);
  chart.setAttribute("aria-valuemax", String(tips.length));
  say();

  function say() {
    const step = isMirrored ? tips.length - shown : shown + 1;
    chart.setAttribute("aria-valuenow", String(step));
    chart.setAttribute("aria-valuetext", tips[shown].replaceAll("\n", ", "));
  }

  function show(/** @type {number} */ position) {
    shown = Math.max(0, Math.min(position, tips.length - 1));
    say();
    cursor.setAttribute("x", `${(100 * shown) / tips.length}%`);
    plot.prepend(cursor);
    tip.textContent = tips[shown];
    tip.hidden = false;
    const [room, inside] = [chart.getBoundingClientRect(), plot.getBoundingClientRect()];
    const middle = inside.left - room.left + ((shown + 0.5) * inside.width) / tips.length;
    const isInFirstHalf = middle < room.width / 2; // the tip is beside the step, where there is more room
    tip.style.left = `${isInFirstHalf ? middle + 12 : middle - 12 - tip.offsetWidth}px`;
  }

  function hide() {
    tip.hidden = true;
    cursor.remove();
  }

  function pointed(/** @type {PointerEvent} */ event) {
    const inside = plot.getBoundingClientRect();
    show(Math.floor(((event.clientX - inside.left) * tips.length) / inside.width));
  }

  chart.addEventListener("pointermove", pointed);
  chart.addEventListener("pointerdown", pointed);
  chart.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
  chart.addEventListener("focus", () => chart.matches(":focus-visible") && show(shown));
  chart.addEventListener("blur", hide);
  chart.addEventListener("keydown", (event) => {
    const [first, last] = isMirrored ? [tips.length - 1, 0] : [0, tips.length - 1];
    const position = { ArrowLeft: shown - 1, ArrowRight: shown + 1, Home: first, End: last }[event.key];
    if (event.key === "Escape") hide();
    if (position === undefined) return;
    event.preventDefault();
    show(position);
  });
}
