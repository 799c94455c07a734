"""Reads one learner's progress in one course, so that the percentage agrees with the lesson progress."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headway.domain.catalogue import Course, Lesson, VersionedCourse
from headway.domain.course_progress import CourseProgress, Summary, recount, summarise
from headway.domain.explanation import Explanation, explain
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.progress import LessonProgress
from headway.storage.port import Store


class LessonRow(NamedTuple):
    """Lesson progress, and the lesson that it belongs to."""

    row: LessonProgress
    lesson: Lesson


def in_order(course: Course, rows: Iterable[LessonProgress]) -> list[LessonRow]:
    """Return lesson progress in the course's order, without lessons that are not in the course."""
    by_lesson = {row.lesson_id: row for row in rows}
    return [LessonRow(by_lesson[lesson.id], lesson) for lesson in course.lessons if lesson.id in by_lesson]


class ExplainedSummary(NamedTuple):
    """A summary, and why its percentage is what it is."""

    summary: Summary
    explanation: Explanation


class LearnerReading(NamedTuple):
    """A learner's lesson progress in a course, hidden lessons included, and the course progress under this version.

    `course_progress` is `None` where the learner has not written in the course.
    """

    versioned: VersionedCourse
    course_progress: CourseProgress | None
    rows: Sequence[LessonProgress]

    @property
    def summary(self) -> Summary:
        """The summary, counted from the lesson progress."""
        return summarise(self.versioned.course, self.course_progress)

    @property
    def explanation(self) -> Explanation:
        """Why the summary's percentage is what it is."""
        return explain(self.versioned, self.rows)


async def read_learner(store: Store, learner_id: LearnerId, course_id: CourseId) -> LearnerReading:
    """Read a course, the learner's course progress and lesson progress, and count the figures again.

    So all figures come from the same lesson progress, even if the learner writes between the reads.
    """
    versioned = await store.course(course_id)
    course_progress = (await store.course_progress(learner_id, course_id)).progress
    rows = (await store.lessons(learner_id, course_id)).rows
    if course_progress is not None:
        tally = recount(versioned.course, rows)
        course_progress = course_progress._replace(tally=tally, course_version=versioned.version)
    return LearnerReading(versioned, course_progress, rows)
