"""Group commit: one transaction stores all writes that are waiting.

While a batch is written to disk, the next batch collects writes. So a batch grows with the load, and a single write
starts at once. A write is acknowledged after its transaction is on disk.
"""

import asyncio
import contextlib
from asyncio import FIRST_COMPLETED
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextvars import Context
from time import perf_counter
from typing import Any, Final, Protocol

from headway.domain import changes
from headway.domain.changes import Work
from headway.domain.course_progress import CourseProgress
from headway.domain.enrolments import EnrolmentChange
from headway.domain.errors import (
    CourseNotFoundError,
    HeadwayError,
    QueueFullError,
    StoreUnavailableError,
    UnavailableError,
)
from headway.domain.holdings import CourseProgressKey
from headway.domain.presence import CourseProgressRestore
from headway.domain.runs import RunStart
from headway.domain.writes import CourseProgressRefresh, LessonWrite, Written

ATTEMPTS: Final = 50
"""How often a write that always loses to other processes is tried before it is refused with `StoreUnavailableError`."""

_LOOK_SECONDS: Final = 0.1  # between two checks whether a lock of another program is free


class Lost:
    """The outcome of a write that must be decided again, because another process has changed what it was decided on."""


class Held:
    """The outcome of a write that must be decided again when another program has released its lock."""


LOST: Final = Lost()
HELD: Final = Held()
Outcome = changes.Outcome | Exception | Lost | Held
"""The result of a stored work, the error that prevented it, or the request to decide it again."""


class CommitObserver(Protocol):
    """Is notified of every batch, for the metrics."""

    def batch_committed(self, size: int, seconds: float) -> None:
        """Report a batch of `size` writes that took `seconds` from its first statement until it was on disk."""


class Locks:
    """The locks of other programs that a store knows of. This base class knows none."""

    patience = 0.0
    """Seconds for which a write waits for such a lock before it is refused with `StoreUnavailableError`."""

    async def still_held(self, keys: AbstractSet[CourseProgressKey]) -> AbstractSet[CourseProgressKey]:
        """Return those of the keys that another program still locks."""
        return keys - keys


class _Waiting:
    """A work in the queue. No two batches may contain the same `key` at the same time."""

    __slots__ = ("attempts", "given_up_at", "key", "outcome", "work")

    def __init__(self, work: Work, outcome: asyncio.Future[Any]) -> None:
        self.work = work
        self.key = (work.learner_id, work.course_id)
        self.outcome = outcome
        self.attempts = 0
        self.given_up_at: float | None = None  # set when its lock is first found taken


