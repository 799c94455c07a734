"""One learner's progress in one lesson, and the write rule.

A write that has not seen the row can only add to it (`merge`); a write that has seen the row may change anything
(`replace`). Both are pure, written once for every store, and return the row itself where nothing changes.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import Any, Final, NamedTuple, TypedDict

from headway.domain.bounds import METADATA_BYTES, METADATA_DEPTH, Number
from headway.domain.catalogue import Lesson
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId

Metadata = Mapping[str, Any]


class Status(StrEnum):
    """How far a learner is in a lesson, lowest first."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


_NOT_STARTED: Final = Status.NOT_STARTED
_IN_PROGRESS: Final = Status.IN_PROGRESS
_COMPLETED: Final = Status.COMPLETED


class ProgressUpdate(TypedDict, total=False):
    """What a write names. An absent field was not named; `None` is the JSON null."""

    status: Status | None
    progress_percentage: Number | None
    video_position_seconds: Number | None
    quiz_score: Number | None
    quiz_attempts: int | None
    quiz_passed: bool | None
    time_spent_minutes: Number | None
    user_notes: str | None
    is_bookmarked: bool | None
    metadata: Metadata | None


class LessonProgress(NamedTuple):
    """The row. A named tuple, since a list of lessons builds one for each of its rows.

    `version` grows by one with every change; with `id` it makes the entity tag. All times are UTC. `written_by` is
    whoever wrote it last on the learner's behalf, `None` where that was the learner.
    """

    learner_id: LearnerId
    course_id: CourseId
    lesson_id: LessonId
    status: Status
    progress_percentage: Number
    video_position_seconds: Number
    quiz_score: Number | None
    quiz_attempts: int
    quiz_passed: bool
    time_spent_minutes: Number
    user_notes: str | None
    is_bookmarked: bool
    metadata: Metadata
    id: ProgressId
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    written_by: LearnerId | None = None

    @property
    def tag(self) -> str:
        """The opaque part of the entity tag: a row deleted and made again never matches an old one."""
        return f"{self.id}.{self.version}"


NO_METADATA: Final[Metadata] = {}
_DEFAULTS: Final[Mapping[str, Any]] = {
    "status": _NOT_STARTED,
    "progress_percentage": 0,
    "video_position_seconds": 0,
    "quiz_score": None,
    "quiz_attempts": 0,
    "quiz_passed": False,
    "time_spent_minutes": 0,
    "user_notes": None,
    "is_bookmarked": False,
    "metadata": NO_METADATA,
}


def new_row(
    learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId, row_id: ProgressId, now: datetime
) -> LessonProgress:
    """The row before its first write is applied: version 0, every field at the reference's default."""
    return LessonProgress(
        learner_id, course_id, lesson_id,
        _NOT_STARTED, 0, 0, None, 0, False, 0, None, False, NO_METADATA,
        row_id, None, now, now, 0,
    )  # fmt: skip


def merge(row: LessonProgress, update: ProgressUpdate, lesson: Lesson, now: datetime) -> LessonProgress:
    """Apply a blind write: what was earned stays, the rest is the last writer's. Null names nothing here.

    Raises `InvalidValueError` where the merged metadata grows too large.
    """
    passed_now = bool(update.get("quiz_passed")) or lesson.passes(update.get("quiz_score"))
    implied = _implied_status(update, lesson, passed=passed_now)
    status = _highest_status(row.status, update.get("status"), implied)
    completed = status is _COMPLETED
    position, notes = update.get("video_position_seconds"), update.get("user_notes")
    bookmarked = update.get("is_bookmarked")
    percentage = max(row.progress_percentage, update.get("progress_percentage") or 0)
    values = (
        status,
        100 if completed else percentage,
        row.video_position_seconds if position is None else position,
        _highest(row.quiz_score, update.get("quiz_score")),
        max(row.quiz_attempts, update.get("quiz_attempts") or 0),
        row.quiz_passed or passed_now,
        max(row.time_spent_minutes, update.get("time_spent_minutes") or 0),
        row.user_notes if notes is None else notes or None,
        row.is_bookmarked if bookmarked is None else bookmarked,
        _merged_metadata(row.metadata, update.get("metadata")),
    )
    return _changed(row, values, now)


