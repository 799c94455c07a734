"""Lesson progress of one learner: written, read, removed, and kept after a restart."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from domain.values import UPDATES, changes, lesson, lessons, quiz
from headway.domain.catalogue import Lesson
from headway.domain.errors import HeadwayError, InvalidValueError, LessonNotFoundError, PreconditionFailedError
from headway.domain.ports import Store
from headway.domain.progress import ProgressUpdate, Status
from headway.domain.writes import LessonWrite, Precondition
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
    stores_on,
    written,
)

EVERYTHING: dict[str, Any] = {
    "status": Status.IN_PROGRESS,
    "progress_percentage": 33.3,
    "video_position_seconds": 421.75,
    "quiz_score": 66.6,
    "quiz_attempts": 2**31 - 1,
    "quiz_passed": True,
    "time_spent_minutes": 0.1,
    "user_notes": "Quotes ' \" and ¼ 🎓\nsecond line",
    "is_bookmarked": True,
    "metadata": {"n": None, "t": True, "i": 2**63 - 1, "f": 0.1, "text": "ü'\"", "list": [1, {"deep": []}]},
}


async def test_a_learner_without_writes_has_no_lesson_progress(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    assert await store.lesson(learner, course.id, course.lessons[0].id) == (course, None)
    assert await store.lessons(learner, course.id) == (course, [])
    assert await store.course_progress(learner, course.id) == (course, None)
    assert await store.learner_courses(learner) == []


async def test_lesson_progress_is_read_back_as_it_was_written(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    progress = await written(store, merge_write(learner, course, course.lessons[1], **EVERYTHING))
    assert {field: getattr(progress, field) for field in EVERYTHING} == EVERYTHING
    assert await store.lesson(learner, course.id, course.lessons[1].id) == (course, progress)
    assert await store.lessons(learner, course.id) == (course, [progress])


async def test_every_kind_of_value_survives_the_database(make_store: MakeStore) -> None:
    async with opened(make_store()) as store:
        learner, course = new_learner(), await new_course(store)
        progress = await written(store, merge_write(learner, course, course.lessons[0], **EVERYTHING))
        whole = await written(
            store, merge_write(learner, course, course.lessons[1], status=Status.COMPLETED, quiz_score=100)
        )
    async with opened(make_store()) as store:
        found = await lesson_progress_of(store, learner, course)
    assert found == {progress.lesson_id: progress, whole.lesson_id: whole}
    assert json.dumps(found[progress.lesson_id].metadata) == json.dumps(EVERYTHING["metadata"])
    assert found[progress.lesson_id].is_bookmarked is True
    assert found[whole.lesson_id].is_bookmarked is False
    assert str(found[whole.lesson_id].progress_percentage) == "100"


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(of=lessons(), first=UPDATES, second=UPDATES)
async def test_a_write_returns_what_is_read_afterwards(
    store: Store, of: Lesson, first: ProgressUpdate, second: ProgressUpdate
) -> None:
    learner, course = new_learner(), await new_course(store, of)
    before = await written(store, merge_write(learner, course, of, **first))
    after = await written(store, conditional(before, **second))
    _, read = await store.lesson(learner, course.id, of.id)
    assert read is not None
    assert json.dumps(read, default=str) == json.dumps(after, default=str)


async def test_a_write_returns_lesson_progress_before_and_after_and_the_kept_fields(store: Store) -> None:
    learner, course = new_learner(), await new_course(store, lesson(1), quiz(2, pass_mark=60))
    first = await store.write(merge_write(learner, course, course.lessons[1], quiz_score=80))
    assert first.before is None
    second = await store.write(merge_write(learner, course, course.lessons[1], quiz_score=40, quiz_attempts=2))
    assert second.before == first.after
    assert second.after is not None
    assert second.kept == ("quiz_score",)
    assert second.lesson == course.lessons[1]
    assert (second.after.quiz_score, second.after.status) == (80, Status.COMPLETED)


async def test_every_write_is_read_at_once(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    for seconds in range(1, 20):
        progress = await written(store, merge_write(learner, course, course.lessons[0], video_position_seconds=seconds))
        assert progress.version == seconds
        assert (await store.lesson(learner, course.id, progress.lesson_id)).lesson_progress == progress


async def test_times_come_from_the_clock(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        learner, course = new_learner(), await new_course(store)
        progress = await written(store, merge_write(learner, course, course.lessons[0], progress_percentage=1))
        made = clock.now
        assert (progress.created_at, progress.updated_at, progress.completed_at) == (made, made, None)
        progress = await written(store, merge_write(learner, course, course.lessons[0], progress_percentage=100))
        assert (progress.created_at, progress.updated_at, progress.completed_at) == (made, clock.now, clock.now)
        assert made < clock.now


async def test_a_write_that_changes_nothing_keeps_lesson_progress_and_is_the_last_access(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        learner, course = new_learner(), await new_course(store)
        progress = await written(store, merge_write(learner, course, course.lessons[0], progress_percentage=50))
        again = await store.write(merge_write(learner, course, course.lessons[0], progress_percentage=20))
        assert (again.before, again.after, again.kept) == (progress, progress, ("progress_percentage",))
        assert (await store.lesson(learner, course.id, progress.lesson_id)).lesson_progress == progress
        _, course_progress = await store.course_progress(learner, course.id)
        assert course_progress is not None
        assert course_progress.last_accessed == clock.now > progress.updated_at


async def test_lesson_progress_is_separate_by_learner_course_and_lesson(store: Store) -> None:
    ada, ben = new_learner(), new_learner()
    course, other = await new_course(store), await new_course(store)
    written_progress = [
        await written(store, merge_write(learner, of, of.lessons[position], quiz_attempts=attempts))
        for attempts, (learner, of, position) in enumerate(
            [(ada, course, 0), (ada, course, 1), (ada, other, 0), (ben, course, 0)], start=1
        )
    ]
    await store.write(removal(ben, other, other.lessons[0]))
    assert [progress.quiz_attempts for progress in written_progress] == [1, 2, 3, 4]
    assert len({progress.id for progress in written_progress}) == 4
    assert set(await lesson_progress_of(store, ada, course)) == {course.lessons[0].id, course.lessons[1].id}
    assert list((await lesson_progress_of(store, ada, other)).values()) == [written_progress[2]]
    assert list((await lesson_progress_of(store, ben, course)).values()) == [written_progress[3]]
    assert await lesson_progress_of(store, ben, other) == {}


async def test_removed_lesson_progress_no_longer_counts(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    progress = await written(
        store, merge_write(learner, course, course.lessons[0], status=Status.COMPLETED, time_spent_minutes=5)
    )
    removed = await store.write(removal(learner, course, course.lessons[0]))
    assert (removed.before, removed.after) == (progress, None)
    assert (await store.lesson(learner, course.id, progress.lesson_id)).lesson_progress is None
    assert await lesson_progress_of(store, learner, course) == {}
    assert await exact_tally(store, learner, course) == (0, 0, 0)


async def test_removing_absent_lesson_progress_changes_nothing(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    removed = await store.write(removal(learner, course, course.lessons[0]))
    assert (removed.before, removed.after) == (None, None)
    assert await store.learner_courses(learner) == []


async def test_lesson_progress_made_again_does_not_match_its_old_etag(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    old = await written(store, merge_write(learner, course, course.lessons[0], quiz_attempts=1))
    await store.write(removal(learner, course, course.lessons[0]))
    new = await written(store, merge_write(learner, course, course.lessons[0], quiz_attempts=1))
    assert new.version == old.version
    assert new.etag != old.etag
    with pytest.raises(PreconditionFailedError):
        await store.write(conditional(old, quiz_attempts=0))
    assert (await store.lesson(learner, course.id, new.lesson_id)).lesson_progress == new


async def test_a_conditional_write_may_lower_values_and_a_stale_one_may_not(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    first = await written(store, merge_write(learner, course, course.lessons[0], **EVERYTHING))
    second = await written(store, conditional(first, progress_percentage=1, metadata={}))
    assert changes(first, second) == {"progress_percentage": 1, "metadata": {}}
    with pytest.raises(PreconditionFailedError):
        await store.write(conditional(first, progress_percentage=2))
    assert (await store.lesson(learner, course.id, first.lesson_id)).lesson_progress == second


async def refused_writes(store: Store) -> list[tuple[LessonWrite, type[HeadwayError]]]:
    """Return a learner's progress in the first lesson of a course, and writes to it that are refused."""
    learner, course = new_learner(), await new_course(store)
    first = course.lessons[0]
    stale = Precondition(match=frozenset(["stale"]))
    await store.write(merge_write(learner, course, first, metadata={"a": "x" * 10_000}, time_spent_minutes=3))
    return [
        (merge_write(learner, course, lesson(99), quiz_attempts=9), LessonNotFoundError),
        (removal(learner, course, lesson(99)), LessonNotFoundError),
        (removal(learner, course, first, stale), PreconditionFailedError),
        (LessonWrite(learner, course.id, first.id, {"quiz_attempts": 9}, stale), PreconditionFailedError),
        (
            LessonWrite(learner, course.id, first.id, {"quiz_attempts": 9}, Precondition(none_match_any=True)),
            PreconditionFailedError,
        ),
        (merge_write(learner, course, first, quiz_attempts=9, metadata={"b": "x" * 10_000}), InvalidValueError),
    ]


