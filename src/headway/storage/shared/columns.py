"""The columns of the learners' tables, written once, in the order in which statements name them and rows are read.

Statements in .sql files name a table in braces, and `filled` writes its columns there:

- `{lesson_progress}`: the columns. `{lesson_progress:r}`: the columns of the alias `r`.
- `{lesson_progress:values}`: a parameter for each column. `{lesson_progress:arrays}`: an array for each column, with
  the column's type in PostgreSQL.
- `{lesson_progress:excluded}`: what an upsert sets, all columns but those of the key.

A parameter may be a list of ids. The databases read such a list in different ways (`IdLists`):

- `{ids:members}`: the ids of the parameter `members` as rows with the column `id`.
- `{ids:user_id in members}`: the condition that a column is one of them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from headway.domain.bounds import plain
from headway.domain.completions import Completion
from headway.domain.course_progress import EnrolmentSource, Tally
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId, ProgressId
from headway.domain.metadata import NO_METADATA
from headway.domain.notes import Note
from headway.domain.progress import NEVER_SET, LessonProgress, Status, progress_etag
from headway.domain.runs import EndedRun, Run
from headway.storage.shared.session import to_moment


class Table:
    """A table and its columns. The first `key` columns are the key. `columns` gives each column's PostgreSQL type."""

    def __init__(self, name: str, /, key: int, **columns: str) -> None:
        self.name = name
        self.columns = tuple(columns)
        self.key = self.columns[:key]
        self.types = columns

    def __format__(self, form: str) -> str:
        """Return the columns in one of the forms above."""
        if form == "values":
            return ", ".join(f":{column}" for column in self.columns)
        if form == "arrays":
            return ", ".join(f":{self.name}_{column}::{of}[]" for column, of in self.types.items())
        if form == "excluded":
            return ", ".join(f"{column} = excluded.{column}" for column in self.columns[len(self.key) :])
        return ", ".join(f"{form}.{column}" if form else column for column in self.columns)

    def indices(self, of: str) -> tuple[int, ...]:
        """Return where in a row the columns of a type are."""
        return tuple(index for index, column in enumerate(self.columns) if self.types[column] == of)


