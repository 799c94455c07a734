"""A course's figures over all its learners: what is counted, and what is made of the counts.

What rows and standings count for is written once, here. The stores keep the counts by adding, with every change, what
it counts for after less what it counted for before; a recount adds up all that is there. Every count is a whole
number, so both come to the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import accumulate
from operator import add, sub
from typing import Final, NamedTuple, TypeVar

from headway.domain.bounds import Number, plain
from headway.domain.catalogue import Course, Lesson
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.progress import LessonProgress, Status
from headway.domain.standing import NEVER, CourseProgress, LearnerDay, finished_day, minutes, time_parts

_PARTS_OF_A_POINT: Final = 1_000_000
HIGHEST_SCORE: Final = 100
WEEK: Final = 7
MONTH: Final = 30


class LessonCounts(NamedTuple):
    """Learners in a lesson: those who started it, completed it, tried and passed its quiz, marked it, and sums.

    Whoever has a score, an attempt or a pass has tried. Scores are summed in millionths of a point, time in millionths
    of a minute.
    """

    started: int = 0
    completed: int = 0
    tried: int = 0
    passed: int = 0
    bookmarked: int = 0
    attempts: int = 0
    scored: int = 0
    score_parts: int = 0
    time_parts: int = 0


class CourseCounts(NamedTuple):
    """Learners in a course: those who wrote in it, and those who completed it."""

    learners: int = 0
    completed: int = 0


class DayCounts(NamedTuple):
    """A day in a course: learners seen on it, those of them not seen since, and what they did, as `LearnerDay` says."""

    active: int = 0
    last_seen: int = 0
    lessons_started: int = 0
    lessons_completed: int = 0
    time_parts: int = 0
    completions: int = 0


LessonKey = tuple[CourseId, LessonId]
ScoreKey = tuple[CourseId, LessonId, int]
DayKey = tuple[CourseId, date]

_NO_LESSON: Final = LessonCounts()
_NO_COURSE: Final = CourseCounts()
_NO_DAY: Final = DayCounts()


class RowShape(NamedTuple):
    """What rows have in common that count for the same, but for their time."""

    status: Status
    quiz_score: Number | None
    quiz_attempts: int
    quiz_passed: bool
    is_bookmarked: bool


def lesson_counts(row: LessonProgress | None) -> LessonCounts:
    """What a row counts for in its lesson, whether that is in the course now or not."""
    return _NO_LESSON if row is None else _counts_of(row, time_parts(row))


def _counts_of(row: LessonProgress | RowShape, parts: int) -> LessonCounts:
    scored = row.quiz_score is not None
    return LessonCounts(
        int(row.status is not Status.NOT_STARTED),
        int(row.status is Status.COMPLETED),
        int(scored or row.quiz_attempts > 0 or row.quiz_passed),
        int(row.quiz_passed),
        int(row.is_bookmarked),
        row.quiz_attempts,
        int(scored),
        round((row.quiz_score or 0) * _PARTS_OF_A_POINT),
        parts,
    )


def whole_points(score: Number) -> int:
    """The point of the distribution that a score counts at: 0 to 100, halves upwards."""
    return int(score + 0.5)


K = TypeVar("K")
C = TypeVar("C", LessonCounts, CourseCounts, DayCounts)


class Counters:
    """Counts by what they are counted for: to be added to what is stored, found by a recount, or stored.

    What comes to nothing is left out.
    """

    __slots__ = ("courses", "days", "lessons", "scores")

    def __init__(self) -> None:
        self.lessons: dict[LessonKey, LessonCounts] = {}
        self.scores: dict[ScoreKey, int] = {}
        self.courses: dict[CourseId, CourseCounts] = {}
        self.days: dict[DayKey, DayCounts] = {}

    def change_row(self, before: LessonProgress | None, after: LessonProgress | None) -> None:
        """A row became another one."""
        if before is not None and after is not None and _is_alike(before, after):
            self._add_lesson_time((after.course_id, after.lesson_id), time_parts(after) - time_parts(before))
            return
        row = after or before
        if row is None:
            return
        change = LessonCounts._make(map(sub, lesson_counts(after), lesson_counts(before)))
        self.add_lesson((row.course_id, row.lesson_id), change)
        had, has = before.quiz_score if before else None, after.quiz_score if after else None
        if had != has:
            if had is not None:
                self.add_score((row.course_id, row.lesson_id, whole_points(had)), -1)
            if has is not None:
                self.add_score((row.course_id, row.lesson_id, whole_points(has)), 1)

    def add_rows(self, key: LessonKey, shape: RowShape, rows: int, parts: int) -> None:
        """So many rows of one shape in a lesson, and their time, in millionths of a minute."""
        counts = LessonCounts._make(rows * count for count in _counts_of(shape, 0))
        self.add_lesson(key, counts._replace(time_parts=parts))
        if shape.quiz_score is not None:
            self.add_score((*key, whole_points(shape.quiz_score)), rows)

    def change_standing(self, before: CourseProgress | None, after: CourseProgress | None) -> None:
        """A standing became another one. The day that this finished, if it did, still counts."""
        if before is not None and after is not None and _is_same_day(before, after):
            self._add_done(after.course_id, before.day, after.day)
            return
        if before is not None:
            self._add_standing(before, -1)
            finished = finished_day(before, after) if after is not None else None
            if finished is not None:
                self.add_day(before.course_id, finished)
        if after is not None:
            self._add_standing(after, 1)

    def add_day(self, course_id: CourseId, day: LearnerDay, sign: int = 1) -> None:
        """A learner's day in a course."""
        counts = (1, 0, day.lessons_started, day.lessons_completed, day.time_parts, day.completions)
        self.add_date((course_id, day.date), DayCounts._make(sign * count for count in counts))

    def add_lesson(self, key: LessonKey, counts: LessonCounts) -> None:
        """Learners in a lesson."""
        _add(self.lessons, key, counts, LessonCounts)

    def add_score(self, key: ScoreKey, learners: int) -> None:
        """Learners with a score."""
        total = self.scores.get(key, 0) + learners
        if total:
            self.scores[key] = total
        else:
            self.scores.pop(key, None)

    def add_course(self, key: CourseId, counts: CourseCounts) -> None:
        """Learners in a course."""
        _add(self.courses, key, counts, CourseCounts)

    def add_date(self, key: DayKey, counts: DayCounts) -> None:
        """A day in a course."""
        _add(self.days, key, counts, DayCounts)

    def add(self, other: "Counters", sign: int = 1) -> None:
        """All that others count."""
        for lesson, counts in other.lessons.items():
            self.add_lesson(lesson, LessonCounts._make(sign * count for count in counts))
        for score, learners in other.scores.items():
            self.add_score(score, sign * learners)
        for course, course_counts in other.courses.items():
            self.add_course(course, CourseCounts._make(sign * count for count in course_counts))
        for day, day_counts in other.days.items():
            self.add_date(day, DayCounts._make(sign * count for count in day_counts))

    def by_course(self) -> "dict[CourseId, Counters]":
        """The counts of each course by themselves."""
        found: dict[CourseId, Counters] = {}
        for course_id, course_counts in self.courses.items():
            found.setdefault(course_id, Counters()).courses[course_id] = course_counts
        for lesson, counts in self.lessons.items():
            found.setdefault(lesson[0], Counters()).lessons[lesson] = counts
        for score, learners in self.scores.items():
            found.setdefault(score[0], Counters()).scores[score] = learners
        for day, day_counts in self.days.items():
            found.setdefault(day[0], Counters()).days[day] = day_counts
        return found

    def __bool__(self) -> bool:
        return bool(self.lessons or self.scores or self.courses or self.days)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counters) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Counters({self.lessons}, {self.scores}, {self.courses}, {self.days})"

    def _add_lesson_time(self, key: LessonKey, parts: int) -> None:
        """What nearly every heartbeat comes to."""
        if parts:
            self.add_lesson(key, LessonCounts(0, 0, 0, 0, 0, 0, 0, 0, parts))

    def _add_done(self, course_id: CourseId, before: LearnerDay, after: LearnerDay) -> None:
        """More was done on the same day."""
        _, *had = before
        _, *has = after
        if had != has:
            self.add_date((course_id, after.date), DayCounts(0, 0, *map(sub, has, had)))

    def _add_standing(self, standing: CourseProgress, sign: int) -> None:
        """A standing, with the day that is not finished."""
        day = standing.day
        started = sign * int(standing.started_at is not None)
        completed = sign * int(standing.completed_at is not None)
        self.add_course(standing.course_id, CourseCounts(started, completed))
        if day.date == NEVER:
            return
        done = (day.lessons_started, day.lessons_completed, day.time_parts, day.completions)
        counts = DayCounts(sign, started, *(sign * count for count in done))
        self.add_date((standing.course_id, day.date), counts)


