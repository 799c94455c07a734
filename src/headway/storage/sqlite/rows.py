"""Converts domain values to SQLite's columns, and back."""

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final

import apsw
import orjson

from headway.domain.continuing import TouchedLesson
from headway.domain.course_progress import CourseProgress, LearnerDay, Tally
from headway.domain.holdings import HeldDay
from headway.domain.metadata import NO_METADATA
from headway.domain.progress import LessonProgress, Status
from headway.storage.shared.columns import LESSON_PROGRESS, from_moments, from_sources, to_moments, to_sources

_STATUSES: Final = {status.value: status for status in Status}
_STATUS: Final = LESSON_PROGRESS.columns.index("status")
_METADATA: Final = LESSON_PROGRESS.columns.index("metadata")
_FLAGS: Final = LESSON_PROGRESS.indices("boolean")
_MOMENTS: Final = LESSON_PROGRESS.indices("timestamptz")

Columns = tuple[Any, ...]


def to_lesson_progress(columns: Columns) -> LessonProgress:
    """Return a row of `lesson_progress`."""
    values = list(columns)
    values[_STATUS] = _STATUSES[values[_STATUS]]
    for index in _FLAGS:
        values[index] = values[index] == 1
    for index in _MOMENTS:
        if values[index]:
            values[index] = datetime.fromisoformat(values[index])
    metadata = values[_METADATA]
    values[_METADATA] = NO_METADATA if metadata == "{}" else orjson.loads(metadata)
    values[-1] = to_moments(values[-1])
    return LessonProgress._make(values)


def to_touched_lesson(columns: Columns) -> TouchedLesson:
    """Return what decides where the learner continues, from five columns of `lesson_progress`."""
    course, lesson, status, worked_at, position = columns
    worked = datetime.fromisoformat(worked_at) if worked_at else None
    return TouchedLesson(course, lesson, _STATUSES[status], worked, position)


def from_lesson_progress(progress: LessonProgress) -> Columns:
    """Return the columns of `lesson_progress`, in the table's order."""
    values: list[Any] = list(progress)
    for index in _MOMENTS:
        moment = values[index]
        if moment:
            values[index] = moment.isoformat()  # as `to_text`, without a call
    metadata = values[_METADATA]
    values[_METADATA] = orjson.dumps(metadata).decode() if metadata else "{}"
    values[-1] = from_moments(progress.set_at)
    return tuple(values)


def to_course_progress(columns: Columns) -> CourseProgress:
    """Return course progress from a row of `course_progress`."""
    (learner, course, completed, in_progress, micro_minutes, last_accessed, course_version, revision,
     started_at, completed_at, day, *done, at_lesson, enrolled_at, ended_at, due_at, sources, run,
     run_began_at, removed_at) = columns  # fmt: skip
    return CourseProgress(
        learner, course, Tally(completed, in_progress, micro_minutes),
        datetime.fromisoformat(last_accessed) if last_accessed else None, course_version, revision,
        datetime.fromisoformat(started_at) if started_at else None,
        datetime.fromisoformat(completed_at) if completed_at else None,
        LearnerDay(date.fromisoformat(day), *done), at_lesson,
        datetime.fromisoformat(enrolled_at) if enrolled_at else None,
        datetime.fromisoformat(ended_at) if ended_at else None,
        datetime.fromisoformat(due_at) if due_at else None, to_sources(sources), run,
        datetime.fromisoformat(run_began_at) if run_began_at else None, to_moments(removed_at),
    )  # fmt: skip


def from_course_progress(progress: CourseProgress) -> Columns:
    """Return the columns of `course_progress`, in the table's order."""
    (learner, course, tally, last_accessed, course_version, revision, started_at, completed_at, day, at_lesson,
     enrolled_at, ended_at, due_at, sources, run, run_began_at, removed_at) = progress  # fmt: skip
    return (
        learner, course, *tally, to_text(last_accessed) if last_accessed else None, course_version, revision,
        to_text(started_at) if started_at else None, to_text(completed_at) if completed_at else None,
        day.date.isoformat(), *day[1:], at_lesson, to_text(enrolled_at) if enrolled_at else None,
        to_text(ended_at) if ended_at else None, to_text(due_at) if due_at else None, from_sources(sources), run,
        to_text(run_began_at) if run_began_at else None, from_moments(removed_at),
    )  # fmt: skip


def touched_columns(progress: CourseProgress) -> Columns:
    """Return the columns of `course_progress` that are in no index, and the key."""
    (learner, course, (_, in_progress, micro_minutes), last_accessed, course_version, revision, _, _, day,
     *_) = progress  # fmt: skip
    return (
        in_progress, micro_minutes, _text_of_now(last_accessed) if last_accessed else None, course_version,
        revision, *day[1:], learner, course,
    )  # fmt: skip


def touched_lesson_columns(progress: LessonProgress) -> Columns:
    """Return the columns of `lesson_progress` that a regular report of a player changes, and the key."""
    (learner, course, lesson, _, percentage, position, _, _, _, minutes, _, _, _, _, _, _, updated_at, version, _,
     worked_at, *_) = progress  # fmt: skip
    return (
        percentage, position, minutes, _text_of_now(updated_at), version,
        _text_of_now(worked_at) if worked_at else None, learner, course, lesson,
    )  # fmt: skip


def to_held_day(columns: Columns) -> HeldDay:
    """Return a finished day from a row of `learner_days`."""
    learner, course, day, *done = columns
    return HeldDay(learner, course, LearnerDay(date.fromisoformat(day), *done))


def from_held_day(held: HeldDay) -> Columns:
    """Return the columns of `learner_days`, in the table's order."""
    return (held.learner_id, held.course_id, held.day.date.isoformat(), *held.day[1:])


def to_text(moment: datetime) -> str:
    """Return a moment in UTC as text with the same order. A whole second continues with `+`, which sorts before `.`."""
    return moment.isoformat()


_text_of_now: Final = lru_cache(maxsize=16)(to_text)  # all writes of a batch have the same time


def bound(value: object) -> object:
    """Return a value as SQLite stores it. Moments and dates become text with the same order, lists become JSON."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return to_text(value.astimezone(UTC))
    if isinstance(value, list):
        return orjson.dumps(value).decode()
    return value.isoformat() if isinstance(value, date) else value


def fetch(connection: apsw.Connection, statement: str, *parameters: object) -> list[Columns]:
    """Return all rows of a statement."""
    return connection.execute(statement, parameters).fetchall()


def fetch_one(connection: apsw.Connection, statement: str, *parameters: object) -> Columns | None:
    """Return the only row of a statement; `None` where it has none."""
    rows = fetch(connection, statement, *parameters)
    return rows[0] if rows else None
