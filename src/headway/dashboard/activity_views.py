"""The values that the templates of a course's activity show: by day, week or month, and beside another activity."""

from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final, NamedTuple

from headway.dashboard.addresses import Address
from headway.dashboard.charts import Chart, Step
from headway.dashboard.rendering import Reader
from headway.dashboard.statistics_views import DAYS
from headway.dashboard.words import marked
from headway.domain.catalogue import Course
from headway.domain.errors import HeadwayError, InvalidValueError
from headway.domain.identifiers import CourseId, GroupId
from headway.domain.statistics import LONGEST_PERIOD, Interval, Period, Stretch, stretches_of
from headway.formats.identifiers import parse_identifier
from headway.formats.queries import InvalidQueryError, QueryFault
from headway.service import Activity

BY: Final = "by"
COMPARE: Final = "compare"
PARAMETERS: Final = (*DAYS, BY, COMPARE)
ALL: Final = "all"
OF_GROUP: Final = "group"
OF_COURSE: Final = "course"
RANGES: Final = (7, 30, 90, 365)

_INTERVALS: Final = {Interval.DAY: marked("Days"), Interval.WEEK: marked("Weeks"), Interval.MONTH: marked("Months")}
_ACTIVE: Final = {
    Interval.DAY: marked("Active learners by day"),
    Interval.WEEK: marked("Active learners a day, by week"),
    Interval.MONTH: marked("Active learners a day, by month"),
}
_COMPLETED: Final = {
    Interval.DAY: marked("Lessons completed by day"),
    Interval.WEEK: marked("Lessons completed by week"),
    Interval.MONTH: marked("Lessons completed by month"),
}


class Compared(NamedTuple):
    """What an activity is compared with.

    It is that of a class in this course (`group_id`), of the same class in another course (`course_id`), or of all
    learners of this course (neither).
    """

    course_id: CourseId | None = None
    group_id: GroupId | None = None


def compared_with(chosen: str) -> Compared:
    """Return what a page's parameter names. Raises `InvalidQueryError` or `InvalidIdentifierError`."""
    kind, _, name = chosen.partition(":")
    if kind == OF_GROUP:
        return Compared(group_id=GroupId(parse_identifier(COMPARE, name)))
    if kind == OF_COURSE:
        return Compared(course_id=CourseId(parse_identifier(COMPARE, name)))
    if chosen == ALL:
        return Compared()
    raise InvalidQueryError([QueryFault(COMPARE, "This names nothing to compare with.", "compare_parsing", chosen)])


_Written = Callable[[float], str]


class Series(NamedTuple):
    """An activity, and whose it is: a class, a course, or all learners (`None`)."""

    name: str | None
    activity: Activity


class Choice(NamedTuple):
    """A link that shows the page in another way, and whether the page is shown so now."""

    id: str
    title: str
    address: str
    is_shown: bool


class Row(NamedTuple):
    """A stretch by its name, with the figures of each series."""

    name: str
    stretches: Sequence[Stretch]


