"""What a store must do, by subject. Services know these protocols; the stores for SQLite and PostgreSQL meet them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from headway.domain.attention import Attention, AttentionQuery
from headway.domain.catalogue import FIRST_COURSES, Course, CourseOutline, CoursePut, CourseQuery, VersionedCourse
from headway.domain.completions import Completion
from headway.domain.continuing import TouchedLesson
from headway.domain.course_list import CourseFigures, CourseFiguresQuery
from headway.domain.course_progress import CourseProgress, LearnerDay, LessonsStamp
from headway.domain.edits import Recalculation
from headway.domain.enrolments import Enforcement, EnrolmentChange
from headway.domain.errors import HeadwayError
from headway.domain.event_ports import EventConsumers, Events, Webhooks
from headway.domain.goals import Goal
from headway.domain.groups import Group, GroupChange, GroupEnrolment, GroupOutline, GroupQuery
from headway.domain.holdings import (
    CourseProgressReading,
    LearnerRecord,
    LessonReading,
    LessonsReading,
)
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.imports import ImportKey, ImportState, Report
from headway.domain.launches import ContentState, SilentLaunch
from headway.domain.notes import Note
from headway.domain.people import LearnerProfile, PeopleQuery, StoredProfile
from headway.domain.presence import CourseProgressRestore
from headway.domain.removals import Restart
from headway.domain.roster import LessonResult, RosterQuery
from headway.domain.runs import EndedRun, Run, RunStart
from headway.domain.sign_in import SignIn
from headway.domain.statistics import CourseReading
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Precondition, Written


class CatalogueStore(Protocol):
    """Keeps the course documents."""

    async def courses(self, query: CourseQuery = FIRST_COURSES) -> Sequence[CourseOutline]:
        """Return a page of the catalogue, by title. Ignores `query.among`: everybody may read the whole catalogue."""

    async def course(self, course_id: CourseId) -> VersionedCourse:
        """Return one course."""

    async def put_course(self, course: Course, precondition: Precondition = UNCONDITIONAL) -> CoursePut:
        """Store a course document. Progress in lessons that leave the course is kept.

        Raises `PreconditionFailedError` where the precondition does not hold for the stored course.
        """

    async def remove_course(self, course_id: CourseId) -> None:
        """Remove a course from the catalogue. Its learners' progress is kept."""


class ProgressStore(Protocol):
    """Keeps learners' progress."""

    async def lesson(self, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId) -> LessonReading:
        """Return a course, and the learner's progress in one of its lessons."""

    async def lessons(self, learner_id: LearnerId, course_id: CourseId) -> LessonsReading:
        """Return a course, and all the learner's lesson progress in it."""

    async def few_lessons(self, learner_id: LearnerId, course_id: CourseId) -> LessonsReading | None:
        """Return the same, or `None` where notes and metadata have over `FEW_CHARACTERS` together."""

    async def lessons_stamp(self, learner_id: LearnerId, course_id: CourseId) -> LessonsStamp:
        """Return the stamp that `lessons` would be read under now, or an older one. Costs far less than `lessons`."""

    async def course_progress(self, learner_id: LearnerId, course_id: CourseId) -> CourseProgressReading:
        """Return a course, and the learner's progress in it."""

    async def learner_courses(self, learner_id: LearnerId) -> Sequence[CourseProgressReading]:
        """Return the courses of the catalogue in which the learner has progress, most recently written first."""

    async def touched_lessons(self, learner_id: LearnerId) -> Sequence[TouchedLesson]:
        """Return every lesson in which the learner has progress, course by course, hidden lessons included."""

    async def notes(self, learner_id: LearnerId, limit: int) -> Sequence[Note]:
        """Return the learner's notes that changed last, at most `limit`, also in lessons and courses that have left."""

    async def active_days(self, learner_id: LearnerId, course_id: CourseId | None, first: date) -> Sequence[LearnerDay]:
        """Return the days from `first` on, today included, on which the learner wrote in a course, in no order.

        With `course_id=None`, in any course, also in one that is not in the catalogue: a date then comes once for each
        course. A course that was restarted keeps its days. An unknown course has none.
        """

    async def write(self, write: LessonWrite) -> Written:
        """Apply one write. Raises what `LessonWrite.apply` raises, and `QueueFullError`."""

    async def write_each(self, writes: Sequence[LessonWrite]) -> Sequence[Written | HeadwayError]:
        """Apply the writes of one learner in their order, each by itself. Returns for each its result or its refusal.

        Raises `UnavailableError` where not all of them are stored, for example because the queue is full.
        """

    async def write_all(self, writes: Sequence[LessonWrite | CourseProgressRestore]) -> Sequence[Written | bool]:
        """Apply all of `writes` in their order, or none.

        Returns for each write its result, and for each restore whether it changed anything.
        Raises `RefusedWriteError` for the first that is refused.
        """

    async def restore(self, asked: CourseProgressRestore) -> bool:
        """Set course progress and its days to what an export says. Returns whether that changed anything.

        Raises `QueueFullError`.
        """

    async def restart_course(self, asked: Restart) -> None:
        """Remove all the learner's lesson progress in a course, hidden lessons included.

        Raises `OtherRunError` where the learner is not in the run that is asked for.
        """

    async def refresh(self, learner_id: LearnerId, course_id: CourseId) -> None:
        """Recalculate the learner's progress in a course under the course's present version."""


