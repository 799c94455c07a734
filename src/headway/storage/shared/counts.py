"""Reading the counts that the tables of figures hold."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from headway.domain.counters import Counters, CourseCounts, DayCounts, LessonCounts
from headway.domain.identifiers import CourseId
from headway.storage.shared.session import Reading, Row, Step, to_date


class CountStatements(NamedTuple):
    """A store's statements on the tables of figures, of one course or of all."""

    courses: str
    lessons: str
    scores: str
    days: str


def all_counts(statements: CountStatements, first: date, last: date, *of: CourseId) -> Reading[Counters]:
    """The counts of a course, where the statements are of one, or of all; days from the first to the last."""
    return counted(
        courses=(yield Step(statements.courses, *of)),
        lessons=(yield Step(statements.lessons, *of)),
        scores=(yield Step(statements.scores, *of)),
        days=(yield Step(statements.days, *of, first, last)),
    )


def counted(*, courses: Iterable[Row], lessons: Iterable[Row], scores: Iterable[Row], days: Iterable[Row]) -> Counters:
    """The counts, from rows that begin with the ids as text; of each key there is one row."""
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
