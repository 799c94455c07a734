"""Everything that is stored about one learner: reads it, erases it, starts a course over."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

import asyncpg

from headway.domain.change_sets import ChangeSet
from headway.domain.course_progress import CourseProgress, LearnerDay
from headway.domain.dating import microseconds
from headway.domain.events import NOT_RECORDED, Recording, erased_event
from headway.domain.holdings import HeldDay, LearnerRecord
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.progress import LessonProgress
from headway.domain.removals import Restart, erase, restart
from headway.storage.postgres import statements as sql
from headway.storage.postgres.database import Database
from headway.storage.postgres.figures import any_slot
from headway.storage.postgres.rows import (
    from_course_progress,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
    to_many_lesson_progress,
)
from headway.storage.postgres.servers import LearnersServer
from headway.storage.postgres.session import run as run_steps
from headway.storage.postgres.writer import store_what_follows
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.columns import to_completion, to_ended_run
from headway.storage.shared.events import forget_learner, from_new_events
from headway.storage.shared.groups import leave_groups, to_outlines
from headway.turns import in_turns

REMEMBERED: Final = timedelta(minutes=2)
"""How long a process may keep an erased learner in memory. In fact it learns of the erasure within a second."""


class Learners:
    """Works on whole learners.

    `server_of` returns the server that has a learner's rows. `forget` removes a learner's progress in a course from
    this process's memory.
    """

    def __init__(
        self,
        database: Database,
        server_of: Callable[[LearnerId], LearnersServer],
        forget: Callable[[LearnerId, CourseId], None],
        recording: Recording = NOT_RECORDED,
    ) -> None:
        self._database = database
        self._server_of = server_of
        self._forget = forget
        self._recording = recording

    async def record(self, learner_id: LearnerId) -> LearnerRecord:
        """Return everything that is stored about a learner."""
        async with self._server_of(learner_id).database.snapshot() as connection:
            rows = await connection.fetch(shared_sql.LEARNER_LESSON_PROGRESS, learner_id)
            all_course_progress = await connection.fetch(shared_sql.LEARNER_COURSE_PROGRESS, learner_id)
            days = await connection.fetch(shared_sql.LEARNER_DAYS, learner_id)
            completions = await connection.fetch(shared_sql.COMPLETIONS_OF, learner_id)
            groups = await connection.fetch(sql.GROUPS.of_learner, learner_id)
            runs = await connection.fetch(shared_sql.RUNS_OF, learner_id)
        held = [to_held_day(columns) for columns in days]
        return LearnerRecord(
            await to_many_lesson_progress(rows),
            [
                course_progress
                for course_progress in map(to_course_progress, all_course_progress)
                if not course_progress.is_empty
            ],
            [(day.course_id, day.day) for day in held],
            list(map(to_completion, completions)),
            to_outlines(groups),
            runs=[to_ended_run(columns) async for columns in in_turns(runs)],
        )

    async def active_days(self, learner_id: LearnerId, course_id: CourseId | None, first: date) -> list[LearnerDay]:
        """Return the learner's active days from `first` on, in one course or in all (`None`)."""
        found = await self._server_of(learner_id).database.fetch(sql.ACTIVE_DAYS, learner_id, course_id, first)
        return [to_held_day(columns).day for columns in found]

    async def erase(self, learner_id: LearnerId, now: datetime) -> bool:
        """Remove everything about a learner, and return whether there was anything.

        A course to which the learner comes meanwhile is removed, too, because its events may be gone.
        """
        had_any = False
        erased: Sequence[CourseId] | None = None
        while erased != (courses := await self._courses_of(learner_id)):
            had_any |= await self._erase_once(learner_id, courses, now)
            erased = courses
        left = await self._database.transact(lambda one: run_steps(one, leave_groups(sql.GROUPS, learner_id, now)))
        return had_any or left

    async def _courses_of(self, learner_id: LearnerId) -> Sequence[CourseId]:
        """Return the courses in which the learner has course progress, be it emptied, in the order of their gates."""
        kept = map(to_course_progress, await self._database.fetch(shared_sql.LEARNER_COURSE_PROGRESS, learner_id))
        return sorted(progress.course_id for progress in kept)

    async def sweep(self, now: datetime) -> None:
        """Remove the emptied course progress of learners who were erased long enough ago."""

        async def take_away(connection: asyncpg.Connection) -> None:
            await connection.execute(sql.SWEEP_COURSE_PROGRESS, now - REMEMBERED)
            await connection.execute(sql.SWEEP_ERASED, now - REMEMBERED)

        if await self._database.fetch(sql.FIND_ERASED, now - REMEMBERED):  # some users may read, but not write
            await self._database.transact(take_away)

    async def restart(self, asked: Restart, now: datetime) -> None:
        """Remove the learner's lesson progress in a course. Raises `OtherRunError`."""
        server = self._server_of(asked.learner_id)
        restarted = partial(
            _restart,
            asked=asked,
            now=now,
            recording=self._recording,
            slot=server.writer.any_slot(),
            in_parts=self._database.is_cluster,
        )
        try:
            await server.database.transact(restarted)
        finally:
            self._forget(asked.learner_id, asked.course_id)

    async def _erase_once(self, learner_id: LearnerId, course_ids: Sequence[CourseId], now: datetime) -> bool:
        """Remove what there is, with these courses, in one transaction. Return whether there was anything.

        Emptied course progress stays until no process has the old one in memory, because such a process would write as
        if nothing had happened. `sweep` removes it later.
        """
        in_parts = self._database.is_cluster

        async def remove(connection: asyncpg.Connection) -> bool:
            had_any = await _erase(connection, learner_id, course_ids, now, in_parts=in_parts)
            return await self._erase_rest(connection, learner_id, now) or had_any

        try:
            return await self._database.transact(remove)
        finally:
            for course_id in course_ids:
                self._forget(learner_id, course_id)

    async def _erase_rest(self, connection: asyncpg.Connection, learner_id: LearnerId, now: datetime) -> bool:
        """Remove completions, runs and events. Return whether there were completions or runs.

        A learner may have them without course progress.
        """
        removed = [
            await connection.execute(statement, learner_id)
            for statement in (shared_sql.ERASE_COMPLETIONS, shared_sql.ERASE_RUNS)
        ]
        await run_steps(connection, forget_learner(sql.EVENTS, learner_id))
        if self._recording.is_on:
            rows = from_new_events([erased_event(learner_id, now)], microseconds(now))
            await connection.execute(sql.PUT_UNPUBLISHED_EVENTS, *zip(*rows, strict=True))
        return any(status != "DELETE 0" for status in removed)