class EnrolmentStore(Protocol):
    """Keeps who is enrolled in which course, and who has completed it."""

    async def enrol(self, asked: EnrolmentChange) -> CourseProgress | None:
        """Enrol a learner, or end the enrolment. Returns the course progress after it; `None` where there is none.

        Raises `QueueFullError`.
        """

    async def begin_run(self, asked: RunStart) -> CourseProgress:
        """Begin a learner's next run of a course, and keep the present one. Returns the course progress after it.

        Raises `EnrolmentNotFoundError`, `RunConflictError` and `QueueFullError`.
        """

    async def ended_runs(self, learner_id: LearnerId, course_id: CourseId) -> Sequence[Run]:
        """Return a learner's runs of a course that have ended, in their order. An unknown course has none."""

    async def ended_run(self, learner_id: LearnerId, course_id: CourseId, number: int) -> EndedRun | None:
        """Return a run that has ended, with its lesson progress; `None` where there is none with this number."""

    async def enrol_all(self, asked: Sequence[EnrolmentChange]) -> Sequence[bool]:
        """Carry out many changes of enrolments. Returns of each `False` where the course has left the catalogue.

        They are not one transaction: where this raises, some may be on disk. Raises `QueueFullError`, and then none is.
        """

    async def enrolments_in(self, course_id: CourseId, after: LearnerId | None, limit: int) -> Sequence[CourseProgress]:
        """Return the first `limit` learners by id, after a learner, who are enrolled in a course."""

    async def enrolments_of(self, learner_id: LearnerId) -> Sequence[CourseProgress]:
        """Return the courses in which a learner is enrolled, in no order, also those that have left the catalogue."""

    async def enrolments_among(self, learner_ids: Sequence[LearnerId]) -> Sequence[CourseProgress]:
        """Return the same of some learners. Asks once for all of them."""

    async def keep_completion(self, completion: Completion) -> None:
        """Keep a completion of an export, in place of one at the same time."""

    async def completions(self, learner_id: LearnerId) -> Sequence[Completion]:
        """Return all completions of a learner, the last one first, also in courses that have left the catalogue."""


