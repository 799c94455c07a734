"""The Store protocol on PostgreSQL: one server, or a Citus cluster of them.

Any number of processes may use one database. The statement that stores a write checks what the write was decided on.
Where another process has changed it since, the write is decided again.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial

import asyncpg

from headway.domain.attention import Attention, AttentionQuery
from headway.domain.catalogue import FIRST_COURSES, Course, CourseOutline, CoursePut, CourseQuery, VersionedCourse
from headway.domain.completions import Completion
from headway.domain.continuing import TouchedLesson
from headway.domain.course_list import CourseFigures, CourseFiguresQuery
from headway.domain.course_progress import CourseProgress, LearnerDay, LessonsStamp, recount
from headway.domain.edits import Recalculation
from headway.domain.enrolments import NOT_ENFORCED, Enforcement, EnrolmentChange
from headway.domain.errors import CourseNotFoundError, HeadwayError, StoreUnavailableError
from headway.domain.events import NOT_RECORDED, Recording
from headway.domain.holdings import CourseProgressReading, LearnerRecord, LessonReading, LessonsReading
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.notes import Note
from headway.domain.presence import CourseProgressRestore
from headway.domain.progress import LessonProgress
from headway.domain.removals import Restart
from headway.domain.roster import LessonResult, RosterQuery
from headway.domain.runs import EndedRun, Run, RunStart
from headway.domain.statistics import CourseReading
from headway.domain.writes import UNCONDITIONAL, CourseProgressRefresh, LessonWrite, Precondition, Written
from headway.storage.committer import ATTEMPTS, CommitObserver, Committer
from headway.storage.migrations import are_uncounted, count_anew
from headway.storage.postgres import schema
from headway.storage.postgres import statements as sql
from headway.storage.postgres.archive import PostgresArchive
from headway.storage.postgres.catalogue import Catalogue
from headway.storage.postgres.cluster import SLOTS, Cluster, find_cluster
from headway.storage.postgres.database import Database, warn_unless_durable
from headway.storage.postgres.figures import Figures
from headway.storage.postgres.learners import Learners
from headway.storage.postgres.recent import Recent
from headway.storage.postgres.rows import (
    are_many,
    to_course_progress,
    to_lesson_progress,
    to_many_lesson_progress,
    to_touched_lesson,
)
from headway.storage.postgres.servers import LANES, LANES_OF_A_WORKER, LearnersServer, Servers
from headway.storage.postgres.session import PostgresSession
from headway.storage.postgres.writer import Writer
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.columns import to_completion, to_ended_run, to_note, to_run
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
from headway.turns import all_of


class PostgresStore:
    """The store in one PostgreSQL database, shared with other processes.

    `connections` bounds the connections of this process; one more listens for changes of the catalogue.
    `timeout_seconds` bounds each statement. `transaction_pooler` says that the server is behind PgBouncer in
    transaction mode. `enforced` are the rules that refuse writes. `recording` says which events are recorded.
    """

    def __init__(  # noqa: PLR0913 - the settings of an operator, and what tests replace
        self,
        url: str,
        *,
        connections: int,
        timeout_seconds: float,
        transaction_pooler: bool,
        queue_limit: int,
        batch_limit: int,
        observer: CommitObserver,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        enforced: Enforcement = NOT_ENFORCED,
        recording: Recording = NOT_RECORDED,
    ) -> None:
        self._database = Database(
            url, connections=connections, timeout_seconds=timeout_seconds, transaction_pooler=transaction_pooler
        )
        session = PostgresSession(self._database)
        self._groups = StoredGroups(session, sql.GROUPS, clock, self.enrol_all)
        self._events = StoredEvents(session, sql.EVENTS, clock, recording, self._groups.members_among)
        self._recent = Recent()
        self._catalogue = Catalogue(self._database, self._recent.forget_all, recording)
        self._clock = clock
        self.enforced = enforced
        self._make_committer = partial(Committer, queue_limit=queue_limit, batch_limit=batch_limit, observer=observer)
        self._servers = Servers(
            self._server(self._database, lanes=LANES),
            lambda node: self._server(self._database.of_node(node), lanes=LANES_OF_A_WORKER),
        )
        self._figures = Figures(self._database, self._catalogue, clock)
        self._learners = Learners(self._database, self._servers.of, lambda *key: self._recent.forget(key), recording)
        self._imports = StoredImports(session, clock)
        self._sign_in_codes = StoredSignInCodes(session, clock)
        self._profiles = StoredProfiles(session, sql.PROFILES, clock)
        self._goals = StoredGoals(session, clock)
        self._content_states = StoredContentStates(session, clock)
        self._consumers = StoredConsumers(session, clock)
        self._webhooks = StoredWebhooks(session, sql.EVENTS.feed)
        self._recalculations = Recalculations(session, clock)

    def _server(self, database: Database, *, lanes: int) -> LearnersServer:
        writer = Writer(
            database,
            self._catalogue,
            self._recent,
            lanes=lanes,
            slots=range(SLOTS),
            clock=self._clock,
            enforced=self.enforced,
            events=self._events,
        )
        committer = self._make_committer(writer.commit, lanes=lanes, locks=writer)
        return LearnersServer(database, writer, committer)

    @property
    def waiting(self) -> int:
        """The number of writes in the queues."""
        return self._servers.waiting

    @property
    def archive(self) -> PostgresArchive:
        """Everything in the database, while the store is open."""
        return PostgresArchive(self._database, self._of)

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
        """Connect, migrate as needed, and begin to listen for changes of the catalogue."""
        applied, cluster = await self._database.prepare(_migrate)
        self._use(cluster)
        if are_uncounted(applied):
            await count_anew(self.archive)
        self._catalogue.open()
        return applied

    async def close(self) -> None:
        """Commit the queued writes, then close all connections."""
        try:
            await self._servers.close()
        finally:
            await self._catalogue.close()

    async def distribute(self, shards: int | None = None) -> Sequence[str]:
        """Distribute the tables over a Citus cluster, and return the names of those that were not yet so.

        Raises `ConfigurationError` where there is no cluster.
        """
        return await self._database.prepare(partial(schema.distribute, shards=shards))

    async def probe(self) -> None:
        """Read one row on every server."""
        await self._servers.probe()

    async def courses(self, query: CourseQuery = FIRST_COURSES) -> Sequence[CourseOutline]:
        """Return a page of the catalogue by title."""
        return await self._catalogue.outlines(query)

    async def course(self, course_id: CourseId) -> VersionedCourse:
        """Return a course with its version."""
        return await self._catalogue.load(course_id)

    async def put_course(self, course: Course, precondition: Precondition = UNCONDITIONAL) -> CoursePut:
        """Store a course, new or in place of its present version."""
        put = await self._catalogue.put(course, precondition, self._clock())
        self._events.on_stored()
        if put.change.created:
            await self._groups.settle()
        return put

    async def remove_course(self, course_id: CourseId) -> None:
        """Remove a course from the catalogue."""
        await self._catalogue.remove(course_id, self._clock())
        self._events.on_stored()

    async def lesson(self, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId) -> LessonReading:
        """Return the learner's progress in one lesson."""
        found = await self._catalogue.course(course_id)
        rows = await self._of(learner_id).fetch(shared_sql.ONE_LESSON_PROGRESS, learner_id, course_id, lesson_id)
        return LessonReading(found.course, to_lesson_progress(rows[0]) if rows else None)

    async def lessons(self, learner_id: LearnerId, course_id: CourseId) -> LessonsReading:
        """Return all of the learner's lesson progress in a course."""
        found = await self._catalogue.course(course_id)
        return LessonsReading(found.course, await self._lessons(learner_id, course_id))

    async def few_lessons(self, learner_id: LearnerId, course_id: CourseId) -> LessonsReading | None:
        """Return the same as `lessons`; `None` where it is too much for the event loop."""
        found = await self._catalogue.course(course_id)
        rows = await self._of(learner_id).fetch(shared_sql.LEARNER_LESSON_PROGRESS_IN, learner_id, course_id)
        if are_many(rows):
            return None
        return LessonsReading(found.course, [to_lesson_progress(columns) for columns in rows])

    async def lessons_stamp(self, learner_id: LearnerId, course_id: CourseId) -> LessonsStamp:
        """Return the stamp of the learner's lesson progress in a course."""
        found = await self._catalogue.course(course_id)
        progress = await self._servers.course_progress((learner_id, course_id))
        return LessonsStamp(found.version, progress.revision if progress else None)

    async def course_progress(self, learner_id: LearnerId, course_id: CourseId) -> CourseProgressReading:
        """Return the learner's course progress under the version of the course that this process knows."""
        found = await self._catalogue.course(course_id)
        progress = await self._servers.course_progress((learner_id, course_id))
        return await self._reading(found, progress)

    async def learner_courses(self, learner_id: LearnerId) -> Sequence[CourseProgressReading]:
        """Return the learner's course progress in every course of the catalogue, the last accessed first."""
        readings: list[CourseProgressReading] = []
        for columns in await self._of(learner_id).fetch(sql.LEARNER_COURSES, learner_id):
            progress = to_course_progress(columns)
            with contextlib.suppress(CourseNotFoundError):  # the course was removed since
                readings.append(await self._reading(await self._catalogue.course(progress.course_id), progress))
        return readings

    async def touched_lessons(self, learner_id: LearnerId) -> Sequence[TouchedLesson]:
        """Return every lesson in which the learner has progress."""
        rows = await self._of(learner_id).fetch(shared_sql.TOUCHED_LESSONS, learner_id)
        return list(map(to_touched_lesson, rows))

    async def notes(self, learner_id: LearnerId, limit: int) -> Sequence[Note]:
        """Return the learner's notes that changed last."""
        return list(map(to_note, await self._of(learner_id).fetch(shared_sql.NOTES_OF, learner_id, limit)))

    async def write(self, write: LessonWrite) -> Written:
        """Apply one write, in a batch with other waiting writes."""
        return await self._servers.of(write.learner_id).committer.submit(write)

    async def write_each(self, writes: Sequence[LessonWrite]) -> Sequence[Written | HeadwayError]:
        """Apply the writes of one learner, in a batch with other waiting writes."""
        return await self._servers.of(writes[0].learner_id).committer.submit_each(writes) if writes else []

    async def restore(self, asked: CourseProgressRestore) -> bool:
        """Restore course progress and its days from an export."""
        return await self._servers.of(asked.learner_id).committer.restore(asked)

    async def enrol(self, asked: EnrolmentChange) -> CourseProgress | None:
        """Enrol a learner, or end the enrolment."""
        return await self._servers.of(asked.learner_id).committer.enrol(asked)

    async def begin_run(self, asked: RunStart) -> CourseProgress:
        """Begin a learner's next run of a course, and keep the present one."""
        return await self._servers.of(asked.learner_id).committer.begin_run(asked)

    async def ended_runs(self, learner_id: LearnerId, course_id: CourseId) -> Sequence[Run]:
        """Return a learner's runs of a course that have ended."""
        return list(map(to_run, await self._of(learner_id).fetch(shared_sql.RUNS_IN, learner_id, course_id)))

    async def ended_run(self, learner_id: LearnerId, course_id: CourseId, number: int) -> EndedRun | None:
        """Return a run that has ended, with its lesson progress."""
        rows = await self._of(learner_id).fetch(shared_sql.RUN_OF, learner_id, course_id, number)
        return await asyncio.to_thread(to_ended_run, rows[0]) if rows else None

    async def enrol_all(self, asked: Sequence[EnrolmentChange]) -> Sequence[bool]:
        """Carry out many changes of enrolments."""
        by_server: dict[LearnersServer, list[EnrolmentChange]] = {}
        for change in asked:
            by_server.setdefault(self._servers.of(change.learner_id), []).append(change)
        ended = await all_of(server.committer.enrol_all(changes) for server, changes in by_server.items())
        done = dict(zip(by_server, map(iter, ended), strict=True))
        return [next(done[self._servers.of(change.learner_id)]) for change in asked]

    async def enrolments_in(self, course_id: CourseId, after: LearnerId | None, limit: int) -> Sequence[CourseProgress]:
        """Return a page of the learners who are enrolled in a course, by id."""
        return await self._figures.enrolments_in(course_id, after, limit)

    async def enrolments_of(self, learner_id: LearnerId) -> Sequence[CourseProgress]:
        """Return the courses in which a learner is enrolled."""
        rows = await self._of(learner_id).fetch(shared_sql.ENROLMENTS_OF, learner_id)
        return [to_course_progress(columns) for columns in rows]

    async def enrolments_among(self, learner_ids: Sequence[LearnerId]) -> Sequence[CourseProgress]:
        """Return the courses in which some learners are enrolled."""
        rows = await self._database.fetch(sql.ENROLMENTS_AMONG, list(learner_ids))
        return [to_course_progress(columns) for columns in rows]

    async def completions(self, learner_id: LearnerId) -> Sequence[Completion]:
        """Return all completions of a learner."""
        return list(map(to_completion, await self._of(learner_id).fetch(shared_sql.COMPLETIONS_OF, learner_id)))

    async def keep_completion(self, completion: Completion) -> None:
        """Keep a completion of an export."""
        await self._of(completion.learner_id).change(sql.PUT_COMPLETIONS, *([value] for value in completion))

    async def write_all(self, writes: Sequence[LessonWrite | CourseProgressRestore]) -> Sequence[Written | bool]:
        """Apply writes and restores in their order, all or none."""
        for _ in range(ATTEMPTS):
            written = await self._servers.main.writer.commit_all(writes)
            if written is not None:
                return written
        raise StoreUnavailableError

    async def restart_course(self, asked: Restart) -> None:
        """Remove all of the learner's lesson progress in a course."""
        await self._catalogue.course(asked.course_id)
        await self._learners.restart(asked, self._clock())

    async def statistics(self, course_id: CourseId, first: date, last: date) -> CourseReading:
        """Return the counters of a course."""
        return await self._figures.course(course_id, first, last)

    async def group_statistics(self, course_id: CourseId, group_id: GroupId, first: date, last: date) -> CourseReading:
        """Return the counts of a group's members in a course."""
        return await self._figures.group(course_id, group_id, first, last)

    async def all_group_statistics(
        self, group_id: GroupId, first: date, last: date, query: CourseQuery = FIRST_COURSES
    ) -> Sequence[CourseReading]:
        """Return the counts of a group's members in a page of the catalogue, by title."""
        return await self._figures.courses_of_group(group_id, first, last, query)

    async def all_statistics(
        self, first: date, last: date, query: CourseQuery = FIRST_COURSES
    ) -> Sequence[CourseReading]:
        """Return the counters of a page of the catalogue, by title."""
        return await self._figures.courses(first, last, query)

    async def roster(self, course_id: CourseId, query: RosterQuery) -> Sequence[CourseProgress]:
        """Return a page of a course's learners."""
        return await self._figures.roster(course_id, query)

    async def attention(self, query: AttentionQuery) -> Sequence[Attention]:
        """Return a page of the learners who need attention."""
        return await self._figures.attention(query)

    async def count_attention(self, query: AttentionQuery) -> int:
        """Count the learners who need attention, up to the query's limit."""
        return await self._figures.count_attention(query)

    async def course_figures(self, query: CourseFiguresQuery) -> Sequence[CourseFigures]:
        """Return few figures of many courses."""
        return await self._figures.course_figures(query)

    async def roster_total(self, course_id: CourseId, query: RosterQuery, most: int) -> int:
        """Return how many learners the filters leave, counted up to `most`."""
        return await self._figures.roster_total(course_id, query, most)

    async def lesson_results(
        self, course_id: CourseId, learner_ids: Sequence[LearnerId]
    ) -> Mapping[LearnerId, Mapping[LessonId, LessonResult]]:
        """Return the lesson progress of some learners in a course."""
        return await self._figures.lesson_results(course_id, learner_ids)

    async def learner_record(self, learner_id: LearnerId) -> LearnerRecord:
        """Return everything that is stored about a learner."""
        return await self._learners.record(learner_id)

    async def active_days(self, learner_id: LearnerId, course_id: CourseId | None, first: date) -> Sequence[LearnerDay]:
        """Return the learner's active days from `first` on, in one course or in all (`None`)."""
        return await self._learners.active_days(learner_id, course_id, first)

    async def erase(self, learner_id: LearnerId) -> bool:
        """Remove everything about a learner, also from the counters."""
        return await self._learners.erase(learner_id, self._clock())

    async def refresh(self, learner_id: LearnerId, course_id: CourseId) -> None:
        """Recalculate the learner's course progress and lesson progress under the course's present version."""
        await self._servers.of(learner_id).committer.refresh(CourseProgressRefresh(learner_id, course_id))

    async def forget_learners(self) -> None:
        """Make every process forget what it keeps of learners in memory, and return when all have."""
        await self._catalogue.forget_learners()

    async def recalculation(self, course_id: CourseId) -> Recalculation | None:
        """Return a course's recalculation; `None` where none is running."""
        return await self._recalculations.find(course_id)

    async def take_recalculation(self) -> Recalculation | None:
        """Lease a recalculation that nobody works on; `None` where there is none."""
        taken = await self._recalculations.take()
        if taken is not None:  # the course in memory may be from before that edit, and then nothing would change
            self._catalogue.forget(taken.course_id)
        return taken

    async def learners_to_recalculate(self, under_way: Recalculation, limit: int) -> Sequence[LearnerId]:
        """Return the next learners, at most `limit`, by id."""
        return await self._recalculations.next_learners(under_way, limit)

    async def advance_recalculation(self, under_way: Recalculation) -> bool:
        """Record how far a recalculation is, and extend the lease."""
        return await self._recalculations.advance(under_way)

    async def finish_recalculation(self, under_way: Recalculation) -> None:
        """Record that a recalculation is finished."""
        await self._recalculations.finish(under_way)

    async def finish_interrupted(self) -> None:
        """Do nothing: PostgreSQL writes in one transaction what belongs together."""

    async def sweep(self) -> None:
        """Remove old records of imports, expired sign-in codes, and what erased learners left.

        On a cluster, also find out where learners' rows are now.
        """
        if self._database.is_cluster:  # learners move when workers are added
            async with self._database.snapshot() as connection:
                self._use(await find_cluster(connection))
        await self._imports.sweep()
        await self._sign_in_codes.sweep()
        await self._events.sweep()
        await self._learners.sweep(self._clock())

    def _use(self, cluster: Cluster | None) -> None:
        self._database.is_cluster = cluster is not None
        self._servers.use(cluster)

    def _of(self, learner_id: LearnerId) -> Database:
        return self._servers.of(learner_id).database

    async def _reading(self, found: VersionedCourse, progress: CourseProgress | None) -> CourseProgressReading:
        """Return course progress as stored, or recounted where it is of another version of the course."""
        if progress is None or not progress.is_listed:
            return CourseProgressReading(found.course, None)
        if progress.course_version != found.version:
            lessons = await self._lessons(progress.learner_id, progress.course_id)
            progress = progress._replace(tally=recount(found.course, lessons), course_version=found.version)
        return CourseProgressReading(found.course, progress)

    async def _lessons(self, learner_id: LearnerId, course_id: CourseId) -> list[LessonProgress]:
        rows = await self._of(learner_id).fetch(shared_sql.LEARNER_LESSON_PROGRESS_IN, learner_id, course_id)
        return await to_many_lesson_progress(rows)


async def _migrate(connection: asyncpg.Connection) -> tuple[Sequence[str], Cluster | None]:
    await warn_unless_durable(connection)
    return await schema.migrate(connection), await find_cluster(connection)
