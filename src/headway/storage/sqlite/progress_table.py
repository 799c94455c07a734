"""The progress tables: a learner's rows, and where they add up to."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import uuid4

import apsw

from headway.domain.catalogue import VersionedCourse
from headway.domain.counters import Counters
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.presence import ChangedDays, Days, StandingRestore, advance, lies_ahead, restore, settled
from headway.domain.progress import LessonProgress
from headway.domain.standing import (
    CourseProgress,
    LessonsStamp,
    next_revision,
    recount,
    rederive,
    restarted,
    unplaced,
)
from headway.domain.writes import LessonWrite, StandingRefresh, Written
from headway.storage.gently import gently
from headway.storage.port import FEW_CHARACTERS, HeldDay, LessonReading, LessonsReading, StandingReading
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

_NOTES: Final = 10  # where they stand among the columns of a row
_METADATA: Final = 12


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
        found = fetch(connection, sql.LESSON_ROWS, learner_id, course_id)
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

    def course(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> StandingReading:
        """Where the learner stands in a course, under its present version."""
        columns = fetch_one(connection, sql.COURSE_VERSION_AND_PROGRESS, learner_id, course_id)
        if columns is None:
            raise CourseNotFoundError(course_id)
        version, learner, *_ = columns
        found = self._catalogue.at(connection, course_id, version)
        progress = to_course_progress(columns[1:]) if learner else None
        if progress is None or progress.started_at is None:
            return StandingReading(found.course, None)
        if progress.course_version != version:
            progress = progress._replace(tally=recount(found.course, rows_of(connection, learner_id, course_id)))
        return StandingReading(found.course, progress)

    def courses(self, connection: apsw.Connection, learner_id: LearnerId) -> Sequence[StandingReading]:
        """Where the learner stands in every course of the catalogue, most recently touched first."""
        return [
            self.course(connection, learner_id, course_id)
            for (course_id,) in fetch(connection, sql.LEARNER_COURSES, learner_id)
        ]

    def apply(self, connection: apsw.Connection, write: LessonWrite, now: datetime, counters: Counters) -> Written:
        """Decide one write and store what it changes. Raises what `LessonWrite.apply` raises, having stored nothing.

        What it changes in the course's figures is added to `counters`.
        """
        learner_id, course_id = write.learner_id, write.course_id
        found = self._recent.course(connection, course_id)
        standing = self._recent.course_progress(connection, learner_id, course_id)
        if standing and standing.course_version != found.version:
            standing = self._rederive(connection, found, standing, now, counters)
        row = self._recent.row(connection, learner_id, course_id, write.lesson_id)
        written = write.apply(found.course, row, now, _new_id)
        if written.before is None and written.after is None:
            return written
        self._recent.store_row(connection, (learner_id, course_id, write.lesson_id), written.before, written.after)
        known = self._days(connection, standing, found.course.date_of(now), always=written.is_dated)
        after, days = advance(
            standing,
            write,
            written,
            found,
            now=now,
            known=known,
            rows=lambda: rows_of(connection, learner_id, course_id),
        )
        after = after._replace(revision=next_revision(standing, now))
        self._store_standing(connection, standing, after, counters)
        self._store_days(connection, after, known, days, counters)
        counters.change_row(written.before, written.after)
        return written

    def restore(self, connection: apsw.Connection, asked: StandingRestore, now: datetime, counters: Counters) -> bool:
        """Make a standing, and its days, what an export says of them; answers whether that changes anything."""
        found = self._recent.course(connection, asked.course_id)
        standing = self._recent.course_progress(connection, asked.learner_id, asked.course_id)
        if standing and standing.course_version != found.version:
            standing = self._rederive(connection, found, standing, now, counters)
        known = self._days(connection, standing, found.course.date_of(now), always=True)
        after, days = restore(standing, asked, found, known, now)
        if after == standing and not days:
            return False
        after = after._replace(revision=next_revision(standing, now))
        self._store_standing(connection, standing, after, counters)
        self._store_days(connection, after, known, days, counters)
        return True

    def refresh(self, connection: apsw.Connection, refresh: StandingRefresh, now: datetime, counters: Counters) -> None:
        """Make a standing, and its rows, what they are under the present version of the course."""
        found = self._recent.course(connection, refresh.course_id)
        standing = self._recent.course_progress(connection, refresh.learner_id, refresh.course_id)
        if standing is None and rows_of(connection, refresh.learner_id, refresh.course_id):
            standing = unplaced(refresh.learner_id, found)
        if standing:
            self._rederive(connection, found, standing, now, counters)

    def restart(
        self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, now: datetime, counters: Counters
    ) -> None:
        """Remove all the learner's rows in a course."""
        self._catalogue.course(connection, course_id)
        columns = fetch_one(connection, sql.COURSE_PROGRESS, learner_id, course_id)
        if columns is None:
            return
        standing = to_course_progress(columns)
        for row in rows_of(connection, learner_id, course_id):
            counters.change_row(row, None)
        fetch(connection, sql.REMOVE_LESSON_ROWS, learner_id, course_id)
        self._store_standing(connection, standing, restarted(standing, now), counters)

    def _rederive(
        self,
        connection: apsw.Connection,
        found: VersionedCourse,
        standing: CourseProgress,
        now: datetime,
        counters: Counters,
    ) -> CourseProgress:
        rows = {row.lesson_id: row for row in rows_of(connection, standing.learner_id, standing.course_id)}
        known = self._days(connection, standing, found.course.date_of(now))
        present, days = settled(standing, known, found.course, now)
        derived = rederive(found, present, rows.values(), now)
        for row in derived.rows:
            before = rows[row.lesson_id]
            self._recent.store_row(connection, row[:3], before, row)
            counters.change_row(before, row)
        if derived.standing == standing:
            return standing
        after = derived.standing._replace(revision=next_revision(standing, now))
        self._store_standing(connection, standing, after, counters)
        self._store_days(connection, after, known, days, counters)
        return after

    def _days(
        self, connection: apsw.Connection, standing: CourseProgress | None, today: date, *, always: bool = False
    ) -> Days:
        """The learner's finished days, where they are needed: to add to them, or since the last lies ahead."""
        if standing is None or not (always or lies_ahead(standing, today)):
            return {}
        held = fetch(connection, sql.LEARNER_DAYS_IN, standing.learner_id, standing.course_id)
        return {day.date: day for _, _, day in map(to_held_day, held)}

    def _store_days(
        self,
        connection: apsw.Connection,
        standing: CourseProgress,
        known: Days,
        days: ChangedDays,
        counters: Counters,
    ) -> None:
        if not days:
            return
        key = standing.learner_id, standing.course_id
        for moment, day in days.items():
            if day is not None:
                store_day(connection, HeldDay(*key, day))
            elif moment in known:
                fetch(connection, sql.REMOVE_LEARNER_DAY, *key, moment.isoformat())
        counters.change_days(standing.course_id, known, days)

    def _store_standing(
        self,
        connection: apsw.Connection,
        before: CourseProgress | None,
        after: CourseProgress,
        counters: Counters,
    ) -> None:
        self._recent.store_course_progress(connection, before, after)
        counters.change_standing(before, after)


def row_of(
    connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId
) -> LessonProgress | None:
    """One learner's row in one lesson."""
    columns = fetch_one(connection, sql.LESSON_ROW, learner_id, course_id, lesson_id)
    return to_lesson_progress(columns) if columns else None


def rows_of(connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> list[LessonProgress]:
    """All of a learner's rows in a course."""
    found = fetch(connection, sql.LESSON_ROWS, learner_id, course_id)
    return [to_lesson_progress(columns) for columns in found]


def _few_rows_of(connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> list[LessonProgress]:
    rows: list[LessonProgress] = []
    characters = 0
    cursor = connection.execute(sql.LESSON_ROWS, (learner_id, course_id))
    for columns in cursor:
        characters += len(columns[_NOTES] or "") + len(columns[_METADATA])
        if characters > FEW_CHARACTERS:
            cursor.close()
            raise TooLargeError
        rows.append(to_lesson_progress(columns))
    return rows


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))
