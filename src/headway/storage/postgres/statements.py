"""The statements of the files of SQL beside this one, and of those that the stores share, by name."""

from pathlib import Path
from typing import Final

import aiosql
from aiosql.queries import Queries

from headway.storage.rosters import among_few, in_every_order

_FOLDER: Final = Path(__file__).parent
_QUERIES: Final = aiosql.from_path(_FOLDER / "statements.sql", "asyncpg", mandatory_parameters=False)
_ARCHIVE: Final = aiosql.from_path(_FOLDER / "archive.sql", "asyncpg", mandatory_parameters=False)
_STATISTICS: Final = aiosql.from_path(_FOLDER / "statistics.sql", "asyncpg", mandatory_parameters=False)
_IMPORTS: Final = aiosql.from_path(_FOLDER.parent / "imports.sql", "asyncpg", mandatory_parameters=False)
_CODES: Final = aiosql.from_path(_FOLDER / "sign_in_codes.sql", "asyncpg", mandatory_parameters=False)
_CITUS: Final = aiosql.from_path(_FOLDER / "citus.sql", "asyncpg", mandatory_parameters=False)


def _sql(name: str, queries: Queries = _QUERIES) -> str:
    """The text of a statement: asyncpg keeps prepared statements by it, so a call costs no parsing."""
    text: str = getattr(queries, name).sql
    return text


def _of_some(sql: str, condition: str) -> str:
    """The statement that sums up all courses, made to sum up some: so that no column of counts is written twice."""
    return sql.replace("GROUP BY", f"{condition}\nGROUP BY")


