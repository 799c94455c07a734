"""Runs: a learner does a course again. A run that has ended is kept with its lesson progress as it was."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from headway.domain.bounds import MOST_RUNS, Number
from headway.domain.catalogue import Course
from headway.domain.course_progress import (
    CourseProgress,
    EnrolmentSource,
    Tally,
    completion_percentage,
    restarted,
    with_sources,
)
from headway.domain.dating import CLOCKS_DIFFER, whole_second
from headway.domain.enrolments import EnrolmentStatus, is_completed_late, is_late, status_between
from headway.domain.errors import (
    EnrolmentNotFoundError,
    InvalidValueError,
    OtherRunError,
    Problem,
    RunConflictError,
)
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
    """A run that has ended, with its lesson progress as it was."""

    run: Run
    lessons: Sequence[LessonProgress]

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
    following = progress.run + 1
    if asked.number is not None and asked.number < following:
        raise RunConflictError(f"Run {asked.number} has begun already.")
    if asked.number not in {None, following} or following > MOST_RUNS:
        raise RunConflictError(f"The learner is in run {progress.run}. The next run is {following}.")
    if progress.started_at is None:
        raise RunConflictError(f"The learner has not started run {progress.run} yet.")
    return progress


def next_run(progress: CourseProgress, asked: RunStart, now: datetime) -> CourseProgress:
    """Return the course progress of a new run: without any progress, with the dates that are asked for.

    The learner stays enrolled by the same groups. The caller sets the revision.
    """
    groups = [source for source in progress.sources if source.group_id is not None]
    has_own = len(groups) < len(progress.sources)
    own = [asked.dates] if has_own or any(asked.dates) else []
    return with_sources(in_run(progress, progress.run + 1, now, now), [*own, *groups])


def in_run(progress: CourseProgress, number: int, began_at: datetime | None, now: datetime) -> CourseProgress:
    """Return the course progress of a learner in another run, without any progress. The enrolment stays."""
    begun = restarted(progress, now)._replace(run=number, run_began_at=began_at)
    return with_sources(begun, begun.sources)


def enters_run(progress: CourseProgress | None, write: LessonWrite) -> bool:
    """Whether a write comes from the export of a later run, so that the learner enters that run by it."""
    return write.restored is not None and write.run is not None and write.run > _number(progress)


def check_began(began_at: datetime | None, now: datetime) -> None:
    """Raise `InvalidValueError` unless a later run of an export has the time when it began."""
    if began_at is None:
        raise InvalidValueError([Problem(("run_began_at",), "A later run has a time when it began.", "missing")])
    if began_at > now + CLOCKS_DIFFER:
        raise InvalidValueError([Problem(("run_began_at",), "The time is in the future.", "time_in_future")])


def check_ended_runs(ended_runs: Sequence[EndedRun], present: int, now: datetime) -> None:
    """Raise `InvalidValueError` where the runs of an export can not have ended before the run `present`."""
    numbers = [ended.run.number for ended in ended_runs]
    if len(set(numbers)) < len(numbers) or any(number >= present for number in numbers):
        reason = f"Runs that have ended must have different numbers from 1 to {present - 1}."
        raise InvalidValueError([Problem(("runs",), reason, "run_numbers")])
    latest = max((_latest(ended) for ended in ended_runs), default=now)
    if latest > now + CLOCKS_DIFFER:
        raise InvalidValueError([Problem(("runs",), "The time is in the future.", "time_in_future")])


def _latest(ended: EndedRun) -> datetime:
    moments = [ended.run.ended_at, *(lesson.updated_at for lesson in ended.lessons)]
    return max(filter(None, moments))


def _number(progress: CourseProgress | None) -> int:
    return progress.run if progress else 1


def check_run(progress: CourseProgress | None, write: LessonWrite) -> None:
    """Raise `OtherRunError` where a write belongs to another run than the present one.

    This is so where the write names another run, and where it brings a time from before the present run began: a device
    was offline when the run ended. Times are compared to the second, as the API shows them.
    """
    if enters_run(progress, write):
        return
    check_number(progress, write.run)
    if progress is None or progress.run_began_at is None:
        return
    began_at = whole_second(progress.run_began_at)
    if any(time is not None and time < began_at for time in (*write.times, write.made_at)):
        began = f"{began_at:%Y-%m-%dT%H:%M:%SZ}"
        reason = f"This is from before {began}, when run {progress.run} of the course began."
        raise OtherRunError(f"{reason} It belongs to an earlier run.")


def check_number(progress: CourseProgress | None, number: int | None) -> None:
    """Raise `OtherRunError` unless a learner is in this run of a course (`None`: any)."""
    present = _number(progress)
    if number is not None and number != present:
        raise OtherRunError(f"This is for run {number} of the course, and the learner is in run {present}.")


def in_order_of(course: Course, lessons: Iterable[LessonProgress]) -> list[LessonProgress]:
    """Return lesson progress in the course's order. Lessons that have left the course come last, by id."""
    positions = course.positions
    last = len(positions)
    return sorted(lessons, key=lambda progress: (positions.get(progress.lesson_id, last), progress.lesson_id))
