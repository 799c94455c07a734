"""The statements of `statements.sql`, `archive.sql` and `citus.sql`, by name."""

from pathlib import Path
from typing import Final

import aiosql
from aiosql.queries import Queries

_FOLDER: Final = Path(__file__).parent
_QUERIES: Final = aiosql.from_path(_FOLDER / "statements.sql", "asyncpg", mandatory_parameters=False)
_ARCHIVE: Final = aiosql.from_path(_FOLDER / "archive.sql", "asyncpg", mandatory_parameters=False)
_IMPORTS: Final = aiosql.from_path(_FOLDER / "imports.sql", "asyncpg", mandatory_parameters=False)
_CITUS: Final = aiosql.from_path(_FOLDER / "citus.sql", "asyncpg", mandatory_parameters=False)


def _sql(name: str, queries: Queries = _QUERIES) -> str:
    """The text of a statement: asyncpg keeps prepared statements by it, so a call costs no parsing."""
    text: str = getattr(queries, name).sql
    return text


PROBE: Final = _sql("probe")
KEPT_VERSIONS: Final = _sql("kept_versions")
LESSONS_OF_COURSES: Final = _sql("lessons_of_courses")
COURSE_OUTLINES: Final = _sql("course_outlines")
NEXT_REVISION: Final = _sql("next_revision")
ANNOUNCE: Final = _sql("announce")
PUT_COURSE: Final = _sql("put_course")
PUT_LESSONS: Final = _sql("put_lessons")
REMOVE_LESSONS: Final = _sql("remove_lessons")
REMOVE_COURSE: Final = _sql("remove_course")
LESSON_ROW: Final = _sql("lesson_row")
LESSON_ROWS: Final = _sql("lesson_rows")
LESSON_ROWS_AT: Final = _sql("lesson_rows_at")
ROWS_WITH_COURSE_PROGRESS_AT: Final = _sql("rows_with_course_progress_at")
LESSON_ROWS_OF: Final = _sql("lesson_rows_of")
COURSE_PROGRESS_OF: Final = _sql("course_progress_of")
LEARNER_COURSES: Final = _sql("learner_courses")
STORE_WRITES: Final = _sql("store_writes")
RESTART_COURSE: Final = _sql("restart_course")
REMOVE_LESSON_ROWS_AT: Final = _sql("remove_lesson_rows_at")
REMOVE_LESSON_ROWS: Final = _sql("remove_lesson_rows")
DISTRIBUTE: Final[str] = _CITUS.distribute.sql
COUNT_COURSES: Final = _sql("count_courses", _ARCHIVE)
COUNT_LESSON_ROWS: Final = _sql("count_lesson_rows", _ARCHIVE)
COUNT_STANDINGS: Final = _sql("count_standings", _ARCHIVE)
RAISE_REVISION: Final = _sql("raise_revision", _ARCHIVE)
COURSES_FROM: Final = _sql("courses_from", _ARCHIVE)
LESSON_ROWS_FROM: Final = _sql("lesson_rows_from", _ARCHIVE)
STANDINGS_FROM: Final = _sql("standings_from", _ARCHIVE)
HOLD_LESSON_ROWS: Final = _sql("hold_lesson_rows", _ARCHIVE)
HOLD_STANDINGS: Final = _sql("hold_standings", _ARCHIVE)
TAKE_IMPORT: Final = _sql("take_import", _IMPORTS)
FIND_IMPORT: Final = _sql("find_import", _IMPORTS)
NOTE_IMPORT: Final = _sql("note_import", _IMPORTS)
RELEASE_IMPORT: Final = _sql("release_import", _IMPORTS)
FORGET_IMPORT: Final = _sql("forget_import", _IMPORTS)
FORGET_IMPORTS: Final = _sql("forget_imports", _IMPORTS)
FORGET_OLD_IMPORTS: Final = _sql("forget_old_imports", _IMPORTS)
