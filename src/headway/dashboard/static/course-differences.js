// What differs between two course documents, for people to read: what was added, removed, moved, renamed and changed.

const SHOWN = [
  "title",
  "kind",
  "duration_seconds",
  "required",
  "pass_mark",
  "complete_at",
  "requires",
  "due_at",
  "due_after_days",
  "content_id",
];

/**
 * What differs between two documents, for people to read. `before` is null where the course is new.
 * @param {CourseDocument | null} before
 * @param {CourseDocument} after
 * @returns {Differences}
 */
export function differences(before, after) {
  const old = byId(before);
  const now = byId(after);
  const stayed = [...now.values()].filter(({ id }) => old.has(id));
  const renamed = renamedSections(old, stayed);
  const others = stayed.filter(({ id, section }) => {
    const was = old.get(id)?.section ?? "";
    return was !== (section ?? "") && renamed.get(was) !== (section ?? "");
  });
  const places = new Map([...old.keys()].map((id, place) => [id, place]));
  const steady = longestRun(stayed.map(({ id }) => places.get(id) ?? 0));
  const moved = new Set([...others, ...stayed.filter((_, index) => !steady.has(index))]);
  return {
    course: ["title", "time_zone", "on_edit", "valid_for_days"].filter(
      (field) => before && (before[field] ?? null) !== (after[field] ?? null),
    ),
    sections: [...renamed],
    added: [...now.values()].filter(({ id }) => !old.has(id)),
    removed: [...old.values()].filter(({ id }) => !now.has(id)),
    moved: stayed.filter((lesson) => moved.has(lesson)),
    edited: stayed.flatMap((lesson) => edited(/** @type {CourseLesson} */ (old.get(lesson.id)), lesson)),
  };
}

/** @returns {Map<string, CourseLesson>} */
const byId = (/** @type {CourseDocument | null} */ doc) =>
  new Map((doc?.lessons ?? []).map((lesson) => [lesson.id, lesson]));

/**
 * @param {CourseLesson} before
 * @param {CourseLesson} after
 */
function edited(before, after) {
  const fields = SHOWN.filter(
    (field) => JSON.stringify(before[field] ?? null) !== JSON.stringify(after[field] ?? null),
  );
  return fields.length ? [{ before, after, fields }] : [];
}

/**
 * The sections whose lessons all have one other section now, with its title.
 * @param {Map<string, CourseLesson>} old
 * @param {readonly CourseLesson[]} stayed
 * @returns {Map<string, string>}
 */
function renamedSections(old, stayed) {
  const kept = new Set(stayed.map(({ section }) => section ?? ""));
  /** @type {Map<string, Set<string>>} */
  const became = new Map();
  for (const { id, section } of stayed) {
    const was = old.get(id)?.section ?? "";
    became.set(was, (became.get(was) ?? new Set()).add(section ?? ""));
  }
  const were = new Set([...old.values()].map(({ section }) => section ?? ""));
  const renamed = new Map();
  for (const [was, names] of became) {
    const [name] = names;
    if (names.size === 1 && name !== was && !kept.has(was) && !were.has(name)) renamed.set(was, name);
  }
  return renamed;
}

/**
 * The indexes of a longest rising series among numbers: what was moved is what is not in it.
 * @param {readonly number[]} numbers
 * @returns {Set<number>}
 */
function longestRun(numbers) {
  /** @type {number[]} */
  const ends = []; // by the length of a series, less one: the index at which the best series of this length ends
  /** @type {number[]} */
  const previous = [];
  for (const [index, number] of numbers.entries()) {
    const found = ends.findIndex((end) => numbers[end] >= number);
    const length = found < 0 ? ends.length : found;
    previous[index] = length ? ends[length - 1] : -1;
    ends[length] = index;
  }
  const run = new Set();
  for (let index = ends.at(-1) ?? -1; index >= 0; index = previous[index]) run.add(index);
  return run;
}