class StatisticsStore(Protocol):
    """Answers how courses are doing."""

    async def statistics(self, course_id: CourseId, first: date, last: date) -> CourseReading:
        """Return a course's counts, with the days from `first` to `last`, and how many learners are late now."""

    async def group_statistics(self, course_id: CourseId, group_id: GroupId, first: date, last: date) -> CourseReading:
        """Return the counts of a group's members in a course, with the days from `first` to `last`.

        Raises `GroupNotFoundError`.
        """

    async def all_group_statistics(
        self, group_id: GroupId, first: date, last: date, query: CourseQuery = FIRST_COURSES
    ) -> Sequence[CourseReading]:
        """Return the counts of a group's members in each course of a page, by title. Raises `GroupNotFoundError`."""

    async def all_statistics(
        self, first: date, last: date, query: CourseQuery = FIRST_COURSES
    ) -> Sequence[CourseReading]:
        """Return the counts of a page of courses, by title, without scores and late learners."""

    async def roster(self, course_id: CourseId, query: RosterQuery) -> Sequence[CourseProgress]:
        """Return a page of the learners' progress in a course, in the order of `query`. Raises `GroupNotFoundError`."""

    async def attention(self, query: AttentionQuery) -> Sequence[Attention]:
        """Return a page of the learners who need attention. Courses and groups that are not there have nobody."""

    async def count_attention(self, query: AttentionQuery) -> int:
        """Count the learners who need attention behind the query's position, up to its limit."""

    async def course_figures(self, query: CourseFiguresQuery) -> Sequence[CourseFigures]:
        """Return few figures of many courses, in no order. Of groups, only the courses in which a member is.

        Courses and groups that are not there have none.
        """

    async def roster_total(self, course_id: CourseId, query: RosterQuery, most: int) -> int:
        """Return how many learners the filters of `query` leave, counted up to `most`. Raises `GroupNotFoundError`."""

    async def lesson_results(
        self, course_id: CourseId, learner_ids: Sequence[LearnerId]
    ) -> Mapping[LearnerId, Mapping[LessonId, LessonResult]]:
        """Return the lesson progress of some learners in a course, by learner. Asks once for all of them."""


class LearnerStore(Protocol):
    """Exports and erases all that is kept of a learner."""

    async def learner_record(self, learner_id: LearnerId) -> LearnerRecord:
        """Return all that is kept of a learner, also in courses that are not in the catalogue."""

    async def erase(self, learner_id: LearnerId) -> bool:
        """Remove all that is kept of a learner, and take it out of all counts. Returns whether there was anything."""

    async def forget_learners(self) -> None:
        """Return when no process still uses what it has in memory of learners at the time of the call."""


class RecalculationStore(Protocol):
    """Keeps the recalculations that course edits start. A process takes one for a minute, and renews it as it works."""

    async def recalculation(self, course_id: CourseId) -> Recalculation | None:
        """Return the recalculation that is under way for a course, or `None`."""

    async def take_recalculation(self) -> Recalculation | None:
        """Take a recalculation for a minute that no other process has taken. Returns `None` where there is none."""

    async def learners_to_recalculate(self, under_way: Recalculation, limit: int) -> Sequence[LearnerId]:
        """Return the next learners, by id, whose course progress is of another version.

        Fewer than `limit` are the last ones.
        """

    async def advance_recalculation(self, under_way: Recalculation) -> bool:
        """Store how far it is, and take it for another minute. Returns `False` where a newer edit has replaced it."""

    async def finish_recalculation(self, under_way: Recalculation) -> None:
        """Store that the recalculation for this version of the course is complete."""


class ImportLedger(Protocol):
    """Keeps how far each import with a key is, so that any process can continue one that was interrupted.

    What a method stored is on disk when it returns. Every method may raise `StoreUnavailableError`.
    """

    async def take(self, key: ImportKey, digest: str, holder: str) -> ImportState:
        """Take an import for `LEASE`, and return its state. Starts one where the key is new.

        It is not taken where it is finished, taken by another holder, or of a file with another digest.
        """

    async def note(self, key: ImportKey, holder: str, line: int, report: Report, *, finished: bool) -> bool:
        """Store how far it is, and take it for another `LEASE`. Returns `False` where another holder has taken it."""

    async def release(self, key: ImportKey, holder: str) -> None:
        """Let others take it at once, if `holder` has it."""

    async def forget(self, key: ImportKey) -> None:
        """Forget an import, as if its key had never been used."""

    async def forget_all(self, caller: LearnerId) -> None:
        """Forget all imports of a caller."""


