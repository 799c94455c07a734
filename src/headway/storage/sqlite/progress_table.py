"""The progress tables: a learner's rows, and where they add up to."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import apsw

from headway.domain.catalogue import VersionedCourse
from headway.domain.counters import Counters
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.progress import LessonProgress
from headway.domain.standing import (
    CourseProgress,
    LessonsStamp,
    advance,
    finished_day,
    next_revision,
    recount,
    rederive,
    restarted,
    unplaced,
)
from headway.domain.writes import LessonWrite, StandingRefresh, Written
from headway.storage.port import HeldDay, LessonReading, LessonsReading, StandingReading
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import Catalogue
from headway.storage.sqlite.figures import store_day
from headway.storage.sqlite.recent import Recent
from headway.storage.sqlite.rows import (
    fetch,
    fetch_one,
    to_course_progress,
    to_lesson_progress,
)


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
        return LessonReading(course, _row(connection, learner_id, course_id, lesson_id))

    def lessons(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> LessonsReading:
        """All the learner's rows in a course."""
        course = self._catalogue.course(connection, course_id).course
        return LessonsReading(course, rows_of(connection, learner_id, course_id))

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
        after = advance(
            standing,
            write,
            written,
            found,
            rows=lambda: rows_of(connection, learner_id, course_id),
            revision=next_revision(standing, now),
            now=now,
        )
        self._store_standing(connection, standing, after, counters)
        counters.change_row(written.before, written.after)
        return written

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
        derived = rederive(found, standing, rows.values(), now)
        for row in derived.rows:
            before = rows[row.lesson_id]
            self._recent.store_row(connection, row[:3], before, row)
            counters.change_row(before, row)
        if derived.standing == standing:
            return standing
        after = derived.standing._replace(revision=next_revision(standing, now))
        self._store_standing(connection, standing, after, counters)
        return after

    def _store_standing(
        self,
        connection: apsw.Connection,
        before: CourseProgress | None,
        after: CourseProgress,
        counters: Counters,
    ) -> None:
        self._recent.store_course_progress(connection, before, after)
        finished = finished_day(before, after)
        if finished is not None:
            store_day(connection, HeldDay(after.learner_id, after.course_id, finished))
        counters.change_standing(before, after)


def _row(
    connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId
) -> LessonProgress | None:
    columns = fetch_one(connection, sql.LESSON_ROW, learner_id, course_id, lesson_id)
    return to_lesson_progress(columns) if columns else None


def rows_of(connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> list[LessonProgress]:
    """All of a learner's rows in a course."""
    return [to_lesson_progress(columns) for columns in fetch(connection, sql.LESSON_ROWS, learner_id, course_id)]


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))
