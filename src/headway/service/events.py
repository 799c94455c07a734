"""Reads the feed of events: what happened, in an order, for those who follow along."""

import time
from typing import Final, NamedTuple

from headway.domain.errors import EventsOffError
from headway.domain.events import EVERY_EVENT, EventFilter, Feed
from headway.domain.ports import Store
from headway.domain.principal import EVENTS_READ, Principal

_LOOK_SECONDS: Final = 1.0  # between two looks for events that another process has published


class EventQuery(NamedTuple):
    """A part of the feed: the events after a number (`None`: from the first that is kept) that pass a filter."""

    after: int | None
    limit: int
    only: EventFilter = EVERY_EVENT


class EventsService:
    """The feed of events. Every method may raise `UnavailableError`, and `EventsOffError`."""

    def __init__(self, store: Store) -> None:
        self._store = store

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

    async def wait(self, principal: Principal, query: EventQuery, seconds: float) -> Feed:
        """Do what `page` does, and wait until there is an event, for some seconds at most."""
        until = time.monotonic() + seconds
        while True:
            found = await self.page(principal, query)
            rest = until - time.monotonic()
            if found.events or rest <= 0:
                return found
            query = query._replace(after=found.after)
            if found.is_last:
                await self._store.events.changed(min(rest, _LOOK_SECONDS))

    def _granted(self, principal: Principal, only: EventFilter) -> EventFilter:
        """Return the filter with what the caller's token is limited to."""
        principal.require(EVENTS_READ)
        if not self._store.events.recording.is_on:
            raise EventsOffError
        for course_id in only.courses or ():
            principal.require_granted(course_id)
        return only._replace(courses=only.courses or principal.courses, groups=principal.groups)
