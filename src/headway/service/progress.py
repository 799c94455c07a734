"""What learners, players and authors do."""

from collections.abc import Callable
from typing import NamedTuple, Self

from headway.domain.catalogue import FIRST_COURSES, Course, CourseOutline, CoursePut, CourseQuery, Lesson, position_of
from headway.domain.course_progress import LessonsStamp, Summary, summarise
from headway.domain.edits import Impact
from headway.domain.errors import LessonNotFoundError, ProgressNotFoundError
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.principal import COURSES_WRITE, Principal
from headway.domain.progress import LessonProgress, ProgressUpdate
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Precondition, Written
from headway.service.course_progress import ExplainedSummary, LessonRow, in_order, read_learner
from headway.service.impact import impact
from headway.service.listing import CoursePage, one_more
from headway.storage.port import Recalculation, Store


class Recorded(NamedTuple):
    """Lesson progress after a write, its lesson, and the fields that kept their stored value (`kept`)."""

    row: LessonProgress
    lesson: Lesson
    kept: tuple[str, ...]

    @classmethod
    def of(cls, written: Written) -> Self:
        """Return the result of a write. Raises `ValueError` where the write removed the lesson progress."""
        if written.after is None:
            raise ValueError(written)
        return cls(written.after, written.lesson, written.kept)


class CatalogueEntry(NamedTuple):
    """A course, the version of its document, and the recalculation after its last edit.

    `recalculation` is `None` where it is finished.
    """

    course: Course
    version: int
    recalculation: Recalculation | None


def _nobody_is_told() -> None:
    """Do nothing after a course changed."""


class ProgressService:
    """What learners, players and authors do. Every method may raise `UnavailableError` and what its store raises.

    `course_changed` is called after a course document was stored.
    """

    def __init__(self, store: Store, course_changed: Callable[[], None] = _nobody_is_told) -> None:
        self.store = store
        self._course_changed = course_changed

    async def lessons(self, principal: Principal, course_id: CourseId) -> list[LessonRow]:
        """Return the caller's lesson progress in a course, in the course's order, for its present lessons."""
        return in_order(*await self.store.lessons(principal.learner_id, course_id))

    async def few_lessons(self, principal: Principal, course_id: CourseId) -> list[LessonRow] | None:
        """Return the same, or `None` where it is so much that other requests would wait."""
        reading = await self.store.few_lessons(principal.learner_id, course_id)
        return None if reading is None else in_order(*reading)

    async def lessons_stamp(self, principal: Principal, course_id: CourseId) -> LessonsStamp:
        """Return a stamp that changes whenever the result of `lessons` does. Read the stamp before the lessons."""
        return await self.store.lessons_stamp(principal.learner_id, course_id)

    async def lesson(self, principal: Principal, course_id: CourseId, lesson_id: LessonId) -> LessonRow:
        """Return the caller's progress in one lesson. Raises `LessonNotFoundError` or `ProgressNotFoundError`."""
        course, row = await self.store.lesson(principal.learner_id, course_id, lesson_id)
        lesson = course.lessons_by_id.get(lesson_id)
        if lesson is None:
            raise LessonNotFoundError(course_id, lesson_id)
        if row is None:
            raise ProgressNotFoundError(lesson_id)
        return LessonRow(row, lesson)

    async def record(
        self,
        principal: Principal,
        course_id: CourseId,
        lesson_id: LessonId,
        update: ProgressUpdate,
        precondition: Precondition = UNCONDITIONAL,
    ) -> Recorded:
        """Write the caller's progress in one lesson by the write rule. Create it where there is none.

        Raises `LessonNotFoundError`, `PreconditionFailedError`, or `InvalidValueError` for metadata out of bounds.
        """
        write = LessonWrite(principal.learner_id, course_id, lesson_id, update, precondition, principal.acting)
        return Recorded.of(await self.store.write(write))

    async def remove(
        self,
        principal: Principal,
        course_id: CourseId,
        lesson_id: LessonId,
        precondition: Precondition = UNCONDITIONAL,
    ) -> None:
        """Remove the caller's progress in one lesson, if there is any. Raises as `record` does."""
        write = LessonWrite(principal.learner_id, course_id, lesson_id, None, precondition, principal.acting)
        await self.store.write(write)

    async def restart_course(self, principal: Principal, course_id: CourseId) -> None:
        """Remove all the caller's lesson progress in a course, also for lessons that are not in it now."""
        await self.store.restart_course(principal.learner_id, course_id)

    async def summary(self, principal: Principal, course_id: CourseId) -> Summary:
        """Return the caller's summary of a course, over its present lessons."""
        return summarise(*await self.store.course_progress(principal.learner_id, course_id))

    async def explained_summary(self, principal: Principal, course_id: CourseId) -> ExplainedSummary:
        """Return the summary, and which lessons count in its percentage."""
        reading = await read_learner(self.store, principal.learner_id, course_id)
        return ExplainedSummary(reading.summary, reading.explanation)

    async def summaries(self, principal: Principal) -> list[Summary]:
        """Return the caller's summaries of all courses written in, most recently touched first."""
        return [summarise(*reading) for reading in await self.store.learner_courses(principal.learner_id)]

    async def courses(self, query: CourseQuery = FIRST_COURSES) -> CoursePage[CourseOutline]:
        """A page of the catalogue, by title."""
        found = await self.store.courses(one_more(query))
        lines = list(found[: query.limit])
        return CoursePage(lines, position_of(lines[-1]) if len(found) > query.limit else None)

    async def course(self, course_id: CourseId) -> CatalogueEntry:
        """One course of the catalogue."""
        course, version, _ = await self.store.course(course_id)
        # Read after the course: an edit in between shows as under way, never as done.
        return CatalogueEntry(course, version, await self.store.recalculation(course_id))

    async def put_course(
        self, principal: Principal, course: Course, precondition: Precondition = UNCONDITIONAL
    ) -> CoursePut:
        """Store a course in the catalogue. Needs `courses:write`. Raises `PreconditionFailedError`."""
        principal.require(COURSES_WRITE)
        put = await self.store.put_course(course, precondition)
        self._course_changed()
        return put

    async def impact_of_course(
        self, principal: Principal, course: Course, precondition: Precondition = UNCONDITIONAL
    ) -> Impact:
        """Return what storing a course would change; store nothing. Needs `courses:write`. Raises as `put_course`."""
        principal.require(COURSES_WRITE)
        return await impact(self.store, course, precondition)

    async def remove_course(self, principal: Principal, course_id: CourseId) -> None:
        """Remove a course from the catalogue, but keep its learners' lesson progress. Needs `courses:write`."""
        principal.require(COURSES_WRITE)
        await self.store.remove_course(course_id)

    async def probe(self) -> None:
        """Return if the store answers. Raises `StoreUnavailableError`."""
        await self.store.probe()
