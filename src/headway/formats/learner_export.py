"""All that is held on a learner as one document: written, and read again to be imported."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Required
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from typing_extensions import TypedDict

from headway.domain import bounds
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.imports import Line
from headway.domain.presence import StandingRestore
from headway.domain.progress import LessonProgress, Status
from headway.domain.standing import NEVER, CourseProgress, LearnerDay, minutes, parts_of
from headway.domain.writes import LessonWrite, Origin
from headway.formats.encoding import Array
from headway.formats.fields import Moment
from headway.formats.progress import DatedProgressUpdate, apart
from headway.storage.port import LearnerRecord


class HeldRow(BaseModel):
    """One row, as it is kept."""

    user_id: UUID
    course_id: UUID
    lesson_id: UUID
    status: Status
    progress_percentage: bounds.Percentage
    video_position_seconds: bounds.Seconds
    quiz_score: bounds.Percentage | None
    quiz_attempts: bounds.Attempts
    quiz_passed: bool
    time_spent_minutes: bounds.Minutes
    user_notes: bounds.Notes | None
    is_bookmarked: bool
    metadata: dict[str, Any]
    id: UUID
    completed_at: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime
    version: Annotated[int, Field(ge=1)]
    written_by: Annotated[UUID | None, Field(description="Who wrote it last on the learner's behalf.")]
    worked_at: Annotated[dt.datetime | None, Field(description="When the learner's own work last changed it.")]
    completed_by: Annotated[UUID | None, Field(description="Who completed it against the lesson's conditions.")]


class HeldDay(BaseModel):
    """What was done on one day, which is cut in the course's time zone."""

    date: dt.date
    lessons_started: Annotated[int, Field(ge=0)]
    lessons_completed: Annotated[int, Field(ge=0)]
    time_spent_minutes: Annotated[float, Field(ge=0)]
    course_completions: Annotated[int, Field(ge=0)]


class HeldCourseDay(HeldDay):
    """A day that is finished, in a course."""

    course_id: UUID


class HeldStanding(BaseModel):
    """Where the learner stands in a course, as it is kept: under the version of the course that it was made under."""

    course_id: UUID
    completed_lessons: Annotated[int, Field(ge=0)]
    in_progress_lessons: Annotated[int, Field(ge=0)]
    total_time_spent_minutes: Annotated[float, Field(ge=0)]
    last_accessed: dt.datetime | None
    started_at: dt.datetime | None
    completed_at: dt.datetime | None
    course_version: int
    revision: int
    last_day: Annotated[HeldDay | None, Field(description="`null` where others wrote alone.")]


class LearnerExport(BaseModel):
    """All that is held on a learner: rows, standings, and days that are finished."""

    user_id: UUID
    rows: list[HeldRow]
    standings: list[HeldStanding]
    days: list[HeldCourseDay]


_ROW_FIELDS: Final = ("user_id", *LessonProgress._fields[1:])


class _Row(DatedProgressUpdate, total=False):
    """A row of an export."""

    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]

    course_id: Required[UUID]
    lesson_id: Required[UUID]
    written_by: UUID | None
    worked_at: Moment | None
    completed_by: UUID | None


class _Standing(BaseModel):
    """What is taken of a standing of an export: the tally follows from the rows."""

    course_id: UUID
    last_accessed: Moment | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None
    last_day: HeldDay | None = None


class _Document(TypedDict, total=False):
    """An export, its rows not read yet: what is wrong with one is that row's."""

    user_id: Required[UUID]
    rows: Required[list[dict[str, Any]]]
    standings: list[_Standing]
    days: list[HeldCourseDay]


_DOCUMENT: Final[TypeAdapter[_Document]] = TypeAdapter(_Document)
_ROW: Final[TypeAdapter[_Row]] = TypeAdapter(_Row)
_NOT_TAKEN: Final = frozenset({"user_id", "course_id", "lesson_id", "written_by", "worked_at", "completed_by"})


def learner_document(learner_id: LearnerId, record: LearnerRecord) -> dict[str, Any]:
    """All that is held on a learner, as JSON."""
    arrays = learner_arrays(record)
    return {"user_id": learner_id, **{name: array.all() for name, array in arrays.items()}}


