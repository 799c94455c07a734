"""Formats of a learner's goal for each week."""

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from headway.domain.goals import MOST_DAYS, GoalReading
from headway.formats.fields import DaysPerWeek


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class GoalParameters(BaseModel):
    """How the answer counts weeks."""

    first_weekday: Annotated[Weekday, Field(description="The day with which weeks begin.")] = Weekday.MONDAY

    @property
    def first(self) -> int:
        """The number of that day; Monday is 0."""
        return list(Weekday).index(self.first_weekday)


class NewGoal(BaseModel):
    """What a learner sets."""

    model_config = ConfigDict(strict=True, extra="forbid")

    days_per_week: Annotated[DaysPerWeek, Field(description="Active days that a week is to have.")]


class Goal(BaseModel):
    """A learner's goal, and how the learner is doing."""

    days_per_week: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    since: Annotated[dt.date, Field(description="Weeks count from the one with this day on.")]
    week: Annotated[dt.date, Field(description="The first day of this week.")]
    active_days: Annotated[int, Field(ge=0, le=MOST_DAYS, description="Active days of this week so far.")]
    met: Annotated[bool, Field(description="Whether this week has met the goal already.")]
    streak_weeks: Annotated[int, Field(ge=0, description="How many weeks in a row met the goal, up to now.")]


def goal(reading: GoalReading) -> Mapping[str, Any]:
    """Return a goal as JSON values."""
    return {
        "days_per_week": reading.goal.days_per_week,
        "since": reading.goal.since.isoformat(),
        "week": reading.week.isoformat(),
        "active_days": reading.active_days,
        "met": reading.is_met,
        "streak_weeks": reading.streak,
    }
