"""Runs: a learner does a course again. A run that has ended is kept with its lesson progress as it was."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from headway.domain.bounds import Number
from headway.domain.catalogue import Course
from headway.domain.completions import Completion
from headway.domain.course_progress import (
    CourseProgress,
    EnrolmentSource,
    Tally,
    completion_percentage,
    restarted,
    with_sources,
)
from headway.domain.dating import NO_TIMES
from headway.domain.enrolments import EnrolmentStatus, is_completed_late, is_late, status_between
from headway.domain.errors import EnrolmentNotFoundError, OtherRunError, RunConflictError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.progress import LessonProgress
from headway.domain.writes import LessonWrite


class RunStart(NamedTuple):
    """A request to begin a learner's next run of a course.

    `dates` are those of the learner's own enrolment in the new run. `number` is the number that the new run is to have,
    so that a request that is sent twice begins one run; `None`: the next number.
    """

    learner_id: LearnerId
    course_id: CourseId
    dates: EnrolmentSource = EnrolmentSource()
    number: int | None = None


class Run(NamedTuple):
    """A run of a course by a learner.

    - `number`: runs are numbered from 1.
    - `began_at`: when the run began. The first run begins with the enrolment.
    - `ended_at`: when the next run began; `None`: this is the present run.
    - `total_lessons`: the number of lessons that count, under the course version of the run's end.

    The other fields are those of course progress.
    """

    learner_id: LearnerId
    course_id: CourseId
    number: int
    began_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    last_accessed: datetime | None
    course_version: int
    total_lessons: int
    tally: Tally

    @property
    def status(self) -> EnrolmentStatus:
        """How far the learner came in this run."""
        return status_between(self.started_at, self.completed_at)

    @property
    def completion_percentage(self) -> Number:
        """The share of the lessons that count and are completed."""
        return completion_percentage(self.tally.completed_lessons, self.total_lessons)

    @property
    def completed_late(self) -> bool:
        """Whether the course was completed after the due date of this run."""
        return is_completed_late(self.due_at, self.completed_at)

    def is_late(self, now: datetime) -> bool:
        """Whether the due date of this run is past, or was past at its end, and the course is not completed."""
        return is_late(self.due_at, self.completed_at, self.ended_at or now)


class EndedRun(NamedTuple):
    """A run that has ended, with its lesson progress as it was.

    `completion` is set where the learner completed the course in the same batch of works that ended the run.
    """

    run: Run
    lessons: Sequence[LessonProgress]
    completion: Completion | None = None

    @property
    def learner_id(self) -> LearnerId:
        """The learner whose run it was."""
        return self.run.learner_id


def run_of(course: Course, progress: CourseProgress, ended_at: datetime | None = None) -> Run:
    """Return the run that course progress describes: the present one, or the one that ends at `ended_at`."""
    return Run(
        progress.learner_id,
        progress.course_id,
        progress.run,
        progress.run_began_at or progress.enrolled_at,
        progress.started_at,
        progress.completed_at,
        ended_at,
        progress.due_at,
        progress.last_accessed,
        progress.course_version,
        course.required_lessons,
        progress.tally,
    )


def check_start(progress: CourseProgress | None, asked: RunStart) -> CourseProgress:
    """Return the course progress of the run that is to end.

    Raises `EnrolmentNotFoundError` where the learner is not enrolled, and `RunConflictError` where the present run has
    no progress yet, or the new run would not have the number that is asked for. So of two requests at the same time
    only one begins a run.
    """
    if progress is None or not progress.is_enrolled:
        raise EnrolmentNotFoundError(asked.course_id, asked.learner_id)
    if asked.number is not None and asked.number != progress.run + 1:
        raise RunConflictError(f"The learner is in run {progress.run}, so run {asked.number} can not begin.")
    if progress.started_at is None:
        raise RunConflictError(f"The learner has not started run {progress.run} yet.")
    return progress


def next_run(progress: CourseProgress, asked: RunStart, now: datetime) -> CourseProgress:
    """Return the course progress of a new run: without any progress, with the dates that are asked for.

    The learner stays enrolled by the same groups. The caller sets the revision.
    """
    sources = [source for source in progress.sources if source.group_id is not None]
    has_own = len(sources) < len(progress.sources)
    if has_own or any(asked.dates):
        sources = [asked.dates, *sources]
    begun = restarted(progress, now)._replace(run=progress.run + 1, run_began_at=now)
    return with_sources(begun, sources)


def check_run(progress: CourseProgress | None, write: LessonWrite) -> None:
    """Raise `OtherRunError` where a write belongs to another run than the present one.

    This is so where the write names another run, and where it brings a time from before the present run began: a device
    was offline when the run ended. The API shows whole seconds, so a time in the second of the begin is of this run.
    """
    present = progress.run if progress else 1
    if write.run is not None and write.run != present:
        raise OtherRunError(f"The write is for run {write.run}, and the learner is in run {present} of the course.")
    if progress is None or progress.run_began_at is None or write.times is NO_TIMES:
        return
    began_in = progress.run_began_at.replace(microsecond=0)
    if any(time is not None and time < began_in for time in write.times):
        began_at = progress.run_began_at.isoformat()
        raise OtherRunError(f"The write is from before {began_at}, when run {present} of the course began.")


def in_order_of(course: Course, lessons: Iterable[LessonProgress]) -> list[LessonProgress]:
    """Return lesson progress in the course's order. Lessons that have left the course come last, by id."""
    positions = course.positions
    last = len(positions)
    return sorted(lessons, key=lambda progress: (positions.get(progress.lesson_id, last), progress.lesson_id))
