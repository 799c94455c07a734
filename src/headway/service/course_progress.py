"""Reads one learner's progress in one course, so that the percentage agrees with the lesson progress."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headway.domain.catalogue import Course, Lesson, VersionedCourse
from headway.domain.course_progress import CourseProgress, Summary, recount, summarise
from headway.domain.explanation import Explanation, explain
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.ports import Store
from headway.domain.progress import LessonProgress


class LessonAndProgress(NamedTuple):
    """Lesson progress, and the lesson that it belongs to."""

    lesson_progress: LessonProgress
    lesson: Lesson


def in_order(course: Course, all_lesson_progress: Iterable[LessonProgress]) -> list[LessonAndProgress]:
    """Return lesson progress in the course's order, without lessons that are not in the course."""
    by_lesson = {one.lesson_id: one for one in all_lesson_progress}
    return [LessonAndProgress(by_lesson[lesson.id], lesson) for lesson in course.lessons if lesson.id in by_lesson]


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
    lesson_progress: Sequence[LessonProgress]

    @property
    def summary(self) -> Summary:
        """The summary, counted from the lesson progress."""
        return summarise(self.versioned.course, self.course_progress)

    @property
    def explanation(self) -> Explanation:
        """Why the summary's percentage is what it is."""
        return explain(self.versioned, self.lesson_progress)


async def read_learner(store: Store, learner_id: LearnerId, course_id: CourseId) -> LearnerReading:
    """Read a course, the learner's course progress and lesson progress, and count the figures again.

    So all figures come from the same lesson progress, even if the learner writes between the reads.
    """
    versioned = await store.course(course_id)
    course_progress = (await store.course_progress(learner_id, course_id)).progress
    all_lesson_progress = (await store.lessons(learner_id, course_id)).lesson_progress
    if course_progress is not None:
        tally = recount(versioned.course, all_lesson_progress)
        course_progress = course_progress._replace(tally=tally, course_version=versioned.version)
    return LearnerReading(versioned, course_progress, all_lesson_progress)
