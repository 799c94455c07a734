"""The days on which a learner was active, as a calendar shows them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from headway.domain.bounds import Number
from headway.domain.course_progress import LearnerDay, minutes

CALENDAR_WEEKS: Final = 26
LEVELS: Final = (15, 30, 60)
"""The levels of a calendar's days: an active day has level 1, and one more for each of these minutes it reaches."""

_WEEK: Final = 7


class ActiveDay(NamedTuple):
    """What a learner did on one day, in one course or in several."""

    date: date
    minutes: Number
    lessons_started: int
    lessons_completed: int

    @property
    def level(self) -> int:
        """How much time the learner spent, from level 1 to level 4."""
        return 1 + bisect_right(LEVELS, self.minutes)


class Calendar(NamedTuple):
    """A learner's active days, `days`, between `first` and `last`. `last` is today."""

    first: date
    last: date
    days: Sequence[ActiveDay]

    @property
    def minutes(self) -> Number:
        """The time spent on all days, in minutes."""
        return sum(day.minutes for day in self.days)

    def weeks(self) -> Iterator[list[tuple[date, ActiveDay | None]]]:
        """Yield the dates week by week, up to today. The active day is `None` where the learner was not active."""
        by_date = {day.date: day for day in self.days}
        dates = [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]
        for start in range(0, len(dates), _WEEK):
            yield [(day, by_date.get(day)) for day in dates[start : start + _WEEK]]


def first_day(today: date, first_weekday: int, weeks: int = CALENDAR_WEEKS) -> date:
    """Return the first day of a calendar whose weeks begin with `first_weekday` (Monday is 0)."""
    return week_of(today, first_weekday) - timedelta(weeks=weeks - 1)


def week_of(day: date, first_weekday: int) -> date:
    """Return the first day of the week of a day. Weeks begin with `first_weekday` (Monday is 0)."""
    return day - timedelta(days=(day.weekday() - first_weekday) % _WEEK)


def calendar_of(days: Iterable[LearnerDay], today: date, first_weekday: int, weeks: int = CALENDAR_WEEKS) -> Calendar:
    """Return the calendar up to today. Days of several courses on one date are added up; days outside are ignored."""
    first = first_day(today, first_weekday, weeks)
    parts: dict[date, tuple[int, int, int]] = {}
    for day in days:
        if first <= day.date <= today:
            time, started, completed = parts.get(day.date, (0, 0, 0))
            parts[day.date] = (
                time + day.micro_minutes,
                started + day.lessons_started,
                completed + day.lessons_completed,
            )
    active = [ActiveDay(day, minutes(time), *done) for day, (time, *done) in sorted(parts.items())]
    return Calendar(first, today, active)
