// Durations as authors read and type them: 12:30 is minutes and seconds, 1:02:30 has hours, and 90 alone is minutes.

const CLOCK = /^(?:(\d+):(?=\d\d:))?(\d+):([0-5]\d(?:[.,]\d+)?)$/;
const MINUTES = /^\d+$/;

/**
 * The seconds of a duration; null for an empty text, undefined where it is no duration.
 * @param {string} text
 * @returns {number | null | undefined}
 */
export function parseDuration(text) {
  const written = western(text.trim());
  if (written === "") return null;
  if (MINUTES.test(written)) return Number(written) * 60;
  const found = written.match(CLOCK);
  if (!found) return undefined;
  const [, hours, minutes, seconds] = found;
  if (hours !== undefined && Number(minutes) > 59) return undefined;
  return rounded(Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(seconds.replace(",", ".")));
}

/** A duration as `parseDuration` reads it. */
export function writeDuration(/** @type {number} */ duration) {
  const seconds = rounded(duration);
  const whole = Math.floor(seconds);
  const [, fraction] = String(rounded(seconds - whole)).split(".");
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const end = `${twoDigits(whole % 60)}${fraction ? `.${fraction}` : ""}`;
  return hours ? `${hours}:${twoDigits(minutes)}:${end}` : `${minutes}:${end}`;
}

const twoDigits = (/** @type {number} */ value) => String(value).padStart(2, "0");
const rounded = (/** @type {number} */ seconds) => Math.round(seconds * 1000) / 1000;

/** A text with the digits of Arabic and Persian as those that a number has. */
function western(/** @type {string} */ text) {
  return text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String((digit.codePointAt(0) ?? 0) & 0xf));
}
