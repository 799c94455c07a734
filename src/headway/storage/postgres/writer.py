"""One batch of writes: read what is not known, decide in Python, store it in one statement."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from headway.domain.catalogue import VersionedCourse
from headway.domain.errors import CourseNotFoundError, HeadwayError
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.progress import LessonProgress
from headway.domain.standing import NOTHING, CourseProgress, advance, next_revision, recount
from headway.domain.writes import LessonWrite
from headway.storage.committer import LOST, Outcome
from headway.storage.postgres import statements as sql
from headway.storage.postgres.catalogue import Catalogue
from headway.storage.postgres.database import Database
from headway.storage.postgres.recent import Key, Recent, Standing
from headway.storage.postgres.rows import (
    from_course_progress,
    from_lesson_progress,
    to_course_progress,
    to_lesson_progress,
)

_NO_REVISION: Final = 0
_STANDING_COLUMNS: Final = 8  # of course_progress, before those of lesson_progress


class _Group:
    """The writes of one learner in one course, decided one after the other and stored together or not at all."""

    def __init__(self, key: Key, standing: Standing | None) -> None:
        self.key = key
        self.writes: list[tuple[int, LessonWrite]] = []
        self.standing = standing or Standing(None)
        self.is_known = standing is not None  # from before; else it is read for this batch
        self.course: VersionedCourse | None = None
        self.tally = NOTHING
        self.after: CourseProgress | None = None
        self.rows: dict[LessonId, LessonProgress | None] = {}

    def unread_lessons(self) -> Iterable[LessonId]:
        """The lessons whose rows have to be read first. Who has no standing in the course has no rows there."""
        if self.standing.progress is None:
            return ()
        return {write.lesson_id for _, write in self.writes if write.lesson_id not in self.standing.rows}

    @property
    def needs_recount(self) -> bool:
        """Whether the tally was made under another version of the course."""
        progress = self.standing.progress
        return progress is not None and self.course is not None and progress.course_version != self.course.version

    @property
    def previous_revision(self) -> int:
        """What the gate has to be found at."""
        return self.standing.progress.revision if self.standing.progress else _NO_REVISION

    @property
    def rows_to_put(self) -> Iterable[LessonProgress]:
        """The rows that the writes made or changed."""
        before = self.standing.rows
        return (row for lesson_id, row in self.rows.items() if row is not None and row is not before.get(lesson_id))

    @property
    def rows_to_remove(self) -> Iterable[tuple[LearnerId, CourseId, LessonId]]:
        """The keys of the rows that the writes removed."""
        before = self.standing.rows
        return (
            (*self.key, lesson_id)
            for lesson_id, row in self.rows.items()
            if row is None and before.get(lesson_id) is not None
        )

    def decide(self, outcomes: list[Outcome], now: datetime) -> None:
        """Apply the writes in their order, noting the outcome of each."""
        for place, write in self.writes:
            try:
                outcomes[place] = self._apply(write, now)
            except HeadwayError as refusal:
                outcomes[place] = refusal

    def lose(self, outcomes: list[Outcome]) -> None:
        """Somebody else was first: nothing that was decided holds, a refusal neither."""
        for place, _ in self.writes:
            outcomes[place] = LOST

    def _apply(self, write: LessonWrite, now: datetime) -> Outcome:
        assert self.course is not None  # noqa: S101 - a group without its course is refused before
        row = self.rows.setdefault(write.lesson_id, self.standing.rows.get(write.lesson_id))
        written = write.apply(self.course.course, row, now, _new_id)
        if written.before is None and written.after is None:
            return written
        revision = next_revision(self.standing.progress, now)
        self.after = advance(self.tally, write, written, course_version=self.course.version, revision=revision, now=now)
        self.tally = self.after.tally
        self.rows[write.lesson_id] = written.after
        return written


class Writer:
    """Commits batches. Two may be under way at once, as long as no learner's course is in both."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._catalogue = catalogue
        self._clock = clock
        self._recent = Recent()

    def forget(self, learner_id: LearnerId, course_id: CourseId) -> None:
        """Let go of what is known of a learner in a course."""
        self._recent.forget((learner_id, course_id))

    async def commit(self, writes: Sequence[LessonWrite]) -> Sequence[Outcome]:
        """Apply the writes in their order, in one transaction; answers an outcome for each.

        A write is `LOST` where another process changed what it was decided on.
        """
        outcomes: list[Outcome] = [LOST] * len(writes)
        groups = self._grouped(writes)
        try:
            groups = await self._with_courses(groups, outcomes)
            await self._read(groups)
            now = self._clock()
            for group in groups:
                group.decide(outcomes, now)
            await self._store(groups, outcomes)
        except BaseException:
            for group in groups:
                self._recent.forget(group.key)
            raise
        return outcomes

    def _grouped(self, writes: Sequence[LessonWrite]) -> list[_Group]:
        groups: dict[Key, _Group] = {}
        self._recent.begin_batch()
        for place, write in enumerate(writes):
            key = (write.learner_id, write.course_id)
            group = groups.get(key)
            if group is None:
                group = groups[key] = _Group(key, self._recent.get(key))
            group.writes.append((place, write))
        return list(groups.values())

    async def _with_courses(self, groups: Sequence[_Group], outcomes: list[Outcome]) -> list[_Group]:
        """The groups whose course there is; the others are refused."""
        needed: dict[CourseId, set[LessonId]] = {}
        for group in groups:
            needed.setdefault(group.key[1], set()).update(write.lesson_id for _, write in group.writes)
        found = await self._catalogue.courses(needed)
        for group in groups:
            group.course = found.get(group.key[1])
            if group.course is None:
                for place, write in group.writes:
                    outcomes[place] = CourseNotFoundError(write.course_id)
        return [group for group in groups if group.course is not None]

    async def _read(self, groups: Sequence[_Group]) -> None:
        """Read what is not known: standings never after rows, so that rows can only be newer, which the gate tells."""
        await self._read_both([group for group in groups if not group.is_known])
        await self._read_standings([group for group in groups if not group.is_known and not group.standing.progress])
        await self._read_rows(groups)
        for group in groups:
            group.tally = group.standing.progress.tally if group.standing.progress else NOTHING
        await self._recount([group for group in groups if group.needs_recount])

    async def _read_both(self, groups: Sequence[_Group]) -> None:
        """Read standings with rows, where there are both: so it is with nearly every heartbeat."""
        asked = {(*group.key, write.lesson_id): group for group in groups for _, write in group.writes}
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

    async def _recount(self, groups: Sequence[_Group]) -> None:
        """Make the tallies that were made under another version of their course anew."""
        if not groups:
            return
        rows: dict[Key, list[LessonProgress]] = {group.key: [] for group in groups}
        for columns in await self._database.fetch(sql.LESSON_ROWS_OF, *zip(*rows, strict=True)):
            row = to_lesson_progress(columns)
            rows[row.learner_id, row.course_id].append(row)
        for group in groups:
            assert group.course is not None  # noqa: S101 - see needs_recount
            group.tally = recount(group.course.course, rows[group.key])

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

    async def _passed(self, groups: Sequence[_Group]) -> frozenset[Key]:
        """Store the groups; answers the keys of those that nobody was faster than."""
        standings = [group.after for group in groups if group.after is not None]
        previous = [group.previous_revision for group in groups]
        rows = [row for group in groups for row in group.rows_to_put]
        columns = (*from_course_progress(standings), previous, *from_lesson_progress(rows))
        removed = [key for group in groups for key in group.rows_to_remove]
        if not removed:
            return _keys(await self._database.change(sql.STORE_WRITES, *columns))
        async with self._database.transaction() as connection:
            passed = _keys(await connection.fetch(sql.STORE_WRITES, *columns))
            removable = [key for key in removed if key[:2] in passed]
            if removable:
                await connection.execute(sql.REMOVE_LESSON_ROWS_AT, *zip(*removable, strict=True))
        return passed


def _keys(columns: Iterable[Any]) -> frozenset[Key]:
    return frozenset((LearnerId(str(learner)), CourseId(str(course))) for learner, course in columns)


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))
