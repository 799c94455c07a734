"""The Archive protocol on SQLite."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Final

import apsw

from headway.domain.archive_ports import Recount
from headway.domain.catalogue import VersionedCourse
from headway.domain.completions import Completion
from headway.domain.counters import Counters
from headway.domain.course_progress import CourseProgress
from headway.domain.holdings import HeldDay, Holdings
from headway.domain.identifiers import CourseId
from headway.domain.progress import LessonProgress
from headway.domain.runs import EndedRun
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.archive import ArchiveReader, RowReaders
from headway.storage.shared.columns import from_run
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import store_course
from headway.storage.sqlite.figures import store_counters
from headway.storage.sqlite.reader import LongReader, Reader
from headway.storage.sqlite.recount import SqliteRecount
from headway.storage.sqlite.rows import (
    bound,
    fetch,
    from_course_progress,
    from_held_day,
    from_lesson_progress,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
)
from headway.storage.sqlite.session import SqliteSession

_READERS: Final = RowReaders(to_lesson_progress, to_course_progress, to_held_day)


class SqliteArchive(ArchiveReader):
    """Everything in one file.

    `transaction` begins a transaction that is on disk when its block is left. `snapshots` opens a separate connection
    that sees the database as it was at its first read.
    """

    def __init__(
        self,
        reader: Reader,
        long_reader: LongReader,
        transaction: Callable[[], AbstractAsyncContextManager[apsw.Connection]],
        snapshots: Callable[[], AbstractContextManager[apsw.Connection]],
    ) -> None:
        session = SqliteSession(reader, long_reader, transaction)
        super().__init__(session, _READERS, sql.GROUPS, sql.PROFILES, sql.EVENTS)
        self._reader = reader
        self._transaction = transaction
        self._snapshots = snapshots

    async def holdings(self) -> Holdings:
        """Count the entries."""
        return self._reader.read(_holdings)

    async def put_courses(self, courses: Sequence[VersionedCourse]) -> None:
        """Store courses with these versions."""
        async with self._transaction() as connection:
            for course in courses:
                store_course(connection, course)
                fetch(connection, shared_sql.BEGIN_RECALCULATION, course.course.id, course.version, 0)

    async def put_lesson_progress(self, all_lesson_progress: Sequence[LessonProgress]) -> None:
        """Store lesson progress."""
        async with self._transaction() as connection:
            connection.executemany(sql.PUT_LESSON_PROGRESS, map(from_lesson_progress, all_lesson_progress))

    async def put_course_progress(self, all_course_progress: Sequence[CourseProgress]) -> None:
        """Store course progress."""
        async with self._transaction() as connection:
            connection.executemany(sql.PUT_COURSE_PROGRESS, map(from_course_progress, all_course_progress))

    async def put_days(self, days: Sequence[HeldDay]) -> None:
        """Store finished days."""
        async with self._transaction() as connection:
            connection.executemany(sql.PUT_LEARNER_DAY, map(from_held_day, days))

    async def put_completions(self, completions: Sequence[Completion]) -> None:
        """Store completions."""
        async with self._transaction() as connection:
            connection.executemany(sql.PUT_COMPLETION, [tuple(map(bound, one)) for one in completions])

    async def put_runs(self, runs: Sequence[EndedRun]) -> None:
        """Store runs that have ended."""
        async with self._transaction() as connection:
            connection.executemany(sql.PUT_RUN, [tuple(map(bound, from_run(ended))) for ended in runs])

    @contextlib.asynccontextmanager
    async def recount(self, course_id: CourseId | None) -> AsyncIterator[Recount]:
        """Open a recount over one snapshot."""
        with self._snapshots() as connection:
            yield SqliteRecount(connection, course_id)

    async def add_counters(self, counters: Counters) -> None:
        """Add to the stored counters."""
        async with self._transaction() as connection:
            store_counters(connection, counters)


def _holdings(connection: apsw.Connection) -> Holdings:
    return Holdings(*(connection.execute(statement).get for statement in shared_sql.HOLDINGS))
