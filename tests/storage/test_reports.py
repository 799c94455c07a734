"""What a regular report leaves as it is, no store has to write."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.values import COURSE, LEARNER, NOW, UPDATES, VALUES, course, lesson, quiz
from headway.domain.catalogue import VersionedCourse
from headway.domain.change_sets import ChangeSet
from headway.domain.changes import Changes, Work
from headway.domain.counters import Counters, DayCounts, LessonCounts
from headway.domain.course_progress import CourseProgress, EnrolmentSource, LearnerDay
from headway.domain.dating import NO_TIMES, Times
from headway.domain.enrolments import EnrolmentChange
from headway.domain.identifiers import GroupId, LearnerId, LessonId
from headway.domain.presence import CourseProgressRestore
from headway.domain.progress import LessonProgress, ProgressUpdate, Status
from headway.domain.runs import RunStart
from headway.domain.writes import UNCONDITIONAL, CourseProgressRefresh, LessonWrite, Origin, Precondition
from headway.storage.postgres import statements as postgres_sql
from headway.storage.shared.columns import COURSE_PROGRESS, LESSON_PROGRESS, Table
from headway.storage.shared.reports import are_reports, only_reports, only_touches
from headway.storage.sqlite import statements as sqlite_sql
from headway.storage.sqlite.rows import (
    Columns,
    from_course_progress,
    from_lesson_progress,
    touched_columns,
    touched_lesson_columns,
)

SEEN: Final = Precondition(match=frozenset({"seen"}))
"""Stands for the condition of a writer who has read the lesson progress just before."""
OTHER: Final = LearnerId("99999999-9999-4999-8999-999999999999")
GROUP: Final = GroupId("88888888-8888-4888-8888-888888888888")
LESSONS: Final = (lesson(1), quiz(2), lesson(3, complete_at=80), lesson(4, required=False))
VERSIONS: Final = (
    VersionedCourse(course(*LESSONS), 1),
    VersionedCourse(course(lesson(5), lesson(1, complete_at=50), *LESSONS[1:3]), 2, {LESSONS[0].id: 2}),
    VersionedCourse(course(*LESSONS[:2], quiz(3, pass_mark=10)), 3, {LESSONS[2].id: 3}),
)


def moments() -> st.SearchStrategy[datetime]:
    return st.integers(-5 * 86_400, 0).map(lambda seconds: NOW + timedelta(seconds=seconds))


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def restores(draw: st.DrawFn) -> CourseProgressRestore:
    began_at = draw(maybe(moments()))
    days = {draw(moments()).date() for _ in range(draw(st.integers(0, 2)))}
    return CourseProgressRestore(
        LEARNER,
        COURSE,
        draw(maybe(moments())),
        draw(maybe(moments())),
        draw(maybe(moments())),
        tuple(LearnerDay(day, *draw(st.tuples(*[st.integers(0, 9)] * 4))) for day in sorted(days)),
        enrolled_at=draw(maybe(moments())),
        run=1 if began_at is None else draw(st.integers(1, 3)),
        run_began_at=began_at,
    )


LESSON_IDS: Final = st.sampled_from([*(one.id for one in (*LESSONS[:1] * 4, *LESSONS)), lesson(5).id])
REPORTS: Final = st.fixed_dictionaries(
    {},
    optional={
        "progress_percentage": st.integers(0, 99),
        "video_position_seconds": st.integers(0, 900),
        "time_spent_minutes": st.floats(0, 90),
    },
)


def lesson_writes(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[LessonWrite]:
    """Draw writes to the lessons. Hypothesis would invent what is not given, also against the rules of the API."""
    drawn = st.fixed_dictionaries({"lesson_id": LESSON_IDS, **fields})
    return drawn.map(lambda given: LessonWrite(LEARNER, COURSE, **given))


ONE_FIELD: Final = st.one_of([st.fixed_dictionaries({field: value}) for field, value in VALUES.items()]).map(
    lambda update: cast("ProgressUpdate", update)
)
PLAYERS: Final = lesson_writes(update=REPORTS)
WRITES: Final = lesson_writes(
    update=st.none() | UPDATES | ONE_FIELD,
    precondition=st.sampled_from([UNCONDITIONAL, SEEN]),
    written_by=st.sampled_from([None, None, OTHER]),
    times=st.just(NO_TIMES) | st.builds(Times, maybe(moments()), maybe(moments()), maybe(moments())),
    authority=st.sampled_from([None, OTHER]),
    is_imported=st.booleans(),
)
RESTORED_WRITES: Final = lesson_writes(
    update=UPDATES,
    times=st.builds(Times, moments(), maybe(moments()), moments()),
    restored=st.builds(Origin, maybe(moments()), st.sampled_from([None, OTHER]), moments()),
    run=st.sampled_from([None, 1, 2]),
)
ENROLMENTS: Final = st.builds(
    EnrolmentChange,
    st.just(LEARNER),
    st.just(COURSE),
    st.builds(EnrolmentSource, st.sampled_from([None, GROUP]), maybe(moments()), maybe(moments())),
    st.booleans(),
    st.booleans(),
)
OTHERS: Final = st.one_of(
    WRITES,
    WRITES,
    RESTORED_WRITES,
    ENROLMENTS,
    restores(),
    st.just(RunStart(LEARNER, COURSE)),
    st.just(CourseProgressRefresh(LEARNER, COURSE)),
)
BATCHES: Final = (
    st.lists(PLAYERS, min_size=1, max_size=2)
    | st.lists(PLAYERS | WRITES, min_size=1, max_size=3)
    | st.lists(PLAYERS | OTHERS, min_size=1, max_size=3)
)
PAUSES: Final = st.sampled_from([0, 5, 5, 5, 40_000, 200_000, -300])
STEPS: Final = st.tuples(BATCHES, PAUSES, st.sampled_from([*VERSIONS[:1] * 9, *VERSIONS]))


def changes_of(steps: Sequence[tuple[Sequence[Work], int, VersionedCourse]]) -> Iterator[ChangeSet]:
    """Yield what each batch of works changes, one after the other."""
    progress: CourseProgress | None = None
    lessons: dict[LessonId, LessonProgress | None] = {}
    days: dict[Any, LearnerDay] = {}
    now, version = NOW, 0
    for works, seconds, newest in steps:
        now += timedelta(seconds=seconds)
        version = max(version, newest.version)
        changes = Changes(VERSIONS[version - 1], LEARNER, progress, dict(lessons), dict(days))
        for work in works:
            changes.decide(_as_sent(work, changes), now)
        change = changes.change_set()
        yield change
        progress = change.after
        lessons.update((lesson_id, after) for lesson_id, _, after in change.lessons)
        days = {moment: day for moment, day in {**days, **change.days}.items() if day is not None}


def _as_sent(work: Work, changes: Changes) -> Work:
    if not isinstance(work, LessonWrite) or work.precondition is not SEEN:
        return work
    found = changes._present(work.lesson_id)
    return work._replace(precondition=Precondition(match=frozenset({found.etag})) if found else UNCONDITIONAL)


@cache
def written_by(statement: str, table: Table) -> frozenset[str]:
    """Return the columns that an UPDATE of a table sets."""
    found = re.search(rf"UPDATE {table.name}\b.*? SET\b(.*?)\b(?:FROM|WHERE)\b", statement, re.DOTALL)
    assert found, statement
    return frozenset(re.findall(r"(\w+) =", found[1])) & frozenset(table.columns)


def assert_all_written(table: Table, before: Columns, after: Columns, written: frozenset[str]) -> None:
    """Assert that a row is as it is to be where only some columns are written."""
    left = set(table.columns) - written
    assert {c: v for c, v in _named(table, before).items() if c in left} == {
        c: v for c, v in _named(table, after).items() if c in left
    }


def _named(table: Table, row: Columns) -> dict[str, Any]:
    return dict(zip(table.columns, row, strict=True))


def assert_touches(table: Table, statement: str, touched: Columns, after: Columns) -> None:
    """Assert that the parameters of a statement of SQLite are those of the row, in the statement's order."""
    names = dict.fromkeys(re.findall(r":(\w+)", statement))
    assert touched == tuple(_named(table, after)[name] for name in names)


