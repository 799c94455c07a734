"""The course document that authors write, and the answers about courses."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

from headway.domain import bounds
from headway.domain.catalogue import MARKED_KINDS, UTC_ZONE, Course, Lesson, LessonKind, OnEdit, default_complete_at
from headway.domain.edits import Impact
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import ContentId, CourseId, LessonId
from headway.formats.fields import Count, Days, Moment, Percentage, Seconds, Threshold, Title, Whole
from headway.service import CatalogueEntry


class LessonDocument(BaseModel):
    """A lesson in a course document."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={
            "if": {"properties": {"pass_mark": {"type": "number"}}, "required": ["pass_mark"]},
            "then": {
                "properties": {"kind": {"enum": [*sorted(kind.value for kind in MARKED_KINDS)]}},
                "required": ["kind"],
            },
        },
    )

    id: UUID
    title: Title
    content_id: Annotated[UUID | None, Field(description="By default the lesson's id.")] = None
    section: Annotated[Title | None, Field(description="The heading above the lesson.")] = None
    kind: LessonKind = LessonKind.OTHER
    duration_seconds: Seconds | None = None
    required: Annotated[bool, Field(description="Whether the lesson counts towards completing the course.")] = True
    pass_mark: Annotated[
        Percentage | None, Field(description="The lowest score that passes; only for quizzes and assignments.")
    ] = None
    complete_at: Annotated[
        Threshold | None,
        Field(
            description="The progress percentage at which the lesson is completed; null: no percentage is needed. "
            "By default 100, or null where there is a pass mark.",
            # The schema has no default, because the default depends on the pass mark.
            json_schema_extra=lambda schema: schema.pop("default", None),
        ),
    ] = None

    requires: Annotated[
        list[UUID], Field(max_length=bounds.COURSE_LESSONS, description="The ids of the lessons that come first.")
    ] = []
    due_at: Annotated[Moment | None, Field(description="Until when the lesson is to be completed.")] = None
    due_after_days: Annotated[
        Days | None, Field(description="The same, in days from the beginning of the learner's enrolment.")
    ] = None

    def to_lesson(self) -> Lesson:
        """Return the lesson, with defaults filled in."""
        given = "complete_at" in self.model_fields_set
        return Lesson(
            id=LessonId(str(self.id)),
            title=self.title,
            content_id=ContentId(str(self.content_id or self.id)),
            section=self.section,
            kind=self.kind,
            duration_seconds=self.duration_seconds,
            required=self.required,
            pass_mark=self.pass_mark,
            complete_at=self.complete_at if given else default_complete_at(self.pass_mark),
            requires=tuple(LessonId(str(required)) for required in self.requires),
            due_at=self.due_at,
            due_after_days=self.due_after_days,
        )


class RecalculationProgress(BaseModel):
    """The progress of the recalculation after an edit: the learners to recalculate, and those who are done."""

    model_config = ConfigDict(strict=True, extra="forbid")

    learners: Count
    done: Count


class CourseDocument(BaseModel):
    """A whole course: its title, and its lessons in order."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Annotated[UUID | None, Field(description="The course's id; over HTTP it is in the path.")] = None
    title: Title
    time_zone: Annotated[
        str,
        Field(max_length=100, description="The time zone of the course's days, by its IANA name."),
    ] = UTC_ZONE
    on_edit: Annotated[
        OnEdit,
        Field(
            description="Whether a learner who had completed the course before an edit keeps the completion (keep), or "
            "loses it where the edit asks for more (reopen)."
        ),
    ] = OnEdit.KEEP
    valid_for_days: Annotated[
        Days | None, Field(description="How many days a completion of the course counts; null: always.")
    ] = None
    lessons: Annotated[list[LessonDocument], Field(min_length=1, max_length=bounds.COURSE_LESSONS)]
    version: Annotated[
        Whole | None,
        Field(description="In answers only, ignored in requests. It changes with every change of the course."),
    ] = None
    recalculation: Annotated[
        RecalculationProgress | None,
        Field(
            description="In answers only, ignored in requests. How far the recalculation after the last edit is; null "
            "where it is finished."
        ),
    ] = None

    def to_course(self, course_id: CourseId | None = None) -> Course:
        """Return the course. Raises `InvalidValueError` where it breaks a rule, or its id is missing or differs."""
        if course_id is None and self.id is None:
            raise InvalidValueError([Problem(("id",), "A course document needs an id.", "missing")])
        if course_id is not None and self.id is not None and str(self.id) != course_id:
            raise InvalidValueError([Problem(("id",), "The document has another id than the path.", "id_mismatch")])
        lessons = tuple(lesson.to_lesson() for lesson in self.lessons)
        known_id = CourseId(course_id or str(self.id))
        return Course(known_id, self.title, lessons, self.time_zone, self.on_edit, self.valid_for_days)


class CourseLine(BaseModel):
    """A course in the catalogue's list."""

    id: UUID
    title: str
    lessons: int
    required_lessons: int


class CourseChange(BaseModel):
    """What storing a course document has changed. `changed` lists lessons whose definition has changed."""

    course_id: UUID
    created: bool
    added: list[UUID]
    removed: list[UUID]
    changed: list[UUID]
    reordered: bool
    renamed: bool
    time_zone_changed: bool
    on_edit_changed: bool
    valid_for_days_changed: bool


class CourseImpact(CourseChange):
    """What storing a course would change, and how many learners would gain or lose the completion of the course."""

    learners: Annotated[int, Field(ge=0, description="Learners who have progress in the course.")]
    gain_completion: Annotated[int, Field(ge=0)]
    lose_completion: Annotated[int, Field(ge=0)]


def impact_document(impact: Impact) -> dict[str, Any]:
    """Return the impact of storing a course, as JSON values."""
    figures = impact._asdict()
    return asdict(figures.pop("change")) | figures


def parse_new_course(body: bytes) -> Course:
    """Parse a course document that may have no id: the course gets a new one. Raises as `parse_course` does."""
    document = CourseDocument.model_validate_json(body)
    return document.to_course(None if document.id else CourseId(str(uuid4())))


def parse_course(body: bytes, course_id: CourseId | None = None) -> Course:
    """Parse a course document. Raises pydantic's `ValidationError`, and `InvalidValueError`."""
    return CourseDocument.model_validate_json(body).to_course(course_id)


def course_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a course document."""
    schema = CourseDocument.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def definition(course: Course) -> dict[str, Any]:
    """Return a course as an author would write it, with defaults filled in."""
    return {
        "id": course.id,
        "title": course.title,
        "time_zone": course.time_zone,
        "on_edit": course.on_edit,
        "valid_for_days": course.valid_for_days,
        "lessons": course.lessons,
    }


def course_document(entry: CatalogueEntry) -> dict[str, Any]:
    """Return a course of the catalogue as a document."""
    course, version, under_way = entry
    recalculation = {"learners": under_way.learners, "done": under_way.done} if under_way else None
    return definition(course) | {"version": version, "recalculation": recalculation}
