"""Webhooks in a database: the Webhooks protocol. Each webhook is a consumer of events."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import orjson

from headway.domain.events import EventFilter, EventType
from headway.domain.identifiers import ConsumerId, CourseId, GroupId, WebhookId
from headway.domain.webhooks import DisabledBecause, Secret, Webhook
from headway.storage.shared import statements as sql
from headway.storage.shared.session import Changing, Row, Session, Step, to_moment

T = TypeVar("T")


class StoredWebhooks:
    """The webhooks in a database."""

    def __init__(self, session: Session, feed: str) -> None:
        self._session = session
        self._feed = feed

    async def all(self) -> Sequence[Webhook]:
        """Return all webhooks, the oldest first."""
        return list(map(to_webhook, await self._session.fetch(sql.ALL_WEBHOOKS)))

    async def find(self, webhook_id: WebhookId) -> Webhook | None:
        """Return a webhook; `None` where there is none."""
        found = await self._session.fetch(sql.FIND_WEBHOOK, webhook_id)
        return to_webhook(found[0]) if found else None

    async def add(self, webhook: Webhook) -> bool:
        """Add a webhook, which gets the events from now on. Return whether there was none with its id."""
        return await self._session.transact(lambda: self._add(webhook))

    def _add(self, webhook: Webhook) -> Changing[bool]:
        if not (yield Step(sql.ADD_WEBHOOK, *from_webhook(webhook))):
            return False
        [(newest, _removed)] = yield Step(self._feed)
        yield Step(sql.ADD_CONSUMER, webhook.id, newest)
        return True

    async def change(self, webhook: Webhook, before: int) -> bool:
        """Store a webhook. Return whether it still had the version `before`."""
        webhook_id, address, types, courses, groups, secrets, _created_at, *rest = from_webhook(webhook)
        values = (address, types, courses, groups, secrets, *rest, webhook_id, before)
        return bool(await self._session.change(sql.CHANGE_WEBHOOK, *values))

    async def remove(self, webhook_id: WebhookId) -> bool:
        """Remove a webhook and its deliveries. Return whether there was one."""
        removed, *_ = await self._session.change_all(
            Step(sql.REMOVE_WEBHOOK, webhook_id),
            Step(sql.REMOVE_CONSUMER, webhook_id),
            Step(sql.REMOVE_DELIVERIES, webhook_id),
        )
        return bool(removed)


def from_webhook(webhook: Webhook) -> tuple[Any, ...]:
    """Return the columns of `webhooks`."""
    secrets = [(secret.text, secret.valid_until) for secret in webhook.secrets]
    return (
        webhook.id,
        webhook.address,
        *map(_from_names, webhook.filter),
        orjson.dumps(secrets).decode(),
        webhook.created_at,
        webhook.version,
        webhook.disabled_because,
        webhook.failing_since,
        webhook.resume_at,
    )


def to_webhook(columns: Row) -> Webhook:
    """Return a row of `webhooks`."""
    webhook, address, types, courses, groups, secrets, created_at, version, because, failing_since, resume_at = columns
    return Webhook(
        WebhookId(ConsumerId(str(webhook))),
        address,
        EventFilter(_to_names(types, EventType), _to_names(courses, CourseId), _to_names(groups, GroupId)),
        tuple(Secret(text, until and datetime.fromisoformat(until)) for text, until in orjson.loads(secrets)),
        to_moment(created_at),
        version,
        None if because is None else DisabledBecause(because),
        None if failing_since is None else to_moment(failing_since),
        None if resume_at is None else to_moment(resume_at),
    )


def _from_names(names: Iterable[str] | None) -> str | None:
    return None if names is None else orjson.dumps(sorted(names)).decode()


def _to_names(column: str | None, of: Callable[[str], T]) -> frozenset[T] | None:
    return None if column is None else frozenset(map(of, orjson.loads(column)))
