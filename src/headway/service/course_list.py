"""The courses on a teacher's home page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from headway.domain.bounds import Number
from headway.domain.course_list import PAGE, TREND_WEEKS, CourseFigures, CourseFiguresQuery, CourseOrder, arranged
from headway.domain.identifiers import GroupId
from headway.domain.ports import Store
from headway.domain.principal import STATISTICS_READ, Principal
from headway.domain.statistics import WEEK, Period


@dataclass(frozen=True, slots=True)
class CourseListQuery:
    """A page of the courses, from 1: those whose titles have all words of `words`, of a group's members or of all."""

    words: str = ""
    order: CourseOrder = CourseOrder.TITLE
    descending: bool = False
    page: int = 1
    group_id: GroupId | None = None


class CourseListLine(NamedTuple):
    """A course with its figures. `active` is of the last 7 days, `trend` has the mean of a day of each week."""

    figures: CourseFigures
    active: int
    trend: Sequence[Number]


class CourseList(NamedTuple):
    """A page of the courses. `found` is how many there are on all pages, `granted` how many without the words."""

    lines: Sequence[CourseListLine]
    found: int
    granted: int
    page: int
    pages: int


class CourseListService:
    """The courses that the caller may see, with few figures. They are read twice.

    First all of them, with what they are sorted by. Then those of the page, with their trend: that is eight times as
    many days. Titles are compared in Python, which knows the order and the letters for every store.
    """

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._clock = clock

    async def courses(self, principal: Principal, asked: CourseListQuery) -> CourseList:
        """Return a page of the courses. A token that names groups sees the figures of their members.

        Needs `statistics:read`. Raises `GroupNotGrantedError`.
        """
        principal.require(STATISTICS_READ)
        if asked.group_id is not None or not principal.groups:
            principal.require_group(asked.group_id)
        now = self._clock()
        groups = principal.groups if asked.group_id is None else frozenset({asked.group_id})
        query = CourseFiguresQuery(_days(now, WEEK), now, asked.order is CourseOrder.LATE, principal.courses, groups)
        granted = await self._store.course_figures(query)
        found = arranged(granted, asked.words, asked.order, now, descending=asked.descending)
        pages = max(1, -(-len(found) // PAGE))
        page = min(asked.page, pages)
        shown = found[(page - 1) * PAGE : page * PAGE]
        ids = frozenset(one.course_id for one in shown)
        query = replace(query, period=_days(now, WEEK * TREND_WEEKS), counts_late=True, courses=ids)
        whole = {one.course_id: one for one in await self._store.course_figures(query)}
        lines = [_line(whole[one.course_id], now) for one in shown if one.course_id in whole]
        return CourseList(lines, len(found), len(granted), page, pages)


def _line(figures: CourseFigures, now: datetime) -> CourseListLine:
    return CourseListLine(figures, figures.active(now), figures.trend(now))


def _days(now: datetime, days: int) -> Period:
    """Return so many days until today, wide enough for every time zone."""
    today: date = now.date()
    return Period(today - timedelta(days=days), today + timedelta(days=1))
