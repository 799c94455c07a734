"""The Archive protocol on PostgreSQL."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg

from headway.domain.archive_ports import Recount
from headway.domain.catalogue import VersionedCourse
from headway.domain.completions import Completion
from headway.domain.counters import Counters
from headway.domain.course_progress import CourseProgress
from headway.domain.errors import ConfigurationError, StoreUnavailableError
from headway.domain.holdings import HeldDay, Holdings
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.progress import LessonProgress
from headway.domain.runs import EndedRun
from headway.storage.postgres import statements as sql
from headway.storage.postgres.catalogue import store_course
from headway.storage.postgres.database import Database, is_unusable
from headway.storage.postgres.figures import add_counters, any_slot
from headway.storage.postgres.recount import PostgresRecount
from headway.storage.postgres.rows import (
    from_course_progress,
    from_held_days,
    from_lesson_progress,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
)
from headway.storage.postgres.session import PostgresSession
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.archive import ArchiveReader, RowReaders
from headway.storage.shared.columns import from_run
from headway.storage.shared.ids import LAST_ID
from headway.turns import all_of

E = TypeVar("E", LessonProgress, CourseProgress, HeldDay, Completion, EndedRun)

_COUNTING_SECONDS: Final = 600.0  # to read a whole table
_PAGE_ENDS: Final = {
    shared_sql.LESSON_PROGRESS_FROM: sql.LESSON_PROGRESS_AFTER,
    shared_sql.COURSE_PROGRESS_FROM: sql.COURSE_PROGRESS_AFTER,
    shared_sql.DAYS_FROM: sql.DAYS_AFTER,
    shared_sql.COMPLETIONS_FROM: sql.COMPLETIONS_AFTER,
    shared_sql.RUNS_FROM: sql.RUNS_AFTER,
}
_READERS: Final = RowReaders(to_lesson_progress, to_course_progress, to_held_day)


class PostgresArchive(ArchiveReader):
    """Everything in one database. `database_of` returns the database on the server that has a learner's rows."""

    def __init__(self, database: Database, database_of: Callable[[LearnerId], Database]) -> None:
        session = PostgresSession(database, _refusals_translated)
        super().__init__(session, _READERS, sql.GROUPS, sql.PROFILES, sql.EVENTS)
        self._database = database
        self._database_of = database_of

    async def holdings(self) -> Holdings:
        """Count the entries."""

        async def count(connection: asyncpg.Connection) -> Holdings:
            counted = [await connection.fetchval(one, timeout=_COUNTING_SECONDS) for one in shared_sql.HOLDINGS]
            return Holdings(*counted)

        with _refusals_translated():
            return await self._database.transact(count)

    async def put_courses(self, courses: Sequence[VersionedCourse]) -> None:
        """Store courses with these versions."""

        async def put(connection: asyncpg.Connection) -> None:
            for course in courses:
                await store_course(connection, course)
                await connection.execute(shared_sql.BEGIN_RECALCULATION, course.course.id, course.version, 0)

        with _refusals_translated():
            await self._database.transact(put)

    async def put_lesson_progress(self, all_lesson_progress: Sequence[LessonProgress]) -> None:
        """Store lesson progress."""
        await self._put(sql.HOLD_LESSON_PROGRESS, from_lesson_progress, all_lesson_progress)

    async def put_course_progress(self, all_course_progress: Sequence[CourseProgress]) -> None:
        """Store course progress."""
        await self._put(sql.HOLD_COURSE_PROGRESS, from_course_progress, all_course_progress)

    async def put_days(self, days: Sequence[HeldDay]) -> None:
        """Store finished days."""
        await self._put(sql.PUT_LEARNER_DAYS, from_held_days, days)

    async def put_completions(self, completions: Sequence[Completion]) -> None:
        """Store completions."""
        await self._put(sql.PUT_COMPLETIONS, lambda some: list(zip(*some, strict=True)), completions)

    async def put_runs(self, runs: Sequence[EndedRun]) -> None:
        """Store runs that have ended."""
        await self._put(sql.PUT_RUNS, lambda some: list(zip(*map(from_run, some), strict=True)), runs)

    async def _last_learner(self, statement: str, key: Sequence[object], rows: int) -> str:
        """Return the last learner of a page. On a cluster, each shard returns as many rows if that is not known."""
        if not self._database.is_cluster:
            return LAST_ID
        found = await self._session.fetch(_PAGE_ENDS[statement], *key, rows - 1)
        return str(found[0][0]) if found else LAST_ID

    async def _put(
        self, statement: str, columns_of: Callable[[Sequence[E]], Sequence[Any]], entries: Sequence[E]
    ) -> None:
        """Store the entries of each server in a transaction there: on a cluster, several at the same time."""
        parts: dict[Database, list[E]] = {}
        for entry in entries:
            parts.setdefault(self._database_of(entry.learner_id), []).append(entry)
        with _refusals_translated():
            await all_of(one.change(statement, *columns_of(part)) for one, part in parts.items())

    @contextlib.asynccontextmanager
    async def recount(self, course_id: CourseId | None) -> AsyncIterator[Recount]:
        """Open a recount over one snapshot."""
        with _refusals_translated():
            async with self._database.long_snapshot() as connection:
                await connection.execute(sql.GROUP_IN_MEMORY)
                yield PostgresRecount(connection, course_id)

    async def add_counters(self, counters: Counters) -> None:
        """Add to the stored counters."""
        add = partial(add_counters, slot=any_slot(), counters=counters, in_parts=self._database.is_cluster)
        with _refusals_translated():
            await self._database.transact(add)


@contextlib.contextmanager
def _refusals_translated() -> Iterator[None]:
    """Turn errors that do not go away by themselves, such as a missing right, into `ConfigurationError`."""
    try:
        yield
    except StoreUnavailableError as error:
        if not is_unusable(error.__cause__):
            raise
        raise _refused(error.__cause__) from error
    except asyncpg.PostgresError as error:
        raise _refused(error) from error


def _refused(error: Any) -> ConfigurationError:
    """Return an error with the message only: PostgreSQL's details may quote stored data."""
    return ConfigurationError(f"PostgreSQL refused it ({error.args[0]}). Check the rights of the database user.")
