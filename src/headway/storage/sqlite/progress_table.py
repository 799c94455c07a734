"""The progress tables: a learner's rows, and where they add up to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import apsw

from headway.domain.catalogue import VersionedCourse
from headway.domain.changes import (
    Changes,
    ChangeSet,
    Key,
    Lessons,
    Outcome,
    Work,
    by_learner_and_course,
    needs,
    restart,
)
from headway.domain.counters import Counters
from headway.domain.course_progress import LessonsStamp, recount
from headway.domain.errors import CourseNotFoundError
from headway.domain.holdings import HeldDay
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.presence import NO_DAYS, days_begun
from headway.domain.progress import LessonProgress
from headway.domain.readings import FEW_CHARACTERS, CourseProgressReading, LessonReading, LessonsReading
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.columns import LESSON_PROGRESS
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import Catalogue
from headway.storage.sqlite.figures import store_day
from headway.storage.sqlite.recent import Recent
from headway.storage.sqlite.rows import (
    fetch,
    fetch_one,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
)
from headway.turns import gently

_NOTES: Final = LESSON_PROGRESS.columns.index("user_notes")
_METADATA: Final = LESSON_PROGRESS.columns.index("metadata")


class TooLargeError(Exception):
    """There is more to read than the event loop has time for."""


class ProgressTable:
    """Reads and writes on a connection whose transaction is the caller's; `recent` serves the writer alone."""

    def __init__(self, catalogue: Catalogue, recent: Recent) -> None:
        self._catalogue = catalogue
        self._recent = recent

    def lesson(
        self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId
    ) -> LessonReading:
        """One row of the learner's."""
        course = self._catalogue.course(connection, course_id).course
        return LessonReading(course, row_of(connection, learner_id, course_id, lesson_id))

    def lessons(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> LessonsReading:
        """All the learner's rows in a course, however much that is: in a thread."""
        course = self._catalogue.course(connection, course_id).course
        found = fetch(connection, shared_sql.LESSON_ROWS, learner_id, course_id)
        return LessonsReading(course, [to_lesson_progress(columns) for columns in gently(found)])

    def few_lessons(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> LessonsReading:
        """The same, but `TooLargeError` where that would keep the event loop for long."""
        course = self._catalogue.course(connection, course_id).course
        return LessonsReading(course, _few_rows_of(connection, learner_id, course_id))

    def stamp(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> LessonsStamp:
        """What changes whenever the learner's list of the course does."""
        columns = fetch_one(connection, sql.LESSONS_STAMP, learner_id, course_id)
        if columns is None:
            raise CourseNotFoundError(course_id)
        return LessonsStamp(*columns)

    def course(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> CourseProgressReading:
        """Where the learner stands in a course, under its present version."""
        columns = fetch_one(connection, sql.COURSE_VERSION_AND_PROGRESS, learner_id, course_id)
        if columns is None:
            raise CourseNotFoundError(course_id)
        version, learner, *_ = columns
        found = self._catalogue.at(connection, course_id, version)
        progress = to_course_progress(columns[1:]) if learner else None
        if progress is None or progress.started_at is None:
            return CourseProgressReading(found.course, None)
        if progress.course_version != version:
            progress = progress._replace(tally=recount(found.course, rows_of(connection, learner_id, course_id)))
        return CourseProgressReading(found.course, progress)

    def courses(self, connection: apsw.Connection, learner_id: LearnerId) -> Sequence[CourseProgressReading]:
        """Where the learner stands in every course of the catalogue, most recently touched first."""
        return [
            self.course(connection, learner_id, course_id)
            for (course_id,) in fetch(connection, sql.LEARNER_COURSES, learner_id)
        ]

    def write(
        self, connection: apsw.Connection, works: Sequence[Work], now: datetime, counters: Counters
    ) -> Sequence[Outcome]:
        """Decide works in their order and store what they change; answers what became of each.

        What they change in the courses' figures is added to `counters`.
        """
        outcomes: list[Outcome] = [None] * len(works)
        for key, positions in by_learner_and_course(works).items():
            some = [works[position] for position in positions]
            for position, outcome in zip(positions, self._write_to(connection, key, some, now, counters), strict=True):
                outcomes[position] = outcome
        return outcomes

    def restart(
        self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, now: datetime, counters: Counters
    ) -> None:
        """Remove all the learner's rows in a course."""
        self._catalogue.course(connection, course_id)
        columns = fetch_one(connection, sql.COURSE_PROGRESS, learner_id, course_id)
        if columns is not None:
            change = restart(to_course_progress(columns), rows_of(connection, learner_id, course_id), now)
            self._store(connection, change, counters)

    def _write_to(
        self, connection: apsw.Connection, key: Key, works: Sequence[Work], now: datetime, counters: Counters
    ) -> Sequence[Outcome]:
        try:
            course = self._recent.course(connection, key[1])
        except CourseNotFoundError as refusal:
            return [refusal] * len(works)
        changes = self._read(connection, key, course, works, now)
        outcomes = [changes.decide(work, now) for work in works]
        self._store(connection, changes.change_set(), counters)
        return outcomes

    def _read(
        self, connection: apsw.Connection, key: Key, course: VersionedCourse, works: Sequence[Work], now: datetime
    ) -> Changes:
        """Read what the works are decided on."""
        progress = self._recent.course_progress(connection, *key)
        asked = needs(works, course, progress, days_begun(now))
        lessons: Lessons
        if asked.all_lessons:
            lessons = {row.lesson_id: row for row in rows_of(connection, *key)}
        else:
            lessons = {lesson_id: self._recent.row(connection, *key, lesson_id) for lesson_id in asked.lessons}
        days = NO_DAYS
        if asked.days:
            held = fetch(connection, shared_sql.LEARNER_DAYS_IN, *key)
            days = {day.date: day for _, _, day in map(to_held_day, held)}
        return Changes(course, key[0], progress, lessons, days)

    def _store(self, connection: apsw.Connection, change: ChangeSet, counters: Counters) -> None:
        if change.stored_progress is None:
            return
        key = change.learner_id, change.course_id
        for lesson_id, _, row in change.lessons:
            self._recent.store_row(connection, (*key, lesson_id), row)
        self._recent.store_course_progress(connection, change.before, change.stored_progress)
        for day in change.stored_days:
            store_day(connection, HeldDay(*key, day))
        for moment in change.removed_days:
            fetch(connection, sql.REMOVE_LEARNER_DAY, *key, moment.isoformat())
        change.add_to(counters)


def row_of(
    connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId
) -> LessonProgress | None:
    """One learner's row in one lesson."""
    columns = fetch_one(connection, shared_sql.LESSON_ROW, learner_id, course_id, lesson_id)
    return to_lesson_progress(columns) if columns else None


def rows_of(connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> list[LessonProgress]:
    """All of a learner's rows in a course."""
    found = fetch(connection, shared_sql.LESSON_ROWS, learner_id, course_id)
    return [to_lesson_progress(columns) for columns in found]


def _few_rows_of(connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> list[LessonProgress]:
    rows: list[LessonProgress] = []
    characters = 0
    cursor = connection.execute(shared_sql.LESSON_ROWS, (learner_id, course_id))
    for columns in cursor:
        characters += len(columns[_NOTES] or "") + len(columns[_METADATA])
        if characters > FEW_CHARACTERS:
            cursor.close()
            raise TooLargeError
        rows.append(to_lesson_progress(columns))
    return rows