def _is_alike(before: LessonProgress, after: LessonProgress) -> bool:
    """Whether two rows count for the same, but for their time."""
    return (
        before.status is after.status
        and before.quiz_score == after.quiz_score
        and before.quiz_attempts == after.quiz_attempts
        and before.quiz_passed is after.quiz_passed
        and before.is_bookmarked is after.is_bookmarked
    )


def _is_same_day(before: CourseProgress, after: CourseProgress) -> bool:
    """Whether two standings count for the same, but for what was done on their day."""
    return (
        before.day.date == after.day.date
        and (before.started_at is None) is (after.started_at is None)
        and (before.completed_at is None) is (after.completed_at is None)
    )


def recount(
    rows: Iterable[LessonProgress],
    standings: Iterable[CourseProgress],
    finished_days: Iterable[tuple[CourseId, LearnerDay]],
) -> Counters:
    """The counts from all that there is."""
    counters = Counters()
    for row in rows:
        counters.change_row(None, row)
    for standing in standings:
        counters.change_standing(None, standing)
    for course_id, day in finished_days:
        counters.add_day(course_id, day)
    return counters


def _add(counted: dict[K, C], key: K, counts: C, kind: type[C]) -> None:
    before = counted.get(key)
    if before is None:
        if any(counts):
            counted[key] = counts
        return
    total = kind._make(map(add, before, counts))
    if any(total):
        counted[key] = total
    else:
        del counted[key]


