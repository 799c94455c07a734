"""Both stores select the same columns in the same order, named as the domain's fields."""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from uuid import UUID

import apsw
import apsw.ext
import asyncpg
import orjson
import pytest

from domain.values import COURSE, LEARNER, LESSON, course_progress, finished, lesson
from domain.values import course as course_of
from headway.domain.completions import Completion
from headway.domain.counters import CourseCounts, DayCounts, LessonCounts
from headway.domain.course_progress import CourseProgress, LearnerDay, Tally
from headway.domain.holdings import HeldDay
from headway.domain.identifiers import LearnerId
from headway.domain.ports import Store
from headway.domain.progress import LessonProgress
from headway.domain.runs import Run
from headway.storage.postgres import statements as postgres_sql
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.columns import COMPLETIONS, COURSE_PROGRESS, LEARNER_DAYS, LESSON_PROGRESS, RUNS
from headway.storage.sqlite import statements as sqlite_sql
from storage.installations import archive_of
from storage.stores import merge_write, opened, postgres_store, sqlite_store

Selected = Mapping[str, Sequence[str]]
Raw = Callable[[str, Sequence[str]], Awaitable[list[object]]]

DAY: Final = LearnerDay(date(2026, 3, 4), 11, 12, 13, 14)
NEITHER_ALIKE: Final = {"PROBE", "CATALOGUE_PAGE", "LEARNER_COURSES", "DAYS_BETWEEN"}
"""Of these each store asks for what it needs: PostgreSQL for erasures and sums, SQLite for versions and ids alone."""


@pytest.fixture
async def sqlite_selects(folder: Path) -> Selected:
    """Return what each statement for SQLite selects, by the statement's name."""
    async with opened(sqlite_store(folder)):
        pass
    with closing(apsw.Connection(str(folder / "headway.db"))) as connection:
        return {
            name: [_plain(column) for column, _ in apsw.ext.query_info(connection, statement).description]
            for name, statement in _statements(sqlite_sql)
        }


@pytest.fixture
async def postgres_selects(postgres_url: str) -> Selected:
    """Return what each statement for PostgreSQL selects, by its name. A sum has the name of what it adds up."""
    async with opened(postgres_store(postgres_url)):
        pass
    connection = await asyncpg.connect(postgres_url)
    try:
        selected = {}
        for name, statement in _statements(postgres_sql):
            summed = iter(re.findall(r"sum\((\w+)\)", statement))
            attributes = (await connection.prepare(statement)).get_attributes()
            names = [next(summed, "sum") if one.name == "sum" else one.name for one in attributes]
            selected[name] = names
        return selected
    finally:
        await connection.close()


@pytest.fixture
def raw(database_url: str, folder: Path) -> Raw:
    """Reads the only row of a table as it is kept."""

    async def read(table: str, columns: Sequence[str]) -> list[object]:
        statement = f"SELECT {', '.join(columns)} FROM {table}"
        if database_url.startswith("postgresql:"):
            connection = await asyncpg.connect(database_url)
            try:
                [row] = await connection.fetch(statement)
                return _kept(row)
            finally:
                await connection.close()
        with closing(apsw.Connection(str(folder / "headway.db"))) as file:
            [row] = file.execute(statement)
            return _kept(row)

    return read


def test_both_stores_select_the_same_columns_in_the_same_order(
    sqlite_selects: Selected, postgres_selects: Selected
) -> None:
    both = sqlite_selects.keys() & postgres_selects.keys() - NEITHER_ALIKE
    assert len(both) > 50
    assert {name: sqlite_selects[name] for name in both} == {name: postgres_selects[name] for name in both}


@pytest.mark.parametrize("selects", ["sqlite_selects", "postgres_selects"])
def test_every_statement_selects_whole_lesson_progress_in_the_order_of_the_columns(
    selects: str, request: pytest.FixtureRequest
) -> None:
    selected: Selected = request.getfixturevalue(selects)
    progress = {name: columns for name, columns in selected.items() if "metadata" in columns}
    runs = {name: columns for name, columns in selected.items() if "total_lessons" in columns}
    all_course_progress = {
        name: columns for name, columns in selected.items() if "last_accessed" in columns and name not in runs
    }
    days = {name: one for name, one in selected.items() if "user_id" in one and "lessons_started" in one}
    completions = {name: columns for name, columns in selected.items() if "completion_percentage" in columns}
    assert min(len(progress), len(all_course_progress), len(days)) >= 3
    assert [name for name, columns in completions.items() if tuple(columns) != COMPLETIONS.columns] == []
    assert [name for name, columns in runs.items() if not _has(columns, RUNS.columns)] == []
    assert [name for name, columns in progress.items() if not _has(columns, LESSON_PROGRESS.columns)] == []
    assert [name for name, columns in all_course_progress.items() if not _has(columns, COURSE_PROGRESS.columns)] == []
    assert [name for name, columns in days.items() if not _has(columns, LEARNER_DAYS.columns)] == []


@pytest.mark.parametrize("selects", ["sqlite_selects", "postgres_selects"])
def test_counts_are_selected_in_the_order_of_their_fields(selects: str, request: pytest.FixtureRequest) -> None:
    selected: Selected = request.getfixturevalue(selects)
    for prefix in ("", "ALL_"):
        assert selected[f"{prefix}COURSE_COUNTS"] == ["course_id", *CourseCounts._fields]
        assert selected[f"{prefix}LESSON_COUNTS"] == ["course_id", "lesson_id", *LessonCounts._fields]
        assert selected[f"{prefix}DAYS"] == ["course_id", "day", *DayCounts._fields]
        assert selected[f"{prefix}SCORES"] == ["course_id", "lesson_id", "points", "learners"]