LESSON_PROGRESS: Final = Table(
    "lesson_progress",
    key=3,
    user_id="uuid",
    course_id="uuid",
    lesson_id="uuid",
    status="text",
    progress_percentage="double precision",
    video_position_seconds="double precision",
    quiz_score="double precision",
    quiz_attempts="integer",
    quiz_passed="boolean",
    time_spent_minutes="double precision",
    user_notes="text",
    is_bookmarked="boolean",
    metadata="json",
    id="uuid",
    completed_at="timestamptz",
    created_at="timestamptz",
    updated_at="timestamptz",
    version="bigint",
    written_by="uuid",
    worked_at="timestamptz",
    completed_by="uuid",
    set_at="text",
)
COURSE_PROGRESS: Final = Table(
    "course_progress",
    key=2,
    user_id="uuid",
    course_id="uuid",
    completed_lessons="integer",
    in_progress_lessons="integer",
    micro_minutes="bigint",
    last_accessed="timestamptz",
    course_version="bigint",
    revision="bigint",
    started_at="timestamptz",
    completed_at="timestamptz",
    day="date",
    day_lessons_started="integer",
    day_lessons_completed="integer",
    day_micro_minutes="bigint",
    day_completions="integer",
    at_lesson="uuid",
    enrolled_at="timestamptz",
    ended_at="timestamptz",
    due_at="timestamptz",
    sources="json",
    run="integer",
    run_began_at="timestamptz",
    removed_at="text",
)
RUNS: Final = Table(
    "runs",
    key=3,
    user_id="uuid",
    course_id="uuid",
    run="integer",
    began_at="timestamptz",
    started_at="timestamptz",
    completed_at="timestamptz",
    ended_at="timestamptz",
    due_at="timestamptz",
    last_accessed="timestamptz",
    course_version="bigint",
    total_lessons="integer",
    completed_lessons="integer",
    in_progress_lessons="integer",
    micro_minutes="bigint",
)
"""The runs that have ended. The column `lessons`, which is not among these, has their lesson progress."""
COMPLETIONS: Final = Table(
    "completions",
    key=3,
    user_id="uuid",
    course_id="uuid",
    completed_at="timestamptz",
    course_version="bigint",
    completion_percentage="double precision",
    score="double precision",
    expires_at="timestamptz",
)
LEARNER_DAYS: Final = Table(
    "learner_days",
    key=3,
    user_id="uuid",
    course_id="uuid",
    day="date",
    lessons_started="integer",
    lessons_completed="integer",
    micro_minutes="bigint",
    completions="integer",
)
PROFILES: Final = Table(
    "profiles",
    key=1,
    user_id="uuid",
    name="text",
    email="text",
    external_id="text",
    locale="text",
    time_zone="text",
    claimed="text",
    sort_key="bytea",
    words="text",
    version="bigint",
)
CONTENT_STATES: Final = Table(
    "content_states",
    key=3,
    user_id="uuid",
    course_id="uuid",
    lesson_id="uuid",
    run="integer",
    opened_at="timestamptz",
    reported_at="timestamptz",
    account="text",
    cmi="text",
    version="bigint",
)
GOALS: Final = Table("goals", key=1, user_id="uuid", days_per_week="smallint", since="date", version="bigint")
_EVENT: Final = {
    "id": "uuid",
    "type": "text",
    "at": "timestamptz",
    "course_id": "uuid",
    "lesson_id": "uuid",
    "actor": "text",
    "actor_id": "uuid",
    "old_values": "text",
    "new_values": "text",
}
EVENTS: Final = Table("events", key=0, user_id="uuid", **_EVENT)
"""The published events. The columns `feed` and `number`, which are not among these, are the key."""
UNPUBLISHED_EVENTS: Final = Table(
    "unpublished_events",
    key=2,
    user_id="uuid",
    **_EVENT,
    revision="bigint",
    position="integer",
    release_at="timestamptz",
)

EVENT_DELIVERIES: Final = Table(
    "event_deliveries",
    key=2,
    consumer_id="uuid",
    number="bigint",
    event_id="uuid",
    owner_id="uuid",
    next_attempt_at="timestamptz",
    state="text",
    attempts="integer",
    first_attempt_at="timestamptz",
    last_attempt_at="timestamptz",
    last_result="text",
)
WEBHOOKS: Final = Table(
    "webhooks",
    key=1,
    webhook_id="uuid",
    address="text",
    types="text",
    courses="text",
    in_groups="text",
    secrets="text",
    created_at="timestamptz",
    version="bigint",
    disabled_because="text",
    failing_since="timestamptz",
    resume_at="timestamptz",
)


class IdLists:
    """How a database reads a parameter that is a list of ids: as `rows`, and in a `condition` on a column."""

    def __init__(self, rows: str, condition: str) -> None:
        self._rows = rows
        self._condition = condition

    def __format__(self, form: str) -> str:
        """Return a list in one of the forms above."""
        column, _, name = form.rpartition(" in ")
        return self.condition(column, name) if column else self._rows.format(name=name)

    def condition(self, column: str, name: str) -> str:
        """Return the condition that a column is one of the ids in the parameter `name`."""
        return self._condition.format(column=column, name=name)


ARRAYS: Final = IdLists("unnest(:{name}::uuid[]) AS listed (id)", "{column} = ANY (:{name}::uuid[])")
JSON_LISTS: Final = IdLists(
    "(SELECT value AS id FROM json_each(:{name})) AS listed", "{column} IN (SELECT value FROM json_each(:{name}))"
)


