"""The lesson with which a learner continues a course, and the time that is left."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from headway.domain.bounds import Number
from headway.domain.catalogue import Course, Lesson
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.progress import LessonProgress, Status


class TouchedLesson(NamedTuple):
    """The fields of lesson progress that the next lesson and the time that is left depend on.

    `worked_at` is when the learner last worked in the lesson.
    """

    course_id: CourseId
    lesson_id: LessonId
    status: Status
    worked_at: datetime | None
    video_position_seconds: Number


class TimeLeft(NamedTuple):
    """The time that the rest of a course takes, in seconds. `is_least`: some of its lessons have no duration."""

    seconds: Number
    is_least: bool


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


def lesson_left(lesson: Lesson, progress: TouchedLesson | LessonProgress | None) -> Number | None:
    """Return the seconds that are left of a lesson after the learner's position; `None` where they are not known."""
    if lesson.duration_seconds is None:
        return None
    return max(lesson.duration_seconds - (progress.video_position_seconds if progress else 0), 0)


def course_left(course: Course, all_lesson_progress: Iterable[TouchedLesson | LessonProgress]) -> TimeLeft | None:
    """Return the time that is left of the lessons that count and are not completed; `None` where none is known."""
    found = {one.lesson_id: one for one in all_lesson_progress}
    completed = {lesson_id for lesson_id, one in found.items() if one.status is Status.COMPLETED}
    open_lessons = [lesson for lesson in course.lessons if lesson.required and lesson.id not in completed]
    times = [lesson_left(lesson, found.get(lesson.id)) for lesson in open_lessons]
    known = [time for time in times if time is not None]
    return TimeLeft(sum(known), len(known) < len(times)) if known else None
