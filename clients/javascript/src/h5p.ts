// Reports the results of H5P's content types, which tell them as xAPI statements.

import type { Lesson, ProgressFields } from "./types.js";

/** Which lesson a content is: the only one, one by the content's id, or what a function answers for the id. */
export type H5PLessons = Lesson | Record<string, Lesson> | ((contentId: string) => Lesson | undefined);

/** A window in which H5P runs. */
export type H5PWindow = { H5P?: unknown };

type Dispatcher = Record<"on" | "off", (type: string, listener: (event: XAPIEvent) => void) => void>;
type XAPIEvent = { data: { statement: Statement } };
/** The parts of a statement that say what a result is of, and what it is. */
type Statement = {
  verb?: { id?: string };
  object?: { definition?: { extensions?: Record<string, unknown> } };
  context?: { contextActivities?: { parent?: unknown[] } };
  result?: { completion?: boolean; score?: { raw?: number; max?: number; scaled?: number } };
};

const EXTENSIONS = "http://h5p.org/x-api/h5p-";

/**
 * Reports each result of the H5P contents in a window: the lesson is completed, with its score and one attempt more.
 *
 * Results of the parts of a content say nothing of the whole, and are left out. Call it when H5P has loaded.
 */
export function bindH5P(window: H5PWindow, lessons: H5PLessons): { stop(): void } {
  const dispatcher = (window.H5P as { externalDispatcher?: Dispatcher } | undefined)?.externalDispatcher;
  if (!dispatcher) throw new Error("The window has no H5P yet: call bindH5P when H5P has loaded.");
  const lessonOf = (id: string) => {
    if (typeof lessons === "function") return lessons(id);
    return isLesson(lessons) ? lessons : lessons[id];
  };
  const unsaid = new Map<Lesson, ProgressFields>();
  let counted = Promise.resolve();

  /** Reports a result at once, so that it is safe, and counts the attempt when it is known how many there were. */
  function report(lesson: Lesson) {
    const fields = unsaid.get(lesson);
    unsaid.delete(lesson);
    const reported = lesson.report(fields ?? {});
    counted = counted
      .then(async () => {
        await reported;
        const stored = await lesson.read().catch(() => null);
        await lesson.report({ quiz_attempts: (stored?.quiz_attempts ?? 0) + 1 });
      })
      .catch(() => undefined); // the client has told the application
  }

  function heard({ data: { statement } }: XAPIEvent) {
    const extensions = statement.object?.definition?.extensions ?? {};
    const lesson =
      isWhole(statement) && isResult(statement) && lessonOf(String(extensions[`${EXTENSIONS}local-content-id`]));
    if (!lesson) return;
    // Some content types say "answered" and "completed" of one attempt, both at once.
    if (!unsaid.has(lesson)) queueMicrotask(() => report(lesson));
    unsaid.set(lesson, { ...unsaid.get(lesson), status: "completed", ...scoreOf(statement) });
  }

  dispatcher.on("xAPI", heard);
  return { stop: () => dispatcher.off("xAPI", heard) };
}

function isLesson(lessons: object): lessons is Lesson {
  return "report" in lessons && typeof lessons.report === "function";
}

function isWhole({ object, context }: Statement) {
  const part = object?.definition?.extensions?.[`${EXTENSIONS}subContentId`];
  return !part && !context?.contextActivities?.parent?.length;
}

function isResult({ verb, result }: Statement) {
  const name = verb?.id?.split("/").at(-1);
  return name === "completed" || (name === "answered" && result?.completion === true);
}

function scoreOf({ result }: Statement): ProgressFields {
  const { raw = Number.NaN, max = 0, scaled = Number.NaN } = result?.score ?? {};
  const percent = 100 * (max > 0 ? raw / max : scaled);
  return Number.isFinite(percent) ? { quiz_score: Math.min(100, Math.max(0, percent)) } : {};
}
