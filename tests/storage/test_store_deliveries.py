"""Delivering events to webhooks, on both stores: at least once, in a learner's order, by one process at a time."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import apsw
import pytest

from headway.domain.catalogue import Course
from headway.domain.deliveries import DeliveryAttempt, DeliveryState, Outcome
from headway.domain.events import EVERY_EVENT, Event, EventFilter, EventType, Recording
from headway.domain.groups import group_of
from headway.domain.identifiers import ConsumerId, GroupId, LearnerId, WebhookId
from headway.domain.ports import Store
from headway.domain.progress import Status
from headway.domain.webhooks import DisabledBecause, Webhook, new_secret, switched
from headway.jobs import consuming, holding
from headway.jobs.consuming import Worker
from headway.jobs.holding import Hold
from headway.jobs.runner import Runner
from headway.jobs.upkeep import Publisher
from headway.jobs.webhooks import Deliverer, WebhookReceiver
from headway.metrics import Metrics
from headway.storage.shared import statements as sql
from storage.stores import PATIENCE, MakeStore, merge_write, new_course, new_learner, opened, sqlite_store, system_clock

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
    while await store.events.publish():  # what was before is not the webhook's
        pass
    webhook_id = WebhookId(ConsumerId(str(uuid4())))
    webhook = Webhook(webhook_id, "https://lms.example/hooks", only, (new_secret(),), datetime.now(UTC))
    assert await store.webhooks.add(webhook)
    return webhook_id


async def complete(store: Store, learner: LearnerId, course: Course) -> None:
    for lesson in course.lessons:
        await store.write(merge_write(learner, course, lesson, status=Status.COMPLETED))


ALL_OF_A_COURSE = [
    "enrolment.created", "course.started", "lesson.started", "lesson.completed",
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


async def test_what_a_narrower_filter_does_not_take_is_not_sent_any_more(store: Store) -> None:
    receiver, learner, member = Receiver(lambda _event: UNWANTED), new_learner(), new_learner()
    course = await new_course(store)
    group = await store.groups.put(group_of(GroupId(str(uuid4())), "A class", (member,)))
    webhook_id = await subscribed(store)
    async with delivering(store, receiver):
        await complete(store, learner, course)
        await complete(store, member, course)
        await until(lambda: len(receiver.got) >= 2)
        webhook = await store.webhooks.find(webhook_id)
        assert webhook is not None
        completions = EventFilter(frozenset({EventType.COURSE_COMPLETED}), groups=frozenset({group.id}))
    assert await store.webhooks.change(
        webhook._replace(filter=completions, version=webhook.version + 1), webhook.version
    )
    receiver.answer = lambda _event: OK
    async with delivering(store, receiver):
        await store.consumers.hasten(webhook_id)
        await until(lambda: len(receiver.taken) > 0)
        await until(lambda: _waits(store, webhook_id, 0))
    assert [(event.type, event.learner_id) for event in receiver.taken] == [("course.completed", member)]


async def test_what_a_new_address_hastens_is_not_sent_to_the_old_one(store: Store) -> None:
    new, sent, learner = "https://lms.example/new", [], new_learner()

    async def send(webhook: Webhook, event: Event) -> DeliveryAttempt:
        sent.append((webhook.address, event.type))
        return OK if webhook.address == new else UNWANTED

    course = await new_course(store)
    webhook_id = await subscribed(store, EventFilter(types=frozenset({EventType.COURSE_COMPLETED})))
    async with Runner([Publisher(store), Deliverer(store, send, Metrics())]).working():
        await complete(store, learner, course)
        await until(lambda: _fails(store, webhook_id))
        [delivery] = await store.consumers.deliveries(webhook_id, None, 100)
        later = datetime.now(UTC) + timedelta(hours=8)
        await store.consumers.note([delivery._replace(attempts=9, next_attempt_at=later)])
        webhook = await store.webhooks.find(webhook_id)
        assert webhook is not None
        moved = webhook._replace(address=new, failing_since=None, version=webhook.version + 1)
        assert await store.webhooks.change(moved, webhook.version)
        await store.consumers.hasten(webhook_id)
        await until(lambda: _waits(store, webhook_id, 0))
    assert sent == [("https://lms.example/hooks", "course.completed"), (new, "course.completed")]


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
        await until(lambda: receiver.of(later) == receiver.of(learner) == ALL_OF_A_COURSE)


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


async def test_what_is_under_way_when_the_process_stops_is_noted(make_store: MakeStore) -> None:
    begun, sent = asyncio.Event(), 0

    async def slow(_webhook: Webhook, _event: Event) -> DeliveryAttempt:
        nonlocal sent
        begun.set()
        await asyncio.sleep(0.2)  # for as long, a stopping process lets an attempt go on
        sent += 1
        return OK

    async with opened(make_store(recording=TRANSITIONS)) as store:
        course = await new_course(store)
        webhook_id = await subscribed(store, EventFilter(types=frozenset({EventType.COURSE_COMPLETED})))
        async with Runner([Publisher(store), Deliverer(store, slow, Metrics())]).working():
            await complete(store, new_learner(), course)
            async with asyncio.timeout(PATIENCE):
                await begun.wait()
        [delivery] = await store.consumers.deliveries(webhook_id, None, 100)
        assert (sent, delivery.state) == (1, DeliveryState.DELIVERED)


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
            await until(lambda: len(receiver.taken) >= 9)
        found = await store.consumers.deliveries(webhook_id, None, 100)
        assert [one.state for one in found] == [DeliveryState.DELIVERED] * 9
        now += timedelta(days=31)
        await store.sweep()
        assert await store.consumers.deliveries(webhook_id, None, 100) == []
        assert await store.webhooks.remove(webhook_id)
        assert await store.consumers.find(webhook_id) is None


async def test_sqlite_never_reads_all_deliveries(folder: Path) -> None:
    statements = (
        sql.ANY_OLD_DELIVERY, sql.REMOVE_OLD_DELIVERIES, sql.FORGET_DELIVERIES, sql.DUE_DELIVERIES, sql.NEXT_ATTEMPT,
        sql.COUNT_WAITING, sql.HASTEN_DELIVERIES, sql.DELIVERIES_BEFORE, sql.PUT_DELIVERY, sql.REDELIVER,
    )  # fmt: skip
    async with opened(sqlite_store(folder)):
        pass
    with closing(apsw.Connection(str(folder / "headway.db"))) as connection:
        for statement in statements:
            values = [None] * len(set(re.findall(r"\$\d+", statement)))
            plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            assert not [step for step in plan if step.startswith("SCAN event_deliveries")], statement


async def test_what_waits_behind_a_refused_event_wakes_nobody(store: Store) -> None:
    receiver, learner = Receiver(lambda _event: UNWANTED), new_learner()
    course = await new_course(store)
    webhook_id = await subscribed(store, EventFilter(courses=frozenset({course.id})))
    async with delivering(store, receiver):
        await complete(store, learner, course)
        await until(lambda: len(receiver.got) > 0)
        await until(lambda: _waits(store, webhook_id, 9))
        await until(lambda: _none_is_due(store, webhook_id))
    assert len({event.id for event, _ in receiver.got}) == 1
    before = datetime.now(UTC)
    following = await store.consumers.next_attempt(webhook_id)
    assert following is None or following > before


async def _none_is_due(store: Store, webhook_id: WebhookId) -> bool:
    return await store.consumers.due(webhook_id, 100) == []


async def _waits(store: Store, webhook_id: WebhookId, deliveries: int) -> bool:
    return await store.consumers.waiting(webhook_id, 1_000) == deliveries


async def test_an_event_that_can_not_be_sent_holds_up_its_learner_alone(store: Store) -> None:
    unlucky, other = new_learner(), new_learner()

    def answer(event: Event) -> DeliveryAttempt:
        if event.learner_id == unlucky:
            raise RuntimeError("a fault")
        return OK

    receiver = Receiver(answer)
    course = await new_course(store)
    await subscribed(store)
    async with delivering(store, receiver):
        await complete(store, unlucky, course)
        await complete(store, other, course)
        await until(lambda: receiver.of(other) == ALL_OF_A_COURSE)
    assert receiver.of(unlucky) == []


async def test_events_wait_in_the_feed_where_too_many_deliveries_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "_HANDED_OUT_AT_ONCE", 1)
    monkeypatch.setattr(consuming, "_MOST_WAITING", 5)
    refusing, learners = True, [new_learner() for _ in range(3)]
    receiver = Receiver(lambda _event: UNWANTED if refusing else OK)
    course = await new_course(store)
    webhook_id = await subscribed(store)
    async with delivering(store, receiver):
        await asyncio.gather(*(complete(store, learner, course) for learner in learners))
        await until(lambda: _waits(store, webhook_id, 5))
        while await store.events.publish():
            pass
        assert await store.consumers.waiting(webhook_id, 1_000) == 5
        refusing = False
        await store.consumers.hasten(webhook_id)
        await until(lambda: all(receiver.of(learner) == ALL_OF_A_COURSE for learner in learners))


async def test_a_worker_that_can_not_be_sure_of_its_place_sends_nothing(store: Store) -> None:
    receiver = Receiver()
    course = await new_course(store)
    webhook_id = await subscribed(store)
    await complete(store, new_learner(), course)
    while await store.events.publish():
        pass
    webhook = await store.webhooks.find(webhook_id)
    assert webhook is not None
    holder = str(uuid4())
    position = await store.consumers.take(webhook_id, holder, 0)
    assert position is not None
    long_ago = Hold(store, webhook_id, holder, position, since=-holding.GIVE_UP_SECONDS)
    target = WebhookReceiver(store, webhook, receiver.send, Metrics())
    await Worker(store, target, long_ago, system_clock).work()
    assert receiver.got == []


async def test_a_stop_lets_an_attempt_come_to_its_end(store: Store) -> None:
    receiver, learner = SlowReceiver(), new_learner()
    course = await new_course(store)
    webhook_id = await subscribed(store, EventFilter(types=frozenset({EventType.COURSE_COMPLETED})))
    async with delivering(store, receiver):
        await complete(store, learner, course)
        await asyncio.wait_for(receiver.has_begun.wait(), PATIENCE)
        asyncio.get_running_loop().call_later(0.1, receiver.goes_on.set)
    answered = await store.consumers.deliveries(webhook_id, None, 10)
    assert [one.state for one in answered] == [DeliveryState.DELIVERED]
    state = await store.consumers.find(webhook_id)
    assert state is not None
    assert state.holder is None


class SlowReceiver(Receiver):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def send(self, webhook: Webhook, event: Event) -> DeliveryAttempt:
        self.has_begun.set()
        await self.goes_on.wait()
        return await super().send(webhook, event)


async def test_delivery_goes_on_where_the_jobs_are_started_once_more(store: Store) -> None:
    receiver, learners = Receiver(), [new_learner(), new_learner()]
    jobs = Runner([Publisher(store), Deliverer(store, receiver.send, Metrics())])
    course = await new_course(store)
    await subscribed(store)
    for learner in learners:
        async with jobs.working():
            await complete(store, learner, course)
            await until(lambda learner=learner: receiver.of(learner) == ALL_OF_A_COURSE)
