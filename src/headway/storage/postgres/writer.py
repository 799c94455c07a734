"""One batch of writes: read what is not known, decide in Python, store it in one transaction."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Final
from uuid import uuid4

import asyncpg

from headway.domain.catalogue import VersionedCourse
from headway.domain.counters import Counters
from headway.domain.dating import NO_TIMES
from headway.domain.errors import CourseNotFoundError, HeadwayError, RefusedWriteError
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.presence import ChangedDays, Place, StandingRestore, advance, days_begun, restore, settled
from headway.domain.progress import LessonProgress
from headway.domain.standing import CourseProgress, LearnerDay, next_revision, rederive, unplaced
from headway.domain.writes import LessonWrite, StandingRefresh, Written
from headway.logs import get_logger
from headway.storage.committer import HELD, LOST, Held, Locks, Lost, Outcome, Work
from headway.storage.gently import in_turns
from headway.storage.port import HeldDay
from headway.storage.postgres import statements as sql
from headway.storage.postgres.catalogue import Catalogue
from headway.storage.postgres.database import Database, LockedElsewhereError
from headway.storage.postgres.figures import Slots
from headway.storage.postgres.recent import Key, Recent, Standing
from headway.storage.postgres.rows import (
    from_counters,
    from_course_progress,
    from_held_days,
    from_lesson_progress,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
)

_log = get_logger("headway.storage")

_NO_REVISION: Final = 0
_GROUPS_AT_A_TIME: Final = 256
_STANDING_COLUMNS: Final = 16  # of course_progress, before those of lesson_progress


class _Group:
    """The work of one learner's in one course, decided one after the other and stored together or not at all."""

    def __init__(self, key: Key, standing: Standing | None) -> None:
        self.key = key
        self.work: list[tuple[int, Work]] = []
        self.standing = standing or Standing(None)
        self.is_known = standing is not None  # from before; else it is read for this batch
        self.course: VersionedCourse | None = None
        self.after: CourseProgress | None = None
        self.rows: dict[LessonId, LessonProgress | None] = {}
        self.known_days: dict[date, LearnerDay] = {}  # those that are finished, where they are needed
        self.days: dict[date, LearnerDay | None] = {}

    def unread_lessons(self) -> Iterable[LessonId]:
        """The lessons whose rows have to be read first. Who has no standing in the course has no rows there."""
        if self.standing.progress is None:
            return ()
        return {lesson_id for lesson_id in self.lessons() if lesson_id not in self.standing.rows}

    def lessons(self) -> Iterator[LessonId]:
        """The lessons that are written to."""
        return (work.lesson_id for _, work in self.work if isinstance(work, LessonWrite))

    @property
    def brings_times(self) -> bool:
        """Whether a write brings times of its own, or an export is restored: any day may become another one."""
        return any(
            isinstance(work, StandingRestore) or (isinstance(work, LessonWrite) and work.times is not NO_TIMES)
            for _, work in self.work
        )

    def needs_days(self, latest: date) -> bool:
        """Whether the finished days are needed: to add to them, or since the last one is after `latest`."""
        progress = self.standing.progress
        return progress is not None and (self.brings_times or progress.day.date > latest)

    @property
    def needs_all_rows(self) -> bool:
        """Whether rows decide that are not written to: see `advance`, and of a standing that is made anew."""
        if self.course is None:
            return False
        return self.brings_times or self.is_outdated or self._may_go_back

    @property
    def is_outdated(self) -> bool:
        """Whether the standing has to be made anew: it is of another version of the course, or that was asked for."""
        if self.course is None:
            return False
        if any(isinstance(work, StandingRefresh) for _, work in self.work):
            return True
        progress = self.standing.progress
        return progress is not None and progress.course_version != self.course.version

    @property
    def _may_go_back(self) -> bool:
        """Whether the last lesson that the learner has started may be taken back."""
        at_lesson = self.standing.progress.at_lesson if self.standing.progress else None
        return any(
            isinstance(work, LessonWrite)
            and work.may_take_back
            and (work.lesson_id == at_lesson or len(self.work) > 1)  # what comes before may start the lesson
            for _, work in self.work
        )

    @property
    def previous_revision(self) -> int:
        """What the gate has to be found at."""
        return self.standing.progress.revision if self.standing.progress else _NO_REVISION

    @property
    def is_coming(self) -> bool:
        """Whether the learner is not in the course yet."""
        return self.standing.progress is None or self.standing.progress.started_at is None

    @property
    def changed_rows(self) -> Iterable[tuple[LessonProgress | None, LessonProgress | None]]:
        """The rows that became others, before and after."""
        before = self.standing.rows
        return (
            (before.get(lesson_id), row) for lesson_id, row in self.rows.items() if row is not before.get(lesson_id)
        )

    def decide(self, outcomes: list[Outcome], now: datetime) -> None:
        """Do the work in its order, noting the outcome of each."""
        progress = self.standing.progress
        if self.is_outdated:
            progress = self._rederived(progress, now)
        for place, work in self.work:
            try:
                outcomes[place], progress = self._done(work, progress, now)
            except HeadwayError as refusal:
                outcomes[place] = refusal

    def lose(self, outcomes: list[Outcome], why: Lost | Held = LOST) -> None:
        """Somebody else was first, or in the way: nothing that was decided holds, a refusal neither."""
        for place, _ in self.work:
            outcomes[place] = why

    def add_to(self, counters: Counters) -> None:
        """What the work changes in the course's figures."""
        for before, row in self.changed_rows:
            counters.change_row(before, row)
        counters.change_standing(self.standing.progress, self.after)
        counters.change_days(self.key[1], self.known_days, self.days)

    @property
    def _present_days(self) -> ChangedDays:
        return {**self.known_days, **self.days} if self.known_days or self.days else self.days

    def _done(
        self, work: Work, progress: CourseProgress | None, now: datetime
    ) -> tuple[Outcome, CourseProgress | None]:
        match work:
            case LessonWrite():
                return self._apply(work, progress, now)
            case StandingRestore():
                return self._restore(work, progress, now)
        return None, progress

    def _rederived(self, progress: CourseProgress | None, now: datetime) -> CourseProgress | None:
        assert self.course is not None  # noqa: S101 - see needs_all_rows
        rows = [row for row in self.standing.rows.values() if row is not None]
        if progress is None and not rows:
            return None
        standing = progress or unplaced(self.key[0], self.course)
        present, days = settled(standing, self.known_days, self.course.course, now)
        derived = rederive(self.course, present, rows, now)
        if derived.standing == progress and not derived.rows:
            return progress
        self.rows.update((row.lesson_id, row) for row in derived.rows)
        return self._keep(Place(derived.standing, days), now)

    def _apply(
        self, write: LessonWrite, progress: CourseProgress | None, now: datetime
    ) -> tuple[Written, CourseProgress | None]:
        assert self.course is not None  # noqa: S101 - a group without its course is refused before
        row = self.rows.setdefault(write.lesson_id, self.standing.rows.get(write.lesson_id))
        written = write.apply(self.course.course, row, now, _new_id)
        if written.before is None and written.after is None:
            return written, progress
        self.rows[write.lesson_id] = written.after
        place = advance(
            progress,
            write,
            written,
            self.course,
            now=now,
            known=self._present_days,
            rows=self._present_rows,
        )
        return written, self._keep(place, now)

    def _restore(
        self, asked: StandingRestore, progress: CourseProgress | None, now: datetime
    ) -> tuple[bool, CourseProgress | None]:
        assert self.course is not None  # noqa: S101 - a group without its course is refused before
        place = restore(progress, asked, self.course, self._present_days, now)
        if place.standing == progress and not place.days:
            return False, progress
        return True, self._keep(place, now)

    def _keep(self, place: Place, now: datetime) -> CourseProgress:
        self.days.update(place.days)
        self.after = place.standing._replace(revision=next_revision(self.standing.progress, now))
        return self.after

    def _present_rows(self) -> Iterable[LessonProgress]:
        """All the learner's rows as they are so far, where they were read: see `needs_all_rows`."""
        return (row for row in {**self.standing.rows, **self.rows}.values() if row is not None)


