// One lesson of a course: its figures, the chart of its scores and its learners, which are fetched again as they change.

import { showTips } from "./chart-tips.js";
import { follow, refreshSoon } from "./statistics.js";

showTips(document);
follow({ figures: refreshSoon, fetched: showTips });
