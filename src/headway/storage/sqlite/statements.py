"""The statements of `statements.sql`, by name."""

from pathlib import Path
from typing import Final

import aiosql

_QUERIES: Final = aiosql.from_path(Path(__file__).with_name("statements.sql"), "apsw", mandatory_parameters=False)


def _sql(name: str) -> str:
    """The text of a statement: apsw caches prepared statements by it, so a call costs no parsing."""
    text: str = getattr(_QUERIES, name).sql
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
