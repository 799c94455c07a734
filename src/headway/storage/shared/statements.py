"""The statements of the SQL files in this folder, by name.

Their text is the same for both databases: SQLite accepts parameters in PostgreSQL's notation, and numbers them by where
they first appear.
"""

from pathlib import Path
from typing import Final

from headway.storage.shared.queries import read_queries, text_of

_QUERIES: Final = read_queries("asyncpg", *sorted(Path(__file__).parent.glob("*.sql")))


def _sql(name: str) -> str:
    return text_of(_QUERIES, name)


TAKE_IMPORT: Final = _sql("take_import")
FIND_IMPORT: Final = _sql("find_import")
NOTE_IMPORT: Final = _sql("note_import")
RELEASE_IMPORT: Final = _sql("release_import")
FORGET_IMPORT: Final = _sql("forget_import")
FORGET_IMPORTS: Final = _sql("forget_imports")
FIND_OLD_IMPORT: Final = _sql("find_old_import")
FORGET_OLD_IMPORTS: Final = _sql("forget_old_imports")
PUT_SIGN_IN_CODE: Final = _sql("put_sign_in_code")
FIND_SIGN_IN_CODE: Final = _sql("find_sign_in_code")
TAKE_SIGN_IN_CODE: Final = _sql("take_sign_in_code")
FORGET_SIGN_IN_CODES: Final = _sql("forget_sign_in_codes")
FIND_OLD_SIGN_IN_CODE: Final = _sql("find_old_sign_in_code")
SWEEP_SIGN_IN_CODES: Final = _sql("sweep_sign_in_codes")
BEGIN_RECALCULATION: Final = _sql("begin_recalculation")
RECALCULATION: Final = _sql("recalculation")
FREE_RECALCULATION: Final = _sql("free_recalculation")
TAKE_RECALCULATION: Final = _sql("take_recalculation")
ADVANCE_RECALCULATION: Final = _sql("advance_recalculation")
FINISH_RECALCULATION: Final = _sql("finish_recalculation")
REMOVE_RECALCULATION: Final = _sql("remove_recalculation")
LEARNERS_TO_RECALCULATE: Final = _sql("learners_to_recalculate")
COURSES_TO_RECALCULATE: Final = _sql("courses_to_recalculate")
COUNT_AMONG: Final = _sql("count_among")
LEARNERS_AMONG: Final = _sql("learners_among")
COUNT_AT: Final = _sql("count_at")
PUT_COURSE: Final = _sql("put_course")
PUT_SORT_KEY: Final = _sql("put_sort_key")
REMOVE_LESSONS: Final = _sql("remove_lessons")
REMOVE_COURSE: Final = _sql("remove_course")
ONE_LESSON_PROGRESS: Final = _sql("one_lesson_progress")
LEARNER_LESSON_PROGRESS_IN: Final = _sql("learner_lesson_progress_in")
TOUCHED_LESSONS: Final = _sql("touched_lessons")
NOTES_OF: Final = _sql("notes_of")
LEARNER_LESSON_PROGRESS: Final = _sql("learner_lesson_progress")
LEARNER_COURSE_PROGRESS: Final = _sql("learner_course_progress")
LEARNER_DAYS: Final = _sql("learner_days")
LEARNER_DAYS_IN: Final = _sql("learner_days_in")
COMPLETIONS_OF: Final = _sql("completions_of")
COMPLETIONS_FROM: Final = _sql("completions_from")
ERASE_COMPLETIONS: Final = _sql("erase_completions")
RUNS_IN: Final = _sql("runs_in")
RUN_OF: Final = _sql("run_of")
RUNS_OF: Final = _sql("runs_of")
RUNS_FROM: Final = _sql("runs_from")
ERASE_RUNS: Final = _sql("erase_runs")
ENROLMENTS_IN: Final = _sql("enrolments_in")
ENROLMENTS_OF: Final = _sql("enrolments_of")
COUNT_NEWLY_ENROLLED: Final = _sql("count_newly_enrolled")
COUNT_NEWLY_STARTED: Final = _sql("count_newly_started")
COUNT_NEWLY_COMPLETED: Final = _sql("count_newly_completed")
COUNT_LATE: Final = _sql("count_late")
COUNT_NO_LONGER_LATE: Final = _sql("count_no_longer_late")
FIND_PROFILE: Final = _sql("find_profile")
PROFILES_FROM: Final = _sql("profiles_from")
ADD_PROFILE: Final = _sql("add_profile")
CHANGE_PROFILE: Final = _sql("change_profile")
HOLD_PROFILE: Final = _sql("hold_profile")
REMOVE_PROFILE: Final = _sql("remove_profile")
FORGET_WORDS: Final = _sql("forget_words")
COUNT_WORDS: Final = _sql("count_words")
LEARNERS_WITH_WORD: Final = _sql("learners_with_word")
FIND_GOAL: Final = _sql("find_goal")
GOALS_FROM: Final = _sql("goals_from")
PUT_GOAL: Final = _sql("put_goal")
RESTORE_GOAL: Final = _sql("restore_goal")
HOLD_GOAL: Final = _sql("hold_goal")
REMOVE_GOAL: Final = _sql("remove_goal")
REVISION: Final = _sql("revision")
RAISE_REVISION: Final = _sql("raise_revision")
COURSES_FROM: Final = _sql("courses_from")
LESSON_PROGRESS_FROM: Final = _sql("lesson_progress_from")
COURSE_PROGRESS_FROM: Final = _sql("course_progress_from")
DAYS_FROM: Final = _sql("days_from")
COUNT_LESSON_PROGRESS: Final = _sql("count_lesson_progress")
_KINDS: Final = (
    "courses", "lesson_progress", "course_progress", "days", "completions", "runs", "groups", "profiles", "goals",
    "events", "unpublished_events",
)  # fmt: skip
HOLDINGS: Final = tuple(_sql(f"count_{kind}") for kind in _KINDS)
"""The statements that count everything, in the order of `Holdings`."""
