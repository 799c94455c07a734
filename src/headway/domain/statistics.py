"""A course's statistics over all its learners, computed from the stored counts."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate, groupby
from typing import Final, NamedTuple

from headway.domain.bounds import Number, plain, rounded, shown
from headway.domain.catalogue import Course, Lesson
from headway.domain.counters import (
    HIGHEST_SCORE,
    MICRO_POINTS_OF_A_POINT,
    Counters,
    CourseCounts,
    DayCounts,
    LessonCounts,
)
from headway.domain.course_progress import minutes
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import LessonId

WEEK: Final = 7
MONTH: Final = 30
USUAL_PERIOD: Final = 30
LONGEST_PERIOD: Final = 400
MONDAY: Final = 0
_DECIMALS: Final = 2

_NO_LESSON: Final = LessonCounts()
_NO_COURSE: Final = CourseCounts()
_NO_DAY: Final = DayCounts()


class WeekChange(NamedTuple):
    """A figure of the last 7 days, today included, and the same figure of the 7 days before."""

    now: Number
    before: Number


NO_CHANGE: Final = WeekChange(0, 0)


class WeekChanges(NamedTuple):
    """How many learners enrolled in a course, started it and completed it, in the last 7 days and in the 7 days before.

    Those who enrolled and started are enrolled now. `late` is how many are late now, and how many of those who are
    enrolled now were late 7 days ago, by the due dates of now. `active` is the mean number of learners who were active
    on a day.
    """

    enrolled: WeekChange = NO_CHANGE
    started: WeekChange = NO_CHANGE
    completed: WeekChange = NO_CHANGE
    late: WeekChange = NO_CHANGE
    active: WeekChange = NO_CHANGE


NO_CHANGES: Final = WeekChanges()


class Weeks(NamedTuple):
    """When the last 7 days of a course began (`last`), when the 7 days before began, the time now and 7 days ago."""

    last: datetime
    before: datetime
    now: datetime
    ago: datetime


def weeks_of(course: Course, now: datetime) -> Weeks:
    """Return the last two weeks of a course. Today is the last day of the last 7."""
    today = course.date_of(now)
    last, before = (course.start_of(today - timedelta(days=weeks * WEEK - 1)) for weeks in (1, 2))
    return Weeks(last, before, now, now - timedelta(days=WEEK))


class CourseReading(NamedTuple):
    """The stored counts of a course, read at one moment.

    `days` are the days that were asked for. `weeks` are the changes of a week, where they were asked for.
    """

    course: Course
    learners: CourseCounts
    lessons: Mapping[LessonId, LessonCounts]
    scores: Mapping[LessonId, Mapping[int, int]]
    days: Mapping[date, DayCounts]
    weeks: WeekChanges = NO_CHANGES


def reading_of(course: Course, counters: Counters, weeks: WeekChanges = NO_CHANGES) -> CourseReading:
    """Return the counts of one course. `counters` hold no other course."""
    scores: dict[LessonId, dict[int, int]] = {}
    for (_, lesson_id, points), learners in counters.scores.items():
        scores.setdefault(lesson_id, {})[points] = learners
    return CourseReading(
        course,
        counters.courses.get(course.id, _NO_COURSE),
        {lesson_id: counts for (_, lesson_id), counts in counters.lessons.items()},
        scores,
        {day: counts for (_, day), counts in counters.days.items()},
        weeks,
    )


class LessonStatistics(NamedTuple):
    """A lesson's statistics over all learners who started it.

    Rates are percentages. A rate, mean or median is `None` where no learner counts for it. `stopped_here` is the number
    of learners who have started no later lesson and have not completed the course; `drop_off` is their share.
    `distribution` counts learners by their best score in whole points, rounded down: 69 stands for scores from 69 to
    below 70.
    """

    lesson: Lesson
    started: int
    completed: int
    in_progress: int
    completion_rate: Number | None
    stopped_here: int
    drop_off: Number | None
    attempted: int
    passed: int
    pass_rate: Number | None
    mean_attempts: Number | None
    mean_score: Number | None
    median_score: int | None
    distribution: Mapping[int, int]
    mean_minutes: Number | None
    bookmarks: int


class CourseStatistics(NamedTuple):
    """A course's statistics over all learners who have progress in it, and over those who are enrolled.

    Rates are percentages. A rate or mean is `None` where no learner counts for it. `mean_completion` is the mean of
    the learners' completion percentages, over the present lessons. `enrolled` learners have `started` or `not_started`.
    `late` are those who have not completed the course and whose due date is past. `learners` includes learners whose
    enrolment has ended. `changes` say how some of the figures have changed in a week.
    """

    course: Course
    learners: int
    active_last_7_days: int
    active_last_30_days: int
    completed: int
    completion_rate: Number | None
    mean_completion: Number | None
    total_minutes: Number
    mean_minutes: Number | None
    enrolled: int
    not_started: int
    started: int
    late: int
    enrolled_completion_rate: Number | None
    changes: WeekChanges
    lessons: list[LessonStatistics]


class DayStatistics(NamedTuple):
    """What learners did in a course on one day."""

    date: date
    active_learners: int
    lessons_started: int
    lessons_completed: int
    minutes: Number
    course_completions: int


class Interval(StrEnum):
    """How long a stretch of an activity is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Stretch(NamedTuple):
    """What learners did in a course in a day, a week or a month, from `first` to `last`, both included.

    Weeks and months are those of a calendar. At the ends of a period they are cut off. `active_a_day` is the mean
    number of learners who were active on a day. The rest are sums over the days. How many different learners were
    active is not known for more than one day: the counts of days do not tell who was in several of them.
    """

    first: date
    last: date
    active_a_day: Number
    lessons_started: int
    lessons_completed: int
    minutes: Number
    course_completions: int


