"""Webhooks: addresses to which the service sends events, with their secrets, and what a delivery attempt changes."""

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from secrets import token_bytes
from typing import Final, NamedTuple

from headway.domain.deliveries import DeliveryAttempt
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.events import FEED_TYPES, EventFilter, EventType
from headway.domain.identifiers import WebhookId

MOST_WEBHOOKS: Final = 100
MOST_COURSES: Final = 1_000
MOST_GROUPS: Final = 100

ROTATION_TIME: Final = timedelta(days=1)
"""How long a secret is valid after another took its place."""
FAILING_TIME: Final = timedelta(days=5)
"""After how long without a success a webhook is turned off."""
_LONGEST_REST: Final = timedelta(days=2)  # longer than the time between two attempts, and than any pause
SHORTEST_PAUSE: Final = timedelta(seconds=1)
LONGEST_OWN_PAUSE: Final = timedelta(minutes=5)
"""Bounds of the pause after a failure. A receiver that fails for longer gets a longer one."""
SHORT_FAILURE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(days=1)
"""The longest pause that a receiver can ask for with `Retry-After`."""

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32
# Each secret is a signature in every request.
_MOST_SECRETS: Final = 3


class DisabledBecause(StrEnum):
    """Why nothing is sent to a webhook: an administrator, an answer 410, or five days without a success."""

    BY_REQUEST = "by_request"
    GONE = "gone"
    FAILING = "failing"


class Secret(NamedTuple):
    """A secret that signs what is sent. `valid_until` is `None` for the present one."""

    text: str
    valid_until: datetime | None = None

    def __repr__(self) -> str:
        return "Secret(...)"


class Webhook(NamedTuple):
    """An address and which events are sent there. The first secret is the present one.

    `failing_since` is when the first attempt failed after the last success. No attempt begins before `resume_at`.
    Every change that somebody asks for gives it a new version, and so does turning it off. Versions begin with the
    time, so that one of a webhook that was removed is never one of another webhook with its id.
    """

    id: WebhookId
    address: str
    filter: EventFilter
    secrets: tuple[Secret, ...]
    created_at: datetime
    version: int = 1
    disabled_because: DisabledBecause | None = None
    failing_since: datetime | None = None
    resume_at: datetime | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether events are sent to it."""
        return self.disabled_because is None

    @property
    def etag(self) -> str:
        """The opaque part of the entity tag of this version."""
        return str(self.version)


def new_webhook(webhook_id: WebhookId, address: str, chosen: EventFilter, secret: Secret, now: datetime) -> Webhook:
    """Return a webhook that is turned on."""
    return Webhook(webhook_id, address, chosen, (secret,), now, version=int(now.timestamp() * 1_000_000))


def new_secret() -> Secret:
    """Return a new secret of 256 random bits, as Standard Webhooks writes it."""
    return Secret(_PREFIX + b64encode(token_bytes(_SECRET_BYTES)).decode())


def valid_secrets(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign at `now`, the present one first."""
    return [secret.text for secret in _valid(webhook, now)]


def at_present(webhook: Webhook, now: datetime) -> Webhook:
    """Return the webhook without secrets that are not valid any more, and without a pause that is over."""
    resume_at = webhook.resume_at if webhook.resume_at is not None and webhook.resume_at > now else None
    return webhook._replace(secrets=tuple(_valid(webhook, now)), resume_at=resume_at)


def rotated(webhook: Webhook, secret: Secret, now: datetime) -> Webhook:
    """Return the webhook with `secret` in place of the present one, which stays valid for a day."""
    until = now + ROTATION_TIME
    earlier = (one if one.valid_until else one._replace(valid_until=until) for one in _valid(webhook, now))
    return webhook._replace(secrets=(secret, *earlier)[:_MOST_SECRETS], version=webhook.version + 1)