async def test_a_refused_write_changes_nothing(store: Store) -> None:
    for write, refusal in await refused_writes(store):
        all_progress = await store.lessons(write.learner_id, write.course_id)
        course_progress = await store.course_progress(write.learner_id, write.course_id)
        with pytest.raises(refusal):
            await store.write(write)
        assert await store.lessons(write.learner_id, write.course_id) == all_progress
        assert await store.course_progress(write.learner_id, write.course_id) == course_progress


async def test_all_writes_are_there_after_a_restart(make_store: MakeStore) -> None:
    async with opened(make_store()) as store:
        learner, course = new_learner(), await new_course(store, title="Kept")
        for position, of in enumerate(course.lessons):
            await store.write(merge_write(learner, course, of, quiz_attempts=position, time_spent_minutes=0.1))
        all_progress = await lesson_progress_of(store, learner, course)
        course_progress = await store.course_progress(learner, course.id)
    async with opened(make_store()) as store:
        assert (await store.course(course.id)).course == course
        assert await lesson_progress_of(store, learner, course) == all_progress
        assert await store.course_progress(learner, course.id) == course_progress
        assert await store.learner_courses(learner) == [course_progress]
        assert await written(store, conditional(all_progress[course.lessons[2].id], quiz_attempts=0))


@pytest.mark.one_server
async def test_opening_reports_a_migration_once(empty_database_url: str, folder: Path) -> None:
    make_store = stores_on(empty_database_url, folder)
    first = make_store()
    assert await first.open()
    await first.close()
    second = make_store()
    assert await second.open() == []
    await second.close()


async def test_a_probe_answers_and_writes_nothing(store: Store) -> None:
    course = await new_course(store)
    await store.probe()
    assert (await store.course(course.id)).course == course
