"""The values that the templates of the teacher's pages show."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final, NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from headway.dashboard.learner_views import LessonLine, lines_of
from headway.domain.catalogue import Course, LessonKind
from headway.domain.counters import HIGHEST_SCORE
from headway.domain.explanation import ExplainedLesson
from headway.domain.roster import RosterOrder
from headway.domain.statistics import CourseStatistics, LessonStatistics
from headway.formats.roster_query import Direction, RosterParameters
from headway.service import Activity, LearnerDetail, RosterLine

ACTIVITY_PARAMETERS: Final = ("from", "to")
FILTERS: Final = ("learner", "completed", "stalled_days", "at_lesson", "incomplete_lesson", "failed_at_least")
GROUP_PARAMETERS: Final = ("group",)
PARAMETERS: Final = (*GROUP_PARAMETERS, *ACTIVITY_PARAMETERS, "sort", "order", "cursor", *FILTERS)
"""The query parameters of a course's page. They mean the same as in the API."""

RANGES: Final = (7, 30, 90, 365)
BIN: Final = 10
_LEAST_BAR: Final = 44
_ENCODED: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class Address:
    """A page's address. It makes addresses of the same page with other parameters."""

    path: str
    query: Mapping[str, str]

    def other(self, **changes: str | None) -> str:
        """Return the address with these parameters changed. `None` removes a parameter."""
        query = {name: value for name, value in {**self.query, **changes}.items() if value is not None}
        return f"{self.path}?{urlencode(query)}" if query else self.path

    def without(self, *names: str) -> Mapping[str, str]:
        """Return the query without some parameters, for a form that has fields for those."""
        return {name: value for name, value in self.query.items() if name not in names}


def as_data(json: str) -> Markup:
    """Return JSON that is safe in a `script` element, whatever texts it contains."""
    return Markup(json.translate(_ENCODED))  # noqa: S704 - no character is left that could end the element


class Bin(NamedTuple):
    """The number of learners whose best score is from `first` to `last`, in whole points."""

    first: int
    last: int
    learners: int


def bins_of(distribution: Mapping[int, int]) -> list[Bin]:
    """Group a distribution of scores into bins of ten points. The last bin also contains the highest score."""
    ends = [(first, first + BIN - 1) for first in range(0, HIGHEST_SCORE, BIN)]
    ends[-1] = (ends[-1][0], HIGHEST_SCORE)
    return [
        Bin(first, last, sum(count for points, count in distribution.items() if first <= points <= last))
        for first, last in ends
    ]


class Quiz(NamedTuple):
    """A lesson with scores. `position` is its position in the course, from 0."""

    position: int
    statistics: LessonStatistics
    bins: Sequence[Bin]


@dataclass(frozen=True)
class FiguresView:
    """A course's figures, the same figures as the API's JSON, and the identifier of their state."""

    statistics: CourseStatistics
    json: str
    state: str

    @property
    def data(self) -> Markup:
        """The figures for the page's scripts."""
        return as_data(self.json)

    @property
    def funnel_height(self) -> int:
        """The height of the chart of the lessons, which has a bar for each lesson."""
        return len(self.statistics.lessons) * _LEAST_BAR

    @cached_property
    def quizzes(self) -> list[Quiz]:
        """The lessons that are quizzes, or that have a pass mark or scores."""
        return [
            Quiz(position, lesson, bins_of(lesson.distribution))
            for position, lesson in enumerate(self.statistics.lessons)
            if lesson.lesson.kind is LessonKind.QUIZ or lesson.lesson.pass_mark is not None or lesson.distribution
        ]


class Range(NamedTuple):
    """A range of `days` days that ends today, its address, and whether the page shows it now."""

    days: int
    address: str
    is_shown: bool


