"""Formats of lesson progress: the fields of a write, and the answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple, cast
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
)
from typing_extensions import TypedDict

from headway import service
from headway.domain import bounds, progress
from headway.domain import explanation as domain
from headway.domain.catalogue import Lesson, LessonKind
from headway.domain.dating import NO_TIMES, Times
from headway.domain.progress import ProgressUpdate, Status
from headway.formats.fields import Attempts, Minutes, Moment, Notes, Percentage, Seconds
from headway.formats.shapes import renderer


class LessonProgressUpdate(TypedDict, total=False):
    """What to write. An absent field is left as it is; fields that are not listed here are ignored."""

    __pydantic_config__ = ConfigDict(strict=True, title="LessonProgressUpdate")  # type: ignore[misc]

    status: Annotated[Status | None, Field(description="Merged: the highest of stored, sent and implied.")]
    progress_percentage: Annotated[Percentage | None, Field(description="Merged: the highest.")]
    video_position_seconds: Annotated[Seconds | None, Field(description="The resume point; the last writer's.")]
    quiz_score: Annotated[Percentage | None, Field(description="Merged: the best attempt.")]
    quiz_attempts: Annotated[Attempts | None, Field(description="Merged: the highest.")]
    quiz_passed: Annotated[bool | None, Field(description="Merged: once passed, passed.")]
    time_spent_minutes: Annotated[Minutes | None, Field(description="A total. Merged: the highest.")]
    user_notes: Annotated[Notes | None, Field(description="The last writer's; an empty text clears them.")]
    is_bookmarked: Annotated[bool | None, Field(description="The last writer's.")]
    metadata: Annotated[
        dict[str, Any] | None,
        Field(description="Merged key by key: at most 16 KiB as JSON, 32 levels deep, no U+0000."),
    ]


class DatedProgressUpdate(LessonProgressUpdate, total=False):
    """What to write for a learner, with the times of the work, in the past and in their order.

    Other fields are ignored, and `Headway-Ignored` names them.
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="allow", title="DatedProgressUpdate")  # type: ignore[misc]

    created_at: Annotated[Moment | None, Field(description="When the lesson was started. Merged: the earliest.")]
    completed_at: Annotated[Moment | None, Field(description="When it was completed. Merged: the earliest.")]
    updated_at: Annotated[Moment | None, Field(description="When the learner worked on it last. Merged: the latest.")]


class DatedUpdate(NamedTuple):
    """A write, its times, and the names of ignored fields."""

    update: ProgressUpdate
    times: Times
    ignored: tuple[str, ...]


class LessonProgress(BaseModel):
    """One learner's progress in one lesson."""

    user_id: UUID
    course_id: UUID
    lesson_id: UUID
    content_id: UUID
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
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class CourseSummary(BaseModel):
    """A learner's totals in a course, over its present lessons."""

    course_id: UUID
    total_lessons: Annotated[int, Field(ge=0, description="Lessons that count towards completion.")]
    completed_lessons: Annotated[int, Field(ge=0)]
    in_progress_lessons: Annotated[int, Field(ge=0)]
    completion_percentage: Annotated[bounds.Percentage, Field(description="Two decimals at most.")]
    total_time_spent_minutes: Annotated[float, Field(ge=0, description="Over all lessons, optional ones too.")]
    last_accessed: Annotated[datetime | None, Field(description="The learner's own last write in the course.")]


class ExplainedLesson(BaseModel):
    """Whether a lesson counts in a percentage, and why not."""

    lesson_id: UUID
    title: Annotated[str | None, Field(description="Null where the lesson has left the course.")]
    status: Status
    counted: bool
    reason: Annotated[domain.NotCounted | None, Field(description="Why it was not counted.")]


class Explanation(BaseModel):
    """Which lessons count in a percentage, and under which version of the course document."""

    course_version: int
    lessons: list[ExplainedLesson]


