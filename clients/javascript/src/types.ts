// What the API takes and answers, and what the client adds to it. Times are texts, as the API writes them.

/** How far a learner is in a lesson. */
export type Status = "not_started" | "in_progress" | "completed";

/** The fields of lesson progress that a learner's device writes, as they are stored. */
export interface ProgressValues {
  status: Status;
  progress_percentage: number;
  video_position_seconds: number;
  quiz_score: number | null;
  quiz_attempts: number;
  quiz_passed: boolean;
  time_spent_minutes: number;
  user_notes: string | null;
  is_bookmarked: boolean;
  metadata: Record<string, unknown>;
}

/** What to write. An absent field, and null, change nothing in a merge write. */
export type ProgressFields = { [Field in keyof ProgressValues]?: ProgressValues[Field] | null | undefined };

/** Lesson progress, as the API answers it. */
export interface LessonProgress extends ProgressValues {
  user_id: string;
  course_id: string;
  lesson_id: string;
  content_id: string;
  id: string;
  completed_at: string | null;
  created_at: string;
  updated_at: string;
}

/** Lesson progress as this device knows it. Only the ten fields are known before the first write is sent. */
export type KnownProgress = ProgressValues & Partial<LessonProgress>;

/** Lesson progress with its etag, and the fields of a write whose stored value won. */
export interface StoredProgress {
  progress: LessonProgress;
  etag: string;
  kept: string[];
}

/** A learner's totals in a course. */
export interface Summary {
  course_id: string;
  total_lessons: number;
  completed_lessons: number;
  in_progress_lessons: number;
  completion_percentage: number;
  total_time_spent_minutes: number;
  last_accessed: string | null;
  /** Which lessons counted; answered with `explain`. */
  explanation?: {
    course_version: number;
    lessons: { lesson_id: string; title: string | null; status: Status; counted: boolean; reason: string | null }[];
  };
}

/** A lesson of a course, as the learner sees it. */
export interface OutlineLesson {
  lesson_id: string;
  title: string;
  section: string | null;
  kind: string;
  duration_seconds: number | null;
  required: boolean;
  status: Status;
  progress_percentage: number;
  quiz_score: number | null;
  is_bookmarked: boolean;
  due_at: string | null;
  late: boolean;
  completed_late: boolean;
  locked: boolean;
  locked_by: string[];
}

/** A line of the catalogue. */
export interface CourseLine {
  id: string;
  title: string;
  lessons: number;
  required_lessons: number;
}

/** A lesson of a course document. */
export interface CourseLesson {
  id: string;
  title: string;
  content_id: string;
  section: string | null;
  kind: string;
  duration_seconds: number | null;
  required: boolean;
  pass_mark: number | null;
  complete_at: number | null;
  requires: string[];
  due_at: string | null;
  due_after_days: number | null;
}

/** A course document. */
export interface Course {
  id: string;
  title: string;
  time_zone: string;
  on_edit: string;
  valid_for_days: number | null;
  lessons: CourseLesson[];
  version: number;
  recalculation: { learners: number; done: number } | null;
}

/** The right of the learner to take a course. */
export interface Enrolment {
  user_id: string;
  course_id: string;
  enrolled_at: string;
  starts_at: string | null;
  due_at: string | null;
  groups: string[];
  run: number;
  status: Status;
  completion_percentage: number;
  completed_at: string | null;
  late: boolean;
  completed_late: boolean;
  expires_at: string | null;
  /** The title of the course; answered in lists. */
  title?: string;
}

/** A run of a course. `lesson_progress` is answered for one run. */
export interface Run {
  number: number;
  began_at: string | null;
  started_at: string | null;
  completed_at: string | null;
  ended_at: string | null;
  due_at: string | null;
  late: boolean;
  completed_late: boolean;
  status: Status;
  course_version: number;
  total_lessons: number;
  completed_lessons: number;
  in_progress_lessons: number;
  completion_percentage: number;
  total_time_spent_minutes: number;
  last_accessed: string | null;
  lesson_progress?: LessonProgress[];
}

/** A completion of a course. */
export interface Completion {
  course_id: string;
  course_version: number;
  completed_at: string;
  completion_percentage: number;
  score: number | null;
  expires_at: string | null;
}

/** The learner's goal for each week. */
export interface Goal {
  days_per_week: number;
  since: string;
  week: string;
  active_days: number;
  met: boolean;
  streak_weeks: number;
}

/** The day with which weeks begin. */
export type Weekday = "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday";

/** The learner's profile. */
export interface Profile {
  name: string | null;
  email: string | null;
  external_id: string | null;
  locale: string | null;
  time_zone: string | null;
}

/** A code that signs a browser in to Headway's pages, once. */
export interface SignInCode {
  code: string;
  url: string;
  expires_at: string;
}

