"""Learners who need attention: the query parameters, the cursors, and the shapes of the answers."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter

from headway import service
from headway.domain.attention import INACTIVE_DAYS, LONGEST_PAGE, MOST_COUNTED, PAGE, AttentionPosition, Counted, Reason
from headway.domain.bounds import MOST_ATTEMPTS
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.roster import MOST_CHOSEN
from headway.formats.queries import InvalidQueryError, Nothing, QueryFault, optional
from headway.formats.roster_query import Days, Format, GroupParameters, Learners
from headway.formats.shapes import renderer

_MOMENT: Final = Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC))
_Moment = Annotated[AwareDatetime, _MOMENT]
_CURSORS: Final[Mapping[Reason, TypeAdapter[Any]]] = {
    Reason.INACTIVE: TypeAdapter(tuple[Literal["inactive"], date, UUID, UUID, None]),
    Reason.LATE: TypeAdapter(tuple[Literal["late"], _Moment, UUID, UUID, None]),
    Reason.NOT_STARTED: TypeAdapter(tuple[Literal["not_started"], _Moment, UUID, UUID, None]),
    Reason.FAILING: TypeAdapter(
        tuple[Literal["failing"], Annotated[int, Field(ge=0, le=MOST_ATTEMPTS)], UUID, UUID, UUID]
    ),
}


class AttentionParameters(GroupParameters):
    """What learners who need attention are limited to."""

    course: Annotated[UUID | Nothing, optional("Only in this course.")] = None
    inactive_days: Annotated[
        Days, Field(description="After how many days without being seen a learner is inactive.")
    ] = INACTIVE_DAYS

    user_ids: Annotated[
        Learners | Nothing, optional(f"Only these learners: ids with commas between them, at most {MOST_CHOSEN:,}.")
    ] = None

    @property
    def filters(self) -> service.AttentionFilters:
        """The filters."""
        course_id = None if self.course is None else CourseId(str(self.course))
        return service.AttentionFilters(course_id, self.group_id, self.inactive_days, self.user_ids)


class AttentionListParameters(AttentionParameters):
    """A page of a list, and its format. `limit`, `cursor` and `before` are for pages of JSON only."""

    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE, description="Lines on a page.")] = PAGE
    cursor: Annotated[str | Nothing, optional("`next` of the page before, with the same reason.")] = None
    before: Annotated[
        str | Nothing, optional("`previous` of the page after, with the same reason, in place of `cursor`.")
    ] = None
    format: Annotated[
        Literal[Format.JSON, Format.CSV] | Nothing, optional("The format of the answer. With it, `Accept` is not used.")
    ] = None

    def positions(self, reason: Reason) -> tuple[AttentionPosition | None, AttentionPosition | None]:
        """Return the position behind which the page is, and the one before which. Raises `InvalidQueryError`."""
        if self.cursor is not None and self.before is not None:
            raise InvalidQueryError([QueryFault("before", "Send only one of cursor and before.", "two_cursors")])
        return _position(reason, "cursor", self.cursor), _position(reason, "before", self.before)


def _position(reason: Reason, name: str, cursor: str | None) -> AttentionPosition | None:
    if cursor is None:
        return None
    try:
        content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        _, value, learner, course, lesson = _CURSORS[reason].validate_json(content, strict=True)
    except ValueError:  # also pydantic's own errors
        fault = "This is not a cursor of this list. Send 'next' or 'previous' as answered, with the same reason."
        raise InvalidQueryError([QueryFault(name, fault, "cursor_parsing", cursor)]) from None
    lesson_id = None if lesson is None else LessonId(str(lesson))
    return AttentionPosition(value, LearnerId(str(learner)), CourseId(str(course)), lesson_id)


def cursors_of(reason: Reason, page: service.AttentionPage) -> tuple[str | None, str | None]:
    """Return the cursors of the pages before and after a page; `None` where there is no such page."""
    return _cursor_to(reason, page.first), _cursor_to(reason, page.last)


def _cursor_to(reason: Reason, position: AttentionPosition | None) -> str | None:
    if position is None:
        return None
    return urlsafe_b64encode(orjson.dumps([reason, *position])).rstrip(b"=").decode()


class AttentionCount(BaseModel):
    """How many lines a list has. With `has_more`, it has more than `count`."""

    count: Annotated[int, Field(ge=0, le=MOST_COUNTED)]
    has_more: bool


class AttentionCounts(BaseModel):
    """How many learners need attention, by reason. A learner counts once in each course, and once for each quiz."""

    inactive: Annotated[AttentionCount, Field(description="Started, not completed, not seen for `inactive_days`.")]
    late: Annotated[AttentionCount, Field(description="Not completed, and the due date is past.")]
    failing: Annotated[AttentionCount, Field(description="At least two attempts at a quiz that is not passed.")]
    not_started: Annotated[AttentionCount, Field(description="Enrolled, and not started.")]


class AttentionLine(BaseModel):
    """A learner who needs attention in a course."""

    user_id: UUID
    name: str | None
    course_id: UUID
    course_title: str
    lesson_id: Annotated[UUID | None, Field(description="The failed quiz, or the lesson that the learner is at.")]
    lesson_title: Annotated[str | None, Field(description="Null where the lesson is not in the course now.")]
    reason: Reason
    since: Annotated[
        datetime | None,
        Field(description="When the learner was last seen, was due, last worked on the quiz, or was enrolled."),
    ]
    attempts: Annotated[int, Field(ge=0, description="At the failed quiz; 0 for the other reasons.")]


class AttentionFileLine(AttentionLine):
    """A line of a list in a file. It also has what a school's other programs know the learner by."""

    email: str | None
    external_id: str | None


class AttentionList(BaseModel):
    """A page of the learners who need attention for a reason."""

    learners: list[AttentionLine]
    next: Annotated[str | None, Field(description="The cursor of the next page; null at the end.")]
    previous: Annotated[
        str | None, Field(description="For `before`: the cursor of the page before; null on the first page.")
    ]


def _sources(reason: Reason) -> dict[str, Any]:
    return {
        "user_id": "attention.learner_id",
        "name": "profile.name",
        "course_id": "course.id",
        "course_title": "course.title",
        "lesson_id": "attention.lesson_id",
        "lesson_title": lambda line: line.lesson and line.lesson.title,
        "reason": lambda _line: reason.value,
        "since": "attention.since",
        "attempts": "attention.attempts",
    }


_lines: Final = {reason: renderer(AttentionLine, **_sources(reason)) for reason in Reason}
file_lines: Final = {
    reason: renderer(AttentionFileLine, **_sources(reason), email="profile.email", external_id="profile.external_id")
    for reason in Reason
}


def counts(found: Mapping[Reason, Counted]) -> dict[str, Any]:
    """Return how many learners need attention, by reason."""
    return {reason.value: {"count": number, "has_more": has_more} for reason, (number, has_more) in found.items()}


def attention_list(reason: Reason, page: service.AttentionPage) -> dict[str, Any]:
    """Return a page of a list, and the cursors of the pages beside it."""
    previous, following = cursors_of(reason, page)
    return {"learners": [_lines[reason](line) for line in page.lines], "next": following, "previous": previous}
