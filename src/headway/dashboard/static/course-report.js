// What the API says of a course's document: what saving it would change, what is wrong with it, who else has saved.

const NAMES = {
  title: "title",
  section: "section",
  kind: "kind",
  duration_seconds: "duration",
  required: "counts towards completion",
  pass_mark: "pass mark",
  complete_at: "completed at",
  content_id: "content",
};

export function element(name, properties = {}, ...children) {
  const { classes, ...others } = properties;
  const made = Object.assign(document.createElement(name), others);
  if (classes) made.className = classes;
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function worded(value) {
  if (value === null || value === undefined || value === "") return "nothing";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" ? `“${value}”` : String(value);
}

const byId = (doc) => new Map((doc?.lessons ?? []).map((lesson) => [String(lesson.id).toLowerCase(), lesson]));
const titled = (lesson, id) => lesson?.title || id;

function differences(before, after) {
  return Object.keys(NAMES)
    .filter((name) => name in after && (before?.[name] ?? null) !== (after[name] ?? null))
    .map((name) => `${NAMES[name]}: ${worded(before?.[name])} → ${worded(after[name])}`);
}

function line(sign, word, text, details = []) {
  return element(
    "li",
    { classes: `change change-${word.toLowerCase()}` },
    element("span", { classes: "change-word" }, element("span", { ariaHidden: "true" }, `${sign} `), word),
    element(
      "span",
      {},
      element("strong", {}, text),
      details.length ? element("span", { classes: "facts" }, details.join("; ")) : null,
    ),
  );
}

function lines(change, before, after) {
  const [old, now] = [byId(before), byId(after)];
  return [
    change.created ? line("+", "New", after.title) : null,
    change.renamed ? line("~", "Changed", "Title of the course", [`${worded(before?.title)} → ${worded(after.title)}`]) : null,
    change.time_zone_changed
      ? line("~", "Changed", "Time zone", [`${worded(before?.time_zone)} → ${worded(after.time_zone ?? "UTC")}`])
      : null,
    change.on_edit_changed
      ? line("~", "Changed", "Who had completed it", [after.on_edit === "reopen" ? "has to do what is new" : "stays completed"])
      : null,
    ...change.added.map((id) => line("+", "Added", titled(now.get(id), id))),
    ...change.removed.map((id) => line("−", "Removed", titled(old.get(id), id), ["its learners’ progress is kept"])),
    ...change.changed.map((id) => line("~", "Changed", titled(now.get(id), id), differences(old.get(id), now.get(id)))),
    change.reordered ? line("↕", "Reordered", "The lessons stand in another order") : null,
  ].filter(Boolean);
}

export const isEmpty = (change) =>
  ![change.created, change.renamed, change.time_zone_changed, change.on_edit_changed, change.reordered].some(Boolean) &&
  change.added.length + change.removed.length + change.changed.length === 0;

function figure(value, text) {
  const written = new Intl.NumberFormat(document.documentElement.dataset.locale).format(value);
  return element("div", {}, element("dt", {}, text), element("dd", {}, written));
}

// The dry run's answer, lesson by lesson, with `save` to be pressed where there is anything to save.
export function forecast(found, before, after, save) {
  if (isEmpty(found)) {
    return element("div", { classes: "card stack" }, element("h2", {}, "Nothing would change"),
      element("p", {}, "The course is as the document says already."));
  }
  return element(
    "div",
    { classes: "card stack" },
    element("h2", {}, "What saving would change"),
    element("ul", { classes: "changes" }, ...lines(found, before, after)),
    element(
      "dl",
      { classes: "figures" },
      figure(found.learners, "learners have written in it"),
      figure(found.gain_completion, "would have completed it"),
      figure(found.lose_completion, "would no longer have completed it"),
    ),
    element("p", {}, element("button", { type: "button", id: "save", onclick: save }, "Save")),
  );
}

// Everything that is wrong, with a way to each place that has a field; `go` leads there.
export function faults(found, go) {
  return element(
    "div",
    { classes: "note bad stack", role: "alert" },
    element("h2", {}, found.length === 1 ? "One thing is not right yet" : `${found.length} things are not right yet`),
    element(
      "ul",
      { classes: "faults" },
      ...found.map(({ place, text, field }) =>
        element(
          "li",
          {},
          field ? element("button", { type: "button", classes: "link", onclick: () => go(field) }, place) : element("strong", {}, place),
          `: ${text}`,
        ),
      ),
    ),
  );
}

// Somebody else has saved meanwhile: nothing was overwritten, and the author decides.
export function conflict(theirs, mine, { keep, discard }) {
  const [old, now] = [byId(theirs), byId(mine)];
  const only = (left, right) => [...left.keys()].filter((id) => !right.has(id)).map((id) => titled(left.get(id), id));
  const differing = [...now].filter(([id, lesson]) => old.has(id) && differences(old.get(id), lesson).length > 0);
  const part = (text, names) => (names.length ? element("li", {}, `${text}: ${names.join(", ")}`) : null);
  return element(
    "div",
    { classes: "note bad stack", role: "alert" },
    element("h2", {}, theirs ? "Somebody else has saved this course" : "This course has been removed"),
    element("p", {}, "Your edits are here still, and nothing was overwritten."),
    theirs
      ? element(
          "ul",
          { classes: "faults" },
          theirs.title === mine.title ? null : element("li", {}, `Their title: ${theirs.title}`),
          part("Only in theirs", only(old, now)),
          part("Only in yours", only(now, old)),
          part("Not the same in both", differing.map(([id, lesson]) => titled(lesson, id))),
        )
      : null,
    element(
      "p",
      { classes: "form-choices" },
      element("button", { type: "button", id: "keep-mine", onclick: keep }, theirs ? "Check mine against theirs" : "Check it as a new course"),
      theirs ? element("button", { type: "button", id: "take-theirs", classes: "quiet", onclick: discard }, "Show theirs, drop mine") : null,
    ),
  );
}

export function trouble(title, ...content) {
  return element("div", { classes: "note bad stack", role: "alert" }, element("h2", {}, title), element("p", {}, ...content));
}
