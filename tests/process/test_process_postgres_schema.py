"""A service and its database: empty, of an earlier or newer version, of another program."""

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import pytest

from headway.storage.postgres import schema
from support.load import Written, new_lesson_progress, stored
from support.postgres import Session, session
from support.program import Finished, Program, check_refusal
from support.running import course

MIGRATIONS = sorted(
    (one.name.removesuffix(".sql"), one.read_text(encoding="utf-8"))
    for one in files(schema.__package__).joinpath("migrations").iterdir()
    if one.name.endswith(".sql")
)
VERSION = len(MIGRATIONS)
COMMANDS = (["serve", "--port", "0"], ["migrate"], ["courses", "list"])


@pytest.fixture
def program(folder: Path, empty_postgres_url: str) -> Program:
    """Return the program on an empty database."""
    return Program(folder, empty_postgres_url)


def test_the_migrations_are_numbered_without_a_gap() -> None:
    assert [int(name[:4]) for name, _ in MIGRATIONS] == list(range(1, VERSION + 1))


def test_processes_that_open_an_empty_database_at_once_migrate_it_once(program: Program) -> None:
    with ThreadPoolExecutor(10) as pool:
        finished = list(pool.map(lambda _: program("migrate"), range(10)))
    assert [one.code for one in finished] == [0] * 10, finished
    [first, *others] = sorted((one.out for one in finished), key=lambda out: "applied" not in out)
    assert all(name in first for name, _ in MIGRATIONS)
    assert set(others) == {"The schema is up to date.\n"}
    with session(program.database_url) as database:
        assert database.rows("SELECT version FROM schema_version") == [(VERSION,)]


def test_lesson_progress_of_the_first_schema_is_served_after_the_migration(program: Program) -> None:
    """Lesson progress as version 1 stored it, by statements that do not change with later versions."""
    progress = Written(str(uuid4()), str(uuid4()), str(uuid4()))
    learner, course_id, lesson_id = progress.learner, progress.course_id, progress.lesson_id
    name, first_schema = MIGRATIONS[0]
    with session(program.database_url) as database:
        database.execute(
            first_schema,
            "UPDATE schema_version SET version = 1, compatible_from = 1",
            f"""
            INSERT INTO courses (course_id, title, lessons, required_lessons, version)
            VALUES ('{course_id}', 'Before', 2, 1, 1767225600000000);
            INSERT INTO lessons
            VALUES
                ('{course_id}', '{lesson_id}', 0, 'One', '{uuid4()}', 'Begin', 'quiz', 90.5, true, 60, NULL),
                ('{course_id}', '{uuid4()}', 1, 'Two', '{uuid4()}', NULL, 'other', NULL, false, NULL, 100);
            INSERT INTO lesson_progress
            VALUES (
                '{learner}', '{course_id}', '{lesson_id}', 'completed', 100, 12.5, 62.5, 3, true, 7.25,
                'Zwölf ✓', true, '{{"b": 1, "a": [1.50, null]}}', '{uuid4()}', '2026-01-02 03:04:05+00',
                '2026-01-01 00:00:00+00', '2026-01-02 03:04:05+00', 4
            );
            INSERT INTO course_progress
            VALUES ('{learner}', '{course_id}', 1, 0, 7250000, '2026-01-02 03:04:05+00', 1767225600000000, 4);
            """,
        )
    migrated = program("migrate")
    assert migrated.code == 0, migrated.err
    assert all(later in migrated.out for later, _ in MIGRATIONS[1:])
    assert name not in migrated.out
    with program.serve() as running, running.client(progress.learner) as client:
        assert [line["title"] for line in client.get(f"/courses/{progress.course_id}").json()["lessons"]] == [
            "One",
            "Two",
        ]
        summary = client.get(f"/progress/{progress.course_id}/summary").json()
        assert (summary["total_lessons"], summary["completed_lessons"]) == (1, 1)
        assert (summary["total_time_spent_minutes"], summary["last_accessed"]) == (7.25, "2026-01-02T03:04:05Z")
        seen = client.get(progress.path)
        assert seen.json() | {
            "status": "completed", "progress_percentage": 100, "video_position_seconds": 12.5, "quiz_score": 62.5,
            "quiz_attempts": 3, "quiz_passed": True, "time_spent_minutes": 7.25, "user_notes": "Zwölf ✓",
            "is_bookmarked": True, "metadata": {"b": 1, "a": [1.5, None]}, "completed_at": "2026-01-02T03:04:05Z",
            "created_at": "2026-01-01T00:00:00Z",
        } == seen.json()  # fmt: skip
        changed = client.put(progress.path, json={"quiz_attempts": 4}, headers={"If-Match": seen.headers["ETag"]})
        assert (changed.status_code, changed.json()["quiz_attempts"]) == (200, 4)
        assert len(stored(running, [progress])) == 1


