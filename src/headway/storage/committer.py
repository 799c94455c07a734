"""Group commit: however many writes are waiting, one transaction takes them all.

While one batch is on its way to the disk the next one gathers, so that a batch grows with the load and a single
write still goes out at once. Nothing is acknowledged before its transaction is on disk.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import Context
from time import perf_counter
from typing import Final, Protocol

from headway.domain.errors import QueueFullError, StoreUnavailableError, UnavailableError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.writes import LessonWrite, Written

ATTEMPTS: Final = 50
"""How often a write that loses every race is tried before its sender is told to come back."""


class Lost:
    """The outcome of a write that was decided on rows which another process has changed since: decide it again."""


LOST: Final = Lost()
Outcome = Written | Exception | Lost


class CommitObserver(Protocol):
    """Told of every batch; the metrics are one."""

    def batch_committed(self, size: int, seconds: float) -> None:
        """A batch of `size` writes took `seconds` from its first statement to the disk."""


class _Waiting:
    """A write in the queue; `standing` is what no two batches may work on at once."""

    __slots__ = ("attempts", "outcome", "standing", "write")

    def __init__(self, write: LessonWrite, outcome: asyncio.Future[Written]) -> None:
        self.write = write
        self.standing = (write.learner_id, write.course_id)
        self.outcome = outcome
        self.attempts = 0


class Committer:
    """The one queue in front of a store's transactions.

    `commit_batch` applies writes in their order, in one transaction, and answers an outcome for each; where it
    raises, none was stored and every writer of the batch is told so. `queue_limit` bounds the writes waiting,
    `batch_limit` those of one transaction. Up to `lanes` batches are under way at once, never two with writes of the
    same learner in the same course: those keep their order.
    """

    def __init__(
        self,
        commit_batch: Callable[[Sequence[LessonWrite]], Awaitable[Sequence[Outcome]]],
        *,
        queue_limit: int,
        batch_limit: int,
        observer: CommitObserver,
        lanes: int = 1,
    ) -> None:
        self._commit_batch = commit_batch
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._observer = observer
        self._queue: deque[_Waiting] = deque()
        self._aside = 0
        self._outages = 0
        self._lane_count = lanes
        self._lanes = asyncio.Semaphore(lanes)
        self._all_lanes = asyncio.Lock()
        self._under_way: set[tuple[LearnerId, CourseId]] = set()
        self._batches: set[asyncio.Task[None]] = set()
        self._drain_task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Writes in the queue, not counting those of the batches under way."""
        return len(self._queue)

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold every lane, between two batches, for work that is no single lesson's write.

        Raises `QueueFullError`, and `StoreUnavailableError` where the store became unavailable meanwhile.
        """
        if len(self._queue) + self._aside >= self._queue_limit:
            raise QueueFullError
        outages = self._outages
        self._aside += 1
        try:
            async with self._every_lane():
                if self._outages != outages:
                    raise StoreUnavailableError
                try:
                    yield
                except UnavailableError as error:
                    self._refuse_waiting(error)
                    raise
        finally:
            self._aside -= 1

    async def submit(self, write: LessonWrite) -> Written:
        """Wait until the write is on disk. Raises `QueueFullError`, or whatever refused the write."""
        if len(self._queue) >= self._queue_limit:
            raise QueueFullError
        outcome: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(write, outcome))
        self._drain_soon()
        return await outcome

    async def close(self) -> None:
        """Return when all that was queued is committed."""
        while self._drain_task is not None or self._batches:
            await asyncio.wait([*self._batches, *([self._drain_task] if self._drain_task else [])])

    @contextlib.asynccontextmanager
    async def _every_lane(self) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as held:
            async with self._all_lanes:  # one after the other, or two could wait for each other's lanes
                for _ in range(self._lane_count):
                    await held.enter_async_context(self._lanes)
            yield

    def _drain_soon(self) -> None:
        if self._drain_task is None:
            # In a context of its own: what it logs belongs to no single request.
            self._drain_task = asyncio.create_task(self._drain(), name="headway-committer", context=Context())

    async def _drain(self) -> None:
        """Start batches until no write is waiting; the next one starts another drain."""
        try:
            while self._queue:
                await self._lanes.acquire()
                batch = self._next_batch()
                if batch:
                    task = asyncio.create_task(self._run(batch), name="headway-batch", context=Context())
                    self._batches.add(task)
                    task.add_done_callback(self._batches.discard)
                    continue
                self._lanes.release()
                if self._batches:  # all that waits is for rows that are being written
                    await asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._drain_task = None

    def _next_batch(self) -> list[_Waiting]:
        """Take what may go out now, leaving the rest in its order."""
        batch: list[_Waiting] = []
        held: list[_Waiting] = []
        while self._queue and len(batch) < self._batch_limit:
            waiting = self._queue.popleft()
            (held if waiting.standing in self._under_way else batch).append(waiting)
        self._queue.extendleft(reversed(held))
        return batch

    async def _run(self, batch: Sequence[_Waiting]) -> None:
        standings = {waiting.standing for waiting in batch}
        self._under_way |= standings
        try:
            await self._commit(batch)
        finally:
            self._under_way -= standings
            self._lanes.release()

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        started = perf_counter()
        outcomes: Sequence[Outcome]
        committed = False
        try:
            outcomes = await self._commit_batch([waiting.write for waiting in batch])
            committed = True
        except UnavailableError as error:
            outcomes = [error] * len(batch)
            self._refuse_waiting(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, each waiting request is told
            outcomes = [error] * len(batch)
        seconds = perf_counter() - started
        again: list[_Waiting] = []
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Lost):
                again.append(waiting)
            else:
                _resolve(waiting.outcome, outcome)
        if again:
            self._try_again(again)
        if committed:
            self._observer.batch_committed(len(batch), seconds)

    def _try_again(self, lost: Sequence[_Waiting]) -> None:
        """Put writes back to the front of the queue, in their order."""
        for waiting in reversed(lost):
            waiting.attempts += 1
            if waiting.attempts < ATTEMPTS:
                self._queue.appendleft(waiting)
            else:
                _resolve(waiting.outcome, StoreUnavailableError())
        self._drain_soon()

    def _refuse_waiting(self, error: UnavailableError) -> None:
        """Tell those behind now, who have waited as long: not after a wait of their own."""
        self._outages += 1
        while self._queue:
            _resolve(self._queue.popleft().outcome, error)


def _resolve(future: asyncio.Future[Written], outcome: Written | Exception) -> None:
    if future.done():  # the request was cancelled meanwhile
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
