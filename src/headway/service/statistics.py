"""Statistics of courses and their learners, for callers who may read them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from headway.domain.attention import Counted
from headway.domain.catalogue import FIRST_COURSES, Course, CourseQuery, Lesson, VersionedCourse
from headway.domain.catalogue import position_of as position_of_course
from headway.domain.course_progress import CourseProgress, Summary, summarise
from headway.domain.enrolments import is_completed_late, is_late
from headway.domain.errors import InvalidValueError, LearnerNotFoundError, Problem
from headway.domain.explanation import Explanation
from headway.domain.groups import Group
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.outline import OutlineLesson, outline
from headway.domain.people import NO_PROFILE, LearnerProfile
from headway.domain.ports import Store
from headway.domain.principal import STATISTICS_READ, Principal
from headway.domain.progress import LessonProgress
from headway.domain.roster import (
    MOST_COUNTED,
    RosterOrder,
    RosterPosition,
    RosterQuery,
    position_of,
    resolved,
    stalled,
)
from headway.domain.statistics import (
    MONTH,
    CourseReading,
    CourseStatistics,
    DayStatistics,
    Period,
    activity_of,
    period_of,
    statistics_of,
)
from headway.service.catalogue import CoursePage, one_more
from headway.service.course_progress import read_learner
from headway.service.people import PeopleService

# No other request is served while a page is rendered: some milliseconds.
PAGE_OF_A_FILE: Final = 250


class Activity(NamedTuple):
    """Return what happened in a course, day by day."""

    course: Course
    period: Period
    days: Sequence[DayStatistics]


class RosterLine(NamedTuple):
    """A learner in a roster. The summary is over the lessons that are in the course now; the profile may be empty.

    `late` says that the course is not completed and its due date is past, `completed_late` that it was completed after
    its due date. `at_lesson` is the lesson at which the learner is, until the course is completed.
    """

    course_progress: CourseProgress
    summary: Summary
    profile: LearnerProfile
    late: bool
    completed_late: bool
    at_lesson: Lesson | None


class RosterPage(NamedTuple):
    """A page of a roster.

    `first` is the position of its first line where another page comes before, `last` that of its last line where
    another page follows. `total` is how many learners there are on all pages, where that was asked for.
    """

    lines: Sequence[RosterLine]
    first: RosterPosition | None
    last: RosterPosition | None
    total: Counted | None = None


class LearnerLesson(NamedTuple):
    """A learner's progress in a lesson, and the lesson as the learner sees it."""

    lesson_progress: LessonProgress
    seen: OutlineLesson


class LearnerDetail(NamedTuple):
    """A learner in a course, the lesson progress in the course's order, and the explanation of the percentage.

    `late_lessons` are the lessons that are late, also those without lesson progress.
    """

    course: Course
    line: RosterLine
    lesson_progress: Sequence[LearnerLesson]
    late_lessons: Sequence[LessonId]
    explanation: Explanation


class Compared(NamedTuple):
    """The figures of a group in a course; of all learners where there is no group."""

    group: Group | None
    statistics: CourseStatistics


