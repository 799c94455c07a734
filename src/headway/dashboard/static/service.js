// Sends requests to the service for the learner of this page, with the session's cookie and its forgery token.

import { find } from "./headway.js";

export class SignedOut extends Error {}
export class SomebodyElse extends Error {}
export class Unavailable extends Error {}

const UNAVAILABLE = 500;

/**
 * The answer to a request, for which the caller handles the status. Throws one of the errors above.
 * @param {string} address
 * @param {RequestInit} options
 */
export async function ask(address, options = {}) {
  const answer = await sent(address, options);
  if ((await codeOf(answer)) !== "forged_request") return answer;
  // A new session has a new forgery token. The request is sent again if the session is the same learner's.
  await renew();
  return sent(address, options);
}

/**
 * The code with which the API refused a request; null when it did not refuse, or when a proxy did.
 * @param {Response} answer
 * @returns {Promise<string | null>}
 */
export async function codeOf(answer) {
  if (answer.ok || answer.headers.get("Content-Type") !== "application/json") return null;
  const { code } = await answer.clone().json();
  return code ?? null;
}

/**
 * The etag of an answer, without the quotes. Throws an error when it has none.
 * @param {Response} answer
 */
export function etagOf(answer) {
  const [, etag] = answer.headers.get("ETag")?.match(/"(.*)"/) ?? [];
  if (etag === undefined) throw new Error("The answer has no ETag.");
  return etag;
}

/**
 * The header of a write to what has this etag; without an etag, of a write to what does not exist yet.
 * @param {string | null} etag
 * @returns {Record<string, string>}
 */
export function conditionOf(etag) {
  return etag ? { "If-Match": `"${etag}"` } : { "If-None-Match": "*" };
}

/**
 * The page at an address as a document, or null when it has not changed since it had this etag.
 * @param {string} address
 * @param {string | null} [etag]
 */
export async function page(address, etag) {
  /** @type {Record<string, string>} */
  const headers = { "HX-Request": "true" };
  if (etag) headers["If-None-Match"] = etag;
  const answer = await checked(fetch(address, { headers, cache: "no-store" }));
  if (answer.status === 304) return null;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.status === 404) return found;
  if (learnerOf(found) !== learnerOf(document)) throw new SomebodyElse();
  takeToken(tokenOf(found).content);
  return found;
}

/** The identifier of the learner for whom a page was made. */
export function learnerOf(/** @type {Document} */ root) {
  return root.querySelector('meta[name="learner"]')?.getAttribute("content");
}

function tokenOf(/** @type {Document} */ root) {
  return find('meta[name="forgery-token"]', root, HTMLMetaElement);
}

function takeToken(/** @type {string} */ token) {
  tokenOf(document).content = token;
  /** @type {NodeListOf<HTMLInputElement>} */
  const fields = document.querySelectorAll('[name="forgery_token"]');
  for (const field of fields) field.value = token;
}

async function renew() {
  await page(location.href);
}

/**
 * @param {string} address
 * @param {RequestInit} options
 */
async function sent(address, { headers = {}, ...options }) {
  const token = tokenOf(document).content;
  return checked(
    fetch(address, { ...options, cache: "no-store", headers: { ...headers, "X-Headway-Forgery-Token": token } }),
  );
}

async function checked(/** @type {Promise<Response>} */ promise) {
  let answer;
  try {
    answer = await promise;
  } catch {
    throw new Unavailable();
  }
  if (answer.status === 401) throw new SignedOut();
  if (answer.status >= UNAVAILABLE) throw new Unavailable();
  return answer;
}
