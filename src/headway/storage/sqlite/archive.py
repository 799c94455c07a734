"""The Archive protocol on SQLite."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Final

import apsw

from headway.domain.catalogue import VersionedCourse
from headway.domain.counters import Counters
from headway.domain.course_progress import CourseProgress
from headway.domain.identifiers import CourseId
from headway.domain.progress import LessonProgress
from headway.storage.lessons import to_courses
from headway.storage.port import CourseProgressKey, HeldDay, Holdings, LearnerDayKey, LessonKey, Recount
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import store_course
from headway.storage.sqlite.figures import store_counters
from headway.storage.sqlite.reader import Reader
from headway.storage.sqlite.recount import SqliteRecount
from headway.storage.sqlite.rows import (
    fetch,
    from_course_progress,
    from_held_day,
    from_lesson_progress,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
)

_BEFORE_ALL: Final = ""


class SqliteArchive:
    """All that one file holds.

    `transaction` begins one that is on disk when its block is left, `snapshots` gives a connection of one's own that
    goes on seeing what was there when it first read.
    """

    def __init__(
        self,
        reader: Reader,
        transaction: Callable[[], AbstractAsyncContextManager[apsw.Connection]],
        snapshots: Callable[[], AbstractContextManager[apsw.Connection]],
    ) -> None:
        self._reader = reader
        self._transaction = transaction
        self._snapshots = snapshots

    async def holdings(self) -> Holdings:
        """Count everything."""
        return self._reader.read(_holdings)

    async def revision(self) -> int:
        """The number that the catalogue's last change was given."""
        [(revision,)] = self._reader.read(fetch, sql.PROBE)
        return int(revision)

    async def raise_revision(self, least: int) -> None:
        """Let the catalogue's next change be given a number above `least`."""
        async with self._transaction() as connection:
            fetch(connection, sql.RAISE_REVISION, least)

    async def courses(self, after: CourseId | None, limit: int) -> Sequence[VersionedCourse]:
        """Courses of the catalogue by id."""
        return to_courses(self._reader.read(fetch, sql.COURSES_AFTER, after or _BEFORE_ALL, limit))

    async def lesson_rows(self, after: LessonKey | None, limit: int) -> Sequence[LessonProgress]:
        """Rows by learner, course and lesson."""
        key = after or (_BEFORE_ALL,) * 3
        return [to_lesson_progress(columns) for columns in self._reader.read(fetch, sql.LESSON_ROWS_AFTER, *key, limit)]

    async def all_course_progress(self, after: CourseProgressKey | None, limit: int) -> Sequence[CourseProgress]:
        """Course progress by learner and course."""
        key = after or (_BEFORE_ALL,) * 2
        return [
            to_course_progress(columns) for columns in self._reader.read(fetch, sql.COURSE_PROGRESS_AFTER, *key, limit)
        ]

    async def put_courses(self, courses: Sequence[VersionedCourse]) -> None:
        """Make the catalogue hold these courses under these versions."""
        async with self._transaction() as connection:
            for course in courses:
                store_course(connection, course)
                fetch(connection, sql.DERIVE_ANEW, course.course.id, course.version)

    async def put_lesson_rows(self, rows: Sequence[LessonProgress]) -> None:
        """Hold these rows."""
        async with self._transaction() as connection:
            connection.executemany(sql.HOLD_LESSON_ROW, map(from_lesson_progress, rows))

    async def put_course_progress(self, all_course_progress: Sequence[CourseProgress]) -> None:
        """Hold these course progress."""
        async with self._transaction() as connection:
            connection.executemany(sql.PUT_COURSE_PROGRESS, map(from_course_progress, all_course_progress))

    async def days(self, after: LearnerDayKey | None, limit: int) -> Sequence[HeldDay]:
        """Finished days by learner, course and date."""
        key = (*after[:2], after[2].isoformat()) if after else (_BEFORE_ALL,) * 3
        return [to_held_day(columns) for columns in self._reader.read(fetch, sql.DAYS_AFTER, *key, limit)]

    async def put_days(self, days: Sequence[HeldDay]) -> None:
        """Hold these days."""
        async with self._transaction() as connection:
            connection.executemany(sql.PUT_LEARNER_DAY, map(from_held_day, days))

    @contextlib.asynccontextmanager
    async def recount(self, course_id: CourseId | None) -> AsyncIterator[Recount]:
        """A recount over one snapshot."""
        with self._snapshots() as connection:
            yield SqliteRecount(connection, course_id)

    async def add_counters(self, counters: Counters) -> None:
        """Add to what is stored of the courses' figures."""
        async with self._transaction() as connection:
            store_counters(connection, counters)


def _holdings(connection: apsw.Connection) -> Holdings:
    counted = (sql.COUNT_COURSES, sql.COUNT_LESSON_ROWS, sql.COUNT_COURSE_PROGRESS, sql.COUNT_DAYS)
    return Holdings(*(connection.execute(statement).get for statement in counted))
