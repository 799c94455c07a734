"""Groups of learners: who is in a class, and who may know it."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from headway.domain.groups import Group, GroupOutline, GroupPosition, GroupQuery, group_of, position_of
from headway.domain.identifiers import GroupId, LearnerId
from headway.domain.ports import Store
from headway.domain.principal import GROUPS_WRITE, STATISTICS_READ, Principal
from headway.domain.writes import UNCONDITIONAL, Precondition
from headway.turns import in_turns


class GroupPage(NamedTuple):
    """A page of a list of groups, and the position of its last group where another page follows."""

    lines: list[GroupOutline]
    last: GroupPosition | None


class GroupsService:
    """The groups. Every method may raise `UnavailableError` and what its store raises.

    `learner_of` returns the id of a learner who is named as in a token's `sub`. An id is its own name.
    """

    def __init__(self, store: Store, learner_of: Callable[[str], LearnerId]) -> None:
        self._store = store
        self._learner_of = learner_of

    async def groups(self, principal: Principal, query: GroupQuery) -> GroupPage:
        """Return a page of the groups that the caller may see, by title.

        With `groups:write` these are all groups, with `statistics:read` those that the token grants. Otherwise they
        are the groups that the caller is in, all on one page and without their sizes.
        """
        if not principal.scopes & {GROUPS_WRITE, STATISTICS_READ}:
            return GroupPage(list(await self._store.groups.of_learner(principal.learner_id)), None)
        among = None if GROUPS_WRITE in principal.scopes else principal.groups
        found = await self._store.groups.page(GroupQuery(query.limit + 1, query.after, among))
        lines = list(found[: query.limit])
        return GroupPage(lines, position_of(lines[-1]) if len(found) > query.limit else None)

    async def of_statistics(self, principal: Principal) -> Sequence[GroupOutline]:
        """Return the groups whose statistics the caller may read, by title: the first page. Needs `statistics:read`."""
        principal.require(STATISTICS_READ)
        return await self._store.groups.page(GroupQuery(among=principal.groups))

    async def group(self, principal: Principal, group_id: GroupId) -> Group:
        """Return a group with its members. Needs `groups:write`, or `statistics:read` that includes the group.

        With `statistics:read` for some courses, the members are those who are in one of them.
        """
        if GROUPS_WRITE in principal.scopes:
            return await self._store.groups.find(group_id)
        principal.require(STATISTICS_READ)
        principal.require_group(group_id)
        group = await self._store.groups.find(group_id)
        if principal.courses is None:
            return group
        seen = await self._store.groups.members_in(group, principal.courses)
        return group._replace(members=tuple(sorted(seen)))

    async def put(
        self,
        principal: Principal,
        group_id: GroupId,
        title: str,
        names: Iterable[str],
        precondition: Precondition = UNCONDITIONAL,
    ) -> Group:
        """Store a group, new or in place of what is stored. `names` name the members. Needs `groups:write`.

        Raises `PreconditionFailedError`, and `InvalidValueError` where there are too many members.
        """
        principal.require(GROUPS_WRITE)
        members = [self._learner_of(name) async for name in in_turns(names)]
        return await self._store.groups.put(group_of(group_id, title, members), precondition)

    async def remove(self, principal: Principal, group_id: GroupId) -> None:
        """Remove a group, but keep its members' progress. Needs `groups:write`."""
        principal.require(GROUPS_WRITE)
        await self._store.groups.remove(group_id)

    async def add_member(self, principal: Principal, group_id: GroupId, name: str) -> LearnerId:
        """Make a learner a member, and return the learner's id. Needs `groups:write`.

        Raises `InvalidValueError` where the group is full.
        """
        principal.require(GROUPS_WRITE)
        learner_id = self._learner_of(name)
        await self._store.groups.add_member(group_id, learner_id)
        return learner_id

    async def remove_member(self, principal: Principal, group_id: GroupId, name: str) -> LearnerId:
        """Take a learner out of a group, and return the learner's id. Needs `groups:write`."""
        principal.require(GROUPS_WRITE)
        learner_id = self._learner_of(name)
        await self._store.groups.remove_member(group_id, learner_id)
        return learner_id


async def every_group(service: GroupsService, principal: Principal) -> list[GroupOutline]:
    """Read the whole list, page by page."""
    lines: list[GroupOutline] = []
    after = None
    while True:
        page = await service.groups(principal, GroupQuery(after=after))
        lines += page.lines
        after = page.last
        if after is None:
            return lines
