"""The recount on PostgreSQL: a range of learners at a time. The database groups rows with the same counted values."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from headway.domain.catalogue import VersionedCourse
from headway.domain.counters import MOST_TIME_IN_A_LESSON, Counters, DayCounts, ProgressShape, ProgressSums
from headway.domain.course_progress import NOTHING, CourseProgress, Tally, agrees, tally_of
from headway.domain.holdings import CourseProgressKey, Recounted
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.presence import days_begun, lies_ahead
from headway.domain.progress import Status
from headway.storage.lessons import to_courses
from headway.storage.postgres import statements as sql
from headway.storage.postgres.rows import to_course_progress
from headway.storage.postgres.session import run
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.counts import all_counts
from headway.storage.shared.ids import FIRST_ID, LAST_ID, next_learner

_ROWS: Final = 20_000  # of course progress in a stretch


class _Catalogue(NamedTuple):
    """The courses, and the ids of those with a running recalculation."""

    courses: Mapping[CourseId, VersionedCourse]
    under_way: AbstractSet[CourseId]

    def is_right(self, course_progress: CourseProgress, found: "_Found") -> bool:
        course = self.courses.get(course_progress.course_id)
        if course is None:
            return True
        at_lesson = None if found.position is None else course.course.lessons[found.position].id
        return agrees(
            course,
            course_progress,
            found.tally,
            at_lesson,
            recalculated=course_progress.course_id not in self.under_way,
        )


class _Found(NamedTuple):
    """The sum of a learner's lesson progress in a course, and the position of the last lesson started."""

    tally: Tally
    position: int | None


class _Stretch(NamedTuple):
    """The rows of a range of learners, up to `last`."""

    last: LearnerId
    shapes: Sequence[Any]
    days: Sequence[Any]
    tallies: Sequence[Any]
    all_course_progress: Sequence[Any]


_NOTHING_FOUND: Final = _Found(NOTHING, None)


class PostgresRecount:
    """Counts in a transaction with one snapshot."""

    def __init__(self, connection: asyncpg.Connection, course_id: CourseId | None) -> None:
        self._connection = connection
        self._course_id = course_id

    async def stored(self) -> Counters:
        """Return the stored counters."""
        every = await run(self._connection, all_counts(sql.ALL_COUNTS, date.min, date.max))
        return every if self._course_id is None else every.by_course().get(self._course_id, Counters())

    async def estimate(self) -> int:
        """Return how many rows of lesson progress are to be counted."""
        if self._course_id is None:
            return int(await self._connection.fetchval(shared_sql.COUNT_LESSON_PROGRESS))
        return int(await self._connection.fetchval(sql.COUNT_LESSON_PROGRESS_OF, self._course_id))

    async def stretches(self) -> AsyncIterator[Recounted]:
        """Recount all learners, a range of ids at a time. The database reads the next range while one is counted."""
        catalogue = await self._catalogue()
        reading = asyncio.create_task(self._read(LearnerId(FIRST_ID)))
        try:
            while True:
                stretch = await reading
                first = next_learner(stretch.last)
                if first is not None:
                    reading = asyncio.create_task(self._read(first))
                yield await asyncio.to_thread(_counted, catalogue, stretch)
                if first is None:
                    return
        finally:
            reading.cancel()

    async def _read(self, first: LearnerId) -> _Stretch:
        last = LearnerId(str(await self._connection.fetchval(sql.LEARNER_AT, first, _ROWS) or LAST_ID))
        asked = (first, last, self._course_id)
        return _Stretch(
            last,
            shapes=await self._connection.fetch(sql.SHAPES_BETWEEN, MOST_TIME_IN_A_LESSON, *asked),
            days=await self._connection.fetch(sql.DAYS_BETWEEN, *asked),
            tallies=await self._connection.fetch(sql.TALLIES_BETWEEN, *asked),
            all_course_progress=await self._connection.fetch(sql.COURSE_PROGRESS_BETWEEN, *asked),
        )

    async def _catalogue(self) -> _Catalogue:
        ids = [course_id for (course_id,) in await self._connection.fetch(sql.CATALOGUE_IDS)]
        found = to_courses(await self._connection.fetch(sql.LESSONS_OF_COURSES, ids))
        under_way = await self._connection.fetch(shared_sql.COURSES_TO_RECALCULATE)
        return _Catalogue({one.course.id: one for one in found}, {course_id for (course_id,) in under_way})


def _counted(catalogue: _Catalogue, stretch: _Stretch) -> Recounted:
    counters = Counters()
    rows = _count_rows(counters, stretch.shapes)
    for course, day, learners, *done in stretch.days:
        counters.add_date((course, day), DayCounts(learners, 0, *done))
    found = _found(stretch.tallies)
    wrong: list[CourseProgressKey] = []
    ahead: list[CourseProgressKey] = []
    today = days_begun(datetime.now(UTC))
    for columns in stretch.all_course_progress:
        course_progress = to_course_progress(columns)
        counters.change_course_progress(None, course_progress)
        if not catalogue.is_right(course_progress, found.pop((columns[0], columns[1]), _NOTHING_FOUND)):
            wrong.append((course_progress.learner_id, course_progress.course_id))
        if lies_ahead(course_progress, today):
            ahead.append((course_progress.learner_id, course_progress.course_id))
    # What is left is lesson progress without course progress.
    wrong.extend((LearnerId(str(learner)), CourseId(str(course))) for learner, course in found)
    return Recounted(rows, counters, wrong, ahead)


def _count_rows(counters: Counters, shapes: Iterable[Any]) -> int:
    rows = 0
    for course, lesson, status, score, has_attempts, passed, *of_shape in shapes:
        sums = ProgressSums(*of_shape)
        counters.add_lessons((course, lesson), ProgressShape(Status(status), score, has_attempts, passed), sums)
        rows += sums.learners
    return rows


def _found(rows: Iterable[Any]) -> dict[tuple[UUID, UUID], _Found]:
    found: dict[tuple[UUID, UUID], _Found] = {}
    for learner, course, required, text, count, micro_minutes, position in rows:
        status = Status(text)
        more = tally_of(count, status, micro_minutes, required=required)
        tally, last = found.get((learner, course), _NOTHING_FOUND)
        positions = [one for one in (last, position if status is not Status.NOT_STARTED else None) if one is not None]
        found[learner, course] = _Found(tally.plus(more, less=NOTHING), max(positions, default=None))
    return found
