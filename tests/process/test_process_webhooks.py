"""Events on their way to webhooks, while processes are killed, stopped and started: none is lost, and order is kept."""

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import pytest

from domain.values import lesson as a_lesson
from headway.domain.events import EVERY_EVENT, Recording
from headway.domain.identifiers import ConsumerId, LearnerId, WebhookId
from headway.domain.ports import Store
from headway.domain.progress import Status
from headway.domain.webhooks import Webhook, new_secret
from storage.stores import merge_write, new_course, opened, stores_on
from support.database import write_lock
from support.inbox import Event, Gate, Inbox, by_learner, inbox_process
from support.postgres import Server, session
from support.program import Program
from support.running import Running, course, eventually, lesson

T = TypeVar("T")

A_WHILE: Final = 60
LESSONS: Final = 3
AT_ONCE: Final = 8
"""How many attempts of a webhook run at the same time."""
OF_A_COURSE: Final = [
    "enrolment.created", "course.started", "lesson.started", "lesson.completed",
    *["lesson.started", "lesson.completed"] * (LESSONS - 1), "course.completed",
]  # fmt: skip


@pytest.fixture
def program(folder: Path, database_url: str) -> Program:
    return Program(folder, database_url)


@pytest.fixture
def on_postgres(folder: Path, postgres_url: str) -> Program:
    return Program(folder, postgres_url)


def in_store(program: Program, work: Callable[[Store], Any]) -> Any:
    """Do something in the database, without a server."""

    async def run() -> Any:
        async with opened(stores_on(program.database_url, program.folder)(recording=Recording(days=30))) as store:
            return await work(store)

    return asyncio.run(run())


def subscribe(program: Program, *addresses: str) -> None:
    """Add a webhook for each address."""

    async def add(store: Store) -> None:
        for address in addresses:
            webhook_id = WebhookId(ConsumerId(str(uuid4())))
            webhook = Webhook(webhook_id, address, EVERY_EVENT, (new_secret(),), datetime.now(UTC))
            assert await store.webhooks.add(webhook)

    in_store(program, add)


@contextmanager
def holding_enrolments(program: Program) -> Iterator[tuple[Gate, Inbox]]:
    """Yield an inbox with a webhook, and the gate that holds up each learner's first event there."""
    gate = Gate(lambda event: event["type"] == "enrolment.created")
    inbox = Inbox(gate)
    with inbox.serving() as address:
        subscribe(program, address)
        yield gate, inbox


@contextmanager
def serving(program: Program, **settings: object) -> Iterator[Running]:
    with program.serve(webhooks_allow="127.0.0.0/8", **settings) as running:
        yield running
        assert "Traceback" not in "".join(running.log)


def a_course(running: Running) -> tuple[str, list[str]]:
    document = course(*(lesson() for _ in range(LESSONS)))
    return running.put_course(document), [one["id"] for one in document["lessons"]]


def complete(running: Running, learner: str, made: tuple[str, list[str]]) -> None:
    course_id, lessons = made
    with running.client(learner) as client:
        for lesson_id in lessons:
            client.put(f"/progress/{course_id}/lessons/{lesson_id}", json={"status": "completed"}).raise_for_status()


def complete_all(running: Running, learners: Sequence[str], made: tuple[str, list[str]]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda learner: complete(running, learner, made), learners))


def new_learners(count: int) -> list[str]:
    return [str(uuid4()) for _ in range(count)]


def has_all(events: Sequence[Event], learners: Sequence[str]) -> bool:
    """Whether all events of the learners' courses have come."""
    found = Counter(event["data"]["user_id"] for event in {event["id"]: event for event in list(events)}.values())
    return all(found[learner] == len(OF_A_COURSE) for learner in learners)


def check_order(events: Sequence[Event], learners: Sequence[str]) -> None:
    """Check that each learner's events came in their order. One that came twice came twice in a row."""
    found = by_learner(events)
    for learner in learners:
        assert [event["type"] for event in found[learner]] == OF_A_COURSE


def repeated(events: Sequence[Event]) -> list[str]:
    return [event for event, times in Counter(event["id"] for event in events).items() if times > 1]


@pytest.mark.slow
def test_a_server_that_is_killed_during_delivery_repeats_what_was_under_way_alone(program: Program) -> None:
    learners = new_learners(5)
    with holding_enrolments(program) as (gate, inbox):
        with serving(program) as running:
            complete_all(running, learners, a_course(running))
            eventually(lambda: len(gate.held) == len(learners), A_WHILE)
            running.process.kill()
            running.process.wait(20)
        under_way = {event["id"] for event in gate.held}
        gate.open()
        with serving(program):
            eventually(lambda: has_all(inbox.came, learners), A_WHILE)
    check_order(inbox.came, learners)
    assert set(repeated(inbox.came)) == under_way


