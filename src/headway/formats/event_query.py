"""Query parameters of the feed of events, and its cursors."""

import re
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from headway.domain.events import FEED_TYPES, LONGEST_PAGE, LONGEST_WAIT_SECONDS, NEWEST, PAGE, EventFilter, EventType
from headway.domain.identifiers import CourseId
from headway.formats.queries import Nothing, optional

LISTS: Final = ("types",)
"""The parameters of the feed that are lists with commas."""
_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)

Cursor = int | Literal["newest"]
"""The number after which somebody reads on, or `newest`: only what happens from now on."""


def parse_cursor(text: str) -> Cursor:
    """Return a cursor of the feed. Raises `ValueError` where it is not one."""
    if text == NEWEST:
        return NEWEST
    if not _NUMBER.fullmatch(text):
        raise ValueError("This is not a cursor of the feed. Send 'next' as it was answered, or 'newest'.")
    return int(text)


def _cursor(text: str) -> Cursor:
    try:
        return parse_cursor(text)
    except ValueError as error:
        raise PydanticCustomError("cursor_parsing", "{reason}", {"reason": str(error)}) from None


def parse_types(text: str) -> frozenset[EventType]:
    """Return the types in a list with commas. Raises `ValueError` where one of them is no type of the feed."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in FEED_TYPES]
    if unknown:
        raise ValueError(f"Input should be types with commas between them, of {', '.join(FEED_TYPES)}")
    return frozenset(map(EventType, names))


def _types(text: str) -> frozenset[EventType]:
    try:
        return parse_types(text)
    except ValueError as error:
        raise PydanticCustomError("unknown_type", "{reason}", {"reason": str(error)}) from None


_TYPE: Final = f"({'|'.join(re.escape(name) for name in FEED_TYPES)})"
_Cursor = Annotated[
    Cursor, PlainValidator(_cursor), WithJsonSchema({"type": "string", "pattern": rf"^({_NUMBER.pattern}|{NEWEST})$"})
]
_Types = Annotated[
    frozenset[EventType],
    PlainValidator(_types),
    WithJsonSchema({"type": "string", "pattern": f"^{_TYPE}(,{_TYPE})*$"}),
]


class EventParameters(BaseModel):
    """A part of the feed. `limit` and `wait` are for pages of JSON only."""

    after: Annotated[
        _Cursor | Nothing,
        optional(
            "`next` of the page before; `newest`: only what happens from now on. Without it, a page begins with the "
            "first event that is kept, and a stream with what happens from now on."
        ),
    ] = None
    types: Annotated[_Types | Nothing, optional("Only events of these types, with commas between them.")] = None
    course: Annotated[UUID | Nothing, optional("Only events of this course, and `learner.erased`.")] = None
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE, description="Events on a page.")] = PAGE
    wait: Annotated[
        int,
        Field(ge=0, le=LONGEST_WAIT_SECONDS, description="For how many seconds to wait where there is no event yet."),
    ] = 0

    @property
    def only(self) -> EventFilter:
        """The filter."""
        courses = None if self.course is None else frozenset([CourseId(str(self.course))])
        return EventFilter(self.types, courses)
