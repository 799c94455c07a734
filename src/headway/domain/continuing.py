"""Where a learner goes on in a course."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from headway.domain.catalogue import Course, Lesson
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.progress import LessonProgress, Status


class TouchedLesson(NamedTuple):
    """What of a learner's row says where the learner goes on: `worked_at` is when the learner worked in it last."""

    course_id: CourseId
    lesson_id: LessonId
    status: Status
    worked_at: datetime | None


def next_lesson(course: Course, rows: Iterable[TouchedLesson | LessonProgress]) -> Lesson | None:
    """The lesson to go on with; `None` where all are completed.

    It is the lesson worked in last, if it is not completed; else the first one after it that is not; else the first of
    all. A bookmark, notes, and what others or an edit of the course did to a row are no work. Rows of lessons that have
    left the course say nothing.
    """
    position = course.positions
    present = [row for row in rows if row.lesson_id in position]
    completed = {row.lesson_id for row in present if row.status is Status.COMPLETED}
    worked = [(row.worked_at, position[row.lesson_id]) for row in present if row.worked_at is not None]
    _, start = max(worked, default=(None, 0))
    ahead = (*course.lessons[start:], *course.lessons[:start])
    return next((lesson for lesson in ahead if lesson.id not in completed), None)
