"""What a learner has to complete by when, the soonest first, and how urgent it is."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from headway.domain.catalogue import Course, Lesson
from headway.domain.continuing import TouchedLesson
from headway.domain.course_progress import CourseProgress
from headway.domain.outline import lesson_due_at
from headway.domain.progress import LessonProgress, Status

DUE_SOON: Final = timedelta(days=7)
EXPIRING_SOON: Final = timedelta(days=30)


class Urgency(StrEnum):
    """Whether a time is past, comes soon, or comes later."""

    PAST = "past"
    SOON = "soon"
    LATER = "later"


class DueDate(NamedTuple):
    """What is due: a lesson, or the whole course (`lesson` is `None`). `days` are the days until then, in its zone."""

    course: Course
    lesson: Lesson | None
    due_at: datetime
    urgency: Urgency
    days: int


def urgency_of(moment: datetime, now: datetime, soon: timedelta) -> Urgency:
    """Return how urgent a time is; it comes soon where it comes within `soon`."""
    if moment < now:
        return Urgency.PAST
    return Urgency.SOON if moment - now <= soon else Urgency.LATER


def due_dates(
    course: Course,
    progress: CourseProgress,
    all_lesson_progress: Iterable[TouchedLesson | LessonProgress],
    now: datetime,
) -> Iterator[DueDate]:
    """Yield what an enrolled learner has yet to complete in a course, in no order.

    A lesson that is due at the same time as its course is left out. A course that is completed has nothing due.
    """
    if not progress.is_enrolled or progress.completed_at is not None:
        return
    if progress.due_at is not None:
        yield _due(course, None, progress.due_at, now)
    completed = {one.lesson_id for one in all_lesson_progress if one.status is Status.COMPLETED}
    for lesson in course.lessons:
        due_at = None if lesson.id in completed else lesson_due_at(lesson, progress)
        if due_at is not None and due_at != progress.due_at:
            yield _due(course, lesson, due_at, now)


def _due(course: Course, lesson: Lesson | None, due_at: datetime, now: datetime) -> DueDate:
    days = (course.date_of(due_at) - course.date_of(now)).days
    return DueDate(course, lesson, due_at, urgency_of(due_at, now, DUE_SOON), days)
