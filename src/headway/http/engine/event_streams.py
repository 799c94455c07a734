"""Courses' figures as they change: read once a second for all who follow, sent as server-sent events.

The events are those of the HTML Living Standard, section 9.2. Nothing but the database lies between the processes that
write and those that send.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from hashlib import sha256
from typing import Final, NamedTuple

from headway.domain.errors import HeadwayError, NotFoundError, StoppingError, TooManyStreamsError, UnavailableError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.principal import Principal
from headway.logs import get_logger

_log = get_logger("headway.http")

READ_SECONDS: Final = 1.0
COMMENT_SECONDS: Final = 15.0
PATIENCE_SECONDS: Final = 10.0
"""How long a client may take nothing of what is sent before its stream is broken off."""

EVENT_STREAM: Final = "text/event-stream"
EVENT: Final = "statistics"
STREAM_HEADERS: Final = (
    (b"content-type", EVENT_STREAM.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx passes on at once what comes
)
COMMENT: Final = b":\n\n"
_NOTHING: Final = b""
_LEAST_SHARE: Final = 8


class Event(NamedTuple):
    """Figures as they were once. `id` is the same exactly where the figures are; `text` is what is sent."""

    id: str
    text: bytes


Read = Callable[[], Awaitable[Event]]


def event_of(figures: bytes) -> Event:
    """The event whose data are these figures: JSON in one line."""
    state = state_of(figures)
    return Event(state, b"event: %b\nid: %b\ndata: %b\n\n" % (EVENT.encode(), state.encode(), figures))


def state_of(figures: bytes) -> str:
    """What names figures: the same for the same ones, another one for others."""
    return sha256(figures).hexdigest()[:32]


class _Watch:
    """Reads about once a second, and wakes all who follow after each time."""

    def __init__(self, read: Read) -> None:
        self.followers = 0
        self.latest: Event | None = None
        self.error: Exception | None = None
        self._read = read
        self._looked = asyncio.Event()
        self._task = asyncio.create_task(self._work())

    async def look(self) -> None:
        """Return after the next reading, or where that is long in coming."""
        # Not wait_for: where both come at once, that loses the cancellation by which an answer is cut short.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * READ_SECONDS):
                await self._looked.wait()

    def wake(self) -> None:
        """Let all who follow look around."""
        self._looked.set()
        self._looked = asyncio.Event()

    def stop(self) -> None:
        """Read no more."""
        self._task.cancel()

    async def _work(self) -> None:
        while self.error is None:
            try:
                self.latest = await self._read()
            except UnavailableError as error:
                if self.latest is None:  # nobody was told anything yet, and so can be told this
                    self.error = error
            except HeadwayError as error:
                self.error = error
            except Exception as error:  # noqa: BLE001 - whoever follows is told that there is a fault; the log has it
                _log.exception("watch_failed")
                self.error = error
            self.wake()
            await asyncio.sleep(READ_SECONDS)


class Streams:
    """The streams of this process, `limit` of them at most, a quarter of them for one who follows."""

    def __init__(self, limit: int) -> None:
        self.open = 0
        self._limit = limit
        self._share = max(limit // 4, _LEAST_SHARE)
        self._by_learner: Counter[LearnerId] = Counter()
        self._ending = False
        self._watches: dict[CourseId, _Watch] = {}

    def begin(self) -> None:
        """The service starts."""
        self._ending = False

    def end(self) -> None:
        """The service stops: all streams end now, and no other begins."""
        self._ending = True
        for watch in self._watches.values():
            watch.wake()

    async def follow(
        self, course_id: CourseId, read: Read, seen: str, principal: Principal
    ) -> AsyncGenerator[bytes, None]:
        """The chunks of a stream, to one who has seen the state `seen`; it ends where the principal's right to it does.

        About every second there is one, be it empty: so whoever sends them finds out that nobody is there any more. The
        first never is. Raises `TooManyStreamsError`, and what `read` does the first time.
        """
        with self._counted(principal.learner_id), self._followed(course_id, read) as watch:
            event = await self._first(watch)
            yield COMMENT if event.id == seen else event.text
            told_at = time.monotonic()
            while True:
                if watch.latest is event:
                    await watch.look()
                if self._ending or time.time() >= principal.expires_at or _is_gone(watch):
                    return
                chunk, event = _chunk(event, watch.latest or event, time.monotonic() - told_at)
                if chunk:
                    told_at = time.monotonic()
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
    def _counted(self, learner_id: LearnerId) -> Iterator[None]:
        """Room for one more, that nobody takes from all others."""
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
    def _followed(self, course_id: CourseId, read: Read) -> Iterator[_Watch]:
        """The watch of a course, which is there for as long as anybody follows."""
        watch = self._watches.get(course_id)
        if watch is None or watch.error is not None:
            watch = self._watches[course_id] = _Watch(read)
        watch.followers += 1
        try:
            yield watch
        finally:
            watch.followers -= 1
            if not watch.followers:
                watch.stop()
            if not watch.followers and self._watches.get(course_id) is watch:
                del self._watches[course_id]


def _is_gone(watch: _Watch) -> bool:
    """Whether the course is. Raises what else keeps it from being read."""
    if watch.error is not None and not isinstance(watch.error, NotFoundError):
        raise watch.error
    return watch.error is not None


def _chunk(told: Event, latest: Event, quiet_seconds: float) -> tuple[bytes, Event]:
    """What to send to one who was told that, and what was told then."""
    if latest.id != told.id:
        return latest.text, latest
    return COMMENT if quiet_seconds >= COMMENT_SECONDS else _NOTHING, latest
