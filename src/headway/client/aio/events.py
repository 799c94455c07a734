"""The feed of events."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from headway.client.aio.sending import Sender
from headway.client.calls import Id, get
from headway.client.filters import listed
from headway.client.following import NEWEST, Event, with_cursors
from headway.client.shapes import EventPage, EventType


class Events:
    """Reads the feed of events. Needs `events:read`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def page(
        self,
        after: str | None = None,
        *,
        types: Sequence[EventType] | None = None,
        course: Id | None = None,
        limit: int = 100,
        wait: int = 0,
    ) -> EventPage:
        """Return the events behind a cursor. If there are none, wait for them, up to `wait` seconds (at most 30).

        Without a cursor it is the first page that is kept; with `NEWEST`, what happens from now on. Raises
        `CursorExpiredError` if events behind the cursor are no longer kept.
        """
        call = get(
            EventPage, "events",
            after=after, types=listed(types), course=course, limit=limit, wait=wait,
        )  # fmt: skip
        return await self._sender.value(replace(call, patience=wait))

    async def pages(
        self,
        after: str | None = None,
        *,
        types: Sequence[EventType] | None = None,
        course: Id | None = None,
        limit: int = 100,
        wait: int = 20,
    ) -> AsyncIterator[EventPage]:
        """Yield page after page, without end. Store `next` of a page together with what you made of its events.

        A page without events comes too, if its cursor has moved over events that were left out. With `wait=0` it ends
        where there are no more events for now.
        """
        while True:
            page = await self._page(after, types, course, limit, wait)
            if page["next"] != after:
                yield page
            after = page["next"]
            if not (wait or page["more"]):
                return

    async def follow(
        self,
        after: str | None = None,
        *,
        types: Sequence[EventType] | None = None,
        course: Id | None = None,
        limit: int = 100,
        wait: int = 20,
    ) -> AsyncIterator[Event]:
        """Yield event after event, without end, each with its `cursor`: store it when you have handled the event.

        With `wait=0` it ends where there are no more events for now.
        """
        async for page in self.pages(after, types=types, course=course, limit=limit, wait=wait):
            if page["events"]:
                for event in with_cursors(after, page):
                    yield event
            after = page["next"]

    async def _page(
        self, after: str | None, types: Sequence[EventType] | None, course: Id | None, limit: int, wait: int
    ) -> EventPage:
        """Return a page. The one behind `NEWEST` does not wait, so that its cursor is known before anything happens."""
        if after == NEWEST:
            return await self.page(after, types=types, course=course, limit=1)
        return await self.page(after, types=types, course=course, limit=limit, wait=wait)
