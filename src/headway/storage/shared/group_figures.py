"""Counts the progress of a group's members in courses, so that a group has the same figures as all learners.

The members' rows are found by the members' ids. So the cost depends on the group, and not on the course.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from headway.domain.catalogue import Course
from headway.domain.counters import (
    MOST_TIME_IN_A_LESSON,
    Counters,
    CourseProgressShape,
    DayCounts,
    ProgressShape,
    ProgressSums,
)
from headway.domain.course_progress import LearnerDay
from headway.domain.identifiers import CourseId, GroupId, LessonId
from headway.domain.progress import Status
from headway.domain.statistics import (
    NO_CHANGES,
    CourseReading,
    Period,
    WeekChange,
    WeekChanges,
    reading_of,
    weeks_of,
)
from headway.storage.shared.groups import GroupStatements, members_of
from headway.storage.shared.session import Reading, Step, to_date

_STATUSES: Final = (Status.NOT_STARTED, Status.IN_PROGRESS, Status.COMPLETED)


def group_readings(
    statements: GroupStatements, courses: Sequence[Course], group_id: GroupId, period: Period, now: datetime
) -> Reading[list[CourseReading]]:
    """Return the counts of a group's members in each course, with the days of a period, and the changes until `now`.

    Raises `GroupNotFoundError`.
    """
    first, last = period
    members = yield from members_of(statements, group_id)
    among = members, [course.id for course in courses]
    counters = Counters()
    begun: set[CourseId] = set()
    for course_id, started, completed, enrolled, at_lesson, learners, day, *done in (
        yield Step(statements.course_shapes, *among)
    ):
        begun.add(course_id)
        shape_of_course = CourseProgressShape(bool(started), bool(completed), bool(enrolled), at_lesson)
        counters.add_course_progress(course_id, shape_of_course, learners, LearnerDay(to_date(day), *done))
    for course_id in begun:
        shapes: dict[LessonId, list[tuple[ProgressShape, ProgressSums]]] = defaultdict(list)
        for lesson_id, score, number, *sums in (
            yield Step(statements.lesson_shapes, float(MOST_TIME_IN_A_LESSON), members, course_id)
        ):
            shape = ProgressShape(_STATUSES[number >> 2], score, bool(number & 2), bool(number & 1))
            shapes[lesson_id].append((shape, ProgressSums(*sums)))
        for lesson_id, found in shapes.items():
            counters.add_shapes((course_id, lesson_id), found)
    for course_id, learners, day, *done in (yield Step(statements.finished_days, *among, first, last)):
        counters.add_date((course_id, to_date(day)), DayCounts(learners, 0, *done))
    counters.days = {key: counts for key, counts in counters.days.items() if first <= key[1] <= last}
    changes: dict[CourseId, WeekChanges] = {}
    for course in courses:
        if course.id in begun:
            [counts] = yield Step(statements.changes_among, *weeks_of(course, now), members, course.id)
            changes[course.id] = WeekChanges(*map(WeekChange, counts[::2], counts[1::2]))
    by_course = counters.by_course()
    return [
        reading_of(course, by_course.get(course.id, Counters()), changes.get(course.id, NO_CHANGES))
        for course in courses
    ]
