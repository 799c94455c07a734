"""The courses with a running recalculation, and the leases of the processes that work on them."""

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
    """The running recalculations in a database."""

    def __init__(self, session: Session, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._clock = clock

    async def find(self, course_id: CourseId) -> Recalculation | None:
        """Return a course's recalculation; `None` where none is running."""
        found = await self._session.fetch(sql.RECALCULATION, course_id)
        return Recalculation(*found[0]) if found else None

    async def take(self) -> Recalculation | None:
        """Lease a recalculation that nobody works on; `None` where there is none."""
        now = self._clock()
        free = await self._session.fetch(sql.FREE_RECALCULATION, now)
        if not free:
            return None
        course_id, version, *_ = free[0]
        taken = await self._session.change(sql.TAKE_RECALCULATION, now + _LEASE, course_id, version, now)
        return Recalculation(*taken[0]) if taken else None

    async def next_learners(self, under_way: Recalculation, limit: int) -> Sequence[LearnerId]:
        """Return the next learners, at most `limit`, by id."""
        first = FIRST_ID if under_way.after is None else next_learner(under_way.after)
        if first is None:
            return ()
        asked = (under_way.course_id, first, under_way.version, limit)
        return [learner_id for (learner_id,) in await self._session.scan(sql.LEARNERS_TO_RECALCULATE, *asked)]

    async def advance(self, under_way: Recalculation) -> bool:
        """Record how far it is, and extend the lease. Return false where the course has been edited again."""
        noted = (under_way.done, under_way.after, self._clock() + _LEASE, under_way.course_id, under_way.version)
        return bool(await self._session.change(sql.ADVANCE_RECALCULATION, *noted))

    async def finish(self, under_way: Recalculation) -> None:
        """Remove the record of a finished recalculation."""
        await self._session.change(sql.FINISH_RECALCULATION, under_way.course_id, under_way.version)
