"""The documents of webhooks and of their deliveries: what is put, what is answered, and the query of a list."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from headway.domain.deliveries import Delivery, DeliveryState, Outcome
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.events import FEED_TYPES, EventFilter, EventType
from headway.domain.identifiers import CourseId, GroupId
from headway.domain.webhook_address import LONGEST_ADDRESS
from headway.domain.webhooks import MOST_COURSES, MOST_GROUPS, DisabledBecause
from headway.formats.queries import InvalidQueryError, Nothing, QueryFault, optional
from headway.formats.shapes import renderer
from headway.service.webhooks import MOST_COUNTED, WebhookReading, WebhookRequest

PAGE_OF_DELIVERIES: Final = 1_000
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")

_Type = Annotated[EventType, WithJsonSchema({"type": "string", "enum": list(FEED_TYPES)})]
Types = Annotated[
    list[_Type] | None,
    Field(min_length=1, max_length=len(FEED_TYPES), description="Events of these types; null: of all types."),
]
Courses = Annotated[
    list[UUID] | None,
    Field(min_length=1, max_length=MOST_COURSES, description="Events of these courses; null: of all courses."),
]
Groups = Annotated[
    list[UUID] | None,
    Field(min_length=1, max_length=MOST_GROUPS, description="Events of members of these groups; null: of everybody."),
]


class NewWebhook(BaseModel):
    """What a webhook is to be."""

    model_config = ConfigDict(extra="forbid")

    address: Annotated[
        str, Field(strict=True, min_length=1, max_length=LONGEST_ADDRESS, description="An address of https.")
    ]
    types: Types = None
    courses: Courses = None
    groups: Groups = None
    enabled: Annotated[bool, Field(strict=True, description="Whether events are sent to it.")] = True

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_answered_alone(cls, given: object) -> object:
        """Leave out the fields of answers, so that an answer can be changed and put."""
        if not isinstance(given, dict):
            return given
        return {
            name: value
            for name, value in given.items()
            if name not in PutWebhook.model_fields or name in cls.model_fields
        }


class WebhookSecret(BaseModel):
    """A secret that signs what is sent. Its text is shown once, when it is made."""

    valid_until: Annotated[datetime | None, Field(description="Null for the present secret.")]


class Webhook(BaseModel):
    """An address, which events are sent there, and how the receiver does."""

    id: UUID
    address: str
    types: Types
    courses: Courses
    groups: Groups
    enabled: bool
    disabled_because: Annotated[DisabledBecause | None, Field(description="Why nothing is sent.")]
    failing_since: Annotated[
        datetime | None, Field(description="When the first attempt failed after the last success.")
    ]
    resume_at: Annotated[datetime | None, Field(description="Until then nothing is sent: the receiver has a pause.")]
    waiting: Annotated[
        int, Field(ge=0, le=MOST_COUNTED, description=f"Deliveries that wait; {MOST_COUNTED:,}: so many or more.")
    ]
    secrets: Annotated[list[WebhookSecret], Field(description="The secrets, the present one first.")]
    created_at: datetime


class PutWebhook(Webhook):
    """A webhook with the secret that the request has made."""

    secret: Annotated[
        str | None, Field(description="The new secret, shown this once; null where the request made none.")
    ]


class WebhookDelivery(BaseModel):
    """An event on its way to a webhook."""

    id: Annotated[int, Field(ge=1, description="The number of the event in the feed.")]
    event_id: UUID
    state: Annotated[DeliveryState, Field(description="Whether it is attempted again, or how it ended.")]
    attempts: Annotated[int, Field(ge=0)]
    first_attempt_at: datetime | None
    last_attempt_at: datetime | None
    next_attempt_at: Annotated[datetime | None, Field(description="Null where no attempt follows.")]
    last_result: Annotated[
        str | None, Field(description="The status of the last answer, or what came of the attempt without an answer.")
    ]


class WebhookTest(BaseModel):
    """What came of sending `webhook.test`."""

    outcome: Annotated[Outcome, Field(description="`answered`, or why there is no answer.")]
    status: Annotated[int | None, Field(description="The status of the answer.")]
    taken: Annotated[bool, Field(description="Whether the receiver took the event: a status from 200 to 299.")]


class DeliveriesParameters(BaseModel):
    """A page of a list of deliveries."""

    limit: Annotated[int, Field(ge=1, le=PAGE_OF_DELIVERIES, description="Deliveries on a page.")] = 100
    cursor: Annotated[str | Nothing, optional("Where the page begins, from the `Link` of the page before.")] = None

    @property
    def before(self) -> int | None:
        """The event's number before which the page begins; `None` for the first page. Raises `InvalidQueryError`."""
        if self.cursor is None:
            return None
        if not _NUMBER.fullmatch(self.cursor):
            reason = "This is not a cursor of a list of deliveries. Send the address in 'Link' as it was answered."
            raise InvalidQueryError([QueryFault("cursor", reason, "cursor_parsing", self.cursor)])
        return int(self.cursor)

    def next_page(self, before: int | None) -> str | None:
        """Return the address of the page before an event's number, relative to this page's; `None` where none is."""
        return None if before is None else f"?limit={self.limit}&cursor={before}"