class StatisticsService:
    """Courses' figures. Every method may raise `UnavailableError` and what its store raises.

    All need `statistics:read`. They raise `CourseNotGrantedError` for a course, and `GroupNotGrantedError` for a group,
    that the token does not name. A token that names groups gets no figures of all learners.
    """

    def __init__(
        self, store: Store, people: PeopleService, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._people = people
        self._clock = clock

    async def course(
        self, principal: Principal, course_id: CourseId, group_id: GroupId | None = None
    ) -> CourseStatistics:
        """Return a course's figures, of a group's members or of all learners (`None`)."""
        principal.require_statistics(course_id, group_id)
        now = self._clock()
        reading = await self._reading(course_id, group_id, _last_month(now))
        return statistics_of(reading, reading.course.date_of(now))

    async def courses(
        self, principal: Principal, query: CourseQuery = FIRST_COURSES, group_id: GroupId | None = None
    ) -> CoursePage[CourseStatistics]:
        """Return the figures of a page of the courses that the token grants, by title.

        They are of a group's members or of all learners (`None`). Those of all learners have no distributions of
        scores, and do not count who is late.
        """
        principal.require(STATISTICS_READ)
        principal.require_group(group_id)
        now = self._clock()
        granted = replace(one_more(query), among=principal.courses)
        if group_id is None:
            readings = await self._store.all_statistics(*_last_month(now), granted)
        else:
            readings = await self._store.all_group_statistics(group_id, *_last_month(now), granted)
        shown = readings[: query.limit]
        lines = [statistics_of(reading, reading.course.date_of(now)) for reading in shown]
        return CoursePage(lines, position_of_course(shown[-1].course) if len(readings) > query.limit else None)

    async def activity(
        self,
        principal: Principal,
        course_id: CourseId,
        first: date | None,
        last: date | None,
        group_id: GroupId | None = None,
    ) -> Activity:
        """Return what happened in a course, by default in the last 30 of its days. Raises `InvalidValueError`.

        It is what a group's members did, or all learners (`None`).
        """
        principal.require_statistics(course_id, group_id)
        course = (await self._store.course(course_id)).course
        period = period_of(first, last, course.date_of(self._clock()))
        reading = await self._reading(course_id, group_id, period)
        return Activity(reading.course, period, activity_of(reading.days, *period))

    async def roster(
        self,
        principal: Principal,
        course_id: CourseId,
        query: RosterQuery,
        stalled_days: int | None = None,
        *,
        counted: bool = False,
    ) -> RosterPage:
        """Return a page of a course's learners; with `counted`, also how many there are on all pages.

        `stalled_days` selects learners who have not completed the course and were not seen for so many days.
        Raises `InvalidValueError` for a lesson that is not in the course. Raises `ProfilesOffError` for an order or a
        search by names where no profiles are kept.
        """
        principal.require_statistics(course_id, query.group)
        if query.order is RosterOrder.NAME or query.words:
            self._people.require_on()
        versioned = await self._store.course(course_id)
        _check(versioned.course, query)
        is_later_page = query.after is not None
        query = resolved(query, versioned.course, self._clock())
        if stalled_days:
            query = stalled(query, versioned.course.date_of(self._clock()), stalled_days)
        found = await self._store.roster(course_id, replace(query, limit=query.limit + 1))
        shown = found[: query.limit] if query.before is None else found[-query.limit :]
        profiles = await self._people.names([progress.learner_id for progress in shown])
        lines = await self._lines(versioned, shown, profiles)
        has_more = len(found) > query.limit

        def position(of: CourseProgress) -> RosterPosition:
            return position_of(of, query.order, profiles.get(of.learner_id, NO_PROFILE))

        precedes = has_more if query.before is not None else is_later_page
        follows = has_more if query.before is None else True
        return RosterPage(
            lines,
            position(shown[0]) if shown and precedes else None,
            position(shown[-1]) if shown and follows else None,
            await self._total(course_id, query, None if precedes or follows else len(shown)) if counted else None,
        )

    async def _total(self, course_id: CourseId, query: RosterQuery, known: int | None) -> Counted:
        """Return how many learners the filters leave. Nothing is read where it is known."""
        found = await self._store.roster_total(course_id, query, MOST_COUNTED + 1) if known is None else known
        return Counted(min(found, MOST_COUNTED), found > MOST_COUNTED)

    async def whole_roster(
        self, principal: Principal, course_id: CourseId, query: RosterQuery, stalled_days: int | None = None
    ) -> AsyncGenerator[Sequence[RosterLine], None]:
        """Yield all lines of a roster, page by page. The first page may be empty. Raises as `roster` does."""
        position = None
        while True:
            page = await self.roster(
                principal, course_id, replace(query, after=position, before=None, limit=PAGE_OF_A_FILE), stalled_days
            )
            yield page.lines
            position = page.last
            if position is None:
                return

    async def learner(self, principal: Principal, course_id: CourseId, learner_id: LearnerId) -> LearnerDetail:
        """Return one learner in a course. Raises `LearnerNotFoundError`.

        Raises `GroupNotGrantedError` where the token is limited to groups, and the learner is in none of them.
        """
        principal.require_course(course_id)
        if principal.groups is not None:
            principal.require_member_of([group.id for group in await self._store.groups.of_learner(learner_id)])
        reading = await read_learner(self._store, learner_id, course_id)
        if reading.course_progress is None or not reading.course_progress.is_listed:
            raise LearnerNotFoundError(course_id, learner_id)
        profiles = await self._people.names([learner_id])
        now = self._clock()
        course = reading.versioned.course
        line = _line(course, reading.course_progress, profiles.get(learner_id, NO_PROFILE), now)
        found = {one.lesson_id: one for one in reading.lesson_progress}
        seen = outline(course, reading.course_progress, reading.lesson_progress, now)
        lessons = [LearnerLesson(found[one.lesson.id], one) for one in seen if one.lesson.id in found]
        return LearnerDetail(course, line, lessons, [one.lesson.id for one in seen if one.late], reading.explanation)

    async def compare(
        self, principal: Principal, courses: Sequence[CourseId], groups: Sequence[GroupId | None]
    ) -> list[Compared]:
        """Return the figures of each group in each course; `None` is all learners."""
        pairs = [(course_id, group_id) for course_id in courses for group_id in groups]
        for pair in pairs:
            principal.require_statistics(*pair)
        return [await self._compared(principal, *pair) for pair in pairs]

    async def _compared(self, principal: Principal, course_id: CourseId, group_id: GroupId | None) -> Compared:
        statistics = await self.course(principal, course_id, group_id)
        return Compared(None if group_id is None else await self._store.groups.find(group_id), statistics)

    async def _reading(self, course_id: CourseId, group_id: GroupId | None, period: Period) -> CourseReading:
        if group_id is None:
            return await self._store.statistics(course_id, *period)
        return await self._store.group_statistics(course_id, group_id, *period)

    async def _lines(
        self,
        versioned: VersionedCourse,
        all_course_progress: Sequence[CourseProgress],
        profiles: Mapping[LearnerId, LearnerProfile],
    ) -> list[RosterLine]:
        """Return lines with summaries. Course progress of another version is read again; it may be gone by then."""
        outdated = [
            course_progress
            for course_progress in all_course_progress
            if course_progress.course_version != versioned.version
        ]
        readings = await asyncio.gather(
            *(
                self._store.course_progress(course_progress.learner_id, course_progress.course_id)
                for course_progress in outdated
            )
        )
        anew = {
            course_progress.learner_id: reading for course_progress, reading in zip(outdated, readings, strict=True)
        }
        now = self._clock()
        lines = []
        for course_progress in all_course_progress:
            course, present = anew.get(course_progress.learner_id, (versioned.course, course_progress))
            if present is not None and present.is_listed:
                lines.append(_line(course, present, profiles.get(present.learner_id, NO_PROFILE), now))
        return lines


def _line(course: Course, course_progress: CourseProgress, profile: LearnerProfile, now: datetime) -> RosterLine:
    due_at, completed_at = course_progress.due_at, course_progress.completed_at
    return RosterLine(
        course_progress,
        summarise(course, course_progress),
        profile,
        is_late(due_at, completed_at, now),
        is_completed_late(due_at, completed_at),
        course.lessons_by_id.get(course_progress.at_lesson) if course_progress.at_lesson and not completed_at else None,
    )


def _last_month(now: datetime) -> Period:
    """Return the days of the last month, wide enough for every time zone."""
    today = now.date()
    return Period(today - timedelta(days=MONTH), today + timedelta(days=1))


def _check(course: Course, query: RosterQuery) -> None:
    problems = list(_problems(course, query))
    if problems:
        raise InvalidValueError(problems)


def _problems(course: Course, query: RosterQuery) -> Iterator[Problem]:
    for name in ("at_lesson", "incomplete_lesson"):
        lesson_id = getattr(query, name)
        if lesson_id is not None and lesson_id not in course.lessons_by_id:
            yield Problem((name,), f"Lesson {lesson_id} is not in course {course.id}.", "unknown_lesson")
