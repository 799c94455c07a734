"""The catalogue's tables, with the courses lately used kept in memory under their versions."""

from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Final

import apsw

from headway.domain.catalogue import Course, CourseOutline, CourseQuery, VersionedCourse, next_version
from headway.domain.course_progress import microseconds
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId
from headway.storage.lessons import course_columns, lesson_columns, to_course
from headway.storage.shared import statements as shared_sql
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.rows import fetch, fetch_one

BEFORE_ALL_COURSES: Final = (b"", "")

_KEPT_COURSES: Final = 1_000


class Catalogue:
    """Reads a course's version with every use and the course itself only when the version is another one.

    So a course that another process put, the command line for one, is seen by the next snapshot that is read.
    """

    def __init__(self) -> None:
        self._kept: dict[CourseId, VersionedCourse] = {}
        self._keeping = Lock()  # long reads, in threads of their own, keep courses here, too

    def outlines(self, connection: apsw.Connection, query: CourseQuery) -> Sequence[CourseOutline]:
        """A page of the courses by title."""
        position = query.after or BEFORE_ALL_COURSES
        return [CourseOutline(*row) for row in fetch(connection, sql.COURSE_OUTLINES, *position, query.limit)]

    def course(self, connection: apsw.Connection, course_id: CourseId) -> VersionedCourse:
        """One course. Raises `CourseNotFoundError`."""
        found = self.find(connection, course_id)
        if found is None:
            raise CourseNotFoundError(course_id)
        return found

    def find(self, connection: apsw.Connection, course_id: CourseId) -> VersionedCourse | None:
        """One course, `None` where the catalogue has none of that id."""
        row = fetch_one(connection, sql.COURSE_VERSION, course_id)
        return self.at(connection, course_id, row[0]) if row else None

    def at(self, connection: apsw.Connection, course_id: CourseId, version: int) -> VersionedCourse:
        """The course whose present version is known from the same transaction."""
        kept = self._kept.get(course_id)
        return kept if kept is not None and kept.version == version else self._load(connection, course_id)

    def put(self, connection: apsw.Connection, before: VersionedCourse | None, course: Course, now: datetime) -> int:
        """Write the course in the place of what was there, under a version of its own, and answer that."""
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
    """Write a course under its version, in the place of what the catalogue has of it."""
    fetch(connection, shared_sql.PUT_COURSE, *course_columns(versioned))
    fetch(connection, shared_sql.REMOVE_LESSONS, versioned.course.id)
    connection.executemany(sql.PUT_LESSON, lesson_columns(versioned))