@pytest.mark.slow
def test_no_event_is_lost_where_a_server_is_killed_right_after_the_write(program: Program) -> None:
    inbox, learners, chance = Inbox(), new_learners(12), random.Random(1)
    made: tuple[str, list[str]] | None = None
    with inbox.serving() as address:
        subscribe(program, address)
        for some in (learners[:4], learners[4:8], learners[8:]):
            with serving(program) as running:
                made = made or a_course(running)
                complete_all(running, some, made)
                time.sleep(chance.uniform(0, 0.2))  # the moment is what the test is about
                running.process.kill()
                running.process.wait(20)
        with serving(program):
            eventually(lambda: has_all(inbox.came, learners), A_WHILE)
    check_order(inbox.came, learners)


@pytest.mark.slow
def test_a_receiver_that_is_killed_in_the_middle_gets_everything_when_it_is_back(program: Program) -> None:
    learners, file = new_learners(2), program.folder / "events.ndjson"
    (hold := program.folder / "hold").touch()
    with inbox_process(file) as (killed, port):
        subscribe(program, f"http://127.0.0.1:{port}/hooks")
        with serving(program) as running:
            complete_all(running, learners, a_course(running))
            eventually(lambda: file.exists() and len(events_in(file)) >= 2, A_WHILE)
            killed.kill()
            killed.wait(20)
            hold.unlink()
            with inbox_process(file, port):
                eventually(lambda: has_all(events_in(file), learners), A_WHILE)
    check_order(events_in(file), learners)


def events_in(file: Path) -> list[Event]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_receiver_that_never_answers_holds_up_no_other(program: Program) -> None:
    learners, never, inbox = new_learners(5), Gate(), Inbox()
    silent = Inbox(never)
    with silent.serving() as one, inbox.serving() as other:
        subscribe(program, one, other)
        with serving(program) as running:
            complete_all(running, learners, a_course(running))
            eventually(lambda: len(never.held) > 0 and has_all(inbox.came, learners), A_WHILE)
            assert silent.answered == []
            assert repeated(silent.came) == []  # not even the first attempts have come to their end
            never.open()
    check_order(inbox.came, learners)
    assert repeated(inbox.came) == []


def test_an_event_that_is_not_answered_holds_up_its_learner_alone(program: Program) -> None:
    learners, slow = new_learners(5), new_learners(1)[0]
    gate = Gate(lambda event: event["data"]["user_id"] == slow)
    inbox = Inbox(gate)
    with inbox.serving() as address:
        subscribe(program, address)
        with serving(program) as running:
            made = a_course(running)
            complete(running, slow, made)
            eventually(lambda: len(gate.held) == 1, A_WHILE)
            complete_all(running, learners, made)
            eventually(lambda: has_all(inbox.answered, learners), A_WHILE)
            assert [event["id"] for event in by_learner(inbox.came)[slow]] == [gate.held[0]["id"]]
            gate.open()
            eventually(lambda: has_all(inbox.came, [slow]), A_WHILE)
    check_order(inbox.came, [*learners, slow])


def test_a_receiver_with_an_answer_without_end_gets_every_event_once(program: Program) -> None:
    learners, inbox = new_learners(3), Inbox(lambda _event: 200, endless=True)
    with inbox.serving() as address:
        subscribe(program, address)
        with serving(program) as running:
            complete_all(running, learners, a_course(running))
            eventually(lambda: has_all(inbox.came, learners), A_WHILE)
    check_order(inbox.came, learners)
    assert repeated(inbox.came) == []


def test_delivery_goes_on_after_the_database_server_was_away(folder: Path, own_server: Server) -> None:
    learners = new_learners(20)
    with session(own_server.url) as operator:
        operator.execute("CREATE DATABASE webhooks")  # of its own: others would find the webhook in theirs
    program = Program(folder, own_server.url.removesuffix("/postgres") + "/webhooks")
    with holding_enrolments(program) as (gate, inbox), serving(program) as running:
        complete_all(running, learners, a_course(running))
        eventually(lambda: len(gate.held) == AT_ONCE, A_WHILE)  # no other is under way, and no other begins
        own_server.stop_immediately()
        gate.open()
        under_way = [event["id"] for event in gate.held]
        eventually(lambda: {event["id"] for event in inbox.answered}.issuperset(under_way), A_WHILE)
        own_server.start()
        eventually(lambda: has_all(inbox.came, learners), A_WHILE)
    check_order(inbox.came, learners)
    assert len(repeated(inbox.came)) <= len(gate.held)


