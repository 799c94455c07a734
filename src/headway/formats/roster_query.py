"""Query parameters of the statistics, and the cursors of rosters."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from pydantic import AwareDatetime, BaseModel, Field, PlainValidator, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError

from headway.domain.bounds import COURSE_LESSONS, MOST_ATTEMPTS
from headway.domain.catalogue import CoursePosition
from headway.domain.enrolments import EnrolmentStatus
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.people import LONGEST_QUERY, query_words
from headway.domain.roster import (
    LONGEST_PAGE,
    MOST_CHOSEN,
    PAGE,
    RosterOrder,
    RosterPosition,
    RosterQuery,
    ids_beginning,
    of_status,
)
from headway.domain.statistics import Interval
from headway.domain.text import LONGEST_KEY
from headway.formats.course_query import CoursesParameters
from headway.formats.fields import Moment
from headway.formats.identifiers import InvalidIdentifierError, parse_identifier
from headway.formats.queries import Date, Flag, InvalidQueryError, Nothing, QueryFault, as_query_faults, optional
from headway.formats.statistics import RosterFileLine
from headway.service import RosterPage

A_CENTURY: Final = 36_500
MOST_COMPARED: Final = 10
LISTS: Final = ("user_ids", "columns")
"""The parameters of rosters that are lists with commas."""
# The beginning of a UUID, with or without hyphens.
_DIGITS: Final = re.compile(r"(-?[0-9A-Fa-f]){2,32}-?", re.ASCII)


def _digits(text: str) -> str:
    """Return the hexadecimal digits, in lower case."""
    if not _DIGITS.fullmatch(text):
        raise PydanticCustomError("id_parsing", "Input should be the first two hexadecimal digits of an id, or more")
    return text.replace("-", "").lower()


Digits = Annotated[str, PlainValidator(_digits), WithJsonSchema({"type": "string", "pattern": f"^{_DIGITS.pattern}$"})]


def _learners(text: str) -> frozenset[LearnerId]:
    """Return the ids in a list with commas. An empty list names nobody."""
    ids = [one.strip() for one in text.split(",") if one.strip()]
    if len(ids) > MOST_CHOSEN:
        raise PydanticCustomError("too_long", "Input should be at most {most} ids", {"most": MOST_CHOSEN})
    try:
        return frozenset(LearnerId(parse_identifier("user_ids", one)) for one in ids)
    except InvalidIdentifierError:
        raise PydanticCustomError("uuid_parsing", "Input should be ids with commas between them") from None


def _columns(text: str) -> tuple[str, ...]:
    """Return the names in a list with commas, each once."""
    names = tuple(dict.fromkeys(one.strip() for one in text.split(",")))
    if not set(names) <= RosterFileLine.model_fields.keys():
        raise PydanticCustomError("unknown_column", "Input should be fields of the file with commas between them")
    return names


def _list_of(one: str) -> WithJsonSchema:
    """Return the schema of a list with commas. `one` is the pattern of each."""
    return WithJsonSchema({"type": "string", "pattern": f"^{one}(,{one})*$", "maxLength": _LONGEST_LIST})


_LONGEST_LIST: Final = 37 * MOST_CHOSEN
_ID: Final = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
Learners = Annotated[frozenset[LearnerId], PlainValidator(_learners), _list_of(_ID)]
Columns = Annotated[tuple[str, ...], PlainValidator(_columns), _list_of(f"({'|'.join(RosterFileLine.model_fields)})")]
Days = Annotated[int, Field(ge=1, le=A_CENTURY)]
ExpiringDays = Annotated[int, Field(ge=0, le=A_CENTURY)]
Times = Annotated[int, Field(ge=1, le=MOST_ATTEMPTS)]


class Direction(StrEnum):
    """The direction of a roster's order."""

    ASCENDING = "asc"
    DESCENDING = "desc"


