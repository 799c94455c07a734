"""The days on which a learner was active, in one course or in all courses."""

from datetime import UTC, date, datetime

from domain.values import lesson
from headway.domain.catalogue import Course
from headway.domain.course_progress import NEVER, LearnerDay
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.ports import Store
from headway.domain.removals import Restart
from storage.stores import Clock, MakeStore, merge_write, new_course, new_learner, opened

MINUTE = 1_000_000


async def days(store: Store, learner: LearnerId, course_id: CourseId | None, first: date = NEVER) -> list[LearnerDay]:
    return sorted(await store.active_days(learner, course_id, first))


async def write(store: Store, clock: Clock, day: int, learner: LearnerId, course: Course, percentage: int) -> None:
    """Write in a course's first lesson on a day of March, and have spent as many minutes in it."""
    clock.now = datetime(2026, 3, day, 12, tzinfo=UTC)
    await store.write(
        merge_write(learner, course, lesson(1), progress_percentage=percentage, time_spent_minutes=percentage)
    )


async def test_each_day_has_the_activity_in_the_requested_course(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        learner, one, other = new_learner(), await new_course(store), await new_course(store)
        await write(store, clock, 1, learner, one, 10)
        await write(store, clock, 1, new_learner(), one, 50)
        await write(store, clock, 3, learner, one, 100)
        await write(store, clock, 3, learner, other, 20)
        await write(store, clock, 4, learner, one, 100)
        begun = LearnerDay(date(2026, 3, 1), 1, 0, 10 * MINUTE)
        finished = LearnerDay(date(2026, 3, 3), 0, 1, 90 * MINUTE)
        looked = LearnerDay(date(2026, 3, 4))
        elsewhere = LearnerDay(date(2026, 3, 3), 1, 0, 20 * MINUTE)
        assert await days(store, learner, one.id) == [begun, finished, looked]
        assert await days(store, learner, other.id) == [elsewhere]
        assert await days(store, learner, None) == sorted([begun, finished, looked, elsewhere])
        assert await days(store, learner, None, date(2026, 3, 4)) == [looked]
        assert await days(store, new_learner(), None) == []


async def test_days_stay_when_the_course_is_started_over_or_leaves(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        learner, course = new_learner(), await new_course(store)
        await write(store, clock, 1, learner, course, 10)
        await write(store, clock, 2, learner, course, 20)
        before = await days(store, learner, course.id)
        assert len(before) == 2
        await store.restart_course(Restart(learner, course.id))
        assert await days(store, learner, course.id) == before
        await store.remove_course(course.id)
        assert await days(store, learner, None) == before


async def test_an_erased_learner_has_no_days(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        learner, course = new_learner(), await new_course(store)
        await write(store, clock, 1, learner, course, 10)
        await write(store, clock, 2, learner, course, 20)
        await store.erase(learner)
        assert await days(store, learner, None, date(1970, 1, 2)) == []
