"""The goals that learners set for each week."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime

from headway.domain.activity import week_of
from headway.domain.errors import GoalNotFoundError
from headway.domain.goals import Goal, GoalReading, read_goal
from headway.domain.holdings import CourseProgressReading
from headway.domain.identifiers import LearnerId
from headway.domain.ports import Store
from headway.domain.principal import LEARNERS_ADMIN, Principal


class GoalsService:
    """Learners' goals. Every method needs `learners:admin`, unless the caller is that learner.

    The weeks begin with `first_weekday` (Monday is 0). Every method may raise `UnavailableError` and what its store
    raises.
    """

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._clock = clock

    async def goal(self, principal: Principal, learner_id: LearnerId, first_weekday: int) -> GoalReading:
        """Return a learner's goal, and how the learner is doing this week. Raises `GoalNotFoundError`."""
        _check(principal, learner_id)
        goal = await self._store.goals.find(learner_id)
        if goal is None:
            raise GoalNotFoundError(learner_id)
        return await self._read(goal, await self._today(learner_id), first_weekday)

    async def put(
        self, principal: Principal, learner_id: LearnerId, days_per_week: int, first_weekday: int
    ) -> GoalReading:
        """Set a learner's goal, new or in place of the present one."""
        _check(principal, learner_id)
        today = await self._today(learner_id)
        return await self._read(await self._store.goals.put(learner_id, days_per_week, today), today, first_weekday)

    async def remove(self, principal: Principal, learner_id: LearnerId) -> None:
        """Remove a learner's goal, if there is one."""
        _check(principal, learner_id)
        await self._store.goals.remove(learner_id)

    async def _today(self, learner_id: LearnerId) -> date:
        return today_of(await self._store.learner_courses(learner_id), self._clock())

    async def _read(self, goal: Goal, today: date, first_weekday: int) -> GoalReading:
        days = await self._store.active_days(goal.learner_id, None, week_of(min(goal.since, today), first_weekday))
        return read_goal(goal, [day.date for day in days], today, first_weekday)


def today_of(readings: Iterable[CourseProgressReading], now: datetime) -> date:
    """Return a learner's present day over all courses: the latest in the time zones of the learner's courses."""
    return max((reading.course.date_of(now) for reading in readings), default=now.date())


def _check(principal: Principal, learner_id: LearnerId) -> None:
    """Raise `MissingScopeError` unless the caller is the learner, or has `learners:admin`."""
    if principal.learner_id != learner_id:
        principal.require(LEARNERS_ADMIN)
