"""The SQLite file: its schema, its migrations, and other files at its path."""

import asyncio
import os
import re
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from domain.values import EARLIER, LATER, course, finished, lesson
from headway.domain.catalogue import Course
from headway.domain.counters import CourseCounts, DayCounts, lesson_counts
from headway.domain.course_progress import LearnerDay, contribution
from headway.domain.edits import Recalculation
from headway.domain.errors import ConfigurationError, CourseNotFoundError, SchemaTooNewError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.removals import Restart
from headway.domain.roster import RosterQuery
from headway.storage.sqlite import SqliteStore, schema
from headway.storage.sqlite.rows import from_lesson_progress
from storage.disks import watched_disk
from storage.files import contents, database, execute, log, modes, process
from storage.installations import archive_of
from storage.stores import (
    catalogued,
    exact_tally,
    lesson_progress_of,
    merge_write,
    new_course,
    new_learner,
    opened,
    soon,
    sqlite_store,
    written,
)

MIGRATIONS = sorted(Path(schema.__file__).with_name("migrations").iterdir())
SCHEMA_VERSION = schema.MIGRATIONS.marks.version
COMPATIBILITY_SINCE = 2


async def test_every_write_and_every_edit_is_on_disk_before_it_is_acknowledged(folder: Path) -> None:
    with watched_disk() as disk:
        async with opened(sqlite_store(folder)) as store:
            learner, course = new_learner(), await new_course(store)
            for attempts in range(1, 4):
                disk.synced.clear()
                await store.write(merge_write(learner, course, lesson(1), quiz_attempts=attempts))
                assert log(folder).name in disk.synced
            disk.synced.clear()
            await store.put_course(Course(course.id, "Renamed", course.lessons))
            assert log(folder).name in disk.synced
            disk.synced.clear()
            await store.restart_course(Restart(learner, course.id))
            assert log(folder).name in disk.synced


async def test_reads_do_not_wait_for_writes(folder: Path) -> None:
    async with opened(sqlite_store(folder)):
        assert execute(database(folder), "PRAGMA journal_mode") == [("wal",)]


async def test_a_closed_store_leaves_one_complete_file(folder: Path) -> None:
    async with opened(sqlite_store(folder)) as store:
        learner, course = new_learner(), await new_course(store)
        await store.write(merge_write(learner, course, lesson(1), quiz_attempts=1))
        assert log(folder).stat().st_size
    assert list(contents(folder)) == ["headway.db"]
    assert execute(database(folder), "PRAGMA integrity_check") == [("ok",)]
    assert execute(database(folder), "SELECT count(*) FROM lesson_progress") == [(1,)]


async def test_the_writers_settings_are_in_force(folder: Path) -> None:
    async with opened(sqlite_store(folder)) as store:
        assert isinstance(store, SqliteStore)
        await new_course(store)
        pragma = store._database.writer.connection().pragma
        names = ["journal_mode", "synchronous", "foreign_keys", "cache_size", "journal_size_limit"]
        assert {name: pragma(name) for name in names} == {
            "journal_mode": "wal",
            "synchronous": 2,  # FULL
            "foreign_keys": 1,
            "cache_size": -64 * 1024,
            "journal_size_limit": 64 * 1024 * 1024,
        }


async def test_removing_a_course_removes_its_lessons(folder: Path) -> None:
    async with opened(sqlite_store(folder)) as store:
        kept, removed = await new_course(store, lesson(1)), await new_course(store)
        await store.remove_course(removed.id)
    assert execute(database(folder), "SELECT course_id FROM lessons") == [(kept.id,)]


@pytest.mark.slow
def test_a_kill_at_any_change_to_the_disk_loses_no_acknowledged_write(folder: Path) -> None:
    killed = process("die", folder)
    assert len(killed) > 30
    for name in killed:
        asyncio.run(check_after_a_kill(folder / name))


async def check_after_a_kill(folder: Path) -> None:
    noted = (folder / "acknowledged").read_text().split()
    async with opened(sqlite_store(folder)) as store:
        assert execute(database(folder), "PRAGMA integrity_check") == [("ok",)]
        if noted:
            learner, course_id, *lessons = noted
            course = (await store.course(CourseId(course_id))).course
            assert set(await lesson_progress_of(store, LearnerId(learner), course)) >= set(lessons)
            await exact_tally(store, LearnerId(learner), course)
        await new_course(store)


