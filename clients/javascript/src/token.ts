// Reads a token, as far as the client has to know whose it is. The service alone verifies it.

import { HeadwayError } from "./errors.js";

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const NAMESPACE_URL = "6ba7b8119dad11d180b400c04fd430c8";

/** The learner of a token, under which this device keeps writes. Throws a `HeadwayError` where there is none. */
export function learnerOf(token: string): string {
  const { sub, iss } = claimsOf(token);
  if (!sub) throw new HeadwayError(401, "not_authenticated", "The token names no learner.");
  return UUID.test(sub) ? sub.toLowerCase() : JSON.stringify([iss ?? "", sub]);
}

function claimsOf(token: string): { sub?: string; iss?: string } {
  try {
    const payload = atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(payload, (one) => one.charCodeAt(0))));
  } catch {
    return {};
  }
}

/** The id that the service knows a learner by. */
export async function idOf(learner: string): Promise<string> {
  if (UUID.test(learner)) return learner;
  const [iss, sub] = JSON.parse(learner);
  return hyphenated(await named(await named(NAMESPACE_URL, iss), sub));
}

/** A UUID of version 5 (RFC 9562), in hexadecimal digits. */
async function named(namespace: string, name: string): Promise<string> {
  const space = (namespace.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  const hash = await crypto.subtle.digest("SHA-1", new Uint8Array([...space, ...new TextEncoder().encode(name)]));
  const bytes = new Uint8Array(hash, 0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function hyphenated(digits: string): string {
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