def test_the_columns_are_the_fields_of_the_domain() -> None:
    assert _fields(LESSON_PROGRESS.columns) == LessonProgress._fields
    day = ["day", *(f"day_{field}" for field in LearnerDay._fields[1:])]
    nested = {"tally": list(Tally._fields), "day": day}
    assert _fields(COURSE_PROGRESS.columns) == tuple(
        column for field in CourseProgress._fields for column in nested.get(field, [field])
    )
    assert _fields(COMPLETIONS.columns) == Completion._fields
    assert _fields(RUNS.columns) == tuple(
        column for field in Run._fields for column in {"number": ["run"], **nested}.get(field, [field])
    )
    assert _fields(LEARNER_DAYS.columns) == (*HeldDay._fields[:2], "day", *LearnerDay._fields[1:])


async def test_every_value_is_in_the_column_of_its_name(store: Store, raw: Raw) -> None:
    """The value comes from a copy of another database, or from a write."""
    lesson_progress, progress = (
        finished(lesson_id=lesson(1).id, **_DISTINCT),
        course_progress(Tally(21, 22, 23), completed_at=_moment(4), **_COURSE_PROGRESS),
    )
    archive = archive_of(store)
    await archive.put_course_progress([progress])
    await archive.put_lesson_progress([lesson_progress])
    await archive.put_days([HeldDay(LEARNER, COURSE, DAY)])
    assert await raw("lesson_progress", LESSON_PROGRESS.columns) == _kept(lesson_progress)
    assert await raw("course_progress", COURSE_PROGRESS.columns) == _kept_progress(progress)
    assert await raw("learner_days", LEARNER_DAYS.columns) == _kept([LEARNER, COURSE, *DAY])
    course = course_of(lesson(1), course_id=COURSE)
    await store.put_course(course)
    written = await store.write(merge_write(LEARNER, course, lesson(1), quiz_attempts=99))
    assert written.after is not None
    after = (await store.course_progress(LEARNER, COURSE)).progress
    assert after is not None
    assert await raw("lesson_progress", LESSON_PROGRESS.columns) == _kept(written.after)
    assert await raw("course_progress", COURSE_PROGRESS.columns) == _kept_progress(after)


def _moment(second: int) -> datetime:
    return datetime(2026, 3, 5, 6, 7, second, second, tzinfo=UTC)


_DISTINCT: Final[dict[str, Any]] = {
    "progress_percentage": 1.5, "video_position_seconds": 2.5, "quiz_score": 3.5, "quiz_attempts": 4,
    "quiz_passed": True, "time_spent_minutes": 5.5, "is_bookmarked": False, "completed_at": _moment(1),
    "created_at": _moment(2), "updated_at": _moment(3), "version": 6, "worked_at": _moment(4),
    "written_by": LearnerId(str(UUID(int=7))), "completed_by": LearnerId(str(UUID(int=8))), "set_at": {"user_notes": 9},
}  # fmt: skip
_COURSE_PROGRESS: Final[dict[str, Any]] = {
    "last_accessed": _moment(1), "course_version": 24, "revision": 25, "started_at": _moment(2), "day": DAY,
    "at_lesson": LESSON, "run": 26, "run_began_at": _moment(3), "removed_at": {LESSON: 27},
}  # fmt: skip


def _kept(values: Iterable[object]) -> list[object]:
    return list(map(_comparable, values))


def _kept_progress(progress: CourseProgress) -> list[object]:
    learner_id, course_id, tally, *others = progress[:8]
    enrolled_by = orjson.dumps(progress.sources, default=tuple) if progress.sources else None
    enrolment = *progress[9:13], enrolled_by, *progress[14:]
    return _kept([learner_id, course_id, *tally, *others, *progress.day, *enrolment])


def _comparable(value: object) -> object:
    """Return a value in one form, whichever database it comes from."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case bool() | int() | float():
            return float(value)
        case dict():
            return orjson.dumps(value).decode()
        case UUID():
            return str(value)
    return value


def _statements(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Return the statements that select, of one store and of both, by name."""
    for name, statement in {**vars(module), **vars(shared_sql)}.items():
        if isinstance(statement, str) and statement.startswith("SELECT") and name != "DISTRIBUTE":
            yield name, statement
    for rosters in (module.ROSTERS.plain, module.ROSTERS.searched):
        for way, by_order in rosters.sorted.items():
            yield from ((f"{way} {order} {descending}", one) for (order, descending), one in by_order.items())
        yield from ((f"{way} incomplete {descending}", one) for (way, descending), one in rosters.incomplete.items())


def _plain(column: str) -> str:
    """Return the name of a column that is selected as text, or counted, as PostgreSQL gives it."""
    return re.sub(r"^CAST\((?:\w+\.)?(\w+) AS text\)$|^(count)\(\*\)(?: FILTER \(.*\))?$", r"\1\2", column)


def _has(selected: Sequence[str], columns: Sequence[str]) -> bool:
    """Return whether the selected columns include these, in this order and one beside the other."""
    return any(tuple(selected[at : at + len(columns)]) == tuple(columns) for at in range(len(selected)))


def _fields(columns: Sequence[str]) -> tuple[str, ...]:
    return tuple("learner_id" if column == "user_id" else column for column in columns)
