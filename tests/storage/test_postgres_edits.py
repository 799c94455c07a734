"""Edits of courses that a process learns late, or that meet a learner's first write."""

import asyncio
from dataclasses import replace as with_fields

import asyncpg
import pytest

from domain.values import lesson
from headway.domain.progress import Status
from headway.jobs.runner import Runner
from headway.jobs.upkeep import Recalculator
from storage.stores import merge_write, new_course, new_learner, opened, postgres_store, soon, written
from storage.test_store_edits import check_exact, completed, derived

FILL_THE_SLOTS = "INSERT INTO course_statistics SELECT $1, slot, 0, 0 FROM generate_series(0, 15) AS slot"


async def test_a_process_with_an_old_course_in_its_cache_recalculates_correctly(postgres_url: str) -> None:
    async with (
        opened(postgres_store(postgres_url)) as author,
        opened(postgres_store(postgres_url, transaction_pooler=True)) as other,
    ):
        known = await new_course(author, lesson(1), lesson(2))
        learner = new_learner()
        await written(author, merge_write(learner, known, lesson(1), status=Status.COMPLETED))
        await other.lessons(learner, known.id)  # keeps the course, and uses it for a second without asking
        await author.put_course(with_fields(known, lessons=(lesson(1),)))
        async with Runner([Recalculator(other)]).working():
            await derived(author, known.id)
        assert await completed(author, known.id) == 1
        await check_exact(author, known.id)


@pytest.mark.one_server
async def test_a_first_write_during_an_edit_is_recalculated(postgres_url: str) -> None:
    async with opened(postgres_store(postgres_url)) as store, opened(postgres_store(postgres_url)) as author:
        hard = await new_course(store, lesson(1, complete_at=100))
        operator = await asyncpg.connect(postgres_url)

        async def waiting() -> object:
            return await operator.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")

        async with operator.transaction():  # keeps the learner's write from being counted, and thereby from its end
            await operator.execute(FILL_THE_SLOTS, hard.id)
            writing = asyncio.create_task(
                written(store, merge_write(new_learner(), hard, lesson(1), progress_percentage=80))
            )
            await soon(waiting, 1)
            editing = asyncio.create_task(author.put_course(with_fields(hard, lessons=(lesson(1, complete_at=75),))))

            async def is_edited_or_waits() -> bool:
                return editing.done() or await waiting() == 2

            await soon(is_edited_or_waits, answer=True)
        await operator.close()
        await asyncio.gather(writing, editing)
        async with Runner([Recalculator(store)]).working():
            await derived(store, hard.id)
        assert await completed(store, hard.id) == 1
        await check_exact(store, hard.id)
