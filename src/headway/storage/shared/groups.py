"""Groups and their members: the Groups protocol. Every change of a group holds the group's row first."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from random import uniform
from secrets import randbits
from typing import Final, NamedTuple

from headway.domain.course_progress import EnrolmentSource
from headway.domain.enrolments import EnrolmentChange
from headway.domain.errors import GroupNotFoundError
from headway.domain.groups import (
    Group,
    GroupChange,
    GroupEnrolment,
    GroupOutline,
    GroupQuery,
    check_size,
    group_of,
    next_group_version,
)
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.text import sort_key
from headway.domain.writes import UNCONDITIONAL, Precondition
from headway.storage.shared.columns import IdLists
from headway.storage.shared.ids import FIRST_ID
from headway.storage.shared.queries import read_queries, text_of
from headway.storage.shared.session import Reading, Row, Session, Step, to_moment

_NOTES_AT_ONCE: Final = 128  # learners' own writes wait for no more enrolments
_PAUSE_SECONDS: Final = 0.05
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
    members_in: str
    members_among: str
    page: str
    page_among: str
    sizes: str
    of_learner: str
    groups_from: str
    members_of_groups: str
    lesson_shapes: str
    course_shapes: str
    finished_days: str
    changes_among: str
    put_group_enrolment: str
    remove_group_enrolment: str
    remove_group_enrolments: str
    enrolments_of_groups: str
    note_changes: str
    note_change: str
    changes_of: str
    changes: str
    forget_changes: str
    settle_change: str
    enrolled_among: str


def group_statements(ids: IdLists) -> GroupStatements:
    """Return the statements for a database that reads lists of ids in this way."""
    queries = read_queries("asyncpg", Path(__file__).with_name("groups.sql"), ids=ids)
    return GroupStatements._make(text_of(queries, name) for name in GroupStatements._fields)


class _Note(NamedTuple):
    """A note that the enrolment of a learner by a group has changed. `change` is another number for each change."""

    learner_id: LearnerId
    course_id: CourseId
    group_id: GroupId
    change: int


class StoredGroups:
    """The groups in a database. `enrol_all` changes enrolments, and says of each whether its course is there."""

    def __init__(
        self,
        session: Session,
        statements: GroupStatements,
        clock: Callable[[], datetime],
        enrol_all: Callable[[Sequence[EnrolmentChange]], Awaitable[Sequence[bool]]],
    ) -> None:
        self._session = session
        self._sql = statements
        self._clock = clock
        self._enrol_all = enrol_all

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
        enrolments = to_enrolments(await self._session.fetch(self._sql.enrolments_of_groups, [group_id]))
        found_members = tuple(LearnerId(member) for (member,) in members)
        return Group(group_id, title, found_members, version, tuple(enrolments.get(group_id, ())))

    async def members_in(self, group: Group, courses: Collection[CourseId]) -> Collection[LearnerId]:
        """Return the members of a group who are in one of some courses."""
        found = await self._session.scan(self._sql.members_in, list(group.members), sorted(courses))
        return [LearnerId(learner_id) for (learner_id,) in found]

    async def members_among(
        self, groups: Collection[GroupId], learners: Collection[LearnerId]
    ) -> Collection[LearnerId]:
        """Return those of some learners who are in one of some groups."""
        found = await self._session.fetch(self._sql.members_among, sorted(learners), sorted(groups))
        return {LearnerId(learner_id) for (learner_id,) in found}

    async def put(self, group: Group, precondition: Precondition = UNCONDITIONAL) -> Group:
        """Store a group in place of what is stored, and return it with its version."""
        stored = await self._session.transact(lambda: self._put(group, precondition))
        await self.settle(group.id)
        return stored

    async def change_all(self, changes: Sequence[GroupChange]) -> None:
        """Change several groups in one transaction."""
        in_order = sorted(changes)  # so that no two transactions wait for each other
        await self._session.transact(lambda: self._change_all(in_order))
        for change in in_order:
            await self.settle(change.group_id)

    async def remove(self, group_id: GroupId) -> None:
        """Remove a group. Its members stay learners."""
        await self._session.transact(lambda: self._remove(group_id))
        await self.settle(group_id)

    async def add_member(self, group_id: GroupId, learner_id: LearnerId) -> None:
        """Make a learner a member, if the learner is not one."""
        await self._session.transact(lambda: self._change_member(group_id, learner_id, joins=True))
        await self.settle(group_id)

    async def remove_member(self, group_id: GroupId, learner_id: LearnerId) -> None:
        """Take a learner out of a group, if the learner is a member."""
        await self._session.transact(lambda: self._change_member(group_id, learner_id, joins=False))
        await self.settle(group_id)

    async def enrol(self, group_id: GroupId, enrolment: GroupEnrolment) -> None:
        """Enrol all present and future members in a course, with these dates in place of earlier ones."""
        await self._session.transact(lambda: self._put_enrolment(group_id, enrolment))
        await self.settle(group_id)

    async def end_enrolment(self, group_id: GroupId, course_id: CourseId) -> None:
        """End what enrols the members in a course, if there is anything."""
        await self._session.transact(lambda: self._end_enrolment(group_id, course_id))
        await self.settle(group_id)

    async def settle(self, group_id: GroupId | None = None) -> int:
        """Bring enrolments in line with what was noted of a group (`None`: of all groups). Return how many there were.

        A note is in the database before an enrolment changes, and is removed after it. So what a killed process has
        left is found again. The notes of a removed course stay until the course comes back.
        """
        settled = 0
        while noted := await self._noted(group_id):
            are_done = await self._enrol_all(await self._asked_by(noted))
            done = [note for note, is_done in zip(noted, are_done, strict=True) if is_done]
            if len(done) < len(noted):
                await asyncio.sleep(_PAUSE_SECONDS)  # until this process knows that a course has come, or has gone
            settled += await self._remove_notes(done)
        return settled

    async def _noted(self, group_id: GroupId | None) -> list[_Note]:
        if group_id is None:
            return _to_notes(await self._session.scan(self._sql.changes, _NOTES_AT_ONCE))
        return _to_notes(await self._session.fetch(self._sql.changes_of, group_id, _NOTES_AT_ONCE))

    async def _asked_by(self, noted: Sequence[_Note]) -> list[EnrolmentChange]:
        """Return the changes that bring enrolments in line with the groups as they are now."""
        learners, groups = {note.learner_id for note in noted}, {note.group_id for note in noted}
        rows = await self._session.fetch(self._sql.enrolled_among, sorted(learners), sorted(groups))
        dates = {row[:3]: [moment and to_moment(moment) for moment in row[3:]] for row in map(tuple, rows)}
        asked: list[EnrolmentChange] = []
        for learner_id, course_id, group_id, _ in noted:
            found = dates.get((learner_id, course_id, group_id))
            source = EnrolmentSource(group_id, *(found or ()))
            asked.append(EnrolmentChange(learner_id, course_id, source, ends=found is None))
        return asked

    async def _remove_notes(self, noted: Sequence[_Note]) -> int:
        """Remove notes, and return how many there were.

        Where a note is not there any more, another process has changed the enrolment, perhaps before this one did. So
        it is noted again. The pause lets one of two processes do that.
        """
        noted = sorted(noted)  # in one order, so that no two processes wait for each other
        removed = await self._session.change_all(*(Step(self._sql.settle_change, *note) for note in noted))
        overtaken = [note for note, rows in zip(noted, removed, strict=True) if not rows]
        if overtaken:
            again = (note._replace(change=_new_change()) for note in overtaken)
            await self._session.change_all(*(Step(self._sql.note_change, *note) for note in again))
            await asyncio.sleep(uniform(_PAUSE_SECONDS, 4 * _PAUSE_SECONDS))  # noqa: S311 - two with the same pause only try again
        return len(noted) - len(overtaken)

    def _put(self, group: Group, precondition: Precondition) -> Reading[Group]:
        before = yield from self._made(group.id, group.title)
        precondition.check_group(before if before.version else None)
        return (yield from self._replaced(before, group))

    def _change_all(self, changes: Sequence[GroupChange]) -> Reading[None]:
        for change in changes:
            before = yield from self._made(change.group_id, change.title)
            members = {*before.members} - change.leaves | change.joins
            yield from self._replaced(before, group_of(change.group_id, change.title, members))

    def _made(self, group_id: GroupId, title: str) -> Reading[Group]:
        """Return a group, locked until the end of the transaction. A new one has the version 0."""
        yield Step(self._sql.make_group, group_id, title, sort_key(title))
        return (yield from self._held(group_id))

    def _replaced(self, before: Group, group: Group) -> Reading[Group]:
        """Store a group in place of a locked one, and return it with its version and its enrolments."""
        if before.version and before[:3] == group[:3]:
            return before
        after = group._replace(version=self._next_version(before))
        yield from store_group(self._sql, after, before.members)
        changed = set(after.members).symmetric_difference(before.members)
        if changed:
            yield Step(self._sql.note_changes, _new_change(), sorted(changed), group.id, None)
        return after._replace(enrolments=before.enrolments)

    def _put_enrolment(self, group_id: GroupId, enrolment: GroupEnrolment) -> Reading[None]:
        before = yield from self._held(group_id)
        yield Step(self._sql.put_group_enrolment, group_id, *enrolment)
        yield from self._note_course(before, enrolment.course_id)

    def _end_enrolment(self, group_id: GroupId, course_id: CourseId) -> Reading[None]:
        before = yield from self._held(group_id)
        yield from self._note_course(before, course_id)
        yield Step(self._sql.remove_group_enrolment, group_id, course_id)

    def _note_course(self, group: Group, course_id: CourseId) -> Reading[None]:
        """Note that the enrolments of all members in a course have changed, and give the group a new version."""
        yield Step(self._sql.note_changes, _new_change(), list(group.members), group.id, course_id)
        yield Step(self._sql.put_version, self._next_version(group), group.id)

    def _remove(self, group_id: GroupId) -> Reading[None]:
        before = yield from self._held(group_id)
        yield Step(self._sql.note_changes, _new_change(), list(before.members), group_id, None)
        yield Step(self._sql.remove_group_enrolments, group_id)
        yield Step(self._sql.remove_all_members, group_id)
        yield Step(self._sql.remove_group, group_id)

    def _change_member(self, group_id: GroupId, learner_id: LearnerId, *, joins: bool) -> Reading[None]:
        before = yield from self._held(group_id)
        if (learner_id in before.members) is joins:
            return
        check_size(len(before.members) + joins)
        change = self._sql.add_members if joins else self._sql.remove_members
        yield Step(change, group_id, [learner_id])
        yield Step(self._sql.note_changes, _new_change(), [learner_id], group_id, None)
        yield Step(self._sql.put_version, self._next_version(before), group_id)

    def _held(self, group_id: GroupId) -> Reading[Group]:
        """Return a group, locked until the end of the transaction. Raises `GroupNotFoundError`."""
        held = yield Step(self._sql.hold_group, group_id)
        if not held:
            raise GroupNotFoundError(group_id)
        [(title, version)] = held
        members = yield Step(self._sql.members, group_id)
        enrolments = to_enrolments((yield Step(self._sql.enrolments_of_groups, [group_id])))
        found = tuple(LearnerId(member) for (member,) in members)
        return Group(group_id, title, found, version, tuple(enrolments.get(group_id, ())))

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


def to_enrolments(rows: Sequence[Row]) -> dict[GroupId, list[GroupEnrolment]]:
    """Return what some groups enrol their members in, by group."""
    found: dict[GroupId, list[GroupEnrolment]] = {}
    for group_id, course_id, *moments in rows:
        dates = (None if moment is None else to_moment(moment) for moment in moments)
        found.setdefault(GroupId(group_id), []).append(GroupEnrolment(CourseId(course_id), *dates))
    return found


def _to_notes(rows: Sequence[Row]) -> list[_Note]:
    return [_Note(*row) for row in rows]


def _new_change() -> int:
    """Return a number that no other change has."""
    return randbits(62)


def leave_groups(statements: GroupStatements, learner_id: LearnerId, now: datetime) -> Reading[bool]:
    """Take a learner out of all groups, and return whether there was one. Forgets the learner's notes, too."""
    outlines = to_outlines((yield Step(statements.of_learner, learner_id)))
    for group_id in sorted(outline.id for outline in outlines):  # in one order, so that no two wait for each other
        held = yield Step(statements.hold_group, group_id)
        yield Step(statements.remove_members, group_id, [learner_id])
        for _, version in held:
            yield Step(statements.put_version, next_group_version(version, _microseconds(now)), group_id)
    yield Step(statements.forget_changes, learner_id)
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
