"""Courses whose last edit is still being worked out for learners already under way, and who works on it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from headway.domain.edits import Recalculation
from headway.domain.identifiers import CourseId, LearnerId
from headway.storage.shared import statements as sql
from headway.storage.shared.ids import FIRST_ID, next_learner
from headway.storage.shared.session import Session

_LEASE: Final = timedelta(minutes=1)


class Recalculations:
    """What is still to be recalculated, and who is at it."""

    def __init__(self, session: Session, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._clock = clock

    async def find(self, course_id: CourseId) -> Recalculation | None:
        """How far it is with a course."""
        found = await self._session.fetch(sql.RECALCULATION, course_id)
        return Recalculation(*found[0]) if found else None

    async def take(self) -> Recalculation | None:
        """One that nobody works on, from now on one's own."""
        now = self._clock()
        free = await self._session.fetch(sql.FREE_RECALCULATION, now)
        if not free:
            return None
        course_id, version, *_ = free[0]
        taken = await self._session.change(sql.TAKE_RECALCULATION, now + _LEASE, course_id, version, now)
        return Recalculation(*taken[0]) if taken else None

    async def next_learners(self, under_way: Recalculation, limit: int) -> Sequence[LearnerId]:
        """The learners that come next."""
        first = FIRST_ID if under_way.after is None else next_learner(under_way.after)
        if first is None:
            return ()
        asked = (under_way.course_id, first, under_way.version, limit)
        return [learner_id for (learner_id,) in await self._session.scan(sql.LEARNERS_TO_RECALCULATE, *asked)]

    async def advance(self, under_way: Recalculation) -> bool:
        """Note how far it is; answers whether it is still the course's last edit."""
        noted = (under_way.done, under_way.after, self._clock() + _LEASE, under_way.course_id, under_way.version)
        return bool(await self._session.change(sql.ADVANCE_RECALCULATION, *noted))

    async def finish(self, under_way: Recalculation) -> None:
        """Note that nothing is left to do."""
        await self._session.change(sql.FINISH_RECALCULATION, under_way.course_id, under_way.version)
