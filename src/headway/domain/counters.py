"""The counts that a course's statistics are computed from.

This module says once how lesson progress, course progress and days are counted. With every change a store adds the
difference between the counts after and before. A recount adds up everything that is stored. All counts are whole
numbers, so both give the same result.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from operator import add, sub
from typing import Final, NamedTuple, TypeVar

from headway.domain.bounds import Number
from headway.domain.course_progress import NEVER, CourseProgress, LearnerDay, micro_minutes
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.progress import LessonProgress, Status

MICRO_POINTS_OF_A_POINT: Final = 1_000_000
"""Scores are summed in millionths of a point."""
HIGHEST_SCORE: Final = 100


class LessonCounts(NamedTuple):
    """Numbers of learners in a lesson (started, completed, attempted, passed, bookmarked, scored), and sums.

    A learner with a score, an attempt or a pass has attempted the quiz. Scores are summed in micro-points (millionths
    of a point), time in micro-minutes. `stopped` is the number of learners who have started no later lesson and have
    not completed the course. It follows from course progress, all other counts from lesson progress.
    """

    started: int = 0
    completed: int = 0
    attempted: int = 0
    passed: int = 0
    bookmarked: int = 0
    attempts: int = 0
    scored: int = 0
    micro_points: int = 0
    micro_minutes: int = 0
    stopped: int = 0


class CourseCounts(NamedTuple):
    """Numbers of learners in a course.

    `learners` have progress in it, `completed` have completed it. `enrolled` are enrolled now; of these,
    `enrolled_started` have started it, and `enrolled_completed` have completed it.
    """

    learners: int = 0
    completed: int = 0
    enrolled: int = 0
    enrolled_started: int = 0
    enrolled_completed: int = 0


class DayCounts(NamedTuple):
    """The counts of one day in a course.

    `active` is the number of learners who were active on it, `last_seen` the number of those who were not seen later.
    The rest is the sum of the learners' `LearnerDay`.
    """

    active: int = 0
    last_seen: int = 0
    lessons_started: int = 0
    lessons_completed: int = 0
    micro_minutes: int = 0
    completions: int = 0


CourseLessonKey = tuple[CourseId, LessonId]
ScoreKey = tuple[CourseId, LessonId, int]
DayKey = tuple[CourseId, date]


class ProgressShape(NamedTuple):
    """What decides how lesson progress is counted. Lesson progress is grouped by it."""

    status: Status
    quiz_score: Number | None
    has_attempts: bool
    quiz_passed: bool


class ProgressSums(NamedTuple):
    """Sums over the lesson progress of one shape in one lesson: the learners, and what is added up of each."""

    learners: int
    attempts: int
    bookmarked: int
    micro_minutes: int


class CourseProgressShape(NamedTuple):
    """The fields of course progress that are counted, without the last day. Course progress is grouped by them."""

    is_started: bool
    is_completed: bool
    is_enrolled: bool
    at_lesson: LessonId | None


MOST_TIME_IN_A_LESSON: Final = 100_000 * 1_000_000
"""The most time of one learner in one lesson that is counted, in micro-minutes: 100,000 minutes, about 69 days.

