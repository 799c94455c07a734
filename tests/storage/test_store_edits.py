"""Edits of courses with learners: the impact before, the recalculation after, exact figures."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace as with_fields
from datetime import date, timedelta
from typing import Any, Final, TypeVar, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.courses import courses, later
from domain.values import UPDATES_WITHOUT_NULLS, course, lesson, quiz
from headway.domain.catalogue import Course, OnEdit
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.ports import Store
from headway.domain.progress import ProgressUpdate, Status
from headway.domain.removals import Restart
from headway.domain.writes import LessonWrite
from headway.jobs.runner import Runner
from headway.jobs.upkeep import Recalculator
from headway.service import verification
from headway.service.impact import impact
from storage.installations import archive_of
from storage.stores import Clock, MakeStore, lesson_progress_of, merge_write, new_course, new_learner, opened, soon

T = TypeVar("T")
Writes = Sequence[tuple[int, int, ProgressUpdate]]

LEARNERS: Final = 3
DAY: Final = date(2026, 1, 1)
WRITES: Final = st.lists(st.tuples(st.integers(0, LEARNERS - 1), st.integers(0, 3), UPDATES_WITHOUT_NULLS), max_size=8)
FINISHED: Final = cast("ProgressUpdate", {"status": Status.COMPLETED})


async def derived(store: Store, course_id: CourseId) -> None:
    """Wait until what follows from the course's edits is derived."""
    await soon(lambda: store.recalculation(course_id), None)


@asynccontextmanager
async def edited(store: Store, after: Course) -> AsyncIterator[Runner]:
    """Put a course, and run its recalculation while the block lasts, and to its end."""
    await store.put_course(after)
    recalculater = Runner([Recalculator(store)])
    async with recalculater.working():
        yield recalculater
        recalculater.wake(Recalculator.name)
        await derived(store, after.id)


async def completed(store: Store, course_id: CourseId) -> int:
    return (await store.statistics(course_id, DAY, DAY)).learners.completed


async def verified(store: Store, course_id: CourseId | None = None) -> verification.Verified:
    async with archive_of(store).recount(course_id) as recount:
        return await verification.verify(recount, lambda _: None)


async def check_exact(store: Store, course_id: CourseId) -> None:
    found = await verified(store, course_id)
    assert (list(found.differences), list(found.wrong)) == ([], [])


async def play(store: Store, learners: Sequence[LearnerId], of: Course, writes: Writes) -> None:
    """Let the learners write to lessons of the course."""
    for learner, number, update in writes:
        lessons = of.lessons
        write = LessonWrite(learners[learner], of.id, lessons[number % len(lessons)].id, update)
        await store.write(write)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def open_store(make_store: MakeStore, runner: asyncio.Runner) -> Iterator[Store]:
    store = make_store()
    runner.run(store.open())
    yield store
    runner.run(store.close())


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_dry_run_answers_the_impact_that_the_edit_then_has(
    open_store: Store, runner: asyncio.Runner, data: st.DataObject
) -> None:
    runner.run(_edit_and_compare(open_store, data))


async def _edit_and_compare(store: Store, data: st.DataObject) -> None:
    learners = [new_learner() for _ in range(LEARNERS)]
    present = with_fields(data.draw(courses()), id=CourseId(new_learner()))
    await store.put_course(present)
    for _ in range(data.draw(st.integers(1, 3))):
        await play(store, learners, present, data.draw(WRITES))
        after = with_fields(data.draw(later(present)), id=present.id)
        before, version = await completed(store, present.id), (await store.course(present.id)).version
        expected = await impact(store, after)
        assert ((await store.course(present.id)).version, await completed(store, present.id)) == (version, before)
        async with edited(store, after):
            pass
        reading = await store.statistics(present.id, DAY, DAY)
        assert reading.learners.learners == expected.learners
        assert reading.learners.completed == before + expected.gain_completion - expected.lose_completion
        await check_exact(store, present.id)
        present = after


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_figures_are_exact_after_edits_that_learners_write_into(
    open_store: Store, runner: asyncio.Runner, data: st.DataObject
) -> None:
    runner.run(_edit_while_learners_write(open_store, data))


async def _edit_while_learners_write(store: Store, data: st.DataObject) -> None:
    learners = [new_learner() for _ in range(LEARNERS)]
    present = with_fields(data.draw(courses()), id=CourseId(new_learner()))
    await store.put_course(present)
    await play(store, learners, present, data.draw(WRITES))
    edits = [with_fields(data.draw(later(present)), id=present.id) for _ in range(2)]
    writes = [data.draw(WRITES) for _ in edits]
    for after, meanwhile in zip(edits, writes, strict=True):
        async with edited(store, after):
            await asyncio.gather(*(play(store, learners, after, [write]) for write in meanwhile))
        await check_exact(store, present.id)
        for learner in learners:
            version = (await store.course(present.id)).version
            _, course_progress = await store.course_progress(learner, present.id)
            assert course_progress is None or course_progress.course_version == version


