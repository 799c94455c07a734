"""Refusals of `headway copy`, and its messages when a copy fails."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from cli.copies import (
    BATCH,
    PASSWORD,
    Copying,
    check_refusal,
    check_table,
    count_in,
    fill_sqlite,
    found_in,
    holding_up,
    installation,
)
from support.database import write_lock
from support.postgres import Session, session
from support.program import Finished, headway
from support.running import HEADWAY, eventually, service_environment


@pytest.fixture
def postgres_url(empty_postgres_url: str) -> str:
    """Return the address of a database without tables, which the program has to make."""
    return empty_postgres_url


def test_a_destination_that_holds_another_installation_is_refused(
    folder: Path, sqlite_url: str, postgres_url: str
) -> None:
    fill_sqlite(folder, installation(1))
    (folder / "other").mkdir()
    other = installation(1)
    fill_sqlite(folder / "other", other)
    other_url = f"sqlite:///{folder}/other/headway.db"
    assert headway(folder, "copy", other_url, postgres_url).code == 0
    refused = headway(folder, "copy", sqlite_url, postgres_url)
    check_refusal(refused, 2, "not an earlier copy", "source does not have", "Nothing was written", "empty database")
    assert refused.out == ""
    assert found_in(postgres_url) == other


def test_swapped_source_and_destination_are_refused(folder: Path, sqlite_url: str, postgres_url: str) -> None:
    before = installation(1)
    fill_sqlite(folder, before)
    check_refusal(headway(folder, "copy", postgres_url, sqlite_url), 2, "are swapped")
    assert found_in(folder) == before


def test_one_database_under_two_names_is_refused(folder: Path, sqlite_url: str, postgres_url: str) -> None:
    fill_sqlite(folder, installation(1))
    (folder / "link.db").symlink_to(folder / "headway.db")
    for source, destination in [
        (sqlite_url, sqlite_url),
        (sqlite_url, "sqlite:///headway.db"),
        (sqlite_url, "sqlite:///link.db"),
        (postgres_url, postgres_url),
        (postgres_url, postgres_url.replace("postgres@", f"postgres:{PASSWORD}@")),
    ]:
        check_refusal(headway(folder, "copy", source, destination), 2, "TO: This is the database that FROM names")


def test_a_missing_source_is_refused_and_not_created(folder: Path, sqlite_url: str) -> None:
    check_refusal(headway(folder, "copy", "sqlite:///absent.db", sqlite_url), 2, "FROM: There is no file absent.db")
    assert list(folder.iterdir()) == []


UNUSABLE = {
    "no store": (f"mysql://headway:{PASSWORD}@db/headway", 2, "no store for mysql"),
    "nothing": ("", 2, "no store for an empty address"),
    "nobody there": (f"postgresql://headway:{PASSWORD}@127.0.0.1:1/headway", 1, "does not answer"),
    "number sign": (f"postgresql://headway:{PASSWORD}#{PASSWORD}@db/headway", 2, "percent form"),
    "slash": (f"postgresql://headway:1/{PASSWORD}@db/headway", 2, "percent form"),
    "question mark": (f"postgresql://headway:1?{PASSWORD}@db/headway", 2, "percent form"),
    "at": (f"postgresql://headway:@{PASSWORD}/@db/headway", 2, "percent form"),
    "bracket": (f"postgresql://[headway:{PASSWORD}@db/headway", 2, "percent form"),
}


@pytest.mark.parametrize(("url", "code", "said"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_address_that_can_not_be_used_is_named(
    folder: Path, sqlite_url: str, url: str, code: int, said: str
) -> None:
    fill_sqlite(folder, installation(1))
    for name, arguments in (("TO", (sqlite_url, url)), ("FROM", (url, sqlite_url))):
        refused = headway(folder, "copy", *arguments)
        check_refusal(refused, code, said, name)
        assert refused.out == ""
        assert "HEADWAY_DATABASE_URL" not in refused.err


def test_a_third_address_is_not_printed(folder: Path, sqlite_url: str) -> None:
    third = f"postgresql://headway:{PASSWORD}@db/headway"
    check_refusal(headway(folder, "copy", sqlite_url, third, third), 2, "two addresses")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_newer_schema_is_refused(folder: Path, sqlite_url: str, postgres_url: str, kind: str) -> None:
    fill_sqlite(folder, installation(1))
    newer = f"sqlite:///{folder}/newer.db" if kind == "sqlite" else postgres_url
    assert headway(folder, "migrate", database_url=newer).code == 0
    update = "SET compatible_from = 99"
    if kind == "sqlite":
        with closing(sqlite3.connect(folder / "newer.db")) as connection, connection:
            connection.execute(f"UPDATE schema_compatibility {update}")
    else:
        with session(postgres_url) as outside:
            outside.execute(f"UPDATE schema_version {update}")
    check_refusal(headway(folder, "copy", sqlite_url, newer), 2, "TO: ", "Nothing was written to it")
    check_refusal(headway(folder, "copy", newer, sqlite_url), 2, "FROM: ", "Nothing was written to it")


def test_a_full_disk_is_reported_and_the_copy_can_continue(folder: Path, sqlite_url: str) -> None:
    before = installation(100)
    fill_sqlite(folder, before)
    (folder / "to").mkdir()
    arguments = ["copy", sqlite_url, f"sqlite:///{folder}/to/headway.db"]
    full = subprocess.run(
        ["sh", "-c", 'ulimit -f 1024; exec "$0" "$@"', HEADWAY, *arguments],
        cwd=folder,
        env=service_environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    check_refusal(Finished(full.returncode, full.stdout, full.stderr), 1, "interrupted", "run the same command again")
    assert count_in(folder / "to") % BATCH == 0
    assert count_in(folder / "to") < 5_000
    check_table(headway(folder, *arguments), courses=1, all_progress=5_000, all_course_progress=100)


def test_a_lock_that_stays_is_reported(folder: Path, sqlite_url: str, postgres_url: str) -> None:
    fill_sqlite(folder, installation(1))
    assert headway(folder, "copy", sqlite_url, postgres_url).code == 0
    (folder / "to").mkdir()
    destination = f"sqlite:///{folder}/to/headway.db"
    assert headway(folder, "migrate", database_url=destination).code == 0
    with write_lock(folder / "to"):
        refused = headway(folder, "copy", postgres_url, destination, lock_seconds=0.1)
    check_refusal(refused, 1, "interrupted", "locked")


def test_a_lost_connection_is_reported(folder: Path, sqlite_url: str, postgres_url: str, connected: Session) -> None:
    before = installation(1)
    fill_sqlite(folder, before)
    assert headway(folder, "migrate", database_url=postgres_url).code == 0
    with holding_up(connected, before.all_progress[0]), session(postgres_url) as looking:
        under_way = Copying(folder, sqlite_url, postgres_url)
        waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        eventually(lambda: looking.rows(f"SELECT pg_terminate_backend(pid) {waiting}") != [])
        finished = under_way.finish()
    check_refusal(finished, 1, "interrupted", "terminating connection")


def test_a_user_without_the_right_to_write_is_reported(
    folder: Path, sqlite_url: str, postgres_url: str, connected: Session
) -> None:
    before = installation(1)
    fill_sqlite(folder, before)
    assert headway(folder, "migrate", database_url=postgres_url).code == 0
    role = f"reader_{uuid4().hex}"
    connected.execute(f"CREATE ROLE {role} LOGIN", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    reader_url = postgres_url.replace("postgres@", f"{role}@")
    check_refusal(headway(folder, "copy", sqlite_url, reader_url), 2, "permission denied")
    assert headway(folder, "copy", sqlite_url, postgres_url).code == 0
    back = f"sqlite:///{folder}/back.db"
    check_table(headway(folder, "copy", reader_url, back), courses=1, all_progress=50, all_course_progress=1)
    connected.execute(f"DROP OWNED BY {role}", f"DROP ROLE {role}")
