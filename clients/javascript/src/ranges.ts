// The parts of a video that were watched, and what they are of the whole.

/** A part of a video: the seconds at which it begins and ends. */
export type Range = [start: number, end: number];

/** Parts with a shorter gap between them are one part: a video tells its position only some times a second. */
export const GAP = 1;
const MOST = 200;

/** The same seconds as few parts in their order. Of more than 200, the longest stay. */
export function united(ranges: readonly Range[]): Range[] {
  const found: Range[] = [];
  for (const [start, end] of [...ranges].sort(([one], [other]) => one - other)) {
    const last = found.at(-1);
    if (last && start - last[1] < GAP) last[1] = Math.max(last[1], end);
    else found.push([start, end]);
  }
  while (found.length > MOST) found.splice(shortest(found), 1);
  return found;
}

function shortest(ranges: readonly Range[]) {
  const lengths = ranges.map(([start, end]) => end - start);
  return lengths.indexOf(Math.min(...lengths));
}

/** What of the whole was watched: 0 to 100. It is 100 only if nothing is missing, and is never rounded up. */
export function percentageOf(ranges: readonly Range[], duration: number): number {
  if (!ranges.length) return 0;
  const whole = united([[0, 0], ...ranges, [duration, duration]]);
  const seconds = whole.reduce((sum, [start, end]) => sum + Math.min(end, duration) - Math.min(start, duration), 0);
  return Math.floor((1000 * seconds) / duration) / 10;
}

/** The parts that are in a value of `metadata`, which any client may have written. */
export function rangesIn(value: unknown): Range[] {
  return Array.isArray(value) ? value.filter(isRange) : [];
}

function isRange(value: unknown): value is Range {
  if (!Array.isArray(value)) return false;
  const [start, end] = value;
  return value.length === 2 && value.every(Number.isFinite) && 0 <= start && start <= end;
}
