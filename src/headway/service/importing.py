"""Runs an import in groups of lines. It notes its position, so that an interrupted import can continue."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final, NamedTuple, TypeVar
from uuid import uuid4

from headway.domain.completions import Completion, checked, is_same
from headway.domain.errors import (
    ImportUnderWayError,
    InvalidValueError,
    KeyReusedError,
    Problem,
    QueueFullError,
    RefusedWriteError,
    UnavailableError,
)
from headway.domain.goals import GoalRestore
from headway.domain.holdings import LessonKey
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.imports import (
    LEASE,
    LINE_REFUSALS,
    LINES_AT_ONCE,
    MOST_LINES_TOGETHER,
    ImportKey,
    ImportState,
    Line,
    Outcome,
    Report,
    Restore,
    outcome_of,
    refusal_of,
    together_or_not,
)
from headway.domain.launches import ContentState
from headway.domain.limits import check_write, is_limited
from headway.domain.people import NO_PROFILE, ProfileRestore
from headway.domain.ports import ImportLedger, Store
from headway.domain.presence import CourseProgressRestore, restore
from headway.domain.progress import LessonProgress
from headway.domain.runs import enters_run
from headway.domain.writes import LessonWrite, Written
from headway.turns import all_of, gently

T = TypeVar("T")

_Line = LessonWrite | Restore
_Together = LessonWrite | CourseProgressRestore
"""What is stored all or none."""
_Write = Callable[[_Line], Awaitable[Written | bool]]
_WriteAll = Callable[[Sequence[_Together]], Awaitable[Sequence[Written | bool]]]
NotifyLine = Callable[[int], None]
"""Is called with the number of the last line that was done."""

_Note = Callable[[int, Report], Awaitable[None]]

_LINES_UNDER_WAY: Final = 16  # at the same time: few, so that a learner's own write does not wait behind many lines
_ROOM_SECONDS: Final = 0.05  # between two attempts while the queue is full
_ROOM_ATTEMPTS: Final = 200


class ImportFile(NamedTuple):
    """A file to import: its lines in order, and a digest of its content and of how it is read."""

    digest: str
    lines: Iterable[Line]


class ImportOptions(NamedTuple):
    """`dry_run`: nothing is written. `atomic`: all lines are written, or none."""

    dry_run: bool = False
    atomic: bool = False


class Import:
    """One caller's import. After each group of lines, it calls `notify` with the number of the last line.

    `clock` is asked for the time of what a rehearsal decides.
    """

    def __init__(self, store: Store, caller: LearnerId, notify: NotifyLine, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._caller = caller
        self._notify = notify
        self._clock = clock

    async def run(self, file: ImportFile, options: ImportOptions, key: str | None) -> Report:
        """Import the lines and return the report. With a key, lines that were done before are not written again.

        Raises `ImportUnderWayError`, `KeyReusedError`, and `InvalidValueError` where the import is atomic and a line
        is wrong or there are too many lines.
        """
        lines = map(self._signed, file.lines)
        if options.dry_run:
            return await self._rehearsed(lines, _Rehearsal(self._store, self._clock), options)
        if key is None:
            return await self._written(lines, options, _BEGINNING, _not_noted)
        journal = _Journal(self._store.imports, ImportKey(self._caller, key), file.digest)
        state = await journal.take()
        if state.finished:
            return state.report
        async with journal.held():
            report = await self._written(lines, options, state, journal.note)
            await journal.finish(report)
        return report

    async def _rehearsed(self, lines: Iterator[Line], rehearsal: "_Rehearsal", options: ImportOptions) -> Report:
        if options.atomic:
            return await self._all_together(await _few_enough(lines), rehearsal.write_all, rehearsal.write)
        return await self._line_by_line(lines, rehearsal.write, _BEGINNING, _not_noted)

    async def _written(self, lines: Iterator[Line], options: ImportOptions, state: ImportState, note: _Note) -> Report:
        if options.atomic:
            return await self._all_together(await _few_enough(lines), self._store.write_all, self._write)
        return await self._line_by_line(lines, self._write, state, note)

    async def _line_by_line(self, lines: Iterator[Line], write: _Write, state: ImportState, note: _Note) -> Report:
        report = state.report
        while some := await _next(lines, LINES_AT_ONCE):
            rest = [line for line in some if line.number > state.line]
            if rest:
                report = report.plus(await _outcomes(rest, write))
                await note(rest[-1].number, report)
            self._notify(some[-1].number)
        return report

    async def _all_together(self, lines: Sequence[Line], write_all: _WriteAll, write: _Write) -> Report:
        """Write the progress all or none, and then the rest, of which nothing is refused any more."""
        now = self._clock()
        together_or_not([_checked(line, now) for line in lines])
        progress = [(line.number, line.write) for line in lines if isinstance(line.write, _Together)]
        outcomes = {line.number: Outcome(line.number) for line in lines}
        try:
            written = await write_all([one for _, one in progress]) if progress else ()
        except RefusedWriteError as error:
            together_or_not([refusal_of(progress[error.position][0], error.refusal)])
            raise
        for (number, work), one in zip(progress, written, strict=True):
            outcomes[number] = outcome_of(number, work, one)
        for line in lines:
            if line.write is not None and not isinstance(line.write, _Together):
                outcomes[line.number] = outcome_of(line.number, line.write, await write(line.write))
        return Report().plus(_with_ignored(lines, list(outcomes.values())))

    async def _write(self, line: _Line) -> Written | bool:
        match line:
            case LessonWrite():
                return await when_there_is_room(lambda: self._store.write(line))
            case CourseProgressRestore():
                return await when_there_is_room(lambda: self._store.restore(line))
            case Completion() | ProfileRestore() | GoalRestore() | ContentState():
                change = await _change(self._store, line, self._clock())
                if change is not None:
                    await when_there_is_room(change)
                return change is not None

    def _signed(self, line: Line) -> Line:
        """Name the caller as the writer, where the line is for another learner. Restored lines keep their writers."""
        if not isinstance(line.write, LessonWrite) or line.write.restored:
            return line
        writer = None if line.write.learner_id == self._caller else self._caller
        return line._replace(write=line.write._replace(written_by=writer, is_imported=True))


class _Rehearsal:
    """Decides writes as the store would, from the stored data and the earlier lines, and stores nothing."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._stored: dict[LessonKey, LessonProgress | None] = {}

    async def write(self, write: _Line) -> Written | bool:
        """Return what a write would do."""
        if isinstance(write, CourseProgressRestore):
            return await self._restored(write)
        if not isinstance(write, LessonWrite):
            return await _change(self._store, write, self._clock()) is not None
        key, now = _lesson_key(write), self._clock()
        is_of_later_run = is_limited(write, self._store.enforced) and await self._check(write, now)
        course, stored = await self._store.lesson(*key)
        written = write.apply(course, self._stored.get(key, None if is_of_later_run else stored), now, _new_id)
        self._stored[key] = written.after
        return written

    async def _check(self, write: LessonWrite, now: datetime) -> bool:
        """Raise the error of a rule that would refuse the write. Return whether it begins a later run of an export."""
        learner_id, course_id, _ = _lesson_key(write)
        course, all_lesson_progress = await self._store.lessons(learner_id, course_id)
        progress = (await self._store.course_progress(learner_id, course_id)).progress
        stored = {progress.lesson_id: progress for progress in all_lesson_progress}

        def found(lesson_id: LessonId) -> LessonProgress | None:
            return self._stored.get((learner_id, course_id, lesson_id), stored.get(lesson_id))

        check_write(write, course, progress, found, self._store.enforced, now)
        return enters_run(progress, write)

    async def write_all(self, writes: Sequence[_Together]) -> Sequence[Written | bool]:
        """Return what an atomic import of these writes would do. Raises as the store's `write_all`."""
        written = []
        for position, write in enumerate(writes):
            try:
                written.append(await self.write(write))
            except LINE_REFUSALS as refusal:
                raise RefusedWriteError(position, refusal) from refusal
            if position % LINES_AT_ONCE == 0:
                await asyncio.sleep(0)  # lets other requests run
        return written

    async def _restored(self, asked: CourseProgressRestore) -> bool:
        """Return whether restoring would change the learner's progress in the course."""
        course = await self._store.course(asked.course_id)
        record = await self._store.learner_record(asked.learner_id)
        course_progress = next((one for one in record.course_progress if one.course_id == asked.course_id), None)
        days = {day.date: day for course_id, day in record.days if course_id == asked.course_id}
        if asked.run > (course_progress.run if course_progress else 1):
            return True
        position = restore(course_progress, asked, course, days, self._clock())
        return position.course_progress != course_progress or bool(position.days)


