"""Lines that are promised: decided all together and on disk as they were sent, written to their rows in pieces.

Whoever writes to a learner's place in a course writes first what is promised there. So it is as if all had been
written in the moment when they were promised.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from math import inf
from time import monotonic
from typing import Final, NamedTuple

import apsw

from headway.domain.counters import Counters
from headway.domain.errors import HeadwayError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.writes import LessonWrite
from headway.logs import get_logger
from headway.storage.imports import from_writes, to_writes
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.progress_table import ProgressTable
from headway.storage.sqlite.recent import Recent
from headway.storage.sqlite.rows import Columns, fetch, fetch_one, to_text

_log = get_logger("headway.storage")

Key = tuple[LearnerId, CourseId]

LINES_OF_A_PIECE: Final = 8
"""Few, since whoever writes to one of a piece's learners has to write all of it."""


class Piece(NamedTuple):
    """Lines, with their places, of learners who come after each other, and what is kept of them."""

    keys: frozenset[Key]
    lines: Sequence[tuple[int, LessonWrite]]
    first: str
    last: str
    text: str


def pieces_of(writes: Iterable[LessonWrite]) -> Iterator[Piece]:
    """The lines in pieces, each of whole places or of a part of one; those of one place stay in their order."""
    some: list[tuple[int, LessonWrite]] = []
    for _, lines in groupby(sorted(enumerate(writes), key=_key_of_line), _key_of_line):
        own = list(lines)
        if len(some) + len(own) > LINES_OF_A_PIECE:
            if some:
                yield _piece(some)
            some = []
        if len(own) > LINES_OF_A_PIECE:
            yield from (_piece(own[at : at + LINES_OF_A_PIECE]) for at in range(0, len(own), LINES_OF_A_PIECE))
        else:
            some += own
    if some:
        yield _piece(some)


def key_of(write: LessonWrite) -> Key:
    """The place that a write goes to."""
    return write.learner_id, write.course_id


class Promises:
    """Reads and writes in a transaction that is the caller's, on the writing connection."""

    def __init__(self, progress: ProgressTable, recent: Recent) -> None:
        self._progress = progress
        self._recent = recent
        self._empty_at: int | None = None  # as of which forgetting it is known that nothing is promised

    def make(self, connection: apsw.Connection, pieces: Iterable[Piece], decided_at: datetime) -> None:
        """Promise the lines."""
        self._empty_at = None
        moment = to_text(decided_at)
        connection.executemany(sql.PROMISE, [(piece.first, piece.last, moment, piece.text) for piece in pieces])

    def write_to(self, connection: apsw.Connection, key: Key, counters: Counters) -> None:
        """Write what is promised to a learner's place in a course; it costs next to nothing where nothing is."""
        if not self._is_empty(connection):
            for piece in fetch(connection, sql.PROMISED_TO, _text(key)):
                self._write(connection, piece, counters)

    def write_some(self, connection: apsw.Connection, counters: Counters, seconds: float = inf) -> None:
        """Write what was promised first, for so long."""
        until = monotonic() + seconds
        while not self._is_empty(connection) and monotonic() < until:
            piece = fetch_one(connection, sql.FIRST_PROMISED)
            if piece is not None:
                self._write(connection, piece, counters)

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
            if isinstance(outcome, HeadwayError):  # decided by the rules of another version: nobody waits for it
                _log.error("promised_line_refused", error=type(outcome).__name__)
        fetch(connection, sql.REMOVE_PROMISED, number)


def any_promised(connection: apsw.Connection) -> bool:
    """Whether anything is promised."""
    return fetch(connection, sql.ANY_PROMISED) != [(0,)]


def _key_of_line(line: tuple[int, LessonWrite]) -> Key:
    return key_of(line[1])


def _piece(lines: Sequence[tuple[int, LessonWrite]]) -> Piece:
    keys = [_key_of_line(line) for line in lines]
    return Piece(frozenset(keys), lines, _text(keys[0]), _text(keys[-1]), from_writes([write for _, write in lines]))


def _text(key: Key) -> str:
    return "".join(key)
