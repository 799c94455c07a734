from pathlib import Path

import pytest

from support.probes import free_port
from support.program import Program, check_refusal, headway

PASSWORD = "a-database-password"


@pytest.fixture
def postgres_url(empty_postgres_url: str) -> str:
    """Return the address of a database without tables, which the program has to make."""
    return empty_postgres_url


def test_a_second_migration_does_nothing(program: Program) -> None:
    first = program("migrate")
    assert first.code == 0
    assert first.out.startswith("applied 0001")
    assert program("migrate") == (0, "The schema is up to date.\n", "")


def test_a_service_migrates_when_it_starts(program: Program) -> None:
    with program.serve():
        assert program("migrate").out == "The schema is up to date.\n"


def test_a_file_that_can_not_be_made_is_named(folder: Path) -> None:
    refused = headway(folder, "migrate", database_url="sqlite:///absent/headway.db")
    check_refusal(refused, "absent/headway.db", "HEADWAY_DATABASE_URL")


@pytest.mark.parametrize("hosts", ["127.0.0.1:{}", "127.0.0.1:{},127.0.0.1:{}"], ids=["one", "one of two"])
def test_a_server_that_does_not_answer_is_named(folder: Path, hosts: str) -> None:
    position = f"{hosts.format(free_port(), free_port())}/headway"
    refused = headway(folder, "migrate", database_url=f"postgresql://headway:{PASSWORD}@{position}")
    check_refusal(refused, position, "HEADWAY_DATABASE_URL", code=1)
    assert PASSWORD not in refused.err


def test_a_database_that_the_server_does_not_have_is_named(folder: Path, postgres_url: str) -> None:
    refused = headway(folder, "migrate", database_url=f"{postgres_url}_absent")
    check_refusal(refused, "_absent", "HEADWAY_DATABASE_URL")
