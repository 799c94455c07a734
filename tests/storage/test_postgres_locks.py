"""Locks, rights and lost connections affect only the writes that need them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from domain.values import lesson
from headway.domain.errors import StoreUnavailableError
from headway.domain.ports import Store
from headway.storage.postgres import database
from headway.storage.postgres.statements import LOCK_COURSE
from storage.stores import exact_tally, merge_write, new_course, new_learner, opened, postgres_store, written
from support import postgres


@asynccontextmanager
async def operator_at(url: str) -> AsyncIterator[Any]:
    """Yield a connection of an operator who changes the database by hand."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


END_WHO_WAITS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1
"""


class Logged:
    """The events in the database's log."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, str]] = []
        monkeypatch.setattr(database, "_log", self)

    def error(self, event: str, **facts: object) -> None:
        self.events.append((event, str(facts["reason"])))


@pytest.mark.parametrize("pooler", [False, True])
async def test_other_learners_are_answered_while_two_learners_are_locked(postgres_url: str, *, pooler: bool) -> None:
    async with (
        opened(postgres_store(postgres_url, batch_limit=1, transaction_pooler=pooler)) as store,
        operator_at(postgres_url) as first,
        operator_at(postgres_url) as second,
    ):
        course, learners = await new_course(store), [new_learner() for _ in range(8)]
        for learner in learners:
            await written(store, merge_write(learner, course, lesson(1), quiz_attempts=1))
        held = learners[:2]
        async with first.transaction(), second.transaction():
            for operator, learner in zip((first, second), held, strict=True):
                await operator.execute("SELECT FROM course_progress WHERE user_id = $1 FOR UPDATE", learner)
            waiting = [  # two to each: their order is to be kept
                asyncio.create_task(
                    written(store, merge_write(learner, course, lesson(1), progress_percentage=percentage))
                )
                for percentage in (10, 20)
                for learner in held
            ]
            await asyncio.sleep(0)
            for attempts in range(2, 5):
                for learner in learners[2:]:
                    progress = await written(store, merge_write(learner, course, lesson(1), quiz_attempts=attempts))
                    assert progress.quiz_attempts == attempts
            assert not any(task.done() for task in waiting)
        all_progress = await asyncio.gather(*waiting)
        assert [progress.progress_percentage for progress in all_progress] == [10, 10, 20, 20]
        assert [progress.version for progress in all_progress] == [2, 2, 3, 3]
        for learner in learners:
            await exact_tally(store, learner, course)


async def test_a_write_of_a_learner_who_stays_locked_is_unavailable(postgres_url: str) -> None:
    async with opened(postgres_store(postgres_url, timeout_seconds=2)) as store, operator_at(postgres_url) as operator:
        course, held, free = await new_course(store), new_learner(), new_learner()
        await written(store, merge_write(held, course, lesson(1), quiz_attempts=1))
        async with operator.transaction():
            await operator.execute("SELECT FROM course_progress WHERE user_id = $1 FOR UPDATE", held)
            with pytest.raises(StoreUnavailableError):
                await store.write(merge_write(held, course, lesson(1), quiz_attempts=2))
            await written(store, merge_write(free, course, lesson(1), quiz_attempts=1))
        assert (await written(store, merge_write(held, course, lesson(1), quiz_attempts=3))).quiz_attempts == 3


async def test_only_a_first_write_in_a_locked_course_waits(postgres_url: str) -> None:
    async with opened(postgres_store(postgres_url)) as store, operator_at(postgres_url) as operator:
        locked, other = await new_course(store), await new_course(store)
        async with operator.transaction():
            await operator.execute(LOCK_COURSE, locked.id)
            waiting = asyncio.create_task(
                written(store, merge_write(new_learner(), locked, lesson(1), quiz_attempts=1))
            )
            await asyncio.sleep(0)
            for _ in range(3):
                await written(store, merge_write(new_learner(), other, lesson(1), quiz_attempts=1))
            assert not waiting.done()
        assert (await waiting).quiz_attempts == 1


async def test_closing_waits_for_writes_that_wait_for_locks(postgres_url: str) -> None:
    store = postgres_store(postgres_url)
    async with operator_at(postgres_url) as operator:
        await store.open()
        course, held = await new_course(store), new_learner()
        await written(store, merge_write(held, course, lesson(1), quiz_attempts=1))
        async with operator.transaction():
            await operator.execute("SELECT FROM course_progress WHERE user_id = $1 FOR UPDATE", held)
            waiting = asyncio.create_task(written(store, merge_write(held, course, lesson(1), quiz_attempts=2)))
            await asyncio.sleep(0)
            closing = asyncio.create_task(store.close())
            await asyncio.sleep(0)
        assert (await waiting).quiz_attempts == 2
        await closing


