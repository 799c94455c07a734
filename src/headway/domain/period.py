"""A run of days, as it is asked for."""

from datetime import date
from typing import Final, NamedTuple

from headway.domain.errors import InvalidValueError, Problem

USUAL_PERIOD: Final = 30
LONGEST_PERIOD: Final = 400


class Period(NamedTuple):
    """Days from the first to the last, both of them included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1


def period_of(first: date | None, last: date | None, today: date) -> Period:
    """The days from `first` to `last`: 30 up to today, where the one or the other is not said.

    Raises `InvalidValueError` where they are the wrong way round, or over 400.
    """
    end = last or today
    begin = first or date.fromordinal(max(1, end.toordinal() - USUAL_PERIOD + 1))
    period = Period(begin, end)
    if begin > end:
        reason = f"The first day, {begin}, is after the last, {end}."
        raise InvalidValueError([Problem(("from",), reason, "reversed_period")])
    if period.days > LONGEST_PERIOD:
        reason = f"From {begin} to {end} are {period.days} days; at most {LONGEST_PERIOD} are told of at once."
        raise InvalidValueError([Problem(("from",), reason, "period_too_long")])
    return period
