"""What a database holds: the keys and counts that a copy and a recount work with."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from headway.domain.counters import Counters
from headway.domain.course_progress import LearnerDay
from headway.domain.identifiers import CourseId, LearnerId, LessonId

LessonKey = tuple[LearnerId, CourseId, LessonId]
CourseProgressKey = tuple[LearnerId, CourseId]
LearnerDayKey = tuple[LearnerId, CourseId, date]
CompletionKey = tuple[LearnerId, CourseId, datetime]


class HeldDay(NamedTuple):
    """A finished day of a learner in a course."""

    learner_id: LearnerId
    course_id: CourseId
    day: LearnerDay


class Holdings(NamedTuple):
    """How many values of each kind a database holds."""

    courses: int
    lesson_progress: int
    course_progress: int
    days: int
    completions: int


class Recounted(NamedTuple):
    """A count of some learners' progress, and the course progress that does not agree with their lesson progress.

    `lessons` is how much lesson progress was counted. Course progress of another version is not compared while its
    course is recalculated. `ahead`: the learner's last day is in the future.
    """

    lessons: int
    counters: Counters
    wrong: Sequence[CourseProgressKey]
    ahead: Sequence[CourseProgressKey]