def switched(webhook: Webhook, *, on: bool) -> Webhook:
    """Return the webhook turned on or off by request. What failed before is forgotten."""
    return webhook._replace(
        disabled_because=None if on else DisabledBecause.BY_REQUEST,
        failing_since=None,
        resume_at=None,
        version=webhook.version + 1,
    )


def check_filter(chosen: EventFilter) -> None:
    """Check which types a filter names, and how many types, courses and groups. Raises `InvalidValueError`."""
    problems = [
        Problem((name,), f"Name 1 to {most:,} {name}, or none to take all.", "length")
        for name, values, most in (
            ("types", chosen.types, len(FEED_TYPES)),
            ("courses", chosen.courses, MOST_COURSES),
            ("groups", chosen.groups, MOST_GROUPS),
        )
        if values is not None and not 1 <= len(values) <= most
    ]
    if chosen.types is not None and EventType.WEBHOOK_TEST in chosen.types:
        problems.append(Problem(("types",), "webhook.test is sent when you ask for it, and in no other case.", "enum"))
    if problems:
        raise InvalidValueError(problems)


def webhook_after_attempt(webhook: Webhook, attempt: DeliveryAttempt, now: datetime) -> Webhook:
    """Return the webhook after a delivery attempt that ended at `now`. One that is turned off does not change."""
    if not webhook.is_enabled:
        return webhook
    if attempt.is_success:
        return webhook._replace(failing_since=None, resume_at=None)
    failing_since = _failing_since(webhook, now)
    failing = webhook._replace(failing_since=failing_since)
    if attempt.is_gone:
        return _turned_off(failing, DisabledBecause.GONE)
    if now - failing_since >= FAILING_TIME:
        return _turned_off(failing, DisabledBecause.FAILING)
    # Attempts of the same time may have asked for other pauses.
    pauses = [webhook.resume_at, read_retry_after(attempt.retry_after, now), _pause(attempt, failing_since, now)]
    return failing._replace(resume_at=max([now, *filter(None, pauses)]))


def _failing_since(webhook: Webhook, now: datetime) -> datetime:
    """Return since when a webhook fails whose attempt has failed now.

    Where the last failure is so long ago that nothing was attempted meanwhile, the time begins anew. So a receiver that
    was given up once, and had nothing to take for months, is not turned off by its next failure.
    """
    if webhook.failing_since is None:
        return now
    last_failure = max(webhook.failing_since, webhook.resume_at or webhook.failing_since)
    return now if now - last_failure > _LONGEST_REST else webhook.failing_since


def recovers(before: Webhook, after: Webhook, now: datetime) -> bool:
    """Whether an attempt at `now` was the first success after a time of failures.

    Then all that waits may be attempted at once. After a short time it may not: one event that its receiver always
    refuses, between others that it takes, would be sent again and again.
    """
    if before.failing_since is None or after.failing_since is not None:
        return False
    return now - before.failing_since >= SHORT_FAILURE


def _pause(attempt: DeliveryAttempt, failing_since: datetime, now: datetime) -> datetime | None:
    """Return until when nothing is sent to a receiver that takes nothing, so that it can recover.

    Returns `None` where it has only refused one event.
    """
    if not attempt.is_outage:
        return None
    return now + min(max((now - failing_since) / 4, SHORTEST_PAUSE), LONGEST_OWN_PAUSE)


def read_retry_after(text: str | None, now: datetime) -> datetime | None:
    """Return until when a `Retry-After` asks to wait, at most a day; `None` where it says nothing that can be read."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text):
        moment = now + timedelta(seconds=int(text))
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(moment, now + LONGEST_PAUSE) if moment > now else None


def _valid(webhook: Webhook, now: datetime) -> list[Secret]:
    return [secret for secret in webhook.secrets if secret.valid_until is None or secret.valid_until > now]


def _turned_off(webhook: Webhook, because: DisabledBecause) -> Webhook:
    return webhook._replace(disabled_because=because, resume_at=None, version=webhook.version + 1)
