"""Deliveries: an event on its way to a webhook, and when it is attempted again."""

from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final, NamedTuple

from headway.domain.events import EventId
from headway.domain.identifiers import ConsumerId

HIGHEST_NUMBER: Final = 10**18 - 1
"""The highest number of an event that a request can name."""

DELIVERY_TIME: Final = timedelta(days=3)
"""The time from the first attempt in which a delivery is attempted again."""

_DELAYS: Final = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
)
"""The time from one attempt to the next; the last one repeats."""
_JITTER: Final = 0.2
_TRY_LATER: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class Outcome(StrEnum):
    """What came of a delivery attempt."""

    ANSWERED = "answered"
    TIMED_OUT = "timed_out"
    NAME_NOT_FOUND = "name_not_found"
    ADDRESS_REFUSED = "address_refused"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    BAD_ANSWER = "bad_answer"


class DeliveryAttempt(NamedTuple):
    """One attempt to deliver an event. Only an answer has a status, and perhaps a `Retry-After`."""

    outcome: Outcome
    status: int | None = None
    retry_after: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the receiver has taken the event. A redirect is a failure: nobody follows it."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_outage(self) -> bool:
        """Whether the receiver can take nothing now. Otherwise it has refused this event only."""
        return self.status is None or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self.status in _TRY_LATER

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.status == HTTPStatus.GONE

    @property
    def result(self) -> str:
        """The status, or what came of it where there is none."""
        return self.outcome if self.status is None else str(self.status)


class DeliveryState(StrEnum):
    """Whether a delivery is attempted again (`waiting`), or how it ended."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class ConsumerState(NamedTuple):
    """How far a consumer of events is, and which process works for it (`None`: none).

    `position` is the number of the last event that was handed out. `beats` grows while the process is alive.
    """

    position: int
    holder: str | None
    beats: int


class Delivery(NamedTuple):
    """One event for one consumer. `next_attempt_at` is `None` where there is no further attempt.

    `event_number` is the event's number in the feed. The deliveries of one owner keep the order of these numbers.
    """

    consumer_id: ConsumerId
    event_number: int
    event_id: EventId
    owner_id: str
    next_attempt_at: datetime | None
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    last_result: str | None = None


def after_attempt(delivery: Delivery, attempt: DeliveryAttempt, now: datetime, jitter: float) -> Delivery:
    """Return the delivery after an attempt at `now`. `jitter` is a random number from 0 to 1, which moves the next one.

    Without it, the deliveries of all receivers that were down at the same time would be attempted at the same time.
    """
    first = delivery.first_attempt_at or now
    attempted = delivery._replace(
        attempts=delivery.attempts + 1,
        first_attempt_at=first,
        last_attempt_at=now,
        last_result=attempt.result,
        next_attempt_at=None,
    )
    if attempt.is_success:
        return attempted._replace(state=DeliveryState.DELIVERED)
    following = now + delay_after(attempted.attempts, jitter)
    if following > first + DELIVERY_TIME:  # not after a 410: the delivery waits until the webhook is turned on again
        return attempted._replace(state=DeliveryState.FAILED)
    return attempted._replace(next_attempt_at=following)


def delay_after(attempts: int, jitter: float) -> timedelta:
    """Return the time from the last of so many attempts, all failed, to the next one: up to a fifth more or less."""
    delay = _DELAYS[min(attempts, len(_DELAYS)) - 1]
    return delay * (1 - _JITTER + 2 * _JITTER * jitter)
