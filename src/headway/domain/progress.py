"""A learner's progress in one lesson, and the rules for writing it.

A merge write does not know the stored progress, so it can only add to it (`merge`). A conditional write names the
version that its writer has read, so it may change everything (`replace`). Both functions are pure. They return the same
object where nothing changes.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypedDict

from headway.domain.bounds import Number
from headway.domain.catalogue import Lesson
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.metadata import NO_METADATA, Metadata, merged_metadata, unless_equal


class Status(StrEnum):
    """How far a learner is in a lesson, lowest first."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


_NOT_STARTED: Final = Status.NOT_STARTED
_IN_PROGRESS: Final = Status.IN_PROGRESS
_COMPLETED: Final = Status.COMPLETED


class ProgressUpdate(TypedDict, total=False):
    """The fields that a write sends. An absent field was not sent; `None` is the JSON null."""

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


def progress_etag(progress_id: ProgressId, version: int) -> str:
    """Return the opaque part of the entity tag of a version of lesson progress."""
    return f"{progress_id}.{version}"


SetAt = Mapping[str, int]
"""When values were set, by field, in microseconds since 1970: see `offline`."""
NEVER_SET: Final[SetAt] = {}


class LessonProgress(NamedTuple):
    """A learner's progress in one lesson. It is a named tuple because a list builds one object for each lesson.

    `version` grows by one with every change. Together with `id` it forms the entity tag. All times are UTC.
    `written_by` is the person who last wrote it on the learner's behalf; `None` where the learner wrote it.
    `worked_at` is when the learner's own work (status, percentage, position, score, attempts, pass, time) last changed
    it; `None` where it never did. `completed_by` is the person who completed the lesson although its conditions were
    not met; `None` where they were met or the lesson is not completed. `set_at` is when values were set of which the
    latest one is kept, where that is not `worked_at`, and when values were taken back.
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
    set_at: SetAt = NEVER_SET

    @property
    def etag(self) -> str:
        """The opaque part of the entity tag. Progress that was deleted and made again never matches an old tag."""
        return progress_etag(self.id, self.version)


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


_NOBODY_YET: Final = (None, None, None, NEVER_SET)  # has written it, worked on it, completed it or set a value


def new_lesson_progress(
    learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId, progress_id: ProgressId, now: datetime
) -> LessonProgress:
    """Return lesson progress before its first write: version 0, every field at the default of the reference."""
    return LessonProgress._make(
        (
            learner_id,
            course_id,
            lesson_id,
            *_DEFAULTS.values(),
            progress_id,
            None,
            now,
            now,
            0,
            None,
            None,
            None,
            NEVER_SET,
        )
    )


def merge(
    stored: LessonProgress,
    update: ProgressUpdate,
    lesson: Lesson,
    now: datetime,
    authority: LearnerId | None = None,
    *,
    restored: bool = False,
) -> LessonProgress:
    """Apply a merge write and return the new lesson progress.

    What the learner has earned stays. Of the other fields the last value sent is kept. A null is ignored.

    `authority` is the writer where the writer may complete a lesson although its conditions are not met. `restored`
    means that the write comes from an export: the status is the one it names, and its values imply none.

    Raises `InvalidValueError` where the merged metadata is too large.
    """
    passed_now = bool(update.get("quiz_passed")) or lesson.passes(update.get("quiz_score"))
    passed = stored.quiz_passed or passed_now
    percentage = max(stored.progress_percentage, _reported_percentage(update, lesson))
    implied = _implied_status(update, lesson, percentage, passed=passed, passed_now=passed_now)
    status = _highest_status(stored.status, update.get("status") if restored else implied)
    completed_by = _against_conditions(status, update, authority)
    completed = status is _COMPLETED or completed_by is not None
    position, notes = update.get("video_position_seconds"), update.get("user_notes")
    bookmarked = update.get("is_bookmarked")
    values = (
        _COMPLETED if completed else status,
        100 if completed else percentage,
        stored.video_position_seconds if position is None else position,
        _highest(stored.quiz_score, update.get("quiz_score")),
        max(stored.quiz_attempts, update.get("quiz_attempts") or 0),
        passed,
        max(stored.time_spent_minutes, update.get("time_spent_minutes") or 0),
        stored.user_notes if notes is None else notes or None,
        stored.is_bookmarked if bookmarked is None else bookmarked,
        merged_metadata(stored.metadata, update.get("metadata")),
    )
    return _changed(stored, values, now, completed_by)


def replace(
    stored: LessonProgress,
    update: ProgressUpdate,
    lesson: Lesson,
    now: datetime,
    authority: LearnerId | None = None,
) -> LessonProgress:
    """Apply a conditional write and return the new lesson progress.

    Each field that is sent gets the value sent; a null sets the default. Other fields change only where the fields
    sent imply it. A status `completed` that the lesson's conditions do not allow is not taken: the status is
    `in_progress` then. `authority` is as in `merge`.
    """
    value: dict[str, Any] = {field: getattr(stored, field) for field in _DEFAULTS}
    value |= {field: _DEFAULTS[field] if sent is None else sent for field, sent in update.items()}
    value["user_notes"] = value["user_notes"] or None
    value["metadata"] = unless_equal(stored.metadata, value["metadata"])
    if "quiz_score" in update and "quiz_passed" not in update and lesson.pass_mark is not None:
        value["quiz_passed"] = lesson.passes(value["quiz_score"])
    followed = _followed_status(stored, update, lesson, value)
    completed_by = _against_conditions(followed, update, authority)
    value["status"] = status = followed if completed_by is None else _COMPLETED
    if "progress_percentage" not in update:
        value["progress_percentage"] = _followed_percentage(stored, update, lesson, status)
    if status is _NOT_STARTED and "status" in update and "video_position_seconds" not in update:
        value["video_position_seconds"] = 0
    return _changed(stored, tuple(value.values()), now, completed_by)


def recalculate(stored: LessonProgress, lesson: Lesson, now: datetime) -> LessonProgress:
    """Return the lesson progress after the conditions of its lesson have changed. The learner can only gain.

    A lesson that is not started, or was started over, stays `not_started`, whatever the learner had reached before.
    """
    if stored.status is _NOT_STARTED:
        return stored
    passed = stored.quiz_passed or lesson.passes(stored.quiz_score)
    percentage = 100 if passed and lesson.is_done_by_a_pass else stored.progress_percentage
    completed = stored.status is _COMPLETED or (lesson.has_conditions and lesson.is_met_by(percentage, passed=passed))
    if completed is (stored.status is _COMPLETED) and passed is stored.quiz_passed:
        return stored
    return stored._replace(
        status=_COMPLETED if completed else stored.status,
        progress_percentage=stored.progress_percentage if stored.status is _COMPLETED or not completed else 100,
        quiz_passed=passed,
        completed_at=(stored.completed_at or now) if completed else None,
        updated_at=now,
        version=stored.version + 1,
    )


def kept_fields(
    before: LessonProgress, update: ProgressUpdate, after: LessonProgress, *, conditional: bool = False
) -> tuple[str, ...]:
    """Return the fields of a write whose stored value was kept although another value was sent. A null is ignored.

    For a conditional write this can only be the status, where the lesson's conditions do not allow `completed`.
    """
    kept = [
        field
        for field, sent in update.items()
        if sent is not None
        and field in _KEEPABLE
        and getattr(after, field) != sent
        and (sent is _COMPLETED or (not conditional and getattr(after, field) == getattr(before, field)))
    ]
    return tuple(kept) if kept else ()


_KEEPABLE: Final = frozenset(
    {"status", "progress_percentage", "quiz_score", "quiz_attempts", "quiz_passed", "time_spent_minutes"}
)


def meets(update: ProgressUpdate, lesson: Lesson) -> tuple[bool, bool]:
    """Return whether the values of a write itself reach the percentage that a lesson asks for, and its pass mark."""
    reached = lesson.complete_at is not None and _reported_percentage(update, lesson) >= lesson.complete_at
    passed = bool(update.get("quiz_passed")) or lesson.passes(update.get("quiz_score"))
    return reached, passed and lesson.pass_mark is not None


def completes(update: ProgressUpdate, lesson: Lesson, after: LessonProgress) -> bool:
    """Whether the values of a merge write bring the completion of the lesson, which is completed `after` the write."""
    passed_now = bool(update.get("quiz_passed")) or lesson.passes(update.get("quiz_score"))
    percentage, passed = after.progress_percentage, after.quiz_passed
    return _implied_status(update, lesson, percentage, passed=passed, passed_now=passed_now) is _COMPLETED


def _says_all_is_done(update: ProgressUpdate, lesson: Lesson) -> bool:
    passed = bool(update.get("quiz_passed")) and lesson.is_done_by_a_pass
    return passed or update.get("status") is _COMPLETED


def _reported_percentage(update: ProgressUpdate, lesson: Lesson) -> Number:
    """Return the percentage that a write reports.

    A write that says all is done reports 100 where the lesson asks for one.
    """
    if lesson.complete_at is not None and _says_all_is_done(update, lesson):
        return 100
    return update.get("progress_percentage") or 0


def _implied_status(
    update: ProgressUpdate, lesson: Lesson, percentage: float, *, passed: bool, passed_now: bool
) -> Status:
    """Return the status that a write implies. `percentage` and `passed` are the values after the write.

    The lesson is completed if the values sent meet one of its conditions and the values after the write meet all of
    them. So a lesson that was started over is not completed by values that were reached before. A write that says all
    is done meets every percentage.
    """
    all_done = _says_all_is_done(update, lesson)
    reached = lesson.complete_at is not None and (update.get("progress_percentage") or 0) >= lesson.complete_at
    said = all_done and (lesson.complete_at is not None or lesson.pass_mark is None)  # a pass mark needs a score
    brought = said or reached or (passed_now and lesson.pass_mark is not None)
    if brought and lesson.is_met_by(100 if all_done else percentage, passed=passed):
        return _COMPLETED
    return _IN_PROGRESS if _begins(update, passed_now=passed_now) else _NOT_STARTED


def _begins(update: ProgressUpdate, *, passed_now: bool) -> bool:
    """Whether a write shows that the learner has begun the lesson."""
    return bool(
        update.get("status") in _BEGUN
        or update.get("progress_percentage")
        or passed_now
        or update.get("video_position_seconds")
        or update.get("quiz_attempts")
        or update.get("time_spent_minutes")
        or update.get("quiz_score") is not None
    )


def _followed_status(
    stored: LessonProgress, update: ProgressUpdate, lesson: Lesson, value: Mapping[str, Any]
) -> Status:
    """Return the status after a conditional write. `value` holds all values after the write.

    A status that is sent is taken, except `completed` where the conditions are not met. Otherwise the status rises to
    the one that the values sent imply. It falls from `completed` to `in_progress` only in two cases: the write lowers
    the percentage below `complete_at` (below 100 where there is none), or it takes back a pass that the lesson needs.
    """
    passed, percentage = value["quiz_passed"], value["progress_percentage"]
    if "status" in update and update["status"] is not _COMPLETED:
        return update["status"] or _NOT_STARTED
    passed_now = passed and ("quiz_score" in update or "quiz_passed" in update)
    implied = _implied_status(update, lesson, percentage, passed=passed, passed_now=passed_now)
    enough = 100 if lesson.complete_at is None else lesson.complete_at
    lowered = "progress_percentage" in update and percentage < min(enough, stored.progress_percentage)
    failed = lesson.pass_mark is not None and stored.quiz_passed and not passed
    floor = _IN_PROGRESS if stored.status is _COMPLETED and (lowered or failed) else stored.status
    return _highest_status(floor, implied)


def _followed_percentage(stored: LessonProgress, update: ProgressUpdate, lesson: Lesson, status: Status) -> Number:
    """Return the percentage after a conditional write that does not send it and leads to this status."""
    if status is _NOT_STARTED and "status" in update:
        return 0
    if stored.status is _COMPLETED:
        return stored.progress_percentage
    reported = update.get("status") is _COMPLETED and lesson.complete_at is not None
    return 100 if status is _COMPLETED or reported else stored.progress_percentage


def _against_conditions(status: Status, update: ProgressUpdate, authority: LearnerId | None) -> LearnerId | None:
    """Return the person who completes a lesson although its conditions lead to another status.

    `None` where nobody does.
    """
    return authority if status is not _COMPLETED and update.get("status") is _COMPLETED else None


def _highest_status(*statuses: Status | None) -> Status:
    if _COMPLETED in statuses:
        return _COMPLETED
    return _IN_PROGRESS if _IN_PROGRESS in statuses else _NOT_STARTED


def _highest(stored: Number | None, sent: Number | None) -> Number | None:
    if stored is None or sent is None:
        return sent if stored is None else stored
    return max(stored, sent)


def _changed(
    stored: LessonProgress, values: tuple[Any, ...], now: datetime, completed_by: LearnerId | None
) -> LessonProgress:
    """Return the lesson progress with new values and the next version, or `stored` itself where nothing changes.

    `values` are those of the fields of `ProgressUpdate`, in their order. Metadata has changed where it is another
    object, because `True == 1` in Python. `completed_at` and `completed_by` are set when the lesson is completed and
    kept until it leaves that status. Stored times in the future, from a clock that was ahead, become now.
    """
    worked = values[:_WORK] != stored[_FIRST_VALUE:_NOTES]
    if stored.version and not worked and values[-1] is stored.metadata and values[_WORK:-1] == stored[_NOTES:_METADATA]:
        return stored
    completed = values[0] is _COMPLETED
    moments = (
        min(stored.completed_at or now, now) if completed else None,
        min(stored.created_at, now),
        now,
    )
    worked_at = now if worked else stored.worked_at and min(stored.worked_at, now)
    signed = None, worked_at, (stored.completed_by or completed_by) if completed else None, stored.set_at
    return LessonProgress._make((*stored[:_FIRST_VALUE], *values, stored.id, *moments, stored.version + 1, *signed))


_BEGUN: Final = frozenset({_IN_PROGRESS, _COMPLETED})
_FIRST_VALUE: Final = LessonProgress._fields.index("status")
_NOTES: Final = LessonProgress._fields.index("user_notes")
_WORK: Final = _NOTES - _FIRST_VALUE
"""The number of values that are the learner's work. They come first; notes, bookmark and metadata are not work."""
_METADATA: Final = LessonProgress._fields.index("metadata")
