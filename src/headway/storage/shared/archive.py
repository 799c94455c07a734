"""Reading all that a database holds, by keys: what the Archive protocol has alike in every store."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, NamedTuple

from headway.domain.catalogue import VersionedCourse
from headway.domain.course_progress import CourseProgress
from headway.domain.holdings import CourseProgressKey, HeldDay, LearnerDayKey, LessonKey
from headway.domain.identifiers import CourseId
from headway.domain.progress import LessonProgress
from headway.storage.lessons import to_courses
from headway.storage.shared import statements as sql
from headway.storage.shared.ids import FIRST_ID
from headway.storage.shared.session import Row, Session

_FIRST_KEY: Final = (FIRST_ID, FIRST_ID, FIRST_ID)
_FIRST_DAY: Final = (FIRST_ID, FIRST_ID, date.min)


class RowReaders(NamedTuple):
    """How a store turns rows of its tables into values."""

    lesson_progress: Callable[[Row], LessonProgress]
    course_progress: Callable[[Row], CourseProgress]
    held_day: Callable[[Row], HeldDay]


class ArchiveReader:
    """Reads of an archive, each from the key after `after` on. Reads begin at that key, which is then left out."""

    def __init__(self, session: Session, readers: RowReaders) -> None:
        self._session = session
        self._readers = readers

    async def revision(self) -> int:
        """The number that the catalogue's last change was given."""
        [(revision,)] = await self._session.fetch(sql.REVISION)
        return int(revision)

    async def raise_revision(self, least: int) -> None:
        """Let the catalogue's next change be given a number above `least`."""
        await self._session.change(sql.RAISE_REVISION, least)

    async def courses(self, after: CourseId | None, limit: int) -> Sequence[VersionedCourse]:
        """Courses of the catalogue by id."""
        courses = to_courses(await self._session.fetch(sql.COURSES_FROM, after or FIRST_ID, limit + 1))
        return [course for course in courses if course.course.id != after][:limit]

    async def lesson_progress(self, after: LessonKey | None, limit: int) -> Sequence[LessonProgress]:
        """Rows by learner, course and lesson."""
        found = await self._session.fetch(sql.LESSON_ROWS_FROM, *(after or _FIRST_KEY), limit + 1)
        rows = map(self._readers.lesson_progress, found)
        return [row for row in rows if (row.learner_id, row.course_id, row.lesson_id) != after][:limit]

    async def course_progress(self, after: CourseProgressKey | None, limit: int) -> Sequence[CourseProgress]:
        """Course progress by learner and course."""
        found = await self._session.fetch(sql.COURSE_PROGRESS_FROM, *(after or _FIRST_KEY[:2]), limit + 1)
        all_course_progress = map(self._readers.course_progress, found)
        return [
            course_progress
            for course_progress in all_course_progress
            if (course_progress.learner_id, course_progress.course_id) != after
        ][:limit]

    async def days(self, after: LearnerDayKey | None, limit: int) -> Sequence[HeldDay]:
        """Finished days by learner, course and date."""
        found = await self._session.fetch(sql.DAYS_FROM, *(after or _FIRST_DAY), limit + 1)
        days = map(self._readers.held_day, found)
        return [held for held in days if (*held[:2], held.day.date) != after][:limit]
