// Shows what the API says about a course's document: what saving it would change, which faults it has, and whether
// somebody else has saved it meanwhile.

/** @typedef {string | Node | null | undefined} Child */

/** @type {Record<string, string>} */
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

/**
 * @param {string} name
 * @param {Record<string, unknown> & { classes?: string }} properties
 * @param {...Child} children null and undefined are left out
 */
export function element(name, properties = {}, ...children) {
  const { classes, ...others } = properties;
  const made = Object.assign(document.createElement(name), others);
  if (classes) made.className = classes;
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/**
 * @param {unknown} value
 * @returns {(string | Node)[]}
 */
function worded(value) {
  if (value === null || value === undefined || value === "") return ["nothing"];
  if (typeof value === "boolean") return [value ? "yes" : "no"];
  return typeof value === "string" ? ["“", isolated(value), "”"] : [String(value)];
}

// A title may be written in any direction. Isolated, it does not change the text around it.
const isolated = (/** @type {string | undefined} */ title) => element("bdi", {}, title);
/**
 * @param {(string | Node)[]} parts
 * @param {string} separator
 */
const joined = (parts, separator) => parts.flatMap((part, position) => (position ? [separator, part] : [part]));

const byId = (/** @type {CourseDocument | null} */ doc) =>
  new Map((doc?.lessons ?? []).map((lesson) => [String(lesson.id).toLowerCase(), lesson]));
/**
 * @param {CourseLesson | undefined} lesson
 * @param {string | undefined} id
 */
const titled = (lesson, id) => lesson?.title || id;

/**
 * @param {CourseLesson} [before]
 * @param {CourseLesson} [after]
 */
function differences(before = {}, after = {}) {
  return Object.keys(NAMES)
    .filter((name) => name in after && (before[name] ?? null) !== (after[name] ?? null))
    .map((name) => element("span", {}, `${NAMES[name]}: `, ...fromTo(before[name], after[name])));
}

/**
 * @param {unknown} before
 * @param {unknown} after
 */
function fromTo(before, after) {
  return [...worded(before), " → ", ...worded(after)];
}

/**
 * @param {string} sign
 * @param {string} word
 * @param {string | undefined} text
 * @param {(string | Node)[]} details
 */
function line(sign, word, text, details = []) {
  return element(
    "li",
    { classes: `change change-${word.toLowerCase()}` },
    element("span", { classes: "change-word" }, element("span", { ariaHidden: "true" }, `${sign} `), word),
    element(
      "span",
      {},
      element("strong", {}, isolated(text)),
      details.length ? element("span", { classes: "facts" }, ...details) : null,
    ),
  );
}

/**
 * @param {CourseChange} change
 * @param {CourseDocument | null} before
 * @param {CourseDocument} after
 */
function lines(change, before, after) {
  const [old, now] = [byId(before), byId(after)];
  return [
    change.created ? line("+", "New", after.title) : null,
    change.renamed ? line("~", "Changed", "Title of the course", fromTo(before?.title, after.title)) : null,
    change.time_zone_changed
      ? line("~", "Changed", "Time zone", fromTo(before?.time_zone, after.time_zone ?? "UTC"))
      : null,
    change.on_edit_changed
      ? line("~", "Changed", "Who had completed it", [
          after.on_edit === "reopen" ? "has to do what is new" : "stays completed",
        ])
      : null,
    ...change.added.map((id) => line("+", "Added", titled(now.get(id), id))),
    ...change.removed.map((id) => line("−", "Removed", titled(old.get(id), id), ["its learners’ progress is kept"])),
    ...change.changed.map((id) =>
      line("~", "Changed", titled(now.get(id), id), joined(differences(old.get(id), now.get(id)), "; ")),
    ),
    change.reordered ? line("↕", "Reordered", "The lessons stand in another order") : null,
  ];
}

const isEmpty = (/** @type {CourseChange} */ change) =>
  ![change.created, change.renamed, change.time_zone_changed, change.on_edit_changed, change.reordered].some(Boolean) &&
  change.added.length + change.removed.length + change.changed.length === 0;

/**
 * @param {number} value
 * @param {string} text
 */
function figure(value, text) {
  const written = new Intl.NumberFormat(document.documentElement.dataset.locale).format(value);
  return element("div", {}, element("dt", {}, text), element("dd", {}, written));
}

/**
 * A message that is removed when the document is edited again.
 * @param {{ classes: string }} properties
 * @param {...Child} content
 */
function untilEdited(properties, ...content) {
  const made = element("div", properties, ...content);
  made.toggleAttribute("data-until-edited", true);
  return made;
}

export function editedMeanwhile() {
  return untilEdited(
    { classes: "note" },
    element("h2", {}, "Edited meanwhile"),
    element("p", {}, "What was checked is not what the course says now. Check again."),
  );
}

/** Say that the course was saved. `isEdited`: the author has edited more since, which is not saved. */
export function saved(/** @type {boolean} */ isEdited) {
  return untilEdited(
    { classes: "note good" },
    element("h2", {}, "Saved"),
    isEdited ? element("p", {}, "What you have edited since is not saved yet.") : null,
  );
}

/** Warn of lessons that neither a percentage nor a pass completes, which the author may not have meant. */
function warning(/** @type {CourseDocument} */ doc) {
  const left = (doc.lessons ?? []).filter(
    ({ complete_at: at, pass_mark: mark }) => at === null && (mark ?? null) === null,
  );
  if (!left.length) return null;
  const titles = left.map((lesson) => isolated(titled(lesson, lesson.id)));
  return element(
    "p",
    { classes: "note" },
    "No percentage completes ",
    ...joined(titles, ", "),
    ". A learner has completed it only when the player says so. To change that, fill in “Completed at”.",
  );
}

/**
 * Show what an edit would change, lesson by lesson, with a button that calls `save` when there is anything to save.
 * @param {CourseChange} found
 * @param {CourseDocument | null} before null: the course does not exist yet
 * @param {CourseDocument} after
 * @param {() => void} save
 */
export function impact(found, before, after, save) {
  if (isEmpty(found)) {
    return untilEdited(
      { classes: "card stack" },
      element("h2", {}, "Nothing would change"),
      element("p", {}, "The course is as the document says already."),
    );
  }
  return untilEdited(
    { classes: "card stack" },
    element("h2", {}, "What saving would change"),
    element("ul", { classes: "changes" }, ...lines(found, before, after)),
    warning(after),
    element(
      "dl",
      { classes: "figures" },
      figure(found.learners, `${found.learners === 1 ? "learner has" : "learners have"} written in it`),
      figure(found.gain_completion, "would have completed it"),
      figure(found.lose_completion, "would no longer have completed it"),
    ),
    element("p", {}, element("button", { type: "button", id: "save", onclick: save }, "Save")),
  );
}

/**
 * List all faults. `go` leads to the field of a fault that has one.
 * @param {Fault[]} found
 * @param {(field: HTMLElement) => void} go
 */
export function faults(found, go) {
  return element(
    "div",
    { classes: "note bad stack", role: "alert" },
    element("h2", {}, found.length === 1 ? "One thing is not right yet" : `${found.length} things are not right yet`),
    element(
      "ul",
      { classes: "faults" },
      ...found.map(({ location, text, field }) =>
        element(
          "li",
          {},
          field
            ? element("button", { type: "button", classes: "link", onclick: () => go(field) }, location)
            : element("strong", {}, location),
          `: ${text}`,
        ),
      ),
    ),
  );
}

/**
 * Say that somebody else has saved or removed the course meanwhile. Nothing was overwritten; the author decides.
 * @param {CourseDocument | null} theirs null: the course was removed
 * @param {CourseDocument} mine
 * @param {{ keep: () => void, discard: (theirs: CourseDocument) => void }} choices
 */
export function conflict(theirs, mine, { keep, discard }) {
  const [old, now] = [byId(theirs), byId(mine)];
  /**
   * @param {Map<string, CourseLesson>} left
   * @param {Map<string, CourseLesson>} right
   */
  const only = (left, right) => [...left.keys()].filter((id) => !right.has(id)).map((id) => titled(left.get(id), id));
  const differing = [...now].filter(([id, lesson]) => old.has(id) && differences(old.get(id), lesson).length > 0);
  /**
   * @param {string} text
   * @param {(string | undefined)[]} names
   */
  const part = (text, names) =>
    names.length ? element("li", {}, `${text}: `, ...joined(names.map(isolated), ", ")) : null;
  return element(
    "div",
    { classes: "note bad stack", role: "alert" },
    element("h2", {}, theirs ? "Somebody else has saved this course" : "This course has been removed"),
    element("p", {}, "Your edits are here still, and nothing was overwritten."),
    theirs
      ? element(
          "ul",
          { classes: "faults" },
          theirs.title === mine.title ? null : element("li", {}, "Their title: ", isolated(theirs.title)),
          part("Only in theirs", only(old, now)),
          part("Only in yours", only(now, old)),
          part(
            "Not the same in both",
            differing.map(([id, lesson]) => titled(lesson, id)),
          ),
        )
      : null,
    element(
      "p",
      { classes: "form-choices" },
      element(
        "button",
        { type: "button", id: "keep-mine", onclick: keep },
        theirs ? "Check mine against theirs" : "Check it as a new course",
      ),
      theirs
        ? element(
            "button",
            { type: "button", id: "take-theirs", classes: "quiet", onclick: () => discard(theirs) },
            "Show theirs, drop mine",
          )
        : null,
    ),
  );
}

/**
 * Say what did not work.
 * @param {string} title
 * @param {...(string | Node)} content
 */
export function trouble(title, ...content) {
  return element(
    "div",
    { classes: "note bad stack", role: "alert" },
    element("h2", {}, title),
    element("p", {}, ...content),
  );
}
