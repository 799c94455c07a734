/** A request that failed. `status` 0 stands for a request without an answer: the code is `no_connection`. */
export class HeadwayError extends Error {
  readonly status: number;
  /** The API's code, which does not change, such as `lesson_not_found`. Without one: `http_` and the status. */
  readonly code: string;
  /** A sentence for people, or a list of faults (status 422). */
  readonly detail: unknown;
  /** After how many seconds the request may be sent again, if the service says so; else 0. */
  readonly retryAfter: number;

  constructor(status: number, code: string, detail: unknown, retryAfter = 0, options?: ErrorOptions) {
    super(typeof detail === "string" ? detail : `The service refused the request: ${code}.`, options);
    this.name = "HeadwayError";
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }
}

/** The error of an answer, also of one that a proxy gave. */
export async function refusalOf(answer: Response): Promise<HeadwayError> {
  const body = await answer.json().catch(() => null);
  const wait = Number(answer.headers.get("Retry-After")) || 0;
  const { code = `http_${answer.status}`, detail = answer.statusText } = body ?? {};
  return new HeadwayError(answer.status, code, detail, wait);
}

/** Whether the reason of an error passes by itself. */
export function isPassing({ status, retryAfter }: HeadwayError): boolean {
  return [0, 408, 429, 502, 503, 504].includes(status) || (status === 409 && retryAfter > 0);
}
