"""Groups enrol their present and future members, whatever happens in between; on both stores."""

import asyncio
from datetime import UTC, date, datetime
from typing import Final
from uuid import uuid4

import pytest

from headway.domain.catalogue import Course
from headway.domain.course_progress import EnrolmentSource
from headway.domain.enrolments import EnrolmentChange
from headway.domain.groups import Group, GroupEnrolment, group_of
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.ports import Store
from storage.installations import archive_of
from storage.stores import MakeStore, merge_write, new_course, new_learner, opened
from storage.test_store_edits import check_exact

DUE: Final = datetime(2027, 6, 30, tzinfo=UTC)
LATER: Final = datetime(2027, 7, 31, tzinfo=UTC)
DAY: Final = date(2026, 1, 1)


async def new_group(store: Store, *members: LearnerId) -> Group:
    return await store.groups.put(group_of(GroupId(str(uuid4())), "A class", members))


async def with_members(store: Store, group: Group, *members: LearnerId) -> None:
    await store.groups.put(group_of(group.id, group.title, members))


async def due(store: Store, course: Course) -> dict[LearnerId, datetime | None]:
    """Return who is enrolled, and until when. The counts agree with that."""
    found = await store.enrolments_in(course.id, None, 100)
    reading = await store.statistics(course.id, DAY, DAY)
    assert reading.learners.enrolled == len(found)
    await check_exact(store, course.id)
    return {one.learner_id: one.due_at for one in found}


async def test_present_and_future_members_are_enrolled(store: Store) -> None:
    course, first, second, third = await new_course(store), new_learner(), new_learner(), new_learner()
    group = await new_group(store, first)
    await store.groups.enrol(group.id, GroupEnrolment(course.id, None, DUE))
    assert await due(store, course) == {first: DUE}
    await store.groups.add_member(group.id, second)
    await with_members(store, group, second, third)
    assert await due(store, course) == {second: DUE, third: DUE}
    await store.groups.remove_member(group.id, third)
    await store.groups.enrol(group.id, GroupEnrolment(course.id, None, LATER))
    assert await due(store, course) == {second: LATER}
    assert (await store.groups.find(group.id)).enrolments == (GroupEnrolment(course.id, None, LATER),)


@pytest.mark.parametrize("is_removed", [True, False])
async def test_members_leave_the_course_with_their_group(store: Store, *, is_removed: bool) -> None:
    course, begun, absent = await new_course(store), new_learner(), new_learner()
    group = await new_group(store, begun, absent)
    await store.groups.enrol(group.id, GroupEnrolment(course.id))
    await store.write(merge_write(begun, course, course.lessons[0], progress_percentage=10))
    if is_removed:
        await store.groups.remove(group.id)
    else:
        await store.groups.end_enrolment(group.id, course.id)
    assert await due(store, course) == {}
    progress = (await store.course_progress(begun, course.id)).progress
    assert progress is not None
    assert progress.ended_at is not None


async def test_another_source_keeps_a_learner_enrolled(store: Store) -> None:
    course, learner = await new_course(store), new_learner()
    one, other = await new_group(store, learner), await new_group(store, learner)
    await store.groups.enrol(one.id, GroupEnrolment(course.id, None, DUE))
    await store.groups.enrol(other.id, GroupEnrolment(course.id, None, LATER))
    assert await due(store, course) == {learner: LATER}
    await store.enrol(EnrolmentChange(learner, course.id, EnrolmentSource(due_at=DUE)))
    assert await due(store, course) == {learner: DUE}
    await store.groups.remove(other.id)
    await store.enrol(EnrolmentChange(learner, course.id, EnrolmentSource(), ends=True))
    assert await due(store, course) == {learner: DUE}
    await store.groups.remove_member(one.id, learner)
    assert await due(store, course) == {}


async def test_a_group_enrols_in_several_courses(store: Store) -> None:
    learner = new_learner()
    courses = [await new_course(store) for _ in range(3)]
    group = await new_group(store)
    for course in courses:
        await store.groups.enrol(group.id, GroupEnrolment(course.id))
    await store.groups.add_member(group.id, learner)
    assert {one.course_id for one in await store.enrolments_of(learner)} == {course.id for course in courses}
    await store.groups.end_enrolment(group.id, courses[0].id)
    assert {one.course_id for one in await store.enrolments_of(learner)} == {course.id for course in courses[1:]}


