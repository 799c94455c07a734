"""One learner, as a teacher sees the learner: the courses, the active days, and one of the courses in full."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from headway.domain.activity import Calendar, calendar_of, first_day
from headway.domain.completions import Completion
from headway.domain.course_progress import LearnerDay
from headway.domain.errors import LearnerNotFoundError
from headway.domain.groups import GroupOutline
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.people import NO_PROFILE, LearnerProfile
from headway.domain.ports import Store
from headway.domain.principal import STATISTICS_READ, Principal
from headway.domain.runs import Run
from headway.service.enrolments import Enrolled, EnrolmentsService
from headway.service.people import PeopleService
from headway.service.statistics import LearnerDetail, StatisticsService

WEEKS: Final = 12


class OpenedCourse(NamedTuple):
    """A learner in one course, with all completions of it and the runs that have ended, the last one first."""

    detail: LearnerDetail
    completions: Sequence[Completion]
    ended_runs: Sequence[Run]


class OneLearner(NamedTuple):
    """A learner, as far as the caller may see.

    `groups` are by title. `courses` are those that the learner is in, most recently seen first; those that the learner
    has not started come last. `calendar` has the active days of the last weeks. `opened` is the course that was asked
    for; `None` where the learner is in no course.
    """

    learner_id: LearnerId
    profile: LearnerProfile
    groups: Sequence[GroupOutline]
    courses: Sequence[Enrolled]
    calendar: Calendar
    opened: OpenedCourse | None


class OneLearnerService:
    """Reads one learner for callers who may read statistics. It raises `UnavailableError` and what its store raises."""

    def __init__(
        self,
        store: Store,
        people: PeopleService,
        statistics: StatisticsService,
        enrolments: EnrolmentsService,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._people = people
        self._statistics = statistics
        self._enrolments = enrolments
        self._clock = clock

    async def learner(
        self, principal: Principal, learner_id: LearnerId, course_id: CourseId | None, first_weekday: int
    ) -> OneLearner:
        """Return a learner with one course opened: this one, or the one that was seen last (`None`).

        Needs `statistics:read`. Raises `CourseNotGrantedError`, and `GroupNotGrantedError` where the token is limited
        to groups and the learner is in none of them. Raises `LearnerNotFoundError` where the learner is in no course
        that the token grants; with a token that is not limited to courses, a profile is enough.
        """
        principal.require(STATISTICS_READ)
        if course_id is not None:
            principal.require_course(course_id)
        groups = await self._store.groups.of_learner(learner_id)
        principal.require_member_of([group.id for group in groups])
        courses = [
            one
            for one in await self._enrolments.of_learner(learner_id)
            if principal.is_granted(one.course.id) and one.progress.is_listed
        ]
        profile = (await self._people.names([learner_id])).get(learner_id, NO_PROFILE)
        if not courses and (principal.courses is not None or profile == NO_PROFILE):
            raise LearnerNotFoundError(course_id, learner_id)
        opened = course_id or next((one.course.id for one in courses), None)
        return OneLearner(
            learner_id,
            profile,
            [group for group in groups if principal.groups is None or group.id in principal.groups],
            courses,
            await self._calendar(principal, learner_id, courses, first_weekday),
            await self._opened(principal, learner_id, opened) if opened else None,
        )

    async def _opened(self, principal: Principal, learner_id: LearnerId, course_id: CourseId) -> OpenedCourse:
        detail = await self._statistics.learner(principal, course_id, learner_id)
        completions = [one for one in await self._store.completions(learner_id) if one.course_id == course_id]
        return OpenedCourse(detail, completions, (await self._store.ended_runs(learner_id, course_id))[::-1])

    async def _calendar(
        self, principal: Principal, learner_id: LearnerId, courses: Sequence[Enrolled], first_weekday: int
    ) -> Calendar:
        now = self._clock()
        today = max((one.course.date_of(now) for one in courses), default=now.date())
        days = await self._days(principal, learner_id, courses, first_day(today, first_weekday, WEEKS))
        return calendar_of(days, today, first_weekday, WEEKS)

    async def _days(
        self, principal: Principal, learner_id: LearnerId, courses: Sequence[Enrolled], first: date
    ) -> Sequence[LearnerDay]:
        """Return the active days: in all courses, or only in those that the token grants."""
        if principal.courses is None:
            return await self._store.active_days(learner_id, None, first)
        found = await asyncio.gather(*(self._store.active_days(learner_id, one.course.id, first) for one in courses))
        return [day for days in found for day in days]
