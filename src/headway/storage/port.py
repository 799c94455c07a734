"""What is asked of a database, in the domain's terms: the service asks a Store, who copies it asks an Archive."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol

from headway.domain.catalogue import FIRST_COURSES, Course, CourseOutline, CoursePut, CourseQuery, VersionedCourse
from headway.domain.continuing import TouchedLesson
from headway.domain.counters import Counters
from headway.domain.course_progress import CourseProgress, LearnerDay, LessonsStamp
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.imports import ImportKey, ImportState, Report
from headway.domain.presence import CourseProgressRestore
from headway.domain.progress import LessonProgress
from headway.domain.roster import RosterQuery
from headway.domain.sign_in import SignIn
from headway.domain.statistics import CourseReading
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Precondition, Written

FEW_CHARACTERS: Final = 1_000_000
"""Of notes and metadata; to read and render so many takes a few milliseconds."""


class LessonReading(NamedTuple):
    """A course and one of the learner's rows in it, read at one moment."""

    course: Course
    row: LessonProgress | None


class LessonsReading(NamedTuple):
    """A course and all the learner's rows in it, read at one moment, in no order; hidden ones too."""

    course: Course
    rows: Sequence[LessonProgress]


class CourseProgressReading(NamedTuple):
    """A course and where the learner stands in it (`None`: has not written in it yet), read at one moment."""

    course: Course
    progress: CourseProgress | None


class LearnerRecord(NamedTuple):
    """All that is held on a learner: rows, course progress and finished days, in the order of their keys."""

    rows: Sequence[LessonProgress]
    all_course_progress: Sequence[CourseProgress]
    days: Sequence[tuple[CourseId, LearnerDay]]


class Recalculation(NamedTuple):
    """What follows from a course's edit for learners already under way, being derived: how many are through, of all.

    `after` is the last learner that is through, in the order of their ids; `None`: none is.
    """

    course_id: CourseId
    version: int
    learners: int
    done: int
    after: LearnerId | None


class ImportLedger(Protocol):
    """How far imports are that have a key, so that one broken off can go on, in another process too.

    Every method may raise `StoreUnavailableError`; what was noted is on disk when the call returns.
    """

    async def take(self, key: ImportKey, digest: str, holder: str) -> ImportState:
        """Take an import for `LEASE` to oneself, unless it is done, another one's or another file's; how it then is.

        Where there is none of that key, it begins.
        """

    async def note(self, key: ImportKey, holder: str, line: int, report: Report, *, finished: bool) -> bool:
        """Note how far it is, for another `LEASE` to oneself; answers whether it still was the holder's."""

    async def release(self, key: ImportKey, holder: str) -> None:
        """Let others take it at once, if it is the holder's."""

    async def forget(self, key: ImportKey) -> None:
        """Let it be as if it had never begun."""

    async def forget_all(self, caller: LearnerId) -> None:
        """Forget all imports of a caller's."""


class SignInCodes(Protocol):
    """Codes that let a browser in once, of which the digests alone are kept.

    Every method may raise `StoreUnavailableError`; what was done is on disk when the call returns.
    """

    async def put(self, digest: str, sign_in: SignIn, ends_at: datetime) -> None:
        """Keep a code until `ends_at`."""

    async def take(self, digest: str) -> SignIn | None:
        """Whom a code lets in that is good; however many ask at once, one is told, and the others `None`."""

    async def forget_all(self, learner_id: LearnerId) -> None:
        """Forget all codes that let a learner in."""


