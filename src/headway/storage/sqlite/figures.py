"""The tables of courses' figures, and what is read from them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final

import apsw
import orjson

from headway.domain.catalogue import CourseQuery
from headway.domain.counters import Counters, CourseCounts, DayCounts, LessonCounts
from headway.domain.course_progress import CourseProgress
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.roster import FEW, RosterOrder, RosterPosition, RosterQuery
from headway.domain.statistics import CourseReading, reading_of
from headway.storage.port import HeldDay
from headway.storage.rosters import Statements
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import BEFORE_ALL_COURSES, Catalogue
from headway.storage.sqlite.rows import Columns, fetch, from_held_day, to_course_progress, to_text

_NO_LEARNER: Final = ""
_AFTER_ALL_LEARNERS: Final = "~"
_FIRST: Final = {RosterOrder.PROGRESS: -1, RosterOrder.LAST_SEEN: "", RosterOrder.COMPLETED: ""}
_LAST: Final = {RosterOrder.PROGRESS: 2**31, RosterOrder.LAST_SEEN: "~", RosterOrder.COMPLETED: "~"}


def store_counters(connection: apsw.Connection, counters: Counters) -> None:
    """Add to what is stored."""
    connection.executemany(sql.ADD_LESSON_STATISTICS, [(*key, *counts) for key, counts in counters.lessons.items()])
    connection.executemany(sql.ADD_SCORES, [(*key, learners) for key, learners in counters.scores.items()])
    connection.executemany(sql.ADD_COURSE_STATISTICS, [(key, *counts) for key, counts in counters.courses.items()])
    connection.executemany(
        sql.ADD_ACTIVITY,
        [(course_id, day.isoformat(), *counts) for (course_id, day), counts in counters.days.items()],
    )


def store_day(connection: apsw.Connection, held: HeldDay) -> None:
    """Keep a learner's day that is finished."""
    fetch(connection, sql.PUT_LEARNER_DAY, *from_held_day(held))


class Figures:
    """Reads over one moment's rows."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def course(self, connection: apsw.Connection, course_id: CourseId, first: date, last: date) -> CourseReading:
        """What is counted of a course."""
        course = self._catalogue.course(connection, course_id).course
        counters = counted(
            courses=fetch(connection, sql.COURSE_COUNTS, course_id),
            lessons=fetch(connection, sql.LESSON_COUNTS, course_id),
            scores=fetch(connection, sql.SCORES, course_id),
            days=fetch(connection, sql.DAYS, course_id, first.isoformat(), last.isoformat()),
        )
        return reading_of(course, counters)

    def courses(
        self, connection: apsw.Connection, first: date, last: date, query: CourseQuery
    ) -> Sequence[CourseReading]:
        """What is counted of a page of the catalogue, by title."""
        among = None if query.among is None else orjson.dumps(list(query.among)).decode()
        page = fetch(connection, sql.CATALOGUE_PAGE, *(query.after or BEFORE_ALL_COURSES), among, query.limit)
        return [
            reading_of(
                self._catalogue.at(connection, course_id, version).course,
                counted(
                    courses=fetch(connection, sql.COURSE_COUNTS, course_id),
                    lessons=fetch(connection, sql.LESSON_COUNTS, course_id),
                    scores=(),
                    days=fetch(connection, sql.DAYS, course_id, first.isoformat(), last.isoformat()),
                ),
            )
            for course_id, version in page
        ]

    def roster(self, connection: apsw.Connection, course_id: CourseId, query: RosterQuery) -> Sequence[CourseProgress]:
        """A page of a course's learners."""
        self._catalogue.course(connection, course_id)
        found = _sorted_page(connection, course_id, query)
        missing = query.limit - len(found)
        if missing and query.order is RosterOrder.COMPLETED and query.completed is not True:
            found += _incomplete_page(connection, course_id, query, missing)
        return [to_course_progress(columns) for columns in found]


def counted(
    *, courses: Iterable[Columns], lessons: Iterable[Columns], scores: Iterable[Columns], days: Iterable[Columns]
) -> Counters:
    """The counts that rows of the tables hold."""
    counters = Counters()
    for course, *counts in courses:
        counters.add_course(course, CourseCounts(*counts))
    for course, lesson, *counts in lessons:
        counters.add_lesson((course, lesson), LessonCounts(*counts))
    for course, lesson, points, learners in scores:
        counters.add_score((course, lesson, points), learners)
    for course, day, *counts in days:
        counters.add_date((course, date.fromisoformat(day)), DayCounts(*counts))
    return counters


def _sorted_page(connection: apsw.Connection, course_id: CourseId, query: RosterQuery) -> list[Columns]:
    """Those who have what the roster is sorted by."""
    if query.order is RosterOrder.COMPLETED and query.of_incomplete:
        return []
    if query.after is None:
        position: tuple[object, str] = (
            (_LAST[query.order], _AFTER_ALL_LEARNERS) if query.descending else (_FIRST[query.order], _NO_LEARNER)
        )
    elif query.after.value is None:
        return []
    else:
        position = (_value(query.after), query.after.learner_id)
    statement = _statements(connection, course_id, query)[query.order, query.descending]
    ids = query.learners or (None, None)
    return fetch(connection, statement, course_id, *position, *ids, *_filters(query), query.limit)


def _statements(connection: apsw.Connection, course_id: CourseId, query: RosterQuery) -> Statements:
    """Those that find few learners by what is asked of them, or else those that walk the roster."""
    if query.learners is not None and _are_few(connection, sql.COUNT_AMONG, course_id, *query.learners):
        return sql.ROSTER_AMONG
    if query.at_lesson is not None and _are_few(connection, sql.COUNT_AT, course_id, query.at_lesson):
        return sql.ROSTER_AT
    return sql.ROSTER


def _are_few(connection: apsw.Connection, count: str, *asked: str) -> bool:
    [(found,)] = fetch(connection, count, *asked, FEW + 1)
    return int(found) <= FEW


def _incomplete_page(connection: apsw.Connection, course_id: CourseId, query: RosterQuery, limit: int) -> list[Columns]:
    """Those who have not completed the course, behind those who have."""
    is_behind = query.after is not None and query.after.value is None
    after = query.after.learner_id if query.after is not None and is_behind else _NO_LEARNER
    last: str = _AFTER_ALL_LEARNERS
    if query.learners is not None:
        after, last = max(after, _before(query.learners.first)), query.learners.last
    statement = sql.ROSTER_OF_INCOMPLETE if query.at_lesson is None else sql.ROSTER_OF_INCOMPLETE_AT
    return fetch(connection, statement, course_id, after, last, *_filters(query), limit)


def _before(learner_id: LearnerId) -> str:
    """What no id lies between and this one."""
    return learner_id[:-1] + chr(ord(learner_id[-1]) - 1) + "~"


def _filters(query: RosterQuery) -> tuple[object, ...]:
    before = query.last_seen_before.isoformat() if query.last_seen_before else None
    return (query.completed, before, query.at_lesson, query.incomplete_lesson, query.failed_at_least)


def _value(position: RosterPosition) -> object:
    if isinstance(position.value, datetime):
        return to_text(position.value.astimezone(UTC))
    return position.value.isoformat() if isinstance(position.value, date) else position.value
