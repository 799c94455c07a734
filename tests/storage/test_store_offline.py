"""Writes that were made on devices and arrive later, at a store: what it keeps and counts in any order of arrival."""

import asyncio
from dataclasses import replace as with_fields
from datetime import datetime, timedelta
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.values import EARLIER, LATER, UPDATES, lesson, quiz
from headway.domain.course_progress import CourseProgress, EnrolmentSource
from headway.domain.enrolments import Enforcement, EnrolmentChange, EnrolmentMode
from headway.domain.errors import LessonNotFoundError, NotEnrolledError, OtherRunError
from headway.domain.identifiers import LearnerId
from headway.domain.ports import Store
from headway.domain.progress import LessonProgress, ProgressUpdate, Status
from headway.domain.removals import Restart
from headway.domain.runs import RunStart
from headway.domain.writes import LessonWrite, Written
from storage.stores import (
    Clock,
    MakeStore,
    exact_tally,
    lesson_progress_of,
    merge_write,
    new_course,
    new_learner,
    opened,
    removal,
)
from storage.test_store_edits import verified

OF = (lesson(1), quiz(2, pass_mark=70, complete_at=50), lesson(3, required=False))
MADE = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), UPDATES), min_size=2, max_size=8)
_PER_WRITER = ("learner_id", "id", "version", "updated_at", "revision")


def at(hours: int) -> datetime:
    return EARLIER + hours * timedelta(hours=9)


def made(write: LessonWrite, hours: int) -> LessonWrite:
    return write._replace(made_at=at(hours))


def alike(progress: LessonProgress | CourseProgress | None) -> dict[str, object]:
    """Return what does not differ between two learners who have done the same."""
    assert progress is not None
    return {name: value for name, value in progress._asdict().items() if name not in _PER_WRITER}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=MADE, order=st.randoms(use_true_random=False))
def test_writes_end_in_the_same_progress_in_any_order_and_repeated(
    make_store: MakeStore, writes: list[tuple[int, int, ProgressUpdate]], order: Random
) -> None:
    async def arrive() -> None:
        async with opened(make_store(clock=Clock(LATER))) as store:
            course = await new_course(store, *OF)
            first, second = new_learner(), new_learner()

            def of(learner: LearnerId) -> list[LessonWrite]:
                return [made(merge_write(learner, course, lesson(number), **sent), at) for at, number, sent in writes]

            again = [*of(second), *order.choices(of(second), k=3)]
            order.shuffle(again)
            half = len(again) // 2
            await store.write_each(of(first))
            await asyncio.gather(store.write_each(again[:half]), store.write_each(again[half:]))
            lessons = [await lesson_progress_of(store, learner, course) for learner in (first, second)]
            assert {lesson_id: alike(one) for lesson_id, one in lessons[0].items()} == {
                lesson_id: alike(one) for lesson_id, one in lessons[1].items()
            }
            tallies = [await exact_tally(store, learner, course) for learner in (first, second)]
            assert tallies[0] == tallies[1]

    asyncio.run(arrive())


async def test_what_decides_about_writes_of_devices_outlives_a_restart(make_store: MakeStore) -> None:
    clock = Clock(at(5))
    async with opened(make_store(clock=clock)) as store:
        course, learner = await new_course(store, *OF), new_learner()
        await store.write(merge_write(learner, course, lesson(1), user_notes="online", metadata={"a": 1}))
        await store.write(made(merge_write(learner, course, lesson(2), video_position_seconds=0), 3))
        await store.write(merge_write(learner, course, lesson(3), is_bookmarked=True))
        clock.now = at(6)
        await store.write(removal(learner, course, lesson(3)))
    async with opened(make_store(clock=Clock(at(8)))) as store:
        first, second, third = await store.write_each(
            [
                made(merge_write(learner, course, lesson(1), user_notes="late", metadata={"a": 2, "b": 3}), 4),
                made(merge_write(learner, course, lesson(2), video_position_seconds=5), 2),
                made(merge_write(learner, course, lesson(3), quiz_attempts=2), 5),
            ]
        )
        assert isinstance(first, Written) and isinstance(second, Written) and isinstance(third, Written)  # noqa: PT018
        assert first.after is not None
        assert (first.after.user_notes, first.after.metadata) == ("online", {"a": 1, "b": 3})
        assert second.after is not None
        assert second.after.video_position_seconds == 0
        assert third == Written(None, None, OF[2], ("quiz_attempts",))


async def test_a_course_that_was_started_over_stays_empty(make_store: MakeStore) -> None:
    clock = Clock(at(5))
    async with opened(make_store(clock=clock)) as store:
        course, learner = await new_course(store, *OF), new_learner()
        await store.write(merge_write(learner, course, lesson(1), quiz_attempts=1))
        await store.restart_course(Restart(learner, course.id))
        clock.now = at(7)
        await store.write_each([made(merge_write(learner, course, lesson(1), quiz_attempts=2), 4)])
        assert await lesson_progress_of(store, learner, course) == {}
        await store.write_each([made(merge_write(learner, course, lesson(1), quiz_attempts=3), 6)])
        assert [one.quiz_attempts for one in (await lesson_progress_of(store, learner, course)).values()] == [3]