class Format(StrEnum):
    """The formats of a roster."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


SortKey = Annotated[str, Field(pattern="^([0-9a-f]{2})+$", max_length=2 * LONGEST_KEY)]  # in hexadecimal digits
_COUNT: Final = Field(ge=0, le=COURSE_LESSONS)
_MOMENT: Final = Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC))
_CURSORS: Final[Mapping[RosterOrder, TypeAdapter[tuple[Any, Direction, Any, UUID]]]] = {
    RosterOrder.PROGRESS: TypeAdapter(
        tuple[Literal[RosterOrder.PROGRESS], Direction, Annotated[int, _COUNT], UUID],
    ),
    RosterOrder.LAST_SEEN: TypeAdapter(
        tuple[Literal[RosterOrder.LAST_SEEN], Direction, date, UUID],
    ),
    RosterOrder.NAME: TypeAdapter(
        tuple[Literal[RosterOrder.NAME], Direction, SortKey | None, UUID],
    ),
    RosterOrder.COMPLETED: TypeAdapter(
        tuple[Literal[RosterOrder.COMPLETED], Direction, Annotated[AwareDatetime, _MOMENT] | None, UUID],
    ),
}


class WriteParameters(BaseModel):
    """What a write says of itself beside its body."""

    run: Annotated[
        Annotated[int, Field(ge=1)] | Nothing,
        optional(
            "The run of the course that the write is for. It is refused with 409 where the learner is in another "
            "run: a device that was offline sends what it kept, and nothing of it enters a later run."
        ),
    ] = None


class SummaryParameters(BaseModel):
    """Whether to explain a percentage."""

    explain: Annotated[Flag, Field(description="Whether to add which lessons counted, which did not, and why.")] = False


class GroupParameters(BaseModel):
    """The group whose members are counted."""

    group: Annotated[UUID | Nothing, optional("Only the members of this group.")] = None

    @property
    def group_id(self) -> GroupId | None:
        """The group; `None` for all learners."""
        return None if self.group is None else GroupId(str(self.group))


class AllStatisticsParameters(CoursesParameters, GroupParameters):
    """A page of the statistics of all courses, and the group whose members are counted."""

    def next_page(self, last: CoursePosition | None) -> str | None:
        """Return the address of the page after a position, relative to this page's; `None` where no page follows."""
        page = super().next_page(last)
        return page if page is None or self.group is None else f"{page}&group={self.group}"


class CompareParameters(BaseModel):
    """What is compared: groups in the course of the path, or that course and others."""

    group: Annotated[
        list[UUID], Field(max_length=MOST_COMPARED, description="A group; with several, they are compared.")
    ] = []
    course: Annotated[
        list[UUID],
        Field(max_length=MOST_COMPARED, description="A course that is compared with the course of the path."),
    ] = []

    def compared(self, course_id: CourseId) -> tuple[Sequence[CourseId], Sequence[GroupId | None]]:
        """Return the courses and the groups to compare, each once. One of the two has a single entry.

        Raises `InvalidQueryError` where these are not 2 to 10 groups in a course, or 2 to 10 courses.
        """
        courses = list(dict.fromkeys([course_id, *(CourseId(str(one)) for one in self.course)]))
        groups = list(dict.fromkeys(GroupId(str(one)) for one in self.group))
        if min(len(courses), len(groups)) > 1:
            reason = "Compare several groups in one course, or several courses with at most one group."
            raise InvalidQueryError([QueryFault("course", reason, "too_many_compared")])
        if not 1 < max(len(courses), len(groups)) <= MOST_COMPARED:
            reason = f"Send group= for each of 2 to {MOST_COMPARED} groups, or course= for each other course."
            raise InvalidQueryError([QueryFault("group", reason, "nothing_compared")])
        return courses, groups or [None]


class ActivityParameters(GroupParameters):
    """The first and the last day, how the days are grouped, and the group."""

    first: Annotated[Date | Nothing, optional("The first day; by default 29 before the last.", alias="from")] = None
    last: Annotated[Date | Nothing, optional("The last day; by default the course's today.", alias="to")] = None
    by: Annotated[
        Interval, Field(description="With `week` or `month`, the answer also has the figures by week or month.")
    ] = Interval.DAY
    first_weekday: Annotated[
        int, Field(ge=1, le=7, description="The first day of a week, from 1 (Monday) to 7 (Sunday).")
    ] = 1