class Period(NamedTuple):
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1


def statistics_of(reading: CourseReading, today: date) -> CourseStatistics:
    """Compute a course's statistics. `reading` must have the last 30 days, today included."""
    course = reading.course
    learners, completed, enrolled, enrolled_started, enrolled_completed = reading.learners
    counts = [reading.lessons.get(lesson.id, _NO_LESSON) for lesson in course.lessons]
    done = sum(counted.completed for counted, lesson in zip(counts, course.lessons, strict=True) if lesson.required)
    micro_minutes = sum(counted.micro_minutes for counted in counts)
    return CourseStatistics(
        course=course,
        learners=learners,
        active_last_7_days=_seen_since(reading.days, today - timedelta(days=WEEK - 1)),
        active_last_30_days=_seen_since(reading.days, today - timedelta(days=MONTH - 1)),
        completed=completed,
        completion_rate=_percentage(completed, learners),
        mean_completion=_percentage(done, learners * course.required_lessons),
        total_minutes=minutes(micro_minutes),
        mean_minutes=_mean(minutes(micro_minutes), learners),
        enrolled=enrolled,
        not_started=enrolled - enrolled_started,
        started=enrolled_started,
        late=int(reading.weeks.late.now),
        enrolled_completion_rate=_percentage(enrolled_completed, enrolled),
        changes=reading.weeks._replace(active=_active_change(reading.days, today)),
        lessons=list(_lessons(course, counts, reading.scores)),
    )


def lose_most(lessons: Sequence[LessonStatistics], most: int) -> list[LessonStatistics]:
    """Return the lessons at which most learners have stopped, at most so many, those with most learners first."""
    found = [lesson for lesson in lessons if lesson.stopped_here]
    return sorted(found, key=lambda lesson: -lesson.stopped_here)[:most]


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


def activity_of(days: Mapping[date, DayCounts], first: date, last: date) -> list[DayStatistics]:
    """Return the figures of each day from `first` to `last`, including days without activity."""
    return [_day(day, days.get(day, _NO_DAY)) for day in _dates(first, last)]


def stretches_of(days: Sequence[DayStatistics], interval: Interval, first_weekday: int = MONDAY) -> Sequence[Stretch]:
    """Return the figures of consecutive days by day, week or month. Weeks begin with `first_weekday`; Monday is 0."""
    grouped = groupby(days, lambda day: _beginning(day.date, interval, first_weekday))
    return [_stretch(list(together)) for _, together in grouped]