async def test_days_and_completion_are_of_the_time_at_which_the_work_was_done(make_store: MakeStore) -> None:
    async with opened(make_store(clock=Clock(LATER))) as store:
        course, learner = await new_course(store, lesson(1), lesson(2)), new_learner()
        await store.write_each([made(merge_write(learner, course, lesson(2), progress_percentage=100), 4)])
        await store.write_each(
            [
                made(merge_write(learner, course, lesson(1), progress_percentage=100, time_spent_minutes=5), 1),
                made(merge_write(learner, course, lesson(1), time_spent_minutes=7), 2),
            ]
        )
        progress = (await store.course_progress(learner, course.id)).progress
        assert progress is not None
        assert (progress.completed_at, progress.last_accessed, progress.started_at) == (at(4), at(4), at(1))
        days = await store.active_days(learner, course.id, EARLIER.date())
        assert {day.date: (day.lessons_completed, day.micro_minutes, day.completions) for day in days} == {
            at(1).date(): (1, 5_000_000, 0),
            at(2).date(): (1, 2_000_000, 1),
        }


async def test_work_after_a_lesson_was_completed_leaves_the_day_of_its_completion(make_store: MakeStore) -> None:
    async with opened(make_store(clock=Clock(LATER))) as store:
        course, learner = await new_course(store, lesson(1), lesson(2)), new_learner()
        for number, hours, sent in [(1, 1, {"status": Status.COMPLETED}), (2, 3, {}), (1, 5, {})]:
            late = made(merge_write(learner, course, lesson(number), time_spent_minutes=hours, **sent), hours)
            await store.write_each([late])
        days = await store.active_days(learner, course.id, EARLIER.date())
        assert [(day.date, day.lessons_completed, day.micro_minutes) for day in days] == [
            (at(1).date(), 1, 1_000_000),
            (at(3).date(), 0, 3_000_000),
            (at(5).date(), 0, 4_000_000),
        ]
        assert (await verified(store)).is_exact


async def test_days_are_exact_where_a_condition_was_met_before_an_edit(make_store: MakeStore) -> None:
    async with opened(make_store(clock=Clock(LATER))) as store:
        of = quiz(1, pass_mark=70, complete_at=50)
        course, learner = await new_course(store, of, lesson(2)), new_learner()
        await store.write_each([made(merge_write(learner, course, of, progress_percentage=60), 1)])
        await store.put_course(with_fields(course, lessons=(with_fields(of, complete_at=80), lesson(2))))
        await store.write_each([made(merge_write(learner, course, of, quiz_score=90), 2)])
        await store.write_each([made(merge_write(learner, course, lesson(2), time_spent_minutes=1), 3)])
        [completed] = await store.write_each([made(merge_write(learner, course, of, progress_percentage=80), 5)])
        assert isinstance(completed, Written)
        assert completed.after is not None
        assert completed.after.completed_at == at(5)
        assert (await verified(store)).is_exact


async def test_a_write_counts_where_the_learner_was_enrolled_when_it_was_made(make_store: MakeStore) -> None:
    clock = Clock(at(1))
    enforced = Enforcement(EnrolmentMode.CLOSED)
    async with opened(make_store(clock=clock, enforced=enforced)) as store:
        course, learner = await new_course(store, *OF), new_learner()
        source = EnrolmentSource(None, at(2))
        await store.enrol(EnrolmentChange(learner, course.id, source))
        clock.now = at(5)
        await store.enrol(EnrolmentChange(learner, course.id, source, ends=True))
        clock.now = at(7)
        writes = [made(merge_write(learner, course, lesson(1), quiz_attempts=hours), hours) for hours in (3, 6)]
        enrolled, after_the_end = await store.write_each(writes)
        assert isinstance(enrolled, Written)
        assert isinstance(after_the_end, NotEnrolledError)


async def test_a_write_of_an_earlier_run_is_refused(make_store: MakeStore) -> None:
    clock = Clock(at(1))
    async with opened(make_store(clock=clock)) as store:
        course, learner = await new_course(store, *OF), new_learner()
        await store.enrol(EnrolmentChange(learner, course.id, EnrolmentSource()))
        await store.write(merge_write(learner, course, lesson(1), quiz_attempts=1))
        clock.now = at(5)
        await store.begin_run(RunStart(learner, course.id))
        clock.now = at(7)
        writes = [made(merge_write(learner, course, lesson(1), quiz_attempts=hours), hours) for hours in (4, 6)]
        earlier, present = await store.write_each(writes)
        assert isinstance(earlier, OtherRunError)
        assert isinstance(present, Written)
        assert [one.quiz_attempts for one in (await lesson_progress_of(store, learner, course)).values()] == [6]


async def test_a_refused_write_refuses_no_other(store: Store) -> None:
    course, learner = await new_course(store, lesson(1)), new_learner()
    refused, stored = await store.write_each(
        [merge_write(learner, course, lesson(9), quiz_attempts=1), merge_write(learner, course, lesson(1))]
    )
    assert isinstance(refused, LessonNotFoundError)
    assert isinstance(stored, Written)
    assert await store.write_each([]) == []