async def test_only_this_user_may_read_the_files(folder: Path) -> None:
    before = os.umask(0o022)
    try:
        async with opened(sqlite_store(folder)) as store:
            await new_course(store)
            assert modes(folder) == {"headway.db": 0o600, "headway.db-wal": 0o600, "headway.db-shm": 0o600}
    finally:
        os.umask(before)


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(match[1]) for path in MIGRATIONS if (match := re.fullmatch(r"(\d{4})_\w+\.sql", path.name))]
    assert numbers == list(range(1, len(MIGRATIONS) + 1))
    assert len(MIGRATIONS) == SCHEMA_VERSION


def described(path: Path) -> list[Any]:
    """Return the schema of a database: the definition of every object, and its two marks."""
    return [
        *execute(path, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"),
        *execute(path, "PRAGMA user_version"),
        *execute(path, "PRAGMA application_id"),
    ]


@pytest.mark.parametrize("version", range(SCHEMA_VERSION + 1))
async def test_a_migrated_database_has_the_schema_of_a_fresh_one(folder: Path, version: int) -> None:
    old, fresh = folder / "old", folder / "fresh"
    for position in (old, fresh):
        position.mkdir()
    marks = [f"PRAGMA application_id = {schema.APPLICATION_ID}", f"PRAGMA user_version = {version}"]
    if version >= COMPATIBILITY_SINCE:
        marks.append(f"UPDATE schema_compatibility SET compatible_from = {version}")
    execute(database(old), *(path.read_text() for path in MIGRATIONS[:version]), *(marks if version else []))
    async with opened(sqlite_store(fresh)):
        pass
    store = sqlite_store(old)
    assert await store.open() == [path.stem for path in MIGRATIONS[version:]]
    await new_course(store)
    await store.close()
    assert described(database(old)) == described(database(fresh))


async def test_lesson_progress_of_an_earlier_schema_is_served_after_the_migration(folder: Path) -> None:
    of, learner = course(), new_learner()
    progress = finished(learner_id=learner, lesson_id=of.lessons[0].id, created_at=EARLIER)
    tally = contribution(of.lessons[0], progress)
    execute(
        database(folder),
        MIGRATIONS[0].read_text(),
        f"PRAGMA application_id = {schema.APPLICATION_ID}",
        "PRAGMA user_version = 1",
        f"INSERT INTO courses VALUES ('{of.id}', '{of.title}', 3, 3, 7)",
        *(
            f"INSERT INTO lessons VALUES ('{of.id}', '{one.id}', {position}, '{one.title}', '{one.content_id}', NULL, "
            "'other', NULL, 1, NULL, 100)"
            for position, one in enumerate(of.lessons)
        ),
        f"INSERT INTO lesson_progress VALUES ({', '.join(map(_literal, from_lesson_progress(progress)[:18]))})",
        f"INSERT INTO course_progress VALUES ('{learner}', '{of.id}', {', '.join(map(str, tally))}, "
        f"'{LATER.isoformat()}', 7, 9)",
    )
    async with opened(sqlite_store(folder)) as store:
        assert await lesson_progress_of(store, learner, of) == {
            progress.lesson_id: progress._replace(worked_at=progress.updated_at)
        }
        assert await exact_tally(store, learner, of) == tally
        [course_progress] = await store.roster(of.id, RosterQuery())
        assert (course_progress.started_at, course_progress.completed_at, course_progress.day) == (
            EARLIER,
            None,
            LearnerDay(LATER.date()),
        )
        reading = await store.statistics(of.id, LATER.date(), LATER.date())
        assert reading.learners == CourseCounts(1, 0, 1, 1, 0)
        assert course_progress.at_lesson == progress.lesson_id
        assert reading.lessons == {progress.lesson_id: lesson_counts(progress)._replace(stopped=1)}
        assert reading.days == {LATER.date(): DayCounts(active=1, last_seen=1)}


# What makes of the present tables those from before the last migration, enrolments.
_WITHOUT_ENROLMENTS: Final = (
    "DROP TABLE completions",
    "DROP TABLE runs",
    *(
        f"DROP INDEX course_progress_by_{order}"
        for order in (
            "learner",
            "progress",
            "day",
            "completion",
            "lesson",
            "due_date",
            "enrolment",
            "start",
            "late_completion",
        )
    ),
    "DROP INDEX course_progress_inactive",
    "DROP INDEX course_progress_not_started",
    "DROP INDEX lesson_progress_failing",
    "DROP INDEX lesson_progress_failing_by_learner",
    *(
        f"ALTER TABLE course_progress DROP COLUMN {name}"
        for name in ("enrolled_at", "ended_at", "due_at", "sources", "run", "run_began_at")
    ),
    *(
        f"ALTER TABLE course_statistics DROP COLUMN {name}"
        for name in ("enrolled", "enrolled_started", "enrolled_completed")
    ),
    *(f"ALTER TABLE lessons DROP COLUMN {name}" for name in ("requires", "due_at", "due_after_days")),
    "ALTER TABLE courses DROP COLUMN valid_for_days",
    *(
        f"CREATE INDEX course_progress_by_{order} ON course_progress (course_id)"
        for order in ("learner", "progress", "day", "completion", "lesson")
    ),
)

# What the migration before renames, as it was named before.
_OLDER_NAMES: Final = (
    "ALTER TABLE course_progress RENAME COLUMN micro_minutes TO time_parts",
    "ALTER TABLE course_progress RENAME COLUMN day_micro_minutes TO day_time_parts",
    "ALTER TABLE learner_days RENAME COLUMN micro_minutes TO time_parts",
    "ALTER TABLE lesson_statistics RENAME COLUMN attempted TO tried",
    "ALTER TABLE lesson_statistics RENAME COLUMN micro_points TO score_parts",
    "ALTER TABLE lesson_statistics RENAME COLUMN micro_minutes TO time_parts",
    "ALTER TABLE course_activity RENAME COLUMN micro_minutes TO time_parts",
    "ALTER TABLE recalculations RENAME TO rederivations",
)


_ABOUT_EVENTS = (
    "unpublished_events", "events", "event_feeds", "event_consumers", "event_deliveries", "webhooks",
)  # fmt: skip


async def test_the_migration_fills_worked_at_and_the_scores_of_earlier_lesson_progress(
    folder: Path,
) -> None:
    before = [path for path in MIGRATIONS if path.stem < "0008"]
    of, owner, other = course(), new_learner(), new_learner()
    all_progress = [
        finished(learner_id=owner, lesson_id=of.lessons[0].id, quiz_score=69.5),
        finished(learner_id=other, lesson_id=of.lessons[0].id, quiz_score=70, written_by=owner),
    ]
    async with opened(sqlite_store(folder)) as store:
        await store.put_course(of)
        await archive_of(store).put_lesson_progress(all_progress)
    execute(
        database(folder),
        "ALTER TABLE lesson_progress DROP COLUMN worked_at",
        "ALTER TABLE lesson_progress DROP COLUMN completed_by",
        "ALTER TABLE lesson_progress DROP COLUMN set_at",
        "ALTER TABLE course_progress DROP COLUMN removed_at",
        "DROP TABLE promised_lines",
        "DROP TABLE promises",
        "DROP TABLE learner_groups",
        "DROP TABLE group_members",
        "DROP TABLE group_enrolments",
        "DROP TABLE changed_enrolments",
        "ALTER TABLE sign_in_codes DROP COLUMN group_ids",
        "DROP TABLE profiles",
        "DROP TABLE profile_words",
        "DROP TABLE goals",
        "DROP TABLE content_states",
        *(f"DROP TABLE {table}" for table in _ABOUT_EVENTS),
        *_OLDER_NAMES,
        f"INSERT INTO rederivations VALUES ('{of.id}', 5, 2, 1, '{other}', 1790000000000000)",
        f"INSERT INTO quiz_scores VALUES ('{of.id}', '{of.lessons[0].id}', 70, 2)",
        *_WITHOUT_ENROLMENTS,
        f"PRAGMA user_version = {len(before)}",
    )
    async with opened(sqlite_store(folder)) as store:
        found = [
            (await lesson_progress_of(store, progress.learner_id, of))[progress.lesson_id] for progress in all_progress
        ]
        assert found == [all_progress[0]._replace(worked_at=all_progress[0].updated_at), all_progress[1]]
        reading = await store.statistics(of.id, LATER.date(), LATER.date())
        assert reading.scores == {of.lessons[0].id: {69: 1, 70: 1}}
        assert await store.take_recalculation() == Recalculation(of.id, 5, 2, 1, other)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return repr(str(value)) if isinstance(value, str) else repr(+value)  # type: ignore[operator]


async def newer_database(folder: Path) -> None:
    async with opened(sqlite_store(folder)) as store:
        await new_course(store)
    execute(database(folder), "CREATE TABLE of_the_future (x)", *newer_marks(compatible_from=SCHEMA_VERSION + 1))


def newer_marks(*, compatible_from: int) -> list[str]:
    return [
        f"PRAGMA user_version = {SCHEMA_VERSION + 1}",
        f"UPDATE schema_compatibility SET compatible_from = {compatible_from}",
    ]


async def test_a_newer_database_that_this_program_supports_is_opened_unchanged(folder: Path) -> None:
    async with opened(sqlite_store(folder)) as store:
        course = await new_course(store)
    execute(database(folder), "CREATE TABLE of_the_future (x)", *newer_marks(compatible_from=SCHEMA_VERSION))
    before = described(database(folder))
    store = sqlite_store(folder)
    assert await store.open() == []
    assert (await store.course(course.id)).course == course
    await store.close()
    assert described(database(folder)) == before


async def test_a_newer_database_is_refused_and_stays_unchanged(folder: Path) -> None:
    await newer_database(folder)
    before = contents(folder)
    with pytest.raises(SchemaTooNewError, match=f"version {SCHEMA_VERSION + 1}.*up to {SCHEMA_VERSION}"):
        await sqlite_store(folder).open()
    assert contents(folder) == before


async def test_a_newer_database_is_refused_without_a_change_to_its_files(folder: Path) -> None:
    await newer_database(folder)
    before = contents(folder)["headway.db"]
    with pytest.raises(SchemaTooNewError):
        await sqlite_store(folder).open()
    assert contents(folder)["headway.db"] == before


OTHERS = {
    "tables": ["CREATE TABLE songs (title)"],
    "its mark": ["PRAGMA application_id = 42"],
    "a version": ["PRAGMA user_version = 1"],
    "its mark and our version": [f"PRAGMA user_version = {SCHEMA_VERSION}", "PRAGMA application_id = 42"],
}


@pytest.mark.parametrize("made_by", OTHERS.values(), ids=OTHERS)
async def test_a_database_of_another_program_is_refused_and_stays_unchanged(folder: Path, made_by: list[str]) -> None:
    execute(database(folder), *made_by)
    before = contents(folder)
    with pytest.raises(ConfigurationError, match=r"headway\.db is a database of another program"):
        await sqlite_store(folder).open()
    assert contents(folder) == before


async def test_a_database_of_another_program_in_wal_mode_is_refused_and_stays_unchanged(folder: Path) -> None:
    execute(database(folder), "PRAGMA journal_mode = WAL", "CREATE TABLE songs (title)")
    before = contents(folder)
    with pytest.raises(ConfigurationError):
        await sqlite_store(folder).open()
    assert contents(folder) == before


@pytest.mark.parametrize(
    "content", [b"Dear diary, this is no database.\n" * 200, b"short", b"SQLite format 3\0" + bytes(4096)]
)
async def test_a_file_that_is_no_database_is_refused_and_stays_unchanged(folder: Path, content: bytes) -> None:
    database(folder).write_bytes(content)
    with pytest.raises(ConfigurationError, match="HEADWAY_DATABASE_URL"):
        await sqlite_store(folder).open()
    assert database(folder).read_bytes() == content
    assert list(contents(folder)) == ["headway.db"]


async def test_a_folder_is_refused(folder: Path) -> None:
    database(folder).mkdir()
    with pytest.raises(ConfigurationError, match="HEADWAY_DATABASE_URL"):
        await sqlite_store(folder).open()
    assert contents(database(folder)) == {}


async def test_a_folder_that_is_missing_is_refused_and_not_made(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="HEADWAY_DATABASE_URL"):
        await sqlite_store(folder / "missing").open()
    assert contents(folder) == {}


async def test_an_empty_file_becomes_a_database(folder: Path) -> None:
    database(folder).touch()
    async with opened(sqlite_store(folder)) as store:
        course = await new_course(store)
        assert (await store.course(course.id)).course == course


@pytest.mark.slow
def test_two_processes_that_make_the_same_database_at_once_both_succeed(folder: Path) -> None:
    answers = process("open", folder)
    applied = [path.stem for path in MIGRATIONS]
    assert [sorted(pair, key=len) for pair in zip(*answers, strict=True)] == [[[], applied]] * 20


def test_the_schema_version_can_be_read_while_another_process_migrates(folder: Path) -> None:
    for statement in range(5):
        path = folder / f"{statement}.db"
        execute(path, "PRAGMA journal_mode = WAL")
        with closing(apsw.Connection(str(path))) as connection:
            connection.exec_trace = _Migrating(path, before_statement=statement)
            assert schema.found_marks(connection).version in {0, SCHEMA_VERSION}


class _Migrating:
    """Another process, which migrates just before a connection's statement of that number."""

    def __init__(self, path: Path, *, before_statement: int) -> None:
        self._path = path
        self._statements_left = before_statement

    def __call__(self, _cursor: apsw.Cursor, _statement: str, _bindings: object) -> bool:
        if self._statements_left == 0:
            with closing(apsw.Connection(str(self._path))) as other:
                schema.migrate(other)
        self._statements_left -= 1
        return True


async def test_a_course_that_another_process_put_is_seen_by_the_next_write_and_soon_by_reads(folder: Path) -> None:
    async with opened(sqlite_store(folder)) as service, opened(sqlite_store(folder)) as command_line:
        learner, course = new_learner(), await new_course(service, lesson(1), lesson(2))
        await service.write(merge_write(learner, course, lesson(1), progress_percentage=60))
        await service.write(merge_write(learner, course, lesson(2), progress_percentage=100))
        assert await catalogued(service, course.id) == course
        edited = Course(course.id, "Edited", (lesson(1, complete_at=50), lesson(3)))
        await command_line.put_course(edited)
        await soon(lambda: catalogued(service, course.id), edited)
        assert (await service.lessons(learner, course.id)).course == edited
        assert await exact_tally(service, learner, course) == (0, 1, 0)
        await command_line.put_course(Course(course.id, "Edited", (lesson(1, complete_at=60), lesson(3))))
        progress = await written(service, merge_write(learner, course, lesson(1), progress_percentage=60))
        assert progress.status == "completed"
        assert await exact_tally(service, learner, course) == (1, 0, 0)


async def test_a_course_that_another_process_added_or_removed_is_seen_by_the_next_write(folder: Path) -> None:
    async with opened(sqlite_store(folder)) as service, opened(sqlite_store(folder)) as command_line:
        added = await new_course(command_line)
        learner = new_learner()
        assert (await written(service, merge_write(learner, added, lesson(1), quiz_attempts=1))).version == 1
        await command_line.remove_course(added.id)
        with pytest.raises(CourseNotFoundError):
            await service.write(merge_write(learner, added, lesson(1), quiz_attempts=2))
        with pytest.raises(CourseNotFoundError):
            await service.course(added.id)


async def test_two_stores_that_take_turns_see_each_others_lesson_progress(folder: Path) -> None:
    async with opened(sqlite_store(folder)) as one, opened(sqlite_store(folder)) as other:
        learner, course = new_learner(), await new_course(one)
        for number, store in enumerate([one, other, other, one, one, other, one], start=1):
            progress = await written(store, merge_write(learner, course, lesson(1), metadata={str(number): number}))
            assert progress.version == len(progress.metadata) == number
            for reader in (one, other):
                await soon(partial(lesson_progress_of, reader, learner, course), {progress.lesson_id: progress})
        await other.restart_course(Restart(learner, course.id))
        progress = await written(one, merge_write(learner, course, lesson(1), time_spent_minutes=1))
        assert (progress.version, progress.metadata) == (1, {})
        await soon(lambda: exact_tally(other, learner, course), (0, 1, 1_000_000))
