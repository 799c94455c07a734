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
from headway.domain.events import EventFilter, EventType
from headway.domain.identifiers import WebhookId

MOST_WEBHOOKS: Final = 100
MOST_COURSES: Final = 1_000
MOST_GROUPS: Final = 100

ROTATION_TIME: Final = timedelta(days=1)
"""How long a secret is valid after another took its place."""
FAILING_TIME: Final = timedelta(days=5)
"""After how long without a success a webhook is turned off."""
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
    Every change that somebody asks for gives it a new version, and so does turning it off.
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


def new_secret() -> Secret:
    """Return a new secret of 256 random bits, as Standard Webhooks writes it."""
    return Secret(_PREFIX + b64encode(token_bytes(_SECRET_BYTES)).decode())


def valid_secrets(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign at `now`, the present one first."""
    return [secret.text for secret in _valid(webhook, now)]


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
    """Check how many types, courses and groups a filter names. Raises `InvalidValueError`."""
    problems = [
        Problem((name,), f"Name 1 to {most:,} {name}, or none to take all.", "length")
        for name, values, most in (
            ("types", chosen.types, len(EventType)),
            ("courses", chosen.courses, MOST_COURSES),
            ("groups", chosen.groups, MOST_GROUPS),
        )
        if values is not None and not 1 <= len(values) <= most
    ]
    if problems:
        raise InvalidValueError(problems)


def webhook_after_attempt(webhook: Webhook, attempt: DeliveryAttempt, now: datetime) -> Webhook:
    """Return the webhook after a delivery attempt that ended at `now`. One that is turned off does not change."""
    if not webhook.is_enabled:
        return webhook
    if attempt.is_success:
        return webhook._replace(failing_since=None, resume_at=None)
    if attempt.is_gone:
        return _turned_off(webhook, DisabledBecause.GONE)
    failing_since = webhook.failing_since or now
    if now - failing_since >= FAILING_TIME:
        return _turned_off(webhook._replace(failing_since=failing_since), DisabledBecause.FAILING)
    # Attempts of the same time may have asked for other pauses.
    pauses = [moment for moment in (webhook.resume_at, read_retry_after(attempt.retry_after, now)) if moment]
    return webhook._replace(failing_since=failing_since, resume_at=max(pauses, default=None))


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
