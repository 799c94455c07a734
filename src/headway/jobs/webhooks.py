"""Delivers events to webhooks. The webhooks are divided among the processes by who takes one first."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Final, Protocol

from headway.domain.deliveries import DeliveryAttempt, DeliveryState
from headway.domain.errors import UnavailableError
from headway.domain.events import Event, EventFilter
from headway.domain.identifiers import ConsumerId, WebhookId
from headway.domain.ports import Store
from headway.domain.webhooks import DisabledBecause, Webhook, recovers, webhook_after_attempt
from headway.jobs.consuming import Worker
from headway.jobs.holding import Hold, Holds
from headway.logs import get_logger

_log = get_logger("headway.jobs")

Send = Callable[[Webhook, Event], Awaitable[DeliveryAttempt]]
"""Attempts to deliver an event to a webhook. Takes a bounded time and raises nothing."""

_AT_ONCE: Final = 8
_SECONDS_BETWEEN_LOOKS: Final = 1.0
_SECONDS_AFTER_TROUBLE: Final = 5.0


class Observer(Protocol):
    """Counts what is delivered."""

    def delivery_attempted(self, state: DeliveryState) -> None:
        """Count an attempt, by the state that the delivery has after it."""

    def webhook_turned_off(self, because: DisabledBecause) -> None:
        """Count a webhook that was turned off by what its receiver answered."""


class WebhookReceiver:
    """A webhook as the receiver of a consumer. Only the process that holds the consumer changes how it fares."""

    def __init__(self, store: Store, webhook: Webhook, send: Send, observer: Observer) -> None:
        self._store = store
        self._send = send
        self._observer = observer
        self._stored = webhook
        self._present = webhook
        self._has_recovered = False

    @property
    def consumer_id(self) -> ConsumerId:
        """The consumer, which has the webhook's id."""
        return self._stored.id

    @property
    def only(self) -> EventFilter:
        """Which events it gets."""
        return self._stored.filter

    @property
    def is_failing(self) -> bool:
        """Whether its last attempt failed."""
        return self._present.failing_since is not None

    @property
    def at_once(self) -> int:
        """How many attempts may run at the same time: one while the receiver fails."""
        return 1 if self.is_failing else _AT_ONCE

    def pause(self, now: datetime) -> float:
        """Return for how many seconds nothing is to be attempted: as the receiver asked, or because it fails."""
        if self._present.resume_at is None:
            return 0
        return max(0.0, (self._present.resume_at - now).total_seconds())

    async def deliver(self, event: Event) -> DeliveryAttempt:
        """Attempt to deliver an event."""
        return await self._send(self._present, event)

    def attempted(self, attempt: DeliveryAttempt, state: DeliveryState, now: datetime) -> None:
        """Take note of what came of an attempt."""
        self._observer.delivery_attempted(state)
        before = self._present
        self._present = webhook_after_attempt(before, attempt, now)
        self._has_recovered |= recovers(before, self._present, now)

    async def settle(self) -> bool:
        """Store how the webhook fares. Return whether it is still turned on, and the same as it was."""
        if self._has_recovered:
            self._has_recovered = False
            await self._store.consumers.hasten(self.consumer_id)
        if self._present != self._stored:
            present = self._present
            if not await self._store.webhooks.change(present, self._stored.version):
                return False
            self._stored = present
            if present.disabled_because is not None:
                self._observer.webhook_turned_off(present.disabled_because)
                _log.warning("webhook_turned_off", webhook=present.id, because=present.disabled_because)
        return self._stored.is_enabled

    async def is_current(self) -> bool:
        """Return whether the webhook still has the version that this process works with."""
        found = await self._store.webhooks.find(self._stored.id)
        return found is not None and found.version == self._stored.version


class Deliverer:
    """Looks every second for webhooks that no process works for."""

    name = "deliver_webhooks"
    seconds_between_looks = _SECONDS_BETWEEN_LOOKS

    def __init__(
        self,
        store: Store,
        send: Send,
        observer: Observer,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._send = send
        self._observer = observer
        self._receivers: dict[WebhookId, WebhookReceiver] = {}
        self._clock = clock
        self._holds = Holds(store)

    @property
    def failing(self) -> int:
        """How many of the webhooks that this process works for are failing."""
        return sum(receiver.is_failing for receiver in self._receivers.values())

    async def work(self) -> bool:
        """Deliver until this is cancelled."""
        workers: dict[WebhookId, tuple[int, asyncio.Task[None]]] = {}
        try:
            while True:
                with contextlib.suppress(UnavailableError):  # attempts under way go on
                    await self._look(workers)
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        finally:
            tasks = [task for _, task in workers.values()]
            for task in tasks:
                _end(task)
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, workers: dict[WebhookId, tuple[int, asyncio.Task[None]]]) -> None:
        """Begin to work for enabled webhooks, and anew for those that were changed. Stop for all others."""
        enabled = {webhook.id: webhook for webhook in await self._store.webhooks.all() if webhook.is_enabled}
        for webhook_id, (version, task) in list(workers.items()):
            if task.done():
                del workers[webhook_id]
            elif webhook_id not in enabled or enabled[webhook_id].version != version:
                _end(task)
        for webhook_id, webhook in enabled.items():
            if webhook_id in workers:
                continue
            hold = await self._holds.take(webhook_id)
            if hold is not None:
                workers[webhook_id] = webhook.version, asyncio.create_task(self._work_for(webhook, hold))

    async def _work_for(self, webhook: Webhook, hold: Hold) -> None:
        """Work for a webhook for as long as the hold lasts. An error is logged, and this goes on later."""
        receiver = WebhookReceiver(self._store, webhook, self._send, self._observer)
        self._receivers[webhook.id] = receiver
        worker = Worker(self._store, receiver, hold, self._clock)
        try:
            await _until_one_ends(worker.work(), hold.keep())
        except* UnavailableError:
            pass  # the store has said in the log what is wrong
        except* Exception as errors:  # noqa: BLE001 - one webhook's trouble is not the others'
            _log.error(
                "delivering_failed", webhook=webhook.id, errors=[type(one).__name__ for one in errors.exceptions]
            )
            await asyncio.sleep(_SECONDS_AFTER_TROUBLE)
        finally:
            del self._receivers[webhook.id]
            await hold.release()


def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task once. A second time would cut off what it does in its last moments."""
    if not task.cancelling():
        task.cancel()


async def _until_one_ends(*works: Coroutine[None, None, None]) -> None:
    """Run until one of them ends, and end the others. Raises a group of what they raise."""

    def end_all(_: object) -> None:
        for task in tasks:
            _end(task)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        for task in tasks:
            task.add_done_callback(end_all)
