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
    whoever wrote it last on the learner's behalf, `None` where that was the learner. `worked_at` is when the learner's
    own work (status, percentage, position, score, attempts, pass, time) last changed it, `None` where it never did.
    `completed_by` is who completed it against the lesson's conditions, `None` where it was completed by them.
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
    worked_at: datetime | None = None
    completed_by: LearnerId | None = None

    @property
    def etag(self) -> str:
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


def merge(
    row: LessonProgress,
    update: ProgressUpdate,
    lesson: Lesson,
    now: datetime,
    authority: LearnerId | None = None,
    *,
    restored: bool = False,
) -> LessonProgress:
    """Apply a merge write: what was earned stays, the rest is the last writer's. Null names nothing here.

    `authority` is the writer, where they may complete a lesson against its conditions. A row that is `restored` had the
    status that it names, whatever its values imply. Raises `InvalidValueError` where the merged metadata grows too
    large.
    """
    passed_now = bool(update.get("quiz_passed")) or lesson.passes(update.get("quiz_score"))
    passed = row.quiz_passed or passed_now
    percentage = max(row.progress_percentage, _reported_percentage(update, lesson))
    implied = _implied_status(update, lesson, percentage, passed=passed, passed_now=passed_now)
    status = _highest_status(row.status, update.get("status") if restored else implied)
    completed_by = _against_conditions(status, update, authority)
    completed = status is _COMPLETED or completed_by is not None
    position, notes = update.get("video_position_seconds"), update.get("user_notes")
    bookmarked = update.get("is_bookmarked")
    values = (
        _COMPLETED if completed else status,
        100 if completed else percentage,
        row.video_position_seconds if position is None else position,
        _highest(row.quiz_score, update.get("quiz_score")),
        max(row.quiz_attempts, update.get("quiz_attempts") or 0),
        passed,
        max(row.time_spent_minutes, update.get("time_spent_minutes") or 0),
        row.user_notes if notes is None else notes or None,
        row.is_bookmarked if bookmarked is None else bookmarked,
        _merged_metadata(row.metadata, update.get("metadata")),
    )
    return _changed(row, values, now, completed_by)


def replace(
    row: LessonProgress, update: ProgressUpdate, lesson: Lesson, now: datetime, authority: LearnerId | None = None
) -> LessonProgress:
    """Apply a conditional write: what it names is as sent (null: the default), the rest follows where it follows.

    A completion that it names, and that the lesson's conditions do not allow, is none: the status is `in_progress`
    then. `authority` is as in `merge`.
    """
    value: dict[str, Any] = {field: getattr(row, field) for field in _DEFAULTS}
    value |= {field: _DEFAULTS[field] if sent is None else sent for field, sent in update.items()}
    value["user_notes"] = value["user_notes"] or None
    value["metadata"] = _unless_equal(row.metadata, value["metadata"])
    if "quiz_score" in update and "quiz_passed" not in update and lesson.pass_mark is not None:
        value["quiz_passed"] = lesson.passes(value["quiz_score"])
    followed = _followed_status(row, update, lesson, value)
    completed_by = _against_conditions(followed, update, authority)
    value["status"] = status = followed if completed_by is None else _COMPLETED
    if "progress_percentage" not in update:
        value["progress_percentage"] = _followed_percentage(row, update, lesson, status)
    if status is _NOT_STARTED and "status" in update and "video_position_seconds" not in update:
        value["video_position_seconds"] = 0
    return _changed(row, tuple(value.values()), now, completed_by)


def recalculate(row: LessonProgress, lesson: Lesson, now: datetime) -> LessonProgress:
    """What a row becomes where its lesson is completed otherwise than before: it can only gain by that.

    A lesson that was not started, or started over, stays so, whatever was reached in it once.
    """
    if row.status is _NOT_STARTED:
        return row
    passed = row.quiz_passed or lesson.passes(row.quiz_score)
    percentage = 100 if passed and lesson.is_done_by_a_pass else row.progress_percentage
    completed = row.status is _COMPLETED or (lesson.has_conditions and lesson.is_met_by(percentage, passed=passed))
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


