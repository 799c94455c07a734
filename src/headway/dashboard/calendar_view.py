"""A calendar of active days as a table, with a row for each weekday and a column for each week."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple, Self

from headway.domain.activity import ActiveDay, Calendar


class Week(NamedTuple):
    """A column: its first day, and the first day of the month that begins in it, if one does."""

    first: date
    month: date | None


class Cell(NamedTuple):
    """A day, and the activity on it, if there was any."""

    date: date
    active: ActiveDay | None


class CalendarView(NamedTuple):
    """The table. `rows` are weekdays (Monday is 0), each with a cell for each week: `None` for days in the future."""

    weeks: Sequence[Week]
    rows: Sequence[tuple[int, Sequence[Cell | None]]]
    days: Sequence[ActiveDay]
    minutes: float
    length: int

    @classmethod
    def of(cls, calendar: Calendar) -> Self:
        """Make the table of a calendar."""
        weeks = [[Cell(*day) for day in week] for week in calendar.weeks()]
        rows = [
            (cell.date.weekday(), [week[row] if row < len(week) else None for week in weeks])
            for row, cell in enumerate(weeks[0])
        ]
        length = (calendar.last - calendar.first).days + 1
        return cls(_headed(weeks), rows, calendar.days, calendar.minutes, length)


def _headed(weeks: Sequence[Sequence[Cell]]) -> list[Week]:
    """Return the columns, with the month that begins in each."""
    return [Week(week[0].date, next((cell.date for cell in week if cell.date.day == 1), None)) for week in weeks]
