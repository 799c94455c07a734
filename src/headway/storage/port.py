"""What is asked of a database, in the domain's terms: the service asks a Store, who copies it asks an Archive."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from headway.domain.catalogue import Course, CourseChange, CourseOutline, VersionedCourse
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import LessonProgress
from headway.domain.statistics import CourseProgress, LessonsStamp
from headway.domain.writes import LessonWrite, Written


class LessonReading(NamedTuple):
    """A course and one of the learner's rows in it, read at one moment."""

    course: Course
    row: LessonProgress | None


class LessonsReading(NamedTuple):
    """A course and all the learner's rows in it, read at one moment, in no order; hidden ones too."""

    course: Course
    rows: Sequence[LessonProgress]


class CourseReading(NamedTuple):
    """A course and where the learner stands in it (`None`: has not written in it yet), read at one moment."""

    course: Course
    progress: CourseProgress | None


class Store(Protocol):
    """A database that keeps the catalogue and the learners' progress.

    Every method may raise `StoreUnavailableError`; every one that names a course raises `CourseNotFoundError` where
    the catalogue has none of that id. A write that returned is on disk. Reads
    see every write of this process that returned, and those of other processes within a second.
    """

    async def open(self) -> Sequence[str]:
        """Connect and bring the schema up to date; answers the names of the migrations that it applied.

        Raises `SchemaTooNewError`, having written nothing, and `ConfigurationError` for an unusable database.
        """

    async def close(self) -> None:
        """Commit what is queued, then let go of the database."""

    async def probe(self) -> None:
        """Answer a read, writing nothing."""

    async def courses(self) -> Sequence[CourseOutline]:
        """The catalogue, by title."""

    async def course(self, course_id: CourseId) -> Course:
        """One course."""

    async def put_course(self, course: Course) -> CourseChange:
        """Make the catalogue hold `course` as given. Rows of lessons that leave it are kept."""

    async def remove_course(self, course_id: CourseId) -> None:
        """Take the course out of the catalogue. Its learners' rows are kept."""

    async def lesson(self, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId) -> LessonReading:
        """One row of the learner's."""

    async def lessons(self, learner_id: LearnerId, course_id: CourseId) -> LessonsReading:
        """All the learner's rows in a course."""

    async def lessons_stamp(self, learner_id: LearnerId, course_id: CourseId) -> LessonsStamp:
        """The stamp that `lessons` would be read under now, or an older one: a fraction of its cost."""

    async def course_progress(self, learner_id: LearnerId, course_id: CourseId) -> CourseReading:
        """Where the learner stands in a course."""

    async def learner_courses(self, learner_id: LearnerId) -> Sequence[CourseReading]:
        """Every course of the catalogue that the learner has written in, most recently touched first."""

    async def write(self, write: LessonWrite) -> Written:
        """Apply one write, durably. Raises what `LessonWrite.apply` raises, and `QueueFullError`."""

    async def restart_course(self, learner_id: LearnerId, course_id: CourseId) -> None:
        """Remove all the learner's rows in the course, hidden ones too."""


LessonKey = tuple[LearnerId, CourseId, LessonId]
StandingKey = tuple[LearnerId, CourseId]


class Holdings(NamedTuple):
    """How much of each kind a database holds."""

    courses: int
    lesson_rows: int
    standings: int


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

    async def standings(self, after: StandingKey | None, limit: int) -> Sequence[CourseProgress]:
        """Standings by learner and course, as they are kept, those of courses started over among them."""

    async def put_courses(self, courses: Sequence[VersionedCourse]) -> None:
        """Make the catalogue hold these courses under these versions."""

    async def put_lesson_rows(self, rows: Sequence[LessonProgress]) -> None:
        """Hold these rows."""

    async def put_standings(self, standings: Sequence[CourseProgress]) -> None:
        """Hold these standings, each with a `last_accessed`."""
