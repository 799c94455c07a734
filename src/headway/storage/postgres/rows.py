"""Between the domain's values and PostgreSQL's columns."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from headway.domain.bounds import plain
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.progress import NO_METADATA, LessonProgress, Status
from headway.domain.standing import CourseProgress, Tally

_STATUS: Final = {status.value: status for status in Status}
_METADATA: Final = LessonProgress._fields.index("metadata")

Columns = Sequence[Any]


def to_lesson_progress(columns: Columns) -> LessonProgress:
    """A row of `lesson_progress`."""
    (learner, course, lesson, status, percentage, position, score, attempts, passed,
     minutes, notes, bookmarked, metadata, row_id, completed_at, created_at, updated_at, version) = columns  # fmt: skip
    return LessonProgress(
        LearnerId(str(learner)), CourseId(str(course)), LessonId(str(lesson)),
        _STATUS[status], plain(percentage), plain(position), None if score is None else plain(score), attempts, passed,
        plain(minutes), notes, bookmarked, NO_METADATA if metadata == "{}" else orjson.loads(metadata),
        ProgressId(str(row_id)), completed_at, created_at, updated_at, version,
    )  # fmt: skip


def from_lesson_progress(rows: Sequence[LessonProgress]) -> list[Columns]:
    """The columns of `lesson_progress`, in the table's order, each over all rows."""
    if not rows:
        return [()] * len(LessonProgress._fields)
    columns: list[Columns] = list(zip(*rows, strict=True))
    columns[_METADATA] = [orjson.dumps(metadata).decode() if metadata else "{}" for metadata in columns[_METADATA]]
    return columns


def to_course_progress(columns: Columns) -> CourseProgress:
    """A row of `course_progress`."""
    learner, course, completed, in_progress, time_parts, last_accessed, course_version, revision = columns
    tally = Tally(completed, in_progress, time_parts)
    return CourseProgress(
        LearnerId(str(learner)), CourseId(str(course)), tally, last_accessed, course_version, revision
    )


def from_course_progress(standings: Sequence[CourseProgress]) -> list[Columns]:
    """The columns of `course_progress`, in the table's order, each over all rows."""
    return list(
        zip(
            *((learner, course, *tally, *others) for learner, course, tally, *others in standings),
            strict=True,
        )
    )
