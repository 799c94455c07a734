"""Delivering events to webhooks, on both stores: at least once, in a learner's order, by one process at a time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from headway.domain.catalogue import Course
from headway.domain.deliveries import DeliveryAttempt, DeliveryState, Outcome
from headway.domain.events import EVERY_EVENT, Event, EventFilter, EventType, Recording
from headway.domain.identifiers import ConsumerId, LearnerId, WebhookId
from headway.domain.ports import Store
from headway.domain.progress import Status
from headway.domain.webhooks import DisabledBecause, Webhook, new_secret, switched
from headway.jobs import holding
from headway.jobs.runner import Runner
from headway.jobs.upkeep import Publisher
from headway.jobs.webhooks import Deliverer
from headway.metrics import Metrics
from storage.stores import PATIENCE, MakeStore, merge_write, new_course, new_learner, opened, system_clock

TRANSITIONS = Recording(days=30)
OK = DeliveryAttempt(Outcome.ANSWERED, 200)
BROKEN = DeliveryAttempt(Outcome.ANSWERED, 500)
UNWANTED = DeliveryAttempt(Outcome.ANSWERED, 422)
GONE = DeliveryAttempt(Outcome.ANSWERED, 410)


class Receiver:
    """Gets events, and answers each as `answer` says. It can be asked to wait before it answers."""

    def __init__(self, answer: Callable[[Event], DeliveryAttempt] = lambda _event: OK) -> None:
        self.answer = answer
        self.got: list[tuple[Event, DeliveryAttempt]] = []
        self.under_way = 0
        self.most_under_way = 0

    async def send(self, _webhook: Webhook, event: Event) -> DeliveryAttempt:
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        attempt = self.answer(event)
        self.got.append((event, attempt))
        return attempt

    @property
    def taken(self) -> list[Event]:
        """The events that it has taken, in their order."""
        return [event for event, attempt in self.got if attempt.is_success]

    def of(self, learner: LearnerId) -> list[str]:
        return [str(event.type) for event in self.taken if event.learner_id == learner]


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def store(make_store: MakeStore) -> AsyncIterator[Store]:
    """Yield an open store that records transitions alone."""
    async with opened(make_store(recording=TRANSITIONS)) as store:
        yield store


@asynccontextmanager
async def delivering(
    store: Store, receiver: Receiver, clock: Callable[[], datetime] = system_clock
) -> AsyncIterator[None]:
    """Publish and deliver, as a server process does."""
    async with Runner([Publisher(store), Deliverer(store, receiver.send, Metrics(), clock)]).working():
        yield


async def subscribed(store: Store, only: EventFilter = EVERY_EVENT) -> WebhookId:
    webhook_id = WebhookId(ConsumerId(str(uuid4())))
    webhook = Webhook(webhook_id, "https://lms.example/hooks", only, (new_secret(),), datetime.now(UTC))
    assert await store.webhooks.add(webhook)
    return webhook_id


async def complete(store: Store, learner: LearnerId, course: Course) -> None:
    for lesson in course.lessons:
        await store.write(merge_write(learner, course, lesson, status=Status.COMPLETED))


ALL_OF_A_COURSE = [
    "lesson.started", "lesson.completed", "enrolment.created", "course.started",
    "lesson.started", "lesson.completed", "lesson.started", "lesson.completed", "course.completed",
]  # fmt: skip


async def test_every_event_arrives_once_in_the_learners_order(store: Store) -> None:
    receiver, learners = Receiver(), [new_learner() for _ in range(20)]
    course = await new_course(store)
    await subscribed(store)
    async with delivering(store, receiver):
        await asyncio.gather(*(complete(store, learner, course) for learner in learners))
        await until(lambda: len(receiver.taken) >= 9 * 20)
    for learner in learners:
        assert receiver.of(learner) == ALL_OF_A_COURSE
    assert max(Counter(event.id for event, _ in receiver.got).values()) == 1
    assert 1 < receiver.most_under_way <= 8


async def test_a_webhook_gets_what_its_filter_takes_from_its_beginning_on(store: Store) -> None:
    receiver, early, late = Receiver(), new_learner(), new_learner()
    course, other = await new_course(store), await new_course(store)
    await complete(store, early, course)
    while await store.events.publish():
        pass
    completions = frozenset({EventType.COURSE_COMPLETED})
    await subscribed(store, EventFilter(types=completions, courses=frozenset({course.id})))
    async with delivering(store, receiver):
        await complete(store, late, other)
        await complete(store, late, course)
        await until(lambda: len(receiver.taken) > 0)
    assert [(event.type, event.learner_id, event.course_id) for event in receiver.taken] == [
        ("course.completed", late, course.id)
    ]


async def test_a_refused_event_holds_up_its_learner_alone(store: Store) -> None:
    unlucky, other = new_learner(), new_learner()
    refusing = True

    def answer(event: Event) -> DeliveryAttempt:
        return UNWANTED if refusing and event.learner_id == unlucky else OK

    receiver = Receiver(answer)
    course = await new_course(store)
    webhook_id = await subscribed(store)
    async with delivering(store, receiver):
        await complete(store, unlucky, course)
        await complete(store, other, course)
        await until(lambda: receiver.of(other) == ALL_OF_A_COURSE)
        assert receiver.of(unlucky) == []
        assert len({event.id for event, _ in receiver.got if event.learner_id == unlucky}) == 1
        refusing = False
        await store.consumers.hasten(webhook_id)
        await until(lambda: receiver.of(unlucky) == ALL_OF_A_COURSE)


async def test_a_broken_receiver_is_left_in_peace_and_gets_everything_later(store: Store) -> None:
    broken = True
    receiver = Receiver(lambda _event: BROKEN if broken else OK)
    course, learners = await new_course(store), [new_learner() for _ in range(10)]
    webhook_id = await subscribed(store)
    async with delivering(store, receiver):
        await asyncio.gather(*(complete(store, learner, course) for learner in learners))
        await until(lambda: len(receiver.got) >= 2)
        assert len(receiver.got) < 10
        await until(lambda: _fails(store, webhook_id))
        broken = False
        await store.consumers.hasten(webhook_id)
        await until(lambda: all(receiver.of(learner) == ALL_OF_A_COURSE for learner in learners))
        await until(lambda: _is_well(store, webhook_id))


async def _fails(store: Store, webhook_id: WebhookId) -> bool:
    webhook = await store.webhooks.find(webhook_id)
    return webhook is not None and webhook.failing_since is not None


async def _is_well(store: Store, webhook_id: WebhookId) -> bool:
    webhook = await store.webhooks.find(webhook_id)
    return webhook is not None and webhook.failing_since is None


async def test_a_receiver_that_is_gone_is_turned_off_and_goes_on_where_it_stopped(store: Store) -> None:
    gone = True
    receiver = Receiver(lambda _event: GONE if gone else OK)
    course, learner, later = await new_course(store), new_learner(), new_learner()
    webhook_id = await subscribed(store)

    async def is_off() -> bool:
        webhook = await store.webhooks.find(webhook_id)
        return webhook is not None and webhook.disabled_because is DisabledBecause.GONE

    async with delivering(store, receiver):
        await complete(store, learner, course)
        await until(is_off)
        tried = len(receiver.got)
        await complete(store, later, course)
        while await store.events.publish():
            pass
        assert len(receiver.got) == tried
        gone = False
        webhook = await store.webhooks.find(webhook_id)
        assert webhook is not None
        assert await store.webhooks.change(switched(webhook, on=True), webhook.version)
        await until(lambda: receiver.of(later) == ALL_OF_A_COURSE)
    failed = [one for one in await store.consumers.deliveries(webhook_id, None, 100) if one.state == "failed"]
    assert {one.owner_id for one in failed} <= {learner, course.id}
    for one in failed:
        await store.consumers.redeliver(webhook_id, one.event_number)
    async with delivering(store, receiver):
        await until(lambda: len(receiver.of(learner)) == 9)


async def test_two_processes_share_the_work_and_deliver_nothing_twice(make_store: MakeStore) -> None:
    receiver, learners = Receiver(), [new_learner() for _ in range(5)]
    async with opened(make_store(recording=TRANSITIONS)) as one, opened(make_store(recording=TRANSITIONS)) as other:
        course = await new_course(one)
        for _ in range(4):
            await subscribed(one, EventFilter(types=frozenset({EventType.COURSE_COMPLETED})))
        async with delivering(one, receiver), delivering(other, receiver):
            await asyncio.gather(*(complete(store, who, course) for who in learners for store in (one,)))
            await until(lambda: len(receiver.taken) >= 20)
    assert len(receiver.got) == 20
    assert set(Counter(event.id for event in receiver.taken).values()) == {4}


async def test_another_process_goes_on_after_one_was_killed(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "SILENT_SECONDS", 0.5)
    receiver, learner = Receiver(), new_learner()
    async with opened(make_store(recording=TRANSITIONS)) as store:
        course = await new_course(store)
        webhook_id = await subscribed(store)
        state = await store.consumers.find(webhook_id)
        assert state is not None
        assert await store.consumers.take(webhook_id, str(uuid4()), state.beats) is not None  # and then no beat
        async with delivering(store, receiver):
            await complete(store, learner, course)
            await until(lambda: receiver.of(learner) == ALL_OF_A_COURSE)


async def test_a_holder_that_was_replaced_hands_out_nothing(store: Store) -> None:
    webhook_id = await subscribed(store)
    first, second = str(uuid4()), str(uuid4())
    assert await store.consumers.take(webhook_id, first, 0) is not None
    assert await store.consumers.take(webhook_id, second, 0) is None
    assert await store.consumers.beat(webhook_id, first)
    assert await store.consumers.take(webhook_id, second, 2) is not None
    assert not await store.consumers.beat(webhook_id, first)
    assert not await store.consumers.hand_out(webhook_id, first, 7, [])
    assert await store.consumers.hand_out(webhook_id, second, 5, [])
    await store.consumers.release(webhook_id, first)
    state = await store.consumers.find(webhook_id)
    assert state is not None
    assert (state.position, state.holder) == (5, second)


async def test_an_erased_learner_has_no_deliveries(store: Store) -> None:
    receiver, learner = Receiver(lambda _event: UNWANTED), new_learner()
    course = await new_course(store)
    webhook_id = await subscribed(store)
    async with delivering(store, receiver):
        await complete(store, learner, course)
        await until(lambda: len(receiver.got) > 0)
        await store.erase(learner)
        receiver.answer = lambda _event: OK
        await store.consumers.hasten(webhook_id)
        await until(lambda: "learner.erased" in receiver.of(learner))
    assert receiver.of(learner) == ["learner.erased"]
    owned = [one for one in await store.consumers.deliveries(webhook_id, None, 100) if one.owner_id == learner]
    assert len(owned) == 1


async def test_deliveries_are_removed_with_their_events(make_store: MakeStore) -> None:
    now = datetime.now(UTC)

    def clock() -> datetime:
        return now

    receiver = Receiver()
    async with opened(make_store(clock=clock, recording=TRANSITIONS)) as store:
        course = await new_course(store)
        webhook_id = await subscribed(store)
        async with delivering(store, receiver, clock):
            await complete(store, new_learner(), course)
            await until(lambda: len(receiver.taken) >= 10)
        found = await store.consumers.deliveries(webhook_id, None, 100)
        assert [one.state for one in found] == [DeliveryState.DELIVERED] * 10
        now += timedelta(days=31)
        await store.sweep()
        assert await store.consumers.deliveries(webhook_id, None, 100) == []
        assert await store.webhooks.remove(webhook_id)
        assert await store.consumers.find(webhook_id) is None