def replace(row: LessonProgress, update: ProgressUpdate, lesson: Lesson, now: datetime) -> LessonProgress:
    """Apply an informed write: what it names is as sent (null: the default), the rest follows where it follows."""
    value: dict[str, Any] = {field: getattr(row, field) for field in _DEFAULTS}
    value |= {field: _DEFAULTS[field] if sent is None else sent for field, sent in update.items()}
    value["user_notes"] = value["user_notes"] or None
    value["metadata"] = _unless_equal(row.metadata, value["metadata"])
    if "quiz_score" in update and "quiz_passed" not in update and lesson.pass_mark is not None:
        value["quiz_passed"] = lesson.passes(value["quiz_score"])
    if "status" not in update:
        value["status"] = _rederived_status(row, update, lesson, passed=value["quiz_passed"])
    status = value["status"]
    if status is _COMPLETED and row.status is not _COMPLETED and "progress_percentage" not in update:
        value["progress_percentage"] = 100
    if status is _NOT_STARTED and "status" in update:
        value |= {field: 0 for field in ("progress_percentage", "video_position_seconds") if field not in update}
    return _changed(row, tuple(value.values()), now)


def rederive(row: LessonProgress, lesson: Lesson, now: datetime) -> LessonProgress:
    """What a row becomes where its lesson is completed otherwise than before: it can only gain by that.

    A lesson that was not started, or started over, stays so, whatever was reached in it once.
    """
    if row.status is _NOT_STARTED:
        return row
    passed = row.quiz_passed or lesson.passes(row.quiz_score)
    reached = lesson.complete_at is not None and row.progress_percentage >= lesson.complete_at
    completed = row.status is _COMPLETED or reached or (passed and lesson.pass_mark is not None)
    if completed is (row.status is _COMPLETED) and passed is row.quiz_passed:
        return row
    return row._replace(
        status=_COMPLETED if completed else row.status,
        progress_percentage=row.progress_percentage if row.status is _COMPLETED or not completed else 100,
        quiz_passed=passed,
        completed_at=(row.completed_at or now) if completed else None,
        updated_at=now,
        version=row.version + 1,
    )


def kept_fields(before: LessonProgress, update: ProgressUpdate, after: LessonProgress) -> tuple[str, ...]:
    """The fields of a blind write whose stored value was kept against the value sent (null wishes nothing)."""
    if not update:
        return ()
    return tuple(
        field
        for field, sent in update.items()
        if sent is not None
        and field in _KEEPABLE
        and getattr(after, field) != sent
        and getattr(after, field) == getattr(before, field)
    )


_KEEPABLE: Final = frozenset(
    {"status", "progress_percentage", "quiz_score", "quiz_attempts", "quiz_passed", "time_spent_minutes"}
)


def check_metadata(metadata: Metadata) -> None:
    """Raise `InvalidValueError` unless the metadata can be kept and given back as it is.

    At most 16 KiB of UTF-8 JSON and 32 levels (the object itself is the first); no U+0000, no lone surrogate, no
    NaN or infinity (RFC 8259 has none), whole numbers of 64 bits.
    """
    if not metadata:
        return
    reason = next(_metadata_faults(metadata, 1), None)
    if reason is not None:
        raise _metadata_error(reason)
    _check_metadata_size(metadata)


def _check_metadata_size(metadata: Metadata) -> None:
    if len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode()) > METADATA_BYTES:
        raise _metadata_error(f"Metadata takes {METADATA_BYTES} bytes at most, as JSON.")


def _metadata_error(reason: str) -> InvalidValueError:
    return InvalidValueError([Problem(("metadata",), reason, "metadata_out_of_bounds")])


