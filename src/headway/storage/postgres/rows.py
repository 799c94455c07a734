"""Converts domain values to PostgreSQL's columns, and back."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from headway.domain.bounds import plain
from headway.domain.continuing import TouchedLesson
from headway.domain.counters import Counters, CourseCounts, DayCounts, LessonCounts
from headway.domain.course_progress import CourseProgress, LearnerDay, Tally
from headway.domain.holdings import FEW_CHARACTERS, HeldDay
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.metadata import NO_METADATA
from headway.domain.progress import LessonProgress, Status
from headway.storage.shared.columns import LESSON_PROGRESS, from_moments, from_sources, to_moments, to_sources
from headway.turns import in_turns

_STATUSES: Final = {status.value: status for status in Status}
_STATUS: Final = LESSON_PROGRESS.columns.index("status")
_METADATA: Final = LESSON_PROGRESS.columns.index("metadata")
_NOTES: Final = LESSON_PROGRESS.columns.index("user_notes")
_IDS: Final = LESSON_PROGRESS.indices("uuid")
_NUMBERS: Final = LESSON_PROGRESS.indices("double precision")

_LESSON_COLUMNS: Final = 2 + len(LessonCounts._fields)
_SCORE_COLUMNS: Final = 4
_COURSE_COLUMNS: Final = 1 + len(CourseCounts._fields)
_DAY_COLUMNS: Final = 2 + len(DayCounts._fields)
_LEARNER_DAY_COLUMNS: Final = 2 + len(LearnerDay._fields)

Columns = Sequence[Any]


def to_lesson_progress(columns: Any) -> LessonProgress:
    """Return a row of `lesson_progress`."""
    values = list(columns)
    values[_STATUS] = _STATUSES[values[_STATUS]]
    for index in _IDS:
        if values[index] is not None:
            values[index] = str(values[index])
    for index in _NUMBERS:
        if values[index] is not None:
            values[index] = plain(values[index])
    metadata = values[_METADATA]
    values[_METADATA] = NO_METADATA if metadata == "{}" else orjson.loads(metadata)
    values[-1] = to_moments(values[-1])
    return LessonProgress._make(values)


def are_many(rows: Sequence[Any]) -> bool:
    """Whether rows of `lesson_progress` have too many characters to be converted without a pause."""
    return sum(len(columns[_NOTES] or "") + len(columns[_METADATA]) for columns in rows) > FEW_CHARACTERS


async def to_many_lesson_progress(rows: Iterable[Any]) -> list[LessonProgress]:
    """Return lesson progress from rows of `lesson_progress`. Other tasks run in between."""
    return [to_lesson_progress(columns) async for columns in in_turns(rows)]


def to_touched_lesson(columns: Any) -> TouchedLesson:
    """Return what decides where the learner continues, from five columns of `lesson_progress`."""
    course, lesson, status, worked_at, position = columns
    return TouchedLesson(CourseId(str(course)), LessonId(str(lesson)), _STATUSES[status], worked_at, plain(position))


def from_lesson_progress(lessons: Sequence[LessonProgress]) -> list[Columns]:
    """Return the columns of `lesson_progress`, in the table's order, each with the values of all lessons."""
    if not lessons:
        return [()] * len(LessonProgress._fields)
    columns: list[Columns] = list(zip(*lessons, strict=True))
    columns[_METADATA] = [orjson.dumps(metadata).decode() if metadata else "{}" for metadata in columns[_METADATA]]
    columns[-1] = [from_moments(set_at) for set_at in columns[-1]]
    return columns


def to_course_progress(columns: Any) -> CourseProgress:
    """Return course progress from a row of `course_progress`."""
    (learner, course, completed, in_progress, micro_minutes, last_accessed, course_version, revision,
     started_at, completed_at, *day, at_lesson, enrolled_at, ended_at, due_at, sources, run,
     run_began_at, removed_at) = columns  # fmt: skip
    tally = Tally(completed, in_progress, micro_minutes)
    return CourseProgress(
        LearnerId(str(learner)), CourseId(str(course)), tally, last_accessed, course_version, revision,
        started_at, completed_at, LearnerDay(*day), None if at_lesson is None else LessonId(str(at_lesson)),
        enrolled_at, ended_at, due_at, to_sources(sources), run, run_began_at,
        to_moments(removed_at),
    )  # fmt: skip


def from_course_progress(all_course_progress: Sequence[CourseProgress]) -> list[Columns]:
    """Return the columns of `course_progress`, in the table's order, each with all values."""
    return list(zip(*map(_from_one_course_progress, all_course_progress), strict=True))


def _from_one_course_progress(one: CourseProgress) -> Columns:
    sources, removed_at = from_sources(one.sources), from_moments(one.removed_at)
    return (*one[:2], *one.tally, *one[3:8], *one.day, *one[9:13], sources, one.run, one.run_began_at, removed_at)


def to_held_day(columns: Any) -> HeldDay:
    """Return a finished day from a row of `learner_days`."""
    learner, course, *day = columns
    return HeldDay(LearnerId(str(learner)), CourseId(str(course)), LearnerDay(*day))


def from_held_days(days: Sequence[HeldDay]) -> list[Columns]:
    """Return the columns of `learner_days`, in the table's order, each with all values."""
    return list(columns_of([(learner, course, *day) for learner, course, day in days], _LEARNER_DAY_COLUMNS))


def from_counters(counters: Counters) -> list[Columns]:
    """Return the columns of the four tables of counters, without the slots, each with all values."""
    return [
        *columns_of([(*key, *counts) for key, counts in counters.lessons.items()], _LESSON_COLUMNS),
        *columns_of([(*key, learners) for key, learners in counters.scores.items()], _SCORE_COLUMNS),
        *columns_of([(key, *counts) for key, counts in counters.courses.items()], _COURSE_COLUMNS),
        *columns_of([(*key, *counts) for key, counts in counters.days.items()], _DAY_COLUMNS),
    ]


def columns_of(rows: Sequence[Columns], count: int) -> Sequence[Columns]:
    """Return the `count` columns of rows, each with the values of all rows."""
    return list(zip(*rows, strict=True)) if rows else [()] * count
