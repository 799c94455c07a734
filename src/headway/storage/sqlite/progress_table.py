"""The progress tables: a learner's rows, and where they add up to."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import apsw

from headway.domain.catalogue import VersionedCourse
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.progress import LessonProgress
from headway.domain.standing import NOTHING, CourseProgress, LessonsStamp, Tally, advance, next_revision, recount
from headway.domain.writes import LessonWrite, Written
from headway.storage.port import StandingReading, LessonReading, LessonsReading
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import Catalogue
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
        return LessonsReading(course, _rows(connection, learner_id, course_id))

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
        if learner is None:
            return StandingReading(found.course, None)
        progress = to_course_progress(columns[1:])
        if progress.course_version != version:
            progress = progress._replace(tally=_tally(connection, found, progress))
        return StandingReading(found.course, progress)

    def courses(self, connection: apsw.Connection, learner_id: LearnerId) -> Sequence[StandingReading]:
        """Where the learner stands in every course of the catalogue, most recently touched first."""
        return [
            self.course(connection, learner_id, course_id)
            for (course_id,) in fetch(connection, sql.LEARNER_COURSES, learner_id)
        ]

    def apply(self, connection: apsw.Connection, write: LessonWrite, now: datetime) -> Written:
        """Decide one write and store what it changes. Raises what `LessonWrite.apply` raises, having stored nothing."""
        learner_id, course_id = write.learner_id, write.course_id
        found = self._recent.course(connection, course_id)
        row = self._recent.row(connection, learner_id, course_id, write.lesson_id)
        written = write.apply(found.course, row, now, _new_id)
        if written.before is None and written.after is None:
            return written
        progress = self._recent.course_progress(connection, learner_id, course_id)
        tally = _tally(connection, found, progress) if progress else NOTHING
        self._recent.store_row(connection, write, written)
        revision = next_revision(progress, now)
        after = advance(tally, write, written, course_version=found.version, revision=revision, now=now)
        self._recent.store_course_progress(connection, after)
        return written


def _tally(connection: apsw.Connection, found: VersionedCourse, progress: CourseProgress) -> Tally:
    """The tally as kept, or recounted where it was made under another version of the course."""
    if progress.course_version == found.version:
        return progress.tally
    return recount(found.course, _rows(connection, progress.learner_id, progress.course_id))


def _row(
    connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId
) -> LessonProgress | None:
    columns = fetch_one(connection, sql.LESSON_ROW, learner_id, course_id, lesson_id)
    return to_lesson_progress(columns) if columns else None


def _rows(connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> list[LessonProgress]:
    return [to_lesson_progress(columns) for columns in fetch(connection, sql.LESSON_ROWS, learner_id, course_id)]


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))