class SignInCodes(Protocol):
    """Keeps the digests of codes that sign a browser in once.

    What a method stored is on disk when it returns. Every method may raise `StoreUnavailableError`.
    """

    async def put(self, digest: str, sign_in: SignIn, ends_at: datetime) -> None:
        """Keep a code until `ends_at`."""

    async def take(self, digest: str) -> SignIn | None:
        """Use up a code. Returns whom it signs in, to one caller only; `None` for a code that is unknown or over."""

    async def forget_all(self, learner_id: LearnerId) -> None:
        """Forget all codes that sign a learner in."""


class Groups(Protocol):
    """Keeps groups of learners. A change is of a whole group or nothing.

    What a method stored is on disk when it returns. Every method may raise `StoreUnavailableError`. Those that take a
    group's id raise `GroupNotFoundError` where there is no such group.
    """

    async def page(self, query: GroupQuery) -> Sequence[GroupOutline]:
        """Return a page of the groups by title, with their sizes."""

    async def of_learner(self, learner_id: LearnerId) -> Sequence[GroupOutline]:
        """Return the groups that a learner is in, by title, without their sizes."""

    async def find(self, group_id: GroupId) -> Group:
        """Return one group with its members."""

    async def members_in(self, group: Group, courses: Collection[CourseId]) -> Collection[LearnerId]:
        """Return the members of a group who are in one of some courses, in no order."""

    async def members_among(
        self, groups: Collection[GroupId], learners: Collection[LearnerId]
    ) -> Collection[LearnerId]:
        """Return those of some learners who are in one of some groups, in no order."""

    async def put(self, group: Group, precondition: Precondition = UNCONDITIONAL) -> Group:
        """Store a group's title and members, new or in place of what is stored. Returns it with its version.

        Raises `PreconditionFailedError` where the precondition does not hold for the stored group.
        """

    async def change_all(self, changes: Sequence[GroupChange]) -> None:
        """Change several groups in one transaction. Makes those that are not there.

        Raises `InvalidValueError` where a group would have too many members.
        """

    async def remove(self, group_id: GroupId) -> None:
        """Remove a group. Its members' progress is kept."""

    async def add_member(self, group_id: GroupId, learner_id: LearnerId) -> None:
        """Make a learner a member, if the learner is not one. Raises `InvalidValueError` where the group is full."""

    async def remove_member(self, group_id: GroupId, learner_id: LearnerId) -> None:
        """Take a learner out of a group, if the learner is a member."""

    async def enrol(self, group_id: GroupId, enrolment: GroupEnrolment) -> None:
        """Enrol all present and future members in a course, with these dates in place of earlier ones."""

    async def end_enrolment(self, group_id: GroupId, course_id: CourseId) -> None:
        """End what enrols the members in a course, if there is anything."""

    async def settle(self, group_id: GroupId | None = None) -> int:
        """Finish the changes of members' enrolments that a process has begun (`None`: of all groups).

        Returns how many there were. The other methods do this before they return.
        """


class Profiles(Protocol):
    """Keeps learner profiles.

    What a method stored is on disk when it returns. Every method may raise `StoreUnavailableError`.
    """

    async def find(self, learner_id: LearnerId) -> StoredProfile | None:
        """Return a learner's profile, or `None`."""

    async def find_many(self, learner_ids: Sequence[LearnerId]) -> Mapping[LearnerId, LearnerProfile]:
        """Return the profiles of those learners who have one. Asks once for all of them."""

    async def put(
        self, learner_id: LearnerId, profile: LearnerProfile, precondition: Precondition = UNCONDITIONAL
    ) -> StoredProfile:
        """Store what an administrator says of a learner. Raises `PreconditionFailedError`."""

    async def put_all(self, profiles: Mapping[LearnerId, LearnerProfile]) -> None:
        """Store what an administrator says of many learners, in one transaction."""

    async def put_claims(self, learner_id: LearnerId, claims: LearnerProfile) -> bool:
        """Store what a token's claims add to a profile, as `people.claimed` says. Returns whether they add anything."""

    async def remove(self, learner_id: LearnerId, precondition: Precondition = UNCONDITIONAL) -> bool:
        """Remove a profile. Returns whether there was one. Raises `PreconditionFailedError`."""

    async def search(self, query: PeopleQuery) -> Sequence[StoredProfile]:
        """Return a page of the learners who have a profile, by name."""

    async def is_in(self, learner_id: LearnerId, courses: frozenset[CourseId]) -> bool:
        """Whether a learner has progress in one of some courses."""