class Store(Protocol):
    """A database that keeps the catalogue and the learners' progress.

    Every method may raise `StoreUnavailableError`; every one that names a course raises `CourseNotFoundError` where
    the catalogue has none of that id. A write that returned is on disk. Reads
    see every write of this process that returned, and those of other processes within a second.
    """

    @property
    def imports(self) -> ImportLedger:
        """How far imports are."""

    @property
    def sign_in_codes(self) -> SignInCodes:
        """Codes that let a browser in."""

    async def open(self) -> Sequence[str]:
        """Connect and bring the schema up to date; answers the names of the migrations that it applied.

        Raises `SchemaTooNewError`, having written nothing, and `ConfigurationError` for an unusable database.
        """

    async def close(self) -> None:
        """Commit what is queued, then let go of the database."""

    async def probe(self) -> None:
        """Answer a read, writing nothing."""

    async def courses(self, query: CourseQuery = FIRST_COURSES) -> Sequence[CourseOutline]:
        """A page of the catalogue, by title; `among` is not asked, everybody may read all of it."""

    async def course(self, course_id: CourseId) -> VersionedCourse:
        """One course."""

    async def put_course(self, course: Course, precondition: Precondition = UNCONDITIONAL) -> CoursePut:
        """Make the catalogue hold `course` as given. Rows of lessons that leave it are kept.

        Raises `PreconditionFailedError` where what the catalogue has of it is not as asked.
        """

    async def remove_course(self, course_id: CourseId) -> None:
        """Take the course out of the catalogue. Its learners' rows are kept."""

    async def lesson(self, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId) -> LessonReading:
        """One row of the learner's."""

    async def lessons(self, learner_id: LearnerId, course_id: CourseId) -> LessonsReading:
        """All the learner's rows in a course."""

    async def few_lessons(self, learner_id: LearnerId, course_id: CourseId) -> LessonsReading | None:
        """The same, and `None` where notes and metadata have over FEW_CHARACTERS together."""

    async def lessons_stamp(self, learner_id: LearnerId, course_id: CourseId) -> LessonsStamp:
        """The stamp that `lessons` would be read under now, or an older one: a fraction of its cost."""

    async def course_progress(self, learner_id: LearnerId, course_id: CourseId) -> CourseProgressReading:
        """Where the learner stands in a course."""

    async def learner_courses(self, learner_id: LearnerId) -> Sequence[CourseProgressReading]:
        """Every course of the catalogue that something was written in for the learner, the last one first."""

    async def touched_lessons(self, learner_id: LearnerId) -> Sequence[TouchedLesson]:
        """Every lesson that the learner has a row in, those that have left their course too, course by course."""

    async def write(self, write: LessonWrite) -> Written:
        """Apply one write, durably. Raises what `LessonWrite.apply` raises, and `QueueFullError`."""

    async def restore(self, asked: CourseProgressRestore) -> bool:
        """Make course progress, and its days, what an export says, durably; answers whether that changed anything.

        Raises `QueueFullError`.
        """

    async def write_all(self, writes: Sequence[LessonWrite | CourseProgressRestore]) -> Sequence[Written | bool]:
        """Write and restore in their order, all or none; answers what became of each, or whether it changed anything.

        Raises `RefusedWriteError` for the first that is refused.
        """

    async def restart_course(self, learner_id: LearnerId, course_id: CourseId) -> None:
        """Remove all the learner's rows in the course, hidden ones too."""

    async def statistics(self, course_id: CourseId, first: date, last: date) -> CourseReading:
        """What is counted of a course, days from the first to the last."""

    async def all_statistics(
        self, first: date, last: date, query: CourseQuery = FIRST_COURSES
    ) -> Sequence[CourseReading]:
        """What is counted of a page of the catalogue, by title, scores left out."""

    async def roster(self, course_id: CourseId, query: RosterQuery) -> Sequence[CourseProgress]:
        """Where learners stand in a course, a page as `query` asks for, in its order."""

    async def learner_record(self, learner_id: LearnerId) -> LearnerRecord:
        """All that is held on a learner, of courses that are not in the catalogue too."""

    async def active_days(self, learner_id: LearnerId, course_id: CourseId | None, first: date) -> Sequence[LearnerDay]:
        """The days from the first on when the learner wrote in a course, the present one too, in no order.

        In any course where `course_id` is `None`, also those that are not in the catalogue: then a date comes once for
        each course. A course that was started over keeps its days; one that is not there has none.
        """

    async def erase(self, learner_id: LearnerId) -> bool:
        """Remove all that is held on a learner, and what it counts for; answers whether there was anything."""

    async def refresh(self, learner_id: LearnerId, course_id: CourseId) -> None:
        """Make the learner's course progress, and the rows, what they are under the present version of the course."""

    async def sweep(self) -> None:
        """Remove what nobody needs any more: imports and sign-in codes that are over, and what erased learners left.

        Where there is nothing of it, nothing is written.
        """

    async def forget_learners(self) -> None:
        """Return when no process relies any more on what it had remembered of learners until now."""

    async def recalculation(self, course_id: CourseId) -> Recalculation | None:
        """How far what follows from the course's last edit is derived; `None` where nothing is left to do."""

    async def take_recalculation(self) -> Recalculation | None:
        """One to work on that nobody works on, for a minute to oneself; `None` where there is none."""

    async def learners_to_recalculate(self, under_way: Recalculation, limit: int) -> Sequence[LearnerId]:
        """The learners that come next, by id, whose course progress is of another version; fewer only at the end."""

    async def advance_recalculation(self, under_way: Recalculation) -> bool:
        """Note how far it is, for another minute to oneself; answers whether it is not overtaken by another edit."""

    async def finish_recalculation(self, under_way: Recalculation) -> None:
        """Note that nothing is left to do for this version of the course."""


