// The activity in a course: charts of the days. They are fetched again while today is among them.

import { drawIn } from "./charts.js";
import { find } from "./headway.js";
import { follow, refresh, refreshSoon } from "./statistics.js";

function drawAll(/** @type {ParentNode} */ part) {
  drawIn(part, { days: JSON.parse(find("#days-data").textContent) });
}

drawAll(document);
follow({
  figures: () => {
    const part = find("#days");
    if (!part.hasAttribute("data-is-current")) return;
    if (part.querySelector(".nothing")) refresh();
    else refreshSoon();
  },
  fetched: drawAll,
});