def parse_webhook(body: bytes) -> WebhookRequest:
    """Parse what a webhook is to be. Raises `InvalidValueError`, without any value: the address may hold a secret."""
    try:
        return _request(NewWebhook.model_validate_json(body))
    except ValidationError as error:
        raise _without_values(error) from None


def webhook_request(
    address: str, types: Sequence[str], courses: Sequence[str], groups: Sequence[str]
) -> WebhookRequest:
    """Return what a webhook is to be, from its parts. An empty list limits nothing. Raises `InvalidValueError`."""
    given = {"address": address, "types": types or None, "courses": courses or None, "groups": groups or None}
    try:
        return _request(NewWebhook.model_validate(given))
    except ValidationError as error:
        raise _without_values(error) from None


def _without_values(error: ValidationError) -> InvalidValueError:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return InvalidValueError([Problem(fault["loc"], fault["msg"], fault["type"]) for fault in faults])


def _request(document: NewWebhook) -> WebhookRequest:
    chosen = EventFilter(
        None if document.types is None else frozenset(document.types),
        None if document.courses is None else frozenset(CourseId(str(one)) for one in document.courses),
        None if document.groups is None else frozenset(GroupId(str(one)) for one in document.groups),
    )
    return WebhookRequest(document.address, chosen, document.enabled)


def _sorted(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _secrets(reading: WebhookReading) -> list[dict[str, Any]]:
    return list(map(_secret, reading.webhook.secrets))


_secret: Final = renderer(WebhookSecret)
_SOURCES: Final[dict[str, Any]] = {
    **{
        name: f"webhook.{name}"
        for name in ("id", "address", "disabled_because", "failing_since", "resume_at", "created_at")
    },
    "enabled": "webhook.is_enabled",
    "types": lambda reading: _sorted(reading.webhook.filter.types),
    "courses": lambda reading: _sorted(reading.webhook.filter.courses),
    "groups": lambda reading: _sorted(reading.webhook.filter.groups),
    "secrets": _secrets,
}
webhook: Final = renderer(Webhook, **_SOURCES)
put_webhook: Final = renderer(PutWebhook, **_SOURCES, secret=attrgetter("new_secret"))
delivery: Final = renderer(WebhookDelivery, id="event_number")
attempt: Final = renderer(WebhookTest, taken="is_success")


def webhooks(readings: Iterable[WebhookReading]) -> list[dict[str, Any]]:
    """Return a list of webhooks."""
    return list(map(webhook, readings))


def deliveries(found: Iterable[Delivery]) -> list[dict[str, Any]]:
    """Return a list of deliveries."""
    return list(map(delivery, found))
