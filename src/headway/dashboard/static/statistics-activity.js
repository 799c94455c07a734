// The activity in a course: tips of its charts. The charts are fetched again while today is among their days.

import { showTips } from "./chart-tips.js";
import { find } from "./headway.js";
import { follow, refresh, refreshSoon } from "./statistics.js";

showTips(document);
follow({
  figures: () => {
    const part = find("#days");
    if (!part.hasAttribute("data-is-current")) return;
    if (part.querySelector(".nothing")) refresh();
    else refreshSoon();
  },
  fetched: showTips,
});
