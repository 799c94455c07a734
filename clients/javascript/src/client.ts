// The client: the learner's operations, and lessons whose writes wait on this device until they have arrived.

import { type Answer, type Ask, createApi } from "./api.js";
import { createLesson, pathOf } from "./lesson.js";
import { createQueue } from "./queue.js";
import { createSender } from "./sender.js";
import { openStorage } from "./storage.js";
import { idOf } from "./token.js";
import type { Client, ClientOptions, Conditional, CourseLine, StoredProgress } from "./types.js";

export function createClient(options: ClientOptions): Client {
  const { onProblem = () => {}, storage: name = "headway-client" } = options;
  const shared = `${name} ${options.baseUrl}`;
  const api = createApi(options);
  const storage = openStorage(shared);
  const queue = createQueue(storage, onProblem);
  const sender = createSender(api, queue, storage, shared, onProblem);
  const leaving = new Set<() => void>();
  let last = 0;

  /** Two writes have two times, except where the clock was set back. */
  function now(): number {
    const time = Date.now();
    last = time > last || time < last - 1000 ? time : last + 1;
    return last;
  }

  function leave(): Promise<void> {
    for (const one of leaving) one();
    return sender.sendAtOnce();
  }

  const ends = new AbortController();
  const on = (target: EventTarget | undefined, event: string, listener: () => unknown) =>
    target?.addEventListener?.(event, () => void listener(), { signal: ends.signal });
  const page = globalThis.document;
  on(globalThis as unknown as EventTarget, "online", sender.send);
  on(globalThis as unknown as EventTarget, "pagehide", leave);
  on(page, "visibilitychange", () => (page.visibilityState === "hidden" ? leave() : sender.send()));
  void sender.send();

  const json = async (method: string, path: string, ask?: Ask) => (await api.ask(method, path, ask)).body;
  const own = async (path: string) => path.replace("{}", await idOf(await api.learner()));

  return {
    lesson: (course, lesson, { run } = {}) =>
      createLesson({ api, queue, storage, sender, leaving, now }, course, lesson, run),
    flush: ({ keepalive } = {}) => (keepalive ? leave() : sender.send()),
    pending: async () => (await queue.waiting(await api.learner())).length,
    forget: async () => queue.forget(await api.learner()),
    close() {
      ends.abort();
      sender.close();
      storage.close();
    },

    progress: (course, ask) => json("GET", `/progress/${course}`, ask),
    summary: (course, { explain, signal } = {}) =>
      json("GET", `/progress/${course}/summary`, { signal, query: { explain: explain ? "true" : undefined } }),
    summaries: (ask) => json("GET", "/progress", ask),
    outline: (course, ask) => json("GET", `/progress/${course}/outline`, ask),
    restart: (course, { run, signal } = {}) => json("DELETE", `/progress/${course}`, { signal, query: { run } }),
    lessonProgress: async (course, lesson, ask) => stored(await api.ask("GET", pathOf(course, lesson), ask)),
    update: async (course, lesson, body, conditions) =>
      stored(await api.ask("PUT", pathOf(course, lesson), { body, ...conditional(conditions) })),
    remove: (course, lesson, conditions) => json("DELETE", pathOf(course, lesson), conditional(conditions)),
    async courses({ signal } = {}) {
      const found: CourseLine[] = [];
      let query = "";
      do {
        const page = await api.ask("GET", `/courses${query}`, { signal });
        found.push(...page.body);
        query = page.headers.get("Link")?.match(/\?[^>]+/)?.[0] ?? "";
      } while (query);
      return found;
    },
    course: (course, ask) => json("GET", `/courses/${course}`, ask),
    enrolments: (ask) => json("GET", "/enrolments", ask),
    enrol: async (course, ask) => json("PUT", await own(`/courses/${course}/enrolments/{}`), { ...ask, body: {} }),
    runs: async (course, ask) => json("GET", await own(`/courses/${course}/enrolments/{}/runs`), ask),
    run: async (course, run, ask) => json("GET", await own(`/courses/${course}/enrolments/{}/runs/${run}`), ask),
    completions: (ask) => json("GET", "/completions", ask),
    goal: async ({ firstWeekday, signal } = {}) =>
      json("GET", await own("/learners/{}/goal"), { signal, query: { first_weekday: firstWeekday } }),
    setGoal: async (days_per_week, ask) =>
      json("PUT", await own("/learners/{}/goal"), { ...ask, body: { days_per_week } }),
    removeGoal: async (ask) => json("DELETE", await own("/learners/{}/goal"), ask),
    profile: async (ask) => json("GET", await own("/learners/{}/profile"), ask),
    export: async (ask) => json("GET", await own("/learners/{}/export"), ask),
    signInCode: (ask) => json("POST", "/sign-in-codes", ask),
    courseSchema: (ask) => json("GET", "/schemas/course", ask),
  };
}

function conditional({ ifMatch, ifNoneMatch, run, signal }: Conditional = {}): Ask {
  return { signal, query: { run }, headers: { "If-Match": ifMatch, "If-None-Match": ifNoneMatch } };
}

function stored({ headers, body }: Answer): StoredProgress {
  return { progress: body, etag: headers.get("ETag") ?? "", kept: headers.get("Headway-Kept")?.split(", ") ?? [] };
}
