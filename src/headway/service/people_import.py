"""Imports people from a file: first plans everything and stores nothing, then stores the plan in portions.

A file with a wrong line is refused as a whole. An import that was interrupted is continued by running it again: what is
stored by then is not in the new plan.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, TypeVar
from uuid import uuid4

from headway.domain.errors import (
    PeopleImportUnderWayError,
    ProfilesOffError,
    UnavailableError,
)
from headway.domain.groups import GroupEnrolment
from headway.domain.identifiers import GroupId, LearnerId
from headway.domain.imports import LEASE, LINES_AT_ONCE, ImportKey, Report
from headway.domain.people_import import (
    PeopleFile,
    PeoplePlan,
)
from headway.domain.ports import ImportLedger, Store
from headway.domain.principal import ENROLMENTS_WRITE, GROUPS_WRITE, LEARNERS_ADMIN, OPERATOR_ID, Principal
from headway.service.importing import when_there_is_room
from headway.service.people_plan import NotifyDone, Planner, portions
from headway.turns import all_of

T = TypeVar("T")

_PROFILES_TOGETHER: Final = 256  # in one transaction: a learner's write waits for no more
_MEMBERSHIPS_TOGETHER: Final = 512  # the same
_SIDE_BY_SIDE: Final = 2
_KEY: Final = ImportKey(OPERATOR_ID, "\npeople")  # no request can choose a key with a line feed
_ANY_FILE: Final = ""
_LEASE_SECONDS: Final = round(LEASE.total_seconds())
_SECONDS_BETWEEN_NOTES: Final = _LEASE_SECONDS / 4


def _not_shown(_count: int) -> None:
    """Show nothing."""


class Lease:
    """The right to import people, which one import has at a time. It ends where the import is silent for `LEASE`."""

    def __init__(self, ledger: ImportLedger) -> None:
        self._ledger = ledger
        self._holder = str(uuid4())
        self._is_lost = False

    async def take(self) -> None:
        """Take the right. Raises `PeopleImportUnderWayError`."""
        state = await when_there_is_room(lambda: self._ledger.take(_KEY, _ANY_FILE, self._holder))
        self._is_lost = state.holder != self._holder
        self.check()

    async def extend(self) -> None:
        """Extend the lease again and again, until it is lost."""
        while not self._is_lost:
            await asyncio.sleep(_SECONDS_BETWEEN_NOTES)
            with suppress(UnavailableError):  # the lease may last until the next attempt
                self._is_lost = not await self._ledger.note(_KEY, self._holder, 0, Report(), finished=False)

    def check(self) -> None:
        """Raise `PeopleImportUnderWayError` where another import has the right."""
        if self._is_lost:
            raise PeopleImportUnderWayError(_LEASE_SECONDS)

    async def release(self) -> None:
        """Let others import at once."""
        with suppress(UnavailableError):  # then they can when the lease ends
            await self._ledger.release(_KEY, self._holder)


class PeopleImportService:
    """Imports people. `learner_of` returns the id of the learner who signs in with a `sub`.

    Every method may raise `UnavailableError` and what its store raises.
    """

    def __init__(self, store: Store, learner_of: Callable[[str], LearnerId], *, keeps_profiles: bool) -> None:
        self._store = store
        self._learner_of = learner_of
        self._keeps_profiles = keeps_profiles

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Lease]:
        """Keep out other imports of people, also those of other processes, until the block is left.

        An import that is planned and carried out in the block finds nothing half done by another one. Raises
        `PeopleImportUnderWayError` where another one is under way, or was interrupted less than `LEASE` ago.
        """
        lease = Lease(self._store.imports)
        await lease.take()
        extending = asyncio.create_task(lease.extend(), name="headway-people-import")
        try:
            yield lease
        finally:
            extending.cancel()
            await asyncio.wait([extending])
            await lease.release()

    async def plan(self, principal: Principal, file: PeopleFile, notify: NotifyDone = _not_shown) -> PeoplePlan:
        """Return what an import of the file would store. Stores nothing. `notify` is called with numbers of lines.

        Needs `learners:admin`; with groups in the file also `groups:write`, with courses also `enrolments:write`.
        Raises `ProfilesOffError` where the file has profiles and none are kept, and `InvalidValueError` with the
        problems of all wrong lines.
        """
        _require(principal, file)
        if not self._keeps_profiles and any(line.fields for line in file.lines):
            raise ProfilesOffError
        return await Planner(self._store, self._learner_of, file).plan(notify)

    async def carry_out(
        self, principal: Principal, plan: PeoplePlan, lease: Lease, notify: NotifyDone = _not_shown
    ) -> None:
        """Store a plan: profiles, then groups, then enrolments. `notify` is called with numbers of changes.

        Needs `learners:admin`, and the lease under which the plan was made. Raises `InvalidValueError` where a group
        has become full since then, and `PeopleImportUnderWayError` where the lease was lost.
        """
        principal.require(LEARNERS_ADMIN)
        lease.check()

        def note(changes: int) -> None:
            lease.check()
            notify(changes)

        profiles = portions(sorted(plan.profiles.items()), _PROFILES_TOGETHER)
        groups = _portions_by_size(plan.groups, lambda change: 1 + change.size, _MEMBERSHIPS_TOGETHER)
        await _each(profiles, lambda some: self._store.profiles.put_all(dict(some)), note)
        await _each(groups, self._store.groups.change_all, note)
        await _each(portions(plan.group_enrolments, 1), self._enrol_groups, note)
        await _each(portions(plan.enrolments, LINES_AT_ONCE), self._store.enrol_all, note)

    async def _enrol_groups(self, asked: Sequence[tuple[GroupId, GroupEnrolment]]) -> None:
        for group_id, enrolment in asked:
            await self._store.groups.enrol(group_id, enrolment)


def _require(principal: Principal, file: PeopleFile) -> None:
    """Raise `MissingScopeError` unless the token may write all that the file has."""
    principal.require(LEARNERS_ADMIN)
    if file.titles or any(line.joins or line.leaves for line in file.lines):
        principal.require(GROUPS_WRITE)
    if any(line.courses for line in file.lines) or any(one.courses for one in file.courses):
        principal.require(ENROLMENTS_WRITE)


async def _each(
    parts: Iterable[Sequence[T]], store: Callable[[Sequence[T]], Awaitable[object]], notify: NotifyDone
) -> None:
    """Store parts, two side by side: one is prepared while the other one is written to disk."""
    waiting = deque(parts)

    async def store_each() -> None:
        while waiting:
            part = waiting.popleft()
            try:
                await when_there_is_room(partial(store, part))
                notify(len(part))
            except BaseException:
                waiting.clear()  # the other one stops, too
                raise

    await all_of(store_each() for _ in range(_SIDE_BY_SIDE))


def _portions_by_size(values: Iterable[T], size_of: Callable[[T], int], most: int) -> Iterator[Sequence[T]]:
    """Yield the values in portions of this size at most. A larger value is alone."""
    portion: list[T] = []
    size = 0
    for value in values:
        if portion and size + size_of(value) > most:
            yield portion
            portion, size = [], 0
        portion.append(value)
        size += size_of(value)
    if portion:
        yield portion
