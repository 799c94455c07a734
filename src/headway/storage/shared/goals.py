"""Learners' goals for each week: the Goals protocol."""

from collections.abc import Callable
from datetime import date, datetime

from headway.domain.dating import microseconds
from headway.domain.goals import Goal
from headway.domain.identifiers import LearnerId
from headway.storage.shared import statements as sql
from headway.storage.shared.session import Row, Session, to_date


class StoredGoals:
    """The goals in a database."""

    def __init__(self, session: Session, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._clock = clock

    async def find(self, learner_id: LearnerId) -> Goal | None:
        """Return a learner's goal; `None` where there is none."""
        found = await self._session.fetch(sql.FIND_GOAL, learner_id)
        return to_goal(found[0]) if found else None

    async def put(self, learner_id: LearnerId, days_per_week: int, today: date) -> Goal:
        """Store a goal, new or in place of the present one."""
        [stored] = await self._session.change(sql.PUT_GOAL, learner_id, days_per_week, today, self._version())
        return to_goal(stored)

    async def restore(self, learner_id: LearnerId, days_per_week: int, since: date) -> bool:
        """Store a goal where the learner has none. Return whether it was stored."""
        return bool(await self._session.change(sql.RESTORE_GOAL, learner_id, days_per_week, since, self._version()))

    async def remove(self, learner_id: LearnerId) -> None:
        """Remove a learner's goal."""
        await self._session.change(sql.REMOVE_GOAL, learner_id)

    def _version(self) -> int:
        return microseconds(self._clock())


def to_goal(columns: Row) -> Goal:
    """Return a row of `goals`."""
    learner_id, days_per_week, since, version = columns
    return Goal(LearnerId(str(learner_id)), days_per_week, to_date(since), version)