async def _restart(
    connection: asyncpg.Connection,
    asked: Restart,
    now: datetime,
    *,
    recording: Recording,
    slot: int,
    in_parts: bool,
) -> None:
    key = asked.learner_id, asked.course_id
    course_progress = await _held(connection, *key)
    if course_progress is None:  # another transaction may be creating it; there is no gate to hold
        return
    lessons = await _lessons(connection, *key)
    change = restart(asked, course_progress, lessons, now, recording)
    await _store(connection, [change], slot, in_parts=in_parts)


async def _erase(
    connection: asyncpg.Connection,
    learner_id: LearnerId,
    course_ids: Sequence[CourseId],
    now: datetime,
    *,
    in_parts: bool,
) -> bool:
    """Erase a learner in some courses, and return whether there was anything.

    The courses are sorted, because other transactions lock gates in this order. Announces it
    first, because the catalogue's row is locked before courses, and courses before gates (decision 32).
    """
    if not course_ids:
        return False
    await connection.execute(sql.ANNOUNCE_ERASURE)
    changes: list[ChangeSet] = []
    for course_id in course_ids:
        course_progress = await _held(connection, learner_id, course_id)
        if course_progress is not None and not course_progress.is_empty:
            lessons = await _lessons(connection, learner_id, course_id)
            days = [held.day for held in await _days(connection, learner_id, course_id)]
            changes.append(erase((learner_id, course_id), course_progress, lessons, days, now))
    if not changes:
        return False
    await _store(connection, changes, any_slot(), in_parts=in_parts)
    await connection.execute(sql.NOTE_ERASURE, learner_id, now)
    return True


async def _held(connection: asyncpg.Connection, learner_id: LearnerId, course_id: CourseId) -> CourseProgress | None:
    """Return course progress, locked until the end of the transaction. It is the gate of the lesson progress."""
    columns = await connection.fetchrow(sql.LOCK_COURSE_PROGRESS, learner_id, course_id)
    return to_course_progress(columns) if columns else None


async def _lessons(connection: asyncpg.Connection, learner_id: LearnerId, course_id: CourseId) -> list[LessonProgress]:
    return [
        to_lesson_progress(columns)
        for columns in await connection.fetch(shared_sql.LEARNER_LESSON_PROGRESS_IN, learner_id, course_id)
    ]


async def _days(connection: asyncpg.Connection, learner_id: LearnerId, course_id: CourseId) -> list[HeldDay]:
    return [
        to_held_day(columns) for columns in await connection.fetch(shared_sql.LEARNER_DAYS_IN, learner_id, course_id)
    ]


async def _store(connection: asyncpg.Connection, changes: Sequence[ChangeSet], slot: int, *, in_parts: bool) -> None:
    """Store changes behind locked gates."""
    stored = [change.stored_progress for change in changes if change.stored_progress is not None]
    if stored:
        await connection.execute(sql.HOLD_COURSE_PROGRESS, *from_course_progress(stored))
    await store_what_follows(connection, slot, changes, in_parts=in_parts)