def _metadata_faults(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, dict | list):
        if depth > METADATA_DEPTH:
            yield f"Metadata is at most {METADATA_DEPTH} levels deep."
            return
        for child in (*value.keys(), *value.values()) if isinstance(value, dict) else value:
            yield from _metadata_faults(child, depth + 1)
    elif isinstance(value, str):
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
            yield "Text in metadata may hold neither U+0000 nor a lone surrogate."
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            yield "Whole numbers in metadata take 64 bits at most."
    elif isinstance(value, float) and not isfinite(value):
        yield "Numbers in metadata are finite."


def _implied_status(update: ProgressUpdate, lesson: Lesson, *, passed: bool) -> Status:
    """The status that the values sent imply, whatever the row holds: a lesson started over stays so."""
    progress = update.get("progress_percentage")
    if passed and lesson.pass_mark is not None:
        return _COMPLETED
    if progress is not None and lesson.complete_at is not None and progress >= lesson.complete_at:
        return _COMPLETED
    begun = (
        progress
        or passed
        or update.get("video_position_seconds")
        or update.get("quiz_attempts")
        or update.get("time_spent_minutes")
        or update.get("quiz_score") is not None
    )
    if begun:
        return _IN_PROGRESS
    return _NOT_STARTED


def _rederived_status(row: LessonProgress, update: ProgressUpdate, lesson: Lesson, *, passed: bool) -> Status:
    """The status after an informed write that does not name it.

    It rises to what the values sent imply. Out of `completed` it falls only where what was sent takes the ground
    away: a progress below 100, or a pass that is none any more.
    """
    quiz_was_sent = "quiz_score" in update or "quiz_passed" in update
    implied = _implied_status(update, lesson, passed=passed and quiz_was_sent)
    lowered = "progress_percentage" in update and (update["progress_percentage"] or 0) < 100  # noqa: PLR2004 - all of it
    failed = lesson.pass_mark is not None and row.quiz_passed and not passed
    floor = _IN_PROGRESS if row.status is _COMPLETED and (lowered or failed) else row.status
    return _highest_status(floor, implied)


def _highest_status(*statuses: Status | None) -> Status:
    if _COMPLETED in statuses:
        return _COMPLETED
    return _IN_PROGRESS if _IN_PROGRESS in statuses else _NOT_STARTED


def _highest(stored: Number | None, sent: Number | None) -> Number | None:
    if stored is None or sent is None:
        return sent if stored is None else stored
    return max(stored, sent)


def _merged_metadata(stored: Metadata, sent: Metadata | None) -> Metadata:
    if not sent:
        return stored
    merged = {**stored, **sent}
    _check_metadata_size(merged)
    return _unless_equal(stored, merged)


def _unless_equal(stored: Metadata, other: Metadata) -> Metadata:
    """The other metadata, or the stored where both are the same JSON."""
    return stored if json.dumps(stored) == json.dumps(other) else other


def _changed(row: LessonProgress, values: tuple[Any, ...], now: datetime) -> LessonProgress:
    """The row with new `values`, those of ProgressUpdate's fields in their order, one version on.

    The row itself where they change nothing. Metadata is told apart by being another object, since in Python
    `True == 1`. `completed_at` follows the status: set once, until it is left. What a clock
    that was ahead left in the future is moved to now.
    """
    if row.version and values[-1] is row.metadata and values[:-1] == row[_FIRST_VALUE:_METADATA]:
        return row
    completed_at = min(row.completed_at or now, now) if values[0] is _COMPLETED else None
    created_at = min(row.created_at, now)
    return LessonProgress._make(
        (*row[:_FIRST_VALUE], *values, row.id, completed_at, created_at, now, row.version + 1, None)
    )


_FIRST_VALUE: Final = LessonProgress._fields.index("status")
_METADATA: Final = LessonProgress._fields.index("metadata")
