// The rules of the queue: what a new write makes of those that wait already, and what waiting writes make of stored
// lesson progress. They are the service's write rule, as far as it can be known without the course. All are pure.

import type { KnownProgress, ProgressFields, ProgressValues, Status } from "./types.js";

/** A write that waits on this device. It never gets more fields than it had; `key` names it for good. */
export interface Waiting {
  /** The learner that the token names. */
  learner: string;
  key: string;
  course: string;
  lesson: string;
  run: number | undefined;
  /** The device's clock when the learner did it, in milliseconds. */
  madeAt: number;
  progress: ProgressFields;
}

type Field = keyof ProgressFields;
type Fields = Record<string, unknown>;

/** How much earlier than the last write it may be before the clock must have been set back. */
const CLOCK_ERROR = 1000;
/** Days of every time zone begin with a quarter of an hour. So every active day keeps a write, and its completions. */
const QUARTER = 15 * 60 * 1000;
const STATUSES: string[] = ["not_started", "in_progress", "completed"] satisfies Status[];
const DEFAULTS: ProgressValues = {
  status: "not_started",
  progress_percentage: 0,
  video_position_seconds: 0,
  quiz_score: null,
  quiz_attempts: 0,
  quiz_passed: false,
  time_spent_minutes: 0,
  user_notes: null,
  is_bookmarked: false,
  metadata: {},
};
/** The fields of which the last value counts. Of the others, but for metadata, it is the highest. */
const FOLLOWING: Field[] = ["video_position_seconds", "user_notes", "is_bookmarked"];
/** The fields that may complete a lesson. The service dates a completion by the write that has them. */
const COMPLETING: Field[] = ["status", "quiz_score", "quiz_passed"];

/** The fields that a write says something with: as JSON has them, and without null. */
export function meant(fields: ProgressFields): ProgressFields {
  const sent: Fields = JSON.parse(JSON.stringify(fields));
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== null));
}

/**
 * The writes that wait after a new one. Earlier writes of the same lesson progress lose what it makes needless. All
 * others stay as they are. So the writes that are left lead to the same lesson progress as all that were made, also
 * where the lesson was started over elsewhere in between.
 */
export function added(waiting: Waiting[], next: Waiting): Waiting[] {
  const reached: Fields = {};
  const kept = inTime(waiting, next.madeAt).flatMap((write) => {
    if (rowOf(write) !== rowOf(next)) return write;
    const isNear = quarterOf(write) === quarterOf(next);
    const left = Object.entries(write.progress).flatMap(([field, value]) => {
      const rest = remaining(field as Field, value, next.progress, reached, isNear);
      return rest === undefined ? [] : [[field, rest]];
    });
    if (left.length === 0 && isNear) return [];
    return left.length === Object.keys(write.progress).length && !("metadata" in next.progress)
      ? write
      : { ...write, progress: Object.fromEntries(left) };
  });
  return [...kept, next];
}

/**
 * Writes with their times as the present clock would have told them. Nothing was made after now. If a write says so,
 * the clock was set back since, and all writes with it.
 */
export function inTime(waiting: Waiting[], now: number): Waiting[] {
  const ahead = Math.max(0, ...waiting.map((write) => write.madeAt)) - now;
  return ahead > CLOCK_ERROR ? waiting.map((write) => ({ ...write, madeAt: write.madeAt - ahead })) : waiting;
}

/** Stored lesson progress with waiting writes on it, in their order. Null: there is none. */
export function overlaid(stored: KnownProgress | null, waiting: Waiting[]): KnownProgress | null {
  if (!stored && waiting.length === 0) return null;
  const result: KnownProgress = { ...DEFAULTS, ...stored };
  const values = result as unknown as Fields;
  for (const { progress } of waiting) {
    for (const [field, value] of Object.entries(progress) as [Field, unknown][]) {
      if (field === "metadata") result.metadata = { ...result.metadata, ...progress.metadata };
      else if (FOLLOWING.includes(field) || rank(value) > rank(values[field])) values[field] = value;
    }
  }
  result.user_notes ||= null;
  if (result.status === "not_started" && (result.progress_percentage || result.video_position_seconds)) {
    result.status = "in_progress";
  }
  if (result.status === "completed") result.progress_percentage = 100;
  return result;
}

/** The part of a waiting field that a newer write leaves; undefined: nothing. `reached` is what older writes have. */
function remaining(field: Field, value: unknown, next: ProgressFields, reached: Fields, isNear: boolean): unknown {
  const newer = next[field];
  if (newer === undefined) return value;
  if (field === "metadata") {
    const left = Object.entries(value as Fields).filter(([key]) => !(key in (newer as Fields)));
    return left.length > 0 ? Object.fromEntries(left) : undefined;
  }
  // A position of 0 does not say that the lesson was begun, as the earlier position did.
  if (FOLLOWING.includes(field)) return newer || !value ? undefined : value;
  const isFirst = !(rank(reached[field]) >= rank(value));
  if (isFirst) reached[field] = value;
  if (!isNear || rank(newer) < rank(value)) return value;
  // The first write that reaches a value dates the completion that it may bring.
  const isDated = rank(newer) === rank(value) || COMPLETING.includes(field);
  return isDated && isFirst ? value : undefined;
}

/** A number that is higher for a value that is further. */
function rank(value: unknown): number {
  return typeof value === "string" ? STATUSES.indexOf(value) : Number(value ?? -1);
}

function rowOf({ learner, course, lesson, run }: Waiting): string {
  return JSON.stringify([learner, course, lesson, run]);
}

function quarterOf({ madeAt }: Waiting): number {
  return Math.floor(madeAt / QUARTER);
}
