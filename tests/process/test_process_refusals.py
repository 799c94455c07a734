import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.database import write_ahead_log
from support.load import Written
from support.probes import get
from support.program import Finished, forked_headway_serve, headway
from support.running import SECRET

SHORT_SECRET = "short-but-secret"
PASSWORD = "a-database-password"
NEWER = ("PRAGMA user_version = 99", "UPDATE schema_compatibility SET compatible_from = 99")
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("options", "settings", "said"),
    [
        (["--host", "0.0.0.0"], {"jwt_secret": None}, ["0.0.0.0", "HEADWAY_JWT_SECRET", "127.0.0.1"]),
        (["--host", "::"], {"jwt_secret": None}, ["HEADWAY_JWT_SECRET"]),
        (["--host", "example.org"], {"jwt_secret": None}, ["example.org", "HEADWAY_JWT_SECRET"]),
        (["--host", "0.0.0.0"], {"jwt_secret": ""}, ["HEADWAY_JWT_SECRET"]),
        (["--workers", "2"], {}, ["2 workers", "SQLite", "PostgreSQL"]),
        ([], {"workers": 2}, ["2 workers", "SQLite", "PostgreSQL"]),
        ([], {"jwt_secret": SHORT_SECRET}, ["secret", "16 bytes", "32", "openssl rand"]),
        ([], {"jwt_secret": PRIVATE_KEY}, ["secret", "openssl rand"]),
        ([], {"jwt_secret": None, "jwt_public_key": "absent.pem"}, ["HEADWAY_JWT_PUBLIC_KEY", "PEM"]),
        ([], {"jwt_secret": None, "jwt_public_key": PRIVATE_KEY}, ["private key", "openssl pkey"]),
        ([], {"jwt_secret": None, "jwt_jwks_url": "ftp://id.example/keys"}, ["JWKS", "http"]),
        ([], {"jwt_jwks_url": "http://id.example/keys"}, ["HEADWAY_JWT_SECRET", "HEADWAY_JWT_JWKS_URL", "one of"]),
        ([], {"database_url": f"mysql://me:{PASSWORD}@host/headway"}, ["HEADWAY_DATABASE_URL", "mysql"]),
        ([], {"database_url": "rubbish"}, ["HEADWAY_DATABASE_URL", "sqlite:///"]),
        ([], {"database_url": "sqlite://host/headway.db"}, ["HEADWAY_DATABASE_URL", "sqlite:///"]),
        ([], {"database_url": "sqlite:///"}, ["HEADWAY_DATABASE_URL", "sqlite:///"]),
        ([], {"database_url": ""}, ["HEADWAY_DATABASE_URL"]),
        ([], {"database_url": "sqlite:///absent/headway.db"}, ["absent/headway.db", "HEADWAY_DATABASE_URL"]),
        ([], {"port": "eighty"}, ["HEADWAY_PORT", "integer"]),
        (["--port", "65536"], {}, ["HEADWAY_PORT", "65535"]),
        (["--log-format", "xml"], {}, ["--log-format", "json", "console"]),
        ([], {"lock_seconds": "-1"}, ["HEADWAY_LOCK_SECONDS"]),
        ([], {"queue_limit": 0, "batch_limit": 0}, ["HEADWAY_QUEUE_LIMIT", "HEADWAY_BATCH_LIMIT"]),
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(
    folder: Path, options: list[str], settings: dict[str, object], said: list[str]
) -> None:
    refused = headway(folder, "serve", *options, **settings)
    assert refused.code == 2
    check_sentence(refused, said)


@pytest.mark.parametrize(
    "database_url",
    [
        "http://[x",
        "sqlite:///a%00b.db",
        f"postgresql://me:{PASSWORD}@[::1/headway",
        f"postgresql://me:{PASSWORD}@127.0.0.1:port/headway",
        f"postgresql://me:{PASSWORD}@127.0.0.1:1/headway?sslmode=bogus",
        f"postgresql://me:{PASSWORD}?@127.0.0.1:1/headway",  # what should have been written as %3F
        f"postgresql://me:{PASSWORD}/@127.0.0.1:1/headway",
        f"postgresql://me:{PASSWORD}#@127.0.0.1:1/headway",
    ],
)
def test_a_wrong_database_address_is_refused_with_a_sentence(folder: Path, database_url: str) -> None:
    refused = headway(folder, "serve", database_url=database_url)
    assert refused.code == 2
    check_sentence(refused, ["HEADWAY_DATABASE_URL"])


def test_a_refused_start_makes_no_database(folder: Path) -> None:
    for settings in ({"workers": 2}, {"jwt_secret": SHORT_SECRET}, {"port": "eighty"}):
        assert headway(folder, "serve", **settings).code == 2
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost"])
def test_a_service_with_a_key_listens_on_any_address(folder: Path, host: str) -> None:
    with forked_headway_serve(folder, "--host", host) as running:
        assert get(running, "/healthz").status_code == 200


def test_a_port_that_is_taken_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = headway(folder, "serve", "--port", str(port))
    assert refused.code == 1
    check_sentence(refused, [f"127.0.0.1:{port}", "in use", "--port"])


def test_an_address_of_another_machine_is_refused(folder: Path) -> None:
    refused = headway(folder, "serve", "--host", "203.0.113.9")
    assert refused.code == 1
    check_sentence(refused, ["203.0.113.9:8000"])


def test_a_host_that_does_not_exist_is_refused(folder: Path) -> None:
    refused = headway(folder, "serve", "--host", "absent.invalid")
    assert refused.code == 1
    check_sentence(refused, ["absent.invalid"])


def test_the_database_of_a_newer_headway_stays_unchanged(folder: Path, all_progress: list[Written]) -> None:
    change_database(folder, *NEWER)
    before = contents(folder)
    for arguments in (["serve"], ["migrate"], ["courses", "list"], ["courses", "remove", all_progress[0].course_id]):
        refused = headway(folder, *arguments)
        assert refused.code == 2
        check_sentence(refused, ["version 99", "newer"])
        assert contents(folder) == before


def test_the_log_of_a_newer_headway_stays_unchanged(folder: Path, all_progress: list[Written]) -> None:
    newer = folder / "newer"
    newer.mkdir()
    with closing(sqlite3.connect(folder / "headway.db")) as connection:
        for statement in NEWER:
            connection.execute(statement)
        connection.commit()
        assert write_ahead_log(folder).stat().st_size
        for name in ("headway.db", "headway.db-wal"):  # as a crash of the newer program leaves them
            shutil.copy(folder / name, newer)
    before = contents(newer)
    refused = headway(newer, "serve")
    assert refused.code == 2
    check_sentence(refused, ["version 99"])
    assert contents(newer) == before
    assert all_progress[0].course_id.encode() in before["headway.db"], "there was nothing to lose"


def test_the_database_of_another_program_stays_unchanged(folder: Path) -> None:
    change_database(folder, "CREATE TABLE accounts (id INTEGER)")
    before = contents(folder)
    refused = headway(folder, "serve")
    assert refused.code == 2
    check_sentence(refused, ["headway.db", "another program", "HEADWAY_DATABASE_URL"])
    assert contents(folder) == before


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be read as a header" * 20, b"short"])
def test_a_file_that_is_no_database_stays_unchanged(folder: Path, content: bytes) -> None:
    (folder / "headway.db").write_bytes(content)
    refused = headway(folder, "serve")
    assert refused.code == 2
    check_sentence(refused, ["headway.db", "HEADWAY_DATABASE_URL"])
    assert contents(folder) == {"headway.db": content}


def test_a_folder_at_the_path_of_the_database_is_refused(folder: Path) -> None:
    (folder / "headway.db").mkdir()
    refused = headway(folder, "serve")
    assert refused.code == 2
    check_sentence(refused, ["headway.db", "HEADWAY_DATABASE_URL"])


def change_database(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "headway.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def contents(folder: Path) -> dict[str, bytes]:
    """Return the contents of the files, without the file that SQLite's readers share."""
    files = (path for path in folder.glob("*") if path.is_file() and not path.name.endswith("-shm"))
    return {path.name: path.read_bytes() for path in files}


def check_sentence(refused: Finished, said: list[str]) -> None:
    """Why, on standard error, with nothing in it that is to be kept secret."""
    assert refused.out == ""
    if refused.err.startswith("error: "):
        assert refused.err.count("\n") == 1
    else:
        assert refused.err.startswith("Usage: headway ")  # an option that typer itself refuses
    for fragment in said:
        assert fragment in refused.err
    for secret in (SECRET, SHORT_SECRET, PASSWORD, "MC4CAQAwBQYDK2VwBCIEIA", "Traceback"):
        assert secret not in refused.err
