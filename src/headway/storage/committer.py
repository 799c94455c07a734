"""Group commit: however many writes are waiting, one transaction takes them all.

While one batch is on its way to the disk the next one gathers, so that a batch grows with the load and a single
write still goes out at once. Nothing is acknowledged before its transaction is on disk.
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
from headway.domain.changes import Key, Work
from headway.domain.errors import QueueFullError, StoreUnavailableError, UnavailableError
from headway.domain.presence import CourseProgressRestore
from headway.domain.writes import CourseProgressRefresh, LessonWrite, Written

ATTEMPTS: Final = 50
"""How often a write that loses every race is tried before its sender is told to come back."""

_LOOK_SECONDS: Final = 0.1  # between two looks whether a lock that somebody else holds is free


class Lost:
    """The outcome of a write that was decided on rows which another process has changed since: decide it again."""


class Held:
    """The outcome of a write whose learner's course somebody else has locked: decide it again when it is free."""


LOST: Final = Lost()
HELD: Final = Held()
Outcome = changes.Outcome | Exception | Lost | Held
"""What became of a work that is decided and stored, an error that befell it, or that it is to be decided again."""


class CommitObserver(Protocol):
    """Told of every batch; the metrics are one."""

    def batch_committed(self, size: int, seconds: float) -> None:
        """A batch of `size` writes took `seconds` from its first statement to the disk."""


class Locks:
    """What a store knows of locks that others hold; this one, that there are none."""

    patience = 0.0
    """Seconds for which a write waits for such a lock before its sender is told to come back."""

    async def still_held(self, keys: AbstractSet[Key]) -> AbstractSet[Key]:
        """Those of these that somebody else still holds."""
        return keys - keys


class _Waiting:
    """A write in the queue; `key` is what no two batches may work on at once."""

    __slots__ = ("attempts", "given_up_at", "key", "outcome", "work")

    def __init__(self, work: Work, outcome: asyncio.Future[Any]) -> None:
        self.work = work
        self.key = (work.learner_id, work.course_id)
        self.outcome = outcome
        self.attempts = 0
        self.given_up_at: float | None = None  # set when somebody else is first found to hold its lock


class Committer:
    """The one queue in front of a store's transactions.

    `commit_batch` applies writes in their order, in one transaction, and answers an outcome for each; where it
    raises, none was stored and every writer of the batch is told so. `queue_limit` bounds the writes waiting,
    `batch_limit` those of one transaction. Up to `lanes` batches are under way at once, never two with writes of the
    same learner in the same course: those keep their order. Writes of a learner's course that somebody else has
    locked are set aside until `locks` says that it is free; the others go on.
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
        self._under_way: set[Key] = set()
        self._held: set[Key] = set()
        self._watching: asyncio.Task[None] | None = None
        self._writes_under_way = 0
        self._batches: set[asyncio.Task[None]] = set()
        self._starting = False

    @property
    def waiting(self) -> int:
        """Writes in the queue, not counting those of the batches under way."""
        return len(self._queue)

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Have the store to oneself, between two batches, for work that is no single lesson's write.

        Raises `QueueFullError`, and `StoreUnavailableError` where the store became unavailable meanwhile.
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
        """Wait until the write is on disk. Raises `QueueFullError`, or whatever refused the write."""
        written: Written = await self._submit(write)
        return written

    async def refresh(self, refresh: CourseProgressRefresh) -> None:
        """Wait until course progress that was made anew is on disk. Raises as `submit` does."""
        await self._submit(refresh)

    async def restore(self, asked: CourseProgressRestore) -> bool:
        """Wait until course progress is on disk as an export says; answers whether it changed. Raises as `submit`."""
        changed: bool = await self._submit(asked)
        return changed

    async def _submit(self, work: Work) -> Any:
        if len(self._queue) >= self._queue_limit:
            raise QueueFullError
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(work, outcome))
        self._start_soon()
        return await outcome

    async def close(self) -> None:
        """Return when all that was queued is committed."""
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
            if turn.done() and not turn.cancelled():  # given and taken back in the same moment
                self._end_turn_alone()
            raise

    def _end_turn_alone(self) -> None:
        self._someone_is_alone = False
        self._writes_go_first = True  # else authors could keep learners waiting
        self._start()

    def _start_soon(self) -> None:
        """Start when whatever else is ready to write has written, in a context that is no single request's."""
        if not self._starting:
            self._starting = True
            asyncio.get_running_loop().call_soon(self._start, context=Context())

    def _start(self) -> None:
        """Start what may go now: someone who waits to be alone, or else as many batches as are worth it."""
        self._starting = False
        while self._aside and self._aside[0].done():  # gone meanwhile
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
        """Whether a lane is free, and as many writes wait as are under way: under load few large batches cost less."""
        return bool(self._queue) and len(self._batches) < self._lanes and len(self._queue) >= self._writes_under_way

    def _next_batch(self) -> list[_Waiting]:
        """Take what may go out now, leaving the rest in its order."""
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
        except Exception as error:  # noqa: BLE001 - whatever it is, each waiting request is told
            if len(batch) > 1:  # it is a fault of one of them, and no reason to refuse the others
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
        """Put writes back to the front of the queue, in their order."""
        for waiting in reversed(lost):
            waiting.attempts += 1
            if waiting.attempts < ATTEMPTS:
                self._queue.appendleft(waiting)
            else:
                _resolve(waiting.outcome, StoreUnavailableError())

    def _set_aside(self, held: Sequence[_Waiting]) -> None:
        """Let these, and what comes after them in the same learner's course, wait while somebody holds its lock."""
        given_up_at = asyncio.get_running_loop().time() + self._locks.patience
        for waiting in held:
            waiting.attempts = 0  # it has lost no race
            waiting.given_up_at = waiting.given_up_at or given_up_at
            self._held.add(waiting.key)
        if self._held and self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="headway-locks", context=Context())

    async def _watch(self) -> None:
        """Look again and again which locks are free, until all are."""
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
        """Tell those who have waited long enough to come back, and those behind them in their courses with them."""
        now = asyncio.get_running_loop().time()
        late = {one.key for one in self._queue if one.given_up_at is not None and one.given_up_at <= now}
        given_up = [waiting for waiting in self._queue if waiting.key in late]
        self._queue = deque(waiting for waiting in self._queue if waiting.key not in late)
        for waiting in given_up:
            _resolve(waiting.outcome, StoreUnavailableError())

    def _refuse_waiting(self, error: UnavailableError) -> None:
        """Tell those behind now, who have waited as long: not after a wait of their own."""
        self._outages += 1
        while self._queue:
            _resolve(self._queue.popleft().outcome, error)


def _resolve(future: asyncio.Future[Any], outcome: Written | Exception | bool | None) -> None:
    if future.done():  # the request was cancelled meanwhile
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
