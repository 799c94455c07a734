"""The table of courses whose last edit is still being derived for learners already under way."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from headway.domain.identifiers import CourseId, LearnerId
from headway.storage.port import Rederivation
from headway.storage.postgres import statements as sql
from headway.storage.postgres.database import Database
from headway.storage.postgres.figures import FIRST_LEARNER, next_learner

_LEASE: Final = timedelta(minutes=1)


class Rederivations:
    """What is still to be derived, and who is at it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, course_id: CourseId) -> Rederivation | None:
        """How far it is with a course."""
        found = await self._database.fetch(sql.REDERIVATION, course_id)
        return Rederivation(*found[0]) if found else None

    async def take(self, now: datetime) -> Rederivation | None:
        """One that nobody works on, from now on one's own."""
        free = await self._database.fetch(sql.FREE_REDERIVATION, now)
        if not free:
            return None
        course_id, version, *_ = free[0]
        taken = await self._database.change(sql.TAKE_REDERIVATION, now + _LEASE, course_id, version, now)
        return Rederivation(*taken[0]) if taken else None

    async def next_learners(self, under_way: Rederivation, limit: int) -> Sequence[LearnerId]:
        """The learners that come next."""
        first = FIRST_LEARNER if under_way.after is None else next_learner(under_way.after)
        asked = (under_way.course_id, first, under_way.version, limit)
        return [learner_id for (learner_id,) in await self._database.fetch(sql.LEARNERS_TO_REDERIVE, *asked)]

    async def advance(self, under_way: Rederivation, now: datetime) -> bool:
        """Note how far it is; answers whether it is still the course's last edit."""
        noted = (under_way.done, under_way.after, now + _LEASE, under_way.course_id, under_way.version)
        return bool(await self._database.change(sql.ADVANCE_REDERIVATION, *noted))

    async def finish(self, under_way: Rederivation) -> None:
        """Note that nothing is left to do."""
        await self._database.change(sql.FINISH_REDERIVATION, under_way.course_id, under_way.version)
