"""What the teacher's pages show, made ready for their templates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final, NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from headway.dashboard.course_view import LessonLine, lines_of
from headway.domain.catalogue import Course, LessonKind
from headway.domain.counters import HIGHEST_SCORE
from headway.domain.explanation import ExplainedLesson
from headway.domain.roster import RosterOrder
from headway.domain.statistics import CourseStatistics, LessonStatistics
from headway.formats.roster_query import Direction, RosterParameters
from headway.service import Activity, LearnerDetail, RosterLine

ACTIVITY_PARAMETERS: Final = ("from", "to")
FILTERS: Final = ("learner", "completed", "stalled_days", "at_lesson", "incomplete_lesson", "failed_at_least")
PARAMETERS: Final = (*ACTIVITY_PARAMETERS, "sort", "order", "cursor", *FILTERS)
"""What the page of a course takes, as the API takes it."""

RANGES: Final = (7, 30, 90, 365)
BIN: Final = 10
_LEAST_BAR: Final = 44
_ENCODED: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class Address:
    """A page's address, and those of the same page otherwise."""

    path: str
    query: Mapping[str, str]

    def other(self, **changes: str | None) -> str:
        """The address with these parameters changed, or left out where they are `None`."""
        query = {name: value for name, value in {**self.query, **changes}.items() if value is not None}
        return f"{self.path}?{urlencode(query)}" if query else self.path

    def without(self, *names: str) -> Mapping[str, str]:
        """The query without some parameters, for a form that has fields for those."""
        return {name: value for name, value in self.query.items() if name not in names}


def as_data(json: str) -> Markup:
    """JSON that can stand in an element `script` whatever texts are in it."""
    return Markup(json.translate(_ENCODED))  # noqa: S704 - nothing is left that could end the element


class Bin(NamedTuple):
    """Learners whose best score is one of these whole points."""

    first: int
    last: int
    learners: int


def bins_of(distribution: Mapping[int, int]) -> list[Bin]:
    """A distribution by ten points; the highest score of all is with those below it."""
    ends = [(first, first + BIN - 1) for first in range(0, HIGHEST_SCORE, BIN)]
    ends[-1] = (ends[-1][0], HIGHEST_SCORE)
    return [
        Bin(first, last, sum(count for points, count in distribution.items() if first <= points <= last))
        for first, last in ends
    ]


class Quiz(NamedTuple):
    """A lesson with scores; `position` is its position among the course's lessons."""

    position: int
    statistics: LessonStatistics
    bins: Sequence[Bin]


@dataclass(frozen=True)
class FiguresView:
    """A course's figures, and the same as the API answers them, with the name of their state."""

    statistics: CourseStatistics
    json: str
    state: str

    @property
    def data(self) -> Markup:
        """The figures for the page's scripts."""
        return as_data(self.json)

    @property
    def funnel_height(self) -> int:
        """Of the chart of the lessons: a row for each."""
        return len(self.statistics.lessons) * _LEAST_BAR

    @cached_property
    def quizzes(self) -> list[Quiz]:
        """The lessons that are quizzes, or have a mark or scores all the same."""
        return [
            Quiz(position, lesson, bins_of(lesson.distribution))
            for position, lesson in enumerate(self.statistics.lessons)
            if lesson.lesson.kind is LessonKind.QUIZ or lesson.lesson.pass_mark is not None or lesson.distribution
        ]


class Range(NamedTuple):
    """So many days up to today."""

    days: int
    address: str
    is_shown: bool


@dataclass(frozen=True)
class ActivityView:
    """What happened day by day. `today` is where the course is, `fault` what is wrong with the days that were asked."""

    address: Address
    today: date
    activity: Activity
    fault: str | None = None

    @property
    def data(self) -> Markup:
        """The days for the page's scripts."""
        # Made here: a page needs less than the API answers.
        days = ",".join(
            f'{{"date":"{day.date}","active":{day.active_learners},"completed":{day.lessons_completed}}}'
            for day in self.activity.days
        )
        return as_data(f"[{days}]")

    @property
    def is_quiet(self) -> bool:
        """Whether nothing happened at all."""
        return not any(day.active_learners for day in self.activity.days)

    @property
    def ranges(self) -> Iterator[Range]:
        """What can be chosen with one click."""
        shown = self.activity.period
        for days in RANGES:
            first = self.today - timedelta(days=days - 1)
            is_shown = shown.last == self.today and shown.first == first
            yield Range(days, self.address.other(**{"from": first.isoformat(), "to": None}), is_shown)


class Column(NamedTuple):
    """A heading of the roster that sorts it: by `order`, which way next, and which way it is sorted now, if it is."""

    address: str
    aria_sort: str | None


@dataclass(frozen=True)
class RosterView:
    """A page of a roster, its filters, and what is wrong with them if anything is."""

    address: Address
    course: Course
    asked: RosterParameters
    lines: Sequence[RosterLine]
    cursor: str | None
    fault: str | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether it is not of all learners."""
        return any(name in self.address.query for name in FILTERS)

    @property
    def first_address(self) -> str | None:
        """Of the first page, where this is another one."""
        return self.address.other(cursor=None) if "cursor" in self.address.query else None

    @property
    def next_address(self) -> str | None:
        """Of the page behind this one."""
        return self.address.other(cursor=self.cursor) if self.cursor else None

    @property
    def unfiltered_address(self) -> str:
        """Of the roster of all learners, in the same order."""
        return self.address.other(cursor=None, **dict.fromkeys(FILTERS))

    @property
    def file_query(self) -> str:
        """What the API is asked for the same learners in a file."""
        query = self.address.without("cursor", *ACTIVITY_PARAMETERS)
        return urlencode({**query, "format": "csv"})

    def column(self, name: str) -> Column:
        """The heading that sorts by `name`."""
        order = RosterOrder(name)
        is_sorted = self.asked.sort is order
        descending = self.asked.order is Direction.DESCENDING
        following = Direction.ASCENDING if is_sorted and descending else Direction.DESCENDING
        address = self.address.other(sort=order.value, order=following.value, cursor=None)
        return Column(address, ("descending" if descending else "ascending") if is_sorted else None)

    @property
    def in_words(self) -> str:
        """How it is sorted."""
        return _IN_WORDS[self.asked.sort, self.asked.order]


_IN_WORDS: Final = {
    (RosterOrder.PROGRESS, Direction.ASCENDING): "least completed lessons first",
    (RosterOrder.PROGRESS, Direction.DESCENDING): "most completed lessons first",
    (RosterOrder.LAST_SEEN, Direction.ASCENDING): "not seen for longest first",
    (RosterOrder.LAST_SEEN, Direction.DESCENDING): "last seen first",
    (RosterOrder.COMPLETED, Direction.ASCENDING): "who completed the course earliest first",
    (RosterOrder.COMPLETED, Direction.DESCENDING): "who completed the course latest first",
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
        return lines_of(self.detail.course, [found.row for found in self.detail.rows])

    @property
    def counted(self) -> list[ExplainedLesson]:
        """The lessons that the percentage is made of."""
        return [lesson for lesson in self.detail.explanation.lessons if lesson.counted]

    @property
    def not_counted(self) -> list[ExplainedLesson]:
        """The lessons that it is not made of."""
        return [lesson for lesson in self.detail.explanation.lessons if not lesson.counted]
