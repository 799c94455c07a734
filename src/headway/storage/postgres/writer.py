"""Commits a batch of writes: reads what is not in memory, decides in Python, stores in one transaction."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Final

import asyncpg

from headway.domain.change_sets import ChangeSet
from headway.domain.changes import Newcomers, Work, all_written, by_learner_and_course
from headway.domain.completions import NewCompletion
from headway.domain.counters import Counters
from headway.domain.enrolments import Enforcement
from headway.domain.errors import CourseNotFoundError
from headway.domain.holdings import CourseProgressKey, HeldDay
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.presence import CourseProgressRestore, days_begun
from headway.domain.progress import LessonProgress
from headway.domain.writes import LessonWrite, Written
from headway.logs import get_logger
from headway.storage.committer import HELD, LOST, Locks, Outcome
from headway.storage.postgres import statements as sql
from headway.storage.postgres.catalogue import Catalogue
from headway.storage.postgres.database import Database, LockedElsewhereError
from headway.storage.postgres.figures import Slots, add_counters
from headway.storage.postgres.group import Group
from headway.storage.postgres.recent import Recent
from headway.storage.postgres.reports import store_reports
from headway.storage.postgres.rows import (
    from_course_progress,
    from_held_days,
    from_lesson_progress,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
)
from headway.storage.shared.columns import COURSE_PROGRESS, from_run
from headway.storage.shared.events import StoredEvents, from_new_events
from headway.storage.shared.reports import are_reports
from headway.turns import in_turns

_log = get_logger("headway.storage")

_GROUPS_AT_A_TIME: Final = 256
_COURSE_PROGRESS_COLUMNS: Final = len(COURSE_PROGRESS.columns)  # they stand before those of lesson_progress


class Writer(Locks):
    """Commits batches to one server. Two may run at the same time, where no learner and course is in both.

    `slots` are the slots of the counters on the server. `events` is told when events may have been stored.
    """

    def __init__(  # noqa: PLR0913 - the parts of a server that a batch needs
        self,
        database: Database,
        catalogue: Catalogue,
        recent: Recent,
        *,
        lanes: int,
        slots: Sequence[int],
        clock: Callable[[], datetime],
        enforced: Enforcement,
        events: StoredEvents,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._recent = recent
        self._lanes = lanes
        self.use_slots(slots)
        self._clock = clock
        self._enforced = enforced
        self._events = events
        self.patience = database.timeout_seconds

    def use_slots(self, on_server: Sequence[int]) -> None:
        """Add to these slots of the counters from now on."""
        self._on_server = on_server
        self._slots = Slots(self._lanes, on_server)

    def any_slot(self) -> int:
        """Return a slot of the counters on the server, for work outside of batches."""
        return self._slots.any()

    async def commit(self, batch: Sequence[Work]) -> Sequence[Outcome]:
        """Decide the works in their order, store them in one transaction, and return the outcome of each.

        The outcome is `LOST` where another process has changed what the work was decided on, and `HELD` where another
        program has locked it.
        """
        outcomes: list[Outcome] = [LOST] * len(batch)
        await self._catalogue.confirmed()  # before anything in memory is used
        groups = self._grouped(batch)
        try:
            groups = await self._with_courses(groups, outcomes)
            await self._read(groups)
            now = self._clock()
            newcomers = Newcomers(now, self._events.recording)
            for group in groups:
                group.decide(outcomes, now, newcomers)
            await self._store(groups, outcomes)
        except LockedElsewhereError:
            await self._set_aside(groups, outcomes)
        except BaseException:
            for group in groups:
                self._recent.forget(group.key)
            raise
        return outcomes

    async def still_held(self, keys: AbstractSet[CourseProgressKey]) -> AbstractSet[CourseProgressKey]:
        """Return the keys whose gate or whose course's document another program locks."""
        courses = await self._held_courses({course_id for _, course_id in keys})
        return {key for key in keys if key[1] in courses} | await self._held_gates(keys)

    async def _set_aside(self, groups: Sequence[Group], outcomes: list[Outcome]) -> None:
        """Find the groups whose lock is taken; the others are tried again."""
        for group in groups:
            self._recent.forget(group.key)
        courses = await self._held_courses({group.key[1] for group in groups if group.is_coming})
        held = {group.key for group in groups if group.is_coming and group.key[1] in courses}
        held |= await self._held_gates({group.key for group in groups if group.course_progress.progress is not None})
        if held:
            _log.warning("locked_elsewhere", learners=len(held))
        else:  # it may have been a counter, or the lock is free again
            self.use_slots(self._on_server)
        for group in groups:
            group.lose(outcomes, HELD if group.key in held else LOST)

    async def _held_courses(self, course_ids: AbstractSet[CourseId]) -> AbstractSet[CourseId]:
        return course_ids - await self._catalogue.free(course_ids) if course_ids else course_ids

    async def _held_gates(self, keys: AbstractSet[CourseProgressKey]) -> AbstractSet[CourseProgressKey]:
        """Return the keys whose gate is locked.

        Each needs its own statement, because a statement on several shards cannot lock (decision 16).
        """
        not_free = {key for key in keys if not await self._database.change(sql.FREE_GATE, *key)}
        if not not_free:
            return not_free
        there = await self._database.fetch(sql.COURSE_PROGRESS_OF, *zip(*not_free, strict=True))
        return _keys(columns[:2] for columns in there)

    async def commit_all(
        self, writes: Sequence[LessonWrite | CourseProgressRestore]
    ) -> Sequence[Written | bool] | None:
        """Apply writes and restores in their order, all or none; `None` where another process was first.

        Raises `RefusedWriteError` for the first that is refused.
        """
        outcomes: list[Outcome] = [LOST] * len(writes)
        await self._catalogue.confirmed()
        # Nothing is awaited between this and the look-ups in `_grouped`: another batch could keep progress again.
        for write in writes:
            self._recent.forget((write.learner_id, write.course_id))
        groups = await self._with_courses(self._grouped(writes), outcomes)
        for some in _few_at_a_time(groups):
            await self._read(some)
            now = self._clock()
            newcomers = Newcomers(now, self._events.recording)
            async for group in in_turns(some):
                group.decide(outcomes, now, newcomers)
        written = all_written(outcomes)
        with contextlib.suppress(_OvertakenError):
            await self._passed([group for group in groups if group.change is not None], all_or_none=True)
            return written
        return None

    def _grouped(self, batch: Sequence[Work]) -> list[Group]:
        self._recent.begin_batch()
        return [
            Group(
                key,
                self._recent.get(key),
                [(position, batch[position]) for position in positions],
                self._enforced,
                self._events.recording,
            )
            for key, positions in by_learner_and_course(batch).items()
        ]

    async def _with_courses(self, groups: Sequence[Group], outcomes: list[Outcome]) -> list[Group]:
        """Return the groups whose course exists, and refuse the others."""
        needed: dict[CourseId, set[LessonId]] = {}
        for group in groups:
            needed.setdefault(group.key[1], set()).update(group.lessons())
        found = await self._catalogue.courses(needed)
        for group in groups:
            group.course = found.get(group.key[1])
            if group.course is None:
                for position, work in group.work:
                    outcomes[position] = CourseNotFoundError(work.course_id)
        return [group for group in groups if group.course is not None]

    async def _read(self, groups: Sequence[Group]) -> None:
        """Read what is not known.

        Lesson progress is read last. So it can only be newer than the course progress, which the gate detects.
        """
        await self._read_both([group for group in groups if not group.is_known])
        await self._read_course_progress(
            [group for group in groups if not group.is_known and not group.course_progress.progress]
        )
        await self._read_lessons(groups)
        latest = days_begun(self._clock())
        asked = [(group, group.needs(latest)) for group in groups]
        await self._read_all_lessons([group for group, needs in asked if needs.all_lessons])
        await self._read_days([group for group, needs in asked if needs.days])

    async def _read_both(self, groups: Sequence[Group]) -> None:
        """Read course progress together with lesson progress where both exist, as for nearly every heartbeat."""
        asked = {(*group.key, lesson_id): group for group in groups for lesson_id in group.lessons()}
        if not asked:
            return
        for columns in await self._database.fetch(sql.LESSON_AND_COURSE_PROGRESS_AT, *zip(*asked, strict=True)):
            progress = to_lesson_progress(columns[_COURSE_PROGRESS_COLUMNS:])
            course_progress = asked[progress.learner_id, progress.course_id, progress.lesson_id].course_progress
            course_progress.progress = to_course_progress(columns[:_COURSE_PROGRESS_COLUMNS])
            course_progress.lessons[progress.lesson_id] = progress

    async def _read_course_progress(self, groups: Sequence[Group]) -> None:
        """Read the course progress of learners without progress in the lessons that they write to."""
        asked = {group.key: group for group in groups}
        if not asked:
            return
        for columns in await self._database.fetch(sql.COURSE_PROGRESS_OF, *zip(*asked, strict=True)):
            progress = to_course_progress(columns)
            asked[progress.learner_id, progress.course_id].course_progress.progress = progress

    async def _read_lessons(self, groups: Sequence[Group]) -> None:
        """Read the lesson progress that is still unknown."""
        asked = {(*group.key, lesson_id): group for group in groups for lesson_id in group.unread_lessons()}
        if not asked:
            return
        rows = await self._database.fetch(sql.LESSON_PROGRESS_AT, *zip(*asked, strict=True))
        found = {progress[:3]: progress for progress in map(to_lesson_progress, rows)}
        for key, group in asked.items():
            group.course_progress.lessons[key[2]] = found.get(key)

    async def _read_all_lessons(self, groups: Sequence[Group]) -> None:
        """Read all lesson progress in the courses whose course progress must be recalculated."""
        if not groups:
            return
        by_key = {group.key: group for group in groups}
        for columns in await self._database.fetch(sql.LESSON_PROGRESS_OF, *zip(*by_key, strict=True)):
            progress = to_lesson_progress(columns)
            by_key[progress.learner_id, progress.course_id].course_progress.lessons[progress.lesson_id] = progress

    async def _read_days(self, groups: Sequence[Group]) -> None:
        """Read the finished days that are needed. They only change behind the gate, as lesson progress does."""
        if not groups:
            return
        by_key = {group.key: group for group in groups}
        for columns in await self._database.fetch(sql.LEARNER_DAYS_OF, *zip(*by_key, strict=True)):
            held = to_held_day(columns)
            by_key[held.learner_id, held.course_id].days[held.day.date] = held.day

    async def _store(self, groups: Sequence[Group], outcomes: list[Outcome]) -> None:
        deciding = [group for group in groups if group.change is not None]
        passed = await self._passed(deciding) if deciding else frozenset()
        known = [group.key in passed for group in deciding if group.is_known]
        self._recent.judge(right=sum(known), wrong=len(known) - sum(known))
        for group in groups:
            if group.change is None:
                self._settle_unchanged(group, outcomes)
            elif group.key in passed:
                group.course_progress.move_on(group.change)
                self._recent.keep(group.key, group.course_progress)
            else:
                self._lose(group, outcomes)

    def _settle_unchanged(self, group: Group, outcomes: list[Outcome]) -> None:
        """Decide a group without changes again where it was decided on what was in memory."""
        if group.is_known:
            self._lose(group, outcomes)

    def _lose(self, group: Group, outcomes: list[Outcome]) -> None:
        group.lose(outcomes)
        self._recent.forget(group.key)
        if not group.is_known:  # its progress was read just now, so perhaps the course has changed
            self._catalogue.doubt()

    async def _passed(self, groups: Sequence[Group], *, all_or_none: bool = False) -> frozenset[CourseProgressKey]:
        """Store the groups, and return the keys of those that passed the gate."""
        groups = sorted(groups, key=attrgetter("key"))
        come_into = {group.key[1] for group in groups if group.is_coming}
        slots = self._slots
        slot = slots.take()
        decided = [group.change for group in groups if group.change is not None]
        is_short = not (come_into or all_or_none or self._database.is_cluster) and len(groups) <= _GROUPS_AT_A_TIME
        put = _put_in_parts if self._database.is_cluster else _put

        async def store(connection: asyncpg.Connection) -> frozenset[CourseProgressKey]:
            passed: frozenset[CourseProgressKey] = frozenset()
            for some in _few_at_a_time(groups):
                passed |= await put(connection, some)
            if all_or_none and len(passed) < len(groups):
                raise _OvertakenError
            changes = [group.change for group in groups if group.change is not None and group.key in passed]
            await store_what_follows(connection, slot, changes, in_parts=self._database.is_cluster)
            return passed

        try:
            if is_short and are_reports(decided) and await store_reports(self._database, slot, decided):
                return frozenset(group.key for group in groups)
            if come_into:
                return await self._catalogue.holding(come_into, self._database, store, waits_for_locks=all_or_none)
            return await self._database.transact(store, waits_for_locks=all_or_none)
        finally:
            slots.give_back(slot)
            self._events.on_stored()


