"""An import under way: lines to writes, some at a time, noted as it goes so that one broken off goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import dropwhile, islice
from typing import Final, NamedTuple
from uuid import uuid4

from headway.domain.errors import (
    CourseNotFoundError,
    ImportUnderWayError,
    InvalidValueError,
    KeyReusedError,
    LessonNotFoundError,
    Problem,
    QueueFullError,
    RefusedWriteError,
    UnavailableError,
)
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.imports import (
    LEASE,
    LINES_AT_ONCE,
    MOST_LINES_TOGETHER,
    ImportKey,
    ImportState,
    Line,
    Outcome,
    Report,
    outcome_of,
    refusal_of,
    together_or_not,
)
from headway.domain.progress import LessonProgress
from headway.domain.writes import LessonWrite, Written
from headway.storage.port import ImportLedger, Store

_RowKey = tuple[LearnerId, CourseId, LessonId]
_Write = Callable[[LessonWrite], Awaitable[Written]]
Told = Callable[[int], None]
_Note = Callable[[int, Report], Awaitable[None]]

_ROOM_SECONDS: Final = 0.05  # between two looks whether the queue has room; learners' own writes do not wait for it
_ROOM_ATTEMPTS: Final = 200


class ImportFile(NamedTuple):
    """A file to import: its lines in order, and a digest that tells it and how it is read apart from others."""

    digest: str
    lines: Iterable[Line]


class ImportOptions(NamedTuple):
    """`dry_run`: nothing is written. `atomic`: all lines are written, or none."""

    dry_run: bool = False
    atomic: bool = False


class Import:
    """One caller's import. `told` hears the number of the last line that is through, after every few."""

    def __init__(self, store: Store, caller: LearnerId, told: Told) -> None:
        self._store = store
        self._caller = caller
        self._told = told

    async def run(self, file: ImportFile, options: ImportOptions, key: str | None) -> Report:
        """What became of the lines; with a key, those that were through before are not written again.

        Raises `ImportUnderWayError`, `KeyReusedError`, and `InvalidValueError` where all lines are to be written and
        one of them is wrong, or where there are too many of them.
        """
        lines = map(self._signed, file.lines)
        if options.dry_run:
            considered = _few_enough(lines) if options.atomic else lines
            return await self._line_by_line(considered, _Rehearsal(self._store).write, Report(), _not_noted)
        if key is None:
            return await self._written(lines, options, Report(), _not_noted)
        journal = _Journal(self._store.imports, ImportKey(self._caller, key), file.digest)
        state = await journal.take()
        if state.finished:
            return state.report
        rest = dropwhile(lambda line: line.number <= state.line, lines)
        async with journal.held():
            report = await self._written(rest, options, state.report, journal.note)
            await journal.finish(report)
        return report

    async def _written(self, lines: Iterable[Line], options: ImportOptions, report: Report, note: _Note) -> Report:
        if options.atomic:
            return await self._all_together(_few_enough(lines))
        return await self._line_by_line(lines, self._write, report, note)

    async def _line_by_line(self, lines: Iterable[Line], write: _Write, report: Report, note: _Note) -> Report:
        for some in _some_at_a_time(iter(lines)):
            report = report.plus(await _outcomes(some, write))
            last = some[-1].number
            await note(last, report)
            self._told(last)
        return report

    async def _all_together(self, lines: Sequence[Line]) -> Report:
        together_or_not([Outcome(line.number, problems=line.problems) for line in lines])
        writes = [line.write for line in lines if line.write]
        try:
            written = await self._store.write_all(writes) if writes else ()
        except RefusedWriteError as error:
            together_or_not([refusal_of(lines[error.place].number, error.refusal)])
            raise
        return Report().plus([outcome_of(line.number, one) for line, one in zip(lines, written, strict=True)])

    async def _write(self, write: LessonWrite) -> Written:
        """Write one line. An import waits until there is room for it; the learners' own writes are not to."""
        for _ in range(_ROOM_ATTEMPTS):
            with contextlib.suppress(QueueFullError):
                return await self._store.write(write)
            await asyncio.sleep(_ROOM_SECONDS)
        return await self._store.write(write)

    def _signed(self, line: Line) -> Line:
        """The line under the caller's name, who writes for another learner."""
        if line.write is None or line.write.learner_id == self._caller:
            return line
        return line._replace(write=line.write._replace(written_by=self._caller))


