"""Stores a batch of regular reports with one statement, in one round trip, instead of a transaction of four.

Nearly every batch has regular reports of players alone (`storage/shared/reports.py`). The statement stores all of them,
or none where another process has changed the course progress of one. What it needs is a third of the columns.
"""

from collections.abc import Sequence
from typing import Any

from headway.domain.change_sets import ChangeSet
from headway.domain.counters import Counters
from headway.storage.postgres import statements as sql
from headway.storage.postgres.database import Database
from headway.storage.postgres.rows import columns_of


async def store_reports(database: Database, slot: int, changes: Sequence[ChangeSet]) -> bool:
    """Store regular reports, ordered by learner and course. Returns `False` where it has stored none.

    Raises `StoreUnavailableError`, and `LockedElsewhereError` where another program has locked one of them.
    """
    counters = Counters()
    for change in changes:
        change.add_to(counters)
    parameters = (*_course_progress(changes), *_lesson_progress(changes), slot, *_times(counters))
    [[is_stored]] = await database.change(sql.STORE_REPORTS, *parameters, waits_for_locks=False)
    return bool(is_stored)


def _course_progress(changes: Sequence[ChangeSet]) -> Sequence[Sequence[Any]]:
    """Return the columns of the course progress that a report changes, each with all values."""
    return columns_of(
        [
            (
                change.learner_id, change.course_id, before.revision, after.course_version,
                after.tally.in_progress_lessons, after.tally.micro_minutes, after.last_accessed, after.revision,
                after.day.micro_minutes,
            )
            for change in changes
            for before, after in [(change.before, change.after)]
            if before is not None and after is not None
        ],
        9,
    )  # fmt: skip


def _lesson_progress(changes: Sequence[ChangeSet]) -> Sequence[Sequence[Any]]:
    """Return the columns of the lesson progress that a report changes, each with all values."""
    return columns_of(
        [
            (
                after.learner_id, after.course_id, after.lesson_id, after.progress_percentage,
                after.video_position_seconds, after.time_spent_minutes, after.updated_at, after.version,
                after.worked_at,
            )
            for change in changes
            for _, _, after in change.lessons
            if after is not None
        ],
        9,
    )  # fmt: skip


def _times(counters: Counters) -> Sequence[Sequence[Any]]:
    """Return the time by lesson, then the time by day."""
    lessons = [(*key, counts.micro_minutes) for key, counts in counters.lessons.items()]
    days = [(*key, counts.micro_minutes) for key, counts in counters.days.items()]
    return (*columns_of(lessons, 3), *columns_of(days, 3))
