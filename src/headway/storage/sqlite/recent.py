"""What the writer used last, kept in memory so that the next heartbeat needs no read."""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

import apsw

from headway.domain.catalogue import VersionedCourse
from headway.domain.course_progress import CourseProgress
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import LessonProgress
from headway.storage.shared import statements as shared_sql
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import Catalogue
from headway.storage.sqlite.rows import (
    fetch,
    fetch_one,
    from_course_progress,
    from_lesson_progress,
    to_course_progress,
    to_lesson_progress,
    touched_columns,
)

K = TypeVar("K")
V = TypeVar("V")

KEPT_ROWS: Final = 50_000
KEPT_COURSES: Final = 1_000
_LONG_NOTES: Final = 1_000  # characters from which on a row is not kept; one with metadata is not either


class Recent:
    """Reads and writes on the writing connection, remembering how it left what it used.

    What is remembered holds as long as this connection alone writes: SQLite's `data_version` changes with every
    commit of another one (https://sqlite.org/pragma.html#pragma_data_version). It is forgotten then, and after
    every transaction that was rolled back.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._courses: _Bounded[CourseId, VersionedCourse] = _Bounded(KEPT_COURSES)
        self._rows: _Bounded[tuple[LearnerId, CourseId, LessonId], LessonProgress | None] = _Bounded(KEPT_ROWS)
        self._course_progress: _Bounded[tuple[LearnerId, CourseId], CourseProgress | None] = _Bounded(KEPT_ROWS)
        self._connection: apsw.Connection | None = None
        self._data_version: object = None
        self.times_forgotten = 0
        """Stays the same while nobody changes anything but by writing through this."""
        self.times_changed_elsewhere = 0
        """Stays the same while this connection alone writes."""

    def renew(self, connection: apsw.Connection) -> None:
        """Forget what another connection may have changed; called when a transaction has begun."""
        data_version = connection.execute("PRAGMA data_version").get
        if connection is not self._connection or data_version != self._data_version:
            self.forget()
            self.times_changed_elsewhere += 1
            self._connection, self._data_version = connection, data_version

    def forget(self) -> None:
        """Forget everything."""
        self.times_forgotten += 1
        self._courses.clear()
        self._rows.clear()
        self._course_progress.clear()

    def course(self, connection: apsw.Connection, course_id: CourseId) -> VersionedCourse:
        """One course. Raises `CourseNotFoundError`."""
        if course_id not in self._courses:
            self._courses.keep(course_id, self._catalogue.course(connection, course_id))
        return self._courses[course_id]

    def row(
        self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId
    ) -> LessonProgress | None:
        """One learner's row in one lesson."""
        key = (learner_id, course_id, lesson_id)
        if key in self._rows:
            return self._rows[key]
        columns = fetch_one(connection, shared_sql.LESSON_ROW, *key)
        row = to_lesson_progress(columns) if columns else None
        self._keep_row(key, row)
        return row

    def course_progress(
        self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId
    ) -> CourseProgress | None:
        """Where one learner stands in one course."""
        key = (learner_id, course_id)
        if key not in self._course_progress:
            columns = fetch_one(connection, sql.COURSE_PROGRESS, *key)
            self._course_progress.keep(key, to_course_progress(columns) if columns else None)
        return self._course_progress[key]

    def store_row(
        self,
        connection: apsw.Connection,
        key: tuple[LearnerId, CourseId, LessonId],
        after: LessonProgress | None,
    ) -> None:
        """Make the row what it has become."""
        if after is None:
            fetch(connection, sql.REMOVE_LESSON_ROW, *key)
        else:
            fetch(connection, sql.PUT_LESSON_ROW, *from_lesson_progress(after))
        self._keep_row(key, after)

    def store_course_progress(
        self, connection: apsw.Connection, before: CourseProgress | None, after: CourseProgress
    ) -> None:
        """Make a learner's progress in a course what it has become."""
        if before is not None and _sorted_by(before) == _sorted_by(after):
            fetch(connection, sql.TOUCH_COURSE_PROGRESS, *touched_columns(after))
        else:
            fetch(connection, sql.PUT_COURSE_PROGRESS, *from_course_progress(after))
        self._course_progress.keep((after.learner_id, after.course_id), after)

    def _keep_row(self, key: tuple[LearnerId, CourseId, LessonId], row: LessonProgress | None) -> None:
        """Keep a row unless it is large: the number of rows kept bounds their memory only if each is small."""
        if row is None or (len(row.user_notes or "") < _LONG_NOTES and not row.metadata):
            self._rows.keep(key, row)
        else:
            self._rows.pop(key, None)


def _sorted_by(course_progress: CourseProgress) -> tuple[object, ...]:
    """What the indexes of the table hold."""
    return (
        course_progress.tally.completed_lessons,
        course_progress.day.date,
        course_progress.completed_at,
        course_progress.started_at,
        course_progress.at_lesson,
    )


class _Bounded(OrderedDict[K, V], Generic[K, V]):
    """A mapping that lets go of what was kept longest ago."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def keep(self, key: K, value: V) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._limit:
            self.popitem(last=False)
