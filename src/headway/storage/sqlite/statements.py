"""The statements of `statements.sql` and `archive.sql`, by name."""

from pathlib import Path
from typing import Final

import aiosql
from aiosql.queries import Queries

_FOLDER: Final = Path(__file__).parent
_QUERIES: Final = aiosql.from_path(_FOLDER / "statements.sql", "apsw", mandatory_parameters=False)
_ARCHIVE: Final = aiosql.from_path(_FOLDER / "archive.sql", "apsw", mandatory_parameters=False)
_IMPORTS: Final = aiosql.from_path(_FOLDER / "imports.sql", "apsw", mandatory_parameters=False)


def _sql(name: str, queries: Queries = _QUERIES) -> str:
    """The text of a statement: apsw caches prepared statements by it, so a call costs no parsing."""
    text: str = getattr(queries, name).sql
    return text


PROBE: Final = _sql("probe")
COURSE_VERSION: Final = _sql("course_version")
COURSE_LESSONS: Final = _sql("course_lessons")
COURSE_OUTLINES: Final = _sql("course_outlines")
NEXT_REVISION: Final = _sql("next_revision")
PUT_COURSE: Final = _sql("put_course")
PUT_LESSON: Final = _sql("put_lesson")
REMOVE_LESSONS: Final = _sql("remove_lessons")
REMOVE_COURSE: Final = _sql("remove_course")
LESSON_ROW: Final = _sql("lesson_row")
LESSON_ROWS: Final = _sql("lesson_rows")
PUT_LESSON_ROW: Final = _sql("put_lesson_row")
REMOVE_LESSON_ROW: Final = _sql("remove_lesson_row")
REMOVE_LESSON_ROWS: Final = _sql("remove_lesson_rows")
COURSE_PROGRESS: Final = _sql("course_progress")
COURSE_VERSION_AND_PROGRESS: Final = _sql("course_version_and_progress")
LESSONS_STAMP: Final = _sql("lessons_stamp")
LEARNER_COURSES: Final = _sql("learner_courses")
PUT_COURSE_PROGRESS: Final = _sql("put_course_progress")
REMOVE_COURSE_PROGRESS: Final = _sql("remove_course_progress")
COUNT_COURSES: Final = _sql("count_courses", _ARCHIVE)
COUNT_LESSON_ROWS: Final = _sql("count_lesson_rows", _ARCHIVE)
COUNT_STANDINGS: Final = _sql("count_standings", _ARCHIVE)
RAISE_REVISION: Final = _sql("raise_revision", _ARCHIVE)
COURSES_AFTER: Final = _sql("courses_after", _ARCHIVE)
LESSON_ROWS_AFTER: Final = _sql("lesson_rows_after", _ARCHIVE)
STANDINGS_AFTER: Final = _sql("standings_after", _ARCHIVE)
HOLD_LESSON_ROW: Final = _sql("hold_lesson_row", _ARCHIVE)
TAKE_IMPORT: Final = _sql("take_import", _IMPORTS)
FIND_IMPORT: Final = _sql("find_import", _IMPORTS)
NOTE_IMPORT: Final = _sql("note_import", _IMPORTS)
RELEASE_IMPORT: Final = _sql("release_import", _IMPORTS)
FORGET_IMPORT: Final = _sql("forget_import", _IMPORTS)
FORGET_IMPORTS: Final = _sql("forget_imports", _IMPORTS)
FORGET_OLD_IMPORTS: Final = _sql("forget_old_imports", _IMPORTS)
