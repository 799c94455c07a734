// Shows what the API says about a course's document: what saving it would change, which faults it has, and whether
// somebody else has saved it meanwhile.

import { differences } from "./course-differences.js";
import { fieldName, valueText } from "./course-words.js";
import { isolated, number } from "./headway.js";
import { gettext, ngettext } from "./words.js";

/** @typedef {string | Node | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown> & { classes?: string }} properties
 * @param {...Child} children what is no text and no node is left out
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, properties = {}, ...children) {
  const { classes, ...others } = properties;
  const made = Object.assign(document.createElement(name), others);
  if (classes) made.className = classes;
  for (const child of children) if (child || child === "") made.append(child);
  return made;
}

const titled = (/** @type {CourseLesson} */ lesson) => lesson.title || gettext("A lesson without a title");

/**
 * A line of the list of changes.
 * @param {string} kind added, removed, moved or changed
 * @param {string} word
 * @param {string} title
 * @param {readonly string[]} details
 */
function line(kind, word, title, details = []) {
  const sign = { added: "+", removed: "−", moved: "↕", changed: "~" }[kind];
  return element(
    "li",
    { classes: `change change-${kind}` },
    element("span", { classes: "change-word" }, element("span", { ariaHidden: "true" }, `${sign} `), word),
    element(
      "span",
      { classes: "change-what" },
      element("strong", {}, element("bdi", {}, title)),
      ...details.map((detail) => element("span", { classes: "facts" }, detail)),
    ),
  );
}

/**
 * @param {string} field
 * @param {unknown} before
 * @param {unknown} after
 * @param {ReadonlyMap<string, string>} titles
 */
function fromTo(field, before, after, titles) {
  return gettext("%(field)s: %(before)s → %(after)s", {
    field: fieldName(field),
    before: isolated(valueText(field, before, titles)),
    after: isolated(valueText(field, after, titles)),
  });
}

/**
 * The list of what differs between two documents.
 * @param {CourseDocument | null} before
 * @param {CourseDocument} after
 */
function changes(before, after) {
  const found = differences(before, after);
  const titles = new Map([...(before?.lessons ?? []), ...(after.lessons ?? [])].map(({ id, title }) => [id, title]));
  const none = gettext("Lessons without a section");
  const lines = [
    before ? null : line("added", gettext("New"), after.title ?? ""),
    ...found.course.map((field) =>
      line("changed", gettext("Changed"), gettext("Course"), [fromTo(field, before?.[field], after[field], titles)]),
    ),
    ...found.sections.map(([was, is]) =>
      line("changed", gettext("Renamed"), gettext("Section"), [
        gettext("%(before)s → %(after)s", { before: isolated(was || none), after: isolated(is || none) }),
      ]),
    ),
    ...found.added.map((lesson) => line("added", gettext("Added"), titled(lesson))),
    ...found.removed.map((lesson) =>
      line("removed", gettext("Removed"), titled(lesson), [gettext("The progress of its learners is kept.")]),
    ),
    ...found.moved.map((lesson) => line("moved", gettext("Moved"), titled(lesson))),
    ...found.edited.map(({ before: was, after: is, fields }) =>
      line(
        "changed",
        fields.includes("title") ? gettext("Renamed") : gettext("Changed"),
        titled(is),
        fields.map((field) => fromTo(field, was[field], is[field], titles)),
      ),
    ),
  ].filter((one) => one !== null);
  return lines.length ? element("ul", { classes: "changes" }, ...lines) : null;
}

/** Warn of lessons that neither a percentage nor a pass completes, which the author may not have meant. */
function warning(/** @type {CourseDocument} */ doc) {
  const left = (doc.lessons ?? []).filter(
    ({ complete_at: at, pass_mark: mark }) => at === null && (mark ?? null) === null,
  );
  if (!left.length) return null;
  return element(
    "div",
    { classes: "note" },
    element(
      "p",
      {},
      gettext("No percentage completes these lessons. They are completed only when the player says so."),
    ),
    element("ul", { classes: "faults" }, ...left.map((one) => element("li", {}, element("bdi", {}, titled(one))))),
  );
}

/** What an edit means to learners. */
function learnersText(/** @type {CourseChange} */ { learners, gain_completion: gain, lose_completion: lose }) {
  const shown = (/** @type {number} */ count) => ({ shown: number(count) });
  return [
    learners === 0
      ? gettext("No learner has progress in this course.")
      : ngettext(
          "%(shown)s learner has progress in this course.",
          "%(shown)s learners have progress in this course.",
          learners,
          shown(learners),
        ),
    gain > 0 &&
      ngettext(
        "%(shown)s learner will have completed the course.",
        "%(shown)s learners will have completed the course.",
        gain,
        shown(gain),
      ),
    lose > 0 &&
      ngettext(
        "%(shown)s learner will no longer have completed the course.",
        "%(shown)s learners will no longer have completed the course.",
        lose,
        shown(lose),
      ),
    learners > 0 && !gain && !lose && gettext("No learner gains or loses the completion of the course."),
  ].filter((one) => one !== false);
}

/**
 * What saving would change, and what it means to learners.
 * @param {CourseChange} impact
 * @param {CourseDocument | null} before null: the course does not exist yet
 * @param {CourseDocument} after
 */
export function review(impact, before, after) {
  return [
    changes(before, after),
    warning(after),
    element("h3", {}, gettext("What it means to learners")),
    element("ul", { classes: "meaning" }, ...learnersText(impact).map((text) => element("li", {}, text))),
  ].filter((one) => one !== null);
}

/**
 * What somebody else has changed since the author began, and what both have.
 * @param {CourseDocument | null} base
 * @param {CourseDocument | null} theirs null: the course was removed
 */
export function conflict(base, theirs) {
  if (!theirs) {
    return [
      element("p", {}, gettext("Your edits are still here. If you save them, the course is in the catalogue again.")),
    ];
  }
  const found = changes(base, theirs);
  return [
    element("p", {}, gettext("Your edits are still here, and nothing was overwritten.")),
    element("h3", {}, gettext("What the other author changed")),
    found ?? element("p", {}, gettext("Nothing that differs from what you began with.")),
  ];
}

/**
 * List all faults. `go` leads to the field of a fault that has one.
 * @param {string} title
 * @param {readonly Fault[]} found
 * @param {(fault: Fault) => void} go
 */
export function faults(title, found, go) {
  return element(
    "div",
    { classes: "note bad stack", role: "alert" },
    element("h2", {}, title),
    element(
      "ul",
      { classes: "faults" },
      ...found.map((fault) =>
        element(
          "li",
          {},
          fault.id === undefined
            ? element("strong", {}, fault.location)
            : element("button", { type: "button", classes: "link", onclick: () => go(fault) }, fault.location),
          ": ",
          fault.text,
        ),
      ),
    ),
  );
}

/**
 * Say something that stays until it is dealt with.
 * @param {string} title
 * @param {...Child} content
 */
export function note(title, ...content) {
  return element("div", { classes: "note stack" }, element("h2", {}, title), ...content);
}

/**
 * Say what did not work.
 * @param {string} title
 * @param {...Child} content
 */
export function trouble(title, ...content) {
  return element(
    "div",
    { classes: "note bad stack", role: "alert" },
    element("h2", {}, title),
    element("p", {}, ...content),
  );
}
