"""What a store reads of a learner. All parts of a value are of the same moment."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from headway.domain.catalogue import Course
from headway.domain.completions import Completion
from headway.domain.course_progress import CourseProgress, LearnerDay
from headway.domain.identifiers import CourseId
from headway.domain.progress import LessonProgress

FEW_CHARACTERS: Final = 1_000_000
"""The most characters of notes and metadata that are read and rendered at once. It takes a few milliseconds."""


class LessonReading(NamedTuple):
    """A course, and the learner's progress in one of its lessons (`None`: not written yet)."""

    course: Course
    lesson_progress: LessonProgress | None


class LessonsReading(NamedTuple):
    """A course, and all the learner's lesson progress in it, hidden lessons included, in no order."""

    course: Course
    lesson_progress: Sequence[LessonProgress]


class CourseProgressReading(NamedTuple):
    """A course, and the learner's progress in it (`None`: not written yet)."""

    course: Course
    progress: CourseProgress | None


class LearnerRecord(NamedTuple):
    """All that is kept of a learner, in the order of the keys."""

    lesson_progress: Sequence[LessonProgress]
    course_progress: Sequence[CourseProgress]
    days: Sequence[tuple[CourseId, LearnerDay]]
    completions: Sequence[Completion] = ()
