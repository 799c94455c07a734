"""Bodies as they travel: the documents that requests carry, and the shapes that answers have.

The models of answers are for the OpenAPI document; answers themselves are written by `render`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, Any, Final, NamedTuple, cast
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import TypedDict

from headway.domain import bounds
from headway.domain.bounds import freed_of_dust, plain
from headway.domain.catalogue import MARKED_KINDS, UTC_ZONE, Course, Lesson, LessonKind, OnEdit, default_complete_at
from headway.domain.dating import NO_TIMES, Times
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import ContentId, CourseId, LessonId
from headway.domain.progress import ProgressUpdate, Status
from headway.domain.text import NOTE_PATTERN, TITLE_PATTERN, note_fault, title_fault

_FINITE: Final = Field(allow_inf_nan=False)
_PLAIN: Final = AfterValidator(plain)


def _without_dust(value: object) -> object:
    return freed_of_dust(value) if isinstance(value, float) else value


def _threshold_without_dust(value: object) -> object:
    """The number to the millionth, unless that comes to nothing: what is over 0 stays so."""
    return _without_dust(value) or value


_CLEAN: Final = BeforeValidator(_without_dust)


def _whole(value: object) -> object:
    """A whole number however it was written: JSON does not tell 3 from 3.0 (RFC 8259 section 6)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _in_utc(moment: datetime) -> datetime:
    """The moment in UTC. Raises `ValueError` for one without an offset (RFC 3339 section 5.6)."""
    if moment.tzinfo is None or not MINYEAR < moment.year < MAXYEAR:
        raise PydanticCustomError("time_invalid", "The time has a year and an offset from UTC.")
    return moment.astimezone(UTC)


@dataclass(frozen=True)
class _TextRule:
    """What a text may hold. A refusal says what is wrong, and the schema how it is to be."""

    fault: Callable[[str], str | None]
    pattern: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"pattern": self.pattern}

    def _checked(self, text: str) -> str:
        fault = self.fault(text)
        if fault:
            raise PydanticCustomError("string_pattern_mismatch", "{fault}", {"fault": fault, "pattern": self.pattern})
        return text


Percentage = Annotated[bounds.Percentage, _FINITE, _PLAIN, _CLEAN]
Threshold = Annotated[bounds.Threshold, _FINITE, _PLAIN, BeforeValidator(_threshold_without_dust)]
Seconds = Annotated[bounds.Seconds, _FINITE, _PLAIN, _CLEAN]
Minutes = Annotated[bounds.Minutes, _FINITE, _PLAIN, _CLEAN]
Attempts = Annotated[bounds.Attempts, BeforeValidator(_whole)]
Notes = Annotated[bounds.Notes, _TextRule(note_fault, NOTE_PATTERN)]
Title = Annotated[bounds.Title, _TextRule(title_fault, TITLE_PATTERN)]


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


Moment = Annotated[datetime, AfterValidator(_in_utc)]


class DatedProgressUpdate(LessonProgressUpdate, total=False):
    """What to write for a learner, with the times that it was done at: in the past, in their order.

    Other fields are ignored, and `Headway-Ignored` names them.
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="allow", title="DatedProgressUpdate")  # type: ignore[misc]

    created_at: Annotated[Moment | None, Field(description="When the lesson was begun. Merged: the earliest.")]
    completed_at: Annotated[Moment | None, Field(description="When it was completed. Merged: the earliest.")]
    updated_at: Annotated[Moment | None, Field(description="When it was worked on last. Merged: the latest.")]


class DatedUpdate(NamedTuple):
    """What is written, the times that come with it, and the fields that are not taken."""

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
    """Where a learner stands in a course, over the lessons that are in it now."""

    course_id: UUID
    total_lessons: Annotated[int, Field(ge=0, description="Lessons that count towards completion.")]
    completed_lessons: Annotated[int, Field(ge=0)]
    in_progress_lessons: Annotated[int, Field(ge=0)]
    completion_percentage: Annotated[bounds.Percentage, Field(description="Two decimals at most.")]
    total_time_spent_minutes: Annotated[float, Field(ge=0, description="Over all lessons, optional ones too.")]
    last_accessed: Annotated[datetime | None, Field(description="The learner's own last write in the course.")]


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
    content_id: Annotated[UUID | None, Field(description="The lesson's id where not given.")] = None
    section: Annotated[Title | None, Field(description="The heading that the lesson stands under.")] = None
    kind: LessonKind = LessonKind.OTHER
    duration_seconds: Seconds | None = None
    required: Annotated[bool, Field(description="Whether the lesson counts towards completing the course.")] = True
    pass_mark: Annotated[
        Percentage | None, Field(description="The score that passes; quizzes and assignments only.")
    ] = None
    complete_at: Annotated[
        Threshold | None,
        Field(
            description="The progress percentage that the lesson is completed at; null where it asks for none. "
            "Not given: 100, or null where there is a pass mark.",
            # No default that a client could fill in: which one it is depends on the pass mark.
            json_schema_extra=lambda schema: schema.pop("default", None),
        ),
    ] = None

    def to_lesson(self) -> Lesson:
        """The lesson, defaults filled in."""
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
        )


class RederivationProgress(BaseModel):
    """What follows from a course's edit being derived: how many learners are under way, and how many are through."""

    model_config = ConfigDict(strict=True, extra="forbid")

    learners: Annotated[int, Field(ge=0), BeforeValidator(_whole)]
    done: Annotated[int, Field(ge=0), BeforeValidator(_whole)]


