"""Writes that were made on a device and arrive later: docs/decisions/0057.

The same writes in any order, and repeated, end in the same lesson progress:

- Values that only grow (percentage, score, attempts, pass, time) merge as always.
- Of the other values, the one that was set last on a device is kept. `LessonProgress.set_at` has the times.
- A value that a conditional write took back is not brought back by a write that was made before.
- The lesson was created by the first write, completed by the write that met its last condition, and worked on last by
  the last one, by the times at which they were made.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, cast

from headway.domain import progress
from headway.domain.catalogue import Lesson
from headway.domain.course_progress import ALL_LESSONS, CourseProgress
from headway.domain.dating import CLOCKS_DIFFER, from_microseconds, latest, microseconds
from headway.domain.identifiers import LessonId
from headway.domain.metadata import Metadata
from headway.domain.progress import NEVER_SET, LessonProgress, ProgressUpdate, SetAt, Status

LONGEST_OFFLINE: Final = timedelta(days=365)
"""The longest time before its arrival at which a write may have been made, and for which a removal is remembered."""

_POSITION: Final = "video_position_seconds"
_LAST_WINS: Final = (_POSITION, "user_notes", "is_bookmarked")
_GROWING: Final = ("progress_percentage", "quiz_score", "quiz_attempts", "quiz_passed", "time_spent_minutes")
_TIMED: Final = frozenset({"user_notes", "is_bookmarked", "metadata"})
"""The fields whose time a merge write of the present sets."""
_WORK: Final = frozenset({"status", _POSITION, *_GROWING})
_REACHED: Final = "first reached"
_PASSED: Final = "first passed"
_CONDITION_OF: Final = {"progress_percentage": _REACHED, "quiz_passed": _PASSED}
_MINUTE: Final = timedelta(minutes=1)
_NO_ERROR: Final = timedelta(0)
_NEVER: Final = -1
_NO_TIME: Final = datetime.max.replace(tzinfo=UTC)
"""Stands for the time of a write that says none: it comes after those that do."""


def made(made_at: datetime, sent_at: datetime | None, received_at: datetime, longest: timedelta) -> datetime:
    """Return when a write was made by this service's clock.

    `made_at` and `sent_at` are times of the device's clock, whose error shows in the time of sending (`None`: it has no
    error). The result is at most `longest` before `received_at`, and never after it: no write is refused for its time.

    The error counts in whole minutes from `CLOCKS_DIFFER` on. So a write that is sent again, and takes longer on its
    way, still has the same time.
    """
    error = received_at - sent_at if sent_at is not None else _NO_ERROR
    counted = _NO_ERROR if abs(error) < CLOCKS_DIFFER else round(error / _MINUTE) * _MINUTE
    age = received_at - made_at - counted  # as a length, because a corrected time may be beyond all dates
    return received_at - min(max(age, timedelta(0)), longest)


def all_made(
    made_at: Sequence[datetime | None], sent_at: datetime | None, received_at: datetime, longest: timedelta
) -> list[datetime]:
    """Return when the writes of a request were made, as `made` does; `None`: just now.

    Times that the bounds make equal are a microsecond apart, so that the writes keep their order. Those of `None` keep
    the order of the request.
    """
    found = [received_at if one is None else made(one, sent_at, received_at, longest) for one in made_at]
    last_first = sorted(range(len(found)), key=lambda at: (found[at], made_at[at] or _NO_TIME, at), reverse=True)
    for later, earlier in pairwise(last_first):
        is_same = made_at[earlier] is not None and made_at[earlier] == made_at[later]
        found[earlier] = found[later] if is_same else min(found[earlier], found[later] - timedelta.resolution)
    return found


def merge(
    stored: LessonProgress, update: ProgressUpdate, lesson: Lesson, made_at: datetime, now: datetime
) -> tuple[LessonProgress, tuple[str, ...]]:
    """Apply a write that was made at `made_at`. Return the lesson progress, and the sent fields that were set later.

    Lesson progress that is not stored yet has the version 0. `stored` itself is returned where nothing changes. Raises
    `InvalidValueError` where the merged metadata is too large.
    """
    moment = microseconds(made_at)
    sent = {field: value for field, value in update.items() if value is not None}
    newer = _not_set_later(stored, sent, moment)
    later = tuple(field for field, value in sent.items() if newer.get(field) != value) if newer != sent else ()
    accepted = cast("ProgressUpdate", newer)
    merged = progress.merge(stored, accepted, lesson, now)
    is_started_over = _is_set_since(stored, "status", moment)
    if is_started_over:
        merged = merged._replace(
            status=stored.status, progress_percentage=stored.progress_percentage, completed_by=stored.completed_by
        )
    worked_at = stored.worked_at if _WORK.isdisjoint(sent) else latest(stored.worked_at, made_at)
    set_at = _set(stored, accepted, lesson, moment, worked_at)
    after = merged._replace(
        created_at=min(stored.created_at, made_at),
        updated_at=max(stored.updated_at, made_at) if stored.version else made_at,
        completed_at=_completed_at(stored, merged, accepted, lesson, made_at, set_at),
        worked_at=worked_at,
        set_at=set_at,
        version=stored.version + 1,
    )
    may_be_equal = stored.version and (merged is stored or is_started_over) and merged.metadata is stored.metadata
    if may_be_equal and after._replace(version=stored.version) == stored:
        return stored, later
    return after, later


def timed(before: LessonProgress, after: LessonProgress, update: ProgressUpdate, now: datetime) -> LessonProgress:
    """Return lesson progress after a write of the present, with the times at which it set values.

    These are the times of values that the last writer sets, and of values that a conditional write took back. The
    position of a player's regular report has none, because `worked_at` is its time; a position at the start has one. A
    condition of the lesson that is met no longer has no first time.
    """
    set_at = dict(before.set_at)
    moment = microseconds(now)
    set_at.update({field: moment for field in _LAST_WINS if getattr(before, field) != getattr(after, field)})
    if _POSITION in update and after.video_position_seconds and after.worked_at != before.worked_at:
        set_at.pop(_POSITION, None)
    for key in {*before.metadata, *after.metadata}:
        is_new = key not in before.metadata  # also where its value is null
        if is_new or _text(before.metadata[key]) != _text(after.metadata.get(key)):
            set_at[_key(key)] = moment
    taken_back = _taken_back(before, after)
    set_at.update(dict.fromkeys(taken_back, moment))
    for field in taken_back & _CONDITION_OF.keys():
        set_at.pop(_CONDITION_OF[field], None)
    return after._replace(set_at=set_at or NEVER_SET)


def sets_times(before: LessonProgress, after: LessonProgress, update: ProgressUpdate) -> bool:
    """Whether a merge write of the present may change `set_at`: most of a player's reports do not."""
    is_rewound = before.video_position_seconds and not after.video_position_seconds
    return bool(before.set_at or is_rewound) or not _TIMED.isdisjoint(update)