def test_delivery_goes_on_after_the_file_was_locked(folder: Path) -> None:
    program, learners = Program(folder, f"sqlite:///{folder}/headway.db"), new_learners(5)
    with holding_enrolments(program) as (gate, inbox), serving(program, lock_seconds=2) as running:
        complete_all(running, learners, a_course(running))
        eventually(lambda: len(gate.held) == len(learners), A_WHILE)
        with write_lock(folder):
            gate.open()
            eventually(lambda: "store_unavailable" in "".join(running.log) or "locked" in "".join(running.log), A_WHILE)
        eventually(lambda: has_all(inbox.came, learners), A_WHILE)
    check_order(inbox.came, learners)


def test_of_two_servers_one_delivers_and_the_other_goes_on_when_it_stops(on_postgres: Program) -> None:
    learners, later, inbox = new_learners(10), new_learners(10), Inbox()
    with inbox.serving() as address:
        subscribe(on_postgres, address)
        with serving(on_postgres) as one:
            made = a_course(one)
            eventually(lambda: len(inbox.came) == 1, A_WHILE)  # it works for the webhook
            holder = holder_of(on_postgres)
            with serving(on_postgres) as other:
                complete_all(one, learners[:5], made)
                complete_all(other, learners[5:], made)
                eventually(lambda: has_all(inbox.came, learners), A_WHILE)
                one.stop()
                assert holder_of(on_postgres) != holder  # it has let go, so nobody has to wait
                complete_all(other, later, made)
                eventually(lambda: has_all(inbox.came, later), A_WHILE)
    check_order(inbox.came, [*learners, *later])
    assert repeated(inbox.came) == []


def holder_of(program: Program) -> str | None:
    with session(program.database_url) as operator:
        holder = operator.value("SELECT holder FROM event_consumers")
    return None if holder is None else str(holder)


@pytest.mark.slow
def test_another_server_goes_on_after_one_was_killed(on_postgres: Program) -> None:
    learners = new_learners(5)
    with holding_enrolments(on_postgres) as (gate, inbox), serving(on_postgres) as killed:
        made = a_course(killed)
        eventually(lambda: len(inbox.came) == 1, A_WHILE)
        with serving(on_postgres) as other:
            complete_all(other, learners, made)
            eventually(lambda: len(gate.held) == len(learners), A_WHILE)
            killed.process.kill()
            gate.open()
            eventually(lambda: has_all(inbox.came, learners), A_WHILE)
    check_order(inbox.came, learners)
    assert len(repeated(inbox.came)) <= len(gate.held)


@pytest.mark.slow
def test_a_server_that_was_stopped_for_long_delivers_nothing_when_it_continues(on_postgres: Program) -> None:
    learners, later = new_learners(8), new_learners(3)
    with holding_enrolments(on_postgres) as (gate, inbox), serving(on_postgres) as stopped:
        made = a_course(stopped)
        eventually(lambda: len(inbox.came) == 1, A_WHILE)
        holder = holder_of(on_postgres)
        with serving(on_postgres) as other:
            complete_all(other, learners, made)
            eventually(lambda: len(gate.held) == len(learners), A_WHILE)
            stopped.process.send_signal(signal.SIGSTOP)
            try:
                gate.open()  # the answers are there when it continues, and its next events would be due
                eventually(lambda: has_all(inbox.came, learners), A_WHILE)
                assert holder_of(on_postgres) not in (None, holder)
                came = len(inbox.came)
            finally:
                stopped.process.send_signal(signal.SIGCONT)
            complete_all(stopped, later, made)  # it is alive
            eventually(lambda: has_all(inbox.came, later), A_WHILE)
            assert {event["data"]["user_id"] for event in inbox.came[came:]} == set(later)
            stopped.stop()
    check_order(inbox.came, [*learners, *later])
    assert len(repeated(inbox.came)) <= len(gate.held)


@pytest.mark.slow
def test_every_event_of_many_learners_arrives_in_order(program: Program) -> None:
    learners, inbox = new_learners(200), Inbox()
    with inbox.serving() as address:
        subscribe(program, address)
        in_store(program, lambda store: write_much(store, learners, 10))
        with serving(program):
            eventually(lambda: len(inbox.came) >= 200 * 23 + 1, 240)
    for events in by_learner(inbox.came).values():
        assert [event["type"] for event in events[:4]] == OF_A_COURSE[:4]
        assert [event["type"] for event in events[4:]] == ["lesson.started", "lesson.completed"] * 9 + [OF_A_COURSE[-1]]
    assert repeated(inbox.came) == []


async def write_much(store: Store, learners: Sequence[str], lessons: int) -> None:
    """Let every learner complete a course of so many lessons."""
    made = await new_course(store, *map(a_lesson, range(1, lessons + 1)))
    for one in made.lessons:
        writes = (merge_write(LearnerId(who), made, one, status=Status.COMPLETED) for who in learners)
        await asyncio.gather(*map(store.write, writes))
