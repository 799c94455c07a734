from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from headway.cli.commands import app
from support.program import headway, installed_headway

Arguments = tuple[str, ...]


def commands(command: Any, path: Arguments = ()) -> Iterator[Arguments]:
    """Return the names of each command, without the groups of commands."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path
    else:
        for name in below:
            yield from commands(below[name], (*path, name))


COMMANDS = sorted(commands(typer.main.get_command(app)))


def test_the_program_has_the_documented_commands() -> None:
    assert {" ".join(path) for path in COMMANDS} >= {
        "serve", "migrate", "copy", "token", "settings", "demo",
        "courses put", "courses list", "courses show", "courses remove", "courses schema",
        "learners export", "learners erase", "progress import",
    }  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_how_a_command_is_called(folder: Path, command: Arguments) -> None:
    helped = headway(folder, *command, "--help")
    assert helped.code == 0
    assert helped.err == ""
    _usage, _, examples = helped.out.partition("Example")
    assert " ".join(["headway", *command]) in examples
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("group", [(), ("courses",), ("learners",), ("progress",)], ids=" ".join)
def test_a_group_lists_its_commands(folder: Path, group: Arguments) -> None:
    helped = headway(folder, *group, "--help")
    assert helped.code == 0
    for command in COMMANDS:
        if command[:-1] == group:
            assert f" {command[-1]} " in helped.out
    assert headway(folder, *group, "-h") == helped
    assert headway(folder, *group).code == 2


@pytest.mark.parametrize("arguments", [["absent"], ["courses", "absent"], ["serve", "--absent"], ["courses", "put"]])
def test_an_unknown_command_is_refused(folder: Path, arguments: list[str]) -> None:
    refused = headway(folder, *arguments)
    assert refused.code == 2
    assert refused.out == ""
    assert "Usage: headway " in refused.err


def test_the_installed_script_is_the_same_program(folder: Path) -> None:
    expected = (0, f"{version('headway')}\n", "")
    assert installed_headway(folder, "--version") == expected
    assert headway(folder, "--version") == expected