def removed_since(course_progress: CourseProgress | None, lesson_id: LessonId, made_at: datetime) -> bool:
    """Whether the lesson's progress was removed after a write was made, or in the same moment."""
    if course_progress is None or not course_progress.removed_at:
        return False
    removed_at = max(course_progress.removed_at.get(key, _NEVER) for key in (lesson_id, ALL_LESSONS))
    return removed_at >= microseconds(made_at)


def with_removal(removed: Mapping[str, int], lesson_id: LessonId, now: datetime) -> Mapping[str, int]:
    """Return the removals with one more. Those that no write can have been made before are forgotten."""
    oldest = microseconds(now - LONGEST_OFFLINE)
    return {**{key: moment for key, moment in removed.items() if moment > oldest}, lesson_id: microseconds(now)}


def _taken_back(before: LessonProgress, after: LessonProgress) -> set[str]:
    """Return the fields that are lower than before, which only a conditional write does.

    With them come those that would raise them again: the status with the percentage, and the score with the pass.
    """
    lower = {field for field in _GROWING if (getattr(after, field) or 0) < (getattr(before, field) or 0)}
    if _RANK[after.status] < _RANK[before.status] or "progress_percentage" in lower:
        lower |= {"status", "progress_percentage"}
    if "quiz_passed" in lower:
        lower.add("quiz_score")
    return lower


_RANK: Final = {status: rank for rank, status in enumerate(Status)}


