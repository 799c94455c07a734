"""Events as documents of CloudEvents 1.0 in JSON, their schema, and a page of the feed.

A document has no `dataschema`: that is a whole URI, and the service knows its own address only where somebody asks it.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from headway.domain.events import ActorKind, Event, EventType, Feed, Value
from headway.formats.shapes import renderer, to_json

SOURCE: Final = "/api/v1/education"
"""The service, as events name it: a URI reference (CloudEvents 1.0.2, section 3.1.1)."""
SCHEMA: Final = "/schemas/events"
"""The path of the schema, below the service's."""
_JSON: Final = "application/json"
_TIME: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
_OF_A_TEST: Final = "webhooks"
_SUBJECT: Final = (
    rf"{_OF_A_TEST}$|^(learners/[0-9a-f-]{{36}}(/|$))?(courses/[0-9a-f-]{{36}}(/|$))?(lessons/[0-9a-f-]{{36}})?"
)


class EventActor(BaseModel):
    """Who made the change: the learner, somebody for the learner, an import, or an edit of the course."""

    model_config = ConfigDict(extra="forbid")

    kind: ActorKind
    user_id: Annotated[UUID | None, Field(description="Who acted for the learner, where that is known.")]


class EventData(BaseModel):
    """What happened to whom. `old` and `new` have the values that changed, before and after."""

    model_config = ConfigDict(extra="forbid")

    user_id: Annotated[UUID | None, Field(description="The learner; null where a course's document changed.")]
    course_id: UUID | None
    lesson_id: UUID | None
    by: EventActor
    old: dict[str, Value]
    new: dict[str, Value]


class EventDocument(BaseModel):
    """An event: a CloudEvents 1.0 document in JSON."""

    model_config = ConfigDict(extra="forbid")

    specversion: Literal["1.0"]
    id: Annotated[UUID, Field(description="Names the event: who gets it twice knows it by this.")]
    source: Annotated[Literal[SOURCE], Field(json_schema_extra={"format": "uri-reference"})]  # type: ignore[valid-type]
    type: EventType
    subject: Annotated[
        str,
        Field(
            pattern=f"^{_SUBJECT}$", min_length=1, description="`learners/…/courses/…/lessons/…`, as far as it goes."
        ),
    ]
    time: Annotated[
        datetime, Field(description="When the change was stored, in UTC.", json_schema_extra={"pattern": _TIME})
    ]
    datacontenttype: Literal["application/json"]
    data: EventData


class EventPage(BaseModel):
    """A part of the feed."""

    events: list[EventDocument]
    next: Annotated[str, Field(description="The cursor to go on from (`after`). It is there without events, too.")]
    more: Annotated[bool, Field(description="Whether there are later events already.")]


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an event."""
    schema = EventDocument.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def event_json(event: Event) -> bytes:
    """Return an event as it is sent to everybody: its document on one line."""
    return to_json(_document(event))


def event_page(feed: Feed) -> dict[str, Any]:
    """Return a part of the feed."""
    events = [_document(one.event) for one in feed.events]
    return {"events": events, "next": str(feed.after), "more": not feed.is_last}


def _subject(event: Event) -> str:
    named = {"learners": event.learner_id, "courses": event.course_id, "lessons": event.lesson_id}
    parts = [f"{name}/{identifier}" for name, identifier in named.items() if identifier is not None]
    return "/".join(parts) or _OF_A_TEST  # a subject is never empty (CloudEvents 1.0.2, section 3.1.2)


_by: Final = renderer(EventActor)
_data: Final = renderer(EventData, user_id="learner_id", by=lambda event: _by(event.actor))
_document: Final = renderer(
    EventDocument,
    specversion=lambda _event: "1.0",
    source=lambda _event: SOURCE,
    subject=_subject,
    time="at",
    datacontenttype=lambda _event: _JSON,
    data=_data,
)
