"""Processes that write, publish and read events on one database, until they are told to stop or are killed.

Each notes what it does in files of the test's folder, a line at a time, so that nothing is lost when it is killed.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg

from domain.values import lesson
from headway.domain import events
from headway.domain.change_sets import ChangeSet
from headway.domain.events import Recording
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.ports import Store
from headway.domain.progress import Status
from headway.domain.removals import Restart
from headway.domain.writes import LessonWrite
from headway.storage.postgres import learners, writer
from headway.storage.shared.events import StoredEvents
from headway.storage.shared.session import Changing, Step
from storage.stores import new_learner, opened, stores_on
from support.program import forks

GATE: Final = 52
"""The advisory lock that the slow writer waits for before each of its commits."""
LINES: Final = 100
"""The lines of an import."""
_FEW: Final = 7  # events in one read
_LESSON: Final = lesson(1).id


class Place(NamedTuple):
    """Where the processes work: the database, the folder of their notes, and a course of one lesson."""

    database_url: str
    folder: Path
    course_id: CourseId

    def store(self) -> Store:
        # On SQLite only updates wait for a publisher.
        recording = Recording(days=30, progress=not self.database_url.startswith("postgresql:"))
        return stores_on(self.database_url, self.folder)(recording=recording)

    def lines(self, name: str) -> list[list[str]]:
        """Return the lines of a note that are complete, in words."""
        path = self.folder / name
        text = path.read_text() if path.exists() else ""
        return [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]

    def note(self, name: str, *words: object) -> None:
        with (self.folder / name).open("a", buffering=1) as file:
            file.write(" ".join(map(str, words)) + "\n")

    def is_over(self) -> bool:
        return (self.folder / "stop").exists()


def begin(work: Callable[..., Coroutine[Any, Any, None]], place: Place, *arguments: object) -> BaseProcess:
    """Start a process that does one of the works below."""
    process: BaseProcess = forks().Process(target=_run, args=(work, place, *arguments), daemon=True)
    process.start()
    return process


def _run(work: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
    vars(events)["PROGRESS_WINDOW"] = timedelta(0)  # updates are due at once
    asyncio.run(work(*arguments))


async def write(place: Place, name: str, who: Sequence[LearnerId]) -> None:
    """Let learners start the lesson, complete it, start the course over, and so on; each of them one after the other.

    The position in the video is a number that no other write of this writer has.
    """
    numbers = count(1 + max((int(number) for _, number, _ in place.lines(f"{name}.sent")), default=0))
    async with opened(place.store()) as store:
        await asyncio.gather(*(_learn(place, store, name, one, numbers) for one in who))


async def write_late(place: Place, name: str, who: Sequence[LearnerId]) -> None:
    """Do the same, and wait for the lock `GATE` before each commit."""
    for module in (learners, writer):
        vars(module)["store_what_follows"] = _store_late
    await write(place, name, who)


_store_what_follows: Final = writer.store_what_follows


async def _store_late(
    connection: asyncpg.Connection, slot: int, changes: Sequence[ChangeSet], *, in_parts: bool
) -> None:
    await _store_what_follows(connection, slot, changes, in_parts=in_parts)
    await connection.execute("SET LOCAL lock_timeout = 0")
    await connection.execute(f"SELECT pg_advisory_xact_lock_shared({GATE})")


async def _learn(place: Place, store: Store, name: str, who: LearnerId, numbers: "count[int]") -> None:
    while not place.is_over():
        found = (await store.lesson(who, place.course_id, _LESSON)).lesson_progress
        number = next(numbers)
        what = "start"
        if found is not None:
            what = "restart" if found.status is Status.COMPLETED else "complete"
        place.note(f"{name}.sent", who, number, what)
        if what == "restart":
            await store.restart_course(Restart(who, place.course_id))
        else:
            status = Status.IN_PROGRESS if what == "start" else Status.COMPLETED
            await store.write(_write(place, who, number, status))
        place.note(f"{name}.done", who, number, what)


async def write_imports(place: Place, name: str) -> None:
    """Write atomic imports of a line for each of many new learners, who complete the course."""
    async with opened(place.store()) as store:
        while not place.is_over():
            who = [new_learner() for _ in range(LINES)]
            place.note(f"{name}.sent", *who)
            await store.write_all([_write(place, one, 1, Status.COMPLETED)._replace(is_imported=True) for one in who])
            place.note(f"{name}.done", *who)


def _write(place: Place, who: LearnerId, number: int, status: Status) -> LessonWrite:
    return LessonWrite(who, place.course_id, _LESSON, {"status": status, "video_position_seconds": number})


async def publish(place: Place, dies_at: int = 0) -> None:
    """Publish events; be killed in the middle of a publication, where the number of one is given."""
    if dies_at:
        StoredEvents._publish = _dying(StoredEvents._publish, dies_at)  # type: ignore[method-assign]
    async with opened(place.store()) as store:
        while not place.is_over():
            if not await store.events.publish():
                await store.events.changed(0.005)


def _dying(publishing: Callable[..., Changing[int]], dies_at: int) -> Callable[..., Changing[int]]:
    publications = count(1)

    def publish_and_die(self: StoredEvents, *arguments: object) -> Changing[int]:
        steps = publishing(self, *arguments)
        step = next(steps)
        try:
            while True:
                step = steps.send((yield step))
                is_last = isinstance(step, Step) and step.statement == self._sql.put_last_number
                if is_last and next(publications) == dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
        except StopIteration as end:
            taken: int = end.value
            return taken

    return publish_and_die


async def read(place: Place, name: str) -> None:
    """Note the number and the id of each event, from the first to the one that the note `last` names."""
    after = 0
    async with opened(place.store()) as store:
        while not ((last := place.lines("last")) and after >= int(last[0][0])):
            feed = await store.events.read(after, _FEW)
            for one in feed.events:
                place.note(name, one.number, one.event.id)
            after = feed.after
            if feed.is_last:
                await store.events.changed(0.005)