async def _finish(store: Store, of: Course, learners: Sequence[LearnerId], lessons: int) -> None:
    """Let the learners complete this many of the course's first lessons."""
    writes = [LessonWrite(one, of.id, found.id, FINISHED) for one in learners for found in of.lessons[:lessons]]
    await asyncio.gather(*map(store.write, writes))


async def _when_completed(store: Store, learner: LearnerId, course_id: CourseId) -> Any:
    _, course_progress = await store.course_progress(learner, course_id)
    assert course_progress is not None
    return course_progress.completed_at


@pytest.mark.parametrize("on_edit", OnEdit)
async def test_a_course_that_grows_keeps_or_reopens_completions(store: Store, on_edit: OnEdit) -> None:
    grown = await new_course(store, lesson(1), lesson(2))
    learner = new_learner()
    await _finish(store, grown, [learner], 2)
    when = await _when_completed(store, learner, grown.id)
    assert when is not None
    longer = with_fields(grown, lessons=(*grown.lessons, lesson(3)), on_edit=on_edit)
    expected = await impact(store, longer)
    assert (expected.learners, expected.gain_completion, expected.lose_completion) == (
        1,
        0,
        int(on_edit is OnEdit.REOPEN),
    )
    async with edited(store, longer):
        pass
    assert await _when_completed(store, learner, grown.id) == (when if on_edit is OnEdit.KEEP else None)
    assert await completed(store, grown.id) == int(on_edit is OnEdit.KEEP)
    await store.write(merge_write(learner, longer, lesson(3), status=Status.COMPLETED))
    assert await completed(store, grown.id) == 1
    await check_exact(store, grown.id)


async def test_reopening_a_course_takes_back_completions_that_were_kept(store: Store) -> None:
    kept = await new_course(store, lesson(1))
    learner = new_learner()
    await _finish(store, kept, [learner], 1)
    longer = with_fields(kept, lessons=(lesson(1), lesson(2)))
    async with edited(store, longer):
        pass
    assert await completed(store, kept.id) == 1
    reopened = with_fields(longer, on_edit=OnEdit.REOPEN)
    assert (await impact(store, reopened)).lose_completion == 1
    async with edited(store, reopened):
        pass
    assert await completed(store, kept.id) == 0
    await check_exact(store, kept.id)


async def test_a_lower_pass_mark_completes_lessons_that_reached_it(store: Store) -> None:
    hard = await new_course(store, quiz(1, pass_mark=90), lesson(2, complete_at=100))
    reached, missed = new_learner(), new_learner()
    for learner, score, percentage in ((reached, 75, 80), (missed, 65, 70)):
        await store.write(merge_write(learner, hard, quiz(1), quiz_score=score))
        await store.write(merge_write(learner, hard, lesson(2), progress_percentage=percentage))
    easier = with_fields(hard, lessons=(quiz(1, pass_mark=70), lesson(2, complete_at=75)))
    expected = await impact(store, easier)
    assert (expected.learners, expected.gain_completion, expected.lose_completion) == (2, 1, 0)
    async with edited(store, easier):
        pass
    done = await lesson_progress_of(store, reached, easier)
    assert [(progress.status, progress.progress_percentage) for progress in done.values()] == [
        (Status.COMPLETED, 100)
    ] * 2
    assert done[quiz(1).id].quiz_passed
    left = await lesson_progress_of(store, missed, easier)
    assert {progress.status for progress in left.values()} == {Status.IN_PROGRESS}
    assert await completed(store, hard.id) == 1
    await check_exact(store, hard.id)


async def test_the_impact_of_a_new_course_is_zero(store: Store) -> None:
    expected = await impact(store, course(course_id=CourseId(new_learner())))
    assert expected.change.created
    assert expected[1:] == (0, 0, 0)


async def test_an_edit_that_changes_nobodys_completion_reads_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await new_course(store, lesson(1), lesson(2))
    await _finish(store, known, [new_learner() for _ in range(5)], 2)

    def refuse(*_: object) -> None:
        raise AssertionError("read")

    for name in ("roster", "lessons", "course_progress"):
        monkeypatch.setattr(store, name, refuse)
    expected = await impact(
        store, with_fields(known, title="New", lessons=(*reversed(known.lessons), lesson(3, required=False)))
    )
    assert expected[1:] == (5, 0, 0)


