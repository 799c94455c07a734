"""A learner's own progress: what the learner reads and writes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

from headway.domain.catalogue import Lesson
from headway.domain.course_progress import LessonsStamp, Summary, summarise
from headway.domain.errors import HeadwayError, LessonNotFoundError, ProgressNotFoundError
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.offline import all_made
from headway.domain.outline import OutlineLesson, outline
from headway.domain.ports import Store
from headway.domain.principal import Principal
from headway.domain.progress import LessonProgress, ProgressUpdate
from headway.domain.removals import Restart
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Precondition, Written
from headway.service.course_progress import ExplainedSummary, LessonAndProgress, in_order, read_learner


class Recorded(NamedTuple):
    """Lesson progress after a write, its lesson, and the fields that kept their stored value (`kept`)."""

    lesson_progress: LessonProgress
    lesson: Lesson
    kept: tuple[str, ...]

    @classmethod
    def of(cls, written: Written) -> Self:
        """Return the result of a write. Raises `ValueError` where the write removed the lesson progress."""
        if written.after is None:
            raise ValueError(written)
        return cls(written.after, written.lesson, written.kept)


class DeviceWrite(NamedTuple):
    """A write of the caller's that was made on a device, at `made_at` by the device's clock (`None`: just now)."""

    course_id: CourseId
    lesson_id: LessonId
    update: ProgressUpdate
    made_at: datetime | None = None
    run: int | None = None


_AT_ONCE: Final = 64  # device's writes in one turn, so that the writes of others do not wait long


class ProgressService:
    """A learner's own progress. Every method may raise `UnavailableError` and what its store raises."""

    def __init__(
        self, store: Store, *, offline: timedelta, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Make the service. `offline` is the longest time before its arrival at which a write may have been made."""
        self._store = store
        self._clock = clock
        self._offline = offline

    async def lessons(self, principal: Principal, course_id: CourseId) -> list[LessonAndProgress]:
        """Return the caller's lesson progress in a course, in the course's order, for its present lessons."""
        return in_order(*await self._store.lessons(principal.learner_id, course_id))

    async def few_lessons(self, principal: Principal, course_id: CourseId) -> list[LessonAndProgress] | None:
        """Return the same, or `None` where it is so much that other requests would wait."""
        reading = await self._store.few_lessons(principal.learner_id, course_id)
        return None if reading is None else in_order(*reading)

    async def lessons_stamp(self, principal: Principal, course_id: CourseId) -> LessonsStamp:
        """Return a stamp that changes whenever the result of `lessons` does. Read the stamp before the lessons."""
        return await self._store.lessons_stamp(principal.learner_id, course_id)

    async def lesson(self, principal: Principal, course_id: CourseId, lesson_id: LessonId) -> LessonAndProgress:
        """Return the caller's progress in one lesson. Raises `LessonNotFoundError` or `ProgressNotFoundError`."""
        course, lesson_progress = await self._store.lesson(principal.learner_id, course_id, lesson_id)
        lesson = course.lessons_by_id.get(lesson_id)
        if lesson is None:
            raise LessonNotFoundError(course_id, lesson_id)
        if lesson_progress is None:
            raise ProgressNotFoundError(lesson_id)
        return LessonAndProgress(lesson_progress, lesson)

    async def record(
        self,
        principal: Principal,
        course_id: CourseId,
        lesson_id: LessonId,
        update: ProgressUpdate,
        precondition: Precondition = UNCONDITIONAL,
        run: int | None = None,
    ) -> Recorded:
        """Write the caller's progress in one lesson by the write rule. Create it where there is none.

        `run` is the run of the course that the write is for. Raises `LessonNotFoundError`, `PreconditionFailedError`,
        `OtherRunError`, or `InvalidValueError` for metadata out of bounds.
        """
        write = LessonWrite(principal.learner_id, course_id, lesson_id, update, precondition, principal.acting, run=run)
        return Recorded.of(await self._store.write(write))

    async def sync(
        self, principal: Principal, writes: Sequence[DeviceWrite], sent_at: datetime | None
    ) -> Sequence[Written | HeadwayError]:
        """Write what the caller did on a device, in the order of the writes. Return a result or a refusal for each.

        `sent_at` is the time of the device's clock when it sent the writes; `None`: its clock is right. Raises
        `UnavailableError` where not all of them are stored.
        """
        results: list[Written | HeadwayError] = []
        moments = all_made([one.made_at for one in writes], sent_at, self._clock(), self._offline)
        asked = [
            LessonWrite(
                principal.learner_id,
                one.course_id,
                one.lesson_id,
                one.update,
                written_by=principal.acting,
                run=one.run,
                made_at=made_at,
            )
            for one, made_at in zip(writes, moments, strict=True)
        ]
        for first in range(0, len(asked), _AT_ONCE):
            results += await self._store.write_each(asked[first : first + _AT_ONCE])
        return results

    async def remove(
        self,
        principal: Principal,
        course_id: CourseId,
        lesson_id: LessonId,
        precondition: Precondition = UNCONDITIONAL,
        run: int | None = None,
    ) -> None:
        """Remove the caller's progress in one lesson, if there is any. Raises as `record` does."""
        write = LessonWrite(principal.learner_id, course_id, lesson_id, None, precondition, principal.acting, run=run)
        await self._store.write(write)

    async def restart_course(self, principal: Principal, course_id: CourseId, run: int | None = None) -> None:
        """Remove all the caller's lesson progress in a course, also for lessons that are not in it now.

        Raises `OtherRunError` where the caller is not in `run` (`None`: any).
        """
        await self._store.restart_course(Restart(principal.learner_id, course_id, run, principal.acting))

    async def summary(self, principal: Principal, course_id: CourseId) -> Summary:
        """Return the caller's summary of a course, over its present lessons."""
        return summarise(*await self._store.course_progress(principal.learner_id, course_id))

    async def explained_summary(self, principal: Principal, course_id: CourseId) -> ExplainedSummary:
        """Return the summary, and which lessons count in its percentage."""
        reading = await read_learner(self._store, principal.learner_id, course_id)
        return ExplainedSummary(reading.summary, reading.explanation)

    async def outline(self, principal: Principal, course_id: CourseId) -> list[OutlineLesson]:
        """Return every lesson of a course in its order, with the caller's progress, due dates and locks."""
        reading = await read_learner(self._store, principal.learner_id, course_id)
        course = reading.versioned.course
        return outline(course, reading.course_progress, reading.lesson_progress, self._clock())

    async def summaries(self, principal: Principal) -> list[Summary]:
        """Return the caller's summaries of all courses written in, most recently touched first."""
        return [summarise(*reading) for reading in await self._store.learner_courses(principal.learner_id)]