@dataclass(frozen=True)
class ActivityView:
    """The activity by day. `today` is the date in the course's time zone; `fault` says what is wrong with the query."""

    address: Address
    today: date
    activity: Activity
    fault: str | None = None

    @property
    def data(self) -> Markup:
        """The days for the page's scripts."""
        # Not the API's JSON: the page needs fewer fields.
        days = ",".join(
            f'{{"date":"{day.date}","active":{day.active_learners},"completed":{day.lessons_completed}}}'
            for day in self.activity.days
        )
        return as_data(f"[{days}]")

    @property
    def is_quiet(self) -> bool:
        """Whether no learner was active on these days."""
        return not any(day.active_learners for day in self.activity.days)

    @property
    def ranges(self) -> Iterator[Range]:
        """The ranges that a click selects."""
        shown = self.activity.period
        for days in RANGES:
            first = self.today - timedelta(days=days - 1)
            is_shown = shown.last == self.today and shown.first == first
            yield Range(days, self.address.other(**{"from": first.isoformat(), "to": None}), is_shown)


class Column(NamedTuple):
    """A heading of the roster. `address` sorts by it; `aria_sort` says how the roster is sorted by it, if at all."""

    address: str
    aria_sort: str | None


@dataclass(frozen=True)
class RosterView:
    """A page of a roster, and its filters. `fault` says what is wrong with the filters, if anything."""

    address: Address
    course: Course
    asked: RosterParameters
    lines: Sequence[RosterLine]
    cursor: str | None
    fault: str | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether a filter is set."""
        return any(name in self.address.query for name in FILTERS)

    @property
    def first_address(self) -> str | None:
        """The address of the first page; `None` where this is the first page."""
        return self.address.other(cursor=None) if "cursor" in self.address.query else None

    @property
    def next_address(self) -> str | None:
        """The address of the next page; `None` where this is the last page."""
        return self.address.other(cursor=self.cursor) if self.cursor else None

    @property
    def unfiltered_address(self) -> str:
        """The address of the roster of all learners, in the same order."""
        return self.address.other(cursor=None, **dict.fromkeys(FILTERS))

    @property
    def file_query(self) -> str:
        """The query with which the API returns the same learners as CSV."""
        query = self.address.without("cursor", *ACTIVITY_PARAMETERS)
        return urlencode({**query, "format": "csv"})

    def column(self, name: str) -> Column:
        """Return the heading that sorts by `name`."""
        order = RosterOrder(name)
        is_sorted = self.asked.sort is order
        descending = self.asked.order is Direction.DESCENDING
        following = Direction.ASCENDING if is_sorted and descending else Direction.DESCENDING
        address = self.address.other(sort=order.value, order=following.value, cursor=None)
        return Column(address, ("descending" if descending else "ascending") if is_sorted else None)

    @property
    def in_words(self) -> str:
        """How the roster is sorted, in words."""
        return _IN_WORDS[self.asked.sort, self.asked.order]


_IN_WORDS: Final = {
    (RosterOrder.PROGRESS, Direction.ASCENDING): "least completed lessons first",
    (RosterOrder.PROGRESS, Direction.DESCENDING): "most completed lessons first",
    (RosterOrder.LAST_SEEN, Direction.ASCENDING): "not seen for longest first",
    (RosterOrder.LAST_SEEN, Direction.DESCENDING): "last seen first",
    (RosterOrder.COMPLETED, Direction.ASCENDING): "who completed the course earliest first",
    (RosterOrder.COMPLETED, Direction.DESCENDING): "who completed the course latest first",
    (RosterOrder.NAME, Direction.ASCENDING): "by name",
    (RosterOrder.NAME, Direction.DESCENDING): "by name, from the last to the first",
}


@dataclass(frozen=True)
class LearnerView:
    """One learner in a course."""

    detail: LearnerDetail

    @property
    def line(self) -> RosterLine:
        """The learner's line in the roster."""
        return self.detail.line

    @property
    def lessons(self) -> list[LessonLine]:
        """All lessons of the course, in its order."""
        return lines_of(self.detail.course, [found.lesson_progress for found in self.detail.lesson_progress])

    @property
    def counted(self) -> list[ExplainedLesson]:
        """The lessons that count for the percentage."""
        return [lesson for lesson in self.detail.explanation.lessons if lesson.counted]

    @property
    def not_counted(self) -> list[ExplainedLesson]:
        """The lessons that do not count for the percentage."""
        return [lesson for lesson in self.detail.explanation.lessons if not lesson.counted]
