"""Many lines, all written or none, while learners go on writing: docs/decisions/0037.

All lines are decided on what is read beside the writes of others. Then they are promised in one short transaction,
in which those are written at once whose learners wrote meanwhile. What is promised is written in many short ones.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from operator import itemgetter
from typing import Final, TypeGuard
from uuid import uuid4

import apsw

from headway.domain.catalogue import VersionedCourse
from headway.domain.changes import Work
from headway.domain.counters import Counters
from headway.domain.errors import HeadwayError, QueueFullError, RefusedWriteError, UnavailableError
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.presence import CourseProgressRestore
from headway.domain.progress import LessonProgress
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Written
from headway.storage.gently import TURN_SECONDS, in_turns
from headway.storage.sqlite.catalogue import Catalogue
from headway.storage.sqlite.figures import store_counters
from headway.storage.sqlite.progress_table import ProgressTable, row_of
from headway.storage.sqlite.promises import Key, Piece, Promises, any_promised, key_of, pieces_of
from headway.storage.sqlite.reader import Reader
from headway.storage.sqlite.recent import Recent

_FEW: Final = 64  # lines that are written in one transaction, which takes them some milliseconds
_ATTEMPTS: Final = 5
_ROOM_SECONDS: Final = 0.05
_ROOM_ATTEMPTS: Final = 200
_SECONDS_BETWEEN_LOOKS: Final = 1.0


class Together:
    """Writes lines of one import at a time. `turn` begins a transaction between two batches."""

    def __init__(
        self,
        reader: Reader,
        catalogue: Catalogue,
        recent: Recent,
        progress: ProgressTable,
        *,
        turn: Callable[[], AbstractAsyncContextManager[apsw.Connection]],
        clock: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._catalogue = catalogue
        self._recent = recent
        self._progress = progress
        self._turn = turn
        self._clock = clock
        self._promises = Promises(progress, recent)
        self._one_at_a_time = asyncio.Lock()
        self._written_since: set[Key] | None = None  # places in courses, while an import is being decided
        self._asked: frozenset[str] = frozenset()  # the learners and courses of that import
        self._is_outdated = False

    def prepare(self, connection: apsw.Connection, work: Work, counters: Counters) -> None:
        """Called before every write: what is promised to its learner comes first, and an import hears of it."""
        key = (work.learner_id, work.course_id)
        if self._written_since is not None:
            self._written_since.add(key)
        self._promises.write_to(connection, key, counters)

    def note_change(self, changed: Iterable[str]) -> None:
        """Called in every transaction that is no batch, with the learners or the course that it changes; none: any."""
        ids = set(changed)
        self._is_outdated |= not ids or not self._asked.isdisjoint(ids)

    async def write(self, writes: Sequence[LessonWrite]) -> Sequence[Written] | None:
        """Write all or none; answers what became of them, or `None` where others changed courses again and again.

        Raises `RefusedWriteError`.
        """
        async with self._one_at_a_time:
            for _ in range(_ATTEMPTS):
                decided = await self._promise(writes)
                if decided is not None:
                    await self.write_promised()
                    return decided
        return None

    async def write_promised(self) -> None:
        """Write all that is promised, in turns with others. Raises `QueueFullError` where that stays so for long."""
        attempts = 0
        while self._reader.read_anew(any_promised):
            try:
                await self._write_some()
                attempts = 0
            except QueueFullError:  # learners' own writes go first
                attempts += 1
                if attempts == _ROOM_ATTEMPTS:
                    raise
                await asyncio.sleep(_ROOM_SECONDS)

    def write_rest(self, connection: apsw.Connection) -> None:
        """Write in this transaction what somebody may have promised since `write_promised`."""
        counters = Counters()
        self._promises.write_some(connection, counters)
        store_counters(connection, counters)

    @contextlib.asynccontextmanager
    async def looked_after(self) -> AsyncIterator[None]:
        """Until the block is left, write what another process has promised and not written, as one that was killed."""
        task = asyncio.create_task(self._look_after(), name="headway-promised")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            if not self._one_at_a_time.locked():  # else an import is at it
                with contextlib.suppress(UnavailableError):  # the store has said in the log what is wrong
                    await self.write_promised()

    async def _promise(self, writes: Sequence[LessonWrite]) -> Sequence[Written] | None:
        """Promise all; `None` where they were decided on what is no longer so."""
        await self.write_promised()
        asked = frozenset(one for write in writes for one in key_of(write))
        async with self._turn() as connection:  # nobody else's is under way
            if any_promised(connection):  # by another process meanwhile
                return None
            elsewhere = self._recent.times_changed_elsewhere
            self._written_since, self._asked, self._is_outdated = set(), asked, False
        try:
            now = self._clock()
            decided: dict[int, Written] = {}
            await self._decide(writes, now, decided)
            pieces = [piece async for piece in in_turns(pieces_of(writes))]
            async with self._turn() as connection:
                if self._is_outdated or self._recent.times_changed_elsewhere != elsewhere:
                    return None
                self._write_or_promise(connection, pieces, now, decided)
            return [decided[position] for position in range(len(writes))]
        finally:
            self._written_since, self._asked = None, frozenset()

    async def _decide(self, writes: Sequence[LessonWrite], now: datetime, decided: dict[int, Written]) -> None:
        """Find out what becomes of them; once more where somebody has written meanwhile, until that is little."""
        await self._decide_lines(enumerate(writes), now, decided)
        for _ in range(_ATTEMPTS):
            lines = await self._many_overtaken(writes)
            if not lines:
                return
            await self._decide_lines(lines, now, decided)

    async def _many_overtaken(self, writes: Sequence[LessonWrite]) -> Sequence[tuple[int, LessonWrite]]:
        """The lines to whose learners somebody has written meanwhile, if they are many: those are to be decided anew.

        No batch is under way then, so all that the others wrote can be read.
        """
        async with self._turn():
            written_since = self._written_since or set()
            lines = [(position, write) for position, write in enumerate(writes) if key_of(write) in written_since]
            if len(lines) <= _FEW:
                return ()
            self._written_since = set()
            return lines

    async def _decide_lines(
        self, lines: Iterable[tuple[int, LessonWrite]], now: datetime, decided: dict[int, Written]
    ) -> None:
        courses: dict[CourseId, VersionedCourse] = {}
        rows: dict[tuple[LearnerId, CourseId, LessonId], LessonProgress | None] = {}
        async for position, write in in_turns(lines):
            key = (write.learner_id, write.course_id, write.lesson_id)
            with _refused_at(position):
                if write.course_id not in courses:
                    courses[write.course_id] = self._reader.read(self._catalogue.course, write.course_id)
                before = rows[key] if key in rows else self._reader.read(row_of, *key)
                decided[position] = write.apply(courses[write.course_id].course, before, now, _new_id)
            rows[key] = decided[position].after

    def _write_or_promise(
        self, connection: apsw.Connection, pieces: Sequence[Piece], now: datetime, decided: dict[int, Written]
    ) -> None:
        """Promise the pieces, but write at once, decided anew, those to whose learners somebody wrote meanwhile."""
        written_since = self._written_since or set()
        counters = Counters()
        overtaken = [piece for piece in pieces if not piece.keys.isdisjoint(written_since)]
        lines = sorted((line for piece in overtaken for line in piece.lines), key=itemgetter(0))
        outcomes = self._progress.write(connection, [write for _, write in lines], self._clock(), counters)
        for (position, _), outcome in zip(lines, outcomes, strict=True):
            if isinstance(outcome, HeadwayError):
                raise RefusedWriteError(position, outcome) from outcome
            if isinstance(outcome, Written):
                decided[position] = outcome
        self._promises.make(connection, [piece for piece in pieces if piece.keys.isdisjoint(written_since)], now)
        store_counters(connection, counters)

    async def _write_some(self) -> None:
        async with self._turn() as connection:
            counters = Counters()
            self._promises.write_some(connection, counters, TURN_SECONDS)
            store_counters(connection, counters)


def can_be_promised(writes: Sequence[LessonWrite | CourseProgressRestore]) -> TypeGuard[Sequence[LessonWrite]]:
    """Whether these are many lines, all of which can be written later as they are decided now."""
    return len(writes) > _FEW and all(
        isinstance(write, LessonWrite) and write.precondition is UNCONDITIONAL and write.restored is None
        for write in writes
    )


@contextlib.contextmanager
def _refused_at(position: int) -> Iterator[None]:
    """Say of a refusal which line it is."""
    try:
        yield
    except UnavailableError:
        raise
    except HeadwayError as refusal:
        raise RefusedWriteError(position, refusal) from refusal


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))
