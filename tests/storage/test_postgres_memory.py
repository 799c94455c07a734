"""The caches of the PostgreSQL store never win over the database."""

from datetime import timedelta

import asyncpg
import pytest

from domain.values import lesson
from headway.domain.errors import StoreUnavailableError
from headway.storage.postgres import catalogue, learners
from storage.stores import (
    exact_tally,
    lesson_progress_of,
    merge_write,
    new_course,
    new_learner,
    opened,
    postgres_store,
    soon,
    written,
)


async def test_lesson_progress_that_could_not_be_read_is_not_cached_as_absent(postgres_url: str) -> None:
    async with opened(postgres_store(postgres_url)) as store, opened(postgres_store(postgres_url)) as other:
        learner, course = new_learner(), await new_course(store)
        kept = await written(other, merge_write(learner, course, lesson(2), user_notes="precious", quiz_score=90))
        await written(
            store, merge_write(learner, course, lesson(1), quiz_attempts=1)
        )  # knows the course progress, not lesson 2
        operator = await asyncpg.connect(postgres_url)
        await operator.execute("ALTER TABLE lesson_progress RENAME TO away")
        with pytest.raises(StoreUnavailableError):
            await store.write(merge_write(learner, course, lesson(2), quiz_attempts=1))
        await operator.execute("ALTER TABLE away RENAME TO lesson_progress")
        await operator.close()
        progress = await written(store, merge_write(learner, course, lesson(2), progress_percentage=5))
        assert (progress.id, progress.user_notes, progress.quiz_score) == (kept.id, "precious", 90)
        assert await lesson_progress_of(other, learner, course) == await lesson_progress_of(store, learner, course)
        await exact_tally(other, learner, course)


async def test_a_database_that_lost_its_last_commits_is_read_again(postgres_url: str) -> None:
    """After a failover to a late standby, new values must not be taken for the lost ones."""
    async with opened(postgres_store(postgres_url)) as store, opened(postgres_store(postgres_url)) as other:
        learner, course = new_learner(), await new_course(store)
        write = merge_write(learner, course, lesson(1), quiz_attempts=1)
        await written(store, write)
        before = await asyncpg.connect(postgres_url)
        tables = ("lesson_progress", "course_progress")
        for table in tables:
            await before.execute(f"CREATE TABLE {table}_before AS SELECT * FROM {table}")
        await written(store, merge_write(learner, course, lesson(1), quiz_score=50))
        lost_stamp = await store.lessons_stamp(learner, course.id)
        for table in tables:
            await before.execute(f"TRUNCATE {table}")
            await before.execute(f"INSERT INTO {table} SELECT * FROM {table}_before")
        await before.close()
        await written(other, merge_write(learner, course, lesson(1), user_notes="after the failover"))
        assert await store.lessons_stamp(learner, course.id) != lost_stamp
        progress = await written(store, merge_write(learner, course, lesson(1), progress_percentage=20))
        assert (progress.user_notes, progress.quiz_score, progress.progress_percentage) == (
            "after the failover",
            None,
            20,
        )
        await exact_tally(other, learner, course)


async def test_a_cancelled_statement_also_ends_on_the_server(postgres_url: str) -> None:
    async with opened(postgres_store(postgres_url, timeout_seconds=1)) as store:
        learner, course = new_learner(), await new_course(store)
        await written(store, merge_write(learner, course, lesson(1), quiz_attempts=1))
        operator = await asyncpg.connect(postgres_url)
        async with operator.transaction():
            await operator.execute("LOCK TABLE course_progress IN SHARE MODE")
            for _ in range(3):
                with pytest.raises(StoreUnavailableError):
                    await store.write(merge_write(learner, course, lesson(1), quiz_attempts=2))
            assert await operator.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0
        await operator.close()


async def test_a_learner_erased_by_another_process_leaves_no_course_progress(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learners, "REMEMBERED", timedelta(seconds=0.05))
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 0)
    async with opened(postgres_store(postgres_url)) as service:
        learner, course = new_learner(), await new_course(service)
        await written(service, merge_write(learner, course, lesson(1), quiz_attempts=1))
        async with opened(postgres_store(postgres_url)) as command:
            assert await command.erase(learner)
        operator = await asyncpg.connect(postgres_url)

        async def positions() -> object:
            await service.sweep()
            found = await operator.fetchval("SELECT count(*) FROM course_progress WHERE user_id = $1", learner)
            return found + await operator.fetchval("SELECT count(*) FROM erased_learners")

        await soon(positions, 0)
        await operator.close()


async def test_an_erasure_that_can_not_be_noted_removes_nothing(postgres_url: str) -> None:
    async with opened(postgres_store(postgres_url)) as store:
        learner, course = new_learner(), await new_course(store)
        await written(store, merge_write(learner, course, lesson(1), quiz_attempts=1))
        operator = await asyncpg.connect(postgres_url)
        await operator.execute("ALTER TABLE erased_learners RENAME TO away")
        with pytest.raises(StoreUnavailableError):
            await store.erase(learner)
        await operator.execute("ALTER TABLE away RENAME TO erased_learners")
        assert await store.erase(learner)  # all was still there, its place among the rest
        assert await operator.fetchval("SELECT count(*) FROM erased_learners WHERE user_id = $1", learner) == 1
        await operator.close()
