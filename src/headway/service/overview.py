"""Learners' own overview: what they take, what is due, what they may enrol in, and their active days."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from headway.domain.activity import CALENDAR_WEEKS, Calendar, calendar_of, first_day, week_of
from headway.domain.bounds import Number
from headway.domain.catalogue import Course, CourseQuery, Lesson, position_of
from headway.domain.completions import expires_at
from headway.domain.continuing import TimeLeft, TouchedLesson, course_left, lesson_left, next_lesson
from headway.domain.course_progress import CourseProgress, Summary, summarise
from headway.domain.due import EXPIRING_SOON, DueDate, Urgency, due_dates, urgency_of
from headway.domain.enrolments import Barrier, EnrolmentMode, barrier, is_late, starts_at
from headway.domain.errors import CourseNotFoundError
from headway.domain.goals import GoalReading, read_goal
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.outline import OutlineLesson, outline
from headway.domain.ports import Store
from headway.domain.principal import Principal
from headway.service.catalogue import CoursePage, one_more
from headway.service.course_progress import LearnerReading, read_learner
from headway.service.finishing import Finish, finish_of
from headway.service.goals import today_of

_ALL_WEEKS: Final = timedelta(weeks=CALENDAR_WEEKS)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class OwnedCourse(NamedTuple):
    """A course that the learner takes or has taken.

    - `next_lesson`: the lesson to go on with; `None` where all lessons are completed.
    - `seconds_left`: of that lesson; `time_left`: of the lessons that count. `None` where they are not known.
    - `groups`: the titles of the groups that enrol the learner.
    - `starts_at`: when the learner may begin, where that is still to come.
    - `may_go_on`: whether the learner may write in the course now.
    - `expires_at`: until when the completion counts; `expiry` is how urgent that is.
    """

    course: Course
    progress: CourseProgress
    summary: Summary
    next_lesson: Lesson | None
    seconds_left: Number | None
    time_left: TimeLeft | None
    groups: Sequence[str]
    starts_at: datetime | None
    may_go_on: bool
    expires_at: datetime | None
    expiry: Urgency | None

    @property
    def is_begun(self) -> bool:
        """Whether the learner has begun the course."""
        return self.progress.started_at is not None

    @property
    def is_over(self) -> bool:
        """Whether nobody expects more of the learner: the course is completed, or the enrolment has ended."""
        is_done = self.next_lesson is None or self.progress.completed_at is not None
        return is_done or self.progress.ended_at is not None


class Home(NamedTuple):
    """All that a learner takes: what to go on with, and what is due.

    - `foremost`: the course to go on with, or to begin; `None` where there is none.
    - `under_way`: the other courses that are begun, most recently written first.
    - `to_begin`: the other courses that are not begun, the first due date first.
    - `past`: the courses that are completed, and those whose enrolment has ended, the latest first.
    - `due`: the due dates, the soonest first.
    - `goal`: the goal of the week; `None` where the learner has set none.
    - `is_open`: whether learners may enrol themselves.
    """

    foremost: OwnedCourse | None
    under_way: Sequence[OwnedCourse]
    to_begin: Sequence[OwnedCourse]
    past: Sequence[OwnedCourse]
    due: Sequence[DueDate]
    goal: GoalReading | None
    calendar: Calendar
    is_open: bool

    @property
    def is_empty(self) -> bool:
        """Whether the learner takes no course, and has taken none."""
        return not (self.foremost or self.under_way or self.to_begin or self.past)


class Offer(NamedTuple):
    """A course that learners may enrol in; `progress` is the learner's own, `None` where there is none."""

    course: Course
    progress: CourseProgress | None

    @property
    def is_taken(self) -> bool:
        """Whether the learner is enrolled."""
        return self.progress is not None and self.progress.is_enrolled

    @property
    def has_ended(self) -> bool:
        """Whether the learner's enrolment has ended: then the learner can not begin it again alone."""
        return self.progress is not None and self.progress.ended_at is not None


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

    async def home(self, principal: Principal, first_weekday: int) -> Home:
        """Return the caller's courses in the catalogue. The calendar also covers courses that were removed."""
        now, learner_id = self._clock(), principal.learner_id
        begun = await self._store.learner_courses(learner_id)
        readings = [(reading.course, reading.progress) for reading in begun if reading.progress is not None]
        readings += await self._not_begun(learner_id)
        touched = await self._touched(learner_id)
        titles = {group.id: group.title for group in await self._store.groups.of_learner(learner_id)}
        owned = [self._owned(*reading, touched.get(reading[0].id, ()), titles, now) for reading in readings]
        due = [date for reading in readings for date in due_dates(*reading, touched.get(reading[0].id, ()), now)]
        goal, today = await self._store.goals.find(learner_id), today_of(begun, now)
        first = first_day(today, first_weekday)
        since = first if goal is None else min(first, week_of(goal.since, first_weekday))
        days = await self._store.active_days(learner_id, None, since)
        under_way = [one for one in owned if one.is_begun and not one.is_over]
        to_begin = sorted((one for one in owned if not (one.is_begun or one.is_over)), key=_by_due_date)
        foremost = next((one for one in (*under_way, *to_begin) if one.may_go_on), None)
        return Home(
            foremost,
            [one for one in under_way if one is not foremost],
            [one for one in to_begin if one is not foremost],
            sorted((one for one in owned if one.is_over), key=_last_moment, reverse=True),
            sorted(due, key=lambda date: date.due_at),
            None if goal is None else read_goal(goal, [day.date for day in days], today, first_weekday),
            calendar_of(days, today, first_weekday),
            self._is_open,
        )

    async def offers(self, principal: Principal, query: CourseQuery) -> CoursePage[Offer]:
        """Return a page of the courses that learners may enrol in, by title: none where enrolling is not open."""
        if not self._is_open:
            return CoursePage([], None)
        found = await self._store.courses(one_more(query))
        offers = [await self._offer(principal.learner_id, outline.id) for outline in found[: query.limit]]
        last = position_of(found[query.limit - 1]) if len(found) > query.limit else None
        return CoursePage([offer for offer in offers if offer is not None], last)

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
        return found if not self._is_open or found is Barrier.NOT_BEGUN else None

    async def _not_begun(self, learner_id: LearnerId) -> list[tuple[Course, CourseProgress]]:
        """Return the courses of the catalogue in which a learner is enrolled and has not written."""
        enrolled = await self._store.enrolments_of(learner_id)
        waiting = [progress.course_id for progress in enrolled if progress.started_at is None]
        found = [await self._offer(learner_id, course_id) for course_id in waiting]
        return [(one.course, one.progress) for one in found if one is not None and one.progress is not None]

    async def _offer(self, learner_id: LearnerId, course_id: CourseId) -> Offer | None:
        """Return a course with the learner's progress; `None` where it was removed meanwhile."""
        try:
            return Offer(*await self._store.course_progress(learner_id, course_id))
        except CourseNotFoundError:
            return None

    async def _touched(self, learner_id: LearnerId) -> Mapping[CourseId, Sequence[TouchedLesson]]:
        touched = await self._store.touched_lessons(learner_id)
        return {course_id: list(group) for course_id, group in groupby(touched, key=lambda one: one.course_id)}

    @property
    def _is_open(self) -> bool:
        return self._store.enforced.enrolment is EnrolmentMode.OPEN

    def _owned(
        self,
        course: Course,
        progress: CourseProgress,
        touched: Sequence[TouchedLesson],
        titles: Mapping[GroupId, str],
        now: datetime,
    ) -> OwnedCourse:
        following = next_lesson(course, touched)
        present = next((one for one in touched if following is not None and one.lesson_id == following.id), None)
        begins = starts_at(progress)
        is_to_come = begins is not None and begins > now
        expires = expires_at(course, progress.completed_at)
        return OwnedCourse(
            course,
            progress,
            summarise(course, progress),
            following,
            lesson_left(following, present) if following else None,
            course_left(course, touched),
            [titles[one.group_id] for one in progress.sources if one.group_id is not None and one.group_id in titles],
            begins if is_to_come else None,
            self._barrier(progress, now) is None,
            expires,
            urgency_of(expires, now, EXPIRING_SOON) if expires else None,
        )

    async def _calendar(
        self, learner_id: LearnerId, course_id: CourseId | None, today: date, first_weekday: int
    ) -> Calendar:
        days = await self._store.active_days(learner_id, course_id, today - _ALL_WEEKS)
        return calendar_of(days, today, first_weekday)


def _by_due_date(owned: OwnedCourse) -> tuple[bool, datetime | None, str, CourseId]:
    due_at = owned.progress.due_at
    return due_at is None, due_at, owned.course.title, owned.course.id


def _last_moment(owned: OwnedCourse) -> datetime:
    progress = owned.progress
    return progress.completed_at or progress.ended_at or progress.last_accessed or _NEVER
