// One lesson of a course: the chart of its scores, and its figures and learners, which are fetched again as they change.

import { drawIn } from "./charts.js";
import { find } from "./headway.js";
import { follow, refreshSoon } from "./statistics.js";

/** Draw the chart of the lesson in a part of the page. */
function draw(/** @type {ParentNode} */ part) {
  drawIn(part, { lessons: [JSON.parse(find("#lesson-data").textContent)] });
}

draw(document);
follow({ figures: refreshSoon, fetched: draw });
