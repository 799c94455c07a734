"""The Archive protocol on PostgreSQL."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date
from typing import Any, Final

import asyncpg

from headway.domain.catalogue import VersionedCourse
from headway.domain.counters import Counters
from headway.domain.course_progress import CourseProgress
from headway.domain.errors import ConfigurationError, StoreUnavailableError
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import LessonProgress
from headway.storage.lessons import to_courses
from headway.storage.port import CourseProgressKey, HeldDay, Holdings, LearnerDayKey, LessonKey, Recount
from headway.storage.postgres import statements as sql
from headway.storage.postgres.catalogue import store_course
from headway.storage.postgres.database import Database, is_unusable
from headway.storage.postgres.figures import any_slot
from headway.storage.postgres.recount import PostgresRecount
from headway.storage.postgres.rows import (
    from_counters,
    from_course_progress,
    from_held_days,
    from_lesson_progress,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
)

_COUNTING_SECONDS: Final = 600.0  # a table is read from end to end
_FIRST: Final = "00000000-0000-0000-0000-000000000000"
_FIRST_ROW: Final = (LearnerId(_FIRST), CourseId(_FIRST), LessonId(_FIRST))
_FIRST_DAY: Final = (LearnerId(_FIRST), CourseId(_FIRST), date.min)


class PostgresArchive:
    """All that one database holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def holdings(self) -> Holdings:
        """Count everything."""
        counted = (sql.COUNT_COURSES, sql.COUNT_LESSON_ROWS, sql.COUNT_COURSE_PROGRESS, sql.COUNT_DAYS)

        async def count(connection: asyncpg.Connection) -> Holdings:
            return Holdings(*[await connection.fetchval(one, timeout=_COUNTING_SECONDS) for one in counted])

        with _refusals_translated():
            return await self._database.transact(count)

    async def revision(self) -> int:
        """The number that the catalogue's last change was given."""
        [(revision, _)] = await self._fetch(sql.PROBE)
        return int(revision)

    async def raise_revision(self, least: int) -> None:
        """Let the catalogue's next change be given a number above `least`."""
        await self._change(sql.RAISE_REVISION, least)

    async def courses(self, after: CourseId | None, limit: int) -> Sequence[VersionedCourse]:
        """Courses of the catalogue by id."""
        courses = to_courses(await self._fetch(sql.COURSES_FROM, after or _FIRST, limit + 1))
        return [course for course in courses if course.course.id != after][:limit]

    async def lesson_rows(self, after: LessonKey | None, limit: int) -> Sequence[LessonProgress]:
        """Rows by learner, course and lesson."""
        found = await self._fetch(sql.LESSON_ROWS_FROM, *(after or _FIRST_ROW), limit + 1)
        rows = map(to_lesson_progress, found)
        return [row for row in rows if (row.learner_id, row.course_id, row.lesson_id) != after][:limit]

    async def all_course_progress(self, after: CourseProgressKey | None, limit: int) -> Sequence[CourseProgress]:
        """Course progress by learner and course."""
        found = await self._fetch(sql.COURSE_PROGRESS_FROM, *(after or _FIRST_ROW[:2]), limit + 1)
        all_course_progress = map(to_course_progress, found)
        return [
            course_progress
            for course_progress in all_course_progress
            if (course_progress.learner_id, course_progress.course_id) != after
        ][:limit]

    async def put_courses(self, courses: Sequence[VersionedCourse]) -> None:
        """Make the catalogue hold these courses under these versions."""

        async def put(connection: asyncpg.Connection) -> None:
            for course in courses:
                await store_course(connection, course)
                await connection.execute(sql.BEGIN_RECALCULATION, course.course.id, course.version, 0)

        with _refusals_translated():
            await self._database.transact(put)

    async def put_lesson_rows(self, rows: Sequence[LessonProgress]) -> None:
        """Hold these rows."""
        await self._change(sql.HOLD_LESSON_ROWS, *from_lesson_progress(rows))

    async def put_course_progress(self, all_course_progress: Sequence[CourseProgress]) -> None:
        """Hold these course progress."""
        await self._change(sql.HOLD_COURSE_PROGRESS, *from_course_progress(all_course_progress))

    async def days(self, after: LearnerDayKey | None, limit: int) -> Sequence[HeldDay]:
        """Finished days by learner, course and date."""
        found = await self._fetch(sql.DAYS_FROM, *(after or _FIRST_DAY), limit + 1)
        days = map(to_held_day, found)
        return [held for held in days if (*held[:2], held.day.date) != after][:limit]

    async def put_days(self, days: Sequence[HeldDay]) -> None:
        """Hold these days."""
        await self._change(sql.PUT_LEARNER_DAYS, *from_held_days(days))

    @contextlib.asynccontextmanager
    async def recount(self, course_id: CourseId | None) -> AsyncIterator[Recount]:
        """A recount over one snapshot."""
        with _refusals_translated():
            async with self._database.long_snapshot() as connection:
                await connection.execute(sql.GROUP_IN_MEMORY)
                yield PostgresRecount(connection, course_id)

    async def add_counters(self, counters: Counters) -> None:
        """Add to what is stored of the courses' figures."""
        await self._change(sql.ADD_COUNTERS, any_slot(), *from_counters(counters))

    async def _fetch(self, statement: str, *parameters: object) -> Sequence[Any]:
        with _refusals_translated():
            return await self._database.fetch(statement, *parameters)

    async def _change(self, statement: str, *parameters: object) -> None:
        with _refusals_translated():
            await self._database.change(statement, *parameters)


@contextlib.contextmanager
def _refusals_translated() -> Iterator[None]:
    """Turn what no later try would mend, a missing privilege for one, into `ConfigurationError`."""
    try:
        yield
    except StoreUnavailableError as error:
        if not is_unusable(error.__cause__):
            raise
        raise _refused(error.__cause__) from error
    except asyncpg.PostgresError as error:
        raise _refused(error) from error


def _refused(error: Any) -> ConfigurationError:
    """The message alone: what PostgreSQL adds as detail may quote a row."""
    return ConfigurationError(f"PostgreSQL refused it ({error.args[0]}). Look at what its user may do.")
