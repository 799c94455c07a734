"""The catalogue: courses are put, changed, listed and removed."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from domain.values import course as course_of
from domain.values import lesson, quiz
from headway.domain.catalogue import Course, CourseOutline, LessonKind
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import ContentId, CourseId
from headway.domain.ports import Store
from headway.domain.removals import Restart
from storage.stores import (
    MakeStore,
    exact_tally,
    lesson_progress_of,
    merge_write,
    new_course,
    new_learner,
    opened,
    removal,
    written,
)

# Every field of a lesson, with values beside its default, whole numbers and fractions.
ALL_KINDS = (
    lesson(1, kind=LessonKind.VIDEO, duration_seconds=90.5, section="Erste Schritte ✎", complete_at=0.5),
    lesson(2, kind=LessonKind.ARTICLE, required=False, complete_at=None),
    quiz(3, pass_mark=66.6),
    quiz(4, pass_mark=0, complete_at=100, title='It\'s "quoted"'),
    lesson(5, kind=LessonKind.ASSIGNMENT, duration_seconds=0, content_id=ContentId(str(uuid4()))),
    lesson(6, kind=LessonKind.OTHER, duration_seconds=10_000_000),
)


async def test_a_course_is_given_back_as_it_was_put(make_store: MakeStore) -> None:
    async with opened(make_store()) as store:
        course = await new_course(store, *ALL_KINDS)
        assert (await store.course(course.id)).course == course
    async with opened(make_store()) as store:
        found = (await store.course(course.id)).course
    assert found == course
    assert [one.required for one in found.lessons] == [True, False, True, True, True, True]
    assert [str(one.duration_seconds) for one in found.lessons] == ["90.5", "None", "None", "None", "0", "10000000"]


async def test_lessons_are_in_the_order_of_the_document(store: Store) -> None:
    course = await new_course(store, *(lesson(number) for number in range(300, 0, -1)))
    assert (await store.course(course.id)).course.lessons == course.lessons
    turned = Course(course.id, course.title, course.lessons[::-1])
    change, _ = await store.put_course(turned)
    assert (change.reordered, change.added, change.removed, change.changed) == (True, (), (), ())
    assert (await store.course(course.id)).course.lessons == turned.lessons


async def test_a_new_course_is_a_change_that_adds_its_lessons(store: Store) -> None:
    course = course_of(course_id=CourseId(str(uuid4())))
    change, _ = await store.put_course(course)
    assert change.created
    assert change.added == tuple(one.id for one in course.lessons)


async def test_a_store_keeps_only_so_many_courses_in_memory(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.storage.sqlite.catalogue._KEPT_COURSES", 2)
    monkeypatch.setattr("headway.storage.postgres.catalogue.KEPT_COURSES", 2)
    store: Any = make_store()
    async with opened(store):
        courses = [await new_course(store) for _ in range(3)]
        for course in (*courses, *courses):
            assert (await store.course(course.id)).course == course
        assert len(store._catalogue._kept) == 2


async def test_putting_the_same_course_again_changes_nothing(make_store: MakeStore) -> None:
    async with opened(make_store()) as store:
        course = await new_course(store, *ALL_KINDS)
        assert (await store.put_course(course)).change.is_empty
    async with opened(make_store()) as store:
        assert (await store.put_course(course)).change.is_empty


async def test_putting_a_course_returns_the_stored_version(store: Store) -> None:
    course = course_of(course_id=CourseId(str(uuid4())))
    made = (await store.put_course(course)).version
    assert (await store.course(course.id)).version == made
    assert (await store.put_course(course)).version == made
    edited = (await store.put_course(Course(course.id, "Edited", course.lessons))).version
    assert (await store.course(course.id)).version == edited != made


async def test_a_changed_course_replaces_the_former_one(store: Store) -> None:
    before = await new_course(store, lesson(1), lesson(2), lesson(3))
    after = Course(before.id, "Renamed", (lesson(3), lesson(1, required=False), lesson(4)))
    change, _ = await store.put_course(after)
    assert (change.created, change.renamed, change.reordered) == (False, True, True)
    assert (change.added, change.removed, change.changed) == ((lesson(4).id,), (lesson(2).id,), (lesson(1).id,))
    assert (await store.course(before.id)).course == after


async def test_a_change_is_seen_by_the_very_next_read_and_write(store: Store) -> None:
    course, learner = await new_course(store, lesson(1)), new_learner()
    await store.write(merge_write(learner, course, lesson(1), progress_percentage=60))
    for complete_at, status in [(70, "in_progress"), (60, "completed")]:
        edited = Course(course.id, course.title, (lesson(1, complete_at=complete_at),))
        await store.put_course(edited)
        assert (await store.lessons(learner, course.id)).course == edited
        progress = await written(store, merge_write(learner, course, lesson(1), progress_percentage=60))
        assert progress.status == status


async def test_the_catalogue_is_listed_by_title(store: Store) -> None:
    assert await store.courses() == []
    second = await new_course(store, lesson(1), lesson(2, required=False), title="Beta")
    third = await new_course(store, lesson(1, required=False), title="Gamma")
    first = await new_course(store, title="Alpha")
    assert await store.courses() == [
        CourseOutline(first.id, "Alpha", 3, 3),
        CourseOutline(second.id, "Beta", 2, 1),
        CourseOutline(third.id, "Gamma", 1, 0),
    ]


async def test_courses_may_share_a_title_and_lessons(store: Store) -> None:
    one, other = await new_course(store, lesson(1), title="Same"), await new_course(store, lesson(1), title="Same")
    learner = new_learner()
    await store.write(merge_write(learner, one, lesson(1), quiz_attempts=1))
    assert {outline.id for outline in await store.courses()} == {one.id, other.id}
    assert await lesson_progress_of(store, learner, other) == {}


Question = Callable[[Store, Course], Awaitable[Any]]

QUESTIONS: dict[str, Question] = {
    "course": lambda store, course: store.course(course.id),
    "remove_course": lambda store, course: store.remove_course(course.id),
    "lesson": lambda store, course: store.lesson(new_learner(), course.id, lesson(1).id),
    "lessons": lambda store, course: store.lessons(new_learner(), course.id),
    "lessons_stamp": lambda store, course: store.lessons_stamp(new_learner(), course.id),
    "course_progress": lambda store, course: store.course_progress(new_learner(), course.id),
    "write": lambda store, course: store.write(merge_write(new_learner(), course, lesson(1), quiz_attempts=1)),
    "removal": lambda store, course: store.write(removal(new_learner(), course, lesson(1))),
    "restart_course": lambda store, course: store.restart_course(Restart(new_learner(), course.id)),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
async def test_a_course_that_was_never_put_is_not_found(store: Store, question: Question) -> None:
    unknown = course_of(course_id=CourseId(str(uuid4())))
    with pytest.raises(CourseNotFoundError, match=unknown.id):
        await question(store, unknown)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
async def test_a_course_that_was_removed_is_not_found(store: Store, question: Question) -> None:
    course, other = await new_course(store), await new_course(store)
    await question(store, course)
    course = await new_course(store)
    await store.remove_course(course.id)
    with pytest.raises(CourseNotFoundError, match=course.id):
        await question(store, course)
    assert [outline.id for outline in await store.courses() if outline.id in {course.id, other.id}] == [other.id]


async def test_a_course_that_is_put_back_has_its_lesson_progress_again(store: Store) -> None:
    learner, course = new_learner(), await new_course(store, lesson(1), lesson(2))
    await store.write(merge_write(learner, course, lesson(1), progress_percentage=100, time_spent_minutes=2))
    await store.write(merge_write(learner, course, lesson(2), progress_percentage=10))
    all_progress = await lesson_progress_of(store, learner, course)
    await store.remove_course(course.id)
    assert await store.learner_courses(learner) == []
    assert (await store.put_course(course)).change.created
    assert await lesson_progress_of(store, learner, course) == all_progress
    assert await exact_tally(store, learner, course) == (1, 1, 2_000_000)
    assert [reading.course for reading in await store.learner_courses(learner)] == [course]


async def test_a_changed_course_that_is_put_back_counts_by_its_new_lessons(store: Store) -> None:
    learner, course = new_learner(), await new_course(store, lesson(1), lesson(2))
    await store.write(merge_write(learner, course, lesson(1), progress_percentage=100))
    await store.write(merge_write(learner, course, lesson(2), progress_percentage=100))
    await store.remove_course(course.id)
    await store.put_course(Course(course.id, "Another", (lesson(2), lesson(3))))
    assert await exact_tally(store, learner, course) == (1, 0, 0)
    assert len(await lesson_progress_of(store, learner, course)) == 2
