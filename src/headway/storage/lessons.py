"""Converts a course to the columns of `courses` and `lessons`, which are the same in every store, and back."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import orjson

from headway.domain.bounds import Number, plain
from headway.domain.catalogue import Course, Lesson, LessonKind, OnEdit, VersionedCourse
from headway.domain.identifiers import CourseId
from headway.domain.text import sort_key
from headway.storage.shared.session import to_moment

Columns = Sequence[Any]

_COURSE_COLUMNS: Final = 5


def to_course(course_id: CourseId, rows: Sequence[Any]) -> VersionedCourse:
    """Return a course from the rows of its lessons, which begin with those of the course."""
    version, title, time_zone, on_edit, valid_for_days = rows[0][:_COURSE_COLUMNS]
    lessons = tuple(_to_lesson(row[_COURSE_COLUMNS:-1]) for row in rows)
    criteria = {lesson.id: row[-1] for lesson, row in zip(lessons, rows, strict=True) if row[-1]}
    course = Course(course_id, title, lessons, time_zone, OnEdit(on_edit), valid_for_days)
    return VersionedCourse(course, version, criteria)


def to_courses(rows: Sequence[Any]) -> list[VersionedCourse]:
    """Return courses from the rows of their lessons, grouped by course. Each row begins with the course's id."""
    by_course = groupby(rows, itemgetter(0))
    return [to_course(course_id, [row[1:] for row in group]) for course_id, group in by_course]


def course_columns(versioned: VersionedCourse) -> tuple[Any, ...]:
    """Return the columns of `courses`, in the table's order."""
    course = versioned.course
    return (
        course.id, course.title, course.time_zone, course.on_edit.value, len(course.lessons), course.required_lessons,
        versioned.version, sort_key(course.title), course.valid_for_days,
    )  # fmt: skip


def lesson_columns(versioned: VersionedCourse) -> list[tuple[Any, ...]]:
    """Return the columns of `lessons` for each lesson, in the table's order."""
    course = versioned.course
    return [
        (
            course.id, lesson.id, position, lesson.title, lesson.content_id, lesson.section, lesson.kind.value,
            lesson.duration_seconds, lesson.required, lesson.pass_mark, lesson.complete_at,
            orjson.dumps(lesson.requires).decode() if lesson.requires else None, lesson.due_at, lesson.due_after_days,
            versioned.criteria.get(lesson.id, 0),
        )
        for position, lesson in enumerate(course.lessons)
    ]  # fmt: skip


def _to_lesson(columns: Columns) -> Lesson:
    (lesson_id, title, content_id, section, kind, duration, required, pass_mark, complete_at,
     requires, due_at, due_after_days) = columns  # fmt: skip
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
        tuple(orjson.loads(requires)) if requires else (),
        None if due_at is None else to_moment(due_at),
        due_after_days,
    )


def _plain(value: float | None) -> Number | None:
    return None if value is None else plain(value)
