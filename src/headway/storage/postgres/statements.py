"""The statements of `statements.sql`, `archive.sql`, `statistics.sql` and `citus.sql`, by name."""

from pathlib import Path
from typing import Final

import aiosql
from aiosql.queries import Queries

from headway.storage.rosters import in_every_order

_FOLDER: Final = Path(__file__).parent
_QUERIES: Final = aiosql.from_path(_FOLDER / "statements.sql", "asyncpg", mandatory_parameters=False)
_ARCHIVE: Final = aiosql.from_path(_FOLDER / "archive.sql", "asyncpg", mandatory_parameters=False)
_STATISTICS: Final = aiosql.from_path(_FOLDER / "statistics.sql", "asyncpg", mandatory_parameters=False)
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
CATALOGUE_ORDER: Final = _sql("catalogue_order", _STATISTICS)
HOLD_COURSES: Final = _sql("hold_courses", _STATISTICS)
HOLD_STANDING: Final = _sql("hold_standing", _STATISTICS)
PUT_STANDING: Final = _sql("put_standing", _STATISTICS)
LEARNER_ROWS: Final = _sql("learner_rows", _STATISTICS)
LEARNER_STANDINGS: Final = _sql("learner_standings", _STATISTICS)
LEARNER_DAYS: Final = _sql("learner_days", _STATISTICS)
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
TAKE_IMPORT: Final = _sql("take_import", _IMPORTS)
FIND_IMPORT: Final = _sql("find_import", _IMPORTS)
NOTE_IMPORT: Final = _sql("note_import", _IMPORTS)
RELEASE_IMPORT: Final = _sql("release_import", _IMPORTS)
FORGET_IMPORT: Final = _sql("forget_import", _IMPORTS)
FORGET_IMPORTS: Final = _sql("forget_imports", _IMPORTS)
FORGET_OLD_IMPORTS: Final = _sql("forget_old_imports", _IMPORTS)
