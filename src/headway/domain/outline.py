"""The outline of a course for one learner: every lesson, how far the learner is, when it is due, and what locks it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from headway.domain.bounds import Number
from headway.domain.catalogue import Course, Lesson
from headway.domain.course_progress import CourseProgress, is_completed, own_due_at
from headway.domain.enrolments import is_completed_late, is_late, starts_at
from headway.domain.identifiers import LessonId
from headway.domain.progress import LessonProgress, Status


class OutlineLesson(NamedTuple):
    """A lesson of a course, as one learner sees it.

    `late` says that it is not completed and its due date is past, `completed_late` that it was completed after its due
    date. `locked_by` are the lessons that come first and are not completed. A lesson that is completed is not locked
    any more.
    """

    lesson: Lesson
    status: Status
    progress_percentage: Number
    quiz_score: Number | None
    is_bookmarked: bool
    due_at: datetime | None
    late: bool
    completed_late: bool
    locked_by: Sequence[LessonId]

    @property
    def locked(self) -> bool:
        """Whether another lesson comes first."""
        return bool(self.locked_by)


def outline(
    course: Course,
    course_progress: CourseProgress | None,
    all_lesson_progress: Iterable[LessonProgress],
    now: datetime,
) -> list[OutlineLesson]:
    """Return the lessons of a course in its order, with one learner's progress."""
    found = {progress.lesson_id: progress for progress in all_lesson_progress}
    completed = {lesson_id for lesson_id, progress in found.items() if is_completed(progress)}
    return [_seen(lesson, course_progress, found.get(lesson.id), completed, now) for lesson in course.lessons]


def _seen(
    lesson: Lesson,
    course_progress: CourseProgress | None,
    progress: LessonProgress | None,
    completed: set[LessonId],
    now: datetime,
) -> OutlineLesson:
    due_at = lesson_due_at(lesson, course_progress)
    is_open = lesson.id in completed
    completed_at = progress.completed_at if progress and is_open else None
    return OutlineLesson(
        lesson,
        progress.status if progress else Status.NOT_STARTED,
        progress.progress_percentage if progress else 0,
        progress.quiz_score if progress else None,
        progress is not None and progress.is_bookmarked,
        due_at,
        is_late(due_at, completed_at, now),
        is_completed_late(due_at, completed_at),
        () if is_open else [required for required in lesson.requires if required not in completed],
    )


def lesson_due_at(lesson: Lesson, course_progress: CourseProgress | None) -> datetime | None:
    """Return when a lesson is due for a learner; `None`: at any time.

    The date of the learner's own enrolment is valid in place of the lesson's. The days after which a lesson is due are
    counted from the beginning of the enrolment, or of a later run.
    """
    if lesson.due_at is None and lesson.due_after_days is None:
        return None
    own = own_due_at(course_progress) if course_progress else None
    if own is not None or lesson.due_after_days is None:
        return own or lesson.due_at
    if course_progress is None or course_progress.enrolled_at is None:
        return None
    begin = starts_at(course_progress) or course_progress.enrolled_at
    if course_progress.run_began_at is not None:
        begin = max(begin, course_progress.run_began_at)
    return begin + timedelta(days=lesson.due_after_days)
