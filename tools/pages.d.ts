// The types of the pages' scripts. Only the type checker reads this file (tsconfig.json); no browser gets it.

/** A part of a page was fetched again: `detail` replaces `target`. */
interface PartEvent extends CustomEvent<HTMLElement> {
  readonly target: HTMLElement;
}

/** An event of htmx on an element of the page, which is `detail.target`, too. */
interface HtmxEvent extends CustomEvent {
  readonly detail: { target: HTMLElement; path: string; formData: FormData; requestConfig: { elt: HTMLElement } };
}

interface DocumentEventMap {
  "headway:part": PartEvent;
  "htmx:configRequest": HtmxEvent;
  "htmx:beforeHistoryUpdate": HtmxEvent;
  "htmx:beforeSwap": HtmxEvent;
  "htmx:afterSwap": HtmxEvent;
  "htmx:responseError": HtmxEvent;
  "htmx:sendError": HtmxEvent;
}

/** The fields of a lesson progress that the pages use. */
interface LessonProgress {
  status: "not_started" | "in_progress" | "completed";
  user_notes: string | null;
  is_bookmarked: boolean;
}

/** A lesson progress as it is stored, and its etag, which the next write names. */
interface StoredProgress {
  progress: LessonProgress;
  etag: string;
}

/** A lesson of a course document. A number that was typed and can not be read is a text; the API refuses it. */
interface CourseLesson {
  readonly id: string;
  title: string;
  kind: string;
  section?: string | null;
  duration_seconds?: number | string | null;
  required?: boolean;
  pass_mark?: number | string | null;
  complete_at?: number | string | null;
  requires?: string[];
  due_at?: string | null;
  due_after_days?: number | string | null;
  content_id?: string | null;
  [field: string]: unknown;
}

interface CourseDocument {
  title?: string;
  time_zone?: string;
  on_edit?: string;
  valid_for_days?: number | string | null;
  lessons?: CourseLesson[];
  [field: string]: unknown;
}

/** A section while it is edited. `key` identifies it; `title` is empty where its lessons have no section. */
interface CourseSection {
  readonly key: string;
  readonly title: string;
  readonly lessons: readonly CourseLesson[];
}

/** A course while it is edited. `course` has the fields of its document without the lessons. */
interface Draft {
  readonly course: CourseDocument;
  readonly sections: readonly CourseSection[];
}

/** A line of a pasted list: a section or a lesson. */
interface Line {
  readonly isSection: boolean;
  readonly title: string;
  readonly seconds: number | null;
}

/** A fault that the page finds itself. `id` is that of the lesson, null where the fault is of the course. */
interface DraftFault {
  readonly id: string | null;
  readonly field: string;
  readonly kind: "missing" | "duration" | "percentage" | "days" | "no_lessons";
}

/** A fault in words. `id` and `field` are where it is in the draft; a fault without a field is in none of its fields. */
interface Fault {
  readonly location: string;
  readonly text: string;
  readonly id?: string | null;
  readonly field?: string;
}

/** What differs between two documents. `course` are fields; `sections` are titles before and after. */
interface Differences {
  readonly course: readonly string[];
  readonly sections: readonly (readonly [string, string])[];
  readonly added: readonly CourseLesson[];
  readonly removed: readonly CourseLesson[];
  readonly moved: readonly CourseLesson[];
  readonly edited: readonly { before: CourseLesson; after: CourseLesson; fields: readonly string[] }[];
}

/** What the author has not saved, with the version that it was made from. */
interface KeptDraft {
  readonly base: CourseDocument | null;
  readonly etag: string;
  readonly document: CourseDocument;
}

type TextField = HTMLInputElement | HTMLTextAreaElement;
type FormField = TextField | HTMLSelectElement;

/** How many learners a recalculation has to do, and how many it has done. */
interface Recalculation {
  learners: number;
  done: number;
}

/** What the API says that an edit of a course would change. */
interface CourseChange {
  created: boolean;
  renamed: boolean;
  time_zone_changed: boolean;
  on_edit_changed: boolean;
  reordered: boolean;
  added: string[];
  removed: string[];
  changed: string[];
  learners: number;
  gain_completion: number;
  lose_completion: number;
}

interface LessonFigures {
  lesson_id: string;
  title: string;
  required: boolean;
  pass_mark: number | null;
  started: number;
  completed: number;
  stopped_here: number;
  score_distribution: { score: number; learners: number }[];
  bins?: number[];
}

/** The fields of a course's statistics that the pages use. */
interface CourseFigures {
  title: string;
  learners: number;
  enrolled: number;
  lessons: LessonFigures[];
  sections?: { stopped_here: number }[];
}

/** The builder, for the modules that it imports. None of them may name its file: the addresses of files go one way. */
type CourseBuilder = import("../src/headway/dashboard/static/course-builder.js").Builder;
