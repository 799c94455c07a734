"""Why a completion percentage is what it is: lesson by lesson, what counted and what did not."""

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
    """A lesson's part in a percentage. `title` is `None` where the lesson has left the course."""

    lesson_id: LessonId
    title: str | None
    status: Status
    counted: bool
    reason: NotCounted | None


class Explanation(NamedTuple):
    """The version of the course document that a percentage was made under, and every lesson that may be asked about.

    Those are the course's, in its order, and then those that have left it, in the order the learner began them.
    """

    course_version: int
    lessons: list[ExplainedLesson]


def explain(versioned: VersionedCourse, rows: Iterable[LessonProgress]) -> Explanation:
    """Explain the percentage of a learner who has these rows in the course, hidden ones among them."""
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
