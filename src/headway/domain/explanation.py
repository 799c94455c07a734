"""The explanation of a completion percentage: for each lesson, whether it counts, and why not."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from headway.domain.catalogue import Lesson, VersionedCourse
from headway.domain.identifiers import LessonId
from headway.domain.progress import LessonProgress, Status


class NotCounted(StrEnum):
    """Why a lesson does not count towards the percentage."""

    OPTIONAL = "optional"
    REMOVED = "removed"


class ExplainedLesson(NamedTuple):
    """One lesson of an explanation. `title` is `None` where the lesson has left the course."""

    lesson_id: LessonId
    title: str | None
    status: Status
    counted: bool
    reason: NotCounted | None


class Explanation(NamedTuple):
    """The version of the course document that the percentage follows, and the learner's lessons.

    The lessons of the course come first, in its order. Then come the lessons that have left the course and in which
    the learner has progress, in the order in which the learner began them.
    """

    course_version: int
    lessons: list[ExplainedLesson]


def explain(versioned: VersionedCourse, rows: Iterable[LessonProgress]) -> Explanation:
    """Explain the percentage of a learner who has this lesson progress, including that of lessons that have left."""
    by_lesson = {row.lesson_id: row for row in rows}
    present = [_present(lesson, by_lesson.pop(lesson.id, None)) for lesson in versioned.course.lessons]
    return Explanation(versioned.version, [*present, *_removed(by_lesson.values())])


def _present(lesson: Lesson, row: LessonProgress | None) -> ExplainedLesson:
    status = row.status if row else Status.NOT_STARTED
    reason = None if lesson.required else NotCounted.OPTIONAL
    return ExplainedLesson(lesson.id, lesson.title, status, lesson.required, reason)


def _removed(rows: Iterable[LessonProgress]) -> Iterator[ExplainedLesson]:
    for row in sorted(rows, key=lambda row: (row.created_at, row.lesson_id)):
        yield ExplainedLesson(row.lesson_id, None, row.status, counted=False, reason=NotCounted.REMOVED)
