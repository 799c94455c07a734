"""Promised lines of an import (docs/decisions/0037): decided together, stored as they were sent, applied in pieces.

First the pieces are set aside, in as many transactions as it takes. Then one row makes all of them valid: the promise.
A write to a learner in a course first applies what is promised there. So the effect is the same as if all lines were
applied at the moment of the promise.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from math import inf
from time import monotonic
from typing import Any, Final, NamedTuple

import apsw
import orjson

from headway.domain.counters import Counters
from headway.domain.dating import NO_TIMES, Times
from headway.domain.errors import HeadwayError
from headway.domain.holdings import CourseProgressKey
from headway.domain.progress import Status
from headway.domain.writes import UNCONDITIONAL, LessonWrite
from headway.logs import get_logger
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.figures import store_counters
from headway.storage.sqlite.progress_table import ProgressTable
from headway.storage.sqlite.recent import Recent
from headway.storage.sqlite.rows import Columns, fetch, fetch_one, to_text

_log = get_logger("headway.storage")

Lines = dict[CourseProgressKey, list[tuple[int, LessonWrite]]]
"""The lines of an import with their positions in it, by learner and course."""

_REMOVED_AT_ONCE: Final = 100  # pieces in one transaction

LINES_OF_A_PIECE: Final = 8
"""The highest number of lines in a piece, so that a piece is applied quickly."""


class Piece(NamedTuple):
    """Some lines of one learner in one course, as columns."""

    key: str
    lines: str


def pieces_of(lines: Lines) -> Iterator[Piece]:
    """Yield the lines in pieces, by learner and course. Lines of the same learner and course keep their order."""
    for key in sorted(lines, key=_text):
        own = [write for _, write in lines[key]]
        for at in range(0, len(own), LINES_OF_A_PIECE):
            yield Piece(_text(key), from_writes(own[at : at + LINES_OF_A_PIECE]))


def key_of(write: LessonWrite) -> CourseProgressKey:
    """Return the learner and the course of a write."""
    return write.learner_id, write.course_id


class Promises:
    """Makes promises and applies promised lines, in the caller's transaction on the writing connection."""

    def __init__(self, progress: ProgressTable, recent: Recent) -> None:
        self._progress = progress
        self._recent = recent
        self._empty_at: int | None = None  # the value of `times_forgotten` at which nothing was promised

    def make(self, connection: apsw.Connection, promise: str, decided_at: datetime) -> None:
        """Make all pieces valid that were set aside for this promise."""
        self._empty_at = None
        fetch(connection, sql.PROMISE, promise, to_text(decided_at))

    def write_to(self, connection: apsw.Connection, key: CourseProgressKey, counters: Counters) -> None:
        """Apply what is promised to a learner in a course. It costs almost nothing where nothing is promised."""
        if not self._is_empty(connection):
            for piece in fetch(connection, sql.PROMISED_TO, _text(key)):
                self._write(connection, piece, counters)

    def write_some(self, connection: apsw.Connection, seconds: float = inf) -> None:
        """Apply promised pieces for at most about `seconds`, the oldest first."""
        counters = Counters()
        until = monotonic() + seconds
        while not self._is_empty(connection) and monotonic() < until:
            piece = fetch_one(connection, sql.FIRST_PROMISED)
            if piece is None:
                fetch(connection, sql.FORGET_PROMISES)
            else:
                self._write(connection, piece, counters)
        store_counters(connection, counters)

    def _is_empty(self, connection: apsw.Connection) -> bool:
        if self._empty_at != self._recent.times_forgotten:
            if any_promised(connection):
                return False
            self._empty_at = self._recent.times_forgotten
        return True

    def _write(self, connection: apsw.Connection, piece: Columns, counters: Counters) -> None:
        number, decided_at, lines = piece
        moment = datetime.fromisoformat(decided_at)
        for outcome in self._progress.write(connection, to_writes(lines), moment, counters):
            if isinstance(outcome, HeadwayError):  # decided by another version of Headway; nobody waits
                _log.error("promised_line_refused", error=type(outcome).__name__)
        fetch(connection, sql.REMOVE_PROMISED, number)


def any_promised(connection: apsw.Connection) -> bool:
    """Whether anything is promised and not yet applied."""
    return fetch(connection, sql.ANY_PROMISED) != [(0,)]


def last_set_aside(connection: apsw.Connection) -> int | None:
    """Return the number of the last piece without a promise; `None` where there is none."""
    found = fetch_one(connection, sql.LAST_SET_ASIDE)
    return found[0] if found else None


def set_aside(connection: apsw.Connection, promise: str, pieces: deque[Piece], seconds: float) -> None:
    """Take pieces for at most about `seconds`, and store them for a promise that is not made yet."""
    until = monotonic() + seconds
    while pieces and monotonic() < until:
        fetch(connection, sql.SET_ASIDE, promise, *pieces.popleft())


def remove_set_aside(connection: apsw.Connection) -> None:
    """Remove some of the pieces without a promise."""
    fetch(connection, sql.REMOVE_SET_ASIDE, _REMOVED_AT_ONCE)


def _text(key: CourseProgressKey) -> str:
    return "".join(key)


def from_writes(writes: Sequence[LessonWrite]) -> str:
    """Return writes as JSON. They must have no precondition and restore nothing from an export."""
    return orjson.dumps([_from_write(write) for write in writes]).decode()


def to_writes(text: str) -> list[LessonWrite]:
    """Return the writes from their JSON."""
    return [_to_write(*fields) for fields in orjson.loads(text)]


def _from_write(write: LessonWrite) -> list[Any]:
    times = None if write.times == NO_TIMES else list(write.times)
    return [*write[:3], write.update, write.written_by, times, write.run]


def _to_write(
    learner: Any, course: Any, lesson: Any, update: Any, written_by: Any, times: Any, run: int | None = None, /
) -> LessonWrite:
    if update and update.get("status"):
        update["status"] = Status(update["status"])
    moments = Times._make(time and datetime.fromisoformat(time) for time in times) if times else NO_TIMES
    return LessonWrite(learner, course, lesson, update, UNCONDITIONAL, written_by, moments, run=run, is_imported=True)
