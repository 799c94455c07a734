"""Events: the Events protocol. A change stores its events in its own transaction, unpublished; then they are published.

Publishing gives each event a number, in one transaction at a time. So a reader who goes on from a number never misses
an event, although many transactions store events at the same time and commit in any order (docs/decisions/0052).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from headway.domain.errors import CursorExpiredError
from headway.domain.events import (
    NOT_RECORDED,
    Actor,
    ActorKind,
    Event,
    EventId,
    EventType,
    Feed,
    NewEvent,
    PublishedEvent,
    Recording,
    published,
)
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.storage.shared.columns import EVENTS, IdLists
from headway.storage.shared.ids import FIRST_ID
from headway.storage.shared.queries import read_queries, text_of
from headway.storage.shared.session import Changing, Each, Reading, Row, Session, Step, to_moment

PUBLISHED_AT_ONCE: Final = 500  # events in one transaction, in some milliseconds
_REMOVED_AT_ONCE: Final = 1_000
_EVENT_COLUMNS: Final = len(EVENTS.columns)
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
    first_events: str
    note_removed: str
    remove_events: str
    forget_unpublished: str
    forget_events: str


def event_statements(ids: IdLists) -> EventStatements:
    """Return the statements for a database that reads lists of ids in this way."""
    queries = read_queries("asyncpg", Path(__file__).with_name("events.sql"), ids=ids)
    return EventStatements._make(text_of(queries, name) for name in EventStatements._fields)


class StoredEvents:
    """The events in a database. `recording` says which events are recorded."""

    def __init__(
        self,
        session: Session,
        statements: EventStatements,
        clock: Callable[[], datetime],
        recording: Recording = NOT_RECORDED,
    ) -> None:
        self._session = session
        self._sql = statements
        self._clock = clock
        self.recording = recording
        self.on_stored: Callable[[], None] = _do_nothing
        """Is called after a transaction that has stored events."""
        self.on_published: Callable[[EventType, float], None] = _count_nothing
        """Is called for each event that was published, with the seconds for which it had been due."""
        self._waiting: set[asyncio.Future[None]] = set()

    async def publish(self) -> int:
        """Publish the next events, at most `PUBLISHED_AT_ONCE`, and return how many were taken."""
        now = self._clock()
        if not await self._session.fetch(self._sql.any_unpublished, now):
            return 0
        taken, waits = await self._session.transact(lambda: self._publish(now))
        for wait in waits:
            self.on_published(*wait)
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        return taken

    def _publish(self, now: datetime) -> Changing[tuple[int, list[tuple[EventType, float]]]]:
        """Publish events in their order. The feed's lock makes sure that nobody else publishes at the same time.

        Returns how many were taken, and for each that was published its type and the seconds for which it was due.
        """
        [(last,)] = yield Step(self._sql.hold_feed)
        due = yield Step(self._sql.due_events, now, PUBLISHED_AT_ONCE)
        keys = [(str(learner), str(event)) for learner, event in due]
        learners = sorted({learner for learner, _ in keys})
        taken = yield Step(self._sql.take_unpublished, learners, [event for _, event in keys])
        ready = [(published(to_event(columns)), to_moment(columns[-1])) for columns in sorted(taken, key=_order)]
        told = [(event, release_at) for event, release_at in ready if event is not None]
        rows = [(last + n, *from_event(event)) for n, (event, _) in enumerate(told, start=1)]
        if rows:
            yield Each(self._sql.put_event, rows)
            yield Step(self._sql.put_last_number, rows[-1][0])
        waits = [(event.type, (now - max(event.at, release_at)).total_seconds()) for event, release_at in told]
        return len(keys), waits

    async def read(self, after: int, limit: int) -> Feed:
        """Return the events after a number, at most `limit`.

        Raises `CursorExpiredError` where events after that number have been removed because of their age, and where
        the number is not one of this feed.
        """
        rows = await self._session.fetch(self._sql.events_after, after, limit)
        last, removed = await self._marks()  # read last: the events may be removed at any time
        if after < removed or after > last:
            raise CursorExpiredError
        found = [PublishedEvent(number, to_event(columns)) for number, *columns in rows]
        return Feed(found, found[-1].number if found else after, len(found) < limit)

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
        """Remove the events that are kept for long enough."""
        before = self._clock() - timedelta(days=self.recording.days)
        while True:
            first = await self._session.fetch(self._sql.first_events, _REMOVED_AT_ONCE)
            old = [number for number, at in first if to_moment(at) < before]
            if not old:
                return
            await self._session.change_all(
                Step(self._sql.note_removed, max(old)), Step(self._sql.remove_events, max(old))
            )
            if len(old) < len(first):
                return


def forget_learner(statements: EventStatements, learner_id: LearnerId) -> Reading[None]:
    """Remove a learner's events. The unpublished ones come first: so none of them can be published in between."""
    yield Step(statements.forget_unpublished, learner_id)
    yield Step(statements.forget_events, learner_id)


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


def _order(columns: Row) -> tuple[Any, ...]:
    """Return what the order of events is decided by: release, revision, position."""
    *_, revision, position, release_at = columns
    return to_moment(release_at), revision, position


def _do_nothing() -> None:
    pass


def _count_nothing(_kind: EventType, _seconds: float) -> None:
    pass
