"""The tables of courses' figures, and what is read from them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from random import randrange
from typing import Any, Final
from uuid import UUID

import asyncpg

from headway.domain.catalogue import CourseQuery
from headway.domain.counters import Counters, CourseCounts, DayCounts, LessonCounts
from headway.domain.course_progress import CourseProgress
from headway.domain.identifiers import CourseId
from headway.domain.roster import FEW, RosterOrder, RosterQuery
from headway.domain.statistics import CourseReading, reading_of
from headway.storage.postgres import statements as sql
from headway.storage.postgres.catalogue import BEFORE_ALL_COURSES, Catalogue
from headway.storage.postgres.database import Database
from headway.storage.postgres.rows import to_course_progress
from headway.storage.rosters import Statements

SLOTS: Final = 16
"""Into how many parts each count is split, so that those who add to it at once do not wait for each other."""

FIRST_LEARNER: Final = UUID(int=0)
LAST_LEARNER: Final = UUID(int=2**128 - 1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = {
    RosterOrder.PROGRESS: -1,
    RosterOrder.LAST_SEEN: date.min,
    RosterOrder.COMPLETED: datetime.min.replace(tzinfo=UTC),
}
_LAST: Final = {
    RosterOrder.PROGRESS: 2**31 - 1,
    RosterOrder.LAST_SEEN: date.max,
    RosterOrder.COMPLETED: datetime.max.replace(tzinfo=UTC),
}


class Slots:
    """The slots of one process, one for each of its batches that are under way at once."""

    def __init__(self, count: int) -> None:
        first = randrange(SLOTS // count) * count  # noqa: S311 - who has the same one waits, that is all
        self._free = list(range(first, first + count))

    def take(self) -> int:
        """One that no other batch of this process has."""
        return self._free.pop() if self._free else any_slot()

    def give_back(self, slot: int) -> None:
        """It is free again."""
        self._free.append(slot)


def any_slot() -> int:
    """One for work that is no batch, which somebody else may have as well."""
    return randrange(SLOTS)  # noqa: S311 - who has the same one waits, that is all


class Figures:
    """What is read of courses' figures."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue

    async def course(self, course_id: CourseId, first: date, last: date) -> CourseReading:
        """What is counted of a course."""
        found = await self._catalogue.course(course_id)
        async with self._database.snapshot() as connection:
            counters = counted(
                courses=await connection.fetch(sql.COURSE_COUNTS, course_id),
                lessons=await connection.fetch(sql.LESSON_COUNTS, course_id),
                scores=await connection.fetch(sql.SCORES, course_id),
                days=await connection.fetch(sql.DAYS, course_id, first, last),
            )
        return reading_of(found.course, counters)

    async def courses(self, first: date, last: date, query: CourseQuery) -> Sequence[CourseReading]:
        """What is counted of a page of the catalogue, by title."""
        position = query.after or BEFORE_ALL_COURSES
        among = None if query.among is None else list(query.among)
        async with self._database.snapshot() as connection:
            page = await connection.fetch(sql.CATALOGUE_PAGE, *position, among, query.limit)
            ids = [CourseId(course_id) for (course_id,) in page]
            counters = counted(
                courses=await connection.fetch(sql.COURSE_COUNTS_OF, ids),
                lessons=await connection.fetch(sql.LESSON_COUNTS_OF, ids),
                scores=(),
                days=await connection.fetch(sql.DAYS_OF, first, last, ids),
            )
        found = await self._catalogue.courses({course_id: frozenset() for course_id in ids})
        by_course = counters.by_course()
        return [
            reading_of(found[course_id].course, by_course.get(course_id, Counters()))
            for course_id in ids
            if course_id in found  # else removed since
        ]

    async def roster(self, course_id: CourseId, query: RosterQuery) -> Sequence[CourseProgress]:
        """A page of a course's learners."""
        await self._catalogue.course(course_id)
        async with self._database.snapshot() as connection:
            found = await _sorted_page(connection, course_id, query)
            missing = query.limit - len(found)
            if missing and query.order is RosterOrder.COMPLETED and query.completed is not True:
                found = [*found, *await _incomplete_page(connection, course_id, query, missing)]
        return [to_course_progress(columns) for columns in found]


def next_learner(learner_id: str | UUID) -> UUID:
    """The smallest id that is greater; the last one itself, which has none."""
    return UUID(int=min(UUID(str(learner_id)).int + 1, LAST_LEARNER.int))


def counted(*, courses: Iterable[Any], lessons: Iterable[Any], scores: Iterable[Any], days: Iterable[Any]) -> Counters:
    """The counts that rows of the tables hold, summed over the slots."""
    counters = Counters()
    for course, *counts in courses:
        counters.add_course(course, CourseCounts(*counts))
    for course, lesson, *counts in lessons:
        counters.add_lesson((course, lesson), LessonCounts(*counts))
    for course, lesson, points, learners in scores:
        counters.add_score((course, lesson, points), learners)
    for course, day, *counts in days:
        counters.add_date((course, day), DayCounts(*counts))
    return counters


async def _sorted_page(connection: asyncpg.Connection, course_id: CourseId, query: RosterQuery) -> Sequence[Any]:
    """Those who have what the roster is sorted by."""
    position: Sequence[object]
    if query.order is RosterOrder.COMPLETED and query.of_incomplete:
        return ()
    if query.after is None:
        position = (_LAST[query.order], LAST_LEARNER) if query.descending else (_FIRST[query.order], FIRST_LEARNER)
    elif query.after.value is None:
        return ()
    else:
        position = query.after
    statement = (await _statements(connection, course_id, query))[query.order, query.descending]
    ids = query.learners or (None, None)
    return await connection.fetch(statement, course_id, *position, *ids, *_filters(query), query.limit)


async def _statements(connection: asyncpg.Connection, course_id: CourseId, query: RosterQuery) -> Statements:
    """Those that find few learners by what is asked of them, or else those that walk the roster."""
    if query.learners is not None and await _are_few(connection, sql.COUNT_AMONG, course_id, *query.learners):
        return sql.ROSTER_AMONG
    if query.at_lesson is not None and await _are_few(connection, sql.COUNT_AT, course_id, query.at_lesson):
        return sql.ROSTER_AT
    return sql.ROSTER


async def _are_few(connection: asyncpg.Connection, count: str, *asked: str) -> bool:
    return int(await connection.fetchval(count, *asked, FEW + 1)) <= FEW


async def _incomplete_page(
    connection: asyncpg.Connection, course_id: CourseId, query: RosterQuery, limit: int
) -> Sequence[Any]:
    """Those who have not completed the course, behind those who have."""
    is_behind = query.after is not None and query.after.value is None
    first = next_learner(query.after.learner_id) if query.after is not None and is_behind else FIRST_LEARNER
    last = LAST_LEARNER
    if query.learners is not None:
        first, last = max(first, UUID(query.learners.first)), UUID(query.learners.last)
    statement = sql.ROSTER_OF_INCOMPLETE if query.at_lesson is None else sql.ROSTER_OF_INCOMPLETE_AT
    return await connection.fetch(statement, course_id, first, last, *_filters(query), limit)


def _filters(query: RosterQuery) -> Sequence[object]:
    return (
        query.completed,
        query.last_seen_before,
        query.at_lesson,
        query.incomplete_lesson,
        query.failed_at_least,
    )
