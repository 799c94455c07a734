"""Reads the counters from their tables."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from headway.domain.counters import Counters, CourseCounts, DayCounts, LessonCounts
from headway.domain.identifiers import CourseId
from headway.storage.shared.session import Reading, Row, Step, to_date


class CountStatements(NamedTuple):
    """The statements of a store that read the counters, of one course or of all."""

    courses: str
    lessons: str
    scores: str
    days: str


def all_counts(statements: CountStatements, first: date, last: date, *of: CourseId) -> Reading[Counters]:
    """Return the counters: of the course `of` where the statements are for one, otherwise of all courses.

    Days are from `first` to `last`, both included.
    """
    return counted(
        courses=(yield Step(statements.courses, *of)),
        lessons=(yield Step(statements.lessons, *of)),
        scores=(yield Step(statements.scores, *of)),
        days=(yield Step(statements.days, *of, first, last)),
    )


def counted(*, courses: Iterable[Row], lessons: Iterable[Row], scores: Iterable[Row], days: Iterable[Row]) -> Counters:
    """Return the counters from rows that begin with the ids as text. Each key has one row."""
    counters = Counters()
    for course, *counts in courses:
        counters.add_course(course, CourseCounts(*counts))
    for course, lesson, *counts in lessons:
        counters.add_lesson((course, lesson), LessonCounts(*counts))
    for course, lesson, points, learners in scores:
        counters.add_score((course, lesson, points), learners)
    for course, day, *counts in days:
        counters.add_date((course, to_date(day)), DayCounts(*counts))
    return counters
