"""Events: the Events protocol. A change stores its events in its own transaction, unpublished; then they are published.

Publishing gives each event a number, in one transaction at a time. So a reader who goes on from a number never misses
an event, although many transactions store events at the same time and commit in any order (docs/decisions/0052). On
SQLite only updates are published so: there the transaction of a change numbers the other events itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from headway.domain.errors import CursorExpiredError
from headway.domain.events import (
    EVERY_EVENT,
    Actor,
    ActorKind,
    Event,
    EventFilter,
    EventId,
    EventType,
    Feed,
    NewEvent,
    PublishedEvent,
    Recording,
    published,
)
from headway.domain.holdings import HeldEvent, HeldEventKey
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.storage.shared.columns import EVENTS, IdLists
from headway.storage.shared.ids import FIRST_ID
from headway.storage.shared.queries import read_queries, text_of
from headway.storage.shared.session import Changing, Each, Reading, Row, Session, Step, to_moment
from headway.storage.shared.statements import (
    ALL_CONSUMERS,
    ANY_OLD_DELIVERY,
    FORGET_DELIVERIES,
    REMOVE_OLD_DELIVERIES,
)

PUBLISHED_AT_ONCE: Final = 500  # events in one transaction, in some milliseconds
_REMOVED_AT_ONCE: Final = 1_000
_LOOKED_AT_ONCE: Final = 500
_MOST_LOOKED_AT: Final = 10_000  # for one answer; its reader then goes on behind them
MembersAmong = Callable[[Collection[GroupId], Collection[LearnerId]], Awaitable[Collection[LearnerId]]]
_EVENT_COLUMNS: Final = len(EVENTS.columns)
_TYPE: Final = EVENTS.columns.index("type")
_WITHOUT_LEARNER: Final = (EventType.COURSE_PUBLISHED, EventType.COURSE_EDITED, EventType.COURSE_REMOVED)


class EventStatements(NamedTuple):
    """The statements of events.sql for one database."""

    any_unpublished: str
    hold_feed: str
    due_events: str
    take_unpublished: str
    put_event: str
    put_last_number: str
    feed: str
    events_after: str
    event_at: str
    first_events: str
    note_removed: str
    remove_events: str
    forget_unpublished: str
    forget_events: str
    unpublished_from: str
    hold_event: str
    drop_event: str
    hold_unpublished: str
    drop_unpublished: str
    raise_last_number: str


def event_statements(ids: IdLists) -> EventStatements:
    """Return the statements for a database that reads lists of ids in this way."""
    queries = read_queries("asyncpg", Path(__file__).with_name("events.sql"), ids=ids)
    return EventStatements._make(text_of(queries, name) for name in EventStatements._fields)


class StoredEvents:
    """The events in a database. `recording` says which events are recorded.

    `members_among` returns those of some learners who are in one of some groups.
    """

    def __init__(
        self,
        session: Session,
        statements: EventStatements,
        clock: Callable[[], datetime],
        recording: Recording,
        members_among: MembersAmong,
    ) -> None:
        self._session = session
        self._sql = statements
        self._clock = clock
        self.recording = recording
        self.on_stored: Callable[[], None] = _do_nothing
        """Is called after a transaction that has stored events."""
        self._members_among = members_among
        self._waiting: set[asyncio.Future[None]] = set()
        self._told = 0
        self._is_closed = False

    async def publish(self) -> int:
        """Publish the next events, at most `PUBLISHED_AT_ONCE`, and return how many were taken.

        Readers who wait are told of new events, whoever has published them.
        """
        now = self._clock()
        taken = 0
        if await self._session.fetch(self._sql.any_unpublished, now):
            taken = await self._session.transact(lambda: self._publish(now))
        if self._waiting:
            await self._tell_waiting()
        return taken

    async def _tell_waiting(self) -> None:
        newest = await self.newest()
        if newest == self._told:
            return
        self._told = newest
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def _publish(self, now: datetime) -> Changing[int]:
        """Publish events in their order. The feed's lock makes sure that nobody else publishes at the same time."""
        [(last,)] = yield Step(self._sql.hold_feed)
        due = yield Step(self._sql.due_events, now, PUBLISHED_AT_ONCE)
        keys = [(str(learner), str(event)) for learner, event in due]
        learners = sorted({learner for learner, _ in keys})
        taken = yield Step(self._sql.take_unpublished, learners, [event for _, event in keys], now)
        ready = map(_published, sorted(taken, key=_order))
        rows = [(last + n, *columns) for n, columns in enumerate(filter(None, ready), start=1)]
        if rows:
            yield Each(self._sql.put_event, rows)
            yield Step(self._sql.put_last_number, rows[-1][0])
        return len(keys)

    async def read(self, after: int, limit: int, only: EventFilter = EVERY_EVENT) -> Feed:
        """Return the first events after a number that pass a filter, at most `limit`.

        Raises `CursorExpiredError`.
        """
        found: list[PublishedEvent] = []
        looked_at = 0
        while True:
            feed = await self._read(after, min(_LOOKED_AT_ONCE, limit) if only is EVERY_EVENT else _LOOKED_AT_ONCE)
            members = await self._members(feed, only)
            for one in feed.events:
                if only.takes(one.event, members):
                    found.append(one)
                if len(found) == limit:
                    return Feed(found, one.number, feed.is_last and one is feed.events[-1])
            after = feed.after
            looked_at += len(feed.events)
            if feed.is_last or looked_at >= _MOST_LOOKED_AT:
                return Feed(found, after, feed.is_last)

    async def _read(self, after: int, limit: int) -> Feed:
        """Return the events after a number.

        Raises `CursorExpiredError` where events after that number have been removed because of their age, and where
        the number is not one of this feed.
        """
        rows = await self._session.fetch(self._sql.events_after, after, limit)
        last, removed = await self._marks()  # read last: the events may be removed at any time
        if after < removed or after > last:
            raise CursorExpiredError
        found = list(map(to_published, rows))
        return Feed(found, found[-1].number if found else after, len(found) < limit)

    async def _members(self, feed: Feed, only: EventFilter) -> Collection[LearnerId]:
        """Return the learners of some events who are in a group of the filter."""
        if only.groups is None:
            return ()
        learners = {one.event.learner_id for one in feed.events if one.event.learner_id is not None}
        return await self._members_among(only.groups, learners)

    async def at(self, number: int) -> PublishedEvent | None:
        """Return the event with a number; `None` where there is none."""
        found = await self._session.fetch(self._sql.event_at, number)
        return PublishedEvent(number, to_event(found[0])) if found else None

    async def newest(self) -> int:
        """Return the number of the last published event."""
        return (await self._marks())[0]

    async def oldest(self) -> int:
        """Return the number before that of the first event that is kept."""
        return (await self._marks())[1]

    async def _marks(self) -> tuple[int, int]:
        [(last, removed)] = await self._session.fetch(self._sql.feed)
        return last, removed

    async def changed(self, seconds: float) -> None:
        """Return when this process has published events, and after `seconds` at the latest."""
        published_here = asyncio.get_running_loop().create_future()
        self._waiting.add(published_here)
        try:
            await asyncio.wait([published_here], timeout=seconds)
        finally:
            self._waiting.discard(published_here)

    async def sweep(self) -> None:
        """Remove the events that are kept for long enough, and their deliveries."""
        before = self._clock() - timedelta(days=self.recording.days)
        while True:
            first = await self._session.fetch(self._sql.first_events, _REMOVED_AT_ONCE)
            old = [number for number, at in first if to_moment(at) < before]
            if not old:
                break
            await self._session.change_all(
                Step(self._sql.note_removed, max(old)), Step(self._sql.remove_events, max(old))
            )
            if len(old) < len(first):
                break
        if not self.recording.is_on and not self._is_closed:
            await self._close()
        await self._sweep_deliveries(await self.oldest())

    async def _close(self) -> None:
        """End the feed where nothing is recorded. Who goes on from an old cursor later is told of the gap."""
        gap = await self.newest() + 1
        await self._session.change_all(Step(self._sql.raise_last_number, gap), Step(self._sql.note_removed, gap))
        self._is_closed = True

    async def _sweep_deliveries(self, removed: int) -> None:
        # Of each consumer, because the key begins with it: a search in all deliveries would read the whole table.
        for (consumer_id,) in await self._session.fetch(ALL_CONSUMERS):
            if await self._session.fetch(ANY_OLD_DELIVERY, consumer_id, removed):
                await self._session.change(REMOVE_OLD_DELIVERIES, consumer_id, removed)