class Writer(Locks):
    """Commits batches. Two may be under way at once, as long as no learner's course is in both."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        recent: Recent,
        *,
        lanes: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._recent = recent
        self._lanes = lanes
        self._slots = Slots(lanes)
        self._clock = clock
        self.patience = database.timeout_seconds

    async def commit(self, batch: Sequence[Work]) -> Sequence[Outcome]:
        """Do the work in its order, in one transaction; answers an outcome for each.

        It is `LOST` where another process changed what it was decided on.
        """
        outcomes: list[Outcome] = [LOST] * len(batch)
        await self._catalogue.confirmed()  # before anything that is remembered is used
        groups = self._grouped(batch)
        try:
            groups = await self._with_courses(groups, outcomes)
            await self._read(groups)
            now = self._clock()
            for group in groups:
                group.decide(outcomes, now)
            await self._store(groups, outcomes)
        except LockedElsewhereError:
            await self._set_aside(groups, outcomes)
        except BaseException:
            for group in groups:
                self._recent.forget(group.key)
            raise
        return outcomes

    async def still_held(self, keys: AbstractSet[Key]) -> AbstractSet[Key]:
        """Those of these whose gate, or whose course's document, somebody else holds."""
        courses = await self._held_courses({course_id for _, course_id in keys})
        return {key for key in keys if key[1] in courses} | await self._held_gates(keys)

    async def _set_aside(self, groups: Sequence[_Group], outcomes: list[Outcome]) -> None:
        """Find out whose lock could not be had; the others are tried again."""
        for group in groups:
            self._recent.forget(group.key)
        courses = await self._held_courses({group.key[1] for group in groups if group.is_coming})
        held = {group.key for group in groups if group.is_coming and group.key[1] in courses}
        held |= await self._held_gates({group.key for group in groups if group.previous_revision != _NO_REVISION})
        if held:
            _log.warning("locked_elsewhere", learners=len(held))
        else:  # perhaps it was a counter, or whoever held the lock has let go of it
            self._slots = Slots(self._lanes)
        for group in groups:
            group.lose(outcomes, HELD if group.key in held else LOST)

    async def _held_courses(self, course_ids: AbstractSet[CourseId]) -> AbstractSet[CourseId]:
        free = await self._database.change(sql.FREE_COURSES, list(course_ids)) if course_ids else ()
        return course_ids - {course_id for (course_id,) in free}

    async def _held_gates(self, keys: AbstractSet[Key]) -> AbstractSet[Key]:
        """One statement each: a statement on several shards can not lock (decision 16)."""
        not_free = {key for key in keys if not await self._database.change(sql.FREE_GATE, *key)}
        if not not_free:
            return not_free
        there = await self._database.fetch(sql.COURSE_PROGRESS_OF, *zip(*not_free, strict=True))
        return _keys(columns[:2] for columns in there)

    async def commit_all(self, writes: Sequence[LessonWrite | StandingRestore]) -> Sequence[Written | bool] | None:
        """Write and restore in their order, all of it or nothing; `None` where another process was first.

        Raises `RefusedWriteError` for the first that is refused.
        """
        outcomes: list[Outcome] = [LOST] * len(writes)
        await self._catalogue.confirmed()
        for (
            write
        ) in writes:  # and nothing is waited for until all have been read: others keep what they read for the next
            self._recent.forget((write.learner_id, write.course_id))
        groups = await self._with_courses(self._grouped(writes), outcomes)
        for some in _few_at_a_time(groups):
            await self._read(some)
            now = self._clock()
            async for group in in_turns(some):
                group.decide(outcomes, now)
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, HeadwayError):
                raise RefusedWriteError(place, outcome)
        with contextlib.suppress(_OvertakenError):
            await self._passed([group for group in groups if group.after is not None], all_or_none=True)
            return [outcome for outcome in outcomes if isinstance(outcome, Written | bool)]
        return None

    def _grouped(self, batch: Sequence[Work]) -> list[_Group]:
        groups: dict[Key, _Group] = {}
        self._recent.begin_batch()
        for place, work in enumerate(batch):
            key = (work.learner_id, work.course_id)
            group = groups.get(key)
            if group is None:
                group = groups[key] = _Group(key, self._recent.get(key))
            group.work.append((place, work))
        return list(groups.values())

    async def _with_courses(self, groups: Sequence[_Group], outcomes: list[Outcome]) -> list[_Group]:
        """The groups whose course there is; the others are refused."""
        needed: dict[CourseId, set[LessonId]] = {}
        for group in groups:
            needed.setdefault(group.key[1], set()).update(group.lessons())
        found = await self._catalogue.courses(needed)
        for group in groups:
            group.course = found.get(group.key[1])
            if group.course is None:
                for place, work in group.work:
                    outcomes[place] = CourseNotFoundError(work.course_id)
        return [group for group in groups if group.course is not None]

    async def _read(self, groups: Sequence[_Group]) -> None:
        """Read what is not known: standings never after rows, so that rows can only be newer, which the gate tells."""
        await self._read_both([group for group in groups if not group.is_known])
        await self._read_standings([group for group in groups if not group.is_known and not group.standing.progress])
        await self._read_rows(groups)
        await self._read_all_rows([group for group in groups if group.needs_all_rows])
        latest = days_begun(self._clock())
        await self._read_days([group for group in groups if group.needs_days(latest)])

    async def _read_both(self, groups: Sequence[_Group]) -> None:
        """Read standings with rows, where there are both: so it is with nearly every heartbeat."""
        asked = {(*group.key, lesson_id): group for group in groups for lesson_id in group.lessons()}
        if not asked:
            return
        for columns in await self._database.fetch(sql.ROWS_WITH_COURSE_PROGRESS_AT, *zip(*asked, strict=True)):
            row = to_lesson_progress(columns[_STANDING_COLUMNS:])
            standing = asked[row.learner_id, row.course_id, row.lesson_id].standing
            standing.progress = to_course_progress(columns[:_STANDING_COLUMNS])
            standing.rows[row.lesson_id] = row

    async def _read_standings(self, groups: Sequence[_Group]) -> None:
        """Read the standings of those who have no row yet in the lessons that they write to."""
        asked = {group.key: group for group in groups}
        if not asked:
            return
        for columns in await self._database.fetch(sql.COURSE_PROGRESS_OF, *zip(*asked, strict=True)):
            progress = to_course_progress(columns)
            asked[progress.learner_id, progress.course_id].standing.progress = progress

    async def _read_rows(self, groups: Sequence[_Group]) -> None:
        """Read the rows that are still not known."""
        asked = {(*group.key, lesson_id): group for group in groups for lesson_id in group.unread_lessons()}
        if not asked:
            return
        found = await self._database.fetch(sql.LESSON_ROWS_AT, *zip(*asked, strict=True))
        rows = {row[:3]: row for row in map(to_lesson_progress, found)}
        for key, group in asked.items():
            group.standing.rows[key[2]] = rows.get(key)

    async def _read_all_rows(self, groups: Sequence[_Group]) -> None:
        """Read every row of those whose standings have to be made anew."""
        if not groups:
            return
        by_key = {group.key: group for group in groups}
        for columns in await self._database.fetch(sql.LESSON_ROWS_OF, *zip(*by_key, strict=True)):
            row = to_lesson_progress(columns)
            by_key[row.learner_id, row.course_id].standing.rows[row.lesson_id] = row

    async def _read_days(self, groups: Sequence[_Group]) -> None:
        """Read the finished days of those who need them. They change behind the gate alone, as rows do."""
        if not groups:
            return
        by_key = {group.key: group for group in groups}
        for columns in await self._database.fetch(sql.LEARNER_DAYS_OF, *zip(*by_key, strict=True)):
            held = to_held_day(columns)
            by_key[held.learner_id, held.course_id].known_days[held.day.date] = held.day

    async def _store(self, groups: Sequence[_Group], outcomes: list[Outcome]) -> None:
        deciding = [group for group in groups if group.after is not None]
        passed = await self._passed(deciding) if deciding else frozenset()
        known = [group.key in passed for group in deciding if group.is_known]
        self._recent.judge(right=sum(known), wrong=len(known) - sum(known))
        for group in groups:
            if group.after is None:
                self._settle_unchanged(group, outcomes)
            elif group.key in passed:
                group.standing.move_on(group.after, group.rows)
                self._recent.keep(group.key, group.standing)
            else:
                self._lose(group, outcomes)

    def _settle_unchanged(self, group: _Group, outcomes: list[Outcome]) -> None:
        """Nothing to store: what was answered holds if it was decided on what was read just now."""
        if group.is_known:
            self._lose(group, outcomes)

    def _lose(self, group: _Group, outcomes: list[Outcome]) -> None:
        group.lose(outcomes)
        self._recent.forget(group.key)
        if not group.is_known:  # what was read just now was right, so perhaps it is the course that has changed
            self._catalogue.doubt()

    async def _passed(self, groups: Sequence[_Group], *, all_or_none: bool = False) -> frozenset[Key]:
        """Store the groups; answers the keys of those that nobody was faster than."""
        groups = sorted(groups, key=attrgetter("key"))
        come_into = {group.key[1] for group in groups if group.is_coming}
        slot = self._slots.take()

        async def store(connection: asyncpg.Connection) -> frozenset[Key]:
            if come_into:
                await connection.execute(sql.HOLD_COURSES, list(come_into))
            passed: frozenset[Key] = frozenset()
            for some in _few_at_a_time(groups):
                passed |= _keys(await connection.fetch(sql.STORE_WRITES, *_columns_of(some)))
            if all_or_none and len(passed) < len(groups):
                raise _OvertakenError
            await _store_what_follows(connection, slot, [group for group in groups if group.key in passed])
            return passed

        try:
            return await self._database.transact(store, waits_for_locks=all_or_none)
        finally:
            self._slots.give_back(slot)