class _Rehearsal:
    """Decides writes as the store would, on what is stored and on each other, and stores nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[_RowKey, LessonProgress | None] = {}

    async def write(self, write: LessonWrite) -> Written:
        """What a write would do."""
        key = _row_key(write)
        course, stored = await self._store.lesson(*key)
        written = write.apply(course, self._rows.get(key, stored), datetime.now(UTC), _new_id)
        self._rows[key] = written.after
        return written


class _Journal:
    """Notes how far an import with a key is, for as long as it is this one's."""

    def __init__(self, ledger: ImportLedger, key: ImportKey, digest: str) -> None:
        self._ledger = ledger
        self._key = key
        self._digest = digest
        self._holder = str(uuid4())

    async def take(self) -> ImportState:
        """How far it is. Raises `KeyReusedError`, and `ImportUnderWayError` where somebody else works on it."""
        state = await self._ledger.take(self._key, self._digest, self._holder)
        if state.digest != self._digest:
            raise KeyReusedError
        if not state.finished and state.holder != self._holder:
            raise ImportUnderWayError(_LEASE_SECONDS)
        return state

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Let go of it where it is broken off, so that it can go on at once; forget it where nothing was written."""
        try:
            yield
        except InvalidValueError:
            await self._ledger.forget(self._key)
            raise
        except UnavailableError:
            with contextlib.suppress(UnavailableError):  # then it is free again when the lease ends
                await self._ledger.release(self._key, self._holder)
            raise

    async def note(self, line: int, report: Report) -> None:
        """Note the last line that is through. Raises `ImportUnderWayError` where somebody else has taken over."""
        await self._note(line, report, finished=False)

    async def finish(self, report: Report) -> None:
        """Note that all lines are through."""
        await self._note(0, report, finished=True)

    async def _note(self, line: int, report: Report, *, finished: bool) -> None:
        if not await self._ledger.note(self._key, self._holder, line, report, finished=finished):
            raise ImportUnderWayError(_LEASE_SECONDS)


_LEASE_SECONDS: Final = round(LEASE.total_seconds())
_SOME_LINES_REFUSED: Final = (InvalidValueError, CourseNotFoundError, LessonNotFoundError)


async def _outcomes(lines: Sequence[Line], write: _Write) -> Sequence[Outcome]:
    """What became of some lines, written at once; those of one row one after the other."""
    outcomes = {line.number: Outcome(line.number, problems=line.problems) for line in lines}
    by_row: dict[_RowKey, list[tuple[int, LessonWrite]]] = {}
    for line in lines:
        if line.write is not None:
            by_row.setdefault(_row_key(line.write), []).append((line.number, line.write))

    async def write_in_turn(row: Sequence[tuple[int, LessonWrite]]) -> None:
        for number, one in row:
            try:
                outcomes[number] = outcome_of(number, await write(one))
            except _SOME_LINES_REFUSED as refusal:
                outcomes[number] = refusal_of(number, refusal)

    # All are waited for, also where one fails: else they would be stored after whoever goes on has begun.
    for failure in await asyncio.gather(*map(write_in_turn, by_row.values()), return_exceptions=True):
        if failure is not None:
            raise failure
    return list(outcomes.values())


def _some_at_a_time(lines: Iterator[Line]) -> Iterator[Sequence[Line]]:
    while some := list(islice(lines, LINES_AT_ONCE)):
        yield some


def _few_enough(lines: Iterable[Line]) -> Sequence[Line]:
    """The lines. Raises `InvalidValueError` where they are too many to be written in one transaction."""
    few = list(islice(lines, MOST_LINES_TOGETHER + 1))
    if len(few) > MOST_LINES_TOGETHER:
        reason = f"At most {MOST_LINES_TOGETHER} lines are written together or not at all."
        raise InvalidValueError([Problem((), reason, "too_many_lines")])
    return few


def _row_key(write: LessonWrite) -> _RowKey:
    return write.learner_id, write.course_id, write.lesson_id


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))


async def _not_noted(_line: int, _report: Report) -> None:
    """Without a key there is nothing to go on with."""