def assert_sqlite_writes_all(change: ChangeSet) -> None:
    for _, before, after in change.lessons:
        if before is not None and after is not None and only_reports(before, after):
            row = from_lesson_progress(after)
            written = written_by(sqlite_sql.TOUCH_LESSON_PROGRESS, LESSON_PROGRESS)
            assert_all_written(LESSON_PROGRESS, from_lesson_progress(before), row, written)
            assert_touches(LESSON_PROGRESS, sqlite_sql.TOUCH_LESSON_PROGRESS, touched_lesson_columns(after), row)
    if change.before is not None and change.after is not None and only_touches(change.before, change.after):
        row = from_course_progress(change.after)
        written = written_by(sqlite_sql.TOUCH_COURSE_PROGRESS, COURSE_PROGRESS)
        assert_all_written(COURSE_PROGRESS, from_course_progress(change.before), row, written)
        assert_touches(COURSE_PROGRESS, sqlite_sql.TOUCH_COURSE_PROGRESS, touched_columns(change.after), row)


def assert_postgres_writes_all(change: ChangeSet) -> None:
    assert change.before is not None
    assert change.after is not None
    lessons = written_by(postgres_sql.STORE_REPORTS, LESSON_PROGRESS)
    for _, before, after in change.lessons:
        assert before is not None
        assert after is not None
        assert_all_written(LESSON_PROGRESS, from_lesson_progress(before), from_lesson_progress(after), lessons)
    before_row, row = from_course_progress(change.before), from_course_progress(change.after)
    assert_all_written(COURSE_PROGRESS, before_row, row, written_by(postgres_sql.STORE_REPORTS, COURSE_PROGRESS))


