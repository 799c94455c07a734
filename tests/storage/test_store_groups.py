"""Groups in both stores: who is in them, what changes them, and the figures of their members."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from domain.values import lesson, quiz
from headway.domain.course_progress import CourseProgress
from headway.domain.errors import GroupNotFoundError, InvalidValueError, PreconditionFailedError
from headway.domain.groups import MOST_MEMBERS, Group, GroupOutline, GroupQuery, group_of, position_of
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.ports import Store
from headway.domain.principal import Principal
from headway.domain.removals import Restart
from headway.domain.roster import RosterOrder, RosterQuery, ids_beginning
from headway.domain.roster import position_of as position_in_roster
from headway.domain.writes import Precondition
from headway.storage.migrations import SchemaMarks
from headway.storage.postgres import schema as postgres
from headway.storage.postgres.schema import statements_of
from headway.storage.sqlite import schema as sqlite
from headway.storage.sqlite.schema import APPLICATION_ID
from storage.stores import Clock, MakeStore, merge_write, new_course, new_learner, opened, soon, stores_on
from support.tables import execute

EVER = (date.min, date.max)


def new_group(*members: LearnerId, title: str = "Class 7b") -> Group:
    return group_of(GroupId(str(uuid4())), title, members)


def without_version(group: Group) -> Group:
    return group._replace(version=0)


async def test_a_group_is_read_as_it_was_put(store: Store) -> None:
    group = new_group(*(new_learner() for _ in range(3)), title="Ünïcode ✎ 'quoted'")
    put = await store.groups.put(group)
    assert without_version(put) == group
    assert await store.groups.find(group.id) == put


async def test_putting_replaces_title_and_members(store: Store) -> None:
    stays, leaves, joins = (new_learner() for _ in range(3))
    before = await store.groups.put(new_group(stays, leaves))
    after = await store.groups.put(group_of(before.id, "Class 8b", [joins, stays]))
    assert without_version(after) == group_of(before.id, "Class 8b", [joins, stays])
    assert after.version > before.version
    assert await store.groups.find(before.id) == after
    assert await store.groups.of_learner(leaves) == []


async def test_putting_the_same_again_changes_nothing(store: Store) -> None:
    put = await store.groups.put(new_group(new_learner()))
    assert await store.groups.put(put) == put


async def test_a_group_may_be_empty(store: Store) -> None:
    put = await store.groups.put(new_group())
    assert (await store.groups.find(put.id)).members == ()
    course = await new_course(store)
    reading = await store.group_statistics(course.id, put.id, *EVER)
    assert not any(reading.learners)


async def test_a_group_holds_ten_thousand_members_and_no_more(store: Store) -> None:
    members = [LearnerId(f"00000000-0000-4000-8000-{number:012}") for number in range(MOST_MEMBERS + 1)]
    full = await store.groups.put(new_group(*members[1:]))
    assert len((await store.groups.find(full.id)).members) == MOST_MEMBERS
    with pytest.raises(InvalidValueError, match="at most 10,000"):
        await store.groups.add_member(full.id, members[0])
    assert await store.groups.find(full.id) == full
    with pytest.raises(InvalidValueError, match="these would be 10,001"):
        new_group(*members)


async def test_a_member_joins_and_leaves_once(store: Store) -> None:
    group = await store.groups.put(new_group())
    member = new_learner()
    versions = [group.version]
    for _ in range(2):
        await store.groups.add_member(group.id, member)
        versions.append((await store.groups.find(group.id)).version)
    assert (await store.groups.find(group.id)).members == (member,)
    for _ in range(2):
        await store.groups.remove_member(group.id, member)
        versions.append((await store.groups.find(group.id)).version)
    assert (await store.groups.find(group.id)).members == ()
    assert versions == sorted(versions)
    assert len(set(versions)) == 3


async def test_a_removed_group_has_no_members_when_it_is_made_again(store: Store) -> None:
    member = new_learner()
    group = await store.groups.put(new_group(member))
    await store.groups.remove(group.id)
    assert await store.groups.of_learner(member) == []
    again = await store.groups.put(group_of(group.id, group.title, []))
    assert again.members == ()
    assert again.version > group.version


async def test_an_unknown_group_is_refused_everywhere(store: Store) -> None:
    unknown, learner, course = GroupId(str(uuid4())), new_learner(), await new_course(store)
    for refused in (
        store.groups.find(unknown),
        store.groups.remove(unknown),
        store.groups.add_member(unknown, learner),
        store.groups.remove_member(unknown, learner),
        store.group_statistics(course.id, unknown, *EVER),
        store.all_group_statistics(unknown, *EVER),
        store.roster(course.id, RosterQuery(group=unknown)),
    ):
        with pytest.raises(GroupNotFoundError, match=unknown):
            await refused


async def test_a_condition_that_does_not_hold_changes_nothing(store: Store) -> None:
    group = new_group(new_learner())
    for condition in (Precondition(match_any=True), Precondition(match=frozenset(["0"]))):
        with pytest.raises(PreconditionFailedError):
            await store.groups.put(group, condition)
        with pytest.raises(GroupNotFoundError):
            await store.groups.find(group.id)
    stored = await store.groups.put(group, Precondition(none_match_any=True))
    other = group_of(group.id, "Another", [])
    for condition in (Precondition(none_match_any=True), Precondition(match=frozenset([f"{stored.version - 1}"]))):
        with pytest.raises(PreconditionFailedError):
            await store.groups.put(other, condition)
        assert await store.groups.find(group.id) == stored
    changed = await store.groups.put(other, Precondition(match=frozenset([stored.etag])))
    assert without_version(changed) == other


async def test_of_many_who_make_a_group_at_once_one_succeeds(make_store: MakeStore) -> None:
    async with opened(make_store()) as one, opened(make_store()) as other:
        group = new_group(new_learner())
        only_new = Precondition(none_match_any=True)
        found = await asyncio.gather(
            *(store.groups.put(group, only_new) for store in [one, other] * 4), return_exceptions=True
        )
        made = [outcome for outcome in found if isinstance(outcome, Group)]
        assert list(map(without_version, made)) == [group]
        assert sum(isinstance(outcome, PreconditionFailedError) for outcome in found) == 7


async def test_members_who_join_at_once_are_all_members(make_store: MakeStore) -> None:
    async with opened(make_store()) as one, opened(make_store()) as other:
        group = await one.groups.put(new_group())
        joining = sorted(new_learner() for _ in range(12))
        await asyncio.gather(
            *(
                store.groups.add_member(group.id, learner)
                for store, learner in zip([one, other] * 6, joining, strict=True)
            )
        )

        async def members() -> tuple[LearnerId, ...]:
            return (await one.groups.find(group.id)).members

        await soon(members, tuple(joining))


async def test_groups_are_listed_by_title_a_page_at_a_time(store: Store) -> None:
    titles = ["Class 10", "class 2", "Ábaco", "abanico", "Zebra"]
    groups = [await store.groups.put(new_group(*(new_learner() for _ in title), title=title)) for title in titles]
    wanted = frozenset(group.id for group in groups)
    found: list[GroupOutline] = []
    query = GroupQuery(limit=2, among=wanted)
    while page := await store.groups.page(query):
        assert len(page) <= 2
        found += page
        query = GroupQuery(limit=2, after=position_of(page[-1]), among=wanted)
    assert [(one.title, one.members) for one in found] == [
        ("Ábaco", 5), ("abanico", 7), ("class 2", 7), ("Class 10", 8), ("Zebra", 5)
    ]  # fmt: skip
    assert [one for one in await store.groups.page(GroupQuery()) if one.id in wanted] == found
    assert await store.groups.page(GroupQuery(among=frozenset())) == []


async def test_a_learners_groups_are_listed_by_title(store: Store) -> None:
    learner = new_learner()
    later = await store.groups.put(new_group(learner, title="B"))
    former = await store.groups.put(new_group(learner, new_learner(), title="A"))
    await store.groups.put(new_group(new_learner()))
    listed = [GroupOutline(former.id, "A"), GroupOutline(later.id, "B")]
    assert await store.groups.of_learner(learner) == listed
    assert (await store.learner_record(learner)).groups == listed


async def test_erasing_a_learner_ends_all_memberships(make_store: MakeStore) -> None:
    async with opened(make_store()) as store:
        learner, other = sorted([new_learner(), new_learner()])
        groups = [await store.groups.put(new_group(learner, other)) for _ in range(2)]
        assert await store.erase(learner)
        for group in groups:
            found = await store.groups.find(group.id)
            assert found.members == (other,)
            assert found.version > group.version
        assert not any(await store.learner_record(learner))
        assert not await store.erase(learner)


async def filled(store: Store, learners: Sequence[LearnerId]) -> CourseId:
    """A course in which learners have done different things, on different days."""
    course = await new_course(store, lesson(1), quiz(2), lesson(3, required=False))
    for number, learner in enumerate(learners):
        for one in course.lessons[: number % 3 + 1]:
            await store.write(
                merge_write(learner, course, one, progress_percentage=40, time_spent_minutes=0.1 * number)
            )
        if number % 2:
            attempt = {"quiz_score": 50 + number, "quiz_attempts": number}
            await store.write(merge_write(learner, course, course.lessons[1], is_bookmarked=True, **attempt))
        if number % 4 == 3:
            await store.write(merge_write(learner, course, course.lessons[0], status="completed"))
    return course.id


async def test_a_groups_figures_are_those_of_a_course_with_only_its_members(make_store: MakeStore) -> None:
    clock = Clock(datetime(2026, 1, 1, 22, tzinfo=UTC))
    async with opened(make_store(clock=clock)) as store:
        members, others = ([new_learner() for _ in range(9)] for _ in range(2))
        course_id = await filled(store, members)
        clock.now = clock.now.replace(day=2, hour=9)
        await filled_again(store, course_id, members[:5])
        alone = await store.statistics(course_id, *EVER)
        group = await store.groups.put(new_group(*members, new_learner(), title="with one who has not begun"))
        assert await store.group_statistics(course_id, group.id, *EVER) == alone
        elsewhere = await filled(store, members[:4])
        every = await store.all_group_statistics(group.id, *EVER)
        assert {one.course.id: one for one in every} == {
            one: await store.group_statistics(one, group.id, *EVER) for one in (course_id, elsewhere)
        }
        await filled_again(store, course_id, others)
        assert await store.statistics(course_id, *EVER) != alone
        assert await store.group_statistics(course_id, group.id, *EVER) == alone
        one_day = (date(2026, 1, 1), date(2026, 1, 1))
        among = await store.group_statistics(course_id, group.id, *one_day)
        assert among == alone._replace(days={one_day[0]: alone.days[one_day[0]]})
        await store.erase(members[0])
        await store.restart_course(Restart(members[1], course_id))
        await store.groups.put(group_of(GroupId(group.id), "everybody", [*members, *others]))
        assert await store.group_statistics(course_id, group.id, *EVER) == await store.statistics(course_id, *EVER)


async def filled_again(store: Store, course_id: CourseId, learners: Sequence[LearnerId]) -> None:
    course = (await store.course(course_id)).course
    for number, learner in enumerate(learners):
        await store.write(merge_write(learner, course, course.lessons[number % 3], status="completed", quiz_score=90))


@pytest.mark.parametrize("order", RosterOrder)
@pytest.mark.parametrize("descending", [False, True])
async def test_a_groups_roster_is_the_courses_roster_without_the_others(
    store: Store, order: RosterOrder, *, descending: bool
) -> None:
    learners = [new_learner() for _ in range(14)]
    course_id = await filled(store, learners)
    await filled_again(store, course_id, learners[::3])
    for learner in learners[:2]:
        for one in (await store.course(course_id)).course.lessons[:2]:
            course = (await store.course(course_id)).course
            await store.write(merge_write(learner, course, one, status="completed", quiz_score=90))
    members = learners[::2]
    group = await store.groups.put(new_group(*members, new_learner()))
    course = (await store.course(course_id)).course
    filters: dict[str, Any]
    for filters in (
        {},
        {"completed": False},
        {"completed": True},
        {"at_lesson": course.lessons[1].id},
        {"incomplete_lesson": course.lessons[1].id, "failed_at_least": 1},
        {"learners": ids_beginning(members[0][:2])},
    ):
        query = RosterQuery(order=order, descending=descending, limit=1_000, **filters)
        expected = [one for one in await store.roster(course_id, query) if one.learner_id in members]
        assert await paged(store, course_id, order, descending=descending, group=group.id, **filters) == expected


async def paged(
    store: Store, course_id: CourseId, order: RosterOrder, *, descending: bool, **filters: Any
) -> list[CourseProgress]:
    """A whole roster, read in pages of two."""
    found: list[CourseProgress] = []
    after = None
    while True:
        query = RosterQuery(order=order, descending=descending, limit=2, after=after, **filters)
        page = await store.roster(course_id, query)
        if not page:
            return found
        found += page
        after = position_in_roster(page[-1], order)


async def test_a_database_without_groups_gets_them_and_keeps_its_codes(empty_database_url: str, folder: Path) -> None:
    on_postgres = empty_database_url.startswith("postgresql:")
    every = (postgres if on_postgres else sqlite).MIGRATIONS
    migrations = every.missing(SchemaMarks(0, 0))
    before = next(index for index, file in enumerate(migrations) if file.stem.endswith("_groups"))
    marks = [f"PRAGMA user_version = {before}", f"PRAGMA application_id = {APPLICATION_ID}"]
    if on_postgres:
        marks = [f"UPDATE schema_version SET version = {before}, compatible_from = {before}"]
    learner = new_learner()
    execute(
        empty_database_url,
        *(one for file in migrations[:before] for one in statements_of(file.read_text(encoding="utf-8"))),
        *marks,
        "INSERT INTO sign_in_codes (digest, user_id, scopes, ends_at) "
        f"VALUES ('digest', '{learner}', '[\"statistics:read\"]', '2090-01-01T00:00:00+00:00')",
    )
    async with opened(stores_on(empty_database_url, folder)()) as store:
        put = await store.groups.put(new_group(learner))
        assert await store.groups.find(put.id) == put
        signed_in = await store.sign_in_codes.take("digest")
        assert signed_in is not None
        assert signed_in.principal == Principal(learner, frozenset({"statistics:read"}))
