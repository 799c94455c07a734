// Sends requests with the learner's token.

import { HeadwayError, isPassing, refusalOf } from "./errors.js";
import { learnerOf } from "./token.js";
import type { ClientOptions } from "./types.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;

export interface Ask {
  body?: unknown;
  headers?: Record<string, string | undefined>;
  /** Parameters of the query; undefined ones are left out. */
  query?: Record<string, string | number | undefined>;
  signal?: AbortSignal | undefined;
  /** How often the request is sent again. */
  retries?: number;
  /** The learner for whom the request is. It is not sent with the token of another one. */
  learner?: string;
}

export interface Answer {
  headers: Headers;
  /** The JSON of the answer; null: it has none. The caller knows the type of it. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  body: any;
}

export interface Api {
  ask(method: string, path: string, ask?: Ask): Promise<Answer>;
  /** Send a request with the last token at once, without asking for another one. For pages that are being left. */
  askAtOnce(method: string, path: string, body: unknown): Promise<Answer>;
  /** The learner of the present token, or of the last one if there is none now. */
  learner(): Promise<string>;
  /** The learner of the last token; null: there was none that names one. */
  lastLearner(): string | null;
}

export function createApi({ baseUrl, token: fixed = "", getToken, fetch: ownFetch, retries = 3 }: ClientOptions): Api {
  const base = baseUrl.replace(/\/+$/, "");
  let token = fixed;

  async function renew(refused?: string): Promise<string> {
    if (!getToken) return token;
    try {
      token = await getToken(refused);
    } catch (error) {
      throw new HeadwayError(0, "no_token", "There is no token for the service.", 0, { cause: error });
    }
    return token;
  }

  async function sent(path: string, init: RequestInit, learner?: string): Promise<Answer> {
    if (learner && learnerOf(token) !== learner) {
      throw new HeadwayError(0, "other_learner", "The token is of another learner now.");
    }
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...init.headers };
    try {
      const answer = await (ownFetch ?? fetch)(base + path, { ...init, headers });
      if (!answer.ok) throw await refusalOf(answer);
      const text = await answer.text();
      return { headers: answer.headers, body: text ? JSON.parse(text) : null };
    } catch (error) {
      init.signal?.throwIfAborted();
      if (error instanceof HeadwayError) throw error;
      throw new HeadwayError(0, "no_connection", "The service can not be reached.", 0, { cause: error });
    }
  }

  async function once(path: string, init: RequestInit, learner?: string): Promise<Answer> {
    const first = await renew();
    try {
      return await sent(path, init, learner);
    } catch (error) {
      if (!getToken || (error as HeadwayError).status !== 401) throw error;
      await renew(first);
      return sent(path, init, learner);
    }
  }

  return {
    async ask(method, path, { body, headers = {}, query = {}, signal, retries: most = retries, learner } = {}) {
      const init: RequestInit = { method, headers: present(headers), signal: signal ?? null };
      if (body !== undefined) init.body = JSON.stringify(body);
      const text = new URLSearchParams(present(query)).toString();
      for (let attempt = 0; ; attempt += 1) {
        try {
          return await once(text ? `${path}?${text}` : path, init, learner);
        } catch (error) {
          if (attempt >= most || !mayHelp(error, headers)) throw error;
          await pause(waitAfter(error, attempt), signal);
        }
      }
    },

    askAtOnce: (method, path, body) => sent(path, { method, body: JSON.stringify(body), keepalive: true }),

    async learner() {
      try {
        await renew();
      } catch (error) {
        if (!token) throw error;
      }
      return learnerOf(token);
    },

    lastLearner() {
      try {
        return learnerOf(token);
      } catch {
        return null;
      }
    },
  };
}

/** How long to wait after the attempt with this index failed, in milliseconds. Devices do not all come back at once. */
export function waitAfter(error: HeadwayError, attempt: number): number {
  const wait = Math.min(FIRST_WAIT * 2 ** attempt, LONGEST_WAIT);
  return Math.max(wait, error.retryAfter * 1000) * (1 + Math.random() / 2);
}

/** Whether to send a request again. A conditional write may have been stored, although no answer came. */
function mayHelp(error: unknown, headers: Ask["headers"]): error is HeadwayError {
  if (!(error instanceof HeadwayError) || !isPassing(error)) return false;
  return error.status === 503 || !headers?.["If-Match"];
}

function present(values: Record<string, string | number | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (value == null ? [] : [[key, `${value}`]])),
  );
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
