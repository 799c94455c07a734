// Sends the writes that wait, a batch at a time, until the service has answered each one.

import { type Api, waitAfter } from "./api.js";
import { HeadwayError, isPassing } from "./errors.js";
import { inTime, type Waiting } from "./merging.js";
import type { Queue } from "./queue.js";
import type { Storage } from "./storage.js";
import type { LessonProgress, Problem } from "./types.js";

const PATH = "/progress/sync";
const MOST_WRITES = 500;
const MOST_BYTES = 1_000_000;
/** Browsers send 64 KiB for pages that were left, for everything of a page together. */
const MOST_BYTES_AT_ONCE = 60 * 1024;
/** A request without an answer holds the other tabs up. */
const LONGEST_REQUEST = 60_000;

interface Result {
  key: string;
  status: number;
  lesson_progress?: LessonProgress | null;
  error?: { code?: string; detail: unknown } | null;
}

export interface Sender {
  /** Send all that waits. Fulfilled when nothing waits or it could not be sent. Then it is tried again later. */
  send(): Promise<void>;
  /** Send what this page has made, as much as fits, so that it arrives also when the page is left. */
  sendAtOnce(): Promise<void>;
  close(): void;
}

export function createSender(
  api: Api,
  queue: Queue,
  storage: Storage,
  lock: string,
  onProblem: (problem: Problem) => void,
): Sender {
  let running: Promise<void> | undefined;
  let isAskedAgain = false;
  let isClosed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let told = "";
  const leaving = new Map<string, number>();

  async function run(): Promise<void> {
    do {
      isAskedAgain = false;
      clearTimeout(timer);
      try {
        await alone(lock, sendAll);
        failures = 0;
        told = "";
      } catch (error) {
        failed(error instanceof HeadwayError ? error : new HeadwayError(0, "no_answer", "There was no answer."));
      }
    } while (isAskedAgain && !isClosed);
    running = undefined;
  }

  async function sendAll(): Promise<void> {
    const learner = await api.learner();
    let most = MOST_WRITES;
    while (!isClosed) {
      const waiting = inTime(await queue.waiting(learner), Date.now());
      const [first] = waiting;
      if (!first || isClosed) return;
      const fit = fitting(waiting.slice(0, most), MOST_BYTES);
      const batch = fit.length > 0 ? fit : [first];
      try {
        const signal = AbortSignal.timeout(LONGEST_REQUEST);
        const answer = await api.ask("POST", PATH, { body: bodyOf(batch), signal, retries: 0, learner });
        await settle(learner, batch, answer.body.results);
      } catch (error) {
        if (!isFault(error)) throw error;
        // One of them is wrong: send them one by one, and give up the wrong one.
        if (batch.length > 1) most = 1;
        else
          await settle(
            learner,
            batch,
            batch.map(({ key }) => ({ key, status: error.status, error })),
          );
      }
    }
  }

  async function settle(learner: string, batch: Waiting[], results: Result[]): Promise<void> {
    const settled = new Set<string>();
    const seen = new Map<string, () => Promise<void>>();
    for (const { key, status, lesson_progress, error } of results) {
      const write = batch.find((one) => one.key === key);
      if (!write || isPassing(new HeadwayError(status, "", ""))) continue;
      settled.add(key);
      const { course, lesson } = write;
      if (status === 200) {
        seen.set(course + lesson, () => storage.see(learner, course, lesson, lesson_progress ?? null));
      } else {
        onProblem({
          kind: "refused",
          courseId: course,
          lessonId: lesson,
          run: write.run,
          fields: write.progress,
          status,
          code: error?.code ?? "",
          detail: error?.detail,
        });
      }
    }
    if (settled.size === 0) throw new HeadwayError(503, "no_results", "The service has answered no write.");
    await queue.remove(learner, settled);
    for (const see of seen.values()) await see().catch(() => {});
  }

  function failed(error: HeadwayError): void {
    if (isClosed) return;
    // Without a learner, nothing can have been reported yet.
    if (api.lastLearner()) timer = setTimeout(send, waitAfter(error, failures));
    failures += 1;
    if (isPassing(error) || told === error.code) return;
    told = error.code;
    onProblem({ kind: error.status === 401 ? "not_authenticated" : "not_possible", error });
  }

  function send(): Promise<void> {
    isAskedAgain = true;
    running ??= run();
    return running;
  }

  return {
    send,

    async sendAtOnce() {
      const learner = api.lastLearner();
      if (!learner || isClosed) return;
      const used = [...leaving.values()].reduce((sum, bytes) => sum + bytes, 0);
      const own = inTime(queue.own(learner), Date.now()).filter((write) => !leaving.has(write.key));
      const batch = fitting(own.reverse(), MOST_BYTES_AT_ONCE - used).reverse();
      if (batch.length === 0) return;
      for (const write of batch) leaving.set(write.key, bytesOf(write));
      try {
        const answer = await api.askAtOnce("POST", PATH, bodyOf(batch));
        await settle(learner, batch, answer.body.results);
      } catch {
        // They are on the disk, and are sent as all others are.
      } finally {
        for (const write of batch) leaving.delete(write.key);
      }
      await send();
    },

    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** Run one function of all tabs at a time. Without locks all may run: a write that arrives twice changes nothing. */
async function alone(lock: string, run: () => Promise<void>): Promise<void> {
  const locks: LockManager | undefined = globalThis.navigator?.locks;
  if (!locks) return run();
  try {
    await locks.request(lock, run);
  } catch (error) {
    if ((error as Error).name !== "SecurityError") throw error;
    await run(); // a frame in a sandbox may not use locks
  }
}

/** Whether the service could not read the writes, or found them too large. */
function isFault(error: unknown): error is HeadwayError {
  return error instanceof HeadwayError && (error.status === 413 || error.status === 422);
}

/** The first writes that fit into so many bytes. */
function fitting(waiting: Waiting[], most: number): Waiting[] {
  let left = most;
  return waiting.filter((write) => {
    const bytes = bytesOf(write);
    if (bytes > left) return false;
    left -= bytes;
    return true;
  });
}

function bytesOf(write: Waiting): number {
  return new TextEncoder().encode(JSON.stringify(sentAs(write))).length + 1;
}

function bodyOf(batch: Waiting[]): unknown {
  return { sent_at: timeOf(Date.now()), writes: batch.map(sentAs) };
}

function sentAs({ key, course, lesson, run, madeAt, progress }: Waiting): unknown {
  return { key, course_id: course, lesson_id: lesson, made_at: timeOf(madeAt), run, progress };
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