With this limit the time of 92 million learners of a lesson fits into a stored count of 64 bits.
"""
_NO_LESSON: Final = LessonCounts()


def lesson_counts(progress: LessonProgress | None) -> LessonCounts:
    """Return the counts of one learner's lesson progress; all 0 without progress.

    The lesson may have left the course.
    """
    if progress is None:
        return _NO_LESSON
    attempts = progress.quiz_attempts
    shape = progress.status, progress.quiz_score, attempts > 0, progress.quiz_passed
    return _counts_of(*shape, 1, attempts, int(progress.is_bookmarked), _counted_time(progress))


def _counted_time(progress: LessonProgress) -> int:
    return min(micro_minutes(progress), MOST_TIME_IN_A_LESSON)


def _counts_of(  # noqa: PLR0913, PLR0917 - the fields of ProgressShape and of ProgressSums; every write calls this
    status: Status,
    score: Number | None,
    has_attempts: bool,
    passed: bool,
    learners: int,
    attempts: int,
    bookmarked: int,
    micro_minutes: int,
) -> LessonCounts:
    scored = score is not None
    return LessonCounts(
        learners * (status is not Status.NOT_STARTED),
        learners * (status is Status.COMPLETED),
        learners * (scored or has_attempts or passed),
        learners * passed,
        bookmarked,
        attempts,
        learners * scored,
        learners * round((score or 0) * MICRO_POINTS_OF_A_POINT),
        micro_minutes,
    )


def whole_points(score: Number) -> int:
    """Return a score in whole points, 0 to 100, rounded down: a score below a mark must not appear at the mark."""
    return int(score)


K = TypeVar("K")
C = TypeVar("C", LessonCounts, CourseCounts, DayCounts)


class Counters:
    """Counts by course, lesson, score and day. They are stored counts, a recount, or differences to add.

    Counts that are 0 are left out.
    """

    __slots__ = ("courses", "days", "lessons", "scores")

    def __init__(self) -> None:
        self.lessons: dict[CourseLessonKey, LessonCounts] = {}
        self.scores: dict[ScoreKey, int] = {}
        self.courses: dict[CourseId, CourseCounts] = {}
        self.days: dict[DayKey, DayCounts] = {}

    def change_lesson(self, before: LessonProgress | None, after: LessonProgress | None) -> None:
        """Count the change of lesson progress from `before` to `after` (`None`: there is none)."""
        if before is not None and after is not None and _is_alike(before, after):
            self._add_lesson_time((after.course_id, after.lesson_id), _counted_time(after) - _counted_time(before))
            return
        progress = after or before
        if progress is None:
            return
        change = LessonCounts._make(map(sub, lesson_counts(after), lesson_counts(before)))
        self.add_lesson((progress.course_id, progress.lesson_id), change)
        had, has = before.quiz_score if before else None, after.quiz_score if after else None
        if had != has:
            if had is not None:
                self.add_score((progress.course_id, progress.lesson_id, whole_points(had)), -1)
            if has is not None:
                self.add_score((progress.course_id, progress.lesson_id, whole_points(has)), 1)

    def add_lessons(self, key: CourseLessonKey, shape: ProgressShape, sums: ProgressSums) -> None:
        """Count learners in a lesson, all of one shape."""
        self.add_shapes(key, [(shape, sums)])

    def add_shapes(self, key: CourseLessonKey, shapes: Iterable[tuple[ProgressShape, ProgressSums]]) -> None:
        """Count learners in a lesson, of several shapes: in half of the time that one after the other takes."""
        found = []
        for shape, sums in shapes:
            found.append(_counts_of(*shape, *sums))
            if shape.quiz_score is not None:
                self.add_score((*key, whole_points(shape.quiz_score)), sums.learners)
        self.add_lesson(key, LessonCounts._make(map(sum, zip(*found, strict=True))))

    def change_course_progress(self, before: CourseProgress | None, after: CourseProgress | None) -> None:
        """Count the change of course progress from `before` to `after` (`None`: there is none).

        Count a day that was finished by this with `change_days`.
        """
        if before is not None and after is not None and _is_same_day(before, after):
            self._add_done(after.course_id, before.day, after.day)
            return
        if before is not None:
            self._add_course_progress(before, -1)
        if after is not None:
            self._add_course_progress(after, 1)

    def add_course_progress(
        self, course_id: CourseId, shape: CourseProgressShape, learners: int, last_days: LearnerDay
    ) -> None:
        """Count `learners` in a course, all of one shape and with the same last day, which is not finished.

        `last_days` has that date, and the sums of what they did on it. A negative number takes learners away.
        """
        started, completed = learners * shape.is_started, learners * shape.is_completed
        of_enrolled = (learners, started, completed) if shape.is_enrolled else (0, 0, 0)
        self.add_course(course_id, CourseCounts(started, completed, *of_enrolled))
        if shape.at_lesson is not None and not shape.is_completed:
            self.add_lesson((course_id, shape.at_lesson), LessonCounts(stopped=learners))
        day, *done = last_days
        if day != NEVER:
            self.add_date((course_id, day), DayCounts(learners, started, *done))

    def add_day(self, course_id: CourseId, day: LearnerDay, sign: int = 1) -> None:
        """Count a learner's finished day in a course. A `sign` of -1 takes it away."""
        counts = (1, 0, day.lessons_started, day.lessons_completed, day.micro_minutes, day.completions)
        self.add_date((course_id, day.date), DayCounts._make(sign * count for count in counts))

    def change_days(
        self, course_id: CourseId, before: Mapping[date, LearnerDay], after: Mapping[date, LearnerDay | None]
    ) -> None:
        """Count the change of one learner's finished days. A day that is `None` in `after` is removed."""
        for moment, day in after.items():
            was = before.get(moment)
            if was is not None:
                self.add_day(course_id, was, -1)
            if day is not None:
                self.add_day(course_id, day)

    def add_lesson(self, key: CourseLessonKey, counts: LessonCounts) -> None:
        """Add the counts of a lesson."""
        _add(self.lessons, key, counts, LessonCounts)

    def add_score(self, key: ScoreKey, learners: int) -> None:
        """Add a number of learners with a score."""
        total = self.scores.get(key, 0) + learners
        if total:
            self.scores[key] = total
        else:
            self.scores.pop(key, None)

    def add_course(self, key: CourseId, counts: CourseCounts) -> None:
        """Add the counts of a course."""
        _add(self.courses, key, counts, CourseCounts)

    def add_date(self, key: DayKey, counts: DayCounts) -> None:
        """Add the counts of a day in a course."""
        _add(self.days, key, counts, DayCounts)

    def add(self, other: "Counters", sign: int = 1) -> None:
        """Add all counts of `other`. A `sign` of -1 takes them away."""
        for lesson, counts in other.lessons.items():
            self.add_lesson(lesson, LessonCounts._make(sign * count for count in counts))
        for score, learners in other.scores.items():
            self.add_score(score, sign * learners)
        for course, course_counts in other.courses.items():
            self.add_course(course, CourseCounts._make(sign * count for count in course_counts))
        for day, day_counts in other.days.items():
            self.add_date(day, DayCounts._make(sign * count for count in day_counts))

    def by_course(self) -> "dict[CourseId, Counters]":
        """Return the counts of each course separately."""
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

    def _add_lesson_time(self, key: CourseLessonKey, micro_minutes: int) -> None:
        """Add time only. Nearly every regular report of a player needs no more."""
        if micro_minutes:
            self.add_lesson(key, LessonCounts(0, 0, 0, 0, 0, 0, 0, 0, micro_minutes))

    def _add_done(self, course_id: CourseId, before: LearnerDay, after: LearnerDay) -> None:
        """Count what was added on the same day."""
        _, *had = before
        _, *has = after
        if had != has:
            self.add_date((course_id, after.date), DayCounts(0, 0, *map(sub, has, had)))

    def _add_course_progress(self, course_progress: CourseProgress, sign: int) -> None:
        shape = CourseProgressShape(
            course_progress.started_at is not None,
            course_progress.completed_at is not None,
            course_progress.is_enrolled,
            course_progress.at_lesson,
        )
        day = course_progress.day
        last_day = day if sign > 0 else LearnerDay(day.date, *[-count for count in day[1:]])
        self.add_course_progress(course_progress.course_id, shape, sign, last_day)


def _is_alike(before: LessonProgress, after: LessonProgress) -> bool:
    """Whether both have the same counts, apart from their time."""
    return (
        before.status is after.status
        and before.quiz_score == after.quiz_score
        and before.quiz_attempts == after.quiz_attempts
        and before.quiz_passed is after.quiz_passed
        and before.is_bookmarked is after.is_bookmarked
    )


def _is_same_day(before: CourseProgress, after: CourseProgress) -> bool:
    """Whether both have the same counts, apart from what was done on their last day."""
    return (
        before.day.date == after.day.date
        and (before.started_at is None) is (after.started_at is None)
        and (before.completed_at is None) is (after.completed_at is None)
        and before.at_lesson == after.at_lesson
        and before.is_enrolled is after.is_enrolled
    )


def recount(
    all_lesson_progress: Iterable[LessonProgress],
    all_course_progress: Iterable[CourseProgress],
    finished_days: Iterable[tuple[CourseId, LearnerDay]],
) -> Counters:
    """Count all lesson progress, all course progress and all finished days."""
    counters = Counters()
    for progress in all_lesson_progress:
        counters.change_lesson(None, progress)
    for course_progress in all_course_progress:
        counters.change_course_progress(None, course_progress)
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
