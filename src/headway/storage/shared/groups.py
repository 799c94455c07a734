"""Groups and their members: the Groups protocol. Every change of a group holds the group's row first."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from headway.domain.errors import GroupNotFoundError
from headway.domain.groups import (
    Group,
    GroupOutline,
    GroupQuery,
    check_size,
    next_group_version,
)
from headway.domain.identifiers import GroupId, LearnerId
from headway.domain.text import sort_key
from headway.domain.writes import UNCONDITIONAL, Precondition
from headway.storage.shared.columns import IdLists
from headway.storage.shared.ids import FIRST_ID
from headway.storage.shared.queries import read_queries, text_of
from headway.storage.shared.session import Reading, Row, Session, Step

_BEFORE_ALL_GROUPS: Final = (b"", FIRST_ID)


class GroupStatements(NamedTuple):
    """The statements of groups.sql for one database."""

    make_group: str
    hold_group: str
    put_group: str
    put_version: str
    remove_group: str
    add_members: str
    remove_members: str
    remove_all_members: str
    find_group: str
    members: str
    page: str
    page_among: str
    sizes: str
    of_learner: str
    groups_from: str
    members_of_groups: str
    lesson_shapes: str
    course_shapes: str
    finished_days: str
    late_among: str


def group_statements(ids: IdLists) -> GroupStatements:
    """Return the statements for a database that reads lists of ids in this way."""
    queries = read_queries("asyncpg", Path(__file__).with_name("groups.sql"), ids=ids)
    return GroupStatements._make(text_of(queries, name) for name in GroupStatements._fields)


class StoredGroups:
    """The groups in a database."""

    def __init__(self, session: Session, statements: GroupStatements, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._sql = statements
        self._clock = clock

    async def page(self, query: GroupQuery) -> Sequence[GroupOutline]:
        """Return a page of the groups by title."""
        after = query.after or _BEFORE_ALL_GROUPS
        if query.among is None:
            found = await self._session.scan(self._sql.page, *after, query.limit)
        else:
            found = await self._session.scan(self._sql.page_among, *after, sorted(query.among), query.limit)
        sizes = dict(map(tuple, await self._session.scan(self._sql.sizes, [group_id for group_id, _ in found])))
        return [GroupOutline(GroupId(group_id), title, sizes.get(group_id, 0)) for group_id, title in found]

    async def of_learner(self, learner_id: LearnerId) -> Sequence[GroupOutline]:
        """Return the groups that a learner is in, by title."""
        return to_outlines(await self._session.fetch(self._sql.of_learner, learner_id))

    async def find(self, group_id: GroupId) -> Group:
        """Return a group with its members."""
        found = await self._session.fetch(self._sql.find_group, group_id)
        if not found:
            raise GroupNotFoundError(group_id)
        [(title, version)] = found
        members = await self._session.scan(self._sql.members, group_id)
        return Group(group_id, title, tuple(LearnerId(member) for (member,) in members), version)

    async def put(self, group: Group, precondition: Precondition = UNCONDITIONAL) -> Group:
        """Store a group in place of what is stored, and return it with its version."""
        return await self._session.transact(lambda: self._put(group, precondition))

    async def remove(self, group_id: GroupId) -> None:
        """Remove a group. Its members stay learners."""
        await self._session.transact(lambda: self._remove(group_id))

    async def add_member(self, group_id: GroupId, learner_id: LearnerId) -> None:
        """Make a learner a member, if the learner is not one."""
        await self._session.transact(lambda: self._change_member(group_id, learner_id, joins=True))

    async def remove_member(self, group_id: GroupId, learner_id: LearnerId) -> None:
        """Take a learner out of a group, if the learner is a member."""
        await self._session.transact(lambda: self._change_member(group_id, learner_id, joins=False))

    def _put(self, group: Group, precondition: Precondition) -> Reading[Group]:
        yield Step(self._sql.make_group, group.id, group.title, sort_key(group.title))
        before = yield from self._held(group.id)
        precondition.check_group(before if before.version else None)
        if before.version and before[:3] == group[:3]:
            return before
        after = group._replace(version=self._next_version(before))
        yield from store_group(self._sql, after, before.members)
        return after

    def _remove(self, group_id: GroupId) -> Reading[None]:
        yield from self._held(group_id)
        yield Step(self._sql.remove_all_members, group_id)
        yield Step(self._sql.remove_group, group_id)

    def _change_member(self, group_id: GroupId, learner_id: LearnerId, *, joins: bool) -> Reading[None]:
        before = yield from self._held(group_id)
        if (learner_id in before.members) is joins:
            return
        check_size(len(before.members) + joins)
        change = self._sql.add_members if joins else self._sql.remove_members
        yield Step(change, group_id, [learner_id])
        yield Step(self._sql.put_version, self._next_version(before), group_id)

    def _held(self, group_id: GroupId) -> Reading[Group]:
        """Return a group, locked until the end of the transaction. Raises `GroupNotFoundError`."""
        held = yield Step(self._sql.hold_group, group_id)
        if not held:
            raise GroupNotFoundError(group_id)
        [(title, version)] = held
        members = yield Step(self._sql.members, group_id)
        return Group(group_id, title, tuple(LearnerId(member) for (member,) in members), version)

    def _next_version(self, before: Group) -> int:
        return next_group_version(before.version, _microseconds(self._clock()))


def store_group(statements: GroupStatements, group: Group, before: Sequence[LearnerId]) -> Reading[None]:
    """Store a held group that has the members `before`."""
    joining, leaving = set(group.members).difference(before), set(before).difference(group.members)
    yield Step(statements.put_group, group.title, sort_key(group.title), group.version, group.id)
    if leaving:
        yield Step(statements.remove_members, group.id, sorted(leaving))
    if joining:
        yield Step(statements.add_members, group.id, sorted(joining))


def leave_groups(statements: GroupStatements, learner_id: LearnerId, now: datetime) -> Reading[bool]:
    """Take a learner out of all groups, and return whether there was one."""
    outlines = to_outlines((yield Step(statements.of_learner, learner_id)))
    for group_id in sorted(outline.id for outline in outlines):  # in one order, so that no two wait for each other
        held = yield Step(statements.hold_group, group_id)
        yield Step(statements.remove_members, group_id, [learner_id])
        for _, version in held:
            yield Step(statements.put_version, next_group_version(version, _microseconds(now)), group_id)
    return bool(outlines)


def members_of(statements: GroupStatements, group_id: GroupId) -> Reading[list[LearnerId]]:
    """Return the members of a group. Raises `GroupNotFoundError`."""
    members = [LearnerId(member) for (member,) in (yield Step(statements.members, group_id))]
    if not members and not (yield Step(statements.find_group, group_id)):
        raise GroupNotFoundError(group_id)
    return members


def to_outlines(rows: Sequence[Row]) -> list[GroupOutline]:
    """Return groups without their size, from rows with id and title."""
    return [GroupOutline(GroupId(group_id), title) for group_id, title in rows]


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
