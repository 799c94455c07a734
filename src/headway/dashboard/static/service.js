// Asking the service, for the learner whose page this is: with the session's cookie and the token against forgery.

export class SignedOut extends Error {}
export class SomebodyElse extends Error {}
export class Unavailable extends Error {}

const UNAVAILABLE = 500;

/**
 * An answer whose status the caller knows what to do with. Raises one of the errors above.
 * @param {string} address
 * @param {RequestInit} options
 */
export async function ask(address, options = {}) {
  const answer = await sent(address, options);
  if ((await codeOf(answer)) !== "forged_request") return answer;
  // Another session since this page came, so another token: that is fine where it is the same learner's.
  await renew();
  return sent(address, options);
}

/**
 * Why the API refused, by the code that it gives; null where it did not, or where somebody else did.
 * @param {Response} answer
 * @returns {Promise<string>}
 */
export async function codeOf(answer) {
  if (answer.ok || answer.headers.get("Content-Type") !== "application/json") return null;
  const { code } = await answer.clone().json();
  return code ?? null;
}

/**
 * The page at an address as a document, or null where it is what the caller has already.
 * @param {string} address
 * @param {string} [mark]
 */
export async function page(address, mark) {
  /** @type {Record<string, string>} */
  const headers = { "HX-Request": "true" };
  if (mark) headers["If-None-Match"] = mark;
  const answer = await checked(fetch(address, { headers, cache: "no-store" }));
  if (answer.status === 304) return null;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.status === 404) return found;
  if (metaOf(found, "learner")?.content !== metaOf(document, "learner").content) throw new SomebodyElse();
  takeToken(metaOf(found, "forgery-token").content);
  return found;
}

/**
 * @param {Document} root
 * @param {string} name
 * @returns {HTMLMetaElement}
 */
function metaOf(root, name) {
  return root.querySelector(`meta[name="${name}"]`);
}

function takeToken(/** @type {string} */ token) {
  metaOf(document, "forgery-token").content = token;
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
  const token = metaOf(document, "forgery-token").content;
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
