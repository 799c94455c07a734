"""Server-sent events (HTML Living Standard, section 9.2): the bounds of all streams, and those of courses' statistics.

A process reads a course's figures once a second for all its streams of that course (docs/decisions/0027). Processes
that write and processes that send share only the database.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from hashlib import sha256
from typing import Final, NamedTuple

from headway.domain.errors import HeadwayError, NotFoundError, StoppingError, TooManyStreamsError, UnavailableError
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.principal import Principal
from headway.logs import get_logger

_log = get_logger("headway.http")

READ_SECONDS: Final = 1.0
COMMENT_SECONDS: Final = 15.0
PATIENCE_SECONDS: Final = 10.0
"""A stream is closed when its client has read nothing for this long."""

EVENT_STREAM: Final = "text/event-stream"
EVENT: Final = "statistics"
STREAM_HEADERS: Final = (
    (b"content-type", EVENT_STREAM.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx then passes each event on at once
)
COMMENT: Final = b":\n\n"
_NOTHING: Final = b""
_LEAST_SHARE: Final = 8


class Event(NamedTuple):
    """The figures at one time. Two events have the same `id` if and only if their figures are equal. `text` is sent."""

    id: str
    text: bytes


class Watched(NamedTuple):
    """A course, and the group whose members are counted; all learners where there is no group."""

    course_id: CourseId
    group_id: GroupId | None


Read = Callable[[], Awaitable[Event]]


def event_of(figures: bytes) -> Event:
    """Return the event for these figures, which are JSON in one line."""
    state = state_of(figures)
    return Event(state, b"event: %b\nid: %b\ndata: %b\n\n" % (EVENT.encode(), state.encode(), figures))


def state_of(figures: bytes) -> str:
    """Return the id of these figures: a hash of them."""
    return sha256(figures).hexdigest()[:32]


class _Watch:
    """Reads a course's figures about once a second, and wakes its streams after each reading."""

    def __init__(self, read: Read) -> None:
        self.followers = 0
        self.latest: Event | None = None
        self.error: Exception | None = None
        self._read = read
        self._looked = asyncio.Event()
        self._task = asyncio.create_task(self._work())

    async def look(self) -> None:
        """Wait for the next reading, for two seconds at most."""
        # Not wait_for: it loses a cancellation that comes together with the reading. Answers are ended by cancellation.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * READ_SECONDS):
                await self._looked.wait()

    def wake(self) -> None:
        """Wake all streams of the course."""
        self._looked.set()
        self._looked = asyncio.Event()

    def stop(self) -> None:
        """Stop reading."""
        self._task.cancel()

    async def _work(self) -> None:
        while self.error is None:
            try:
                self.latest = await self._read()
            except UnavailableError as error:
                if self.latest is None:  # no stream has begun, so this can still be answered as a refusal
                    self.error = error
            except HeadwayError as error:
                self.error = error
            except Exception as error:  # noqa: BLE001 - goes to the log and to every stream of the course
                _log.exception("watch_failed")
                self.error = error
            self.wake()
            await asyncio.sleep(READ_SECONDS)


class Streams:
    """The streams of this process: at most `limit`. One user may have a quarter of them, or 8 where that is more."""

    def __init__(self, limit: int) -> None:
        self.open = 0
        self._limit = limit
        self._share = max(limit // 4, _LEAST_SHARE)
        self._by_learner: Counter[LearnerId] = Counter()
        self._ending = False
        self._watches: dict[Watched, _Watch] = {}

    def begin(self) -> None:
        """Allow streams: the service starts."""
        self._ending = False

    def end(self) -> None:
        """End all streams and allow no new one: the service stops."""
        self._ending = True
        for watch in self._watches.values():
            watch.wake()

    def is_over(self, principal: Principal) -> bool:
        """Whether a principal's streams have to end: the token has expired, or the service stops."""
        return self._ending or time.time() >= principal.expires_at

    async def follow(
        self, watched: Watched, read: Read, seen: str, principal: Principal
    ) -> AsyncGenerator[bytes, None]:
        """Yield the chunks of one stream, for a client that has seen the event with the id `seen` (empty: none).

        There is a chunk about once a second. Most are empty: they let the sender check that the client is still there.
        The first is never empty. The stream ends when the principal's token or session expires, when the course is
        gone, and when the service stops.

        Raises `TooManyStreamsError`, `StoppingError`, and what the first `read` raises.
        """
        with self.counted(principal.learner_id), self._followed(watched, read) as watch:
            event = await self._first(watch)
            yield COMMENT if event.id == seen else event.text
            sent_at = time.monotonic()
            while True:
                if watch.latest is event:
                    await watch.look()
                if self.is_over(principal) or _is_gone(watch):
                    return
                chunk, event = _chunk(event, watch.latest or event, time.monotonic() - sent_at)
                if chunk:
                    sent_at = time.monotonic()
                yield chunk

    async def _first(self, watch: _Watch) -> Event:
        while watch.latest is None:
            await watch.look()
            if self._ending:
                raise StoppingError
            if watch.error is not None:
                raise watch.error
        return watch.latest

    @contextlib.contextmanager
    def counted(self, learner_id: LearnerId) -> Iterator[None]:
        """Count one more stream until the block is left.

        Raises `TooManyStreamsError` where the process, or this user, has too many, and `StoppingError`.
        """
        if self._ending:
            raise StoppingError
        if self.open >= self._limit or self._by_learner[learner_id] >= self._share:
            raise TooManyStreamsError
        self.open += 1
        self._by_learner[learner_id] += 1
        try:
            yield
        finally:
            self.open -= 1
            self._by_learner[learner_id] -= 1
            if not self._by_learner[learner_id]:
                del self._by_learner[learner_id]

    @contextlib.contextmanager
    def _followed(self, watched: Watched, read: Read) -> Iterator[_Watch]:
        """The watch of a course or group. The first stream starts it, and the last one stops it."""
        watch = self._watches.get(watched)
        if watch is None or watch.error is not None:
            watch = self._watches[watched] = _Watch(read)
        watch.followers += 1
        try:
            yield watch
        finally:
            watch.followers -= 1
            if not watch.followers:
                watch.stop()
            if not watch.followers and self._watches.get(watched) is watch:
                del self._watches[watched]


def _is_gone(watch: _Watch) -> bool:
    """Whether the course is gone. Raises any other error that ended the reading."""
    if watch.error is not None and not isinstance(watch.error, NotFoundError):
        raise watch.error
    return watch.error is not None


def _chunk(sent: Event, latest: Event, quiet_seconds: float) -> tuple[bytes, Event]:
    """Return the next chunk for a client whose last event was `sent`, and the client's last event after it."""
    if latest.id != sent.id:
        return latest.text, latest
    return COMMENT if quiet_seconds >= COMMENT_SECONDS else _NOTHING, latest
