"""The Store protocol on SQLite.

Statements run in the event loop's thread, because each takes microseconds, less than passing it to another thread. The
commit waits for the disk, so it has its own thread, while the event loop collects the next batch. Reads of many
learners, of all courses or of many megabytes may take long, so they have their own threads and connections.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import apsw

from headway.domain.attention import Attention, AttentionQuery
from headway.domain.catalogue import (
    FIRST_COURSES,
    Course,
    CourseOutline,
    CoursePut,
    CourseQuery,
    VersionedCourse,
    compare,
)
from headway.domain.changes import Work, all_written, by_learner_and_course
from headway.domain.completions import Completion
from headway.domain.continuing import TouchedLesson
from headway.domain.counters import Counters
from headway.domain.course_list import CourseFigures, CourseFiguresQuery
from headway.domain.course_progress import CourseProgress, LearnerDay, LessonsStamp
from headway.domain.dating import microseconds
from headway.domain.edits import Recalculation
from headway.domain.enrolments import NOT_ENFORCED, Enforcement, EnrolmentChange
from headway.domain.errors import HeadwayError, StoreUnavailableError
from headway.domain.events import NOT_RECORDED, Recording, course_event
from headway.domain.holdings import CourseProgressReading, LearnerRecord, LessonReading, LessonsReading
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.notes import Note
from headway.domain.presence import CourseProgressRestore
from headway.domain.removals import Restart
from headway.domain.roster import LessonResult, RosterQuery
from headway.domain.runs import EndedRun, Run, RunStart
from headway.domain.statistics import CourseReading
from headway.domain.writes import UNCONDITIONAL, CourseProgressRefresh, LessonWrite, Precondition, Written
from headway.storage.committer import CommitObserver, Committer, Outcome
from headway.storage.migrations import are_uncounted, count_anew
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.columns import to_completion, to_run
from headway.storage.shared.consumers import StoredConsumers
from headway.storage.shared.content_states import StoredContentStates
from headway.storage.shared.events import StoredEvents
from headway.storage.shared.goals import StoredGoals
from headway.storage.shared.groups import StoredGroups
from headway.storage.shared.import_ledger import StoredImports
from headway.storage.shared.profiles import StoredProfiles
from headway.storage.shared.recalculations import Recalculations
from headway.storage.shared.sign_in_codes import StoredSignInCodes
from headway.storage.shared.webhooks import StoredWebhooks
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.archive import SqliteArchive
from headway.storage.sqlite.catalogue import Catalogue
from headway.storage.sqlite.database import Database
from headway.storage.sqlite.figures import Figures, store_counters
from headway.storage.sqlite.learners import active_days, ended_run, erase, notes_of, record_of, touched_lessons
from headway.storage.sqlite.progress_table import ProgressTable, TooLargeError, store_events
from headway.storage.sqlite.reader import LongReader, Reader
from headway.storage.sqlite.recent import Recent
from headway.storage.sqlite.rows import bound, fetch, to_course_progress
from headway.storage.sqlite.session import SqliteSession
from headway.storage.sqlite.together import Together, can_be_promised
from headway.turns import gently, in_turns

_RETRY_SECONDS: Final = 0.005  # between two attempts to get the write lock from another process

_READ_SECONDS: Final = 20.0


class SqliteStore:
    """The store in one SQLite file.

    `lock_seconds` bounds the wait for the write lock of another process. `read_seconds` bounds a long read, and also
    the wait for a free thread before it. `enforced` are the rules that refuse writes. `recording` says which
    events are recorded.
    """

    def __init__(  # noqa: PLR0913 - the settings of an operator, and what tests replace
        self,
        path: Path,
        *,
        queue_limit: int,
        batch_limit: int,
        lock_seconds: float,
        observer: CommitObserver,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        read_seconds: float = _READ_SECONDS,
        enforced: Enforcement = NOT_ENFORCED,
        recording: Recording = NOT_RECORDED,
    ) -> None:
        self.enforced = enforced
        self._database = Database(path)
        self._reader = Reader(self._database.reader, rescue_wal=self._database.writer.rescue_wal)
        self._long_reader = LongReader(self._database.long_readers, self._reader.rescue, seconds=read_seconds)
        self._catalogue = Catalogue()
        self._recent = Recent(self._catalogue)
        self._progress = ProgressTable(self._catalogue, self._recent, enforced, recording)
        self._together = Together(
            self._reader,
            self._catalogue,
            self._recent,
            self._progress,
            turn=self._turn,
            clock=clock,
            enforced=enforced,
        )
        self._figures = Figures(self._catalogue, clock)
        self._lock_seconds = lock_seconds
        self._clock = clock
        session = SqliteSession(self._reader, self._long_reader, self._turn)
        self._imports = StoredImports(session, clock)
        self._sign_in_codes = StoredSignInCodes(session, clock)
        self._groups = StoredGroups(session, sql.GROUPS, clock, self.enrol_all)
        self._profiles = StoredProfiles(session, sql.PROFILES, clock)
        self._goals = StoredGoals(session, clock)
        self._content_states = StoredContentStates(session, clock, at_once=64)
        self._consumers = StoredConsumers(session, clock)
        self._webhooks = StoredWebhooks(session, sql.EVENTS.feed)
        self._events = StoredEvents(session, sql.EVENTS, clock, recording, self._groups.members_among)
        self._recalculations = Recalculations(session, clock)
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="headway-commit")
        self.committer = Committer(
            self._commit_batch, queue_limit=queue_limit, batch_limit=batch_limit, observer=observer
        )

    @property
    def waiting(self) -> int:
        """The number of writes in the queue."""
        return self.committer.waiting

    @property
    def archive(self) -> SqliteArchive:
        """Everything in the file, while the store is open."""
        return SqliteArchive(self._reader, self._long_reader, self._transaction, self._database.snapshot)

    @property
    def imports(self) -> StoredImports:
        """The records of imports, while the store is open."""
        return self._imports

    @property
    def sign_in_codes(self) -> StoredSignInCodes:
        """The sign-in codes, while the store is open."""
        return self._sign_in_codes

    @property
    def groups(self) -> StoredGroups:
        """The groups, while the store is open."""
        return self._groups

    @property
    def profiles(self) -> StoredProfiles:
        """The learner profiles, while the store is open."""
        return self._profiles

    @property
    def goals(self) -> StoredGoals:
        """The learners' goals, while the store is open."""
        return self._goals

    @property
    def content_states(self) -> StoredContentStates:
        """What the content of lessons has stored, while the store is open."""
        return self._content_states

    @property
    def consumers(self) -> StoredConsumers:
        """The consumers of events, while the store is open."""
        return self._consumers

    @property
    def webhooks(self) -> StoredWebhooks:
        """The webhooks, while the store is open."""
        return self._webhooks

    @property
    def events(self) -> StoredEvents:
        """The events, while the store is open."""
        return self._events

    async def open(self) -> Sequence[str]:
        """Open the file; create and migrate it as needed."""
        applied = self._database.prepare()
        await self._together.tidy()
        if are_uncounted(applied):
            await count_anew(self.archive)
        return applied

    async def close(self) -> None:
        """Commit the queued writes, then close the file."""
        await self.committer.close()
        self._disk.shutdown()
        with contextlib.suppress(StoreUnavailableError, apsw.Error):
            self._database.writer.connection()  # it is closed last, and then copies the write-ahead log into the file
        self._long_reader.close()
        self._reader.close()
        self._database.writer.drop()

    async def probe(self) -> None:
        """Read one row."""
        self._reader.read(fetch, sql.PROBE)

    async def courses(self, query: CourseQuery = FIRST_COURSES) -> Sequence[CourseOutline]:
        """Return a page of the catalogue by title."""
        return await self._long_reader.read(self._catalogue.outlines, query)

    async def course(self, course_id: CourseId) -> VersionedCourse:
        """Return a course with its version."""
        return self._reader.read(self._catalogue.course, course_id)

    async def lesson(self, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId) -> LessonReading:
        """Return the learner's progress in one lesson."""
        return self._reader.read(self._progress.lesson, learner_id, course_id, lesson_id)

    async def lessons(self, learner_id: LearnerId, course_id: CourseId) -> LessonsReading:
        """Return all of the learner's lesson progress in a course."""
        few = await self.few_lessons(learner_id, course_id)
        if few is not None:
            return few
        return await self._long_reader.read(self._progress.lessons, learner_id, course_id)

    async def few_lessons(self, learner_id: LearnerId, course_id: CourseId) -> LessonsReading | None:
        """Return the same as `lessons`; `None` where it is too much for the event loop."""
        try:
            return self._reader.read(self._progress.few_lessons, learner_id, course_id)
        except TooLargeError:
            return None

    async def lessons_stamp(self, learner_id: LearnerId, course_id: CourseId) -> LessonsStamp:
        """Return the stamp of the learner's lesson progress in a course."""
        return self._reader.read(self._progress.stamp, learner_id, course_id)

    async def course_progress(self, learner_id: LearnerId, course_id: CourseId) -> CourseProgressReading:
        """Return the learner's course progress."""
        return self._reader.read(self._progress.course, learner_id, course_id)

    async def learner_courses(self, learner_id: LearnerId) -> Sequence[CourseProgressReading]:
        """Return the learner's course progress in every course of the catalogue, the last accessed first."""
        return self._reader.read(self._progress.courses, learner_id)

    async def touched_lessons(self, learner_id: LearnerId) -> Sequence[TouchedLesson]:
        """Return every lesson in which the learner has progress."""
        return self._reader.read(touched_lessons, learner_id)

    async def notes(self, learner_id: LearnerId, limit: int) -> Sequence[Note]:
        """Return the learner's notes that changed last."""
        return await self._long_reader.read(notes_of, learner_id, limit)

    async def write(self, write: LessonWrite) -> Written:
        """Apply one write, in a batch with other waiting writes."""
        return await self.committer.submit(write)

    async def write_each(self, writes: Sequence[LessonWrite]) -> Sequence[Written | HeadwayError]:
        """Apply the writes of one learner, in a batch with other waiting writes."""
        return await self.committer.submit_each(writes)

    async def restore(self, asked: CourseProgressRestore) -> bool:
        """Restore course progress and its days from an export."""
        return await self.committer.restore(asked)

    async def enrol(self, asked: EnrolmentChange) -> CourseProgress | None:
        """Enrol a learner, or end the enrolment."""
        return await self.committer.enrol(asked)

    async def begin_run(self, asked: RunStart) -> CourseProgress:
        """Begin a learner's next run of a course, and keep the present one."""
        return await self.committer.begin_run(asked)

    async def ended_runs(self, learner_id: LearnerId, course_id: CourseId) -> Sequence[Run]:
        """Return a learner's runs of a course that have ended."""
        return list(map(to_run, self._reader.read(fetch, shared_sql.RUNS_IN, learner_id, course_id)))

    async def ended_run(self, learner_id: LearnerId, course_id: CourseId, number: int) -> EndedRun | None:
        """Return a run that has ended, with its lesson progress."""
        return await self._long_reader.read(ended_run, learner_id, course_id, number)

    async def enrol_all(self, asked: Sequence[EnrolmentChange]) -> Sequence[bool]:
        """Carry out many changes of enrolments."""
        return await self.committer.enrol_all(asked)

    async def enrolments_in(self, course_id: CourseId, after: LearnerId | None, limit: int) -> Sequence[CourseProgress]:
        """Return a page of the learners who are enrolled in a course, by id."""
        return await self._long_reader.read(self._figures.enrolments_in, course_id, after, limit)

    async def enrolments_of(self, learner_id: LearnerId) -> Sequence[CourseProgress]:
        """Return the courses in which a learner is enrolled."""
        return [
            to_course_progress(columns) for columns in self._reader.read(fetch, shared_sql.ENROLMENTS_OF, learner_id)
        ]

    async def enrolments_among(self, learner_ids: Sequence[LearnerId]) -> Sequence[CourseProgress]:
        """Return the courses in which some learners are enrolled."""
        return await self._long_reader.read(self._figures.enrolments_among, learner_ids)

    async def completions(self, learner_id: LearnerId) -> Sequence[Completion]:
        """Return all completions of a learner."""
        return list(map(to_completion, self._reader.read(fetch, shared_sql.COMPLETIONS_OF, learner_id)))

    async def keep_completion(self, completion: Completion) -> None:
        """Keep a completion of an export."""
        async with self._turn() as connection:
            fetch(connection, sql.PUT_COMPLETION, *map(bound, completion))

    async def put_course(self, course: Course, precondition: Precondition = UNCONDITIONAL) -> CoursePut:
        """Store a course, new or in place of its present version."""
        async with self._transaction(course.id) as connection:
            before = self._catalogue.find(connection, course.id)
            precondition.check_course(before)
            change = compare(before.course if before else None, course)
            if before and change.is_empty:
                return CoursePut(change, before.version)
            now = self._clock()
            put = CoursePut(change, self._catalogue.put(connection, before, course, now))
            if self._events.recording.is_on:
                event = course_event(before.course if before else None, course, put.version, now)
                store_events(connection, [([event], put.version)])
        if change.created:
            await self._groups.settle()
        return put

    async def remove_course(self, course_id: CourseId) -> None:
        """Remove a course from the catalogue."""
        async with self._transaction(course_id) as connection:
            removed = self._catalogue.course(connection, course_id)
            fetch(connection, shared_sql.REMOVE_COURSE, course_id)
            if self._events.recording.is_on:
                now = self._clock()
                event = course_event(removed.course, None, removed.version, now)
                store_events(connection, [([event], microseconds(now))])

    async def restart_course(self, asked: Restart) -> None:
        """Remove all of the learner's lesson progress in a course."""
        counters = Counters()
        async with self._transaction(asked.learner_id) as connection:
            self._progress.restart(connection, asked, self._clock(), counters)
            store_counters(connection, counters)

    async def write_all(self, writes: Sequence[LessonWrite | CourseProgressRestore]) -> Sequence[Written | bool]:
        """Apply writes and restores in their order, all or none."""
        if can_be_promised(writes):
            changed = await self._together.write(writes)
            if changed is not None:
                return changed
        return await self._write_at_once(writes)

    async def _write_at_once(self, writes: Sequence[LessonWrite | CourseProgressRestore]) -> Sequence[Written | bool]:
        counters = Counters()
        now = self._clock()
        outcomes: list[Outcome] = [None] * len(writes)
        async with self._transaction(*(write.learner_id for write in writes)) as connection:
            async for positions in in_turns(by_learner_and_course(writes).values()):
                some = [writes[position] for position in positions]
                for position, outcome in zip(
                    positions, self._progress.write(connection, some, now, counters), strict=True
                ):
                    outcomes[position] = outcome
            written = all_written(outcomes)
            store_counters(connection, counters)
        return written

    async def refresh(self, learner_id: LearnerId, course_id: CourseId) -> None:
        """Recalculate the learner's course progress and lesson progress under the course's present version."""
        await self.committer.refresh(CourseProgressRefresh(learner_id, course_id))

    async def statistics(self, course_id: CourseId, first: date, last: date) -> CourseReading:
        """Return the counters of a course."""
        return await self._long_reader.read(self._figures.course, course_id, first, last)

    async def group_statistics(self, course_id: CourseId, group_id: GroupId, first: date, last: date) -> CourseReading:
        """Return the counts of a group's members in a course."""
        return await self._long_reader.read(self._figures.group, course_id, group_id, first, last)

    async def all_group_statistics(
        self, group_id: GroupId, first: date, last: date, query: CourseQuery = FIRST_COURSES
    ) -> Sequence[CourseReading]:
        """Return the counts of a group's members in a page of the catalogue, by title."""
        return await self._long_reader.read(self._figures.courses_of_group, group_id, first, last, query)

    async def all_statistics(
        self, first: date, last: date, query: CourseQuery = FIRST_COURSES
    ) -> Sequence[CourseReading]:
        """Return the counters of a page of the catalogue, by title."""
        return await self._long_reader.read(self._figures.courses, first, last, query)

    async def roster(self, course_id: CourseId, query: RosterQuery) -> Sequence[CourseProgress]:
        """Return a page of a course's learners."""
        return await self._long_reader.read(self._figures.roster, course_id, query)

    async def attention(self, query: AttentionQuery) -> Sequence[Attention]:
        """Return a page of the learners who need attention."""
        return await self._long_reader.read(self._figures.attention, query)

    async def count_attention(self, query: AttentionQuery) -> int:
        """Count the learners who need attention, up to the query's limit."""
        return await self._long_reader.read(self._figures.count_attention, query)

    async def course_figures(self, query: CourseFiguresQuery) -> Sequence[CourseFigures]:
        """Return few figures of many courses."""
        return await self._long_reader.read(self._figures.course_figures, query)

    async def roster_total(self, course_id: CourseId, query: RosterQuery, most: int) -> int:
        """Return how many learners the filters leave, counted up to `most`."""
        return await self._long_reader.read(self._figures.roster_total, course_id, query, most)

    async def lesson_results(
        self, course_id: CourseId, learner_ids: Sequence[LearnerId]
    ) -> Mapping[LearnerId, Mapping[LessonId, LessonResult]]:
        """Return the lesson progress of some learners in a course."""
        return await self._long_reader.read(self._figures.lesson_results, course_id, learner_ids)

    async def learner_record(self, learner_id: LearnerId) -> LearnerRecord:
        """Return everything that is stored about a learner."""
        return await self._long_reader.read(record_of, learner_id, gently)

    async def active_days(self, learner_id: LearnerId, course_id: CourseId | None, first: date) -> Sequence[LearnerDay]:
        """Return the learner's active days from `first` on, in one course or in all (`None`)."""
        return self._reader.read(active_days, learner_id, course_id, first)

    async def erase(self, learner_id: LearnerId) -> bool:
        """Remove everything about a learner, also from the counters."""
        async with self._transaction(learner_id) as connection:
            return erase(connection, learner_id, self._clock(), self._events.recording)

    async def forget_learners(self) -> None:
        """Return at once: every transaction notices what other processes have written."""

    async def recalculation(self, course_id: CourseId) -> Recalculation | None:
        """Return a course's recalculation; `None` where none is running."""
        return await self._recalculations.find(course_id)

    async def take_recalculation(self) -> Recalculation | None:
        """Lease a recalculation that nobody works on; `None` where there is none."""
        return await self._recalculations.take()

    async def learners_to_recalculate(self, under_way: Recalculation, limit: int) -> Sequence[LearnerId]:
        """Return the next learners, at most `limit`, by id."""
        return await self._recalculations.next_learners(under_way, limit)

    async def advance_recalculation(self, under_way: Recalculation) -> bool:
        """Record how far a recalculation is, and extend the lease."""
        return await self._recalculations.advance(under_way)

    async def finish_interrupted(self) -> None:
        """Finish an atomic import that another process has left."""
        await self._together.finish_interrupted()

    async def sweep(self) -> None:
        """Remove old records of imports and expired sign-in codes."""
        await self._imports.sweep()
        await self._sign_in_codes.sweep()
        await self._events.sweep()

    async def finish_recalculation(self, under_way: Recalculation) -> None:
        """Record that a recalculation is finished."""
        await self._recalculations.finish(under_way)

    async def _commit_batch(self, batch: Sequence[Work]) -> Sequence[Outcome]:
        counters = Counters()
        async with self._begun() as connection:
            for work in batch:
                self._together.prepare(connection, work, counters)
            outcomes = self._progress.write(connection, batch, self._clock(), counters)
            store_counters(connection, counters)
            return outcomes

    @contextlib.asynccontextmanager
    async def _transaction(self, *changed: str) -> AsyncIterator[apsw.Connection]:
        """Begin a transaction between two batches, which may change the named learners or course (none: any)."""
        await self._together.write_promised()
        async with self._turn() as connection:
            self._together.note_change(changed)
            self._together.write_rest(connection)
            self._recent.forget()  # the changes do not go through it
            yield connection

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[apsw.Connection]:
        """Begin a transaction between two batches for changes of what is not kept in memory."""
        async with self.committer.alone(), self._begun() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def _begun(self) -> AsyncIterator[apsw.Connection]:
        """Begin a transaction that is on disk when the block is left, or rolled back where the block raises."""
        self._reader.writing_begins()
        try:
            connection = await self._begin()
            try:
                self._recent.renew(connection)
                yield connection
                await self._commit(connection)
                self._events.on_stored()
            except BaseException:
                self._recent.forget()
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except apsw.Error as error:
            raise self._database.writer.failed(error) from error
        finally:
            self._reader.writing_ended()

    async def _begin(self) -> apsw.Connection:
        """Take the write lock. The event loop runs while another process has it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._lock_seconds
        self._database.writer.rescue_wal()
        while True:
            connection = self._database.writer.connection()
            try:
                connection.execute("BEGIN IMMEDIATE")
            except apsw.BusyError:
                if loop.time() >= deadline:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return connection

    async def _commit(self, connection: apsw.Connection) -> None:
        commit = asyncio.get_running_loop().run_in_executor(self._disk, connection.execute, "COMMIT")
        cancelled: asyncio.CancelledError | None = None
        while not commit.done():
            try:
                await asyncio.wait([commit])
            except asyncio.CancelledError as error:  # the connection is in use until the commit is done
                cancelled = error
        if cancelled:
            raise cancelled
        commit.result()
        self._database.writer.confirm()
