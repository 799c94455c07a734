"""The slots of the counters, and the statistics and rosters that are read from the database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from random import choice, randrange

import asyncpg

from headway.domain.attention import Attention, AttentionQuery
from headway.domain.catalogue import Course, CourseQuery
from headway.domain.counters import Counters
from headway.domain.course_list import CourseFigures, CourseFiguresQuery
from headway.domain.course_progress import CourseProgress
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.roster import LessonResult, RosterQuery
from headway.domain.statistics import CourseReading, Period, reading_of, weeks_of
from headway.storage.postgres import statements as sql
from headway.storage.postgres.catalogue import Catalogue
from headway.storage.postgres.cluster import SLOTS
from headway.storage.postgres.database import Database
from headway.storage.postgres.rows import from_counters, to_course_progress
from headway.storage.postgres.session import run
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.attention import attention_page, count_attention
from headway.storage.shared.attention_statements import AttentionWay
from headway.storage.shared.counts import all_counts, counted
from headway.storage.shared.course_figures import course_figures
from headway.storage.shared.group_figures import group_readings
from headway.storage.shared.ids import BEFORE_ALL_COURSES, FIRST_ID, next_learner
from headway.storage.shared.rosters import lesson_results, roster_page, roster_total
from headway.storage.shared.weeks import week_changes


class Slots:
    """The slots of one process: one for each batch that runs at the same time, chosen from those on a server."""

    def __init__(self, count: int, on_server: Sequence[int] = range(SLOTS)) -> None:
        first = randrange(max(1, len(on_server) // count)) * count  # noqa: S311 - two with the same slot only wait
        self._free = list(on_server[first : first + count])
        self._on_server = on_server

    def take(self) -> int:
        """Take a slot that no other batch of this process uses."""
        return self._free.pop() if self._free else self.any()

    def give_back(self, slot: int) -> None:
        """Give a slot back."""
        self._free.append(slot)

    def any(self) -> int:
        """Return a random slot, for work outside of batches."""
        return choice(self._on_server)  # noqa: S311 - two with the same slot only wait


def any_slot() -> int:
    """Return a random slot, for work outside of batches on any server."""
    return randrange(SLOTS)  # noqa: S311 - two with the same slot only wait


async def add_counters(connection: asyncpg.Connection, slot: int, counters: Counters, *, in_parts: bool) -> None:
    """Add to the stored counters, in each table in the order of its keys.

    `in_parts` is for a cluster: there the parts of one statement would exchange their results over all nodes.
    """
    values = (slot, *from_counters(counters))
    if not in_parts:
        await connection.execute(sql.ADD_COUNTERS, *values)
        return
    for part in sql.COUNTER_PARTS:
        _, *columns = asked = [values[position] for position in part.parameters]
        if any(columns):
            await connection.execute(part.statement, *asked)


async def _page(connection: asyncpg.Connection, query: CourseQuery) -> list[CourseId]:
    among = None if query.among is None else list(query.among)
    page = await connection.fetch(sql.CATALOGUE_PAGE, *(query.after or BEFORE_ALL_COURSES), among, query.limit)
    return [CourseId(course_id) for (course_id,) in page]


class Figures:
    """Reads statistics and rosters, each over one snapshot."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._catalogue = catalogue
        self._clock = clock

    async def course(self, course_id: CourseId, first: date, last: date) -> CourseReading:
        """Return the counters of a course."""
        found = await self._catalogue.course(course_id)
        async with self._database.snapshot() as connection:
            counters = await run(connection, all_counts(sql.COUNTS, first, last, course_id))
            changes = await run(connection, week_changes(course_id, weeks_of(found.course, self._clock())))
        return reading_of(found.course, counters, changes)

    async def group(self, course_id: CourseId, group_id: GroupId, first: date, last: date) -> CourseReading:
        """Return the counts of a group's members in a course."""
        found = await self._catalogue.course(course_id)
        [reading] = await self._of_group([found.course], group_id, Period(first, last))
        return reading

    async def courses_of_group(
        self, group_id: GroupId, first: date, last: date, query: CourseQuery
    ) -> Sequence[CourseReading]:
        """Return the counts of a group's members in a page of the catalogue, by title."""
        async with self._database.snapshot() as connection:
            ids = await _page(connection, query)
        found = await self._catalogue.courses({course_id: frozenset() for course_id in ids})
        courses = [found[course_id].course for course_id in ids if course_id in found]
        return await self._of_group(courses, group_id, Period(first, last))

    async def _of_group(self, courses: Sequence[Course], group_id: GroupId, period: Period) -> Sequence[CourseReading]:
        async with self._database.snapshot() as connection:
            return await run(connection, group_readings(sql.GROUPS, courses, group_id, period, self._clock()))

    async def courses(self, first: date, last: date, query: CourseQuery) -> Sequence[CourseReading]:
        """Return the counters of a page of the catalogue, by title."""
        async with self._database.snapshot() as connection:
            ids = await _page(connection, query)
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
            if course_id in found  # otherwise it was removed since
        ]

    async def enrolments_in(self, course_id: CourseId, after: LearnerId | None, limit: int) -> Sequence[CourseProgress]:
        """Return a page of the learners who are enrolled in a course, by id."""
        await self._catalogue.course(course_id)
        first = next_learner(after) if after else FIRST_ID
        found = await self._database.fetch(shared_sql.ENROLMENTS_IN, course_id, first, limit)
        return [to_course_progress(columns) for columns in found]

    async def roster(self, course_id: CourseId, query: RosterQuery) -> Sequence[CourseProgress]:
        """Return a page of a course's learners."""
        await self._catalogue.course(course_id)
        async with self._database.snapshot() as connection:
            found = await run(connection, roster_page(sql.ROSTERS, sql.GROUPS, course_id, query))
        return [to_course_progress(columns) for columns in found]

    async def attention(self, query: AttentionQuery) -> Sequence[Attention]:
        """Return a page of the learners who need attention."""
        async with self._database.snapshot() as connection:
            return await run(connection, attention_page(sql.ATTENTION, sql.GROUPS, self._way, query))

    async def count_attention(self, query: AttentionQuery) -> int:
        """Count the learners who need attention, up to the query's limit."""
        async with self._database.snapshot() as connection:
            return await run(connection, count_attention(sql.ATTENTION, sql.GROUPS, self._way, query))

    async def course_figures(self, query: CourseFiguresQuery) -> Sequence[CourseFigures]:
        """Return few figures of many courses."""
        async with self._database.snapshot() as connection:
            return await run(
                connection, course_figures(sql.COURSE_FIGURES, sql.GROUPS, sql.ATTENTION, self._way, query)
            )

    @property
    def _way(self) -> AttentionWay:
        return AttentionWay.TOGETHER if self._database.is_cluster else AttentionWay.IN_EACH

    async def roster_total(self, course_id: CourseId, query: RosterQuery, most: int) -> int:
        """Return how many learners the filters leave, counted up to `most`."""
        await self._catalogue.course(course_id)
        async with self._database.snapshot() as connection:
            return await run(connection, roster_total(sql.ROSTERS, sql.GROUPS, course_id, query, most))

    async def lesson_results(
        self, course_id: CourseId, learner_ids: Sequence[LearnerId]
    ) -> Mapping[LearnerId, Mapping[LessonId, LessonResult]]:
        """Return the lesson progress of some learners in a course."""
        await self._catalogue.course(course_id)
        async with self._database.snapshot() as connection:
            return await run(connection, lesson_results(sql.ROSTERS, course_id, learner_ids))
