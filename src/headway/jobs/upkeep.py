"""The jobs that keep the store in order.

They recalculate course progress after an edit of a course, finish what was interrupted, and remove what nobody needs.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from headway.domain.edits import Recalculation
from headway.domain.errors import CourseNotFoundError, UnavailableError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.ports import Store
from headway.logs import get_logger

_log = get_logger("headway.jobs")

_BATCH: Final = 200  # learners between two notes of the position
_AT_A_TIME: Final = 32  # learners at the same time: few, so that learners' own writes do not wait
_SECONDS_BETWEEN_LOOKS: Final = 1.0
_SECONDS_BETWEEN_PUBLICATIONS: Final = 0.05


class Recalculator:
    """Recalculates one edit after the other. Learners who write meanwhile are recalculated by their own writes."""

    name = "recalculation"
    seconds_between_looks = _SECONDS_BETWEEN_LOOKS

    def __init__(self, store: Store) -> None:
        self._store = store

    async def work(self) -> bool:
        """Take one edit that no process works on, and finish it. Return whether there may be another."""
        under_way = await self._store.take_recalculation()
        return under_way is not None and await self._recalculate(under_way)

    async def _recalculate(self, under_way: Recalculation) -> bool:
        """Recalculate the remaining learners. Stop where the course is edited again or removed meanwhile."""
        facts = {"course_id": under_way.course_id, "version": under_way.version, "learners": under_way.learners}
        _log.info("recalculation_started", **facts, done=under_way.done)
        while True:
            try:
                learners = await self._store.learners_to_recalculate(under_way, _BATCH)
                await self._refresh(under_way.course_id, learners)
                if learners:
                    under_way = under_way._replace(done=under_way.done + len(learners), after=learners[-1])
                if not await self._store.advance_recalculation(under_way):
                    _log.info("recalculation_overtaken", **facts, done=under_way.done)
                    return True
                if len(learners) < _BATCH:
                    await self._store.finish_recalculation(under_way)
                    _log.info("recalculation_finished", **facts, done=under_way.done)
                    return True
            except CourseNotFoundError:
                _log.info("recalculation_overtaken", **facts, done=under_way.done)
                return False
            except UnavailableError:
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def _refresh(self, course_id: CourseId, learners: Sequence[LearnerId]) -> None:
        """Recalculate these learners under the course's present version. Raises the store's first error."""
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


class Finisher:
    """Looks once a second for an atomic import that a killed process has left."""

    name = "finish_interrupted"
    seconds_between_looks = 1.0

    def __init__(self, store: Store) -> None:
        self._store = store

    async def work(self) -> bool:
        """Finish an interrupted import. Return `False`: one look finishes all."""
        await self._store.finish_interrupted()
        return False


class Publisher:
    """Publishes events a moment after the changes that they tell of. It looks once a second, and when it is woken."""

    name = "publish_events"
    seconds_between_looks = 1.0

    def __init__(self, store: Store) -> None:
        self._store = store

    async def work(self) -> bool:
        """Publish some events. Return whether there may be more."""
        taken = await self._store.events.publish()
        # Writes wake it all the time. With the pause, one transaction publishes many events.
        await asyncio.sleep(_SECONDS_BETWEEN_PUBLICATIONS)
        return taken > 0


class Enroller:
    """Looks every few seconds for changes of groups' enrolments that a killed process has left."""

    name = "enrol_members"
    seconds_between_looks = 5.0

    def __init__(self, store: Store) -> None:
        self._store = store

    async def work(self) -> bool:
        """Finish all changes. Return `False`: one look finishes all."""
        await self._store.groups.settle()
        return False


class Sweeper:
    """Looks once a minute for imports, sign-in codes and events that are over, and for what erased learners left."""

    name = "sweep"
    seconds_between_looks = 60.0

    def __init__(self, store: Store) -> None:
        self._store = store

    async def work(self) -> bool:
        """Remove what is over. Return `False`: one look removes all."""
        await self._store.sweep()
        return False
