"""The statements of the SQL files in this folder, and those of rosters, by name."""

from pathlib import Path
from typing import Final

from aiosql.queries import Queries

from headway.storage.shared.attention_statements import AttentionDialect, AttentionWay, attention_statements
from headway.storage.shared.columns import JSON_LISTS
from headway.storage.shared.counts import CountStatements
from headway.storage.shared.course_figures import course_figure_statements
from headway.storage.shared.events import event_statements
from headway.storage.shared.groups import group_statements
from headway.storage.shared.profile_statements import profile_statements
from headway.storage.shared.queries import read_queries, text_of
from headway.storage.shared.roster_statements import Dialect, roster_statements

_FOLDER: Final = Path(__file__).parent
_QUERIES: Final = read_queries("apsw", _FOLDER / "statements.sql")
_STATISTICS: Final = read_queries("apsw", _FOLDER / "statistics.sql")
_PROMISED: Final = read_queries("apsw", _FOLDER / "promised.sql")


def _sql(name: str, queries: Queries = _QUERIES) -> str:
    return text_of(queries, name)


PROBE: Final = _sql("probe")
COURSE_VERSION: Final = _sql("course_version")
COURSE_LESSONS: Final = _sql("course_lessons")
COURSE_OUTLINES: Final = _sql("course_outlines")
NEXT_REVISION: Final = _sql("next_revision")
COURSES_WITHOUT_KEY: Final = _sql("courses_without_key")
PUT_LESSON: Final = _sql("put_lesson")
PUT_LESSON_PROGRESS: Final = _sql("put_lesson_progress")
TOUCH_LESSON_PROGRESS: Final = _sql("touch_lesson_progress")
REMOVE_LESSON_PROGRESS: Final = _sql("remove_lesson_progress")
COURSE_PROGRESS: Final = _sql("course_progress")
COURSE_VERSION_AND_PROGRESS: Final = _sql("course_version_and_progress")
LESSONS_STAMP: Final = _sql("lessons_stamp")
ENROLMENTS_AMONG: Final = _sql("enrolments_among")
LEARNER_COURSES: Final = _sql("learner_courses")
PUT_COURSE_PROGRESS: Final = _sql("put_course_progress")
TOUCH_COURSE_PROGRESS: Final = _sql("touch_course_progress")
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
CATALOGUE_PAGE: Final = _sql("catalogue_page", _STATISTICS)
REMOVE_LEARNER_DAY: Final = _sql("remove_learner_day", _STATISTICS)
ACTIVE_DAYS: Final = _sql("active_days", _STATISTICS)
ERASE_LESSON_PROGRESS: Final = _sql("erase_lesson_progress", _STATISTICS)
ERASE_COURSE_PROGRESS: Final = _sql("erase_course_progress", _STATISTICS)
PUT_COMPLETION: Final = _sql("put_completion", _STATISTICS)
KEEP_RUN: Final = _sql("keep_run", _STATISTICS)
PUT_UNPUBLISHED_EVENT: Final = _sql("put_unpublished_event", _STATISTICS)
TAKE_NUMBERS: Final = _sql("take_numbers", _STATISTICS)
PUT_RUN: Final = _sql("put_run", _STATISTICS)
ERASE_DAYS: Final = _sql("erase_days", _STATISTICS)
COUNT_LESSON_PROGRESS_OF: Final = _sql("count_lesson_progress_of", _STATISTICS)
LEARNER_AT: Final = _sql("learner_at", _STATISTICS)
LESSON_PROGRESS_BETWEEN: Final = _sql("lesson_progress_between", _STATISTICS)
COURSE_PROGRESS_BETWEEN: Final = _sql("course_progress_between", _STATISTICS)
DAYS_BETWEEN: Final = _sql("days_between", _STATISTICS)
GROUPS: Final = group_statements(JSON_LISTS)
EVENTS: Final = event_statements(JSON_LISTS)
_DIALECT: Final = Dialect(
    lambda name, _kind: f":{name}",
    after_all_days="'~'",
    ids=JSON_LISTS,
    position=lambda text, name: f"instr({text}, :{name})",
    unnamed="x'ff'",
    each_word=("listed.value", "CROSS JOIN json_each(:words) AS listed"),
)
ROSTERS: Final = roster_statements(_DIALECT)
PROFILES: Final = profile_statements(_DIALECT)
COURSE_FIGURES: Final = course_figure_statements(JSON_LISTS)
ATTENTION: Final = attention_statements(
    AttentionDialect((AttentionWay.IN_COURSE, AttentionWay.MEMBERS), JSON_LISTS, lambda index: f"INDEXED BY {index}")
)
COUNTS: Final = CountStatements(COURSE_COUNTS, LESSON_COUNTS, SCORES, DAYS)
ALL_COUNTS: Final = CountStatements(ALL_COURSE_COUNTS, ALL_LESSON_COUNTS, ALL_SCORES, ALL_DAYS)
SET_ASIDE: Final = _sql("set_aside", _PROMISED)
LAST_SET_ASIDE: Final = _sql("last_set_aside", _PROMISED)
REMOVE_SET_ASIDE: Final = _sql("remove_set_aside", _PROMISED)
PROMISE: Final = _sql("promise", _PROMISED)
ANY_PROMISED: Final = _sql("any_promised", _PROMISED)
FIRST_PROMISED: Final = _sql("first_promised", _PROMISED)
PROMISED_TO: Final = _sql("promised_to", _PROMISED)
REMOVE_PROMISED: Final = _sql("remove_promised", _PROMISED)
FORGET_PROMISES: Final = _sql("forget_promises", _PROMISED)