class _OvertakenError(Exception):
    """Somebody else was first, and nothing was stored."""


async def _store_what_follows(connection: asyncpg.Connection, slot: int, groups: Sequence[_Group]) -> None:
    """Remove rows, keep finished days and count, for those whose gates are held."""
    counters = Counters()
    removed: list[tuple[LearnerId, CourseId, LessonId]] = []
    days: list[HeldDay] = []
    gone: list[tuple[LearnerId, CourseId, date]] = []
    async for group in in_turns(groups):
        group.add_to(counters)
        removed.extend((*group.key, before.lesson_id) for before, row in group.changed_rows if before and row is None)
        days.extend(HeldDay(*group.key, day) for day in group.days.values() if day is not None)
        gone.extend((*group.key, moment) for moment, day in group.days.items() if day is None)
    if removed:
        await connection.execute(sql.REMOVE_LESSON_ROWS_AT, *zip(*removed, strict=True))
    if gone:
        await connection.execute(sql.REMOVE_LEARNER_DAYS_AT, *zip(*gone, strict=True))
    if days:
        await connection.execute(sql.PUT_LEARNER_DAYS, *from_held_days(days))
    if counters:
        await connection.execute(sql.ADD_COUNTERS, slot, *from_counters(counters))


def _few_at_a_time(groups: Sequence[_Group]) -> Iterator[Sequence[_Group]]:
    """The groups, so many that to send or read them does not keep the event loop for long; few are one part."""
    return (groups[at : at + _GROUPS_AT_A_TIME] for at in range(0, len(groups), _GROUPS_AT_A_TIME))


def _columns_of(groups: Sequence[_Group]) -> tuple[Any, ...]:
    """What is stored of the groups."""
    standings = [group.after for group in groups if group.after is not None]
    previous = [group.previous_revision for group in groups]
    rows = [row for group in groups for _, row in group.changed_rows if row is not None]
    return (*from_course_progress(standings), previous, *from_lesson_progress(rows))


def _keys(columns: Iterable[Any]) -> frozenset[Key]:
    return frozenset((LearnerId(str(learner)), CourseId(str(course))) for learner, course in columns)


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))