def _published(columns: Row) -> Sequence[Any] | None:
    """Return the columns of `events` for a row of `unpublished_events`; `None` where there is nothing to tell."""
    if columns[_TYPE] != EventType.PROGRESS_UPDATED:
        return tuple(columns)[:_EVENT_COLUMNS]  # most events: what is not read costs nothing
    event = published(to_event(columns))
    return from_event(event) if event else None


def forget_learner(statements: EventStatements, learner_id: LearnerId) -> Reading[None]:
    """Remove a learner's events. Nothing is published until the transaction ends, so none can come back."""
    yield Step(statements.hold_feed)
    yield Step(statements.forget_unpublished, learner_id)
    yield Step(statements.forget_events, learner_id)
    yield Step(FORGET_DELIVERIES, learner_id)


def from_new_events(events: Iterable[NewEvent], revision: int) -> list[tuple[Any, ...]]:
    """Return the rows of `unpublished_events` for the events of one change. `revision` is that of the change."""
    return [(*from_event(event), revision, position, release_at) for position, (event, release_at) in enumerate(events)]


def from_event(event: Event) -> tuple[Any, ...]:
    """Return the columns of `events` that an event has."""
    return (
        event.learner_id or FIRST_ID,
        event.id,
        event.type.value,
        event.at,
        event.course_id,
        event.lesson_id,
        event.actor.kind.value,
        event.actor.user_id,
        orjson.dumps(event.old).decode(),
        orjson.dumps(event.new).decode(),
    )


