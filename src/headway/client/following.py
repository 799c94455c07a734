"""Events with the cursors behind which a reader goes on."""

from collections.abc import Iterator
from typing import Final

from headway.client.shapes import EventDocument, EventPage

NEWEST: Final = "newest"
"""In place of a cursor: only what happens from now on."""


class Event(EventDocument):
    """An event, and the cursor to go on from after it.

    A page of events has one cursor, behind its last event. So that nothing is missed, the events before it have the
    cursor of the page before: who goes on from there gets events of this page again, with the same `id`. `None` is the
    beginning of the feed.
    """

    cursor: str | None


def with_cursors(after: str | None, page: EventPage) -> Iterator[Event]:
    """Yield the events of the page behind a cursor."""
    *others, last = page["events"]
    for event in others:
        yield {**event, "cursor": after}
    yield {**last, "cursor": page["next"]}