class CourseDocument(BaseModel):
    """A whole course: its title, and its lessons in order."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Annotated[UUID | None, Field(description="The course's id; over HTTP the path gives it.")] = None
    title: Title
    time_zone: Annotated[
        str, Field(max_length=100, description="The zone that the course's days are cut in, by its IANA name.")
    ] = UTC_ZONE
    on_edit: Annotated[
        OnEdit,
        Field(
            description="Whether a learner who had completed the course, and after an edit has not, stays completed "
            "(keep) or has to do what is new (reopen)."
        ),
    ] = OnEdit.KEEP
    lessons: Annotated[list[LessonDocument], Field(min_length=1, max_length=bounds.COURSE_LESSONS)]
    version: Annotated[
        Annotated[int, BeforeValidator(_whole)] | None,
        Field(description="Answered, and ignored where it is sent: another one with every change of the course."),
    ] = None
    rederivation: Annotated[
        RederivationProgress | None,
        Field(
            description="Answered, and ignored where it is sent: how far what follows from the last edit is derived "
            "for learners already under way; null where nothing is left to do."
        ),
    ] = None

    def to_course(self, course_id: CourseId | None = None) -> Course:
        """The course. Raises `InvalidValueError` where it breaks a rule or its id is missing or another one."""
        if course_id is None and self.id is None:
            raise InvalidValueError([Problem(("id",), "A course document needs an id.", "missing")])
        if course_id is not None and self.id is not None and str(self.id) != course_id:
            raise InvalidValueError([Problem(("id",), "The document's id is not the path's.", "id_mismatch")])
        lessons = tuple(lesson.to_lesson() for lesson in self.lessons)
        return Course(CourseId(course_id or str(self.id)), self.title, lessons, self.time_zone, self.on_edit)


class CourseLine(BaseModel):
    """A course in the catalogue's list."""

    id: UUID
    title: str
    lessons: int
    required_lessons: int


class CourseChange(BaseModel):
    """What putting a course document did. `changed` lists lessons that are defined differently now."""

    course_id: UUID
    created: bool
    added: list[UUID]
    removed: list[UUID]
    changed: list[UUID]
    reordered: bool
    renamed: bool
    time_zone_changed: bool
    on_edit_changed: bool


class CourseForecast(CourseChange):
    """What putting a course would change, and how many of its learners would gain or lose its completion by it."""

    learners: Annotated[int, Field(ge=0, description="Learners who have written in the course.")]
    gain_completion: Annotated[int, Field(ge=0)]
    lose_completion: Annotated[int, Field(ge=0)]


class SignInCode(BaseModel):
    """A code that signs a browser in to the pages, once."""

    code: str
    url: Annotated[str, Field(description="The address to open; `&next=` may be appended, a path of the pages'.")]
    expires_at: Annotated[datetime, Field(description="Until when the code is good.")]


class Refusal(BaseModel):
    """Why a request was refused: in a sentence for people, and by a code for programs, which stays the same."""

    detail: str
    code: str


class ValidationError(BaseModel):
    """One fault of a request: where (`loc`), what, and a stable name for the kind of fault."""

    loc: list[str | int]
    msg: str
    type: str
    input: Annotated[Any, WithJsonSchema({})]
    ctx: dict[str, Any]


class HTTPValidationError(BaseModel):
    """All faults found in a request."""

    detail: list[ValidationError]


UPDATE: Final[TypeAdapter[LessonProgressUpdate]] = TypeAdapter(LessonProgressUpdate)
UPDATE_FIELDS: Final = frozenset(LessonProgressUpdate.__annotations__)
_DATED_UPDATE: Final[TypeAdapter[DatedProgressUpdate]] = TypeAdapter(DatedProgressUpdate)
_UUID: Final[TypeAdapter[UUID]] = TypeAdapter(UUID)


def parse_update(body: bytes) -> ProgressUpdate:
    """The update that a body holds. Raises pydantic's `ValidationError`."""
    # The two differ in one thing: JSON makes a dict of metadata where the domain asks for no more than a mapping.
    return cast("ProgressUpdate", UPDATE.validate_json(body))


def parse_dated_update(body: bytes) -> DatedUpdate:
    """The update that a body holds, the times that come with it, and the fields that are not taken.

    Raises pydantic's `ValidationError`.
    """
    return apart(_DATED_UPDATE.validate_json(body))


def apart(fields: Mapping[str, Any]) -> DatedUpdate:
    """What is written, the times that come with it, and what is neither."""
    update = {name: value for name, value in fields.items() if name in UPDATE_FIELDS}
    times = Times._make(fields.get(name) for name in Times._fields)
    ignored = tuple(name for name in fields if name not in UPDATE_FIELDS and name not in Times._fields)
    return DatedUpdate(cast("ProgressUpdate", update), times if any(times) else NO_TIMES, ignored)


def parse_course(body: bytes, course_id: CourseId | None = None) -> Course:
    """The course that a document holds. Raises pydantic's `ValidationError`, and `InvalidValueError`."""
    return CourseDocument.model_validate_json(body).to_course(course_id)


def parse_uuid(text: str) -> str:
    """A UUID in its canonical form. Raises pydantic's `ValidationError`."""
    return str(_UUID.validate_python(text))


def course_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a course document."""
    schema = CourseDocument.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
