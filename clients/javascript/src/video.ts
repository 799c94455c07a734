// Reports a video while it plays: where the learner is, what was watched, and for how long.

import { GAP, percentageOf, type Range, rangesIn, united } from "./ranges.js";
import type { Lesson, ProgressFields } from "./types.js";

/** A `<video>` or `<audio>`, or a player with its events and properties: video.js, Plyr, Vidstack. */
export type Media = { currentTime: unknown; duration: unknown; paused: unknown } & (
  | { on: unknown; off: unknown }
  | { addEventListener: unknown; removeEventListener: unknown }
);

/** What was watched so far, on any device: as a percentage, and as parts in seconds. */
export interface Watched {
  percentage: number;
  ranges: readonly Range[];
}

type Heard = (event: { type: string }) => void;

interface Sample {
  at: number;
  position: number;
  rate: number;
  visible: boolean;
}

// Vidstack writes the names of some events with hyphens.
const EVENTS =
  "play playing pause seeking seeked ended timeupdate time-update ratechange rate-change " +
  "loadedmetadata loaded-metadata durationchange duration-change";
/** The events after which the length may be known. */
const LENGTH = /^(load|dur)/;
const READ_AGAIN = 60_000;
const BEGINNING = 3;

/**
 * Resumes a video where the learner left it, and reports it while it plays.
 *
 * `onWatched` is called when more was watched, and when it is known what was watched before. Call `stop` before the
 * player shows another video.
 */
export function bindVideo(
  media: Media,
  lesson: Lesson,
  { onWatched }: { onWatched?: (watched: Watched) => void } = {},
): { stop(): void } {
  let ranges: Range[] = [];
  let minutes = 0;
  let last: Sample | undefined;
  let progressId: string | undefined; // of the lesson progress that was read last
  let readAt: number | undefined;
  let reading = false;
  let tried = false;
  let current = false; // what was read last is recent
  let resumeAt: number | undefined;
  let moved = false; // the learner has chosen a position, or was put to one
  let touched = false;

  const player = media as unknown as Record<string, unknown>;
  const method = (name: string, other: string) =>
    ((player[name] ?? player[other]) as (type: string, heard: Heard) => void).bind(media);
  const get = (name: string) => {
    const value = player[name];
    return typeof value === "function" ? value.call(media) : value;
  };
  const position = () => Number(get("currentTime")) || 0;

  /** Counts what was played since the last sample. A position that moved faster than playing can was sought. */
  function sample() {
    const now = {
      at: performance.now(),
      position: position(),
      rate: Number(get("playbackRate") ?? get("speed")) || 1, // Plyr's name is `speed`
      visible: document.visibilityState === "visible",
    };
    if (last && !get("seeking")) count(last, now);
    last = get("paused") || get("seeking") ? undefined : now;
  }

  function count(before: Sample, now: Sample) {
    const seconds = now.position - before.position;
    const most = ((now.at - before.at) / 1000) * Math.max(before.rate, now.rate) + GAP;
    if (seconds <= 0 || seconds > most) return;
    ranges = united([...ranges, [before.position, now.position]]);
    if (before.visible) minutes += seconds / before.rate / 60;
    touched = true;
    tell();
  }

  function tell() {
    onWatched?.({ percentage: percentage() ?? 0, ranges });
  }

  /** `undefined` for a live video, and while the length is not known. */
  function percentage() {
    const duration = get("duration");
    return Number.isFinite(duration) && duration > 0 ? percentageOf(ranges, duration) : undefined;
  }

  /** Unites what is stored with what was watched here: another device may have written meanwhile. */
  async function read() {
    if (reading) return;
    reading = true;
    current = false;
    try {
      const stored = await lesson.read();
      const first = readAt === undefined;
      if (progressId && stored?.id !== progressId) {
        ranges = []; // somebody has removed the progress: what was watched before must not come back
        minutes = 0;
      }
      progressId = stored?.id;
      readAt = performance.now();
      current = true;
      ranges = united([...ranges, ...rangesIn(stored?.metadata.watched)]);
      const spent = stored?.time_spent_minutes ?? 0;
      minutes = first ? minutes + spent : Math.max(minutes, spent);
      if (first) resumeAt = stored?.video_position_seconds;
      resume();
      tell();
    } catch {
      // Without a connection and without a copy here: the next report tries again.
    }
    reading = false;
    tried = true;
  }

  /** Goes to where the learner left, if that is not in the last seconds, and the learner has not begun here. */
  function resume() {
    const duration = get("duration");
    if (resumeAt === undefined || !Number.isFinite(duration) || duration <= 0) return;
    const isAtEnd = resumeAt > duration - Math.min(10, duration / 20);
    if (!moved && !isAtEnd && position() < BEGINNING) go(resumeAt);
    resumeAt = undefined;
  }

  function go(seconds: number) {
    last = undefined;
    if (typeof player.currentTime === "function") player.currentTime(seconds);
    else player.currentTime = seconds;
  }

  function fields(): ProgressFields | null {
    sample();
    if (!current) read();
    if (!touched || !tried) return null; // a position before the resumption would replace the stored one
    const watched = percentage();
    return {
      video_position_seconds: tenths(position()),
      time_spent_minutes: Math.round(minutes * 1000) / 1000,
      ...(watched !== undefined && { progress_percentage: watched }),
      ...(watched === 100 && { status: "completed" }),
      ...(current && { metadata: { watched: ranges.map((range) => range.map(tenths)) } }),
    };
  }

  const beat = lesson.heartbeat({ fields });

  function heard({ type }: { type: string }) {
    if (type === "seeking") {
      moved = true;
      last = undefined;
      return;
    }
    sample();
    resume();
    if (readAt !== undefined && LENGTH.test(type)) tell();
    if (type === "play" && readAt !== undefined && performance.now() - readAt > READ_AGAIN) read();
    if (type === "pause" || type === "ended") beat.pause();
  }

  for (const type of EVENTS.split(" ")) method("on", "addEventListener")(type, heard);
  document.addEventListener("visibilitychange", sample);
  read();

  return {
    stop() {
      beat.stop();
      for (const type of EVENTS.split(" ")) method("off", "removeEventListener")(type, heard);
      document.removeEventListener("visibilitychange", sample);
    },
  };
}

function tenths(seconds: number) {
  return Math.round(seconds * 10) / 10;
}
