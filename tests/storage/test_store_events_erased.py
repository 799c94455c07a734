"""Events of learners who are erased while events are published: none of them stays, and none comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.values import lesson
from headway.domain.catalogue import Course
from headway.domain.events import EventType, Recording
from headway.domain.identifiers import LearnerId
from headway.domain.ports import Store
from headway.domain.progress import Status
from headway.domain.writes import LessonWrite
from storage.stores import MakeStore, lesson_progress_of, merge_write, new_course, new_learner, opened

ROUNDS = 25
NEW = ["learner.erased", "enrolment.created", "course.started", "lesson.started"]
TRANSITIONS = Recording(days=30)


async def types_of(store: Store, learner: LearnerId) -> list[str]:
    while await store.events.publish():
        pass
    feed = await store.events.read(0, 1_000_000)
    return [str(one.event.type) for one in feed.events if one.event.learner_id == learner]


@asynccontextmanager
async def publishing(store: Store) -> AsyncIterator[None]:
    """Publish all the time until the block is left."""

    async def publish() -> None:
        while True:
            await store.events.publish()
            await asyncio.sleep(0)

    task = asyncio.create_task(publish())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.slow
async def test_an_erasure_beside_publications_leaves_one_event(make_store: MakeStore) -> None:
    async with (
        opened(make_store(recording=TRANSITIONS)) as one,
        opened(make_store(recording=TRANSITIONS)) as other,
        publishing(one),
        publishing(other),
    ):
        course = await new_course(one, *map(lesson, range(1, 31)))
        erased = [new_learner() for _ in range(ROUNDS)]
        for learner in erased:
            writes = (merge_write(learner, course, each, status=Status.COMPLETED) for each in course.lessons)
            await asyncio.gather(*(one.write(write) for write in writes))
            await other.erase(learner)
            assert await types_of(other, learner) == ["learner.erased"]
        for learner in erased:
            assert await types_of(other, learner) == ["learner.erased"]


@pytest.mark.slow
async def test_what_a_learner_writes_during_an_erasure_is_told_or_gone(make_store: MakeStore) -> None:
    async with (
        opened(make_store(recording=TRANSITIONS)) as one,
        opened(make_store(recording=TRANSITIONS)) as other,
        publishing(one),
    ):
        courses = [await new_course(one) for _ in range(3)]
        for _ in range(ROUNDS):
            learner = new_learner()
            await asyncio.gather(*(one.write(_beginning(learner, course)) for course in courses[:2]))
            erasing = asyncio.create_task(other.erase(learner))
            while not erasing.done():
                await asyncio.gather(*(one.write(_beginning(learner, course)) for course in courses))
            await erasing
            told = await types_of(other, learner)
            assert told.count("learner.erased") == 1
            kept = sum([len(await lesson_progress_of(other, learner, course)) for course in courses])
            assert told.count("lesson.started") == told.count("course.started") == kept, told


async def test_a_writer_that_remembers_an_erased_learner_begins_anew(make_store: MakeStore) -> None:
    learner = new_learner()
    async with opened(make_store(recording=TRANSITIONS)) as one, opened(make_store(recording=TRANSITIONS)) as other:
        course = await new_course(one)
        first, second, _ = course.lessons
        await one.write(merge_write(learner, course, first, status=Status.COMPLETED))
        await other.erase(learner)
        await one.write(merge_write(learner, course, second, progress_percentage=20))
        assert await types_of(one, learner) == NEW
        feed = await one.events.read(0, 100)
        [started] = [one.event for one in feed.events if one.event.type is EventType.LESSON_STARTED]
        assert (started.lesson_id, started.old["status"]) == (second.id, None)


def _beginning(learner: LearnerId, course: Course) -> LessonWrite:
    return merge_write(learner, course, course.lessons[0], progress_percentage=20)