def _not_set_later(stored: LessonProgress, sent: Mapping[str, Any], moment: int) -> dict[str, Any]:
    """Return the sent values without those that were set by others after `moment`."""
    newer: dict[str, Any] = {}
    for field, value in sent.items():
        if field == "metadata":
            newer[field] = _newer_metadata(stored, value, moment)
        elif field in _LAST_WINS:
            normal = (value or None) if field == "user_notes" else value
            if _wins(moment, normal, _time_of(stored, field), getattr(stored, field)):
                newer[field] = value
        elif not _is_set_since(stored, field, moment):
            newer[field] = value
    return newer


def _newer_metadata(stored: LessonProgress, sent: Metadata, moment: int) -> Metadata:
    return {
        key: value
        for key, value in sent.items()
        if _wins(moment, value, stored.set_at.get(_key(key), _NEVER), stored.metadata.get(key))
    }


def _wins(moment: int, value: object, set_at: int, stored: object) -> bool:
    """Whether a value is the last one. Of two that were set at the same time, one wins whichever comes first."""
    return _text(value) >= _text(stored) if moment == set_at else moment > set_at


def _time_of(stored: LessonProgress, field: str) -> int:
    """Return when a field was set last. Without a time, a position was set when the learner worked last."""
    set_at = stored.set_at.get(field)
    if set_at is not None:
        return set_at
    is_set = field == _POSITION and stored.video_position_seconds
    return microseconds(stored.worked_at) if is_set and stored.worked_at is not None else _NEVER


def _is_set_since(stored: LessonProgress, field: str, moment: int) -> bool:
    return bool(stored.set_at) and stored.set_at.get(field, _NEVER) >= moment


def _set(
    stored: LessonProgress, update: ProgressUpdate, lesson: Lesson, moment: int, worked_at: datetime | None
) -> SetAt:
    """Return the times at which values were set, after a write of these values.

    The position's time is left out where `worked_at` has it, so that regular reports set none. Where the lesson has
    two conditions, the first time at which each was met is among them.
    """
    set_at = dict(stored.set_at)
    if stored.video_position_seconds:
        set_at[_POSITION] = _time_of(stored, _POSITION)
    set_at.update((field, moment) for field in _LAST_WINS if field in update)
    set_at.update((_key(key), moment) for key in update.get("metadata") or ())
    position = update.get(_POSITION, stored.video_position_seconds)
    if position and worked_at is not None and set_at[_POSITION] == microseconds(worked_at):
        del set_at[_POSITION]
    if lesson.has_two_conditions:
        _set_first_times(set_at, stored, update, lesson, moment)
    return set_at or NEVER_SET


def _set_first_times(
    set_at: dict[str, int], stored: LessonProgress, update: ProgressUpdate, lesson: Lesson, moment: int
) -> None:
    """Set the first time at which each condition was met; where a write of the present met it, when there was work."""
    was_met = lesson.complete_at is not None and stored.progress_percentage >= lesson.complete_at, stored.quiz_passed
    before = microseconds(stored.worked_at or stored.updated_at)
    for name, was, is_met in zip((_REACHED, _PASSED), was_met, progress.meets(update, lesson), strict=True):
        if was:
            set_at.setdefault(name, before)
        if is_met:
            set_at[name] = min(moment, set_at.get(name, moment))


def _completed_at(
    stored: LessonProgress,
    merged: LessonProgress,
    update: ProgressUpdate,
    lesson: Lesson,
    made_at: datetime,
    set_at: SetAt,
) -> datetime | None:
    """Return when the lesson was completed: when the last condition was met, by the earliest writes that met each."""
    if merged.status is not Status.COMPLETED:
        return None
    if stored.status is Status.COMPLETED and not progress.completes(update, lesson, merged):
        return stored.completed_at
    completed_at = made_at
    if lesson.has_two_conditions:
        if _REACHED not in set_at or _PASSED not in set_at:  # completed by others, or under other conditions
            return stored.completed_at or made_at
        completed_at = from_microseconds(max(set_at[_REACHED], set_at[_PASSED]))
    if stored.status is not Status.COMPLETED:
        return max(completed_at, made_at)  # a condition that an edit has changed may have been met before
    return min(stored.completed_at or completed_at, completed_at)


def _key(key: str) -> str:
    return f"metadata.{key}"


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