class _OvertakenError(Exception):
    """Another process was first, and nothing was stored."""


async def _put(connection: asyncpg.Connection, groups: Sequence[Group]) -> frozenset[CourseProgressKey]:
    """Store course progress and lesson progress, and return the keys of the groups that passed the gate."""
    columns = (*_gates_of(groups), *from_lesson_progress(_lessons_of(groups)))
    return _keys(await connection.fetch(sql.STORE_WRITES, *columns))


async def _put_in_parts(connection: asyncpg.Connection, groups: Sequence[Group]) -> frozenset[CourseProgressKey]:
    """Do the same on a cluster, where the parts of one statement would exchange their results over all nodes."""
    passed = _keys(await connection.fetch(sql.PASS_GATES, *_gates_of(groups)))
    lessons = _lessons_of([group for group in groups if group.key in passed])
    if lessons:
        await connection.execute(sql.HOLD_LESSON_PROGRESS, *from_lesson_progress(lessons))
    return passed


async def store_what_follows(
    connection: asyncpg.Connection, slot: int, changes: Sequence[ChangeSet], *, in_parts: bool
) -> None:
    """Remove lesson progress, store finished days and events, and add to the counters, behind locked gates.

    `in_parts` is for a cluster (see `add_counters`).
    """
    counters = Counters()
    removed: list[tuple[LearnerId, CourseId, LessonId]] = []
    days: list[HeldDay] = []
    gone: list[tuple[LearnerId, CourseId, date]] = []
    async for change in in_turns(changes):
        key = change.learner_id, change.course_id
        change.add_to(counters)
        removed.extend((*key, lesson_id) for lesson_id in change.removed_lessons)
        days.extend(HeldDay(*key, day) for day in change.stored_days)
        gone.extend((*key, moment) for moment in change.removed_days)
    if removed:
        await connection.execute(sql.REMOVE_LESSON_PROGRESS_AT, *zip(*removed, strict=True))
    if gone:
        await connection.execute(sql.REMOVE_LEARNER_DAYS_AT, *zip(*gone, strict=True))
    if days:
        await connection.execute(sql.PUT_LEARNER_DAYS, *from_held_days(days))
    await _keep_completions(connection, [completion for change in changes for completion in change.completions])
    runs = [ended for change in changes for ended in change.ended_runs]
    if runs:
        await connection.execute(sql.KEEP_RUNS, *zip(*map(from_run, runs), strict=True))
    events = [
        row
        for change in changes
        if change.events and change.after is not None
        for row in from_new_events(change.events, change.after.revision)
    ]
    if events:
        await connection.execute(sql.PUT_UNPUBLISHED_EVENTS, *zip(*events, strict=True))
    if counters:
        await add_counters(connection, slot, counters, in_parts=in_parts)