class _Journal:
    """Notes the position of an import with a key, while this import holds the key."""

    def __init__(self, ledger: ImportLedger, key: ImportKey, digest: str) -> None:
        self._ledger = ledger
        self._key = key
        self._digest = digest
        self._holder = str(uuid4())

    async def take(self) -> ImportState:
        """Take the key and return the import's state.

        Raises `KeyReusedError` for another file, and `ImportUnderWayError` where another caller holds the key.
        """
        state = await self._ledger.take(self._key, self._digest, self._holder)
        if state.digest != self._digest:
            raise KeyReusedError
        if not state.finished and state.holder != self._holder:
            raise ImportUnderWayError(_LEASE_SECONDS)
        return state

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Release the key after an interruption, so that the import can continue; forget it after a wrong file."""
        try:
            yield
        except InvalidValueError:
            await self._ledger.forget(self._key)
            raise
        except UnavailableError:
            with contextlib.suppress(UnavailableError):  # then the key is free when the lease ends
                await self._ledger.release(self._key, self._holder)
            raise

    async def note(self, line: int, report: Report) -> None:
        """Note the last line that is done. Raises `ImportUnderWayError` where another caller has taken the key."""
        await self._note(line, report, finished=False)

    async def finish(self, report: Report) -> None:
        """Note that all lines are done."""
        await self._note(0, report, finished=True)

    async def _note(self, line: int, report: Report, *, finished: bool) -> None:
        progress = (self._key, self._holder, line, report)
        if not await when_there_is_room(lambda: self._ledger.note(*progress, finished=finished)):
            raise ImportUnderWayError(_LEASE_SECONDS)


_BEGINNING: Final = ImportState("", None, 0, Report(), finished=False)
_LEASE_SECONDS: Final = round(LEASE.total_seconds())
_NO_LESSON: Final = LessonId("")
_NO_COURSE: Final = CourseId("")


async def _outcomes(lines: Sequence[Line], write: _Write) -> Sequence[Outcome]:
    """Write some lines at the same time, but the lines of one learner's lesson in order. Return the outcomes.

    What is restored comes after the lesson progress: it replaces what follows from that.
    """
    outcomes = {line.number: Outcome(line.number, problems=line.problems) for line in lines}
    await _write_each([line for line in lines if isinstance(line.write, LessonWrite)], write, outcomes)
    await _write_each([line for line in lines if not isinstance(line.write, LessonWrite)], write, outcomes)
    return _with_ignored(lines, list(outcomes.values()))


async def _write_each(lines: Sequence[Line], write: _Write, outcomes: dict[int, Outcome]) -> None:
    by_lesson: dict[LessonKey, list[tuple[int, _Line]]] = {}
    for line in lines:
        if line.write is not None:
            by_lesson.setdefault(_lesson_key(line.write), []).append((line.number, line.write))

    waiting = iter(by_lesson.values())

    async def write_each() -> None:
        for lines_of_lesson in waiting:
            for number, one in lines_of_lesson:
                try:
                    outcomes[number] = outcome_of(number, one, await write(one))
                except LINE_REFUSALS as refusal:
                    outcomes[number] = refusal_of(number, refusal)

    await all_of(write_each() for _ in range(min(_LINES_UNDER_WAY, len(by_lesson))))


def _checked(line: Line, now: datetime) -> Outcome:
    """Return the problems of a line that can be found before anything is written."""
    try:
        if isinstance(line.write, Completion):
            checked(line.write, now)
    except InvalidValueError as refusal:
        return refusal_of(line.number, refusal)
    return Outcome(line.number, problems=line.problems)


def _with_ignored(lines: Sequence[Line], outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    return [one._replace(ignored=line.ignored) for line, one in zip(lines, outcomes, strict=True)]


async def when_there_is_room(action: Callable[[], Awaitable[T]]) -> T:
    """Run an action, and try again while the queue is full. Learners' own writes do not wait like this."""
    for _ in range(_ROOM_ATTEMPTS):
        with contextlib.suppress(QueueFullError):
            return await action()
        await asyncio.sleep(_ROOM_SECONDS)
    return await action()


