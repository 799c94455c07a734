"""One learner in one course, read to be explained: the percentage and the rows that it comes from agree."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headway.domain.catalogue import Course, Lesson, VersionedCourse
from headway.domain.course_progress import CourseProgress, Summary, recount, summarise
from headway.domain.explanation import Explanation, explain
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.progress import LessonProgress
from headway.storage.port import Store


class LessonRow(NamedTuple):
    """A row and the lesson it belongs to."""

    row: LessonProgress
    lesson: Lesson


def in_order(course: Course, rows: Iterable[LessonProgress]) -> list[LessonRow]:
    """Rows in the course's order; those of lessons that are not in the course are left out."""
    by_lesson = {row.lesson_id: row for row in rows}
    return [LessonRow(by_lesson[lesson.id], lesson) for lesson in course.lessons if lesson.id in by_lesson]


class ExplainedSummary(NamedTuple):
    """A summary, and why its percentage is what it is."""

    summary: Summary
    explanation: Explanation


class LearnerReading(NamedTuple):
    """A learner's rows in a course, hidden ones too, and what they come to under this version of the course.

    `course progress` is `None` where the learner has not written in the course.
    """

    versioned: VersionedCourse
    course_progress: CourseProgress | None
    rows: Sequence[LessonProgress]

    @property
    def summary(self) -> Summary:
        """Where the learner stands, counted from the rows."""
        return summarise(self.versioned.course, self.course_progress)

    @property
    def explanation(self) -> Explanation:
        """Why the summary's percentage is what it is."""
        return explain(self.versioned, self.rows)


async def read_learner(store: Store, learner_id: LearnerId, course_id: CourseId) -> LearnerReading:
    """Read a course, the learner's course progress, and then the lessons, from which its figures are made anew.

    So all that is answered comes from the same lessons, whatever is written meanwhile.
    """
    versioned = await store.course(course_id)
    course_progress = (await store.course_progress(learner_id, course_id)).progress
    rows = (await store.lessons(learner_id, course_id)).rows
    if course_progress is not None:
        tally = recount(versioned.course, rows)
        course_progress = course_progress._replace(tally=tally, course_version=versioned.version)
    return LearnerReading(versioned, course_progress, rows)
