// One lesson of a course, as a player works with it.

import type { Api, Ask } from "./api.js";
import { HeadwayError, isPassing } from "./errors.js";
import { meant, overlaid, type Waiting } from "./merging.js";
import type { Queue } from "./queue.js";
import type { Sender } from "./sender.js";
import type { Storage } from "./storage.js";
import type { Lesson, LessonProgress, ProgressFields } from "./types.js";

const SECONDS = 1000;
const EVERY = 15;

export interface Parts {
  api: Api;
  queue: Queue;
  storage: Storage;
  sender: Sender;
  /** What to do when the page is hidden or left. */
  leaving: Set<() => void>;
  /** The time of a write: later than that of the write before. */
  now: () => number;
}

export function createLesson(parts: Parts, course: string, lesson: string, run?: number): Lesson {
  const { api, queue, storage, sender, leaving, now } = parts;

  function waitingWrite(learner: string, madeAt: number, progress: ProgressFields): Waiting {
    return { learner, key: newKey(), course, lesson, run, madeAt, progress: meant(progress) };
  }

  async function report(fields: ProgressFields): Promise<void> {
    const madeAt = now();
    const progress = meant(fields);
    await queue.add(waitingWrite(await api.learner(), madeAt, progress));
    void sender.send();
  }

  async function stored(learner: string, options: Ask): Promise<LessonProgress | null> {
    try {
      const progress = await found(options);
      await storage.see(learner, course, lesson, progress).catch(() => {});
      return progress;
    } catch (error) {
      if (!(error instanceof HeadwayError) || !(isPassing(error) || error.status === 401)) throw error;
      return storage.seen(learner, course, lesson).catch(() => null);
    }
  }

  async function found(options: Ask): Promise<LessonProgress | null> {
    try {
      return (await api.ask("GET", pathOf(course, lesson), options)).body;
    } catch (error) {
      if (error instanceof HeadwayError && error.code === "progress_not_found") return null;
      throw error;
    }
  }

  return {
    courseId: course,
    lessonId: lesson,
    report,

    async read({ signal } = {}) {
      const learner = await api.learner();
      const waiting = await queue.waiting(learner); // first: what is sent meanwhile may be missing in the answer
      const progress = await stored(learner, { signal, learner, retries: 0 });
      return overlaid(
        progress,
        waiting.filter((one) => one.course === course && one.lesson === lesson),
      );
    },

    heartbeat({ every = EVERY, fields }) {
      let reported: Record<string, string> = {};

      /** What has changed since the last report. Null: nothing. */
      function changed(): ProgressFields | null {
        const present = meant(fields() ?? {});
        const texts = Object.fromEntries(Object.entries(present).map(([name, value]) => [name, JSON.stringify(value)]));
        const news = Object.entries(present).filter(([name]) => texts[name] !== reported[name]);
        reported = { ...reported, ...texts };
        return news.length > 0 ? Object.fromEntries(news) : null;
      }

      function beat(): void {
        const news = changed();
        if (!news) return;
        report(news).catch(() => {
          reported = {}; // without a token there was no learner to report for
        });
      }

      /** The page may end at any moment: the write is in memory when this returns. */
      function leave(): void {
        const learner = api.lastLearner();
        const news = learner ? changed() : null;
        if (learner && news) void queue.addAtOnce(waitingWrite(learner, now(), news));
      }

      const timer = setInterval(beat, every * SECONDS);
      leaving.add(leave);
      return {
        pause: beat,
        stop() {
          clearInterval(timer);
          leaving.delete(leave);
          beat();
        },
      };
    },
  };
}

export function pathOf(course: string, lesson: string): string {
  return `/progress/${course}/lessons/${lesson}`;
}

/** A name that no other write has. `crypto.randomUUID` is missing on pages without TLS. */
function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
