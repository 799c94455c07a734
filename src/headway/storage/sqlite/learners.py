"""Everything that is stored about one learner."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime

import apsw

from headway.domain import removals
from headway.domain.change_sets import ChangeSet
from headway.domain.continuing import TouchedLesson
from headway.domain.counters import Counters
from headway.domain.course_progress import LearnerDay
from headway.domain.dating import microseconds
from headway.domain.events import NOT_RECORDED, Recording, erased_event
from headway.domain.holdings import LearnerRecord
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.notes import Note
from headway.domain.progress import LessonProgress
from headway.domain.runs import EndedRun
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.columns import to_completion, to_ended_run, to_note
from headway.storage.shared.events import forget_learner
from headway.storage.shared.groups import leave_groups, to_outlines
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.figures import store_counters
from headway.storage.sqlite.progress_table import store_events
from headway.storage.sqlite.rows import (
    Columns,
    fetch,
    fetch_one,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
    to_touched_lesson,
)
from headway.storage.sqlite.session import run


def record_of(
    connection: apsw.Connection, learner_id: LearnerId, each: Callable[[Iterable[Columns]], Iterable[Columns]] = iter
) -> LearnerRecord:
    """Return everything about a learner. `each` iterates over long rows, for example with pauses."""
    runs = list(map(to_ended_run, each(fetch(connection, shared_sql.RUNS_OF, learner_id))))
    return _record_without_runs(connection, learner_id, each)._replace(runs=runs)


def _record_without_runs(
    connection: apsw.Connection, learner_id: LearnerId, each: Callable[[Iterable[Columns]], Iterable[Columns]] = iter
) -> LearnerRecord:
    held = [to_held_day(columns) for columns in fetch(connection, shared_sql.LEARNER_DAYS, learner_id)]
    all_course_progress = fetch(connection, shared_sql.LEARNER_COURSE_PROGRESS, learner_id)
    return LearnerRecord(
        [
            to_lesson_progress(columns)
            for columns in each(fetch(connection, shared_sql.LEARNER_LESSON_PROGRESS, learner_id))
        ],
        [
            course_progress
            for course_progress in map(to_course_progress, all_course_progress)
            if not course_progress.is_empty
        ],
        [(day.course_id, day.day) for day in held],
        list(map(to_completion, fetch(connection, shared_sql.COMPLETIONS_OF, learner_id))),
        to_outlines(fetch(connection, sql.GROUPS.of_learner, learner_id)),
    )


def touched_lessons(connection: apsw.Connection, learner_id: LearnerId) -> list[TouchedLesson]:
    """Return every lesson in which the learner has progress."""
    return [to_touched_lesson(columns) for columns in fetch(connection, shared_sql.TOUCHED_LESSONS, learner_id)]


def notes_of(connection: apsw.Connection, learner_id: LearnerId, limit: int) -> list[Note]:
    """Return the learner's notes that changed last."""
    return [to_note(columns) for columns in fetch(connection, shared_sql.NOTES_OF, learner_id, limit)]


def active_days(
    connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId | None, first: date
) -> list[LearnerDay]:
    """Return the learner's active days from `first` on, in one course or in all (`None`)."""
    found = fetch(connection, sql.ACTIVE_DAYS, learner_id, course_id, first.isoformat())
    return [to_held_day(columns).day for columns in found]


def ended_run(connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, number: int) -> EndedRun | None:
    """Return a run that has ended, with its lesson progress."""
    columns = fetch_one(connection, shared_sql.RUN_OF, learner_id, course_id, number)
    return to_ended_run(columns) if columns else None


def erase(
    connection: apsw.Connection, learner_id: LearnerId, now: datetime, recording: Recording = NOT_RECORDED
) -> bool:
    """Remove everything about a learner, also from the counters, and return whether there was anything."""
    record = _record_without_runs(connection, learner_id)
    counters = Counters()
    for change in _erased(learner_id, record, now):
        change.add_to(counters)
    store_counters(connection, counters)
    for statement in (
        sql.ERASE_LESSON_PROGRESS,
        sql.ERASE_COURSE_PROGRESS,
        sql.ERASE_DAYS,
        shared_sql.ERASE_COMPLETIONS,
        shared_sql.ERASE_RUNS,
    ):
        fetch(connection, statement, learner_id)
    run(connection, leave_groups(sql.GROUPS, learner_id, now))
    run(connection, forget_learner(sql.EVENTS, learner_id))
    if recording.is_on:
        store_events(connection, [([erased_event(learner_id, now)], microseconds(now))])
    return any(record)


def _erased(learner_id: LearnerId, record: LearnerRecord, now: datetime) -> Iterator[ChangeSet]:
    """Yield what is removed, course by course."""
    all_course_progress = {course_progress.course_id: course_progress for course_progress in record.course_progress}
    lessons: dict[CourseId, list[LessonProgress]] = {}
    for progress in record.lesson_progress:
        lessons.setdefault(progress.course_id, []).append(progress)
    days: dict[CourseId, list[LearnerDay]] = {}
    for course_id, day in record.days:
        days.setdefault(course_id, []).append(day)
    for course_id in {**all_course_progress, **lessons, **days}:
        key = learner_id, course_id
        yield removals.erase(
            key, all_course_progress.get(course_id), lessons.get(course_id, ()), days.get(course_id, ()), now
        )
