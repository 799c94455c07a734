"""Concurrent writes: none is lost, none succeeds twice, and none fails because of another."""

import asyncio
from collections import Counter

from domain.values import lesson
from headway.domain.catalogue import Course, CoursePut, Lesson
from headway.domain.course_progress import NOTHING, Tally
from headway.domain.errors import (
    CourseNotFoundError,
    InvalidValueError,
    LessonNotFoundError,
    PreconditionFailedError,
    QueueFullError,
)
from headway.domain.identifiers import CourseId
from headway.domain.ports import Store
from headway.domain.progress import Status
from headway.domain.removals import Restart
from headway.domain.writes import LessonWrite, Precondition, Written
from storage.stores import (
    MakeStore,
    conditional,
    exact_tally,
    lesson_progress_of,
    merge_write,
    new_course,
    new_learner,
    opened,
    outcomes,
    removal,
    written,
)

ONLY_CREATE = Precondition(none_match_any=True)


async def test_200_writers_of_one_lesson_progress_lose_nothing(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    answers = await outcomes(
        store,
        (
            merge_write(
                learner, course, lesson(1), metadata={f"device {n}": n}, quiz_attempts=n, time_spent_minutes=n / 10
            )
            for n in range(200)
        ),
    )
    [progress] = (await lesson_progress_of(store, learner, course)).values()
    assert progress.metadata == {f"device {n}": n for n in range(200)}
    assert (progress.quiz_attempts, progress.time_spent_minutes, progress.version) == (199, 19.9, 200)
    assert sorted(answer.after.version for answer in answers) == list(range(1, 201))
    assert await exact_tally(store, learner, course) == Tally(0, 1, 19_900_000)


async def test_two_stores_on_one_database_lose_no_write(make_store: MakeStore) -> None:
    async with opened(make_store(batch_limit=5)) as one, opened(make_store(batch_limit=5)) as other:
        learner, course = new_learner(), await new_course(one)
        writes = [
            merge_write(learner, course, lesson(n % 3 + 1), metadata={str(n): n}, time_spent_minutes=n)
            for n in range(60)
        ]
        await asyncio.gather(outcomes(one, writes[:30]), outcomes(other, writes[30:]))
        for store in (one, other):
            all_progress = await lesson_progress_of(store, learner, course)
            assert {key for progress in all_progress.values() for key in progress.metadata} == {
                str(n) for n in range(60)
            }
            assert [all_progress[lesson(n).id].version for n in (1, 2, 3)] == [20, 20, 20]
            assert await exact_tally(store, learner, course) == Tally(0, 3, (57 + 58 + 59) * 1_000_000)


async def test_one_of_many_conditional_writes_with_the_same_etag_succeeds(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    seen = await written(store, merge_write(learner, course, lesson(1), quiz_attempts=1000))
    answers = await outcomes(store, (conditional(seen, quiz_attempts=n) for n in range(50)))
    [winner] = [answer.after for answer in answers if isinstance(answer, Written)]
    assert winner is not None
    assert Counter(map(type, answers)) == {Written: 1, PreconditionFailedError: 49}
    assert (await store.lesson(learner, course.id, seen.lesson_id)).lesson_progress == winner
    assert winner.version == seen.version + 1


async def test_one_of_many_conditional_writes_with_the_same_etag_succeeds_in_two_stores(make_store: MakeStore) -> None:
    async with opened(make_store()) as one, opened(make_store()) as other:
        learner, course = new_learner(), await new_course(one)
        for _ in range(10):
            seen = await written(one, merge_write(learner, course, lesson(1), quiz_attempts=1000))
            assert (await other.lesson(learner, course.id, seen.lesson_id)).lesson_progress == seen
            answers = await asyncio.gather(
                outcomes(one, [conditional(seen, quiz_attempts=1)]),
                outcomes(other, [conditional(seen, quiz_attempts=2)]),
            )
            assert Counter(type(answer) for part in answers for answer in part) == {
                Written: 1,
                PreconditionFailedError: 1,
            }


async def test_one_of_many_writes_with_if_none_match_any_succeeds(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    writes = (LessonWrite(learner, course.id, lesson(1).id, {"quiz_attempts": n}, ONLY_CREATE) for n in range(50))
    answers = await outcomes(store, writes)
    assert Counter(map(type, answers)) == {Written: 1, PreconditionFailedError: 49}
    [progress] = (await lesson_progress_of(store, learner, course)).values()
    assert progress.version == 1


async def test_a_removal_among_writes_leaves_consistent_lesson_progress(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    writes = [merge_write(learner, course, lesson(1), quiz_attempts=n, time_spent_minutes=n) for n in range(1, 41)]
    writes.insert(20, removal(learner, course, lesson(1)))
    answers = await outcomes(store, writes)
    [progress] = (await lesson_progress_of(store, learner, course)).values()
    assert progress.version == 20, "the twenty that came after the removal"
    assert {answer.after.id for answer in answers[21:]} == {progress.id}
    assert await exact_tally(store, learner, course) == Tally(0, 1, 40_000_000)


async def test_a_refused_write_does_not_fail_others_in_its_batch(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    seen = await written(store, merge_write(learner, course, lesson(1), metadata={"a": "x" * 10_000}))
    unknown = Course(CourseId("11111111-1111-4111-8111-111111111111"), "Unknown", (lesson(1),))
    answers = await outcomes(
        store,
        [
            merge_write(learner, course, lesson(1), quiz_attempts=1),
            merge_write(learner, course, lesson(99), quiz_attempts=1),
            merge_write(learner, course, lesson(2), time_spent_minutes=0.5),
            conditional(seen, quiz_attempts=9),
            merge_write(learner, unknown, lesson(1), quiz_attempts=1),
            merge_write(learner, course, lesson(1), metadata={"b": "x" * 10_000}),
            merge_write(learner, course, lesson(3), status=Status.COMPLETED),
        ],
    )
    assert [type(answer) for answer in answers] == [
        Written,
        LessonNotFoundError,
        Written,
        PreconditionFailedError,
        CourseNotFoundError,
        InvalidValueError,
        Written,
    ]
    all_progress = await lesson_progress_of(store, learner, course)
    assert {progress.lesson_id: progress.version for progress in all_progress.values()} == {
        lesson(n).id: v for n, v in [(1, 2), (2, 1), (3, 1)]
    }
    assert all_progress[lesson(1).id].metadata == {"a": "x" * 10_000}
    assert await exact_tally(store, learner, course) == Tally(1, 2, 500_000)


async def test_an_unexpected_failure_of_a_write_changes_nothing_and_fails_no_other(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    sound = merge_write(learner, course, lesson(1), quiz_attempts=1, time_spent_minutes=1)
    answers = await outcomes(store, [sound, merge_write(learner, course, lesson(2), quiz_attempts="not a number")])
    assert [type(answer) for answer in answers] == [Written, TypeError]
    progress = answers[0].after
    assert progress.version == 1
    assert await lesson_progress_of(store, learner, course) == {progress.lesson_id: progress}
    assert await exact_tally(store, learner, course) == Tally(0, 1, 1_000_000)


async def test_a_full_queue_refuses_writes_and_loses_no_accepted_write(make_store: MakeStore) -> None:
    async with opened(make_store(queue_limit=8, batch_limit=4)) as store:
        learner, course = new_learner(), await new_course(store, *(lesson(n) for n in range(100)))
        writes = [merge_write(learner, course, of, time_spent_minutes=1) for of in course.lessons]
        answers = await outcomes(store, writes)
        accepted = {write.lesson_id for write, answer in zip(writes, answers, strict=True) if type(answer) is Written}
        assert {type(answer) for answer in answers} == {Written, QueueFullError}
        assert len(accepted) >= 8
        assert set(await lesson_progress_of(store, learner, course)) == accepted
        assert (await exact_tally(store, learner, course)).micro_minutes == len(accepted) * 1_000_000
        refused = next(write for write in writes if write.lesson_id not in accepted)
        assert (await store.write(refused)).after is not None


async def test_closing_commits_queued_writes(make_store: MakeStore) -> None:
    store = make_store(batch_limit=3)
    await store.open()
    learner, course = new_learner(), await new_course(store, *(lesson(n) for n in range(20)))
    waiting = [
        asyncio.create_task(store.write(merge_write(learner, course, of, quiz_attempts=1))) for of in course.lessons
    ]
    await asyncio.sleep(0)  # they are queued now
    await store.close()
    assert all(task.done() and task.result().after for task in waiting)
    async with opened(make_store()) as store:
        assert set(await lesson_progress_of(store, learner, course)) == {of.id for of in course.lessons}


async def test_cancelling_a_write_does_not_affect_other_writes(store: Store) -> None:
    learner, course = new_learner(), await new_course(store, *(lesson(n) for n in range(30)))
    tasks = [
        asyncio.create_task(store.write(merge_write(learner, course, of, quiz_attempts=1))) for of in course.lessons
    ]
    await asyncio.sleep(0)  # they are queued now
    for task in tasks[::2]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [asyncio.CancelledError, Written] * 15
    all_progress = await lesson_progress_of(store, learner, course)
    assert all_progress.keys() >= {of.id for of in course.lessons[1::2]}
    assert (await exact_tally(store, learner, course)).in_progress_lessons == len(all_progress)


async def test_edits_of_a_course_among_writes_leave_every_tally_exact(store: Store) -> None:
    learners, course = [new_learner() for _ in range(4)], await new_course(store)
    documents = [
        Course(course.id, "A course", tuple(lesson(n, required=n != optional) for n in (1, 2, 3)))
        for optional in (1, 2, 3, 4)
    ]
    writes = [
        merge_write(learner, course, lesson(n), progress_percentage=percentage, time_spent_minutes=0.1)
        for percentage in (50, 100)
        for n in (1, 2, 3)
        for learner in learners
    ]
    tasks: list[asyncio.Task[object]] = []
    for number, write in enumerate(writes):
        tasks.append(asyncio.create_task(store.write(write)))
        if number % 6 == 0:
            tasks.append(asyncio.create_task(store.put_course(documents[number // 6])))
    await asyncio.gather(*tasks)
    last = (await store.course(course.id)).course  # of edits that are made at once, any may be the last one
    assert last in documents
    for learner in learners:
        assert await exact_tally(store, learner, course) == Tally(last.required_lessons, 0, 300_000)


async def test_a_cancelled_edit_is_stored_completely_or_not_at_all(store: Store) -> None:
    learner, course = new_learner(), await new_course(store)
    for round_ in range(40):
        edited = Course(course.id, f"Title {round_}", tuple(lesson(n, title=f"{round_}") for n in (1, 2, 3)))
        before = (await store.course(course.id)).course
        edit = asyncio.create_task(store.put_course(edited))
        for _ in range(round_ % 6):
            await asyncio.sleep(0)
        edit.cancel()
        write = await store.write(merge_write(learner, course, lesson(1), quiz_attempts=round_ + 1))
        [answer] = await asyncio.gather(edit, return_exceptions=True)
        assert isinstance(answer, CoursePut | asyncio.CancelledError)
        assert (await store.course(course.id)).course in {before, edited}
        assert (await store.lesson(learner, course.id, lesson(1).id)).lesson_progress == write.after


def lessons_up_to(number: int) -> list[Lesson]:
    return [lesson(n) for n in range(1, number + 1)]


async def test_a_course_started_over_among_writes_leaves_an_exact_tally(store: Store) -> None:
    learner, course = new_learner(), await new_course(store, *lessons_up_to(20))
    tasks: list[asyncio.Task[object]] = []
    for of in course.lessons:
        tasks.append(asyncio.create_task(store.write(merge_write(learner, course, of, time_spent_minutes=0.1))))
        if of in course.lessons[5::5]:
            tasks.append(asyncio.create_task(store.restart_course(Restart(learner, course.id))))
    await asyncio.gather(*tasks)
    assert (await exact_tally(store, learner, course)).micro_minutes % 100_000 == 0


async def test_a_first_write_and_a_restart_in_two_stores_leave_an_exact_tally(
    make_store: MakeStore,
) -> None:
    async with opened(make_store()) as one, opened(make_store()) as other:
        course = await new_course(one)
        for _ in range(60):
            learner = new_learner()
            write = merge_write(learner, course, lesson(1), time_spent_minutes=1)
            await asyncio.gather(one.write(write), other.restart_course(Restart(learner, course.id)))
            for store in (one, other):
                assert await exact_tally(store, learner, course) in {NOTHING, Tally(0, 1, 1_000_000)}
