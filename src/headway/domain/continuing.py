"""The lesson with which a learner continues a course."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from headway.domain.catalogue import Course, Lesson
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.progress import LessonProgress, Status


class TouchedLesson(NamedTuple):
    """The fields of lesson progress that the next lesson depends on.

    `worked_at` is when the learner last worked in the lesson.
    """

    course_id: CourseId
    lesson_id: LessonId
    status: Status
    worked_at: datetime | None


def next_lesson(course: Course, all_lesson_progress: Iterable[TouchedLesson | LessonProgress]) -> Lesson | None:
    """Return the lesson to continue with; `None` where all lessons are completed.

    This is the lesson that the learner worked in last, if it is not completed. Otherwise it is the next lesson in the
    course's order that is not completed; after the last lesson the search begins again at the first. A lesson for which
    another one comes first is passed over. A bookmark, a note, a write by another person and an edit of the course are
    not work. Lessons that have left the course are ignored.
    """
    position = course.positions
    present = [one for one in all_lesson_progress if one.lesson_id in position]
    completed = {one.lesson_id for one in present if one.status is Status.COMPLETED}
    worked = [(one.worked_at, position[one.lesson_id]) for one in present if one.worked_at is not None]
    _, start = max(worked, default=(None, 0))
    ahead = (*course.lessons[start:], *course.lessons[:start])
    return next((one for one in ahead if one.id not in completed and completed.issuperset(one.requires)), None)
