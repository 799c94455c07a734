// The overview of a course: its figures change in place; the changes of a week and the lessons follow soon.

import { show } from "./figures.js";
import { find } from "./headway.js";
import { follow, refresh, refreshSoon } from "./statistics.js";

follow({
  figures: (figures) => {
    const part = find("#figures");
    const isEmpty = !figures.learners && !figures.enrolled;
    if (part.hasAttribute("data-is-empty") !== isEmpty) return refresh();
    show(part, figures);
    refreshSoon();
  },
});
