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


def explain(versioned: VersionedCourse, all_lesson_progress: Iterable[LessonProgress]) -> Explanation:
    """Explain the percentage of a learner who has this lesson progress, including that of lessons that have left."""
    by_lesson = {one.lesson_id: one for one in all_lesson_progress}
    present = [_present(lesson, by_lesson.pop(lesson.id, None)) for lesson in versioned.course.lessons]
    return Explanation(versioned.version, [*present, *_removed(by_lesson.values())])


def _present(lesson: Lesson, lesson_progress: LessonProgress | None) -> ExplainedLesson:
    status = lesson_progress.status if lesson_progress else Status.NOT_STARTED
    reason = None if lesson.required else NotCounted.OPTIONAL
    return ExplainedLesson(lesson.id, lesson.title, status, lesson.required, reason)


def _removed(all_lesson_progress: Iterable[LessonProgress]) -> Iterator[ExplainedLesson]:
    for one in sorted(all_lesson_progress, key=lambda one: (one.created_at, one.lesson_id)):
        yield ExplainedLesson(one.lesson_id, None, one.status, counted=False, reason=NotCounted.REMOVED)