async def _keep_completions(connection: asyncpg.Connection, new: Sequence[NewCompletion]) -> None:
    """Keep the completions of courses. Each needs all of the learner's lesson progress, as it is stored now."""
    if not new:
        return
    found: dict[CourseProgressKey, list[LessonProgress]] = {one.progress[:2]: [] for one in new}
    for columns in await connection.fetch(sql.LESSON_PROGRESS_OF, *zip(*found, strict=True)):
        progress = to_lesson_progress(columns)
        found[progress.learner_id, progress.course_id].append(progress)
    completions = [one.kept(found[one.progress[:2]]) for one in new]
    await connection.execute(sql.PUT_COMPLETIONS, *zip(*completions, strict=True))


def _few_at_a_time(groups: Sequence[Group]) -> Iterator[Sequence[Group]]:
    """Return the groups in parts that are small enough to send and read without blocking the event loop for long."""
    return (groups[at : at + _GROUPS_AT_A_TIME] for at in range(0, len(groups), _GROUPS_AT_A_TIME))


def _gates_of(groups: Sequence[Group]) -> tuple[Any, ...]:
    """Return the columns of the groups' course progress, each with the revision that the gate must still have."""
    changes = [group.change for group in groups if group.change is not None]
    all_course_progress = [change.stored_progress for change in changes if change.stored_progress is not None]
    return (*from_course_progress(all_course_progress), [group.previous_revision for group in groups])


def _lessons_of(groups: Sequence[Group]) -> Sequence[LessonProgress]:
    return [progress for group in groups if group.change is not None for progress in group.change.stored_lessons]


def _keys(columns: Iterable[Any]) -> frozenset[CourseProgressKey]:
    return frozenset((LearnerId(str(learner)), CourseId(str(course))) for learner, course in columns)
