"""The statements of the SQL files in this folder, and those of rosters, by name."""

from pathlib import Path
from typing import Final

from aiosql.queries import Queries

from headway.storage.shared.attention_statements import AttentionDialect, AttentionWay, attention_statements
from headway.storage.shared.columns import ARRAYS
from headway.storage.shared.counts import CountStatements
from headway.storage.shared.course_figures import course_figure_statements
from headway.storage.shared.events import event_statements
from headway.storage.shared.groups import group_statements
from headway.storage.shared.profile_statements import profile_statements
from headway.storage.shared.queries import parts_of, read_queries, text_of
from headway.storage.shared.roster_statements import Dialect, roster_statements

_FOLDER: Final = Path(__file__).parent
_QUERIES: Final = read_queries("asyncpg", _FOLDER / "statements.sql")
_ARCHIVE: Final = read_queries("asyncpg", _FOLDER / "archive.sql")
_STATISTICS: Final = read_queries("asyncpg", _FOLDER / "statistics.sql")


def _sql(name: str, queries: Queries = _QUERIES) -> str:
    return text_of(queries, name)


def _of_some(sql: str, condition: str) -> str:
    """Return a statement over all courses, limited by a condition, so that its columns are written only once."""
    return sql.replace("GROUP BY", f"{condition}\nGROUP BY")


PROBE: Final = _sql("probe")
KEPT_VERSIONS: Final = _sql("kept_versions")
LESSONS_OF_COURSES: Final = _sql("lessons_of_courses")
COURSE_OUTLINES: Final = _sql("course_outlines")
NEXT_REVISION: Final = _sql("next_revision")
ANNOUNCE: Final = _sql("announce")
COURSES_WITHOUT_KEY: Final = _sql("courses_without_key")
PUT_LESSONS: Final = _sql("put_lessons")
LESSON_PROGRESS_AT: Final = _sql("lesson_progress_at")
LESSON_AND_COURSE_PROGRESS_AT: Final = _sql("lesson_and_course_progress_at")
LESSON_PROGRESS_OF: Final = _sql("lesson_progress_of")
COURSE_PROGRESS_OF: Final = _sql("course_progress_of")
COURSE_PROGRESS_AMONG: Final = _sql("course_progress_among")
ENROLMENTS_AMONG: Final = _sql("enrolments_among")
LEARNER_COURSES: Final = _sql("learner_courses")
STORE_WRITES: Final = _sql("store_writes")
PASS_GATES: Final = parts_of(STORE_WRITES)[0].statement
STORE_REPORTS: Final = _sql("store_reports")
REMOVE_LESSON_PROGRESS_AT: Final = _sql("remove_lesson_progress_at")
HOLD_LESSON_PROGRESS: Final = _sql("hold_lesson_progress", _ARCHIVE)
HOLD_COURSE_PROGRESS: Final = _sql("hold_course_progress", _ARCHIVE)
LESSON_PROGRESS_AFTER: Final = _sql("lesson_progress_after", _ARCHIVE)
COURSE_PROGRESS_AFTER: Final = _sql("course_progress_after", _ARCHIVE)
COMPLETIONS_AFTER: Final = _sql("completions_after", _ARCHIVE)
RUNS_AFTER: Final = _sql("runs_after", _ARCHIVE)
DAYS_AFTER: Final = _sql("days_after", _ARCHIVE)
ADD_COUNTERS: Final = _sql("add_counters", _STATISTICS)
COUNTER_PARTS: Final = parts_of(ADD_COUNTERS)
PUT_COMPLETIONS: Final = _sql("put_completions", _STATISTICS)
KEEP_RUNS: Final = _sql("keep_runs", _STATISTICS)
PUT_UNPUBLISHED_EVENTS: Final = _sql("put_unpublished_events", _STATISTICS)
PUT_RUNS: Final = _sql("put_runs", _STATISTICS)
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
LOCK_COURSE: Final = _sql("lock_course", _STATISTICS)
FREE_COURSES: Final = _sql("free_courses", _STATISTICS)
FREE_GATE: Final = _sql("free_gate", _STATISTICS)
LOCK_COURSE_PROGRESS: Final = _sql("lock_course_progress", _STATISTICS)
LEARNER_DAYS_OF: Final = _sql("learner_days_of", _STATISTICS)
REMOVE_LEARNER_DAYS_AT: Final = _sql("remove_learner_days_at", _STATISTICS)
ACTIVE_DAYS: Final = _sql("active_days", _STATISTICS)
NOTE_ERASURE: Final = _sql("note_erasure", _STATISTICS)
ANNOUNCE_ERASURE: Final = _sql("announce_erasure", _STATISTICS)
FIND_ERASED: Final = _sql("find_erased", _STATISTICS)
SWEEP_COURSE_PROGRESS: Final = _sql("sweep_course_progress", _STATISTICS)
SWEEP_ERASED: Final = _sql("sweep_erased", _STATISTICS)
COUNT_LESSON_PROGRESS_OF: Final = _sql("count_lesson_progress_of", _STATISTICS)
GROUP_IN_MEMORY: Final = _sql("group_in_memory", _STATISTICS)
LEARNER_AT: Final = _sql("learner_at", _STATISTICS)
SHAPES_BETWEEN: Final = _sql("shapes_between", _STATISTICS)
TALLIES_BETWEEN: Final = _sql("tallies_between", _STATISTICS)
COURSE_PROGRESS_BETWEEN: Final = _sql("course_progress_between", _STATISTICS)
DAYS_BETWEEN: Final = _sql("days_between", _STATISTICS)
EVENTS: Final = event_statements(ARRAYS)
GROUPS: Final = group_statements(ARRAYS)
_DIALECT: Final = Dialect(
    lambda name, kind: f":{name}::{kind}",
    after_all_days="'infinity'",
    ids=ARRAYS,
    position=lambda text, name: f"strpos({text}, :{name}::text)",
    unnamed=r"'\xff'::bytea",
    each_word=("unnest(:words::text[])", ""),
)
ROSTERS: Final = roster_statements(_DIALECT)
PROFILES: Final = profile_statements(_DIALECT)
COURSE_FIGURES: Final = course_figure_statements(ARRAYS)
ATTENTION: Final = attention_statements(
    AttentionDialect((AttentionWay.IN_EACH, AttentionWay.TOGETHER, AttentionWay.MEMBERS), ARRAYS, lambda _index: "")
)
COUNTS: Final = CountStatements(COURSE_COUNTS, LESSON_COUNTS, SCORES, DAYS)
ALL_COUNTS: Final = CountStatements(ALL_COURSE_COUNTS, ALL_LESSON_COUNTS, ALL_SCORES, ALL_DAYS)
