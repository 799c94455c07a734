"""Enrolments: who takes which course, from when, and until when."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from headway.domain.catalogue import Course
from headway.domain.completions import Completion, expires_at
from headway.domain.course_progress import CourseProgress, EnrolmentSource, Summary, summarise
from headway.domain.enrolments import (
    EnrolmentChange,
    EnrolmentMode,
    EnrolmentStatus,
    check_dates,
    is_completed_late,
    is_late,
    starts_at,
    status_of,
)
from headway.domain.errors import CourseNotFoundError, EnrolmentNotFoundError, RunNotFoundError
from headway.domain.groups import GroupEnrolment
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.ports import Store
from headway.domain.principal import ENROLMENTS_WRITE, LEARNERS_ADMIN, Principal
from headway.domain.progress import LessonProgress
from headway.domain.runs import Run, RunStart, in_order_of, run_of
from headway.service.course_progress import read_learner


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


class RunReading(NamedTuple):
    """A run of a course, whether it is late, and its lesson progress in the course's order."""

    run: Run
    late: bool
    lesson_progress: Sequence[LessonProgress]


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
        """Enrol a learner in a course, with these dates. Raises `InvalidValueError`.

        Needs `enrolments:write`, unless learners enrol themselves without dates where enrolling is open. That changes
        no enrolment that is there, and raises `NotEnrolledError` where it has ended in a course that was begun.
        """
        by_learner = ENROLMENTS_WRITE not in principal.scopes and self._may_enrol_alone(principal, learner_id, source)
        if not by_learner:
            principal.require(ENROLMENTS_WRITE)
        asked = EnrolmentChange(learner_id, course_id, check_dates(source), by_learner=by_learner)
        progress = await self._store.enrol(asked)
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

    async def begin_run(self, principal: Principal, asked: RunStart) -> Enrolled:
        """Begin a learner's next run of a course, and keep the present one as it is. Needs `enrolments:write`.

        Raises `EnrolmentNotFoundError`, `RunConflictError` and `InvalidValueError`.
        """
        principal.require(ENROLMENTS_WRITE)
        check_dates(asked.dates)
        progress = await self._store.begin_run(asked)
        return self._enrolled((await self._store.course(asked.course_id)).course, progress)

    async def runs(self, principal: Principal, learner_id: LearnerId, course_id: CourseId) -> list[RunReading]:
        """Return a learner's runs of a course, the present one last.

        Needs `learners:admin`, unless the caller is that learner. Raises `EnrolmentNotFoundError`.
        """
        _check_reader(principal, learner_id)
        course, progress = await self._store.course_progress(learner_id, course_id)
        present = [] if progress is None else [run_of(course, progress)]
        # A run that ends in between is then in both, and the later look is right.
        ended = await self._store.ended_runs(learner_id, course_id)
        runs = {run.number: run for run in (*present, *ended)}
        if not runs:
            raise EnrolmentNotFoundError(course_id, learner_id)
        return [self._read(runs[number]) for number in sorted(runs)]

    async def run(self, principal: Principal, learner_id: LearnerId, course_id: CourseId, number: int) -> RunReading:
        """Return one of a learner's runs of a course, with its lesson progress.

        Needs `learners:admin`, unless the caller is that learner. Raises `RunNotFoundError`.
        """
        _check_reader(principal, learner_id)
        reading = await read_learner(self._store, learner_id, course_id)
        course, present = reading.versioned.course, reading.course_progress
        # The present run may end while it is read. So runs that have ended are looked at last, and come first.
        ended = await self._store.ended_run(learner_id, course_id, number)
        if ended is not None:
            return self._read(ended.run, in_order_of(course, ended.lessons))
        if present is None or present.run != number:
            raise RunNotFoundError(course_id, learner_id, number)
        return self._read(run_of(course, present), in_order_of(course, reading.lesson_progress))

    @property
    def is_open(self) -> bool:
        """Whether learners may enrol themselves."""
        return self._store.enforced.enrolment is EnrolmentMode.OPEN

    def _may_enrol_alone(self, principal: Principal, learner_id: LearnerId, source: EnrolmentSource) -> bool:
        return self.is_open and principal.learner_id == learner_id and source == EnrolmentSource()

    def _read(self, run: Run, lessons: Sequence[LessonProgress] = ()) -> RunReading:
        return RunReading(run, run.is_late(self._clock()), lessons)

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

    async def of_learner(self, learner_id: LearnerId) -> list[Enrolled]:
        """Return the courses of the catalogue that a learner is in. The caller checks who asks.

        Those that the learner has started come first, the last written first; then the others, by their due dates.
        """
        readings = await self._store.learner_courses(learner_id)
        begun = [self._enrolled(course, progress) for course, progress in readings if progress is not None]
        known = {one.course.id for one in begun}
        others = [
            await self._of_present(progress)
            for progress in await self._store.enrolments_of(learner_id)
            if progress.course_id not in known
        ]
        return [*begun, *sorted(filter(None, others), key=_by_due_date)]

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


def _check_reader(principal: Principal, learner_id: LearnerId) -> None:
    """Raise `MissingScopeError` unless the caller is the learner, or has `learners:admin`."""
    if principal.learner_id != learner_id:
        principal.require(LEARNERS_ADMIN)


def _by_due_date(enrolled: Enrolled) -> tuple[bool, datetime | None, str, CourseId]:
    due_at = enrolled.progress.due_at
    return due_at is None, due_at, enrolled.course.title, enrolled.course.id
