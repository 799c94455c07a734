"""The recount on SQLite: row by row, over one snapshot."""

from collections.abc import AsyncIterator, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from typing import Final

import apsw

from headway.domain.catalogue import VersionedCourse
from headway.domain.counters import Counters, recount
from headway.domain.course_progress import CourseProgress, agrees, last_started
from headway.domain.course_progress import recount as recount_tally
from headway.domain.errors import CourseNotFoundError
from headway.domain.holdings import CourseProgressKey, Recounted
from headway.domain.identifiers import CourseId
from headway.domain.presence import days_begun, lies_ahead
from headway.domain.progress import LessonProgress
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.counts import all_counts
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import Catalogue
from headway.storage.sqlite.rows import fetch, fetch_one, to_course_progress, to_held_day, to_lesson_progress
from headway.storage.sqlite.session import run

_ROWS: Final = 5_000  # of lesson progress in a stretch, about
_NO_LEARNER: Final = ""
_AFTER_ALL_LEARNERS: Final = "~"


class SqliteRecount:
    """Counts over a connection that keeps one snapshot."""

    def __init__(self, connection: apsw.Connection, course_id: CourseId | None) -> None:
        self._connection = connection
        self._course_id = course_id
        self._catalogue = Catalogue()

    async def stored(self) -> Counters:
        """Return the stored counters."""
        every = run(self._connection, all_counts(sql.ALL_COUNTS, date.min, date.max))
        return every if self._course_id is None else every.by_course().get(self._course_id, Counters())

    async def estimate(self) -> int:
        """Return how many rows of lesson progress are to be counted."""
        return int(fetch(self._connection, sql.COUNT_LESSON_PROGRESS_OF, self._course_id)[0][0])

    async def stretches(self) -> AsyncIterator[Recounted]:
        """Recount all learners, a range of ids at a time."""
        under_way = {course_id for (course_id,) in fetch(self._connection, shared_sql.COURSES_TO_RECALCULATE)}
        after = _NO_LEARNER
        while after != _AFTER_ALL_LEARNERS:
            end = fetch_one(self._connection, sql.LEARNER_AT, after, _ROWS)
            until = end[0] if end else _AFTER_ALL_LEARNERS
            yield self._stretch(after, until, under_way)
            after = until

    def _stretch(self, after: str, until: str, under_way: AbstractSet[CourseId]) -> Recounted:
        asked = (after, until, self._course_id)
        lessons = [
            to_lesson_progress(columns) for columns in fetch(self._connection, sql.LESSON_PROGRESS_BETWEEN, *asked)
        ]
        all_course_progress = [
            to_course_progress(columns) for columns in fetch(self._connection, sql.COURSE_PROGRESS_BETWEEN, *asked)
        ]
        days = [to_held_day(columns) for columns in fetch(self._connection, sql.DAYS_BETWEEN, *asked)]
        counters = recount(lessons, all_course_progress, ((held.course_id, held.day) for held in days))
        by_course_progress: dict[CourseProgressKey, list[LessonProgress]] = {}
        for progress in lessons:
            by_course_progress.setdefault((progress.learner_id, progress.course_id), []).append(progress)
        wrong: list[CourseProgressKey] = []
        for course_progress in all_course_progress:
            own = by_course_progress.pop((course_progress.learner_id, course_progress.course_id), [])
            found = self._course(course_progress.course_id)
            recalculated = course_progress.course_id not in under_way
            if found and not _agrees(found, course_progress, own, recalculated=recalculated):
                wrong.append((course_progress.learner_id, course_progress.course_id))
        wrong.extend(key for key, own in by_course_progress.items() if self._are_of_course(key[1], own))
        today = days_begun(datetime.now(UTC))
        ahead = [
            (course_progress.learner_id, course_progress.course_id)
            for course_progress in all_course_progress
            if lies_ahead(course_progress, today)
        ]
        return Recounted(len(lessons), counters, wrong, ahead)

    def _are_of_course(self, course_id: CourseId, lessons: Iterable[LessonProgress]) -> bool:
        """Whether any of this lesson progress, which has no course progress, is of a lesson in the course."""
        found = self._course(course_id)
        return found is not None and any(one.lesson_id in found.course.lessons_by_id for one in lessons)

    def _course(self, course_id: CourseId) -> VersionedCourse | None:
        try:
            return self._catalogue.course(self._connection, course_id)
        except CourseNotFoundError:
            return None


def _agrees(
    course: VersionedCourse, course_progress: CourseProgress, lessons: Sequence[LessonProgress], *, recalculated: bool
) -> bool:
    tally, at_lesson = recount_tally(course.course, lessons), last_started(course.course, lessons)
    return agrees(course, course_progress, tally, at_lesson, recalculated=recalculated)
