"""Which writes are refused: those for another run of the course, and those that an enforced rule does not allow."""

from collections.abc import Callable
from datetime import datetime

from headway.domain.catalogue import Course
from headway.domain.course_progress import CourseProgress, is_completed
from headway.domain.dating import NO_TIMES
from headway.domain.enrolments import NOT_ENFORCED, Enforcement, EnrolmentMode, check_enrolled
from headway.domain.errors import LessonLockedError
from headway.domain.identifiers import LessonId
from headway.domain.progress import LessonProgress
from headway.domain.runs import check_run
from headway.domain.writes import LessonWrite


def is_limited(write: LessonWrite, enforced: Enforcement) -> bool:
    """Whether `check_write` may refuse a write."""
    says_when = write.times is not NO_TIMES or write.made_at is not None
    return write.run is not None or says_when or _is_enforced(write, enforced)


def check_write(
    write: LessonWrite,
    course: Course,
    progress: CourseProgress | None,
    lesson_progress: Callable[[LessonId], LessonProgress | None],
    enforced: Enforcement,
    now: datetime,
) -> None:
    """Raise an error where a write is for another run, or where an enforced rule refuses it.

    `progress` is the learner's course progress before the write. `lesson_progress` returns the progress in a lesson.
    Raises `OtherRunError`, `NotEnrolledError` or `LessonLockedError`.
    """
    check_run(progress, write)
    if not _is_enforced(write, enforced):
        return
    if enforced.enrolment is EnrolmentMode.CLOSED and not _made_before_the_end(progress, write):
        check_enrolled(progress, course, write.learner_id, write.made_at or now)
    lesson = course.lessons_by_id.get(write.lesson_id)
    if lesson is None or not enforced.prerequisites:
        return
    locked_by = [required for required in lesson.requires if not is_completed(lesson_progress(required))]
    if locked_by:
        raise LessonLockedError(write.lesson_id, locked_by)


def _made_before_the_end(progress: CourseProgress | None, write: LessonWrite) -> bool:
    """Whether a write that arrives after the learner's enrolment has ended was made before."""
    ended_at = None if progress is None else progress.ended_at
    return write.made_at is not None and ended_at is not None and write.made_at < ended_at


def _is_enforced(write: LessonWrite, enforced: Enforcement) -> bool:
    """Whether the enforced rules hold for a write. Nothing limits what is removed or restored from an export."""
    return enforced is not NOT_ENFORCED and write.update is not None and write.restored is None