async def test_a_removed_course_enrols_nobody(store: Store) -> None:
    course, learner = await new_course(store), new_learner()
    group = await new_group(store)
    await store.groups.enrol(group.id, GroupEnrolment(course.id))
    await store.remove_course(course.id)
    await store.groups.add_member(group.id, learner)
    assert await store.enrolments_of(learner) == []


async def test_a_removed_course_that_comes_back_follows_what_its_groups_did_meanwhile(store: Store) -> None:
    course, others = await new_course(store), [await new_course(store) for _ in range(2)]
    stays, leaves, joins, erased = (new_learner() for _ in range(4))
    group = await new_group(store, stays, leaves)
    await store.groups.enrol(group.id, GroupEnrolment(course.id, due_at=DUE))
    await store.remove_course(course.id)
    for learner in (joins, erased):
        await store.groups.add_member(group.id, learner)
    await store.groups.remove_member(group.id, leaves)
    await store.erase(erased)
    await store.groups.settle()
    await store.put_course(others[0])
    assert await store.enrolments_of(joins) == []
    await store.put_course(course)
    assert await due(store, course) == {stays: DUE, joins: DUE}
    assert await store.groups.settle() == 0


async def test_what_a_killed_process_has_left_is_finished(make_store: MakeStore) -> None:
    """A process notes what is to change in the transaction that changes a group. It may be killed after that."""
    async with opened(make_store()) as store:
        course, learner = await new_course(store), new_learner()
        group = await new_group(store, learner)
        left = store.groups._put_enrolment(group.id, GroupEnrolment(course.id, None, DUE))  # type: ignore[attr-defined]
        await store.groups._session.transact(lambda: left)  # type: ignore[attr-defined]
        assert await due(store, course) == {}
    async with opened(make_store()) as store:
        assert await store.groups.settle() == 1
        assert await due(store, course) == {learner: DUE}
        assert await store.groups.settle() == 0


async def test_changes_at_the_same_time_leave_what_the_group_says(make_store: MakeStore) -> None:
    async with opened(make_store()) as store, opened(make_store()) as other:
        course, learners = await new_course(store), [new_learner() for _ in range(6)]
        group = await new_group(store)
        await store.groups.enrol(group.id, GroupEnrolment(course.id, None, DUE))

        async def come_and_go(at: Store, learner: LearnerId, times: int) -> None:
            for number in range(times):
                change = at.groups.remove_member if number % 2 else at.groups.add_member
                await change(group.id, learner)

        await asyncio.gather(
            *(come_and_go(at, learner, number) for at in (store, other) for number, learner in enumerate(learners, 3)),
            other.groups.settle(),
        )
        await store.groups.settle()
        members = (await store.groups.find(group.id)).members
        assert await due(store, course) == dict.fromkeys(members, DUE)


async def test_a_copy_carries_the_enrolments_of_groups(store: Store) -> None:
    first, second = sorted(CourseId(str(uuid4())) for _ in range(2))
    enrolments = GroupEnrolment(first, DUE, LATER), GroupEnrolment(second)
    group = Group(GroupId(str(uuid4())), "A class", (), 7, enrolments)
    archive = archive_of(store)
    for _ in range(2):
        await archive.put_groups([group])
        assert await archive.groups(None, 10) == [group]


async def test_many_enrolments_are_the_same_as_each_alone(store: Store) -> None:
    course, removed = await new_course(store), await new_course(store)
    learners = [new_learner() for _ in range(300)]
    started, ended, *_ = learners
    await store.write(merge_write(started, course, course.lessons[0], status="in_progress"))
    await store.enrol(EnrolmentChange(ended, course.id, EnrolmentSource()))
    await store.enrol(EnrolmentChange(ended, course.id, EnrolmentSource(), ends=True))
    await store.remove_course(removed.id)
    asked = [EnrolmentChange(learner, course.id, EnrolmentSource(due_at=DUE)) for learner in learners]
    stranger = EnrolmentChange(new_learner(), course.id, EnrolmentSource(), ends=True)
    gone = EnrolmentChange(started, removed.id, EnrolmentSource())
    assert await store.enrol_all([*asked, gone, stranger]) == [True] * 300 + [False, True]
    found = await store.enrolments_among(learners)
    assert {(one.learner_id, one.due_at) for one in found} == {(learner, DUE) for learner in learners}
    assert len(found) == len(learners)
    assert [one.started_at is not None for one in found if one.learner_id == started] == [True]
    await check_exact(store, course.id)
    assert (await store.statistics(course.id, DAY, DAY)).learners.enrolled == len(learners)
