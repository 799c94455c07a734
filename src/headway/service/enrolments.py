"""Enrolments: who takes which course, from when, and until when."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from headway.domain.catalogue import Course
from headway.domain.completions import Completion, expires_at
from headway.domain.course_progress import CourseProgress, EnrolmentSource, Summary, summarise
from headway.domain.enrolments import (
    EnrolmentChange,
    EnrolmentStatus,
    check_dates,
    is_completed_late,
    is_late,
    starts_at,
    status_of,
)
from headway.domain.errors import CourseNotFoundError
from headway.domain.groups import GroupEnrolment
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.ports import Store
from headway.domain.principal import ENROLMENTS_WRITE, Principal


class Enrolled(NamedTuple):
    """An enrolment, and how far the learner is.

    `late` says that the course is not completed and its due date is past, `completed_late` that it was completed after
    its due date. `expires_at` is until when the completion counts, under the present course document.
    """

    course: Course
    progress: CourseProgress
    summary: Summary
    starts_at: datetime | None
    status: EnrolmentStatus
    late: bool
    completed_late: bool
    expires_at: datetime | None


class EnrolmentPage(NamedTuple):
    """A page of a course's enrolments by the learners' ids, and the last learner where another page follows."""

    enrolments: Sequence[Enrolled]
    last: LearnerId | None


class EnrolmentsService:
    """Enrolments. Every method may raise `UnavailableError` and what its store raises."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._clock = clock

    async def enrol(
        self, principal: Principal, course_id: CourseId, learner_id: LearnerId, source: EnrolmentSource
    ) -> Enrolled:
        """Enrol a learner in a course, with these dates. Needs `enrolments:write`. Raises `InvalidValueError`."""
        principal.require(ENROLMENTS_WRITE)
        progress = await self._store.enrol(EnrolmentChange(learner_id, course_id, check_dates(source)))
        assert progress is not None  # noqa: S101 - who was enrolled has course progress
        return self._enrolled((await self._store.course(course_id)).course, progress)

    async def end(self, principal: Principal, course_id: CourseId, learner_id: LearnerId) -> None:
        """End a learner's own enrolment in a course, if there is one. Needs `enrolments:write`."""
        principal.require(ENROLMENTS_WRITE)
        await self._store.enrol(EnrolmentChange(learner_id, course_id, EnrolmentSource(), ends=True))

    async def enrol_group(
        self, principal: Principal, course_id: CourseId, group_id: GroupId, source: EnrolmentSource
    ) -> GroupEnrolment:
        """Enrol all present and future members of a group in a course, with these dates. Needs `enrolments:write`.

        Raises `GroupNotFoundError` and `InvalidValueError`.
        """
        principal.require(ENROLMENTS_WRITE)
        dates = check_dates(source)
        await self._store.course(course_id)
        enrolment = GroupEnrolment(course_id, dates.starts_at, dates.due_at)
        await self._store.groups.enrol(group_id, enrolment)
        return enrolment

    async def end_group(self, principal: Principal, course_id: CourseId, group_id: GroupId) -> None:
        """End the enrolment of a group in a course, if there is one. Needs `enrolments:write`.

        Raises `GroupNotFoundError`.
        """
        principal.require(ENROLMENTS_WRITE)
        await self._store.course(course_id)
        await self._store.groups.end_enrolment(group_id, course_id)

    async def of_course(
        self, principal: Principal, course_id: CourseId, after: LearnerId | None, limit: int
    ) -> EnrolmentPage:
        """Return a page of the learners who are enrolled in a course, by id. Needs `enrolments:write`."""
        principal.require(ENROLMENTS_WRITE)
        course = (await self._store.course(course_id)).course
        found = await self._store.enrolments_in(course_id, after, limit + 1)
        shown = [self._enrolled(course, progress) for progress in found[:limit]]
        return EnrolmentPage(shown, found[limit - 1].learner_id if len(found) > limit else None)

    async def own(self, principal: Principal) -> list[Enrolled]:
        """Return the caller's enrolments in courses of the catalogue. The first due date comes first, `None` last."""
        found = [await self._of_present(progress) for progress in await self._store.enrolments_of(principal.learner_id)]
        return sorted(filter(None, found), key=_by_due_date)

    async def completions(self, principal: Principal) -> Sequence[Completion]:
        """Return all the caller's completions, the last one first, also in courses that have left the catalogue."""
        return await self._store.completions(principal.learner_id)

    async def _of_present(self, progress: CourseProgress) -> Enrolled | None:
        """Return an enrolment under the present version of its course; `None` where the course was removed."""
        try:
            course, present = await self._store.course_progress(progress.learner_id, progress.course_id)
        except CourseNotFoundError:
            return None
        return self._enrolled(course, present or progress)

    def _enrolled(self, course: Course, progress: CourseProgress) -> Enrolled:
        return Enrolled(
            course,
            progress,
            summarise(course, progress),
            starts_at(progress),
            status_of(progress),
            is_late(progress.due_at, progress.completed_at, self._clock()),
            is_completed_late(progress.due_at, progress.completed_at),
            expires_at(course, progress.completed_at),
        )


def _by_due_date(enrolled: Enrolled) -> tuple[bool, datetime | None, str, CourseId]:
    due_at = enrolled.progress.due_at
    return due_at is None, due_at, enrolled.course.title, enrolled.course.id