LessonKey = tuple[LearnerId, CourseId, LessonId]
CourseProgressKey = tuple[LearnerId, CourseId]
LearnerDayKey = tuple[LearnerId, CourseId, date]


class HeldDay(NamedTuple):
    """A day of a learner's in a course that is finished."""

    learner_id: LearnerId
    course_id: CourseId
    day: LearnerDay


class Holdings(NamedTuple):
    """How much of each kind a database holds."""

    courses: int
    lesson_rows: int
    all_course_progress: int
    days: int


class Recounted(NamedTuple):
    """What a stretch of learners counts for, and the course progress among them that are not what their rows say.

    Where a recalculation is under way, course progress of another version of its course is not looked at.
    Those that are `ahead` were last seen on days that have not come.
    """

    rows: int
    counters: Counters
    wrong: Sequence[CourseProgressKey]
    ahead: Sequence[CourseProgressKey]


class Archive(Protocol):
    """All that a database holds, as it is: ids, versions, times and revisions too.

    What is read comes in the order of its keys, from the first one after `after` on (`None`: from the very first), and
    `limit` of it; fewer only at the end. What is put takes the place of what is there under the same key, all of it
    or nothing, and is on disk when the call returns. Every method may raise `StoreUnavailableError`, and
    `ConfigurationError` where the database does not let this user do it.
    """

    async def holdings(self) -> Holdings:
        """Count everything; on a large database this takes seconds."""

    async def revision(self) -> int:
        """The number that the catalogue's last change was given."""

    async def raise_revision(self, least: int) -> None:
        """Let the catalogue's next change be given a number above `least`."""

    async def courses(self, after: CourseId | None, limit: int) -> Sequence[VersionedCourse]:
        """Courses of the catalogue by id."""

    async def lesson_rows(self, after: LessonKey | None, limit: int) -> Sequence[LessonProgress]:
        """Rows by learner, course and lesson: hidden ones too, and those of courses that are not in the catalogue."""

    async def all_course_progress(self, after: CourseProgressKey | None, limit: int) -> Sequence[CourseProgress]:
        """Course progress by learner and course, as it is kept, those of courses started over among them."""

    async def put_courses(self, courses: Sequence[VersionedCourse]) -> None:
        """Make the catalogue hold these courses under these versions."""

    async def put_lesson_rows(self, rows: Sequence[LessonProgress]) -> None:
        """Hold these rows."""

    async def put_course_progress(self, all_course_progress: Sequence[CourseProgress]) -> None:
        """Hold this course progress."""

    async def days(self, after: LearnerDayKey | None, limit: int) -> Sequence[HeldDay]:
        """Finished days by learner, course and date."""

    async def put_days(self, days: Sequence[HeldDay]) -> None:
        """Hold these days."""

    def recount(self, course_id: CourseId | None) -> AbstractAsyncContextManager["Recount"]:
        """A recount of one course, or of all, that sees everything as it is now, whatever is written meanwhile."""

    async def add_counters(self, counters: Counters) -> None:
        """Add to what is stored of the courses' figures."""


class Recount(Protocol):
    """What is stored of the courses' figures, and what a recount finds, both as they were at one moment."""

    async def stored(self) -> Counters:
        """The counts that are stored."""

    async def lesson_rows(self) -> int:
        """How many rows there are to count, about."""

    def stretches(self) -> AsyncIterator[Recounted]:
        """All learners, a stretch at a time."""
