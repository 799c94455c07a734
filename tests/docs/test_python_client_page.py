"""docs/python-client.md: its examples run in the order of the page, and its table names every method."""

import inspect
import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from headway import client as package
from headway.client import Client, HeadwayError
from support.demo import running_demo
from support.documentation import examples
from support.running import HEADWAY, clean_environment

PAGE: Final = Path(__file__).parents[2] / "docs" / "python-client.md"


def public(value: object) -> list[str]:
    return [name for name, _ in inspect.getmembers(value, inspect.ismethod) if not name.startswith("_")]


def table(heading: str) -> dict[str, list[str]]:
    """Return the rows under a heading: the names in the first cell, and the names in the second one."""
    section = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found: dict[str, list[str]] = {}
    for first, rest in re.findall(r"^\| `([\w.]+)` \| (.+) \|$", section, flags=re.MULTILINE):
        found.setdefault(first, []).extend(re.findall(r"`(\w+)`", rest))
    return found


@pytest.mark.slow
def test_the_examples_run_in_the_order_of_the_page(folder: Path) -> None:
    [variables] = examples(PAGE, "sh")
    with running_demo(folder) as demo:
        (folder / "page.py").write_text(
            "".join(examples(PAGE, "python")).replace("http://127.0.0.1:8000", demo.base_url)
        )
        done = subprocess.run(
            ["bash", "-e", "-c", f"{variables}\npython -W error page.py"],
            cwd=folder,
            env=clean_environment() | {"PATH": f"{HEADWAY.parent}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert printed[:2] == ["Ada Lovelace ada@school.example", "50"]
    assert {
        "1 written, 0 refused",
        "Katherine Johnson has not started",
        "lesson.completed True",
        "422 [(['body', 'progress_percentage'], 'less_than_equal')]",
        "goal_not_found",
    } <= set(printed), done.stdout


def test_every_method_is_in_the_table() -> None:
    with Client("http://127.0.0.1:1", "a token") as client:
        subjects = {name: value for name, value in vars(client).items() if not name.startswith("_")}
        methods = {f"client.{name}": public(value) for name, value in subjects.items()} | {"client": public(client)}
    documented = {subject: sorted(names) for subject, names in table("What it can do").items()}
    assert documented == methods


def test_every_error_is_in_the_table() -> None:
    kinds = [one for one in vars(package).values() if isinstance(one, type) and issubclass(one, HeadwayError)]
    assert sorted(table("Errors")) == sorted(kind.__name__ for kind in kinds)
