"""The lesson at which each learner stops is exact after every write and edit."""

from collections.abc import Callable, Sequence
from dataclasses import replace as with_fields
from datetime import date
from typing import Final

import pytest

from domain.values import lesson
from headway.domain.catalogue import Course, Lesson
from headway.domain.identifiers import LearnerId
from headway.domain.ports import Store
from headway.domain.progress import LessonProgress, Status
from headway.domain.removals import Restart
from headway.domain.roster import RosterOrder, RosterQuery
from headway.domain.statistics import statistics_of
from headway.domain.writes import LessonWrite
from headway.service import verification
from storage.installations import archive_of
from storage.stores import (
    conditional,
    lesson_progress_of,
    merge_write,
    new_course,
    new_learner,
    outcomes,
    removal,
    written,
)
from storage.test_store_edits import check_exact, edited, verified

DAY: Final = date(2026, 1, 1)


async def started(store: Store, learner: LearnerId, of: Course, *lessons: Lesson) -> list[LessonProgress]:
    return [await written(store, merge_write(learner, of, one, progress_percentage=10)) for one in lessons]


async def finished(store: Store, learner: LearnerId, of: Course, *lessons: Lesson) -> None:
    for one in lessons:
        await store.write(merge_write(learner, of, one, status=Status.COMPLETED))


async def stopped(store: Store, of: Course) -> list[int]:
    """Return how many learners stopped at each lesson: as counted, as recounted, and as a roster lists them."""
    reading = await store.statistics(of.id, DAY, DAY)
    counts = [one.stopped_here for one in statistics_of(reading, DAY).lessons]
    for order in RosterOrder:
        for descending in (False, True):
            listed = [
                len(await store.roster(of.id, RosterQuery(order, descending, 100, at_lesson=one.id)))
                for one in reading.course.lessons
            ]
            assert listed == counts
    await check_exact(store, of.id)
    return counts


async def drop_off(store: Store, of: Course) -> Sequence[float | None]:
    return [one.drop_off for one in statistics_of(await store.statistics(of.id, DAY, DAY), DAY).lessons]


async def test_an_optional_lesson_that_everybody_skips_loses_nobody(store: Store) -> None:
    of = await new_course(store, lesson(1), lesson(2), lesson(3, required=False))
    for _ in range(3):
        await finished(store, new_learner(), of, lesson(1), lesson(2))
    assert await stopped(store, of) == [0, 0, 0]
    assert await drop_off(store, of) == [0, 0, None]


async def test_drop_off_compares_only_learners_of_the_same_lesson(store: Store) -> None:
    of = await new_course(store, lesson(1), lesson(2), lesson(3))
    for only in (lesson(1), lesson(2)):
        for _ in range(2):
            await finished(store, new_learner(), of, only)
    assert await stopped(store, of) == [2, 2, 0]
    assert await drop_off(store, of) == [100, 100, None]


async def test_a_learner_who_started_nothing_stops_at_no_lesson(store: Store) -> None:
    of = await new_course(store, lesson(1), lesson(2))
    learner = new_learner()
    await store.write(merge_write(learner, of, lesson(1), is_bookmarked=True))
    assert await stopped(store, of) == [0, 0]
    await started(store, learner, of, lesson(1))
    await store.write(merge_write(learner, of, lesson(2), user_notes="Later"))
    assert await stopped(store, of) == [1, 0]


async def test_a_learner_who_goes_back_stops_at_the_furthest_lesson(store: Store) -> None:
    of = await new_course(store, lesson(1), lesson(2, required=False), lesson(3))
    learner = new_learner()
    await started(store, learner, of, lesson(2), lesson(1))
    assert await stopped(store, of) == [0, 1, 0]


TakeBack = Callable[[LearnerId, Course, LessonProgress], LessonWrite]
TAKE_BACK: Final = {
    "removed": lambda learner, of, progress: removal(learner, of, progress.lesson_id),
    "set back": lambda _learner, _of, progress: conditional(progress, status=Status.NOT_STARTED),
    "set to the default": lambda _learner, _of, progress: conditional(progress, status=None),
}


@pytest.mark.parametrize("take_back", TAKE_BACK.values(), ids=TAKE_BACK)
async def test_a_learner_who_takes_a_lesson_back_stops_at_the_lesson_before(store: Store, take_back: TakeBack) -> None:
    of = await new_course(store, *map(lesson, range(1, 5)))
    learner, other = new_learner(), new_learner()
    all_progress = await started(store, learner, of, lesson(1), lesson(3), lesson(2), lesson(4))
    await started(store, other, of, lesson(4))
    assert await stopped(store, of) == [0, 0, 0, 2]
    await store.write(take_back(learner, of, all_progress[3]))
    assert await stopped(store, of) == [0, 0, 1, 1]
    await store.write(take_back(learner, of, all_progress[0]))
    assert await stopped(store, of) == [0, 0, 1, 1]
    await store.write(take_back(learner, of, all_progress[1]))
    assert await stopped(store, of) == [0, 1, 0, 1]
    await store.write(take_back(learner, of, all_progress[2]))
    assert await stopped(store, of) == [0, 0, 0, 1]
    await started(store, learner, of, lesson(1))
    assert await stopped(store, of) == [1, 0, 0, 1]


