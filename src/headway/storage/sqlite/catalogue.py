"""The tables of the catalogue. Courses that were used last are kept in memory with their versions."""

from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Final

import apsw

from headway.domain.catalogue import Course, CourseOutline, CourseQuery, VersionedCourse, next_version
from headway.domain.dating import microseconds
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId
from headway.storage.lessons import course_columns, lesson_columns, to_course
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.ids import BEFORE_ALL_COURSES
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.rows import bound, fetch, fetch_one

_KEPT_COURSES: Final = 1_000


class Catalogue:
    """The courses of the catalogue. Every use reads the course's version, and the course only where the version is new.

    So the next snapshot sees a course that another process has stored, for example the command line.
    """

    def __init__(self) -> None:
        self._kept: dict[CourseId, VersionedCourse] = {}
        self._keeping = Lock()  # long reads keep courses here, too, and they run in threads

    def outlines(self, connection: apsw.Connection, query: CourseQuery) -> Sequence[CourseOutline]:
        """Return a page of the courses by title."""
        cursor = query.after or BEFORE_ALL_COURSES
        return [CourseOutline(*row) for row in fetch(connection, sql.COURSE_OUTLINES, *cursor, query.limit)]

    def course(self, connection: apsw.Connection, course_id: CourseId) -> VersionedCourse:
        """Return a course. Raises `CourseNotFoundError`."""
        found = self.find(connection, course_id)
        if found is None:
            raise CourseNotFoundError(course_id)
        return found

    def find(self, connection: apsw.Connection, course_id: CourseId) -> VersionedCourse | None:
        """Return a course; `None` where the catalogue does not have it."""
        row = fetch_one(connection, sql.COURSE_VERSION, course_id)
        return self.at(connection, course_id, row[0]) if row else None

    def at(self, connection: apsw.Connection, course_id: CourseId, version: int) -> VersionedCourse:
        """Return a course whose present version was read in the same transaction."""
        kept = self._kept.get(course_id)
        return kept if kept is not None and kept.version == version else self._load(connection, course_id)

    def put(self, connection: apsw.Connection, before: VersionedCourse | None, course: Course, now: datetime) -> int:
        """Store a course in place of `before`, and return its new version."""
        [(revision,)] = fetch(connection, sql.NEXT_REVISION, microseconds(now))
        store_course(connection, next_version(before, course, revision))
        counted = fetch_one(connection, sql.COURSE_COUNTS, course.id)
        if counted and counted[1]:
            fetch(connection, shared_sql.BEGIN_RECALCULATION, course.id, revision, counted[1])
        return int(revision)

    def _load(self, connection: apsw.Connection, course_id: CourseId) -> VersionedCourse:
        rows = fetch(connection, sql.COURSE_LESSONS, course_id)
        loaded = to_course(course_id, rows)
        with self._keeping:
            if len(self._kept) >= _KEPT_COURSES:
                self._kept.pop(next(iter(self._kept)))
            self._kept[course_id] = loaded
        return loaded


def store_course(connection: apsw.Connection, versioned: VersionedCourse) -> None:
    """Store a course with its version, in place of the one that is stored."""
    fetch(connection, shared_sql.PUT_COURSE, *course_columns(versioned))
    fetch(connection, shared_sql.REMOVE_LESSONS, versioned.course.id)
    connection.executemany(sql.PUT_LESSON, [tuple(map(bound, columns)) for columns in lesson_columns(versioned)])
