"""The tables of lesson progress and course progress."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

import apsw

from headway.domain.catalogue import VersionedCourse
from headway.domain.change_sets import ChangeSet
from headway.domain.changes import (
    Changes,
    Lessons,
    Newcomers,
    Outcome,
    Work,
    by_learner_and_course,
    is_only_enrolment,
    needs,
)
from headway.domain.counters import Counters
from headway.domain.course_progress import CourseProgress, LessonsStamp, recount
from headway.domain.enrolments import Enforcement
from headway.domain.errors import CourseNotFoundError
from headway.domain.events import AT_ONCE, NOT_RECORDED, NewEvent, Recording
from headway.domain.holdings import (
    FEW_CHARACTERS,
    CourseProgressKey,
    CourseProgressReading,
    HeldDay,
    LessonReading,
    LessonsReading,
)
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.presence import NO_DAYS, days_begun
from headway.domain.progress import LessonProgress
from headway.domain.removals import Restart, restart
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.columns import LESSON_PROGRESS, from_run
from headway.storage.shared.events import from_event, from_new_events
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import Catalogue
from headway.storage.sqlite.recent import Recent
from headway.storage.sqlite.rows import (
    bound,
    fetch,
    fetch_one,
    from_held_day,
    to_course_progress,
    to_held_day,
    to_lesson_progress,
)
from headway.turns import gently

_NOTES: Final = LESSON_PROGRESS.columns.index("user_notes")
_METADATA: Final = LESSON_PROGRESS.columns.index("metadata")


class TooLargeError(Exception):
    """There is too much to read on the event loop."""


class _Batch(NamedTuple):
    """One transaction: its connection, its moment, and the latest date that has begun then in any time zone."""

    connection: apsw.Connection
    now: datetime
    latest: date
    newcomers: Newcomers


class ProgressTable:
    """Reads and writes progress in the caller's transaction. Only writes use `recent`."""

    def __init__(
        self, catalogue: Catalogue, recent: Recent, enforced: Enforcement, recording: Recording = NOT_RECORDED
    ) -> None:
        self._catalogue = catalogue
        self._recent = recent
        self._enforced = enforced
        self._recording = recording

    def lesson(
        self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId
    ) -> LessonReading:
        """Return the learner's progress in one lesson."""
        course = self._catalogue.course(connection, course_id).course
        return LessonReading(course, lesson_progress_of(connection, learner_id, course_id, lesson_id))

    def lessons(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> LessonsReading:
        """Return all of the learner's lesson progress in a course. Runs in a thread, because it may be much."""
        course = self._catalogue.course(connection, course_id).course
        found = fetch(connection, shared_sql.LEARNER_LESSON_PROGRESS_IN, learner_id, course_id)
        return LessonsReading(course, [to_lesson_progress(columns) for columns in gently(found)])

    def few_lessons(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> LessonsReading:
        """Return the same as `lessons`. Raises `TooLargeError` where that would block the event loop for long."""
        course = self._catalogue.course(connection, course_id).course
        return LessonsReading(course, _few_lesson_progress_of(connection, learner_id, course_id))

    def stamp(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> LessonsStamp:
        """Return the stamp of the learner's lesson progress in a course."""
        columns = fetch_one(connection, sql.LESSONS_STAMP, learner_id, course_id)
        if columns is None:
            raise CourseNotFoundError(course_id)
        return LessonsStamp(*columns)

    def course(self, connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId) -> CourseProgressReading:
        """Return the learner's course progress under the course's present version."""
        columns = fetch_one(connection, sql.COURSE_VERSION_AND_PROGRESS, learner_id, course_id)
        if columns is None:
            raise CourseNotFoundError(course_id)
        version, learner, *_ = columns
        found = self._catalogue.at(connection, course_id, version)
        progress = to_course_progress(columns[1:]) if learner else None
        if progress is None or not progress.is_listed:
            return CourseProgressReading(found.course, None)
        if progress.course_version != version:
            lessons = all_lesson_progress_of(connection, learner_id, course_id)
            progress = progress._replace(tally=recount(found.course, lessons), course_version=version)
        return CourseProgressReading(found.course, progress)

    def courses(self, connection: apsw.Connection, learner_id: LearnerId) -> Sequence[CourseProgressReading]:
        """Return the learner's course progress in every course of the catalogue, the last accessed first."""
        return [
            self.course(connection, learner_id, course_id)
            for (course_id,) in fetch(connection, sql.LEARNER_COURSES, learner_id)
        ]

    def write(
        self, connection: apsw.Connection, works: Sequence[Work], now: datetime, counters: Counters
    ) -> Sequence[Outcome]:
        """Decide works in their order, store their changes, and return the result of each.

        Their changes of the counters are added to `counters`.
        """
        outcomes: list[Outcome] = [None] * len(works)
        batch = _Batch(connection, now, days_begun(now), Newcomers(now, self._recording))
        changes: list[ChangeSet] = []
        for key, positions in by_learner_and_course(works).items():
            some = [works[position] for position in positions]
            for position, outcome in zip(positions, self._decide(batch, key, some, changes), strict=True):
                outcomes[position] = outcome
        self._store(connection, changes, counters)
        return outcomes

    def restart(self, connection: apsw.Connection, asked: Restart, now: datetime, counters: Counters) -> None:
        """Remove all of the learner's lesson progress in a course. Raises `OtherRunError`."""
        self._catalogue.course(connection, asked.course_id)
        key = asked.learner_id, asked.course_id
        progress = course_progress_of(connection, *key)
        if progress is not None:
            lessons = all_lesson_progress_of(connection, *key)
            self._store(connection, [restart(asked, progress, lessons, now, self._recording)], counters)

    def _decide(
        self, batch: "_Batch", key: CourseProgressKey, works: Sequence[Work], changes: list[ChangeSet]
    ) -> Sequence[Outcome]:
        """Decide works of one learner in one course, and add what they change to `changes`."""
        connection, now, _, newcomers = batch
        try:
            course = self._recent.course(connection, key[1])
        except CourseNotFoundError as refusal:
            return [refusal] * len(works)
        progress = self._recent.course_progress(connection, *key)
        if progress is None and is_only_enrolment(works):
            change = newcomers.enrol(course, works[0])
            changes.append(change)
            return [change.after]
        deciding = self._read(batch, key, course, progress, works)
        outcomes = [deciding.decide(work, now) for work in works]
        changes.append(deciding.change_set())
        return outcomes

    def _read(
        self,
        batch: "_Batch",
        key: CourseProgressKey,
        course: VersionedCourse,
        progress: CourseProgress | None,
        works: Sequence[Work],
    ) -> Changes:
        """Read what else is needed to decide the works."""
        connection = batch.connection
        asked = needs(works, course, progress, batch.latest, self._enforced)
        lessons: Lessons
        if asked.all_lessons:
            lessons = {one.lesson_id: one for one in all_lesson_progress_of(connection, *key)}
        else:
            lessons = {one: self._recent.lesson_progress(connection, *key, one) for one in asked.lessons}
        days = NO_DAYS
        if asked.days:
            held = fetch(connection, shared_sql.LEARNER_DAYS_IN, *key)
            days = {day.date: day for _, _, day in map(to_held_day, held)}
        return Changes(course, key[0], progress, lessons, days, self._enforced, self._recording)

    def _store(self, connection: apsw.Connection, changes: Sequence[ChangeSet], counters: Counters) -> None:
        """Store changes, of which no two have the same learner and course."""
        self._recent.store(connection, changes)
        stored = [change for change in changes if change.stored_progress is not None]
        for change in stored:
            if change.days or change.completions or change.ended_runs:
                _store_history(connection, change)
            change.add_to(counters)
        told = [(change.events, change.after.revision) for change in stored if change.events and change.after]
        if told:
            store_events(connection, told)


def _store_history(connection: apsw.Connection, change: ChangeSet) -> None:
    """Store the finished days, the completions and the ended runs of a change."""
    key = change.learner_id, change.course_id
    for day in change.stored_days:
        fetch(connection, sql.PUT_LEARNER_DAY, *from_held_day(HeldDay(*key, day)))
    for moment in change.removed_days:
        fetch(connection, sql.REMOVE_LEARNER_DAY, *key, moment.isoformat())
    for completion in change.completions:
        kept = completion.kept(all_lesson_progress_of(connection, *key))
        fetch(connection, sql.PUT_COMPLETION, *map(bound, kept))
    for ended in change.ended_runs:
        fetch(connection, sql.KEEP_RUN, *map(bound, from_run(ended)))


def store_events(connection: apsw.Connection, told: Sequence[tuple[Sequence[NewEvent], int]]) -> None:
    """Store the events of changes, each with its revision. Those that wait for nothing are published at once.

    Only one process writes to the file at a time, so their numbers grow with the commits.
    """
    at_once = [new.event for events, _ in told for new in events if new.release_at == AT_ONCE]
    if at_once:
        [(last,)] = fetch(connection, sql.TAKE_NUMBERS, len(at_once))
        first = last - len(at_once) + 1
        rows = [(number, *map(bound, from_event(event))) for number, event in enumerate(at_once, first)]
        connection.executemany(sql.EVENTS.put_event, rows)
    later = [
        tuple(map(bound, columns))
        for events, revision in told
        for columns in from_new_events([new for new in events if new.release_at != AT_ONCE], revision)
    ]
    if later:
        connection.executemany(sql.PUT_UNPUBLISHED_EVENT, later)


def course_progress_of(
    connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId
) -> CourseProgress | None:
    """Return a learner's course progress; `None` where there is none."""
    columns = fetch_one(connection, sql.COURSE_PROGRESS, learner_id, course_id)
    return to_course_progress(columns) if columns else None


def lesson_progress_of(
    connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId
) -> LessonProgress | None:
    """Return a learner's progress in one lesson; `None` where there is none."""
    columns = fetch_one(connection, shared_sql.ONE_LESSON_PROGRESS, learner_id, course_id, lesson_id)
    return to_lesson_progress(columns) if columns else None


def all_lesson_progress_of(
    connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId
) -> list[LessonProgress]:
    """Return all of a learner's lesson progress in a course."""
    found = fetch(connection, shared_sql.LEARNER_LESSON_PROGRESS_IN, learner_id, course_id)
    return [to_lesson_progress(columns) for columns in found]


def _few_lesson_progress_of(
    connection: apsw.Connection, learner_id: LearnerId, course_id: CourseId
) -> list[LessonProgress]:
    lessons: list[LessonProgress] = []
    characters = 0
    cursor = connection.execute(shared_sql.LEARNER_LESSON_PROGRESS_IN, (learner_id, course_id))
    for columns in cursor:
        characters += len(columns[_NOTES] or "") + len(columns[_METADATA])
        if characters > FEW_CHARACTERS:
            cursor.close()
            raise TooLargeError
        lessons.append(to_lesson_progress(columns))
    return lessons