def kept_fields(
    before: LessonProgress, update: ProgressUpdate, after: LessonProgress, *, conditional: bool = False
) -> tuple[str, ...]:
    """The fields of a write whose stored value was kept against the value sent (null wishes nothing).

    Of a conditional write that is the status alone, where the lesson's conditions keep it from `completed`.
    """
    if not update:
        return ()
    return tuple(
        field
        for field, sent in update.items()
        if sent is not None
        and field in _KEEPABLE
        and getattr(after, field) != sent
        and (sent is _COMPLETED or (not conditional and getattr(after, field) == getattr(before, field)))
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


def _says_all_is_done(update: ProgressUpdate, lesson: Lesson) -> bool:
    passed = bool(update.get("quiz_passed")) and lesson.is_done_by_a_pass
    return passed or update.get("status") is _COMPLETED


def _reported_percentage(update: ProgressUpdate, lesson: Lesson) -> Number:
    """The percentage that a write reports: who says that all is done says 100 to a lesson that asks for one."""
    if lesson.complete_at is not None and _says_all_is_done(update, lesson):
        return 100
    return update.get("progress_percentage") or 0


def _implied_status(
    update: ProgressUpdate, lesson: Lesson, percentage: float, *, passed: bool, passed_now: bool
) -> Status:
    """The status that a write implies which leaves a row at `percentage`, and `passed` or not.

    It completes the lesson if what it sends meets one of the conditions and the row meets all of them: so a lesson
    started over stays so, whatever was reached in it once. A write that says all is done meets any percentage.
    """
    all_done = _says_all_is_done(update, lesson)
    reached = lesson.complete_at is not None and (update.get("progress_percentage") or 0) >= lesson.complete_at
    said = all_done and (lesson.complete_at is not None or lesson.pass_mark is None)  # a word meets no mark
    brought = said or reached or (passed_now and lesson.pass_mark is not None)
    if brought and lesson.is_met_by(100 if all_done else percentage, passed=passed):
        return _COMPLETED
    return _IN_PROGRESS if _begins(update, passed_now=passed_now) else _NOT_STARTED


def _begins(update: ProgressUpdate, *, passed_now: bool) -> bool:
    """Whether a write says that the lesson was begun."""
    return bool(
        update.get("status") in _BEGUN
        or update.get("progress_percentage")
        or passed_now
        or update.get("video_position_seconds")
        or update.get("quiz_attempts")
        or update.get("time_spent_minutes")
        or update.get("quiz_score") is not None
    )


def _followed_status(row: LessonProgress, update: ProgressUpdate, lesson: Lesson, value: Mapping[str, Any]) -> Status:
    """The status after a conditional write that leaves the row at these values.

    One that is named is as sent, unless it is `completed` and the conditions are not met. Else it rises to what the
    values sent imply. Out of `completed` it falls only where what was sent takes the ground away: a lower progress,
    below 100, that does not reach `complete_at`, or a pass that is none any more.
    """
    passed, percentage = value["quiz_passed"], value["progress_percentage"]
    if "status" in update and update["status"] is not _COMPLETED:
        return update["status"] or _NOT_STARTED
    passed_now = passed and ("quiz_score" in update or "quiz_passed" in update)
    implied = _implied_status(update, lesson, percentage, passed=passed, passed_now=passed_now)
    enough = 100 if lesson.complete_at is None else lesson.complete_at
    lowered = "progress_percentage" in update and percentage < min(enough, row.progress_percentage)
    failed = lesson.pass_mark is not None and row.quiz_passed and not passed
    floor = _IN_PROGRESS if row.status is _COMPLETED and (lowered or failed) else row.status
    return _highest_status(floor, implied)


def _followed_percentage(row: LessonProgress, update: ProgressUpdate, lesson: Lesson, status: Status) -> Number:
    """The percentage after a conditional write that does not name it and leads to this status."""
    if status is _NOT_STARTED and "status" in update:
        return 0
    if row.status is _COMPLETED:
        return row.progress_percentage
    reported = update.get("status") is _COMPLETED and lesson.complete_at is not None
    return 100 if status is _COMPLETED or reported else row.progress_percentage


def _against_conditions(status: Status, update: ProgressUpdate, authority: LearnerId | None) -> LearnerId | None:
    """Who completes a lesson whose conditions lead to `status`: one with the authority who asks for it."""
    return authority if status is not _COMPLETED and update.get("status") is _COMPLETED else None


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


def _changed(
    row: LessonProgress, values: tuple[Any, ...], now: datetime, completed_by: LearnerId | None
) -> LessonProgress:
    """The row with new `values`, those of ProgressUpdate's fields in their order, one version on.

    The row itself where they change nothing. Metadata is told apart by being another object, since in Python
    `True == 1`. `completed_at` and `completed_by` follow the status: set once, until it is left. What a clock that was
    ahead left in the future is moved to now.
    """
    worked = values[:_WORK] != row[_FIRST_VALUE:_NOTES]
    if row.version and not worked and values[-1] is row.metadata and values[_WORK:-1] == row[_NOTES:_METADATA]:
        return row
    completed = values[0] is _COMPLETED
    moments = min(row.completed_at or now, now) if completed else None, min(row.created_at, now), now
    worked_at = now if worked else row.worked_at and min(row.worked_at, now)
    signed = None, worked_at, (row.completed_by or completed_by) if completed else None
    return LessonProgress._make((*row[:_FIRST_VALUE], *values, row.id, *moments, row.version + 1, *signed))


_BEGUN: Final = frozenset({_IN_PROGRESS, _COMPLETED})
_FIRST_VALUE: Final = LessonProgress._fields.index("status")
_NOTES: Final = LessonProgress._fields.index("user_notes")
_WORK: Final = _NOTES - _FIRST_VALUE
"""So many of the values, the first ones, are the learner's work; notes, bookmark and metadata are not."""
_METADATA: Final = LessonProgress._fields.index("metadata")
