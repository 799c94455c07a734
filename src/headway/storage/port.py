"""The Store protocol: all that the service may ask of a database, in the domain's terms."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from headway.domain.catalogue import Course, CourseChange, CourseOutline
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
