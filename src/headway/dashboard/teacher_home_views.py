"""The values that the templates of the teacher's home and of the lists of learners who need attention show."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlencode

from headway.dashboard.addresses import Address
from headway.dashboard.rendering import Reader
from headway.dashboard.statistics_views import GROUP
from headway.domain.attention import Counted, Reason
from headway.domain.bounds import Number
from headway.domain.course_list import CourseFigures, CourseOrder
from headway.formats.attention import AttentionListParameters, cursors_of
from headway.formats.course_list import CourseListParameters, first_direction
from headway.formats.roster_query import Direction
from headway.service import AttentionLine, AttentionPage, CourseList

FEW: Final = 3
"""The most learners on a card."""
COURSES: Final = ("query", "sort", "order", "page")
"""The parameters of the home page beside the group: those of the list of courses."""
FILTERS: Final = (GROUP, "course", "inactive_days")
_CURSORS: Final = ("cursor", "before")
LISTED: Final = (*FILTERS, *_CURSORS)
"""The parameters of a list of learners. They mean the same as in the API."""
_TREND_WIDTH: Final = 96
_TREND_HEIGHT: Final = 20
_ARIA: Final[Mapping[Direction, str]] = {Direction.ASCENDING: "ascending", Direction.DESCENDING: "descending"}


class AttentionCard(NamedTuple):
    """How many learners need attention for a reason, and the first of them."""

    reason: Reason
    counted: Counted
    lines: Sequence[AttentionLine]


@dataclass(frozen=True)
class AttentionView:
    """A page of the learners who need attention for one reason, and its filters."""

    address: Address
    reason: Reason
    asked: AttentionListParameters
    counted: Counted
    page: AttentionPage

    @property
    def lines(self) -> Sequence[AttentionLine]:
        """The lines of the page."""
        return self.page.lines

    @property
    def is_filtered(self) -> bool:
        """Whether a filter is set."""
        return any(name in self.address.query for name in FILTERS)

    @property
    def file_query(self) -> str:
        """The query of the file with exactly these learners."""
        return urlencode(self._file_fields)

    @property
    def chosen_fields(self) -> Mapping[str, str]:
        """The query of a file of chosen learners. Nobody is chosen at first."""
        return {**self._file_fields, "user_ids": ""}

    @property
    def unfiltered_address(self) -> str:
        """The address of the whole list."""
        return self.address.path

    @property
    def first_address(self) -> str | None:
        """The address of the first page; `None` where this is the first page."""
        return self._at() if any(name in self.address.query for name in _CURSORS) else None

    @property
    def previous_address(self) -> str | None:
        """The address of the page before; `None` where this is the first page."""
        previous, _ = cursors_of(self.reason, self.page)
        return self._at(before=previous) if previous else None

    @property
    def next_address(self) -> str | None:
        """The address of the next page; `None` where this is the last page."""
        _, following = cursors_of(self.reason, self.page)
        return self._at(cursor=following) if following else None

    @property
    def _file_fields(self) -> Mapping[str, str]:
        return {"format": "csv", **self.address.without(*_CURSORS)}

    def _at(self, **position: str) -> str:
        return self.address.other(**{**dict.fromkeys(_CURSORS), **position})


class CourseColumn(NamedTuple):
    """A heading of the courses. `address` sorts by it; `aria_sort` says how the courses are sorted by it, if at all."""

    address: str
    aria_sort: str | None


class CourseRow(NamedTuple):
    """A course with its figures. The trend is a line, and the same numbers as a text."""

    figures: CourseFigures
    active: int
    points: str
    trend: str


@dataclass(frozen=True)
class CoursesView:
    """A page of the courses, its order and its search."""

    address: Address
    asked: CourseListParameters
    list: CourseList

    def rows(self, reader: Reader) -> Iterator[CourseRow]:
        """Yield the courses of the page."""
        for figures, active, trend in self.list.lines:
            yield CourseRow(figures, active, _points_of(trend), "; ".join(map(reader.number, trend)))

    def column(self, name: str) -> CourseColumn:
        """Return the heading that sorts by a figure: again by it, in the other direction."""
        order = CourseOrder(name)
        if order is not self.asked.sort:
            return CourseColumn(self._sorted(order, first_direction(order)), None)
        other = Direction.ASCENDING if self.asked.direction is Direction.DESCENDING else Direction.DESCENDING
        return CourseColumn(self._sorted(order, other), _ARIA[self.asked.direction])

    @property
    def previous_address(self) -> str | None:
        """The address of the page before; `None` where this is the first page."""
        return self._page(self.list.page - 1) if self.list.page > 1 else None

    @property
    def next_address(self) -> str | None:
        """The address of the next page; `None` where this is the last page."""
        return self._page(self.list.page + 1) if self.list.page < self.list.pages else None

    @property
    def everything_address(self) -> str:
        """The address of all courses, without the words."""
        return self.address.other(query=None, page=None)

    def _sorted(self, order: CourseOrder, direction: Direction) -> str:
        return self.address.other(sort=order.value, order=direction.value, page=None)

    def _page(self, number: int) -> str:
        return self.address.other(page=None if number == 1 else str(number))


def _points_of(trend: Sequence[Number]) -> str:
    """Return the points of a line through the weeks; none where nobody was active."""
    highest = max(trend)
    if not highest:
        return ""
    step = _TREND_WIDTH / (len(trend) - 1)
    heights = (_TREND_HEIGHT * (1 - value / highest) for value in trend)
    return " ".join(f"{step * number:.1f},{height:.1f}" for number, height in enumerate(heights))
