"""The progress tables: a learner's rows, and where they add up to."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import apsw

from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.progress import LessonProgress
from headway.domain.statistics import NOTHING, CourseProgress, Tally, contribution, recount
from headway.domain.writes import LessonWrite, Written
from headway.storage.port import CourseReading, LessonReading, LessonsReading
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import Catalogue, VersionedCourse
from headway.storage.sqlite.rows import (
    fetch,
    fetch_one,
    from_course_progress,
    from_lesson_progress,
    to_course_progress,
    to_lesson_progress,
)


class ProgressTable:
    """Reads and writes on a connection whose transaction is the caller's."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

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

    def course(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> CourseReading:
        """Where the learner stands in a course, under its present version."""
        found = self._catalogue.course(connection, course_id)
        progress = _course_progress(connection, learner_id, course_id)
        if progress is not None:
            progress = progress._replace(tally=_tally(connection, found, progress))
        return CourseReading(found.course, progress)

    def courses(self, connection: apsw.Connection, learner_id: LearnerId) -> Sequence[CourseReading]:
        """Where the learner stands in every course of the catalogue, most recently touched first."""
        return [
            self.course(connection, learner_id, course_id)
            for (course_id,) in fetch(connection, sql.LEARNER_COURSES, learner_id)
        ]

    def apply(self, connection: apsw.Connection, write: LessonWrite, now: datetime) -> Written:
        """Decide one write and store what it changes. Raises what `LessonWrite.apply` raises, having stored nothing."""
        found = self._catalogue.course(connection, write.course_id)
        row = _row(connection, write.learner_id, write.course_id, write.lesson_id)
        written = write.apply(found.course, row, now, _new_id)
        if written.before is None and written.after is None:
            return written
        progress = _course_progress(connection, write.learner_id, write.course_id)
        before = _tally(connection, found, progress) if progress else NOTHING
        tally = before.plus(
            contribution(written.lesson, written.after), less=contribution(written.lesson, written.before)
        )
        _store_row(connection, write, written)
        standing = CourseProgress(write.learner_id, write.course_id, tally, now, found.version)
        fetch(connection, sql.PUT_COURSE_PROGRESS, *from_course_progress(standing))
        return written


def _store_row(connection: apsw.Connection, write: LessonWrite, written: Written) -> None:
    if written.after is None:
        fetch(connection, sql.REMOVE_LESSON_ROW, write.learner_id, write.course_id, write.lesson_id)
    elif written.after is not written.before:
        fetch(connection, sql.PUT_LESSON_ROW, *from_lesson_progress(written.after))


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


def _course_progress(connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> CourseProgress | None:
    columns = fetch_one(connection, sql.COURSE_PROGRESS, learner_id, course_id)
    return to_course_progress(columns) if columns else None


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))