def _beginning(day: date, interval: Interval, first_weekday: int) -> int:
    """Return a number that is the same for all days of one stretch."""
    match interval:
        case Interval.DAY:
            return day.toordinal()
        case Interval.WEEK:
            return day.toordinal() - (day.weekday() - first_weekday) % WEEK
        case Interval.MONTH:
            return date(day.year, day.month, 1).toordinal()


def _stretch(days: Sequence[DayStatistics]) -> Stretch:
    return Stretch(
        days[0].date,
        days[-1].date,
        plain(round(sum(day.active_learners for day in days) / len(days), _DECIMALS)),
        sum(day.lessons_started for day in days),
        sum(day.lessons_completed for day in days),
        plain(rounded(sum(day.minutes for day in days))),
        sum(day.course_completions for day in days),
    )


def _day(day: date, counts: DayCounts) -> DayStatistics:
    return DayStatistics(
        day,
        counts.active,
        counts.lessons_started,
        counts.lessons_completed,
        minutes(counts.micro_minutes),
        counts.completions,
    )


def _dates(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _seen_since(days: Mapping[date, DayCounts], first: date) -> int:
    return sum(counts.last_seen for day, counts in days.items() if day >= first)


def _active_change(days: Mapping[date, DayCounts], today: date) -> WeekChange:
    """Return the change of the mean number of learners who were active on a day, with at most one decimal."""
    first = today - timedelta(days=WEEK - 1)
    totals = (
        sum(days.get(day, _NO_DAY).active for day in _dates(begin, begin + timedelta(days=WEEK - 1)))
        for begin in (first, first - timedelta(days=WEEK))
    )
    return WeekChange(*(plain(round(total / WEEK, 1)) for total in totals))


def _lessons(
    course: Course, counts: list[LessonCounts], scores: Mapping[LessonId, Mapping[int, int]]
) -> Iterator[LessonStatistics]:
    for lesson, counted in zip(course.lessons, counts, strict=True):
        distribution = dict(sorted(scores.get(lesson.id, {}).items()))
        yield LessonStatistics(
            lesson=lesson,
            started=counted.started,
            completed=counted.completed,
            in_progress=counted.started - counted.completed,
            completion_rate=_percentage(counted.completed, counted.started),
            stopped_here=counted.stopped,
            drop_off=_percentage(counted.stopped, counted.started),
            attempted=counted.attempted,
            passed=counted.passed,
            pass_rate=_percentage(counted.passed, counted.attempted),
            mean_attempts=_mean(counted.attempts, counted.attempted),
            mean_score=_mean_score(counted, lesson.pass_mark),
            median_score=_median(distribution),
            distribution=distribution,
            mean_minutes=_mean(minutes(counted.micro_minutes), counted.started),
            bookmarks=counted.bookmarked,
        )


def _mean_score(counted: LessonCounts, pass_mark: Number | None) -> Number | None:
    if not counted.scored:
        return None
    return shown(counted.micro_points / MICRO_POINTS_OF_A_POINT / counted.scored, _DECIMALS, (pass_mark, HIGHEST_SCORE))


def _median(distribution: Mapping[int, int]) -> int | None:
    """Return the median in whole points. Between two scores it is their mean, rounded down."""
    learners = sum(distribution.values())
    if not learners:
        return None
    below, above = _ranked(distribution, (learners - 1) // 2), _ranked(distribution, learners // 2)
    return (below + above) // 2


def _ranked(distribution: Mapping[int, int], rank: int) -> int:
    """Return the score at index `rank` of all scores in ascending order."""
    upto = accumulate(distribution.values())
    return next(points for points, learners in zip(distribution, upto, strict=True) if learners > rank)


def _percentage(part: int, whole: int) -> Number | None:
    return shown(100 * part / whole, _DECIMALS) if whole else None


def _mean(total: float, count: int) -> Number | None:
    return plain(round(total / count, _DECIMALS)) if count else None
