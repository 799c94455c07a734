"""Formats of enrolments: what a client sends, and the answers."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from headway.domain import bounds
from headway.domain.course_progress import EnrolmentSource, minutes
from headway.domain.enrolments import LONGEST_PAGE, PAGE, EnrolmentStatus
from headway.domain.identifiers import LearnerId
from headway.formats.fields import LaterRun, Moment
from headway.formats.progress import LessonProgress as LessonProgressShape
from headway.formats.queries import Nothing, optional
from headway.formats.shapes import Array, Source, renderer, without
from headway.service.enrolments import EnrolmentPage, RunReading


class EnrolmentDates(TypedDict, total=False):
    """The dates of an enrolment. A date that is absent or null is none."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", title="EnrolmentDates")  # type: ignore[misc]

    starts_at: Annotated[Moment | None, Field(description="From when the learner may begin.")]
    due_at: Annotated[Moment | None, Field(description="Until when the learner is to complete the course.")]


class NewRun(EnrolmentDates, total=False):
    """The dates of a learner's next run of a course, and its number."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", title="NewRun")  # type: ignore[misc]

    number: Annotated[
        LaterRun | None,
        Field(description="The number of the new run: a request that is sent twice then begins one run."),
    ]


class EnrolmentsParameters(BaseModel):
    """A page of a course's enrolments."""

    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE, description="Learners on a page.")] = PAGE
    cursor: Annotated[UUID | Nothing, optional("`next` of the page before.")] = None

    @property
    def after(self) -> LearnerId | None:
        """The last learner of the page before; `None` for the first page."""
        return None if self.cursor is None else LearnerId(str(self.cursor))


class Enrolment(BaseModel):
    """A learner's enrolment in a course, and how far the learner is."""

    user_id: UUID
    course_id: UUID
    enrolled_at: datetime
    starts_at: Annotated[datetime | None, Field(description="From when the learner may begin; null: at once.")]
    due_at: Annotated[datetime | None, Field(description="Until when the course is to be completed; null: any time.")]
    groups: Annotated[list[UUID], Field(description="The groups by which the learner is enrolled.")]
    run: Annotated[int, Field(ge=1, description="The learner's present run of the course.")]
    status: EnrolmentStatus
    completion_percentage: bounds.Percentage
    completed_at: datetime | None
    late: Annotated[bool, Field(description="Not completed, and the due date is past.")]
    completed_late: Annotated[bool, Field(description="Completed after the due date.")]
    expires_at: Annotated[datetime | None, Field(description="Until when the completion counts; null: always.")]


class RunOutline(BaseModel):
    """A run of a course by a learner, without its lesson progress."""

    number: Annotated[int, Field(ge=1)]
    began_at: datetime | None
    started_at: Annotated[datetime | None, Field(description="The first write.")]
    completed_at: datetime | None
    ended_at: Annotated[datetime | None, Field(description="When the next run began; null: it is the present run.")]
    due_at: datetime | None
    late: Annotated[bool, Field(description="Not completed, and the due date is past, or was past at the end.")]
    completed_late: Annotated[bool, Field(description="Completed after the due date.")]
    status: EnrolmentStatus
    course_version: Annotated[int, Field(description="The version of the course document at the end of the run.")]
    total_lessons: int
    completed_lessons: int
    in_progress_lessons: int
    completion_percentage: bounds.Percentage
    total_time_spent_minutes: float
    last_accessed: datetime | None


class RunLessonProgress(without(LessonProgressShape, "content_id")):  # type: ignore[misc]  # made from a shape
    """Lesson progress in a run."""


class Run(RunOutline):
    """A run of a course by a learner. A run that has ended is as it was at its end."""

    lesson_progress: Annotated[
        list[RunLessonProgress], Field(description="In the order of the present course. Other lessons come last.")
    ]


class OwnEnrolment(Enrolment):
    """An enrolment of the caller, with the course's title."""

    title: str


class Completion(BaseModel):
    """A completion of a course. Headway keeps each one."""

    course_id: UUID
    completed_at: datetime
    course_version: Annotated[int, Field(description="The version of the course document then.")]
    completion_percentage: bounds.Percentage
    score: Annotated[
        bounds.Percentage | None,
        Field(description="The mean of the scores then, at most two decimals; null: no score."),
    ]
    expires_at: Annotated[datetime | None, Field(description="Until when it counts; null: always.")]


class Enrolments(BaseModel):
    """A page of a course's enrolments, by the learners' ids."""

    enrolments: list[Enrolment]
    next: Annotated[str | None, Field(description="The cursor of the next page; null at the end.")]


_DATES: Final[TypeAdapter[EnrolmentDates]] = TypeAdapter(EnrolmentDates)
_RUN: Final[TypeAdapter[NewRun]] = TypeAdapter(NewRun)
_sources: Final[dict[str, Source]] = {
    "user_id": "progress.learner_id",
    "course_id": "course.id",
    "enrolled_at": "progress.enrolled_at",
    "due_at": "progress.due_at",
    "groups": lambda enrolled: [one.group_id for one in enrolled.progress.sources if one.group_id is not None],
    "completion_percentage": "summary.completion_percentage",
    "completed_at": "progress.completed_at",
    "run": "progress.run",
}
_run_sources: Final[dict[str, Source]] = {
    **{name: f"run.{name}" for name in RunOutline.model_fields if name != "late"},
    "completed_lessons": "run.tally.completed_lessons",
    "in_progress_lessons": "run.tally.in_progress_lessons",
    "total_time_spent_minutes": lambda reading: minutes(reading.run.tally.micro_minutes),
}
_run_lesson: Final = renderer(RunLessonProgress, user_id="learner_id")
enrolment: Final = renderer(Enrolment, **_sources)
completion: Final = renderer(Completion)
run_outline: Final = renderer(RunOutline, **_run_sources)
own_enrolment: Final = renderer(OwnEnrolment, **_sources, title="course.title")


def parse_dates(body: bytes) -> EnrolmentSource:
    """Parse the dates of a learner's own enrolment. Raises pydantic's `ValidationError`."""
    dates = _DATES.validate_json(body)
    return EnrolmentSource(None, dates.get("starts_at"), dates.get("due_at"))


def parse_run(body: bytes) -> tuple[EnrolmentSource, int | None]:
    """Parse the dates and the number of a new run. An empty body has none. Raises pydantic's `ValidationError`."""
    asked = _RUN.validate_json(body or b"{}")
    return EnrolmentSource(None, asked.get("starts_at"), asked.get("due_at")), asked.get("number")


def run_document(reading: RunReading) -> dict[str, Any]:
    """Return a run with its lesson progress, as JSON values."""
    return run_outline(reading) | {name: array.all() for name, array in run_arrays(reading).items()}


def run_arrays(reading: RunReading) -> dict[str, Array]:
    """Return the lesson progress of a run as an array, to be rendered in parts."""
    return {"lesson_progress": Array(reading.lesson_progress, _run_lesson)}


def enrolments(page: EnrolmentPage) -> dict[str, Any]:
    """Return a page of a course's enrolments, and the cursor of the next page."""
    return {"enrolments": list(map(enrolment, page.enrolments)), "next": page.last}
