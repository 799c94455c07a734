"""The courses and the progress that the writer used last, in memory, so that the next heartbeat needs no read."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Generic, TypeVar

import apsw

from headway.domain.catalogue import VersionedCourse
from headway.domain.change_sets import ChangeSet
from headway.domain.course_progress import CourseProgress
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import LessonProgress
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.reports import only_reports, only_touches
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import Catalogue
from headway.storage.sqlite.rows import (
    Columns,
    fetch_one,
    from_course_progress,
    from_lesson_progress,
    to_course_progress,
    to_lesson_progress,
    touched_columns,
    touched_lesson_columns,
)

K = TypeVar("K")
V = TypeVar("V")

KEPT_PROGRESS: Final = 50_000  # of lessons, and as many of courses
KEPT_COURSES: Final = 1_000
_LONG_NOTES: Final = 1_000  # characters; lesson progress with longer notes, or with metadata, is not kept


class Recent:
    """Reads and writes on the writing connection, and keeps in memory what it has used.

    This memory is valid as long as only this connection writes. SQLite's `data_version` changes with every commit of
    another connection (https://sqlite.org/pragma.html#pragma_data_version). Everything is forgotten then, and after
    every rollback.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._courses: _Bounded[CourseId, VersionedCourse] = _Bounded(KEPT_COURSES)
        self._lessons: _Bounded[tuple[LearnerId, CourseId, LessonId], LessonProgress | None] = _Bounded(KEPT_PROGRESS)
        self._course_progress: _Bounded[tuple[LearnerId, CourseId], CourseProgress | None] = _Bounded(KEPT_PROGRESS)
        self._connection: apsw.Connection | None = None
        self._data_version: object = None
        self.times_forgotten = 0
        """Is unchanged as long as all writes go through this object."""
        self.times_changed_elsewhere = 0
        """Is unchanged as long as only this connection writes."""

    def renew(self, connection: apsw.Connection) -> None:
        """Forget everything where another connection has written. To be called when a transaction has begun."""
        data_version = connection.execute("PRAGMA data_version").get
        if connection is not self._connection or data_version != self._data_version:
            self.forget()
            self.times_changed_elsewhere += 1
            self._connection, self._data_version = connection, data_version

    def forget(self) -> None:
        """Forget everything."""
        self.times_forgotten += 1
        self._courses.clear()
        self._lessons.clear()
        self._course_progress.clear()

    def course(self, connection: apsw.Connection, course_id: CourseId) -> VersionedCourse:
        """Return a course. Raises `CourseNotFoundError`."""
        found = self._courses.find(course_id)
        if not isinstance(found, _Unknown):
            return found
        course = self._catalogue.course(connection, course_id)
        self._courses.keep(course_id, course)
        return course

    def lesson_progress(
        self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId
    ) -> LessonProgress | None:
        """Return a learner's progress in one lesson; `None` where there is none."""
        key = (learner_id, course_id, lesson_id)
        found = self._lessons.find(key)
        if not isinstance(found, _Unknown):
            return found
        columns = fetch_one(connection, shared_sql.ONE_LESSON_PROGRESS, *key)
        progress = to_lesson_progress(columns) if columns else None
        self._keep_lesson_progress(key, progress)
        return progress

    def course_progress(
        self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId
    ) -> CourseProgress | None:
        """Return a learner's course progress; `None` where there is none."""
        key = (learner_id, course_id)
        found = self._course_progress.find(key)
        if not isinstance(found, _Unknown):
            return found
        columns = fetch_one(connection, sql.COURSE_PROGRESS, *key)
        progress = to_course_progress(columns) if columns else None
        self._course_progress.keep(key, progress)
        return progress

    def store(self, connection: apsw.Connection, changes: Iterable[ChangeSet]) -> None:
        """Store the lesson progress and course progress of changes, of which no two have the same learner and course.

        Each statement runs once for all of its rows. Of what a regular report of a player leaves as it is, nothing is
        written, nor is any index.
        """
        rows: dict[str, list[Columns]] = {statement: [] for statement in _IN_ORDER}
        for change in changes:
            after = change.stored_progress
            if after is None:
                continue
            for lesson_id, before, progress in change.lessons:
                key = (change.learner_id, change.course_id, lesson_id)
                if progress is None:
                    rows[sql.REMOVE_LESSON_PROGRESS].append(key)
                elif before is not None and only_reports(before, progress):
                    rows[sql.TOUCH_LESSON_PROGRESS].append(touched_lesson_columns(progress))
                else:
                    rows[sql.PUT_LESSON_PROGRESS].append(from_lesson_progress(progress))
                self._keep_lesson_progress(key, progress)
            if change.before is not None and only_touches(change.before, after):
                rows[sql.TOUCH_COURSE_PROGRESS].append(touched_columns(after))
            else:
                rows[sql.PUT_COURSE_PROGRESS].append(from_course_progress(after))
            self._course_progress.keep((change.learner_id, change.course_id), after)
        for statement, some in rows.items():
            if some:
                connection.executemany(statement, some)

    def _keep_lesson_progress(self, key: tuple[LearnerId, CourseId, LessonId], progress: LessonProgress | None) -> None:
        """Keep lesson progress in memory unless it is large, so that their number bounds the memory."""
        if progress is None or (len(progress.user_notes or "") < _LONG_NOTES and not progress.metadata):
            self._lessons.keep(key, progress)
        else:
            self._lessons.drop(key)


_IN_ORDER: Final = (
    sql.PUT_LESSON_PROGRESS,
    sql.TOUCH_LESSON_PROGRESS,
    sql.REMOVE_LESSON_PROGRESS,
    sql.PUT_COURSE_PROGRESS,
    sql.TOUCH_COURSE_PROGRESS,
)


class _Unknown:
    """Stands for what is not kept, since `None` says that there is none in the database."""


_UNKNOWN: Final = _Unknown()


class _Bounded(Generic[K, V]):
    """Keeps at most `limit` values. The one that came first is dropped first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()

    def find(self, key: K) -> V | _Unknown:
        return self._values.get(key, _UNKNOWN)

    def keep(self, key: K, value: V) -> None:
        self._values[key] = value
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def drop(self, key: K) -> None:
        self._values.pop(key, None)

    def clear(self) -> None:
        self._values.clear()
