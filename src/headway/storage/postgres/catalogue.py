"""The tables of the catalogue. Courses that were used last are kept in memory."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextvars import Context
from datetime import datetime
from time import monotonic
from typing import Final, TypeVar
from uuid import UUID

import asyncpg

from headway.domain.catalogue import (
    Course,
    CourseOutline,
    CoursePut,
    CourseQuery,
    VersionedCourse,
    compare,
    next_version,
)
from headway.domain.dating import microseconds
from headway.domain.errors import CourseNotFoundError, StoreUnavailableError
from headway.domain.events import NOT_RECORDED, NewEvent, Recording, course_event
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.writes import Precondition
from headway.storage.lessons import course_columns, lesson_columns, to_courses
from headway.storage.postgres import statements as sql
from headway.storage.postgres.database import Database
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.events import from_new_events
from headway.storage.shared.ids import BEFORE_ALL_COURSES

T = TypeVar("T")


KEPT_COURSES: Final = 1_000
FRESH_SECONDS: Final = 1.0
"""How long a course in memory is used before the next check whether the catalogue has changed."""

_CHANNEL: Final = "headway_catalogue"
_RETRY_SECONDS: Final = 1.0
_NEVER: Final = float("-inf")


class Catalogue:
    """The courses of the catalogue. A change by another process is seen at most FRESH_SECONDS late.

    A change is announced to the processes that listen. Announcements do not arrive through a pooler or over a broken
    connection. So the catalogue's revision is also read every FRESH_SECONDS, before a course in memory is used. What is
    stored relies on neither, because a write names the course version that it was decided under. The same read says
    whether a learner was erased. Then `forget_learners` is called, so that no process keeps anything of the learner.
    """

    def __init__(
        self, database: Database, forget_learners: Callable[[], None], recording: Recording = NOT_RECORDED
    ) -> None:
        self._database = database
        self._recording = recording
        self._forget_learners = forget_learners
        self._erasures = -1
        self._kept: dict[CourseId, VersionedCourse] = {}
        self._revision = -1
        self._confirmed_at = _NEVER
        self._forgotten = 0
        self._confirming: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to listen for changes."""
        if self._database.keeps_sessions:
            self._listening = asyncio.create_task(self._listen(), name="headway-catalogue")

    async def close(self) -> None:
        """Stop listening."""
        if self._listening is None:
            return
        self._listening.cancel()
        await asyncio.wait([self._listening])

    async def outlines(self, query: CourseQuery) -> Sequence[CourseOutline]:
        """Return a page of the courses by title."""
        cursor = query.after or BEFORE_ALL_COURSES
        return [CourseOutline(*row) for row in await self._database.fetch(sql.COURSE_OUTLINES, *cursor, query.limit)]

    async def course(self, course_id: CourseId) -> VersionedCourse:
        """Return a course, at most FRESH_SECONDS old. Raises `CourseNotFoundError`."""
        await self.confirmed()
        return self._kept.get(course_id) or await self.load(course_id)

    async def courses(self, needed: Mapping[CourseId, AbstractSet[LessonId]]) -> Mapping[CourseId, VersionedCourse]:
        """Return the named courses that exist. A course in memory without a needed lesson is read again."""
        await self.confirmed()
        lacking = [
            course_id
            for course_id, lessons in needed.items()
            if course_id in self._kept and not lessons <= self._kept[course_id].course.lessons_by_id.keys()
        ]
        if lacking:
            await self._let_go_of_changed(lacking)
        found = {course_id: self._kept[course_id] for course_id in needed if course_id in self._kept}
        missing = [course_id for course_id in needed if course_id not in found]
        return found | await self._load(missing) if missing else found

    async def load(self, course_id: CourseId) -> VersionedCourse:
        """Return a course as the database has it now. Raises `CourseNotFoundError`."""
        loaded = await self._load([course_id])
        if course_id not in loaded:
            self._kept.pop(course_id, None)
            raise CourseNotFoundError(course_id)
        return loaded[course_id]

    async def _load(self, course_ids: Sequence[CourseId]) -> dict[CourseId, VersionedCourse]:
        forgotten = self._forgotten
        loaded = to_courses(await self._database.fetch(sql.LESSONS_OF_COURSES, course_ids))
        if forgotten == self._forgotten:  # otherwise one of them may have changed since it was read
            for course in loaded:
                self._keep(course)
        return {course.course.id: course for course in loaded}

    def forget(self, course_id: CourseId) -> None:
        """Forget a course that has changed."""
        self._forgotten += 1
        self._kept.pop(course_id, None)

    def doubt(self) -> None:
        """Check whether the catalogue has changed before a course in memory is used again."""
        self._confirmed_at = _NEVER

    async def forget_learners(self) -> None:
        """Make every process forget what it keeps of learners in memory, and return when all have."""
        await self._database.change(sql.ANNOUNCE_ERASURE)
        await asyncio.sleep(2 * FRESH_SECONDS)

    async def put(self, course: Course, precondition: Precondition, now: datetime) -> CoursePut:
        """Store a course, new or in place of its present version. Raises `PreconditionFailedError`."""

        async def change(connection: asyncpg.Connection, revision: int) -> CoursePut:
            before = next(iter(to_courses(await connection.fetch(sql.LESSONS_OF_COURSES, [course.id]))), None)
            precondition.check_course(before)
            change = compare(before.course if before else None, course)
            if before and change.is_empty:
                return CoursePut(change, before.version)
            await store_course(connection, next_version(before, course, revision))
            await _begin_recalculation(connection, course.id, revision)
            event = course_event(before.course if before else None, course, revision, now)
            await self._record(connection, event, revision)
            return CoursePut(change, revision)

        return await self._change(course.id, now, change)

    async def remove(self, course_id: CourseId, now: datetime) -> None:
        """Remove a course from the catalogue. Raises `CourseNotFoundError`."""

        async def change(connection: asyncpg.Connection, revision: int) -> None:
            found = to_courses(await connection.fetch(sql.LESSONS_OF_COURSES, [course_id]))
            if await connection.execute(shared_sql.REMOVE_COURSE, course_id) == "DELETE 0":
                raise CourseNotFoundError(course_id)
            await connection.execute(shared_sql.REMOVE_RECALCULATION, course_id)
            for removed in found:
                event = course_event(removed.course, None, removed.version, now)
                await self._record(connection, event, revision)

        await self._change(course_id, now, change)

    async def _record(self, connection: asyncpg.Connection, event: NewEvent, revision: int) -> None:
        if self._recording.is_on:
            await connection.execute(sql.PUT_UNPUBLISHED_EVENTS, *zip(*from_new_events([event], revision), strict=True))

    async def _change(
        self, course_id: CourseId, now: datetime, change: Callable[[asyncpg.Connection, int], Awaitable[T]]
    ) -> T:
        """Change a course in a transaction, and announce it. Only one process changes the catalogue at a time."""

        async def announced(connection: asyncpg.Connection) -> T:
            revision = await connection.fetchval(sql.NEXT_REVISION, microseconds(now))
            await connection.execute(sql.ANNOUNCE, course_id)
            await connection.execute(sql.LOCK_COURSE, course_id)
            return await change(connection, revision)

        try:
            return await self._database.transact(announced)
        finally:
            self.forget(course_id)

    async def holding(
        self,
        course_ids: AbstractSet[CourseId],
        database: Database,
        action: Callable[[asyncpg.Connection], Awaitable[T]],
        *,
        waits_for_locks: bool,
    ) -> T:
        """Run an action in a transaction of a database while no edit of these courses can begin or be under way.

        Does what `Database.transact` does. On a cluster the locks are on the coordinator, where edits are, and the
        transaction is on a worker, so there are two transactions. That of the locks is the last to end.
        """

        async def hold(connection: asyncpg.Connection) -> T:
            await connection.execute(sql.HOLD_COURSES, list(course_ids))
            if database is self._database:
                return await action(connection)
            return await database.transact(action, waits_for_locks=waits_for_locks)

        return await self._database.transact(hold, waits_for_locks=waits_for_locks)

    async def free(self, course_ids: AbstractSet[CourseId]) -> AbstractSet[CourseId]:
        """Return those of some courses that no edit locks."""
        return {course_id for (course_id,) in await self._database.change(sql.FREE_COURSES, list(course_ids))}

    async def confirmed(self) -> None:
        """Return when the courses in memory are at most FRESH_SECONDS old. All callers share one check."""
        if monotonic() - self._confirmed_at <= FRESH_SECONDS:
            return
        if self._confirming is None:
            self._confirming = asyncio.create_task(
                self._confirm(), name="headway-catalogue-revision", context=Context()
            )
            self._confirming.add_done_callback(self._forget_confirming)
        await asyncio.shield(self._confirming)

    def _forget_confirming(self, task: asyncio.Task[None]) -> None:
        self._confirming = None
        if not task.cancelled():
            task.exception()  # read it, in case nobody waits for the task any more: asyncio would log it

    async def _confirm(self) -> None:
        """Forget the courses that have changed since the last check."""
        asked_at = monotonic()
        [(revision, erasures)] = await self._database.fetch(sql.PROBE)
        if erasures != self._erasures:
            self._forget_learners()
            self._erasures = erasures
        if revision != self._revision:
            self._forgotten += 1
            await self._let_go_of_changed(list(self._kept))
            self._revision = revision
        self._confirmed_at = asked_at

    async def _let_go_of_changed(self, course_ids: Sequence[CourseId]) -> None:
        present = dict(await self._database.fetch(sql.KEPT_VERSIONS, course_ids))
        for course_id in course_ids:
            kept = self._kept.get(course_id)
            if kept is not None and present.get(UUID(course_id)) != kept.version:
                self.forget(course_id)

    def _keep(self, course: VersionedCourse) -> None:
        if len(self._kept) >= KEPT_COURSES:
            self._kept.pop(next(iter(self._kept)))
        self._kept[course.course.id] = course

    async def _listen(self) -> None:
        """Listen for announcements, and connect again whenever the connection is lost."""
        while True:
            with contextlib.suppress(StoreUnavailableError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await self._listen_once()
            self.doubt()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen_once(self) -> None:
        lost = asyncio.Event()
        connection = await self._database.session()
        try:
            connection.add_termination_listener(lambda _connection: lost.set())
            await connection.add_listener(_CHANNEL, self._announced)
            self.doubt()
            await lost.wait()
        finally:
            connection.terminate()

    def _announced(self, _connection: object, _process: int, _channel: str, course_id: object) -> None:
        self.forget(CourseId(str(course_id)))


async def store_course(connection: asyncpg.Connection, versioned: VersionedCourse) -> None:
    """Store a course with its version, in place of the one that is stored."""
    await connection.execute(shared_sql.PUT_COURSE, *course_columns(versioned))
    await connection.execute(shared_sql.REMOVE_LESSONS, versioned.course.id)
    await connection.execute(sql.PUT_LESSONS, *zip(*lesson_columns(versioned), strict=True))


async def _begin_recalculation(connection: asyncpg.Connection, course_id: CourseId, version: int) -> None:
    counted = await connection.fetch(sql.COURSE_COUNTS, course_id)
    learners = counted[0][1] if counted else 0
    if learners:
        await connection.execute(shared_sql.BEGIN_RECALCULATION, course_id, version, learners)
