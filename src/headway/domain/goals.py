"""The goal that a learner sets for each week: on how many days to be active. And the streak of weeks that met it."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final, NamedTuple

from headway.domain.activity import week_of
from headway.domain.identifiers import LearnerId

MOST_DAYS: Final = 7

_WEEK: Final = timedelta(weeks=1)


class Goal(NamedTuple):
    """A learner's goal: to be active on `days_per_week` days of each week.

    Weeks count from the one with the day `since` on, which is the day on which the learner first set a goal. The
    version changes with every change.
    """

    learner_id: LearnerId
    days_per_week: int
    since: date
    version: int


class GoalRestore(NamedTuple):
    """A learner's goal as an export holds it. It is stored where the learner has none."""

    learner_id: LearnerId
    days_per_week: int
    since: date


class GoalReading(NamedTuple):
    """A goal, and how the learner is doing in the week that begins on `week`.

    `active_days` is the number of active days of this week so far. `streak` is the number of weeks in a row that met
    the goal, up to now.
    """

    goal: Goal
    week: date
    active_days: int
    streak: int

    @property
    def is_met(self) -> bool:
        """Whether this week has met the goal already."""
        return self.active_days >= self.goal.days_per_week


def read_goal(goal: Goal, days: Iterable[date], today: date, first_weekday: int) -> GoalReading:
    """Return how the learner is doing, with the learner's active days over all courses.

    A week counts by its days alone, under the present goal: also a week in which the goal was another one, and all
    days of the week in which the goal was set. The present week adds to the streak as soon as it meets the goal, and
    does not break the streak before it is over. Days after today are ignored, and so are days before those weeks.
    """
    counts: dict[date, int] = {}
    for day in {day for day in days if day <= today}:
        week = week_of(day, first_weekday)
        counts[week] = counts.get(week, 0) + 1
    this_week = week_of(today, first_weekday)
    active_days = counts.get(this_week, 0)
    streak = int(active_days >= goal.days_per_week)
    first, week = week_of(goal.since, first_weekday), this_week - _WEEK
    while week >= first and counts.get(week, 0) >= goal.days_per_week:
        streak += 1
        week -= _WEEK
    return GoalReading(goal, this_week, active_days, streak)