def filled(sql: str, ids: IdLists = ARRAYS) -> str:
    """Return the text of a .sql file with the tables' columns and the lists of ids written out."""
    return sql.format(
        lesson_progress=LESSON_PROGRESS,
        course_progress=COURSE_PROGRESS,
        completions=COMPLETIONS,
        runs=RUNS,
        learner_days=LEARNER_DAYS,
        profiles=PROFILES,
        goals=GOALS,
        content_states=CONTENT_STATES,
        events=EVENTS,
        unpublished_events=UNPUBLISHED_EVENTS,
        event_deliveries=EVENT_DELIVERIES,
        webhooks=WEBHOOKS,
        ids=ids,
    )


def from_moments(moments: Mapping[str, int]) -> str | None:
    """Return the column of moments by name: a JSON object; `None` where there are none."""
    return orjson.dumps(moments).decode() if moments else None


def to_moments(column: str | None) -> Mapping[str, int]:
    """Return moments by name from their column."""
    return orjson.loads(column) if column else NEVER_SET


def from_sources(sources: tuple[EnrolmentSource, ...]) -> str | None:
    """Return the column of what enrols a learner: a JSON list; `None` where the first write did."""
    return orjson.dumps(sources, default=tuple).decode() if sources else None


def to_sources(column: str | None) -> tuple[EnrolmentSource, ...]:
    """Return what enrols a learner from its column."""
    return tuple(_to_source(*source) for source in orjson.loads(column)) if column else ()


def to_note(columns: Any) -> Note:
    """Return a note from five columns of `lesson_progress`."""
    course, lesson, text, progress, version = columns
    return Note(CourseId(str(course)), LessonId(str(lesson)), text, progress_etag(ProgressId(str(progress)), version))


def to_completion(columns: Any) -> Completion:
    """Return a row of `completions`."""
    learner, course, completed_at, version, percentage, score, expires_at = columns
    return Completion(
        LearnerId(str(learner)),
        CourseId(str(course)),
        to_moment(completed_at),
        version,
        plain(percentage),
        None if score is None else plain(score),
        None if expires_at is None else to_moment(expires_at),
    )


def from_run(ended: EndedRun) -> tuple[Any, ...]:
    """Return the columns of `runs`, then `lessons`: a JSON list with a list of the values of each lesson progress."""
    *values, tally = ended.run
    return (*values, *tally, orjson.dumps(ended.lessons, default=tuple).decode())


def to_run(columns: Any) -> Run:
    """Return a row of `runs`, without its lesson progress."""
    learner, course, number, *moments, version, total, completed, in_progress, micro_minutes = columns
    known = (None if moment is None else to_moment(moment) for moment in moments)
    tally = Tally(completed, in_progress, micro_minutes)
    return Run._make((LearnerId(str(learner)), CourseId(str(course)), number, *known, version, total, tally))


def to_lessons_of_run(column: str) -> list[LessonProgress]:
    """Return the lesson progress of a run that has ended."""
    return list(map(_to_lesson_of_run, orjson.loads(column)))


def to_ended_run(columns: Any) -> EndedRun:
    """Return a row of `runs` with its lesson progress."""
    *values, lessons = columns
    return EndedRun(to_run(values), to_lessons_of_run(lessons))


def _to_lesson_of_run(values: list[Any]) -> LessonProgress:
    for at in _LESSON_MOMENTS:
        if values[at] is not None:
            values[at] = datetime.fromisoformat(values[at])
    progress = LessonProgress(*values)  # runs that ended before a field was added lack its value
    return progress._replace(status=Status(progress.status), metadata=progress.metadata or NO_METADATA)


_LESSON_MOMENTS: Final = LESSON_PROGRESS.indices("timestamptz")


def _to_source(group_id: GroupId | None, starts_at: str | None, due_at: str | None) -> EnrolmentSource:
    moments = (datetime.fromisoformat(moment) if moment else None for moment in (starts_at, due_at))
    return EnrolmentSource(group_id, *moments)