class ExplainedSummary(CourseSummary):
    """A summary with an explanation of its percentage."""

    explanation: Explanation


class OutlineLesson(BaseModel):
    """A lesson of a course, as one learner sees it."""

    lesson_id: UUID
    title: str
    section: str | None
    kind: LessonKind
    duration_seconds: bounds.Seconds | None
    required: bool
    status: Status
    progress_percentage: bounds.Percentage
    quiz_score: bounds.Percentage | None
    is_bookmarked: bool
    due_at: Annotated[datetime | None, Field(description="Until when it is to be completed; null: any time.")]
    late: Annotated[bool, Field(description="Not completed, and the due date is past.")]
    completed_late: Annotated[bool, Field(description="Completed after the due date.")]
    locked: Annotated[bool, Field(description="Whether other lessons come first.")]
    locked_by: Annotated[list[UUID], Field(description="The lessons that are to be completed first.")]


outline_lesson: Final = renderer(
    OutlineLesson,
    lesson_id="lesson.id",
    title="lesson.title",
    section="lesson.section",
    kind="lesson.kind",
    duration_seconds="lesson.duration_seconds",
    required="lesson.required",
)

UPDATE: Final[TypeAdapter[LessonProgressUpdate]] = TypeAdapter(LessonProgressUpdate)
UPDATE_FIELDS: Final = frozenset(LessonProgressUpdate.__annotations__)
_DATED_UPDATE: Final[TypeAdapter[DatedProgressUpdate]] = TypeAdapter(DatedProgressUpdate)


def parse_update(body: bytes) -> ProgressUpdate:
    """Parse the update in a body. Raises pydantic's `ValidationError`."""
    # The types differ in metadata only: JSON gives a dict, and the domain takes any mapping.
    return cast("ProgressUpdate", UPDATE.validate_json(body))


def parse_dated_update(body: bytes) -> DatedUpdate:
    """Parse an update with times in a body.

    Raises pydantic's `ValidationError`.
    """
    return apart(_DATED_UPDATE.validate_json(body))


def apart(fields: Mapping[str, Any]) -> DatedUpdate:
    """Separate the fields of an update from its times and from ignored fields."""
    update = {name: value for name, value in fields.items() if name in UPDATE_FIELDS}
    times = Times._make(fields.get(name) for name in Times._fields)
    ignored = tuple(name for name in fields if name not in UPDATE_FIELDS and name not in Times._fields)
    return DatedUpdate(cast("ProgressUpdate", update), times if any(times) else NO_TIMES, ignored)


def lesson_progress(stored: progress.LessonProgress, lesson: Lesson) -> dict[str, Any]:
    """Return lesson progress with the reference's fields, which are those of the shape.

    Every PUT and every list does this. So the fields are written out: to render by the shape takes twice as long.
    """
    return {
        "user_id": stored.learner_id,
        "course_id": stored.course_id,
        "lesson_id": stored.lesson_id,
        "content_id": lesson.content_id,
        "status": stored.status,
        "progress_percentage": stored.progress_percentage,
        "video_position_seconds": stored.video_position_seconds,
        "quiz_score": stored.quiz_score,
        "quiz_attempts": stored.quiz_attempts,
        "quiz_passed": stored.quiz_passed,
        "time_spent_minutes": stored.time_spent_minutes,
        "user_notes": stored.user_notes,
        "is_bookmarked": stored.is_bookmarked,
        "metadata": stored.metadata,
        "id": stored.id,
        "completed_at": stored.completed_at,
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
    }


def explained_summary(value: service.ExplainedSummary) -> dict[str, Any]:
    """Return one course's summary with the explanation of its percentage."""
    return value.summary._asdict() | {"explanation": explanation(value.explanation)}


def explanation(value: domain.Explanation) -> dict[str, Any]:
    """Return which lessons count in a percentage, and why others do not."""
    return {"course_version": value.course_version, "lessons": [lesson._asdict() for lesson in value.lessons]}