def test_the_database_of_a_newer_headway_stays_unchanged(program: Program) -> None:
    assert program("migrate").code == 0
    with session(program.database_url) as database:
        database.execute(f"UPDATE schema_version SET version = {VERSION + 2}, compatible_from = {VERSION + 1}")
        before = contents(database)
        for command in COMMANDS:
            check_refusal_in_a_line(
                program(*command), f"version {VERSION + 2}, this Headway knows versions up to {VERSION}"
            )
        assert contents(database) == before


def test_a_newer_database_that_this_program_supports_is_served(program: Program) -> None:
    assert program("migrate").code == 0
    with session(program.database_url) as database:
        database.execute(
            "CREATE TABLE of_the_future (x integer)",
            f"UPDATE schema_version SET version = {VERSION + 1}, compatible_from = {VERSION}",
        )
        assert program("migrate").out == "The schema is up to date.\n"
        with program.serve() as running:
            [progress, *_] = new_lesson_progress(running)
            with running.client(progress.learner) as client:
                assert client.put(progress.path, json={}).status_code == 200
            assert len(stored(running, [progress])) == 1
        assert database.rows("SELECT version, compatible_from FROM schema_version") == [(VERSION + 1, VERSION)]


def test_a_service_continues_while_a_newer_headway_migrates(program: Program) -> None:
    with program.serve() as running, session(program.database_url) as database:
        [progress, other, *_] = new_lesson_progress(running)
        with running.client(progress.learner) as client:
            assert client.put(progress.path, json={}).status_code == 200
            assert client.get(progress.path).status_code == 200
            database.execute(
                "ALTER TABLE lesson_progress ADD COLUMN of_the_future integer",
                "ALTER TABLE course_progress ADD COLUMN of_the_future integer",
                "ALTER TABLE courses ADD COLUMN of_the_future integer",
                "ALTER TABLE lessons ADD COLUMN of_the_future integer",
                "ALTER TABLE catalogue ADD COLUMN of_the_future integer",
            )
            for path in (
                progress.path,
                f"/progress/{progress.course_id}",
                f"/progress/{progress.course_id}/summary",
                "/courses",
            ):
                assert client.get(path).status_code == 200, path
            assert client.put(progress.path, json={"quiz_attempts": 1}).json()["quiz_attempts"] == 1
            assert client.put(other.path, json={}).status_code == 200
        running.put_course(course(), progress.course_id)


IN_THE_WAY = {
    "a table of ours": "CREATE TABLE courses (course_id integer)",
    "the last table of ours": "CREATE TABLE course_progress (id integer)",
    "another program's versions": "CREATE TABLE schema_version (installed_rank integer)",
    "another program's versions, with a number": "CREATE TABLE schema_version (version text)",
}


@pytest.mark.parametrize("statement", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_the_database_of_another_program_stays_unchanged(program: Program, statement: str) -> None:
    with session(program.database_url) as database:
        database.execute(statement)
        before = contents(database)
        for command in COMMANDS:
            check_refusal_in_a_line(program(*command), "nother program")
        assert contents(database) == before


def test_a_separate_schema_separates_headway_from_another_program(program: Program) -> None:
    beside = Program(program.folder, f"{program.database_url}?search_path=headway")
    with session(program.database_url) as database:
        database.execute(IN_THE_WAY["a table of ours"])
        check_refusal_in_a_line(beside("migrate"), "headway")
        database.execute("CREATE SCHEMA headway")
        with beside.serve() as running:
            [progress, *_] = new_lesson_progress(running)
            with running.client(progress.learner) as client:
                assert client.put(progress.path, json={}).status_code == 200
        assert database.value("SELECT count(*) FROM headway.lesson_progress") == 1
        assert database.rows("SELECT * FROM public.courses") == []


def test_a_user_without_the_right_to_create_tables_gets_a_clear_error(program: Program) -> None:
    user = f"reader_{uuid4().hex}"
    with session(program.database_url) as database:
        database.execute(f"CREATE USER {user}")
        try:
            refused = Program(program.folder, program.database_url.replace("postgres@", f"{user}@"))("migrate")
        finally:
            database.execute(f"DROP USER {user}")
        check_refusal_in_a_line(refused, "may not make tables")
        assert contents(database) == []


def contents(database: Session) -> list[tuple[object, ...]]:
    """Return every table that is not PostgreSQL's own, with its columns, and its rows as text."""
    columns = database.rows(
        "SELECT table_schema || '.' || table_name, string_agg(column_name, ',' ORDER BY ordinal_position) "
        "FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema') "
        "GROUP BY 1 ORDER BY 1"
    )
    return [(table, names, database.rows(f"SELECT t::text FROM {table} AS t")) for table, names in columns]


def check_refusal_in_a_line(refused: Finished, said: str) -> None:
    check_refusal(refused, said)
    assert refused.err.count("\n") == 1