class CourseReading(NamedTuple):
    """What is stored of a course's figures, at one moment. Days are those that were asked for."""

    course: Course
    learners: CourseCounts
    lessons: Mapping[LessonId, LessonCounts]
    scores: Mapping[LessonId, Mapping[int, int]]
    days: Mapping[date, DayCounts]


def reading_of(course: Course, counters: Counters) -> CourseReading:
    """The counts of one course, which `counters` hold by themselves."""
    scores: dict[LessonId, dict[int, int]] = {}
    for (_, lesson_id, points), learners in counters.scores.items():
        scores.setdefault(lesson_id, {})[points] = learners
    return CourseReading(
        course,
        counters.courses.get(course.id, _NO_COURSE),
        {lesson_id: counts for (_, lesson_id), counts in counters.lessons.items()},
        scores,
        {day: counts for (_, day), counts in counters.days.items()},
    )


class LessonStatistics(NamedTuple):
    """A lesson's figures over all learners who started it. Rates are percentages; `None`: there is nobody to ask.

    `drop_off` is how many of those who started this lesson are missing in the next one. `distribution` counts learners
    by their best score in whole points.
    """

    lesson: Lesson
    started: int
    completed: int
    in_progress: int
    completion_rate: Number | None
    drop_off: Number | None
    tried: int
    passed: int
    pass_rate: Number | None
    mean_attempts: Number | None
    mean_score: Number | None
    median_score: int | None
    distribution: Mapping[int, int]
    mean_minutes: Number | None
    bookmarks: int