def to_event(columns: Sequence[Row]) -> Event:
    """Return an event from the columns of `events`, or of `unpublished_events`."""
    learner, event, kind, at, course, lesson, actor, actor_id, old, new = columns[:_EVENT_COLUMNS]
    return Event(
        EventId(str(event)),
        EventType(kind),
        to_moment(at),
        None if kind in _WITHOUT_LEARNER else LearnerId(str(learner)),
        None if course is None else CourseId(str(course)),
        None if lesson is None else LessonId(str(lesson)),
        Actor(ActorKind(actor), None if actor_id is None else LearnerId(str(actor_id))),
        orjson.loads(old),
        orjson.loads(new),
    )


def to_published(columns: Row) -> PublishedEvent:
    """Return a published event from its number and the columns of `events`."""
    number, *event = columns
    return PublishedEvent(number, to_event(event))


def from_held(held: HeldEvent) -> tuple[Any, ...]:
    """Return the row of `unpublished_events`."""
    return (*from_event(held.new.event), held.revision, held.position, held.new.release_at)


def to_held(columns: Row) -> HeldEvent:
    """Return a row of `unpublished_events`."""
    release_at, revision, position = _order(columns)
    return HeldEvent(NewEvent(to_event(columns), release_at), revision, position)


def key_of(held: HeldEvent) -> HeldEventKey:
    """Return the key in `unpublished_events`."""
    return held.new.event.learner_id or FIRST_ID, held.new.event.id


def _order(columns: Row) -> tuple[Any, ...]:
    """Return what the order of events is decided by: release, revision, position."""
    *_, revision, position, release_at = columns
    return to_moment(release_at), revision, position


def _do_nothing() -> None:
    pass