@dataclass(frozen=True)
class ActivityView:
    """The activity in a course, and that with which it is compared, if there is one.

    `today` is the date in the course's time zone. `fault` says what is wrong with the query.
    """

    address: Address
    reader: Reader
    today: date
    by: Interval
    series: Sequence[Series]
    fault: str | None = None

    @property
    def course(self) -> Course:
        """The course."""
        return self.series[0].activity.course

    @property
    def period(self) -> Period:
        """The days that are shown."""
        return self.series[0].activity.period

    @property
    def is_quiet(self) -> bool:
        """Whether no learner was active on these days."""
        return not any(day.active_learners for one in self.series for day in one.activity.days)

    @property
    def is_compared(self) -> bool:
        """Whether there are two activities."""
        return len(self.series) > 1

    @property
    def names(self) -> list[str]:
        """Whose the activities are."""
        return [one.name or self.reader.gettext("All learners") for one in self.series]

    @property
    def heading(self) -> str:
        """What the rows of the table are."""
        return self.reader.gettext(
            {Interval.DAY: marked("Day"), Interval.WEEK: marked("Week"), Interval.MONTH: marked("Month")}[self.by]
        )

    @cached_property
    def rows(self) -> list[Row]:
        """The stretches of all series, the first one first."""
        stretches = [stretches_of(one.activity.days, self.by, self.reader.first_weekday) for one in self.series]
        return [Row(self._name(together[0]), together) for together in zip(*stretches, strict=True)]

    @property
    def charts(self) -> list[Chart]:
        """The charts of the learners who were active, and of the lessons that were completed."""
        active = [[stretch.active_a_day for stretch in row.stretches] for row in self.rows]
        completed = [[stretch.lessons_completed for stretch in row.stretches] for row in self.rows]
        return [
            self._chart(self.reader.gettext(_ACTIVE[self.by]), active, self._active),
            self._chart(self.reader.gettext(_COMPLETED[self.by]), completed, self._completed),
        ]

    @property
    def ranges(self) -> Iterator[Choice]:
        """The ranges of days that a click selects."""
        for days in RANGES:
            first = self.today - timedelta(days=days - 1)
            title = self.reader.ngettext("%(shown)s day", "%(shown)s days", days, shown=self.reader.number(days))
            address = self.address.other(**{"from": first.isoformat(), "to": None})
            yield Choice(f"range-{days}", title, address, self.period == (first, self.today))

    @property
    def intervals(self) -> Iterator[Choice]:
        """The lengths of the stretches that a click selects."""
        for by, title in _INTERVALS.items():
            address = self.address.other(**{BY: None if by is Interval.DAY else by})
            yield Choice(f"by-{by}", self.reader.gettext(title), address, by is self.by)

    def _name(self, stretch: Stretch) -> str:
        first, last = stretch.first, stretch.last
        if first == last:
            return self.reader.plain_day(first)
        if self.by is Interval.MONTH and (last - first).days + 1 == monthrange(first.year, first.month)[1]:
            return self.reader.month_and_year(first)
        return self.reader.days_between(first, last)

    def _chart(self, title: str, values: Sequence[Sequence[float]], written: _Written) -> Chart:
        tips = [self._tip(row.name, among, written) for row, among in zip(self.rows, values, strict=True)]
        names = [self._short(row.stretches[0].first) for row in self.rows]
        highest = max(range(len(values)), key=lambda position: values[position][0])
        described = self.reader.gettext(
            "%(title)s, from %(first)s to %(last)s. The most: %(most)s.",
            title=title,
            first=self.reader.plain_day(self.period.first),
            last=self.reader.plain_day(self.period.last),
            most=tips[highest].replace("\n", ", "),
        )
        bars, *line = zip(*values, strict=True)
        is_mirrored = self.reader.words.direction == "rtl"
        return Chart(title, described, list(map(Step, names, tips)), bars, line[0] if line else None, is_mirrored)

    def _short(self, day: date) -> str:
        return self.reader.month(day) if self.by is Interval.MONTH else self.reader.short_day(day)

    def _tip(self, name: str, values: Sequence[float], written: _Written) -> str:
        if not self.is_compared:
            return f"{name}\n{written(values[0])}"
        lines = (
            self.reader.gettext("%(whose)s: %(figure)s", whose=whose, figure=written(value))
            for whose, value in zip(self.names, values, strict=True)
        )
        return "\n".join((name, *lines))

    def _active(self, learners: float) -> str:
        shown = self.reader.number(learners)
        if self.by is Interval.DAY:
            return self.reader.ngettext("%(shown)s learner active", "%(shown)s learners active", learners, shown=shown)
        return self.reader.ngettext(
            "%(shown)s learner active a day", "%(shown)s learners active a day", learners, shown=shown
        )

    def _completed(self, lessons: float) -> str:
        return self.reader.ngettext(
            "%(shown)s lesson completed", "%(shown)s lessons completed", lessons, shown=self.reader.number(lessons)
        )


def fault_of(refusal: HeadwayError, reader: Reader) -> str:
    """Return what is wrong with a page's query, as a sentence."""
    kinds = {problem.kind for problem in refusal.problems} if isinstance(refusal, InvalidValueError) else set()
    if "reversed_period" in kinds:
        return reader.gettext("The first day is after the last.")
    if "period_too_long" in kinds:
        return reader.gettext("At most %(shown)s days can be shown.", shown=reader.number(LONGEST_PERIOD))
    return reader.gettext("The address of this page names something that is not there.")