async def test_concurrent_starts_and_removals_keep_the_stops_exact(store: Store) -> None:
    of = await new_course(store, *map(lesson, range(1, 4)))
    learner = new_learner()
    await started(store, learner, of, lesson(1), lesson(2))
    await outcomes(
        store,
        [
            merge_write(learner, of, lesson(3), progress_percentage=10),
            removal(learner, of, lesson(2)),
            removal(learner, of, lesson(3)),
        ],
    )
    assert await stopped(store, of) == [1, 0, 0]
    await store.write_all(
        [removal(learner, of, lesson(1)), merge_write(learner, of, lesson(2), progress_percentage=10)]
    )
    assert await stopped(store, of) == [0, 1, 0]


async def test_a_learner_who_completes_the_course_has_not_stopped(store: Store) -> None:
    of = await new_course(store, lesson(1), lesson(2))
    learner = new_learner()
    await finished(store, learner, of, lesson(2))
    assert await stopped(store, of) == [0, 1]
    await finished(store, learner, of, lesson(1))
    assert await stopped(store, of) == [0, 0]
    progress = (await lesson_progress_of(store, learner, of))[lesson(1).id]
    await store.write(conditional(progress, status=Status.IN_PROGRESS))
    assert await stopped(store, of) == [0, 1]


async def test_a_learner_who_starts_over_or_is_erased_stops_nowhere(store: Store) -> None:
    of = await new_course(store, lesson(1), lesson(2))
    over, erased = new_learner(), new_learner()
    for learner in (over, erased):
        await started(store, learner, of, lesson(2))
    await store.restart_course(Restart(over, of.id))
    assert await stopped(store, of) == [0, 1]
    await store.erase(erased)
    assert await stopped(store, of) == [0, 0]
    await started(store, over, of, lesson(1))
    assert await stopped(store, of) == [1, 0]


async def test_an_edit_changes_the_stops_with_the_recalculation(store: Store) -> None:
    of = await new_course(store, lesson(1), lesson(2), lesson(3))
    first, last = new_learner(), new_learner()
    await started(store, first, of, lesson(1), lesson(2))
    await started(store, last, of, lesson(1), lesson(3))
    assert await stopped(store, of) == [0, 1, 1]
    async with edited(store, with_fields(of, lessons=(lesson(3), lesson(2), lesson(1)))):
        pass
    assert await stopped(store, of) == [0, 0, 2]
    async with edited(store, with_fields(of, lessons=(lesson(2), lesson(3)))):
        pass
    assert await stopped(store, of) == [1, 1]
    async with edited(store, with_fields(of, lessons=(lesson(2), lesson(4)))):
        pass
    assert await stopped(store, of) == [1, 0]
    async with edited(store, with_fields(of, lessons=(lesson(2), lesson(4), lesson(3)))):
        pass
    assert await stopped(store, of) == [1, 0, 1]


async def test_a_write_after_an_edit_updates_the_stop_at_once(store: Store) -> None:
    of = await new_course(store, lesson(1), lesson(2), lesson(3))
    learner = new_learner()
    await started(store, learner, of, lesson(1), lesson(3))
    await store.put_course(with_fields(of, lessons=(lesson(3), lesson(1), lesson(2))))
    await started(store, learner, of, lesson(1))
    assert await stopped(store, of) == [0, 1, 0]


async def test_verify_finds_and_repairs_a_stop_at_the_wrong_lesson(store: Store) -> None:
    of = await new_course(store, lesson(1), lesson(2))
    learner = new_learner()
    await started(store, learner, of, lesson(1))
    [course_progress] = (await store.learner_record(learner)).course_progress
    await archive_of(store).put_course_progress([course_progress._replace(at_lesson=lesson(2).id)])
    found = await verified(store, of.id)
    assert list(found.wrong) == [(learner, of.id)]
    assert {(one.of, one.figure, one.recounted) for one in found.differences} == {
        (lesson(1).id, "stopped", 0),
        (lesson(2).id, "stopped", 1),
    }
    await verification.repair(archive_of(store), store, found, lambda _: None)
    assert await stopped(store, of) == [1, 0]