def learner_arrays(record: LearnerRecord) -> Mapping[str, Array]:
    """The arrays of that document."""
    return {
        "rows": Array(record.rows, lambda row: dict(zip(_ROW_FIELDS, row, strict=True))),
        "standings": Array(record.standings, _from_standing),
        "days": Array(record.days, lambda held: {"course_id": held[0], **_from_day(held[1])}),
    }


def read_document(content: bytes, learner_id: LearnerId | None) -> Iterator[Line]:
    """The rows of an export, then its standings, each with all days of its course, for a learner.

    Raises `InvalidValueError` at once for what is no export.
    """
    try:
        document = _DOCUMENT.validate_json(content)
    except ValidationError as error:
        raise InvalidValueError(_problems(error)) from None
    return _lines(document, learner_id or LearnerId(str(document["user_id"])))


def _lines(document: _Document, learner_id: LearnerId) -> Iterator[Line]:
    rows = document["rows"]
    for number, row in enumerate(rows, 1):
        yield _to_line(number, row, learner_id)
    days: dict[UUID, list[LearnerDay]] = {}
    for held in document.get("days", []):
        days.setdefault(held.course_id, []).append(_to_day(held))
    standings = {standing.course_id: standing for standing in document.get("standings", [])}
    courses = {**standings, **{course_id: _Standing(course_id=course_id) for course_id in days.keys() - standings}}
    for number, standing in enumerate(courses.values(), len(rows) + 1):
        yield Line(number, _to_restore(standing, days.get(standing.course_id, []), learner_id))


def _to_line(number: int, row: Mapping[str, Any], learner_id: LearnerId) -> Line:
    try:
        fields = _ROW.validate_json(to_json(row))
    except ValidationError as error:
        return Line(number, None, _problems(error, "rows", number - 1))
    update, times, others = apart(fields)
    course_id, lesson_id = CourseId(str(fields["course_id"])), LessonId(str(fields["lesson_id"]))
    written_by = _to_id(fields.get("written_by"))
    last_write = None if written_by else times.updated_at  # in exports that do not tell work from other changes yet
    origin = Origin(fields.get("worked_at", last_write), _to_id(fields.get("completed_by")))
    write = LessonWrite(learner_id, course_id, lesson_id, update, written_by=written_by, times=times, restored=origin)
    return Line(number, write, ignored=tuple(name[:100] for name in others if name not in _NOT_TAKEN))


def _to_id(value: UUID | None) -> LearnerId | None:
    return LearnerId(str(value)) if value else None


def _to_restore(standing: _Standing, finished: Sequence[LearnerDay], learner_id: LearnerId) -> StandingRestore:
    last = [_to_day(standing.last_day)] if standing.last_day is not None else []
    days = tuple(day for day in (*finished, *last) if day.date > NEVER)
    moments = standing.last_accessed, standing.started_at, standing.completed_at
    return StandingRestore(learner_id, CourseId(str(standing.course_id)), *moments, days)


def _to_day(held: HeldDay) -> LearnerDay:
    done = held.lessons_started, held.lessons_completed, parts_of(held.time_spent_minutes), held.course_completions
    return LearnerDay(held.date, *done)


def _problems(error: ValidationError, *place: str | int) -> list[Problem]:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return [Problem((*place, *fault["loc"]), fault["msg"], fault["type"]) for fault in faults]


def _from_standing(standing: CourseProgress) -> dict[str, Any]:
    return {
        "course_id": standing.course_id,
        "completed_lessons": standing.tally.completed_lessons,
        "in_progress_lessons": standing.tally.in_progress_lessons,
        "total_time_spent_minutes": minutes(standing.tally.time_parts),
        "last_accessed": standing.last_accessed,
        "started_at": standing.started_at,
        "completed_at": standing.completed_at,
        "at_lesson": standing.at_lesson,
        "course_version": standing.course_version,
        "revision": standing.revision,
        "last_day": _from_day(standing.day) if standing.day.date != NEVER else None,
    }


def _from_day(day: LearnerDay) -> dict[str, Any]:
    return {
        "date": day.date,
        "lessons_started": day.lessons_started,
        "lessons_completed": day.lessons_completed,
        "time_spent_minutes": minutes(day.time_parts),
        "course_completions": day.completions,
    }
