"""Deriving what follows from courses' edits for learners already under way, in the background.

The state of the work is in the store, so it goes on where it was after a kill, and in whichever process takes it.
Learners who write meanwhile are brought under the present version by their own writes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from headway.domain.errors import CourseNotFoundError, UnavailableError
from headway.domain.identifiers import CourseId, LearnerId
from headway.logs import get_logger
from headway.storage.port import Rederivation, Store

_log = get_logger("headway.service")

_BATCH: Final = 200  # learners between two notes of how far it is
_AT_A_TIME: Final = 32  # learners side by side, of however many writes may wait: learners' own writes go first
_SECONDS_BETWEEN_LOOKS: Final = 1.0
_SECONDS_AFTER_TROUBLE: Final = 5.0


class Rederiver:
    """Looks for work about once a second, at once after `wake`, and does it, until it is stopped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._woken: asyncio.Event | None = None

    def wake(self) -> None:
        """There may be something to do."""
        if self._woken is not None:
            self._woken.set()

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work until the block is left."""
        self._woken = asyncio.Event()  # of this loop: an application may be started once more in another one
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _work(self) -> None:
        while True:
            try:
                under_way = await self._store.take_rederivation()
                if under_way is None:
                    await self._pause(_SECONDS_BETWEEN_LOOKS)
                else:
                    await self._derive(under_way)
            except UnavailableError:  # the store has said in the log what is wrong
                await asyncio.sleep(_SECONDS_AFTER_TROUBLE)
            except Exception:  # noqa: BLE001 - the service goes on, and this is tried again
                _log.exception("rederivation_failed")
                await asyncio.sleep(_SECONDS_AFTER_TROUBLE)

    async def _pause(self, seconds: float) -> None:
        if self._woken is None:
            return
        # Not wait_for: where both come at once, that loses the cancellation by which the work is stopped.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()

    async def _derive(self, under_way: Rederivation) -> None:
        """All that is left of one, unless the course is edited again or removed meanwhile: that is taken up anew."""
        facts = {"course_id": under_way.course_id, "version": under_way.version, "learners": under_way.learners}
        _log.info("rederivation_started", **facts, done=under_way.done)
        while True:
            try:
                learners = await self._store.learners_to_rederive(under_way, _BATCH)
                await self._refresh(under_way.course_id, learners)
                if learners:
                    under_way = under_way._replace(done=under_way.done + len(learners), after=learners[-1])
                if not await self._store.advance_rederivation(under_way):
                    _log.info("rederivation_overtaken", **facts, done=under_way.done)
                    return
                if len(learners) < _BATCH:
                    await self._store.finish_rederivation(under_way)
                    _log.info("rederivation_finished", **facts, done=under_way.done)
                    return
            except CourseNotFoundError:
                _log.info("rederivation_overtaken", **facts, done=under_way.done)
                await self._pause(_SECONDS_BETWEEN_LOOKS)
                return
            except UnavailableError:
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def _refresh(self, course_id: CourseId, learners: Sequence[LearnerId]) -> None:
        """Bring these learners under the course's present version. Raises what the store raised first."""
        waiting = iter(learners)
        outcomes = await asyncio.gather(
            *(self._refresh_each(course_id, waiting) for _ in range(min(_AT_A_TIME, len(learners)))),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _refresh_each(self, course_id: CourseId, waiting: Iterator[LearnerId]) -> None:
        for learner_id in waiting:
            await self._store.refresh(learner_id, course_id)
