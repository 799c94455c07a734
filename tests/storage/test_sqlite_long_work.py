"""Other requests are served during long reads and long writes on SQLite."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from domain.values import lesson
from headway.domain.errors import StoreUnavailableError
from headway.domain.roster import RosterQuery
from storage.stores import lesson_progress_of, merge_write, new_course, new_learner, opened, sqlite_store, written

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
NEVER = 600
"""Seconds that no test waits: a read that goes on until then fails its test."""


def read_for_ever(connection: apsw.Connection) -> Sequence[Any]:
    return connection.execute(ENDLESS).fetchall()


async def test_other_requests_are_served_during_a_long_read_that_is_cancelled(folder: Path) -> None:
    store = sqlite_store(folder, read_seconds=1)
    async with opened(store):
        course, learner = await new_course(store), new_learner()
        reading = asyncio.create_task(store._long_reader.read(read_for_ever))
        await asyncio.sleep(0)
        await written(store, merge_write(learner, course, lesson(1), quiz_attempts=1))
        [course_progress] = await store.roster(course.id, RosterQuery())  # in the other thread
        assert course_progress.learner_id == learner
        assert not reading.done()
        with pytest.raises(StoreUnavailableError, match="within 1 s"):
            await reading
        assert [one.learner_id for one in await store.roster(course.id, RosterQuery())] == [learner]


async def test_a_read_without_a_free_thread_is_unavailable(folder: Path) -> None:
    store = sqlite_store(folder, read_seconds=0.2)
    async with opened(store):
        course = await new_course(store)
        reads = [store._long_reader.read(read_for_ever) for _ in range(4)]
        outcomes = await asyncio.gather(*reads, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 4
        assert await store.roster(course.id, RosterQuery()) == []


async def test_a_cancelled_long_read_ends(folder: Path) -> None:
    store = sqlite_store(folder)
    async with opened(store):
        course = await new_course(store)
        for _ in range(3):
            reading = asyncio.create_task(store._long_reader.read(read_for_ever))
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        assert await store.roster(course.id, RosterQuery()) == []


async def test_a_read_that_is_cancelled_before_its_statement_begins_ends(folder: Path) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    def read(connection: apsw.Connection) -> Sequence[Any]:
        begun.set()
        cancelled.wait()
        return read_for_ever(connection)

    store = sqlite_store(folder, read_seconds=NEVER)
    async with opened(store):
        reading = asyncio.create_task(store._long_reader.read(read))
        await asyncio.to_thread(begun.wait)
        reading.cancel()
        await asyncio.sleep(0)  # the task is told
        cancelled.set()
        with pytest.raises(asyncio.CancelledError):
            await reading


async def test_a_list_of_many_megabytes_is_read_beside_the_event_loop(folder: Path) -> None:
    store = sqlite_store(folder)
    async with opened(store):
        course, learner = await new_course(store, *(lesson(number) for number in range(1, 81))), new_learner()
        for one in course.lessons:
            await written(store, merge_write(learner, course, one, metadata={"drawing": "x" * 15_000}))
        served: list[str] = []

        async def serve() -> None:
            await asyncio.sleep(0)
            served.append("others")

        serving = asyncio.create_task(serve())
        all_progress = await lesson_progress_of(store, learner, course)
        assert served
        await serving
        assert all(len(progress.metadata["drawing"]) == 15_000 for progress in all_progress.values())


async def test_reads_are_answered_while_an_atomic_import_is_written(folder: Path) -> None:
    store = sqlite_store(folder)
    async with opened(store):
        course, reader = await new_course(store), new_learner()
        lines = [merge_write(new_learner(), course, lesson(1), quiz_attempts=1) for _ in range(2_000)]
        writing = asyncio.create_task(store.write_all(lines))
        reads = 0
        while not writing.done():
            await store.course_progress(reader, course.id)
            reads += 1
            await asyncio.sleep(0)
        assert len(await writing) == len(lines)
        assert reads > 5


async def test_noting_a_recalculation_keeps_the_writers_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = sqlite_store(folder)
    async with opened(store):
        course, learner = await new_course(store), new_learner()
        await written(store, merge_write(learner, course, lesson(1), quiz_attempts=1))
        await store.put_course(replace(course, title="Another title", lessons=course.lessons[:2]))
        await written(store, merge_write(learner, course, lesson(1), quiz_attempts=2))
        forgotten: list[None] = []
        monkeypatch.setattr(store._recent, "forget", lambda: forgotten.append(None))
        under_way = await store.take_recalculation()
        assert under_way is not None
        assert await store.advance_recalculation(under_way)
        await store.finish_recalculation(under_way)
        assert await store.recalculation(course.id) is None
        assert not forgotten
