"""Writes all lines of an import or none, while learners continue to write: docs/decisions/0037.

All lines are decided and set aside, while others write. One short transaction then promises all of them; it first
decides the lines again whose learners have written since. The promised lines are applied in many short transactions.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, TypeGuard
from uuid import uuid4

import apsw

from headway.domain.catalogue import Course, VersionedCourse
from headway.domain.changes import Work
from headway.domain.counters import Counters
from headway.domain.enrolments import Enforcement
from headway.domain.errors import HeadwayError, QueueFullError, RefusedWriteError, UnavailableError
from headway.domain.holdings import CourseProgressKey, LessonKey
from headway.domain.identifiers import CourseId, ProgressId
from headway.domain.limits import check_write, is_limited
from headway.domain.presence import CourseProgressRestore
from headway.domain.progress import LessonProgress
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Written
from headway.storage.sqlite.catalogue import Catalogue
from headway.storage.sqlite.progress_table import ProgressTable, course_progress_of, lesson_progress_of
from headway.storage.sqlite.promises import (
    Lines,
    Promises,
    any_promised,
    key_of,
    last_set_aside,
    pieces_of,
    remove_set_aside,
    set_aside,
)
from headway.storage.sqlite.reader import Reader
from headway.storage.sqlite.recent import Recent
from headway.turns import TURN_SECONDS, in_turns

_FEW: Final = 64  # lines that are written or decided in one transaction, in some milliseconds
_WRITING_SECONDS: Final = 2 * TURN_SECONDS  # in one transaction; the commit takes about as long again
_ATTEMPTS: Final = 5
_ROOM_SECONDS: Final = 0.05
_ROOM_ATTEMPTS: Final = 200


@dataclass
class _Import:
    """An import that is being decided, and the changes of others since the beginning."""

    lines: Lines
    asked: set[str]  # its learners and courses
    times_changed_elsewhere: int
    decided: dict[int, Written] = field(default_factory=dict)
    written_since: set[CourseProgressKey] = field(default_factory=set)
    is_outdated: bool = False

    def overtaken(self) -> list[tuple[int, LessonWrite]]:
        """Return the lines of learners and courses to which somebody has written since."""
        return sorted(line for key in self.written_since for line in self.lines.get(key, ()))


class Together:
    """Writes the lines of imports, one import at a time. `turn` begins a transaction between two batches."""

    def __init__(
        self,
        reader: Reader,
        catalogue: Catalogue,
        recent: Recent,
        progress: ProgressTable,
        *,
        turn: Callable[[], AbstractAsyncContextManager[apsw.Connection]],
        clock: Callable[[], datetime],
        enforced: Enforcement,
    ) -> None:
        self._reader = reader
        self._catalogue = catalogue
        self._recent = recent
        self._turn = turn
        self._clock = clock
        self._enforced = enforced
        self._promises = Promises(progress, recent)
        self._one_at_a_time = asyncio.Lock()
        self._deciding: _Import | None = None
        self._last_seen: int | None = None

    def prepare(self, connection: apsw.Connection, work: Work, counters: Counters) -> None:
        """Apply what is promised to the learner of a write, and note the write for the present import.

        To be called before every write.
        """
        key = (work.learner_id, work.course_id)
        if self._deciding is not None:
            self._deciding.written_since.add(key)
        self._promises.write_to(connection, key, counters)

    def note_change(self, changed: Sequence[str]) -> None:
        """Note a change of learners or a course (none: of any) for the present import.

        To be called in every transaction that is not a batch.
        """
        if self._deciding is not None and (not changed or not self._deciding.asked.isdisjoint(changed)):
            self._deciding.is_outdated = True

    async def write(self, writes: Sequence[LessonWrite]) -> Sequence[Written] | None:
        """Apply all writes or none, and return their results.

        Returns `None`, and applies nothing, where others changed the same courses in every attempt. Raises
        `RefusedWriteError`.
        """
        async with self._one_at_a_time:
            for _ in range(_ATTEMPTS):
                decided = await self._promise(writes)
                if decided is not None:
                    await self.write_promised()
                    return decided
        return None

    async def tidy(self) -> None:
        """Apply everything that is promised, and remove pieces without a promise. Raises as `write_promised`."""
        await self.write_promised()
        while self._reader.read_anew(last_set_aside) is not None:
            await self._in_turn(remove_set_aside)

    async def write_promised(self) -> None:
        """Apply everything that is promised, in turns with other writes. Raises `QueueFullError` after a long wait."""
        while self._reader.read_anew(any_promised):
            await self._in_turn(partial(self._promises.write_some, seconds=_WRITING_SECONDS))

    def write_rest(self, connection: apsw.Connection) -> None:
        """Apply, in this transaction, what was promised since `write_promised`."""
        self._promises.write_some(connection)

    async def finish_interrupted(self) -> None:
        """Finish what another process has left, such as one that was killed. Does nothing while an import runs here.

        Pieces that are set aside may belong to an import that is under way in another process. They are removed only
        where no piece was added since the last call, which should be a second or longer ago.
        """
        if self._one_at_a_time.locked():
            return
        async with self._one_at_a_time:
            last = self._reader.read_anew(last_set_aside)
            if last is None or last != self._last_seen:
                await self.write_promised()
                self._last_seen = last
                return
            await self.tidy()
            self._last_seen = None

    async def _in_turn(self, action: Callable[[apsw.Connection], None]) -> None:
        """Run a short action in a transaction when the queue has room. Raises `QueueFullError` after a long wait."""
        for _ in range(_ROOM_ATTEMPTS):
            with contextlib.suppress(QueueFullError):
                async with self._turn() as connection:
                    action(connection)
                return
            await asyncio.sleep(_ROOM_SECONDS)  # the writes of learners go first
        raise QueueFullError

    async def _promise(self, writes: Sequence[LessonWrite]) -> Sequence[Written] | None:
        """Promise all writes, and return their results; `None` where others changed what they were decided on."""
        await self.tidy()
        try:
            wanted = await self._begin(writes)
            if wanted is None:
                return None
            await self._decide(wanted, enumerate(writes))
            promise = await self._set_aside(wanted)
            is_made = await self._make(promise, wanted)
        finally:
            self._deciding = None
        return [wanted.decided[position] for position in range(len(writes))] if is_made else None

    async def _begin(self, writes: Sequence[LessonWrite]) -> _Import | None:
        """Begin to note the changes of others; `None` where another process has just promised something."""
        lines: Lines = {}
        ids: set[str] = set()
        async for position, write in in_turns(enumerate(writes)):
            lines.setdefault(key_of(write), []).append((position, write))
            ids.update(key_of(write))
        async with self._turn() as connection:  # no other transaction of this process is running
            if any_promised(connection):
                return None
            self._deciding = _Import(lines, ids, self._recent.times_changed_elsewhere)
            return self._deciding

    async def _decide(self, wanted: _Import, lines: Iterable[tuple[int, LessonWrite]]) -> None:
        """Decide lines, in turns with other work."""
        async for position, written in in_turns(self._decided(lines, self._clock())):
            wanted.decided[position] = written

    def _decided(self, lines: Iterable[tuple[int, LessonWrite]], now: datetime) -> Iterator[tuple[int, Written]]:
        """Yield the position and the result of each line. Raises `RefusedWriteError`."""
        courses: dict[CourseId, VersionedCourse] = {}
        progress: dict[LessonKey, LessonProgress | None] = {}
        for position, write in lines:
            key = (write.learner_id, write.course_id, write.lesson_id)
            with _refused_at(position):
                if write.course_id not in courses:
                    courses[write.course_id] = self._reader.read(self._catalogue.course, write.course_id)
                course = courses[write.course_id].course
                if is_limited(write, self._enforced):
                    self._check(write, course, progress, now)
                written = write.apply(course, self._before(progress, key), now, _new_id)
            progress[key] = written.after
            yield position, written

    def _check(
        self, write: LessonWrite, course: Course, decided: Mapping[LessonKey, LessonProgress | None], now: datetime
    ) -> None:
        """Raise the error of a rule that refuses the line."""
        key = key_of(write)
        check_write(
            write,
            course,
            self._reader.read(course_progress_of, *key),
            lambda lesson_id: self._before(decided, (*key, lesson_id)),
            self._enforced,
            now,
        )

    def _before(self, decided: Mapping[LessonKey, LessonProgress | None], key: LessonKey) -> LessonProgress | None:
        """Return lesson progress after the lines that are decided."""
        return decided[key] if key in decided else self._reader.read(lesson_progress_of, *key)

    async def _set_aside(self, wanted: _Import) -> str:
        """Store the lines as pieces, and return the id of their promise, which is not made yet."""
        promise = str(uuid4())
        pieces = deque([piece async for piece in in_turns(pieces_of(wanted.lines))])
        while pieces:
            await self._in_turn(partial(set_aside, promise=promise, pieces=pieces, seconds=TURN_SECONDS))
        return promise

    async def _make(self, promise: str, wanted: _Import) -> bool:
        """Make the promise. Return false where others changed what the lines were decided on.

        Lines of learners and courses to which somebody has written since are decided again: in the same transaction, or
        before the next attempt where they are many.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            async with self._turn() as connection:  # no batch is running, so every write of others can be read
                if wanted.is_outdated or self._recent.times_changed_elsewhere != wanted.times_changed_elsewhere:
                    return False
                overtaken = wanted.overtaken()
                if len(overtaken) <= _FEW or attempt == _ATTEMPTS:
                    now = self._clock()
                    wanted.decided.update(self._decided(overtaken, now))
                    self._promises.make(connection, promise, now)
                    return True
                wanted.written_since.clear()
            await self._decide(wanted, overtaken)
        return False


def can_be_promised(writes: Sequence[LessonWrite | CourseProgressRestore]) -> TypeGuard[Sequence[LessonWrite]]:
    """Whether these are many writes that have the same effect when they are applied later."""
    return len(writes) > _FEW and all(
        isinstance(write, LessonWrite) and write.precondition is UNCONDITIONAL and write.restored is None
        for write in writes
    )


@contextlib.contextmanager
def _refused_at(position: int) -> Iterator[None]:
    """Turn a refusal into `RefusedWriteError` with the position of the line."""
    try:
        yield
    except UnavailableError:
        raise
    except HeadwayError as refusal:
        raise RefusedWriteError(position, refusal) from refusal


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))