async def test_a_dry_run_reads_only_learners_whose_lesson_progress_decides(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await new_course(store, *map(lesson, range(1, 5)))
    behind, near = [new_learner() for _ in range(4)], [new_learner() for _ in range(2)]
    await _finish(store, known, behind, 1)
    await _finish(store, known, near, 3)
    read: list[LearnerId] = []
    lessons = store.lessons

    def noting(learner_id: LearnerId, course_id: CourseId) -> Coroutine[Any, Any, Any]:
        read.append(learner_id)
        return lessons(learner_id, course_id)

    monkeypatch.setattr(store, "lessons", noting)
    expected = await impact(store, with_fields(known, lessons=known.lessons[:3]))
    assert sorted(read) == sorted(near)
    assert expected[1:] == (6, 2, 0)


async def test_a_new_lesson_that_nobody_has_started_reads_no_lesson_progress(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = with_fields(await new_course(store, lesson(1)), on_edit=OnEdit.REOPEN)
    await _finish(store, known, [new_learner() for _ in range(3)], 1)

    def refuse(*_: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(store, "lessons", refuse)
    expected = await impact(store, with_fields(known, lessons=(lesson(1), lesson(2))))
    assert expected[1:] == (3, 0, 3)


@pytest.mark.slow
async def test_the_impact_counts_more_learners_than_one_page(store: Store) -> None:
    known = await new_course(store, lesson(1), lesson(2))
    one, both = [new_learner() for _ in range(1_100)], [new_learner() for _ in range(3)]
    for first in range(0, len(one), 500):
        await _finish(store, known, one[first : first + 500], 1)
    await _finish(store, known, both, 2)
    shorter = with_fields(known, lessons=(lesson(1),))
    expected = await impact(store, shorter)
    assert expected[1:] == (1_103, 1_100, 0)
    async with edited(store, shorter):
        pass
    assert await completed(store, known.id) == 1_103
    await check_exact(store, known.id)


async def test_the_state_of_a_recalculation_can_be_read_until_it_is_finished(store: Store) -> None:
    known = await new_course(store, lesson(1), lesson(2))
    assert await store.recalculation(known.id) is None
    await _finish(store, known, [new_learner() for _ in range(3)], 1)
    await store.put_course(with_fields(known, lessons=(lesson(1),)))
    waiting = await store.recalculation(known.id)
    assert waiting is not None
    assert (waiting.learners, waiting.done) == (3, 0)
    async with Runner([Recalculator(store)]).working():
        await derived(store, known.id)
    assert await completed(store, known.id) == 3


async def test_a_learner_whom_a_recalculation_missed_is_found_at_its_end(store: Store) -> None:
    known = await new_course(store, lesson(1), lesson(2))
    learner, away = new_learner(), new_learner()
    await _finish(store, known, [learner, away], 1)
    await store.restart_course(Restart(away, known.id))
    await store.put_course(with_fields(known, lessons=(lesson(1),)))
    await check_exact(store, known.id)  # so far
    under_way = await store.recalculation(known.id)
    assert under_way is not None
    await store.finish_recalculation(under_way)
    assert (await verified(store, known.id)).wrong == [(learner, known.id)]
    await verification.repair(archive_of(store), store, await verified(store, known.id), lambda _: None)
    await check_exact(store, known.id)
    assert await completed(store, known.id) == 1


async def test_an_edit_or_removal_restarts_a_running_recalculation(store: Store) -> None:
    known = await new_course(store, lesson(1), lesson(2))
    learners = [new_learner() for _ in range(300)]
    await _finish(store, known, learners, 1)
    recalculater = Runner([Recalculator(store)])
    async with recalculater.working():
        for lessons in ((lesson(1),), (lesson(2),), (lesson(1), lesson(3, required=False))):
            await store.put_course(with_fields(known, lessons=lessons))
            recalculater.wake(Recalculator.name)
            await asyncio.sleep(0)
        await store.remove_course(known.id)
        await store.put_course(with_fields(known, lessons=(lesson(1),)))
        recalculater.wake(Recalculator.name)
        await derived(store, known.id)
    assert await completed(store, known.id) == 300
    await check_exact(store, known.id)


async def test_two_processes_share_the_work(make_store: MakeStore) -> None:
    one, other = make_store(), make_store()
    await one.open()
    await other.open()
    try:
        known = await new_course(one, lesson(1), lesson(2))
        await _finish(one, known, [new_learner() for _ in range(50)], 1)
        async with Runner([Recalculator(other)]).working(), edited(one, with_fields(known, lessons=(lesson(1),))):
            pass
        assert await completed(one, known.id) == 50
        await check_exact(one, known.id)
    finally:
        await other.close()
        await one.close()


async def test_one_of_many_processes_leases_a_recalculation_for_a_minute(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as one, opened(make_store(clock=clock)) as other:
        known = await new_course(one, lesson(1), lesson(2))
        await _finish(one, known, [new_learner()], 1)
        await one.put_course(with_fields(known, lessons=(lesson(1),)))
        for _ in range(2):
            taken = await asyncio.gather(*(store.take_recalculation() for store in [one, other] * 5))
            assert [work.course_id for work in taken if work is not None] == [known.id]
            clock.now += timedelta(minutes=1)


async def test_no_learner_is_listed_after_the_last_one(store: Store) -> None:
    last = LearnerId("ffffffff-ffff-ffff-ffff-ffffffffffff")
    known = await new_course(store, lesson(1), lesson(2))
    await _finish(store, known, [last], 1)
    await store.put_course(with_fields(known, lessons=(lesson(1),)))
    under_way = await store.recalculation(known.id)
    assert under_way is not None
    assert await store.learners_to_recalculate(under_way, 10) == [last]
    assert not await store.learners_to_recalculate(under_way._replace(after=last), 10)
