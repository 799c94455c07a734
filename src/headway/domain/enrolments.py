"""Enrolments: which learners take a course, from when, and until when they are to complete it."""

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from headway.domain.catalogue import Course
from headway.domain.course_progress import CourseProgress, EnrolmentSource, with_sources
from headway.domain.errors import InvalidValueError, NotEnrolledError, Problem
from headway.domain.identifiers import CourseId, LearnerId

PAGE: Final = 50
LONGEST_PAGE: Final = 1_000


class EnrolmentMode(StrEnum):
    """Who may write in a course: everybody, who is enrolled by the first write, or only learners who are enrolled."""

    OPEN = "open"
    CLOSED = "closed"


class Barrier(StrEnum):
    """Why a learner may not write in a course that only learners who are enrolled may write in."""

    NOT_ENROLLED = "not_enrolled"
    ENDED = "ended"
    NOT_BEGUN = "not_begun"


class EnrolmentChange(NamedTuple):
    """A request to enrol a learner in a course, or to end what enrols the learner there.

    `source` is what enrols the learner, with its dates. Where `ends` is set, that source is removed, and the enrolment
    ends where no other source is left. `by_learner` says that the learner asks: then nothing that is decided about the
    learner is changed.
    """

    learner_id: LearnerId
    course_id: CourseId
    source: EnrolmentSource
    ends: bool = False
    by_learner: bool = False


class EnrolmentStatus(StrEnum):
    """How far a learner is in a course."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


def changed(progress: CourseProgress, asked: EnrolmentChange, now: datetime) -> CourseProgress:
    """Return course progress with another enrolment: the same where nothing changes. The caller sets the revision.

    An enrolment that has ended leaves the learner's progress as it is. A learner who has not started then has none.
    Raises `NotEnrolledError` where the learner asks, and the enrolment has ended after the course was begun: others
    have decided that.
    """
    if asked.by_learner and progress.ended_at is not None and progress.is_listed:
        raise _ended(asked.course_id, asked.learner_id)
    if asked.by_learner and progress.is_enrolled:
        return progress
    others = tuple(source for source in progress.sources if source.group_id != asked.source.group_id)
    if not asked.ends:
        sources = tuple(sorted((*others, asked.source), key=lambda source: source.group_id or ""))
        return with_sources(progress._replace(enrolled_at=progress.enrolled_at or now, ended_at=None), sources)
    if others or not _has_source(progress, asked):
        return with_sources(progress, others)
    enrolled_at = progress.enrolled_at if progress.started_at is not None else None
    return with_sources(progress._replace(enrolled_at=enrolled_at, ended_at=now), ())


def _has_source(progress: CourseProgress, asked: EnrolmentChange) -> bool:
    """Whether the learner is enrolled by what is to end. A learner whom the first write enrolled has no source."""
    if asked.source.group_id is None and not progress.sources:
        return progress.is_enrolled
    return any(source.group_id == asked.source.group_id for source in progress.sources)


def starts_at(progress: CourseProgress) -> datetime | None:
    """Return when the learner may begin: the learner's own date, or the earliest of the groups'; `None`: at once."""
    own = next((source for source in progress.sources if source.group_id is None), None)
    if own is not None and own.starts_at is not None:
        return own.starts_at
    starts = [source.starts_at for source in progress.sources if source.group_id is not None]
    return None if None in starts else min(filter(None, starts), default=None)


def status_of(progress: CourseProgress) -> EnrolmentStatus:
    """Return how far the learner is."""
    return status_between(progress.started_at, progress.completed_at)


def status_between(started_at: datetime | None, completed_at: datetime | None) -> EnrolmentStatus:
    """Return how far a learner is who started a course and completed it at these times (`None`: not yet)."""
    if completed_at is not None:
        return EnrolmentStatus.COMPLETED
    return EnrolmentStatus.NOT_STARTED if started_at is None else EnrolmentStatus.IN_PROGRESS


def is_late(due_at: datetime | None, completed_at: datetime | None, now: datetime) -> bool:
    """Whether a course or a lesson is late: its due date is past, and it is not completed."""
    return due_at is not None and completed_at is None and due_at < now


def is_completed_late(due_at: datetime | None, completed_at: datetime | None) -> bool:
    """Whether a course or a lesson was completed after its due date."""
    return due_at is not None and completed_at is not None and due_at < completed_at


def barrier(progress: CourseProgress | None, now: datetime) -> Barrier | None:
    """Return why the learner is not enrolled in a course now; `None`: the learner is."""
    if progress is not None and progress.ended_at is not None:
        return Barrier.ENDED
    if progress is None or not progress.is_enrolled:
        return Barrier.NOT_ENROLLED
    begins = starts_at(progress)
    return Barrier.NOT_BEGUN if begins is not None and now < begins else None


def check_enrolled(progress: CourseProgress | None, course: Course, learner_id: LearnerId, now: datetime) -> None:
    """Raise `NotEnrolledError` unless the learner is enrolled in the course now."""
    found = barrier(progress, now)
    if found is Barrier.ENDED:
        raise _ended(course.id, learner_id)
    if found is Barrier.NOT_ENROLLED:
        raise NotEnrolledError(f"Learner {learner_id} is not enrolled in course {course.id}.")
    begins = starts_at(progress) if progress else None
    if found is Barrier.NOT_BEGUN and begins is not None:
        raise NotEnrolledError(
            f"The enrolment of learner {learner_id} in course {course.id} starts at {begins.isoformat()}."
        )


def _ended(course_id: CourseId, learner_id: LearnerId) -> NotEnrolledError:
    return NotEnrolledError(f"The enrolment of learner {learner_id} in course {course_id} has ended.")


def check_dates(source: EnrolmentSource) -> EnrolmentSource:
    """Return the source. Raises `InvalidValueError` where it is due before it starts."""
    if source.starts_at is not None and source.due_at is not None and source.due_at <= source.starts_at:
        reason = "The due date must be after the start."
        raise InvalidValueError([Problem(("due_at",), reason, "due_before_start")])
    return source


class Enforcement(NamedTuple):
    """The rules that the operator lets Headway enforce. Without them, the platform decides.

    `enrolment`: who may write in a course. `prerequisites`: whether a write to a locked lesson is refused.
    """

    enrolment: EnrolmentMode = EnrolmentMode.OPEN
    prerequisites: bool = False


NOT_ENFORCED: Final = Enforcement()