class CourseStatistics(NamedTuple):
    """A course's figures over all learners who wrote in it. Rates are percentages; `None`: there is nobody to ask.

    `mean_completion` is the mean of the learners' own completion percentages, over today's lessons.
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
    lessons: list[LessonStatistics]


class DayStatistics(NamedTuple):
    """What learners did in a course on one day."""

    date: date
    active_learners: int
    lessons_started: int
    lessons_completed: int
    minutes: Number
    course_completions: int


def statistics_of(reading: CourseReading, today: date) -> CourseStatistics:
    """The figures that the counts come to. `reading` has the days of the last month."""
    course = reading.course
    learners, completed = reading.learners
    counts = [reading.lessons.get(lesson.id, _NO_LESSON) for lesson in course.lessons]
    done = sum(counted.completed for counted, lesson in zip(counts, course.lessons, strict=True) if lesson.required)
    parts = sum(counted.time_parts for counted in counts)
    return CourseStatistics(
        course=course,
        learners=learners,
        active_last_7_days=_seen_since(reading.days, today - timedelta(days=WEEK - 1)),
        active_last_30_days=_seen_since(reading.days, today - timedelta(days=MONTH - 1)),
        completed=completed,
        completion_rate=_percentage(completed, learners),
        mean_completion=_percentage(done, learners * course.required_lessons),
        total_minutes=minutes(parts),
        mean_minutes=_mean(minutes(parts), learners),
        lessons=list(_lessons(course, counts, reading.scores)),
    )


def activity_of(days: Mapping[date, DayCounts], first: date, last: date) -> list[DayStatistics]:
    """Day by day from the first to the last, those on which nothing happened too."""
    return [_day(day, days.get(day, _NO_DAY)) for day in _dates(first, last)]


def _day(day: date, counts: DayCounts) -> DayStatistics:
    return DayStatistics(
        day,
        counts.active,
        counts.lessons_started,
        counts.lessons_completed,
        minutes(counts.time_parts),
        counts.completions,
    )


def _dates(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _seen_since(days: Mapping[date, DayCounts], first: date) -> int:
    return sum(counts.last_seen for day, counts in days.items() if day >= first)


def _lessons(
    course: Course, counts: list[LessonCounts], scores: Mapping[LessonId, Mapping[int, int]]
) -> Iterator[LessonStatistics]:
    following = [*counts[1:], None]
    for lesson, counted, after in zip(course.lessons, counts, following, strict=True):
        distribution = dict(sorted(scores.get(lesson.id, {}).items()))
        yield LessonStatistics(
            lesson=lesson,
            started=counted.started,
            completed=counted.completed,
            in_progress=counted.started - counted.completed,
            completion_rate=_percentage(counted.completed, counted.started),
            drop_off=_percentage(max(0, counted.started - after.started), counted.started) if after else None,
            tried=counted.tried,
            passed=counted.passed,
            pass_rate=_percentage(counted.passed, counted.tried),
            mean_attempts=_mean(counted.attempts, counted.tried),
            mean_score=_mean(counted.score_parts / _PARTS_OF_A_POINT, counted.scored),
            median_score=_median(distribution),
            distribution=distribution,
            mean_minutes=_mean(minutes(counted.time_parts), counted.started),
            bookmarks=counted.bookmarked,
        )


def _median(distribution: Mapping[int, int]) -> int | None:
    """The score in the middle; between two of them their mean, to the whole point, halves upwards."""
    learners = sum(distribution.values())
    if not learners:
        return None
    below, above = _ranked(distribution, (learners - 1) // 2), _ranked(distribution, learners // 2)
    return (below + above + 1) // 2


def _ranked(distribution: Mapping[int, int], rank: int) -> int:
    """The score that so many scores come before."""
    upto = accumulate(distribution.values())
    return next(points for points, learners in zip(distribution, upto, strict=True) if learners > rank)


def _percentage(part: int, whole: int) -> Number | None:
    return plain(round(100 * part / whole, 2)) if whole else None


def _mean(total: float, count: int) -> Number | None:
    return plain(round(total / count, 2)) if count else None
