"""All that is held on one learner."""

from collections.abc import Callable, Iterable
from datetime import date

import apsw

from headway.domain.continuing import TouchedLesson
from headway.domain.counters import Counters, recount
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.standing import LearnerDay
from headway.storage.port import LearnerRecord
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.figures import store_counters
from headway.storage.sqlite.rows import (
    Columns,
    fetch,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
    to_touched_lesson,
)


def record_of(
    connection: apsw.Connection, learner_id: LearnerId, each: Callable[[Iterable[Columns]], Iterable[Columns]] = iter
) -> LearnerRecord:
    """All of it, its rows as `each` hands them out."""
    held = [to_held_day(columns) for columns in fetch(connection, sql.LEARNER_DAYS, learner_id)]
    standings = fetch(connection, sql.LEARNER_STANDINGS, learner_id)
    return LearnerRecord(
        [to_lesson_progress(columns) for columns in each(fetch(connection, sql.LEARNER_ROWS, learner_id))],
        [standing for standing in map(to_course_progress, standings) if not standing.is_empty],
        [(day.course_id, day.day) for day in held],
    )


def touched_lessons(connection: apsw.Connection, learner_id: LearnerId) -> list[TouchedLesson]:
    """Every lesson that the learner has a row in."""
    return [to_touched_lesson(columns) for columns in fetch(connection, sql.TOUCHED_LESSONS, learner_id)]


def active_days(
    connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId | None, first: date
) -> list[LearnerDay]:
    """The days from the first on when the learner wrote in a course, or in any."""
    found = fetch(connection, sql.ACTIVE_DAYS, learner_id, course_id, first.isoformat())
    return [to_held_day(columns).day for columns in found]


def erase(connection: apsw.Connection, learner_id: LearnerId) -> bool:
    """Remove all of it, and what it counts for; answers whether there was anything."""
    record = record_of(connection, learner_id)
    counted = Counters()
    counted.add(recount(*record), sign=-1)
    store_counters(connection, counted)
    for statement in (sql.ERASE_ROWS, sql.ERASE_STANDINGS, sql.ERASE_DAYS):
        fetch(connection, statement, learner_id)
    return any(record)