async def _next(lines: Iterator[Line], count: int) -> Sequence[Line]:
    """Read the next lines in a thread, because a file may take long to read, even without a line in it."""
    return await asyncio.to_thread(lambda: list(islice(gently(lines), count)))


async def _few_enough(lines: Iterator[Line]) -> Sequence[Line]:
    """Read all lines. Raises `InvalidValueError` where there are too many for one transaction."""
    few = await _next(lines, MOST_LINES_TOGETHER + 1)
    if len(few) > MOST_LINES_TOGETHER:
        reason = f"At most {MOST_LINES_TOGETHER} lines are written together or not at all."
        raise InvalidValueError([Problem((), reason, "too_many_lines")])
    return few


async def _change(
    store: Store, restored: Completion | ProfileRestore | GoalRestore | ContentState, now: datetime
) -> Callable[[], Awaitable[object]] | None:
    """Return what stores a part of an export that is no progress; `None` where nothing changes."""
    learner_id = restored.learner_id
    if isinstance(restored, Completion):
        completion = checked(restored, now)
        is_kept = any(is_same(completion, kept) for kept in await store.completions(learner_id))
        return None if is_kept else partial(store.keep_completion, completion)
    if isinstance(restored, GoalRestore):
        return None if await store.goals.find(learner_id) else partial(store.goals.restore, *restored)
    if isinstance(restored, ContentState):
        states = store.content_states
        return None if await states.find(*restored.key) else partial(states.put, restored, None)
    stored = await store.profiles.find(learner_id)
    present = stored.profile if stored else NO_PROFILE
    profile = restored.after(present)
    return None if profile == present else partial(store.profiles.put, learner_id, profile)


def _lesson_key(write: _Line) -> LessonKey:
    """Return the key of lines that are written in order. What is restored has no lesson, and some of it no course."""
    course_id = _NO_COURSE if isinstance(write, ProfileRestore | GoalRestore) else write.course_id
    return write.learner_id, course_id, write.lesson_id if isinstance(write, LessonWrite) else _NO_LESSON


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))


async def _not_noted(_line: int, _report: Report) -> None:
    """Note nothing: an import without a key can not be continued."""