class LearnersParameters(GroupParameters):
    """Some learners of a course in an order. `limit`, `cursor`, `before` and `total` are for pages of JSON only."""

    sort: Annotated[RosterOrder, Field(description="The order, then by `user_id`.")] = RosterOrder.LAST_SEEN
    order: Annotated[Direction, Field(description="The direction of the order.")] = Direction.DESCENDING
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE, description="Learners on a page.")] = PAGE
    cursor: Annotated[str | Nothing, optional("`next` of the page before, with the same `sort` and `order`.")] = None
    before: Annotated[
        str | Nothing, optional("`previous` of the page after, with the same `sort` and `order`, in place of `cursor`.")
    ] = None
    total: Annotated[Flag, Field(description="Whether to count the learners on all pages, up to 10,000.")] = False
    completed: Annotated[Flag | Nothing, optional("Only learners who have, or have not, completed the course.")] = None
    stalled_days: Annotated[
        Days | Nothing, optional("Only learners who have not completed the course and were not seen for so many days.")
    ] = None
    at_lesson: Annotated[
        UUID | Nothing,
        optional(
            "Only learners who have not completed the course, have started this lesson and have started no lesson "
            "after it in the course's order."
        ),
    ] = None
    incomplete_lesson: Annotated[
        UUID | Nothing, optional("Only learners who have started this lesson and not completed it.")
    ] = None
    failed_at_least: Annotated[
        Times | Nothing,
        optional(
            "Only learners with so many attempts at `incomplete_lesson` who have not passed it; without that, at any "
            "lesson of the course that they have started and not completed."
        ),
    ] = None
    learner: Annotated[
        Digits | Nothing,
        optional("Only learners whose `user_id` begins with these hexadecimal digits: two or more, hyphens or not."),
    ] = None
    user_ids: Annotated[
        Learners | Nothing, optional(f"Only these learners: ids with commas between them, at most {MOST_CHOSEN:,}.")
    ] = None
    status: Annotated[EnrolmentStatus | Nothing, optional("Only learners who are so far in the course.")] = None
    late: Annotated[
        Flag | Nothing, optional("Only learners who are, or are not, late: not completed by their due date.")
    ] = None
    due_before: Annotated[
        Moment | Nothing, optional("Only learners who are to complete the course before this time.")
    ] = None
    expiring_within_days: Annotated[
        ExpiringDays | Nothing,
        optional("Only learners whose completion counts for at most so many days more, or has expired."),
    ] = None
    query: Annotated[
        str | Nothing,
        optional(
            "Only learners whose name, e-mail or external id has words that begin like all of these words, without "
            "capitals and accents.",
            max_length=LONGEST_QUERY,
        ),
    ] = None

    def to_query(self) -> RosterQuery:
        """Return the query without `stalled_days`, which needs the course's today. Raises `InvalidQueryError`."""
        if self.cursor is not None and self.before is not None:
            raise InvalidQueryError([QueryFault("before", "Send only one of cursor and before.", "two_cursors")])
        query = RosterQuery(
            order=self.sort,
            descending=self.order is Direction.DESCENDING,
            limit=self.limit,
            after=None if self.cursor is None else self._position("cursor", self.cursor),
            before=None if self.before is None else self._position("before", self.before),
            completed=self.completed,
            at_lesson=_lesson_id(self.at_lesson),
            incomplete_lesson=_lesson_id(self.incomplete_lesson),
            failed_at_least=self.failed_at_least,
            learners=None if self.learner is None else ids_beginning(self.learner),
            due_before=self.due_before,
            late=self.late,
            expiring_within_days=self.expiring_within_days,
            group=self.group_id,
            words=words_asked_for(self.query),
            chosen=self.user_ids,
        )
        return query if self.status is None else of_status(query, self.status)

    def cursor_to(self, position: RosterPosition) -> str:
        """Return the cursor of the page after a position, or before it."""
        value = position.value.hex() if isinstance(position.value, bytes) else position.value
        content = orjson.dumps([self.sort, self.order, value, position.learner_id])
        return urlsafe_b64encode(content).rstrip(b"=").decode()

    def cursors_of(self, page: RosterPage) -> tuple[str | None, str | None]:
        """Return the cursors of the pages before and after a page; `None` where there is no such page."""
        first, last = (None if position is None else self.cursor_to(position) for position in (page.first, page.last))
        return first, last

    def _position(self, name: str, cursor: str) -> RosterPosition:
        try:
            content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            _, order, value, learner_id = _CURSORS[self.sort].validate_json(content, strict=True)
        except ValueError:  # also pydantic's own errors
            raise _no_cursor(name, cursor) from None
        if order is not self.order:
            raise _no_cursor(name, cursor)
        if isinstance(value, str):
            value = bytes.fromhex(value)
        return RosterPosition(value, LearnerId(str(learner_id)))


class RosterParameters(LearnersParameters):
    """The learners of a roster, and its format. `columns` are for files only."""

    columns: Annotated[
        Columns | Nothing,
        optional("The fields of a file, in this order, with commas between them; by default all."),
    ] = None
    format: Annotated[Format | Nothing, optional("The format of the answer. With it, `Accept` is not used.")] = None


class GridParameters(LearnersParameters):
    """The learners of a grid, and its format."""

    format: Annotated[
        Literal[Format.JSON, Format.CSV] | Nothing,
        optional("The format of the answer. With it, `Accept` is not used."),
    ] = None


def words_asked_for(query: str | None) -> tuple[str, ...]:
    """Return the words of a query. Raises `InvalidQueryError` where there are too many."""
    with as_query_faults():
        return query_words(query or "")


def _lesson_id(asked: UUID | None) -> LessonId | None:
    return None if asked is None else LessonId(str(asked))


def _no_cursor(name: str, cursor: str) -> InvalidQueryError:
    answered = "next" if name == "cursor" else "previous"
    reason = f"This is not a cursor of this roster. Send '{answered}' as it was answered, with the same sort and order."
    return InvalidQueryError([QueryFault(name, reason, "cursor_parsing", cursor)])
