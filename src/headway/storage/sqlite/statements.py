"""The statements of `statements.sql`, `archive.sql` and `statistics.sql`, by name."""

from pathlib import Path
from typing import Final

import aiosql
from aiosql.queries import Queries

from headway.storage.rosters import in_every_order

_FOLDER: Final = Path(__file__).parent
_QUERIES: Final = aiosql.from_path(_FOLDER / "statements.sql", "apsw", mandatory_parameters=False)
_ARCHIVE: Final = aiosql.from_path(_FOLDER / "archive.sql", "apsw", mandatory_parameters=False)
_STATISTICS: Final = aiosql.from_path(_FOLDER / "statistics.sql", "apsw", mandatory_parameters=False)
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
TOUCH_COURSE_PROGRESS: Final = _sql("touch_course_progress")
COUNT_COURSES: Final = _sql("count_courses", _ARCHIVE)
COUNT_LESSON_ROWS: Final = _sql("count_lesson_rows", _ARCHIVE)
COUNT_STANDINGS: Final = _sql("count_standings", _ARCHIVE)
COUNT_DAYS: Final = _sql("count_days", _ARCHIVE)
DAYS_AFTER: Final = _sql("days_after", _ARCHIVE)
RAISE_REVISION: Final = _sql("raise_revision", _ARCHIVE)
COURSES_AFTER: Final = _sql("courses_after", _ARCHIVE)
LESSON_ROWS_AFTER: Final = _sql("lesson_rows_after", _ARCHIVE)
STANDINGS_AFTER: Final = _sql("standings_after", _ARCHIVE)
HOLD_LESSON_ROW: Final = _sql("hold_lesson_row", _ARCHIVE)
ADD_LESSON_STATISTICS: Final = _sql("add_lesson_statistics", _STATISTICS)
ADD_SCORES: Final = _sql("add_scores", _STATISTICS)
ADD_COURSE_STATISTICS: Final = _sql("add_course_statistics", _STATISTICS)
ADD_ACTIVITY: Final = _sql("add_activity", _STATISTICS)
PUT_LEARNER_DAY: Final = _sql("put_learner_day", _STATISTICS)
COURSE_COUNTS: Final = _sql("course_counts", _STATISTICS)
LESSON_COUNTS: Final = _sql("lesson_counts", _STATISTICS)
SCORES: Final = _sql("scores", _STATISTICS)
DAYS: Final = _sql("days", _STATISTICS)
ALL_COURSE_COUNTS: Final = _sql("all_course_counts", _STATISTICS)
ALL_LESSON_COUNTS: Final = _sql("all_lesson_counts", _STATISTICS)
ALL_SCORES: Final = _sql("all_scores", _STATISTICS)
ALL_DAYS: Final = _sql("all_days", _STATISTICS)
CATALOGUE_ORDER: Final = _sql("catalogue_order", _STATISTICS)
LEARNER_ROWS: Final = _sql("learner_rows", _STATISTICS)
LEARNER_STANDINGS: Final = _sql("learner_standings", _STATISTICS)
LEARNER_DAYS: Final = _sql("learner_days", _STATISTICS)
ERASE_ROWS: Final = _sql("erase_rows", _STATISTICS)
ERASE_STANDINGS: Final = _sql("erase_standings", _STATISTICS)
ERASE_DAYS: Final = _sql("erase_days", _STATISTICS)
BEGIN_REDERIVATION: Final = _sql("begin_rederivation", _STATISTICS)
REDERIVATION: Final = _sql("rederivation", _STATISTICS)
DERIVE_ANEW: Final = _sql("derive_anew", _STATISTICS)
FREE_REDERIVATION: Final = _sql("free_rederivation", _STATISTICS)
ADVANCE_REDERIVATION: Final = _sql("advance_rederivation", _STATISTICS)
FINISH_REDERIVATION: Final = _sql("finish_rederivation", _STATISTICS)
LEARNERS_TO_REDERIVE: Final = _sql("learners_to_rederive", _STATISTICS)
ROSTER_OF_INCOMPLETE: Final = _sql("roster_of_incomplete", _STATISTICS)
COURSES_TO_REDERIVE: Final = _sql("courses_to_rederive", _STATISTICS)
COUNT_ROWS_OF: Final = _sql("count_rows_of", _STATISTICS)
LEARNER_AT: Final = _sql("learner_at", _STATISTICS)
ROWS_BETWEEN: Final = _sql("rows_between", _STATISTICS)
STANDINGS_BETWEEN: Final = _sql("standings_between", _STATISTICS)
DAYS_BETWEEN: Final = _sql("days_between", _STATISTICS)
ROSTER: Final = in_every_order(_sql("roster", _STATISTICS))
TAKE_IMPORT: Final = _sql("take_import", _IMPORTS)
FIND_IMPORT: Final = _sql("find_import", _IMPORTS)
NOTE_IMPORT: Final = _sql("note_import", _IMPORTS)
RELEASE_IMPORT: Final = _sql("release_import", _IMPORTS)
FORGET_IMPORT: Final = _sql("forget_import", _IMPORTS)
FORGET_IMPORTS: Final = _sql("forget_imports", _IMPORTS)
FORGET_OLD_IMPORTS: Final = _sql("forget_old_imports", _IMPORTS)
