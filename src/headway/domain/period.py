"""The period of days that statistics are asked for."""

from datetime import date
from typing import Final, NamedTuple

from headway.domain.errors import InvalidValueError, Problem

USUAL_PERIOD: Final = 30
LONGEST_PERIOD: Final = 400


class Period(NamedTuple):
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1


def period_of(first: date | None, last: date | None, today: date) -> Period:
    """Return the period from `first` to `last`. The default of `last` is today, that of `first` 29 days before `last`.

    Raises `InvalidValueError` where `first` is after `last`, or where the period is longer than 400 days.
    """
    end = last or today
    begin = first or date.fromordinal(max(1, end.toordinal() - USUAL_PERIOD + 1))
    period = Period(begin, end)
    if begin > end:
        reason = f"The first day, {begin}, is after the last, {end}."
        raise InvalidValueError([Problem(("from",), reason, "reversed_period")])
    if period.days > LONGEST_PERIOD:
        reason = f"From {begin} to {end} are {period.days} days; at most {LONGEST_PERIOD} are allowed."
        raise InvalidValueError([Problem(("from",), reason, "period_too_long")])
    return period