PROBE: Final = _sql("probe")
KEPT_VERSIONS: Final = _sql("kept_versions")
LESSONS_OF_COURSES: Final = _sql("lessons_of_courses")
COURSE_OUTLINES: Final = _sql("course_outlines")
NEXT_REVISION: Final = _sql("next_revision")
ANNOUNCE: Final = _sql("announce")
PUT_COURSE: Final = _sql("put_course")
COURSES_WITHOUT_KEY: Final = _sql("courses_without_key")
PUT_SORT_KEY: Final = _sql("put_sort_key")
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
TOUCHED_LESSONS: Final = _sql("touched_lessons")
STORE_WRITES: Final = _sql("store_writes")
REMOVE_LESSON_ROWS_AT: Final = _sql("remove_lesson_rows_at")
REMOVE_LESSON_ROWS: Final = _sql("remove_lesson_rows")
DISTRIBUTE: Final[str] = _CITUS.distribute.sql
COUNT_COURSES: Final = _sql("count_courses", _ARCHIVE)
COUNT_LESSON_ROWS: Final = _sql("count_lesson_rows", _ARCHIVE)
COUNT_STANDINGS: Final = _sql("count_standings", _ARCHIVE)
COUNT_DAYS: Final = _sql("count_days", _ARCHIVE)
DAYS_FROM: Final = _sql("days_from", _ARCHIVE)
RAISE_REVISION: Final = _sql("raise_revision", _ARCHIVE)
COURSES_FROM: Final = _sql("courses_from", _ARCHIVE)
LESSON_ROWS_FROM: Final = _sql("lesson_rows_from", _ARCHIVE)
STANDINGS_FROM: Final = _sql("standings_from", _ARCHIVE)
HOLD_LESSON_ROWS: Final = _sql("hold_lesson_rows", _ARCHIVE)
HOLD_STANDINGS: Final = _sql("hold_standings", _ARCHIVE)
ADD_COUNTERS: Final = _sql("add_counters", _STATISTICS)
PUT_LEARNER_DAYS: Final = _sql("put_learner_days", _STATISTICS)
COURSE_COUNTS: Final = _sql("course_counts", _STATISTICS)
LESSON_COUNTS: Final = _sql("lesson_counts", _STATISTICS)
SCORES: Final = _sql("scores", _STATISTICS)
DAYS: Final = _sql("days", _STATISTICS)
ALL_COURSE_COUNTS: Final = _sql("all_course_counts", _STATISTICS)
ALL_LESSON_COUNTS: Final = _sql("all_lesson_counts", _STATISTICS)
ALL_SCORES: Final = _sql("all_scores", _STATISTICS)
ALL_DAYS: Final = _sql("all_days", _STATISTICS)
CATALOGUE_IDS: Final = _sql("catalogue_ids", _STATISTICS)
CATALOGUE_PAGE: Final = _sql("catalogue_page", _STATISTICS)
COURSE_COUNTS_OF: Final = _of_some(ALL_COURSE_COUNTS, "WHERE course_id = ANY ($1::uuid[])")
LESSON_COUNTS_OF: Final = _of_some(ALL_LESSON_COUNTS, "WHERE course_id = ANY ($1::uuid[])")
DAYS_OF: Final = _of_some(ALL_DAYS, "AND course_id = ANY ($3::uuid[])")
HOLD_COURSES: Final = _sql("hold_courses", _STATISTICS)
HOLD_STANDING: Final = _sql("hold_standing", _STATISTICS)
PUT_STANDING: Final = _sql("put_standing", _STATISTICS)
LEARNER_ROWS: Final = _sql("learner_rows", _STATISTICS)
LEARNER_STANDINGS: Final = _sql("learner_standings", _STATISTICS)
LEARNER_DAYS: Final = _sql("learner_days", _STATISTICS)
ACTIVE_DAYS: Final = _sql("active_days", _STATISTICS)
LEARNER_DAYS_IN: Final = _sql("learner_days_in", _STATISTICS)
REMOVE_LEARNER_DAYS: Final = _sql("remove_learner_days", _STATISTICS)
NOTE_ERASURE: Final = _sql("note_erasure", _STATISTICS)
ANNOUNCE_ERASURE: Final = _sql("announce_erasure", _STATISTICS)
FIND_ERASED: Final = _sql("find_erased", _STATISTICS)
SWEEP_PLACES: Final = _sql("sweep_places", _STATISTICS)
SWEEP_ERASED: Final = _sql("sweep_erased", _STATISTICS)
BEGIN_REDERIVATION: Final = _sql("begin_rederivation", _STATISTICS)
REDERIVATION: Final = _sql("rederivation", _STATISTICS)
FREE_REDERIVATION: Final = _sql("free_rederivation", _STATISTICS)
TAKE_REDERIVATION: Final = _sql("take_rederivation", _STATISTICS)
ADVANCE_REDERIVATION: Final = _sql("advance_rederivation", _STATISTICS)
FINISH_REDERIVATION: Final = _sql("finish_rederivation", _STATISTICS)
LEARNERS_TO_REDERIVE: Final = _sql("learners_to_rederive", _STATISTICS)
COURSES_TO_REDERIVE: Final = _sql("courses_to_rederive", _STATISTICS)
COUNT_ROWS_OF: Final = _sql("count_rows_of", _STATISTICS)
GROUP_IN_MEMORY: Final = _sql("group_in_memory", _STATISTICS)
LEARNER_AT: Final = _sql("learner_at", _STATISTICS)
SHAPES_BETWEEN: Final = _sql("shapes_between", _STATISTICS)
TALLIES_BETWEEN: Final = _sql("tallies_between", _STATISTICS)
STANDINGS_BETWEEN: Final = _sql("standings_between", _STATISTICS)
DAYS_BETWEEN: Final = _sql("days_between", _STATISTICS)
ROSTER_OF_INCOMPLETE: Final = _sql("roster_of_incomplete", _STATISTICS)
ROSTER: Final = in_every_order(_sql("roster", _STATISTICS))
ROSTER_AMONG: Final = among_few(ROSTER)
COUNT_AMONG: Final = _sql("count_among", _STATISTICS)
TAKE_IMPORT: Final = _sql("take_import", _IMPORTS)
FIND_IMPORT: Final = _sql("find_import", _IMPORTS)
NOTE_IMPORT: Final = _sql("note_import", _IMPORTS)
RELEASE_IMPORT: Final = _sql("release_import", _IMPORTS)
FORGET_IMPORT: Final = _sql("forget_import", _IMPORTS)
FORGET_IMPORTS: Final = _sql("forget_imports", _IMPORTS)
FORGET_OLD_IMPORTS: Final = _sql("forget_old_imports", _IMPORTS)
PUT_SIGN_IN_CODE: Final = _sql("put_sign_in_code", _CODES)
TAKE_SIGN_IN_CODE: Final = _sql("take_sign_in_code", _CODES)
FORGET_SIGN_IN_CODES: Final = _sql("forget_sign_in_codes", _CODES)
SWEEP_SIGN_IN_CODES: Final = _sql("sweep_sign_in_codes", _CODES)
