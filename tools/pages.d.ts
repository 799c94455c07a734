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

/** A lesson of a course document. An author may have typed values of other types, which the API refuses. */
interface CourseLesson {
  id?: string;
  title?: string;
  pass_mark?: number | string | null;
  complete_at?: number | string | null;
  [field: string]: unknown;
}

interface CourseDocument {
  title?: string;
  time_zone?: string;
  on_edit?: string;
  lessons?: CourseLesson[];
  [field: string]: unknown;
}

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

/** A fault of a course document: its location in words, the reason, and the field of the form if there is one. */
interface Fault {
  location: string;
  text: string;
  field?: HTMLElement | null;
}

/** A field of the course form. `given` is its first value, `cleared` the value that the form has cleared. */
type FormField = HTMLInputElement & { given?: string | boolean; cleared?: string };

/** A lesson in the course form, and the part of the document that it was made from. */
type LessonItem = HTMLElement & { source?: CourseLesson };

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

interface DayFigures {
  date: string;
  active: number;
  completed: number;
}

/** What a tab's charts show: scores of lessons, or days. */
interface ChartData {
  lessons: LessonFigures[];
  days: DayFigures[];
}
