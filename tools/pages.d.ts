// What the scripts of the pages work on. Read by the type checker alone (tsconfig.json): nobody is sent this file.

/** A part of a page came anew: `detail` is to take the place of `target`. */
interface PartEvent extends CustomEvent<HTMLElement> {
  readonly target: HTMLElement;
}

/** An event of htmx on an element of the page, which `detail.target` says, too. */
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

/** What the API answers of a learner's lesson, as far as the pages use it. */
interface LessonProgress {
  user_notes: string | null;
  is_bookmarked: boolean;
}

/** A lesson progress and its etag, which the next write names; both null where there is none. */
interface StoredProgress {
  progress: LessonProgress | null;
  etag: string | null;
}

/** A lesson of a course document. What an author typed may be of any other type, too: the API tells. */
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

/** Something wrong with a course document: where in words, why, and the field of the form if there is one. */
interface Fault {
  place: string;
  text: string;
  field?: HTMLElement | null;
}

/** A field of the course form. `given` is what it showed at first, `cleared` what was taken out of it. */
type FormField = HTMLInputElement & { given?: string | boolean; cleared?: string };

/** A lesson in the course form, and what it was made of. */
type LessonItem = HTMLElement & { source?: CourseLesson };

interface LessonFigures {
  lesson_id: string;
  title: string;
  required: boolean;
  pass_mark: number | null;
  started: number;
  completed: number;
  drop_off: number | null;
  score_distribution: { score: number; learners: number }[];
  bins?: number[];
}

/** What the API answers of a course, as far as the pages use it. */
interface CourseFigures {
  title: string;
  learners: number;
  lessons: LessonFigures[];
}

interface DayFigures {
  date: string;
  active: number;
  completed: number;
}

/** What a course's charts are drawn of. */
interface ChartData {
  figures: CourseFigures | null;
  activity: DayFigures[] | null;
}
