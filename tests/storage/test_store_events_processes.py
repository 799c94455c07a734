"""Events of many processes: readers miss none and see all in one order, whoever is slow to commit or is killed."""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from domain.values import lesson
from headway.domain.events import Event, EventType, PublishedEvent
from storage import following
from storage.following import GATE, Place
from storage.stores import MakeStore, new_course, new_learner, opened
from support.postgres import session
from support.running import eventually

pytestmark = pytest.mark.slow

_SECONDS = 60  # until a process has ended
_LETTERS = {
    EventType.LESSON_STARTED: "s",
    EventType.LESSON_COMPLETED: "c",
    EventType.COURSE_COMPLETED: "C",
    EventType.COURSE_RESTARTED: "r",
}
_ORDER = re.compile("(scCr)*(s(cC)?)?")


@pytest.fixture
def place(make_store: MakeStore, database_url: str, folder: Path) -> Place:
    async def made() -> Place:
        async with opened(make_store()) as store:
            return Place(database_url, folder, (await new_course(store, lesson(1))).id)

    return asyncio.run(made())


class Processes:
    """The processes of a test. What is left of them ends with the test."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._all: list[BaseProcess] = []

    def begin(self, work: Callable[..., object], *arguments: object) -> BaseProcess:
        process = following.begin(work, self._place, *arguments)  # type: ignore[arg-type]
        self._all.append(process)
        return process

    def kill(self, process: BaseProcess) -> None:
        process.kill()
        process.join(_SECONDS)

    def end(self, processes: Sequence[BaseProcess]) -> None:
        """Wait until processes have ended by themselves."""
        for process in processes:
            process.join(_SECONDS)
            assert process.exitcode == 0

    def kill_all(self) -> None:
        for process in self._all:
            self.kill(process)


@contextmanager
def processes_of(place: Place) -> Iterator[Processes]:
    processes = Processes(place)
    try:
        yield processes
    finally:
        processes.kill_all()


def wait_for_more(place: Place, note: str, lines: int) -> None:
    """Wait until a note has so many more lines."""
    before = len(place.lines(note))
    eventually(lambda: len(place.lines(note)) >= before + lines, 30)


def commit_late(place: Place, processes: Processes, late: BaseProcess) -> None:
    """Let the slow writer commit after readers have read much that was decided later, and let it be killed once."""
    waiting = f"SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = {GATE} AND NOT granted"
    with session(place.database_url) as database:
        for rounds_left in (1, 0):
            database.execute(f"SELECT pg_advisory_lock({GATE})")
            eventually(lambda: bool(database.rows(waiting)), 30)
            wait_for_more(place, "reader 1", 30)
            if not rounds_left:
                processes.kill(late)
            database.execute(f"SELECT pg_advisory_unlock({GATE})")
            if rounds_left:
                wait_for_more(place, "late.done", 3)


async def publish_the_rest(place: Place) -> list[PublishedEvent]:
    """Publish what is left, tell the readers where the end is, and return all events."""
    async with opened(place.store()) as store:
        while await store.events.publish():
            pass
        place.note("last", await store.events.newest())
        events: list[PublishedEvent] = []
        after = 0
        while True:
            feed = await store.events.read(after, 1_000)
            events += feed.events
            after = feed.after
            if feed.is_last:
                return events


def test_readers_miss_no_event_whoever_is_slow_or_killed(place: Place) -> None:
    # The workers of a cluster do not have the coordinator's advisory locks, and one process at a time writes to a file.
    has_gate = place.database_url.startswith("postgresql:") and "HEADWAY_TEST_CITUS_URL" not in os.environ
    who = {name: [new_learner() for _ in range(3)] for name in ("one", "two", "late")}
    with processes_of(place) as processes:
        begin = processes.begin
        readers = [begin(following.read, f"reader {number}") for number in (1, 2)]
        dying, publisher = begin(following.publish, 10), begin(following.publish)
        killed, lasting = (begin(following.write, name, who[name]) for name in ("one", "two"))
        importing = begin(following.write_imports, "import")
        late = begin(following.write_late if has_gate else following.write, "late", who["late"])
        dying.join(_SECONDS)
        assert dying.exitcode == -signal.SIGKILL
        publishers = [publisher, begin(following.publish)]
        for _ in range(2):
            wait_for_more(place, "one.done", 10)
            processes.kill(killed)
            killed = begin(following.write, "one", who["one"])
        wait_for_more(place, "import.sent", 1)
        processes.kill(importing)
        importing = begin(following.write_imports, "import")
        wait_for_more(place, "import.done", 1)
        if has_gate:
            commit_late(place, processes, late)
            late = begin(following.write_late, "late", who["late"])
        wait_for_more(place, "late.done", 3)
        (place.folder / "stop").touch()
        processes.end([killed, lasting, importing, late, *publishers])
        events = asyncio.run(publish_the_rest(place))
        processes.end(readers)
    check_readers(place, events)
    by_learner = {
        learner: [one.event for one in group]
        for learner, group in groupby(
            sorted(events, key=lambda one: one.event.learner_id or ""), key=lambda one: one.event.learner_id
        )
        if learner is not None
    }
    for told in by_learner.values():
        kinds = [event.type for event in told]
        assert _ORDER.fullmatch("".join(_LETTERS.get(kind, "") for kind in kinds)), kinds
        assert kinds.count(EventType.ENROLMENT_CREATED) == 1
        assert kinds.count(EventType.COURSE_STARTED) == kinds.count(EventType.LESSON_STARTED)
    for name, learners in who.items():
        check_steps(place, name, {learner: by_learner[learner] for learner in learners})
    check_imports(place, by_learner)


def check_readers(place: Place, events: Sequence[PublishedEvent]) -> None:
    """Check that each reader has read all events once, in the order of their numbers."""
    expected = [[str(one.number), one.event.id] for one in events]
    assert all(int(one) < int(later) for (one, _), (later, _) in pairwise(expected))
    assert len({event_id for _, event_id in expected}) == len(expected)
    assert place.lines("reader 1") == expected
    assert place.lines("reader 2") == expected


def check_steps(place: Place, name: str, told: Mapping[str, Sequence[Event]]) -> None:
    """Check that each step that was acknowledged is told once, and each of the others once at most, in their order."""
    sent, done = place.lines(f"{name}.sent"), place.lines(f"{name}.done")
    for learner, events in told.items():
        numbers = [
            int(str(event.new["video_position_seconds"]))
            for event in events
            if event.type in {EventType.LESSON_STARTED, EventType.LESSON_COMPLETED}
        ]
        assert numbers == sorted(set(numbers))
        of_sent = [int(number) for who, number, what in sent if who == learner and what != "restart"]
        of_done = [int(number) for who, number, what in done if who == learner and what != "restart"]
        assert set(of_done) <= set(numbers) <= set(of_sent)
        assert of_done
        restarts = [sum(who == learner and what == "restart" for who, _, what in lines) for lines in (done, sent)]
        assert restarts[0] <= Counter(event.type for event in events)[EventType.COURSE_RESTARTED] <= restarts[1]


def check_imports(place: Place, told: Mapping[str, Sequence[Event]]) -> None:
    """Check that of each import all lines are told, or none."""
    done = place.lines("import.done")
    assert done
    for who in place.lines("import.sent"):
        found = sum(learner in told for learner in who)
        assert found == following.LINES or (found == 0 and who not in done)
        for learner in who if found else ():
            assert {str(event.actor.kind) for event in told[learner]} == {"import"}
