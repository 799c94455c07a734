"""What a learner sees who has just completed a course: the completion, and the course to go on with."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from headway.domain.catalogue import Course
from headway.domain.completions import expires_at
from headway.domain.course_progress import CourseProgress, is_complete
from headway.domain.enrolments import starts_at
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.ports import Store
from headway.service.course_progress import LearnerReading

JUST_COMPLETED: Final = timedelta(days=1)
"""For how long a completion is new."""


class NextCourse(NamedTuple):
    """A course to go on with. `begun` says whether the learner has written in it."""

    course: Course
    begun: bool


class Finish(NamedTuple):
    """A new completion of a course. It counts until `expires_at` (`None`: always).

    `next_course` is `None` where no other course waits for the learner.
    """

    completed_at: datetime
    expires_at: datetime | None
    next_course: NextCourse | None


async def finish_of(store: Store, learner_id: LearnerId, reading: LearnerReading, now: datetime) -> Finish | None:
    """Return a learner's completion of a course, if it is new."""
    course, progress = reading.versioned.course, reading.course_progress
    if progress is None or progress.completed_at is None or now - progress.completed_at >= JUST_COMPLETED:
        return None
    until = expires_at(course, progress.completed_at)
    return Finish(progress.completed_at, until, await _next_course(store, learner_id, course.id, now))


async def _next_course(store: Store, learner_id: LearnerId, finished: CourseId, now: datetime) -> NextCourse | None:
    """Return the course under way that was written in last; if there is none, the first one to begin."""
    for reading in await store.learner_courses(learner_id):
        is_open = reading.progress is not None and not is_complete(reading.course, reading.progress.tally)
        if is_open and reading.course.id != finished:
            return NextCourse(reading.course, begun=True)
    for enrolment in sorted(await store.enrolments_of(learner_id), key=_urgency):
        if enrolment.started_at is None and enrolment.course_id != finished and _is_open(enrolment, now):
            try:
                return NextCourse((await store.course(enrolment.course_id)).course, begun=False)
            except CourseNotFoundError:  # it has left the catalogue
                continue
    return None


def _urgency(enrolment: CourseProgress) -> tuple[bool, datetime | None, str]:
    """Sort by due date, and what is due at any time last."""
    return enrolment.due_at is None, enrolment.due_at, enrolment.course_id


def _is_open(enrolment: CourseProgress, now: datetime) -> bool:
    begins = starts_at(enrolment)
    return begins is None or begins <= now
