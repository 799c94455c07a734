"""Reads the feed of events: what happened, in an order, for those who follow along."""

import asyncio
import contextlib
import time
from typing import Final, NamedTuple

from headway.domain.errors import EventsOffError, UnavailableError
from headway.domain.events import EVERY_EVENT, EventFilter, Feed
from headway.domain.ports import Store
from headway.domain.principal import EVENTS_READ, Principal

_LOOK_SECONDS: Final = 1.0  # between two looks for events that another process has published
_REST_SECONDS: Final = 0.1  # between two looks: of events that come one after the other, each look finds several


class EventQuery(NamedTuple):
    """A part of the feed: the events after a number (`None`: from the first that is kept) that pass a filter."""

    after: int | None
    limit: int
    only: EventFilter = EVERY_EVENT


class EventsService:
    """The feed of events. Every method may raise `UnavailableError`, and `EventsOffError`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lookout = _Lookout(store)

    async def page(self, principal: Principal, query: EventQuery) -> Feed:
        """Return the next events that the caller may read. Needs `events:read`, which may be limited.

        Raises `CursorExpiredError`, and `CourseNotGrantedError` where the query names a course that is not granted.
        """
        only = self._granted(principal, query.only)
        after = await self._store.events.oldest() if query.after is None else query.after
        return await self._store.events.read(after, query.limit, only)

    async def newest(self, principal: Principal) -> int:
        """Return the number of the last event. Needs `events:read`."""
        self._granted(principal, EVERY_EVENT)
        return await self._store.events.newest()

    async def newer(self, after: int, seconds: float) -> bool:
        """Return whether there are events after a number. Where there are none, wait for them, for some seconds."""
        return await self._lookout.newer(after, seconds)

    async def publish(self) -> None:
        """Publish what is due. A service does so in the background; commands that read the feed call this."""
        while await self._store.events.publish():
            pass

    def _granted(self, principal: Principal, only: EventFilter) -> EventFilter:
        """Return the filter with what the caller's token is limited to."""
        principal.require(EVENTS_READ)
        if not self._store.events.recording.is_on:
            raise EventsOffError
        for course_id in only.courses or ():
            principal.require_granted(course_id)
        return only._replace(courses=only.courses or principal.courses, groups=principal.groups)


class _Lookout:
    """Looks for new events, for all readers of this process who wait. Without readers it does not look."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looking = asyncio.Lock()
        self._looked_at = 0.0
        self._newest = 0

    async def newer(self, after: int, seconds: float) -> bool:
        """Do what `EventsService.newer` does."""
        until = time.monotonic() + seconds
        while True:
            await self._look()
            rest = until - time.monotonic()
            if self._newest > after or rest <= 0:
                return self._newest > after
            await self._store.events.changed(min(rest, _LOOK_SECONDS))

    async def _look(self) -> None:
        """Ask for the number of the last event, unless another reader does so for this one, too."""
        asked_at = time.monotonic()
        async with self._looking:
            if self._looked_at >= asked_at:
                return
            await asyncio.sleep(self._looked_at + _REST_SECONDS - asked_at)
            self._looked_at = time.monotonic()
            with contextlib.suppress(UnavailableError):  # the reader's own reading says so
                self._newest = await self._store.events.newest()
