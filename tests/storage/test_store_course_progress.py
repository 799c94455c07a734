"""Course progress is exact after every write and after every edit of the course."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.values import lesson
from headway.domain.catalogue import Course, Lesson
from headway.domain.course_progress import LessonsStamp, Tally
from headway.domain.errors import LessonNotFoundError
from headway.domain.identifiers import LearnerId
from headway.domain.ports import Store
from headway.domain.progress import Status
from headway.domain.removals import Restart
from storage.stores import (
    Clock,
    MakeStore,
    conditional,
    exact_tally,
    lesson_progress_of,
    merge_write,
    new_course,
    new_learner,
    opened,
    removal,
    written,
)


async def put_lessons(store: Store, course: Course, *lessons: Lesson) -> None:
    await store.put_course(Course(course.id, course.title, lessons))


async def put_back(store: Store, course: Course) -> None:
    await store.remove_course(course.id)
    await store.put_course(course)


async def learner_with_two_completed_and_one_begun(store: Store, course: Course) -> LearnerId:
    """Return a learner with a minute in the first lesson, two in the second, and four in the third."""
    learner = new_learner()
    for number, percentage in [(1, 100), (2, 100), (3, 50)]:
        minutes = 2 ** (number - 1)
        await store.write(
            merge_write(learner, course, lesson(number), progress_percentage=percentage, time_spent_minutes=minutes)
        )
    return learner


async def test_a_tally_follows_every_write(store: Store) -> None:
    learner, course = new_learner(), await new_course(store, lesson(1), lesson(2), lesson(3, required=False))
    first = await written(store, merge_write(learner, course, lesson(1), time_spent_minutes=0.1))
    assert await exact_tally(store, learner, course) == Tally(0, 1, 100_000)
    await store.write(merge_write(learner, course, lesson(2), progress_percentage=100, time_spent_minutes=0.2))
    assert await exact_tally(store, learner, course) == Tally(1, 1, 300_000)
    await store.write(merge_write(learner, course, lesson(3), progress_percentage=100, time_spent_minutes=1))
    assert await exact_tally(store, learner, course) == Tally(1, 1, 1_300_000)
    first = await written(store, conditional(first, status=Status.COMPLETED, time_spent_minutes=0))
    assert await exact_tally(store, learner, course) == Tally(2, 0, 1_200_000)
    await store.write(conditional(first, status=Status.NOT_STARTED))
    assert await exact_tally(store, learner, course) == Tally(1, 0, 1_200_000)
    await store.write(removal(learner, course, lesson(2)))
    assert await exact_tally(store, learner, course) == Tally(0, 0, 1_000_000)


async def test_many_small_times_add_up_exactly(store: Store) -> None:
    learner, course = new_learner(), await new_course(store, *(lesson(number) for number in range(30)))
    for of in course.lessons:
        await store.write(merge_write(learner, course, of, time_spent_minutes=0.1))
    assert (await exact_tally(store, learner, course)).micro_minutes == 3_000_000


@pytest.mark.parametrize(
    ("edited", "tally"),
    [
        pytest.param([lesson(1), lesson(2)], Tally(2, 0, 3_000_000), id="a lesson leaves"),
        pytest.param([lesson(2), lesson(3)], Tally(1, 1, 6_000_000), id="a completed lesson leaves"),
        pytest.param([lesson(4)], Tally(0, 0, 0), id="all lessons leave"),
        pytest.param([lesson(n) for n in range(1, 6)], Tally(2, 1, 7_000_000), id="lessons are added"),
        pytest.param(
            [lesson(1, required=False), lesson(2), lesson(3, required=False)],
            Tally(1, 0, 7_000_000),
            id="lessons become optional",
        ),
        pytest.param([lesson(3), lesson(2), lesson(1)], Tally(2, 1, 7_000_000), id="the order changes"),
        pytest.param([lesson(n, title="New") for n in (1, 2, 3)], Tally(2, 1, 7_000_000), id="titles change"),
        pytest.param([lesson(n, complete_at=10) for n in (1, 2, 3)], Tally(2, 1, 7_000_000), id="complete_at changes"),
    ],
)
async def test_a_tally_is_exact_after_an_edit_without_any_write(
    make_store: MakeStore, edited: list[Lesson], tally: Tally
) -> None:
    async with opened(make_store()) as store:
        course = await new_course(store)
        learner = await learner_with_two_completed_and_one_begun(store, course)
        assert await exact_tally(store, learner, course) == Tally(2, 1, 7_000_000)
        await put_lessons(store, course, *edited)
        assert await exact_tally(store, learner, course) == tally
        [reading] = await store.learner_courses(learner)
        assert reading == await store.course_progress(learner, course.id)
    async with opened(make_store()) as store:
        assert await exact_tally(store, learner, course) == tally


async def test_a_tally_is_exact_after_edits_that_are_followed_by_writes(store: Store) -> None:
    course = await new_course(store)
    learner = await learner_with_two_completed_and_one_begun(store, course)
    await put_lessons(store, course, lesson(2, required=False), lesson(3), lesson(4))
    await store.write(merge_write(learner, course, lesson(4), progress_percentage=100, time_spent_minutes=8))
    assert await exact_tally(store, learner, course) == Tally(1, 1, 14_000_000)
    await store.write(removal(learner, course, lesson(3)))
    assert await exact_tally(store, learner, course) == Tally(1, 0, 10_000_000)
    await put_lessons(store, course, lesson(1), lesson(2), lesson(3), lesson(4))
    await store.write(merge_write(learner, course, lesson(3), video_position_seconds=3))
    assert await exact_tally(store, learner, course) == Tally(3, 1, 11_000_000)


@pytest.mark.parametrize("step", [timedelta(0), timedelta(seconds=-1)], ids=["stands still", "goes back"])
async def test_edits_and_writes_are_distinguished_without_progress_of_the_clock(
    make_store: MakeStore, step: timedelta
) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def clock() -> datetime:
        nonlocal now
        now += step
        return now

    async with opened(make_store(clock=clock)) as store:
        course = await new_course(store)
        learner = await learner_with_two_completed_and_one_begun(store, course)
        stamps = {await store.lessons_stamp(learner, course.id)}
        for edited, tally in [
            ([lesson(1), lesson(3)], Tally(1, 1, 5_000_000)),
            ([lesson(2)], Tally(1, 0, 2_000_000)),
            ([lesson(2), lesson(1, required=False)], Tally(1, 0, 3_000_000)),
        ]:
            await put_lessons(store, course, *edited)
            assert (await store.course(course.id)).course.lessons == tuple(edited)
            assert await exact_tally(store, learner, course) == tally
            stamps.add(await store.lessons_stamp(learner, course.id))
        await store.write(merge_write(learner, course, lesson(2), video_position_seconds=1))
        stamps.add(await store.lessons_stamp(learner, course.id))
    assert len(stamps) == 5


async def test_an_edit_that_is_undone_leaves_the_tally_unchanged(store: Store) -> None:
    course = await new_course(store)
    learner = await learner_with_two_completed_and_one_begun(store, course)
    await put_lessons(store, course, lesson(1))
    await store.write(removal(learner, course, lesson(1)))
    await store.put_course(course)
    assert await exact_tally(store, learner, course) == Tally(1, 1, 6_000_000)


async def test_lesson_progress_is_hidden_while_its_lesson_is_removed(store: Store) -> None:
    course = await new_course(store)
    learner = await learner_with_two_completed_and_one_begun(store, course)
    all_progress = await lesson_progress_of(store, learner, course)
    await put_lessons(store, course, lesson(1), lesson(3))
    with pytest.raises(LessonNotFoundError):
        await store.write(merge_write(learner, course, lesson(2), quiz_attempts=1))
    with pytest.raises(LessonNotFoundError):
        await store.write(removal(learner, course, lesson(2)))
    reading = await store.lesson(learner, course.id, lesson(2).id)
    assert lesson(2).id not in reading.course.lessons_by_id
    assert reading.lesson_progress == all_progress[lesson(2).id]
    await store.put_course(course)
    assert await lesson_progress_of(store, learner, course) == all_progress
    progress = await written(store, conditional(all_progress[lesson(2).id], user_notes="back again"))
    assert progress.version == all_progress[lesson(2).id].version + 1


async def test_starting_a_course_over_removes_hidden_lesson_progress_too(store: Store) -> None:
    course, other = await new_course(store), await new_course(store)
    learner, bystander = [await learner_with_two_completed_and_one_begun(store, course) for _ in range(2)]
    elsewhere = await written(store, merge_write(learner, other, lesson(1), quiz_attempts=1))
    await put_lessons(store, course, lesson(1), lesson(3))
    await store.restart_course(Restart(learner, course.id))
    assert await lesson_progress_of(store, learner, course) == {}
    present = (await store.course_progress(learner, course.id)).progress
    assert present is not None
    assert (present.tally, present.started_at, present.is_enrolled) == (Tally(), None, True)
    assert [reading.course for reading in await store.learner_courses(learner)] == [other]
    await store.put_course(course)
    assert await lesson_progress_of(store, learner, course) == {}
    assert await lesson_progress_of(store, learner, other) == {lesson(1).id: elsewhere}
    assert await exact_tally(store, bystander, course) == Tally(2, 1, 7_000_000)


async def test_a_course_started_over_counts_from_nothing(store: Store) -> None:
    course = await new_course(store)
    learner = await learner_with_two_completed_and_one_begun(store, course)
    await store.restart_course(Restart(learner, course.id))
    progress = await written(store, merge_write(learner, course, lesson(1), time_spent_minutes=0.5))
    assert progress.version == 1
    assert await exact_tally(store, learner, course) == Tally(0, 1, 500_000)


async def test_starting_over_a_course_without_progress_is_not_refused(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    await store.restart_course(Restart(learner, course.id))
    assert await store.learner_courses(learner) == []


async def test_a_learners_courses_are_in_the_order_of_the_last_write(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        learner = new_learner()
        first, second, third, _untouched = [await new_course(store) for _ in range(4)]
        for course in (first, second, third, first):
            await store.write(merge_write(learner, course, lesson(1), video_position_seconds=1))
        assert [reading.course for reading in await store.learner_courses(learner)] == [first, third, second]
        await store.write(removal(learner, second, lesson(1)))
        assert [reading.course for reading in await store.learner_courses(learner)] == [second, first, third]
        await store.write(merge_write(new_learner(), third, lesson(1), video_position_seconds=1))
        readings = await store.learner_courses(learner)
        assert [reading.course for reading in readings] == [second, first, third]
        assert readings == [await store.course_progress(learner, reading.course.id) for reading in readings]


async def test_a_learners_courses_are_in_order_to_the_microsecond(make_store: MakeStore) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    moments = [noon + timedelta(microseconds=step) for step in (1, 0, 999_999, 1_000_000, -1)]
    shown = [noon]
    async with opened(make_store(clock=lambda: shown[0])) as store:
        learner, courses = new_learner(), [await new_course(store) for _ in moments]
        for course, moment in zip(courses, moments, strict=True):
            shown[0] = moment
            await store.write(merge_write(learner, course, lesson(1), quiz_attempts=1))
        readings = await store.learner_courses(learner)
    assert [reading.course for reading in readings] == [courses[position] for position in (3, 2, 0, 1, 4)]
    assert [reading.progress and reading.progress.last_accessed for reading in readings] == sorted(moments)[::-1]


def changes_of_a_list(store: Store, learner: LearnerId, course: Course) -> list[Callable[[], Awaitable[object]]]:
    """Whatever may make a learner's list of a course another one."""
    return [
        lambda: store.write(merge_write(learner, course, lesson(1), progress_percentage=50)),
        lambda: store.write(merge_write(learner, course, lesson(1), progress_percentage=60)),
        lambda: store.write(merge_write(learner, course, lesson(2), progress_percentage=60)),
        lambda: store.write(removal(learner, course, lesson(1))),
        lambda: store.put_course(Course(course.id, "Renamed", course.lessons)),
        lambda: put_back(store, course),
        lambda: store.restart_course(Restart(learner, course.id)),
        lambda: store.write(merge_write(learner, course, lesson(1), progress_percentage=50)),
    ]


async def test_a_stamp_stays_while_nothing_changes_and_is_never_used_again(make_store: MakeStore) -> None:
    async with opened(make_store(clock=Clock())) as store:
        course, other = await new_course(store), await new_course(store)
        learner, bystander = new_learner(), new_learner()
        changes = changes_of_a_list(store, learner, course)
        seen: list[LessonsStamp] = []
        for change in changes:
            await change()
            seen.append(await store.lessons_stamp(learner, course.id))
            await store.write(merge_write(bystander, course, lesson(1), progress_percentage=1))
            await store.write(merge_write(learner, other, lesson(1), progress_percentage=1))
            assert await store.lessons_stamp(learner, course.id) == seen[-1]
    assert len(set(seen)) == len(changes)