class Committer:
    """The queue in front of a store's transactions.

    `commit_batch` applies writes in their order, in one transaction, and returns an outcome for each. Where it raises,
    none is stored, and every writer of the batch gets the error. `queue_limit` bounds the waiting writes, `batch_limit`
    the writes of one transaction. Up to `lanes` batches run at the same time. The writes of one learner in one course
    are never in two of them, so they keep their order. They are set aside while another program locks them, until
    `locks` says that they are free; the other writes continue.
    """

    def __init__(
        self,
        commit_batch: Callable[[Sequence[Work]], Awaitable[Sequence[Outcome]]],
        *,
        queue_limit: int,
        batch_limit: int,
        observer: CommitObserver,
        lanes: int = 1,
        locks: Locks | None = None,
    ) -> None:
        self._commit_batch = commit_batch
        self._locks = locks or Locks()
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._observer = observer
        self._lanes = lanes
        self._queue: deque[_Waiting] = deque()
        self._aside: deque[asyncio.Future[None]] = deque()
        self._someone_is_alone = False
        self._writes_go_first = False
        self._outages = 0
        self._under_way: set[CourseProgressKey] = set()
        self._held: set[CourseProgressKey] = set()
        self._watching: asyncio.Task[None] | None = None
        self._writes_under_way = 0
        self._batches: set[asyncio.Task[None]] = set()
        self._starting = False

    @property
    def waiting(self) -> int:
        """The number of writes in the queue, without those in the running batches."""
        return len(self._queue)

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold back the batches until the block is left, for work other than a write to one lesson.

        Raises `QueueFullError`, and `StoreUnavailableError` where the store became unavailable during the wait.
        """
        if len(self._queue) + len(self._aside) >= self._queue_limit:
            raise QueueFullError
        outages = self._outages
        await self._turn_alone()
        try:
            if self._outages != outages:
                raise StoreUnavailableError
            yield
        except UnavailableError as error:
            if self._outages == outages:
                self._refuse_waiting(error)
            raise
        finally:
            self._end_turn_alone()

    async def submit(self, write: LessonWrite) -> Written:
        """Return the result of a write when it is on disk. Raises `QueueFullError`, and the error that refused it."""
        written: Written = await self._submit(write)
        return written

    async def submit_each(self, writes: Sequence[LessonWrite]) -> Sequence[Written | HeadwayError]:
        """Return the result or the refusal of each write when they are on disk. Takes no task for each of them.

        Raises `UnavailableError`, after all have ended, where not all of them are stored.
        """
        outcomes: list[Written | HeadwayError] = []
        for first in range(0, len(writes), self._queue_limit):
            outcomes += await self._submit_each(writes[first : first + self._queue_limit])
        for outcome in outcomes:
            if isinstance(outcome, UnavailableError) or not isinstance(outcome, Written | HeadwayError):
                raise outcome
        return outcomes

    async def refresh(self, refresh: CourseProgressRefresh) -> None:
        """Return when the recalculated course progress is on disk. Raises the same errors as `submit`."""
        await self._submit(refresh)

    async def restore(self, asked: CourseProgressRestore) -> bool:
        """Return when restored course progress is on disk: whether it changed. Raises the same errors as `submit`."""
        changed: bool = await self._submit(asked)
        return changed

    async def begin_run(self, asked: RunStart) -> CourseProgress:
        """Return course progress when its new run is on disk. Raises the same errors as `submit`."""
        begun: CourseProgress = await self._submit(asked)
        return begun

    async def enrol(self, asked: EnrolmentChange) -> CourseProgress | None:
        """Return course progress when its changed enrolment is on disk. Raises the same errors as `submit`."""
        enrolled: CourseProgress | None = await self._submit(asked)
        return enrolled

    async def enrol_all(self, asked: Sequence[EnrolmentChange]) -> Sequence[bool]:
        """Return when all these changes are on disk, and of each `False` where the course has left the catalogue.

        Raises the same errors as `submit`, after all have ended. Takes no task for each of them.
        """
        outcomes = await self._submit_each(asked)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, CourseNotFoundError):
                raise outcome
        return [not isinstance(outcome, CourseNotFoundError) for outcome in outcomes]

    async def _submit_each(self, works: Sequence[Work]) -> list[Any]:
        """Return the outcome or the exception of each work, after all have ended. Raises `QueueFullError`."""
        if len(self._queue) + len(works) > self._queue_limit:
            raise QueueFullError
        return await asyncio.gather(*map(self._enqueued, works), return_exceptions=True)

    async def _submit(self, work: Work) -> Any:
        if len(self._queue) >= self._queue_limit:
            raise QueueFullError
        return await self._enqueued(work)

    def _enqueued(self, work: Work) -> asyncio.Future[Any]:
        """Queue a work, and return its future outcome."""
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(work, outcome))
        self._start_soon()
        return outcome

    async def close(self) -> None:
        """Return when all queued writes are committed."""
        while self._queue or self._batches:
            under_way = {*self._batches, *filter(None, [self._watching])}
            await (asyncio.wait(under_way, return_when=FIRST_COMPLETED) if under_way else asyncio.sleep(0))

    async def _turn_alone(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._aside.append(turn)
        self._start()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # cancelled in the moment in which its turn came
                self._end_turn_alone()
            raise

    def _end_turn_alone(self) -> None:
        self._someone_is_alone = False
        self._writes_go_first = True  # otherwise authors could keep learners waiting
        self._start()

    def _start_soon(self) -> None:
        """Start batches after all tasks that are ready have queued their writes, outside the context of any request."""
        if not self._starting:
            self._starting = True
            asyncio.get_running_loop().call_soon(self._start, context=Context())

    def _start(self) -> None:
        """Start work that waits to be alone, or otherwise as many batches as are worth it."""
        self._starting = False
        while self._aside and self._aside[0].done():  # cancelled during the wait
            self._aside.popleft()
        if self._someone_is_alone:
            return
        if self._aside and not (self._writes_go_first and self._queue):
            if not self._batches:
                self._someone_is_alone = True
                self._aside.popleft().set_result(None)
            return
        while self._is_worth_a_batch and (batch := self._next_batch()):
            self._writes_go_first = False
            self._under_way.update(waiting.key for waiting in batch)
            self._writes_under_way += len(batch)
            task = asyncio.create_task(self._run(batch), name="headway-batch", context=Context())
            self._batches.add(task)
            task.add_done_callback(self._ended)

    @property
    def _is_worth_a_batch(self) -> bool:
        """Whether a lane is free, and as many writes wait as are in running batches.

        Under load, few large batches cost less than many small ones.
        """
        return bool(self._queue) and len(self._batches) < self._lanes and len(self._queue) >= self._writes_under_way

    def _next_batch(self) -> list[_Waiting]:
        """Take the writes that may run now; the others keep their order in the queue."""
        batch: list[_Waiting] = []
        held: list[_Waiting] = []
        while self._queue and len(batch) < self._batch_limit:
            waiting = self._queue.popleft()
            has_to_wait = waiting.key in self._under_way or waiting.key in self._held
            (held if has_to_wait else batch).append(waiting)
        self._queue.extendleft(reversed(held))
        return batch

    async def _run(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._commit(batch)
        finally:
            self._under_way.difference_update(waiting.key for waiting in batch)
            self._writes_under_way -= len(batch)

    def _ended(self, batch: asyncio.Task[None]) -> None:
        self._batches.discard(batch)
        self._start()

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        started = perf_counter()
        outcomes: Sequence[Outcome]
        committed = False
        try:
            outcomes = await self._commit_batch([waiting.work for waiting in batch])
            committed = True
        except UnavailableError as error:
            outcomes = [error] * len(batch)
            self._refuse_waiting(error)
        except Exception as error:  # noqa: BLE001 - each waiting request gets the error, whatever it is
            if len(batch) > 1:  # the fault of one must not refuse the others
                for waiting in batch:
                    await self._commit([waiting])
                return
            outcomes = [error]
        seconds = perf_counter() - started
        again: list[_Waiting] = []
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Lost | Held):
                again.append(waiting)
            else:
                _resolve(waiting.outcome, outcome)
        if again:
            self._set_aside([waiting for waiting, outcome in zip(batch, outcomes, strict=True) if outcome is HELD])
            self._try_again(again)
        if committed and len(again) < len(batch):
            self._observer.batch_committed(len(batch) - len(again), seconds)

    def _try_again(self, lost: Sequence[_Waiting]) -> None:
        """Put writes back at the front of the queue, in their order; refuse those that were tried too often."""
        for waiting in reversed(lost):
            waiting.attempts += 1
            if waiting.attempts < ATTEMPTS:
                self._queue.appendleft(waiting)
            else:
                _resolve(waiting.outcome, StoreUnavailableError())

    def _set_aside(self, held: Sequence[_Waiting]) -> None:
        """Let writes wait until their lock is free, with all later writes of the same learner in the same course."""
        given_up_at = asyncio.get_running_loop().time() + self._locks.patience
        for waiting in held:
            waiting.attempts = 0  # a lock is no lost attempt
            waiting.given_up_at = waiting.given_up_at or given_up_at
            self._held.add(waiting.key)
        if self._held and self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="headway-locks", context=Context())

    async def _watch(self) -> None:
        """Check every `_LOOK_SECONDS` which locks are free, until all are."""
        try:
            while self._held:
                await asyncio.sleep(_LOOK_SECONDS)
                self._give_up_on_held()
                held = frozenset(self._held)
                with contextlib.suppress(UnavailableError):
                    self._held -= held - await self._locks.still_held(held)
                self._start()
        finally:
            self._watching = None

    def _give_up_on_held(self) -> None:
        """Refuse the writes that have waited long enough, and those behind them with the same key."""
        now = asyncio.get_running_loop().time()
        late = {one.key for one in self._queue if one.given_up_at is not None and one.given_up_at <= now}
        given_up = [waiting for waiting in self._queue if waiting.key in late]
        self._queue = deque(waiting for waiting in self._queue if waiting.key not in late)
        for waiting in given_up:
            _resolve(waiting.outcome, StoreUnavailableError())

    def _refuse_waiting(self, error: UnavailableError) -> None:
        """Refuse the writes in the queue now: they have already waited."""
        self._outages += 1
        while self._queue:
            _resolve(self._queue.popleft().outcome, error)


def _resolve(future: asyncio.Future[Any], outcome: changes.Outcome | Exception) -> None:
    if future.done():  # the request was cancelled
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
