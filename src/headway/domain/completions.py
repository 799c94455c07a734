"""Completions of courses. Each one is kept, also where the learner starts over or the course is edited."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from headway.domain import dating
from headway.domain.bounds import Number, shown
from headway.domain.catalogue import Course, VersionedCourse
from headway.domain.course_progress import CourseProgress, summarise
from headway.domain.dating import Times
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import LessonProgress

_DECIMALS = 2
_HIGHEST_SCORE = 100


class Completion(NamedTuple):
    """A completion of a course by a learner.

    - `course_version`: the version of the course document under which it was completed.
    - `completion_percentage`: the learner's percentage then. It is below 100 where an import brought the completion.
    - `score`: the mean of the learner's scores in the lessons of the course then; `None` without a score.
    - `expires_at`: until when it counts; `None`: always.
    """

    learner_id: LearnerId
    course_id: CourseId
    completed_at: datetime
    course_version: int
    completion_percentage: Number
    score: Number | None
    expires_at: datetime | None


class NewCompletion(NamedTuple):
    """A course that was completed just now. `kept` needs the learner's lesson progress, for the score.

    `then` is the lesson progress at the completion in those lessons that change in the same batch.
    """

    course: VersionedCourse
    progress: CourseProgress
    then: Mapping[LessonId, LessonProgress | None] = {}

    def kept(self, all_lesson_progress: Iterable[LessonProgress]) -> Completion:
        """Return the completion to keep. `all_lesson_progress` is what is stored of the course after the batch."""
        learner_id, course_id, *_ = self.progress
        completed_at = self.progress.completed_at
        assert completed_at is not None  # noqa: S101 - `is_completion` has checked it
        course = self.course.course
        return Completion(
            learner_id,
            course_id,
            completed_at,
            self.course.version,
            summarise(course, self.progress).completion_percentage,
            _mean_score(course, self._then(all_lesson_progress)),
            expires_at(course, completed_at),
        )

    def _then(self, all_lesson_progress: Iterable[LessonProgress]) -> Iterable[LessonProgress]:
        return filter(None, {**{one.lesson_id: one for one in all_lesson_progress}, **self.then}.values())


def checked(completion: Completion, now: datetime) -> Completion:
    """Return a completion of an export. Raises `InvalidValueError` where its time is impossible."""
    times = dating.checked(Times(completed_at=completion.completed_at), now)
    return completion._replace(completed_at=times.completed_at or completion.completed_at)


def is_completion(before: CourseProgress | None, after: CourseProgress) -> bool:
    """Whether the learner completes the course by a change of course progress."""
    if after.completed_at is None:
        return False
    return before is None or before.completed_at is None or before.run != after.run


def is_same(one: Completion, other: Completion) -> bool:
    """Whether a completion of an export is another, stored one. An export has its time to the second."""
    return one.course_id == other.course_id and dating.is_same(one.completed_at, other.completed_at)


def expires_at(course: Course, completed_at: datetime | None) -> datetime | None:
    """Return until when a completion counts, under the present course document; `None`: always."""
    if completed_at is None or course.valid_for_days is None:
        return None
    return completed_at + timedelta(days=course.valid_for_days)


def _mean_score(course: Course, all_lesson_progress: Iterable[LessonProgress]) -> Number | None:
    scores = [
        progress.quiz_score
        for progress in all_lesson_progress
        if progress.quiz_score is not None and progress.lesson_id in course.lessons_by_id
    ]
    return shown(sum(scores) / len(scores), _DECIMALS, (_HIGHEST_SCORE,)) if scores else None