/** Something that the application should know of. The client goes on by itself. */
export type Problem =
  /** This device can not store writes: its disk is full, or it has no IndexedDB. They are sent from memory. */
  | { kind: "storage_full" | "storage_unavailable"; error: unknown }
  /** The service refused a write for good, so it was given up. */
  | ({ kind: "refused" } & Refusal)
  /** The service takes no token that the client gets. Writes wait. */
  | { kind: "not_authenticated"; error: unknown }
  /** The service can not take any writes, for a reason that does not pass by itself. Writes wait. */
  | { kind: "not_possible"; error: unknown };

/** A write that was refused, and why: the status, code and detail of the API's error. */
export interface Refusal {
  courseId: string;
  lessonId: string;
  run: number | undefined;
  fields: ProgressFields;
  status: number;
  code: string;
  detail: unknown;
}

/** A regular report of a lesson. */
export interface Heartbeat {
  /** Report now what has changed. */
  pause(): void;
  /** Report a last time, and end. */
  stop(): void;
}

export interface Cancellable {
  signal?: AbortSignal | undefined;
}

export interface ForRun extends Cancellable {
  /** The number of the run of the course that the change is for. */
  run?: number | undefined;
}

export interface Conditional extends ForRun {
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
}

/** One lesson of a course, for the learner of the client's token. */
export interface Lesson {
  readonly courseId: string;
  readonly lessonId: string;
  /**
   * The stored lesson progress with the writes on it that wait on this device. Without a connection, the last one that
   * this device has seen. Null: there is none.
   */
  read(options?: Cancellable): Promise<KnownProgress | null>;
  /** Write fields by the write rule. Fulfilled when the write is safe on this device. It is sent after that. */
  report(fields: ProgressFields): Promise<void>;
  /** Report what `fields` returns: every 15 (or `every`) seconds, and when the page is hidden or left. Null: nothing. */
  heartbeat(options: { every?: number | undefined; fields: () => ProgressFields | null }): Heartbeat;
}

export interface ClientOptions {
  /** The address of the API, such as `https://learn.example/api/v1/education`. */
  baseUrl: string;
  /** The learner's token. */
  token?: string | undefined;
  /**
   * Returns the learner's token. It is called for every write and request, so keep the token. `refused` is a token that
   * the service did not take: get a new one. Without a connection, return the last token, even if it has expired.
   */
  getToken?: ((refused?: string) => string | Promise<string>) | undefined;
  onProblem?: ((problem: Problem) => void) | undefined;
  fetch?: typeof fetch | undefined;
  /** The name of the database on this device, by default "headway-client". */
  storage?: string | undefined;
  /** How often a request is sent again, by default 3 times. Writes of `report` are sent until they arrive. */
  retries?: number | undefined;
}

/** The API for one learner: the learner of the token. Every method of a request rejects with a `HeadwayError`. */
export interface Client {
  lesson(courseId: string, lessonId: string, options?: { run?: number | undefined }): Lesson;
  /** Send what waits, now. Fulfilled when nothing waits or it could not be sent; `pending` tells. */
  flush(options?: { keepalive?: boolean | undefined }): Promise<void>;
  /** How many writes of the learner wait on this device. */
  pending(): Promise<number>;
  /** Remove what this device keeps of the learner, also what waits. For a device that others use, after `flush`. */
  forget(): Promise<void>;
  /** Stop sending. What waits stays on this device. */
  close(): void;

  progress(courseId: string, options?: Cancellable): Promise<LessonProgress[]>;
  summary(courseId: string, options?: Cancellable & { explain?: boolean | undefined }): Promise<Summary>;
  summaries(options?: Cancellable): Promise<Summary[]>;
  outline(courseId: string, options?: Cancellable): Promise<OutlineLesson[]>;
  restart(courseId: string, options?: ForRun): Promise<void>;
  lessonProgress(courseId: string, lessonId: string, options?: Cancellable): Promise<StoredProgress>;
  update(courseId: string, lessonId: string, fields: ProgressFields, options?: Conditional): Promise<StoredProgress>;
  remove(courseId: string, lessonId: string, options?: Conditional): Promise<void>;
  courses(options?: Cancellable): Promise<CourseLine[]>;
  course(courseId: string, options?: Cancellable): Promise<Course>;
  enrolments(options?: Cancellable): Promise<Enrolment[]>;
  enrol(courseId: string, options?: Cancellable): Promise<Enrolment>;
  runs(courseId: string, options?: Cancellable): Promise<Run[]>;
  run(courseId: string, run: number, options?: Cancellable): Promise<Run>;
  completions(options?: Cancellable): Promise<Completion[]>;
  goal(options?: Cancellable & { firstWeekday?: Weekday | undefined }): Promise<Goal>;
  setGoal(daysPerWeek: number, options?: Cancellable): Promise<Goal>;
  removeGoal(options?: Cancellable): Promise<void>;
  profile(options?: Cancellable): Promise<Profile>;
  /** Everything that Headway holds of the learner. */
  export(options?: Cancellable): Promise<Record<string, unknown>>;
  signInCode(options?: Cancellable): Promise<SignInCode>;
  /** The JSON Schema of the course document. */
  courseSchema(options?: Cancellable): Promise<Record<string, unknown>>;
}
