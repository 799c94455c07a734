"""The courses on a teacher's home page: their figures, the trend of their activity, searched and sorted."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from headway.domain.attention import Counted
from headway.domain.bounds import Number, plain
from headway.domain.catalogue import date_in
from headway.domain.identifiers import CourseId, GroupId
from headway.domain.statistics import WEEK, Period
from headway.domain.text import has_words, search_words, sort_key

PAGE: Final = 25
TREND_WEEKS: Final = 8


class CourseOrder(StrEnum):
    """What the courses are sorted by, then by title."""

    TITLE = "title"
    LEARNERS = "learners"
    ACTIVE = "active"
    COMPLETED = "completed"
    LATE = "late"


class SeenOnDay(NamedTuple):
    """How many learners were active on a day, and how many were seen on it last."""

    active: int
    last_seen: int


NOBODY_SEEN: Final = SeenOnDay(0, 0)


@dataclass(frozen=True, slots=True)
class CourseFiguresQuery:
    """Of which courses and groups (`None`: all), with which days, and the moment at which learners are late.

    `counts_late` is whether to count who is late, which takes longest.
    """

    period: Period
    now: datetime
    counts_late: bool = True
    courses: frozenset[CourseId] | None = None
    groups: frozenset[GroupId] | None = None


class CourseFigures(NamedTuple):
    """A course with few of its figures: of all learners, or of a group's members.

    `learners` are those who are enrolled or have started. `days` are those that were asked for.
    """

    course_id: CourseId
    title: str
    time_zone: str
    learners: int
    completed: int
    late: Counted
    days: Mapping[date, SeenOnDay]

    def active(self, now: datetime) -> int:
        """Return how many learners were active in the last 7 days, today included."""
        first = date_in(self.time_zone, now) - timedelta(days=WEEK - 1)
        return sum(seen.last_seen for day, seen in self.days.items() if day >= first)

    def trend(self, now: datetime) -> list[Number]:
        """Return how many learners were active on a day, on average of each of the last weeks. The last ends today."""
        after = date_in(self.time_zone, now) - timedelta(days=WEEK * TREND_WEEKS)
        totals = [0] * TREND_WEEKS
        for day, seen in self.days.items():
            week = (day - after).days - 1
            if 0 <= week < WEEK * TREND_WEEKS:
                totals[week // WEEK] += seen.active
        return [plain(round(total / WEEK, 1)) for total in totals]


def arranged(
    courses: Iterable[CourseFigures], query: str, order: CourseOrder, now: datetime, *, descending: bool
) -> list[CourseFigures]:
    """Return the courses whose titles have all words of a query, in an order. Case and accents do not matter."""
    words = search_words(query)
    found = [one for one in courses if not words or has_words(words, one.title)]
    found.sort(key=lambda one: (sort_key(one.title), one.course_id))
    if order is CourseOrder.TITLE:
        return found[::-1] if descending else found
    found.sort(key=_VALUES[order](now), reverse=descending)
    return found


_VALUES: Final[Mapping[CourseOrder, Callable[[datetime], Callable[[CourseFigures], int]]]] = {
    CourseOrder.LEARNERS: lambda _now: lambda one: one.learners,
    CourseOrder.ACTIVE: lambda now: lambda one: one.active(now),
    CourseOrder.COMPLETED: lambda _now: lambda one: one.completed,
    CourseOrder.LATE: lambda _now: lambda one: one.late.number + one.late.has_more,
}