def assert_adds_time_alone(change: ChangeSet) -> None:
    counters = Counters()
    change.add_to(counters)
    assert not counters.courses
    assert not counters.scores
    assert all(counts == LessonCounts(micro_minutes=counts.micro_minutes) for counts in counters.lessons.values())
    assert all(counts == DayCounts(micro_minutes=counts.micro_minutes) for counts in counters.days.values())


@settings(max_examples=200)
@given(st.lists(STEPS, min_size=4, max_size=8))
def test_what_is_not_written_of_a_report_has_not_changed(
    steps: Sequence[tuple[Sequence[Work], int, VersionedCourse]],
) -> None:
    for change in changes_of(steps):
        if change.stored_progress is None:
            continue
        assert_sqlite_writes_all(change)
        if are_reports([change]):
            assert not any((change.days, change.events, change.completions, change.ended_runs))
            assert_postgres_writes_all(change)
            assert_adds_time_alone(change)


@pytest.mark.parametrize(
    ("update", "is_report"),
    [
        ({"progress_percentage": 40}, True),
        ({"video_position_seconds": 40}, True),
        ({"time_spent_minutes": 2.5}, True),
        ({"status": Status.COMPLETED}, False),
        ({"quiz_score": 50}, False),
        ({"quiz_attempts": 1}, False),
        ({"quiz_passed": True}, False),
        ({"user_notes": "mine"}, False),
        ({"is_bookmarked": True}, False),
        ({"metadata": {"speed": 2}}, False),
    ],
)
def test_a_report_sends_percentage_position_and_time_alone(update: ProgressUpdate, *, is_report: bool) -> None:
    first: ProgressUpdate = {"time_spent_minutes": 1}
    works = [[LessonWrite(LEARNER, COURSE, LESSONS[3].id, sent)] for sent in (first, update)]
    found = changes_of([(some, 5, VERSIONS[0]) for some in works])
    assert [are_reports([change]) for change in found] == [False, is_report]
