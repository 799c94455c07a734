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
from typing import NamedTuple, Protocol

from headway.domain.errors import QueueFullError, StoreUnavailableError, UnavailableError
from headway.domain.writes import LessonWrite, Written

Outcome = Written | Exception


class CommitObserver(Protocol):
    """Told of every batch; the metrics are one."""

    def batch_committed(self, size: int, seconds: float) -> None:
        """A batch of `size` writes took `seconds` from its first statement to the disk."""


class _Waiting(NamedTuple):
    write: LessonWrite
    outcome: asyncio.Future[Written]


class Committer:
    """The one queue in front of a store's transactions.

    `commit_batch` applies writes in their order, in one transaction, and answers an outcome for each; where it
    raises, none was stored and every writer of the batch is told so. `queue_limit` bounds the writes waiting,
    `batch_limit` those of one transaction.
    """

    def __init__(
        self,
        commit_batch: Callable[[Sequence[LessonWrite]], Awaitable[Sequence[Outcome]]],
        *,
        queue_limit: int,
        batch_limit: int,
        observer: CommitObserver,
    ) -> None:
        self._commit_batch = commit_batch
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._observer = observer
        self._queue: deque[_Waiting] = deque()
        self._aside = 0
        self._outages = 0
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Writes in the queue, not counting the batch under way."""
        return len(self._queue)

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold the store's only writing turn, between two batches, for work that is no single lesson's write.

        Raises `QueueFullError`, and `StoreUnavailableError` where the store became unavailable meanwhile.
        """
        if len(self._queue) + self._aside >= self._queue_limit:
            raise QueueFullError
        outages = self._outages
        self._aside += 1
        try:
            async with self._turn:
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
        if self._task is None:
            # In a context of its own: what it logs belongs to no single request.
            self._task = asyncio.create_task(self._drain(), name="headway-committer", context=Context())
        return await outcome

    async def close(self) -> None:
        """Return when all that was queued is committed."""
        while self._task is not None:
            await self._task

    async def _drain(self) -> None:
        """Commit batches until none is waiting; the next write starts another drain."""
        try:
            while self._queue:
                async with self._turn:
                    size = min(len(self._queue), self._batch_limit)
                    if size:  # whoever had the turn before may have refused all that waited
                        await self._commit([self._queue.popleft() for _ in range(size)])
        finally:
            self._task = None

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        started = perf_counter()
        outcomes: Sequence[Outcome]
        try:
            outcomes = await self._commit_batch([waiting.write for waiting in batch])
        except UnavailableError as error:
            outcomes = [error] * len(batch)
            self._refuse_waiting(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, each waiting request is told
            outcomes = [error] * len(batch)
        else:
            self._observer.batch_committed(len(batch), perf_counter() - started)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            _resolve(waiting.outcome, outcome)

    def _refuse_waiting(self, error: UnavailableError) -> None:
        """Tell those behind now, who have waited as long: not after a wait of their own."""
        self._outages += 1
        while self._queue:
            _resolve(self._queue.popleft().outcome, error)


def _resolve(future: asyncio.Future[Written], outcome: Outcome) -> None:
    if future.done():  # the request was cancelled meanwhile
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
