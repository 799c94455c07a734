"""Between a course and the columns of `lessons`, which are the same in every store."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from headway.domain.bounds import Number, plain
from headway.domain.catalogue import Course, Lesson, LessonKind, VersionedCourse
from headway.domain.identifiers import CourseId

Columns = Sequence[Any]


def to_course(course_id: CourseId, rows: Sequence[Any]) -> Course:
    """A course from its lessons' rows, each opening with the course's version and title."""
    return Course(course_id, rows[0][1], tuple(_to_lesson(row[2:]) for row in rows))


def to_courses(rows: Sequence[Any]) -> list[VersionedCourse]:
    """Courses from their lessons' rows, course by course, each row opening with the course's id, version and title."""
    by_course = groupby(rows, itemgetter(0))
    lessons = [(course_id, [row[1:] for row in group]) for course_id, group in by_course]
    return [VersionedCourse(to_course(course_id, group), group[0][0]) for course_id, group in lessons]


def from_course(course: Course) -> list[tuple[Any, ...]]:
    """The columns of `lessons` for each lesson, in the table's order."""
    return [
        (
            course.id, lesson.id, position, lesson.title, lesson.content_id, lesson.section, lesson.kind.value,
            lesson.duration_seconds, lesson.required, lesson.pass_mark, lesson.complete_at,
        )
        for position, lesson in enumerate(course.lessons)
    ]  # fmt: skip


def _to_lesson(columns: Columns) -> Lesson:
    lesson_id, title, content_id, section, kind, duration, required, pass_mark, complete_at = columns
    return Lesson(
        lesson_id,
        title,
        content_id,
        section,
        LessonKind(kind),
        _plain(duration),
        required == 1,
        _plain(pass_mark),
        _plain(complete_at),
    )


def _plain(value: float | None) -> Number | None:
    return None if value is None else plain(value)