@pytest.mark.one_server
@pytest.mark.parametrize(
    ("away", "back"),
    [
        ("ALTER TABLE lesson_progress RENAME TO away", "ALTER TABLE away RENAME TO lesson_progress"),
        (
            "ALTER TABLE lesson_progress RENAME COLUMN updated_at TO away",
            "ALTER TABLE lesson_progress RENAME COLUMN away TO updated_at",
        ),
        ("REVOKE ALL ON lesson_progress FROM {user}", "GRANT ALL ON lesson_progress TO {user}"),
    ],
)
async def test_a_database_that_was_changed_by_hand_is_unavailable_until_it_is_repaired(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, away: str, back: str
) -> None:
    async with (
        operator_at(postgres_url) as operator,
        a_user_of_its_own(operator, postgres_url) as (user, url),
        opened(postgres_store(url)) as store,
    ):
        course, learner = await new_course(store), new_learner()
        write = merge_write(learner, course, lesson(1), quiz_attempts=1)
        await written(store, write)
        await operator.execute(away.format(user=user))
        logged = Logged(monkeypatch)
        for attempt in (store.write(write), store.lessons(learner, course.id), store.learner_record(learner)):
            with pytest.raises(StoreUnavailableError):
                await attempt
        assert [event for event, _ in logged.events] == ["database_unusable"] * 3
        await operator.execute(back.format(user=user))
        assert (await written(store, write)).quiz_attempts == 1


@asynccontextmanager
async def a_user_of_its_own(operator: Any, url: str) -> AsyncIterator[tuple[str, str]]:
    """Yield a user who may write but owns nothing, and the address for that user."""
    user = f"user_{new_learner().replace('-', '')}"
    await operator.execute(f"CREATE USER {user}")
    try:
        async with opened(postgres_store(url)):  # makes the tables
            await operator.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}")
        yield user, url.replace("postgres@", f"{user}@")
    finally:
        await operator.execute(f"DROP OWNED BY {user}", timeout=10)
        await operator.execute(f"DROP USER {user}")


@pytest.mark.one_server
async def test_the_cause_of_a_lost_connection_is_logged(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(postgres_store(postgres_url)) as store, operator_at(postgres_url) as operator:
        course, held = await new_course(store), new_learner()
        await written(store, merge_write(held, course, lesson(1), quiz_attempts=1))
        logged = Logged(monkeypatch)
        async with operator.transaction():
            await operator.execute("SELECT FROM course_progress WHERE user_id = $1 FOR UPDATE", held)
            waiting = asyncio.create_task(store.write(merge_write(held, course, lesson(1), quiz_attempts=2)))
            name = await operator.fetchval("SELECT current_database()")
            while not await operator.fetch(END_WHO_WAITS, name):  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0)
            with pytest.raises(StoreUnavailableError):
                await waiting
        [(event, reason)] = logged.events
        assert event == "database_error"
        assert reason.endswith("terminating connection due to administrator command")


@pytest.mark.postgres  # on a server that it starts itself
async def test_writes_erasures_and_edits_at_once_lock_in_one_order() -> None:
    with postgres.server(deadlock_timeout="10ms") as server:
        async with (
            opened(postgres_store(server.url, batch_limit=16)) as store,
            opened(postgres_store(server.url, batch_limit=16)) as other,
        ):
            courses = [await new_course(store, title=f"Course {number}") for number in range(3)]
            learners = [new_learner() for _ in range(40)]
            until = asyncio.get_running_loop().time() + 4

            async def write(at: Store, number: int) -> None:
                while asyncio.get_running_loop().time() < until:
                    learner, course = learners[number % len(learners)], courses[number % 3]
                    await at.write(
                        merge_write(learner, course, lesson(number % 3 + 1), progress_percentage=number % 100)
                    )
                    number += 7

            async def erase(at: Store, number: int) -> None:
                while asyncio.get_running_loop().time() < until:
                    await at.erase(learners[number % len(learners)])
                    number += 3

            async def edit(at: Store, number: int) -> None:
                while asyncio.get_running_loop().time() < until:
                    await at.put_course(replace(courses[number % 3], title=f"Edition {number}"))
                    await asyncio.sleep(0.005)
                    number += 1

            await asyncio.gather(
                *(write(at, number) for at in (store, other) for number in range(12)),
                *(erase(at, number) for at in (store, other) for number in range(2)),
                *(edit(at, number) for at in (store, other) for number in range(2)),
            )
            for learner in learners[:5]:
                for course in courses:
                    await exact_tally(store, learner, course)
        assert not [line for line in server.log.splitlines() if "deadlock" in line]


async def test_a_transaction_that_the_server_rolls_back_is_repeated(postgres_url: str) -> None:
    pool = database.Database(postgres_url, connections=4, timeout_seconds=5, transaction_pooler=False)
    runs = 0

    async def action(connection: Any) -> int:
        nonlocal runs
        runs += 1
        if runs < 3:
            await connection.execute("DO $$ BEGIN RAISE 'a deadlock' USING ERRCODE = '40P01'; END $$")
        return int(await connection.fetchval("SELECT 7"))

    assert await pool.transact(action) == 7
    assert runs == 3

    async def hopeless(connection: Any) -> None:
        await connection.execute("DO $$ BEGIN RAISE 'not serializable' USING ERRCODE = '40001'; END $$")

    with pytest.raises(StoreUnavailableError):
        await pool.transact(hopeless)
    await pool.close()
