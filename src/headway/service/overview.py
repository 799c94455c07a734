"""Learners' own overview: their courses, the next lesson in each, and their active days."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from headway.domain.activity import CALENDAR_WEEKS, Calendar, calendar_of
from headway.domain.catalogue import Course, Lesson
from headway.domain.continuing import TouchedLesson, next_lesson
from headway.domain.course_progress import CourseProgress, Summary, summarise
from headway.domain.enrolments import Barrier, EnrolmentMode, barrier, is_late
from headway.domain.holdings import CourseProgressReading
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.outline import OutlineLesson, outline
from headway.domain.ports import Store
from headway.domain.principal import Principal
from headway.service.course_progress import LearnerReading, read_learner
from headway.service.finishing import Finish, finish_of

_ALL_WEEKS: Final = timedelta(weeks=CALENDAR_WEEKS)


class CourseUnderWay(NamedTuple):
    """A course that the learner has written in; `next_lesson` is `None` where all its lessons are completed."""

    course: Course
    summary: Summary
    next_lesson: Lesson | None


class CoursesUnderWay(NamedTuple):
    """The courses that the learner has written in, most recently touched first, and the days over all of them."""

    courses: Sequence[CourseUnderWay]
    calendar: Calendar


class OwnCourse(NamedTuple):
    """A course for one learner: lesson progress and course progress, the next lesson, and the active days.

    `lessons` are all lessons with their due dates and locks. `late` says that the course is not completed and its due
    date is past. `barrier` is why the learner may not go on (`None`: nothing). `finish` is a completion of the course
    that is new.
    """

    reading: LearnerReading
    next_lesson: Lesson | None
    calendar: Calendar
    lessons: Sequence[OutlineLesson]
    late: bool = False
    barrier: Barrier | None = None
    finish: Finish | None = None


class OverviewService:
    """Learners' own overview. Every method may raise `UnavailableError` and what its store raises.

    The weeks of calendars begin with `first_weekday` (Monday is 0). A course's days are cut in its own zone.
    """

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._clock = clock

    async def courses(self, principal: Principal, first_weekday: int) -> CoursesUnderWay:
        """Return the caller's courses in the catalogue. The calendar also covers courses that were removed."""
        now = self._clock()
        readings = await self._store.learner_courses(principal.learner_id)
        touched = await self._store.touched_lessons(principal.learner_id)
        by_course = {course_id: list(group) for course_id, group in groupby(touched, key=lambda one: one.course_id)}
        today = max((reading.course.date_of(now) for reading in readings), default=now.date())
        calendar = await self._calendar(principal.learner_id, None, today, first_weekday)
        return CoursesUnderWay(
            [_under_way(reading, by_course.get(reading.course.id, ())) for reading in readings], calendar
        )

    async def course(self, principal: Principal, course_id: CourseId, first_weekday: int) -> OwnCourse:
        """Return one course, whether the caller has written in it or not."""
        reading = await read_learner(self._store, principal.learner_id, course_id)
        course = reading.versioned.course
        now = self._clock()
        progress = reading.course_progress
        calendar = await self._calendar(principal.learner_id, course_id, course.date_of(now), first_weekday)
        return OwnCourse(
            reading,
            next_lesson(course, reading.lesson_progress),
            calendar,
            outline(course, progress, reading.lesson_progress, now),
            progress is not None and is_late(progress.due_at, progress.completed_at, now),
            self._barrier(progress, now),
            await finish_of(self._store, principal.learner_id, reading, now),
        )

    def _barrier(self, progress: CourseProgress | None, now: datetime) -> Barrier | None:
        """Return why the learner may not go on. A date before which nobody begins holds without enforcement, too."""
        found = barrier(progress, now)
        is_closed = self._store.enforced.enrolment is EnrolmentMode.CLOSED
        return found if is_closed or found is Barrier.NOT_BEGUN else None

    async def _calendar(
        self, learner_id: LearnerId, course_id: CourseId | None, today: date, first_weekday: int
    ) -> Calendar:
        days = await self._store.active_days(learner_id, course_id, today - _ALL_WEEKS)
        return calendar_of(days, today, first_weekday)


def _under_way(reading: CourseProgressReading, touched: Sequence[TouchedLesson]) -> CourseUnderWay:
    return CourseUnderWay(reading.course, summarise(*reading), next_lesson(reading.course, touched))