class Goals(Protocol):
    """Keeps the goals that learners set.

    What a method stored is on disk when it returns. Every method may raise `StoreUnavailableError`.
    """

    async def find(self, learner_id: LearnerId) -> Goal | None:
        """Return a learner's goal, or `None`."""

    async def put(self, learner_id: LearnerId, days_per_week: int, today: date) -> Goal:
        """Store a goal, new or in place of the present one. A new one counts since today, another one since its day."""

    async def restore(self, learner_id: LearnerId, days_per_week: int, since: date) -> bool:
        """Store the goal of an export, where the learner has none. Returns whether it was stored."""

    async def remove(self, learner_id: LearnerId) -> None:
        """Remove a learner's goal, if there is one."""


class ContentStates(Protocol):
    """Keeps what the content of lessons has stored for learners.

    What a method stored is on disk when it returns. Every method may raise `StoreUnavailableError`.
    """

    async def find(self, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId) -> ContentState | None:
        """Return what the content of a lesson has stored for a learner, or `None`."""

    async def all_of(self, learner_id: LearnerId) -> Sequence[ContentState]:
        """Return everything that content has stored for a learner, by course and lesson."""

    async def put(self, state: ContentState, before: ContentState | None) -> ContentState | None:
        """Store a state in place of `before` (`None`: there was none). Returns it with its version.

        Returns `None`, and changes nothing, where another one than `before` is stored.
        """

    async def silent(self, course_id: CourseId, opened_before: datetime, limit: int) -> Sequence[SilentLaunch]:
        """Return the last launches in a course before a time from which nothing has come, the newest first."""

    async def erase(self, learner_id: LearnerId) -> None:
        """Remove everything that content has stored for a learner."""


class Store(CatalogueStore, ProgressStore, EnrolmentStore, StatisticsStore, LearnerStore, RecalculationStore, Protocol):
    """A database with the catalogue and the learners' progress.

    Every method may raise `StoreUnavailableError`. Every method that takes a course's id raises `CourseNotFoundError`
    where the catalogue has no such course, unless it says otherwise. When a write returns, it is on disk. A read sees
    every write of this process that has returned, and those of other processes within a second.
    """

    @property
    def imports(self) -> ImportLedger:
        """How far imports are."""

    @property
    def sign_in_codes(self) -> SignInCodes:
        """Codes that sign a browser in."""

    @property
    def enforced(self) -> Enforcement:
        """The rules that refuse writes."""

    @property
    def groups(self) -> Groups:
        """Groups of learners."""

    @property
    def profiles(self) -> Profiles:
        """Learner profiles."""

    @property
    def goals(self) -> Goals:
        """Learners' goals."""

    @property
    def content_states(self) -> ContentStates:
        """What the content of lessons has stored for learners."""

    @property
    def events(self) -> Events:
        """The events."""

    @property
    def consumers(self) -> EventConsumers:
        """The consumers of events."""

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks."""

    async def open(self) -> Sequence[str]:
        """Connect, and bring the schema up to date. Returns the names of the migrations that it applied.

        Raises `SchemaTooNewError` before it writes anything, and `ConfigurationError` for an unusable database.
        """

    async def close(self) -> None:
        """Commit what is queued, then close the database."""

    async def probe(self) -> None:
        """Read something small, and write nothing."""

    async def finish_interrupted(self) -> None:
        """Finish what a process that was killed has begun to write. Does nothing where there is nothing."""

    async def sweep(self) -> None:
        """Remove what nobody needs any more: finished imports, used codes, and what erased learners left.

        Writes nothing where there is nothing to remove.
        """
