"""The cached catalogue of a process while another process changes the catalogue."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from domain.values import lesson
from headway.domain.catalogue import Course
from headway.storage.postgres import statements as sql
from storage.stores import merge_write, new_course, new_learner, opened, postgres_store, soon


@pytest.mark.parametrize("transaction_pooler", [False, True], ids=["listening", "asking"])
async def test_a_course_that_changes_during_a_read_is_not_cached(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, transaction_pooler: bool
) -> None:
    async with (
        opened(postgres_store(postgres_url)) as author,
        opened(store := postgres_store(postgres_url, transaction_pooler=transaction_pooler)),
    ):
        course = await new_course(author)
        read, asked = asyncio.Event(), asyncio.Event()
        fetch = store._database.fetch

        async def slow_fetch(statement: str, *parameters: object) -> Sequence[Any]:
            """Return the course's rows only when the catalogue has meanwhile asked for changes."""
            rows = await fetch(statement, *parameters)
            if statement == sql.LESSONS_OF_COURSES and not read.is_set():
                read.set()
                await asked.wait()
            elif statement == sql.PROBE and read.is_set():
                asked.set()
            return rows

        monkeypatch.setattr(store._database, "fetch", slow_fetch)
        learner = new_learner()
        reading = asyncio.create_task(store.course(course.id))
        await read.wait()
        edited = Course(course.id, "Edited", (*course.lessons, lesson(9)))
        await author.put_course(edited)
        await store.lessons(learner, course.id)
        await reading

        async def course_now() -> Course:
            return (await store.lessons(learner, course.id)).course

        await soon(course_now, edited)
        assert (await store.write(merge_write(learner, edited, lesson(9), quiz_attempts=1))).after is not None


@pytest.mark.parametrize("transaction_pooler", [False, True], ids=["listening", "asking"])
async def test_a_lesson_that_another_process_added_can_be_written_to_at_once(
    postgres_url: str, transaction_pooler: bool
) -> None:
    async with (
        opened(postgres_store(postgres_url)) as author,
        opened(postgres_store(postgres_url, transaction_pooler=transaction_pooler)) as store,
    ):
        course = await new_course(author)
        for number in range(10, 30):
            assert (await store.course_progress(new_learner(), course.id)).course == course
            course = Course(course.id, course.title, (*course.lessons, lesson(number)))
            await author.put_course(course)
            written = await store.write(merge_write(new_learner(), course, lesson(number), quiz_attempts=1))
            assert written.after is not None
