"""The documents name everything that exists and nothing else, and their examples run."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi import FastAPI
from pydantic_core import PydanticUndefined
from typer.core import TyperGroup

from headway import create_router
from headway.cli.commands import app
from headway.domain.errors import ConfigurationError, HeadwayError, RefusedWriteError, ServerError
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.progress import ProgressUpdate, new_lesson_progress
from headway.formats.course_document import CourseDocument, LessonDocument, course_schema
from headway.http.api.routes import OPERATIONS, PREFIX
from headway.http.engine.endpoint import Operation
from headway.http.engine.errors import CODES_OF_NO_CLASS, REFUSALS, codes_of
from headway.metrics import Metrics
from headway.settings import Settings
from support.demo import running_demo
from support.documentation import examples
from support.running import HEADWAY, SECRET, clean_environment, token

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "headway"
README = ROOT / "README.md"
API = ROOT / "docs" / "api.md"
PEOPLE = ROOT / "docs" / "people.md"
EVENTS = ROOT / "docs" / "events.md"
OPERATIONS_PAGE = ROOT / "docs" / "operations.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("benchmarks/*.md"))]

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    """The OpenAPI document."""
    application = FastAPI()
    application.include_router(create_router(Settings(jwt_secret=SECRET)))
    return application.openapi()


def prose(document: Path) -> str:
    """A document without its code blocks, in which `#` and `[]()` mean something else."""
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)


def without_comments_in_code(document: Path) -> str:
    """A document in which `#` opens a line for a heading only; every character else is where it was."""
    text = document.read_text()
    return re.sub(r"^```.*?^```$", lambda block: block[0].replace("\n#", "\n "), text, flags=re.DOTALL | re.MULTILINE)


def headings(document: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(document), flags=re.MULTILINE)


def operations_in(document: Path) -> list[str]:
    """The operations that a document describes, as method and path."""
    return [heading for heading in headings(document) if re.match(r"[A-Z]+ /", heading)]


def section(document: Path, heading: str) -> str:
    """What stands under a heading, its subsections too, code blocks as well."""
    text = without_comments_in_code(document)
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, flags=re.MULTILINE)
    assert found, f"{document.name} has no heading {heading!r}"
    level = len(found[1])
    rest = text[found.end() :]
    following = re.search(rf"^#{{1,{level}}} ", rest, flags=re.MULTILINE)
    return rest[: following.start()] if following else rest


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, cell by cell, without what heads them."""
    cells = [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in re.findall(r"^\|.*$", text, re.MULTILINE)
    ]
    heads = [index for index, row in enumerate(cells) if set("".join(row)) <= set("-| ")]
    return [row for index, row in enumerate(cells) if index not in heads and index + 1 not in heads]


def code_in_first_cells(text: str) -> list[str]:
    return [row[0].strip("`") for row in rows(text) if row[0].startswith("`")]


def commands(group: TyperGroup, *path: str) -> Iterator[tuple[str, list[str]]]:
    """Every command by its whole name, with its options."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, *path, name)
        else:
            options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
            yield " ".join((*path, name)), options


def all_commands() -> dict[str, list[str]]:
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    return dict(commands(program, "headway"))


def kinds_of(error: type[HeadwayError]) -> Iterator[type[HeadwayError]]:
    yield error
    for kind in error.__subclasses__():
        yield from kinds_of(kind)


def anchor(heading: str) -> str:
    """What links to a heading are written with."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_setting_is_in_the_table_with_its_default() -> None:
    documented = {name: default for name, default, *_ in rows(section(OPERATIONS_PAGE, "Settings"))}
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert PydanticUndefined not in defaults.values()
    shown = {name: "none" if default in (None, []) else f"`{default}`" for name, default in defaults.items()}
    assert documented == {f"`HEADWAY_{name.upper()}`": default for name, default in shown.items()}


OLDER_WORDS = re.compile(
    r"\b(standings?|rederiv\w+|informed|forecasts?|plain (write|PUT)s?|blind|Surroundings|Entrance)\b", re.IGNORECASE
)


@every_document
def test_every_setting_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(r"HEADWAY_[A-Z_]*[A-Z]", document.read_text()))
    assert named <= {f"HEADWAY_{name.upper()}" for name in Settings.model_fields}


def test_every_command_has_its_heading() -> None:
    documented = [heading for heading in headings(OPERATIONS_PAGE) if heading.startswith("headway ")]
    assert sorted(documented) == sorted(all_commands())


@pytest.mark.parametrize("command", all_commands())
def test_every_option_stands_under_its_command(command: str) -> None:
    options = set(all_commands()[command]) - {"--help"}
    assert set(code_in_first_cells(section(OPERATIONS_PAGE, command))) == options


def test_every_operation_has_its_heading() -> None:
    documented = operations_in(API) + operations_in(PEOPLE)
    assert sorted(documented) == sorted(f"{one.method} {PREFIX}{one.path}" for one in OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
def test_every_operation_shows_a_request_and_names_its_refusals(operation: Operation) -> None:
    heading = f"{operation.method} {PREFIX}{operation.path}"
    text = section(PEOPLE if heading in operations_in(PEOPLE) else API, heading)
    assert "curl " in text
    assert set(re.findall(r"\b4\d\d\b", text)) == {str(status) for status in operation.refusals}


def test_every_status_has_its_heading() -> None:
    documented = [int(heading.split()[0]) for heading in headings(API) if re.match(r"\d{3} ", heading)]
    assert sorted(documented) == sorted({refused.status for refused in REFUSALS.values()} | CODES_OF_NO_CLASS.keys())


def test_every_code_is_in_the_table_with_one_meaning() -> None:
    documented = [(cells[0].strip("`"), int(cells[1])) for cells in rows(section(API, "Codes"))]
    codes = [(one.code, one.status) for one in REFUSALS.values() if one.status != 422]
    codes += [(code, status) for status, code in CODES_OF_NO_CLASS.items()]
    assert sorted(documented) == sorted(codes)
    assert len({code for code, _ in codes}) == len(codes)


def test_every_refusal_has_a_code_of_its_own() -> None:
    never_answered = {HeadwayError, RefusedWriteError, ServerError, *kinds_of(ConfigurationError)}
    assert REFUSALS.keys() == set(kinds_of(HeadwayError)) - never_answered
    assert all(bool(one.code) == (one.status != 422) for one in REFUSALS.values())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
def test_the_document_lists_the_codes_of_each_operation(operation: Operation, openapi: dict[str, Any]) -> None:
    responses = openapi["paths"][PREFIX + operation.path][operation.method.lower()]["responses"]
    for status in {503, *operation.refusals} | ({401} if not operation.is_public else set()):
        shape = responses[str(status)]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        code = openapi["components"]["schemas"][shape]["properties"]["code"]
        assert tuple(code.get("enum", [code.get("const")])) == codes_of(status)


def test_every_error_is_named_under_errors() -> None:
    named = set(re.findall(r"\w+Error\b", section(API, "Errors")))
    assert named == {kind.__name__ for kind in kinds_of(HeadwayError)}


def test_every_field_of_lesson_progress_that_can_be_written_is_in_the_write_rule() -> None:
    now = datetime.now(UTC)
    fresh = new_lesson_progress(LearnerId(""), CourseId(""), LessonId(""), ProgressId(""), now)._asdict()
    table = rows(section(API, "The write rule").partition("### ")[0])
    assert [(name, default) for name, default, *_ in table] == [
        (f"`{name}`", f"`{json.dumps(fresh[name])}`") for name in ProgressUpdate.__annotations__
    ]


def test_every_field_of_a_course_document_has_its_line() -> None:
    documented = code_in_first_cells(section(API, "The course document"))
    assert documented == [*CourseDocument.model_fields, *LessonDocument.model_fields]


def test_every_metric_is_in_the_table() -> None:
    families = [family for family in Metrics().registry.collect() if family.name.startswith("headway_")]
    names = [family.name + ("_total" if family.type == "counter" else "") for family in families]
    documented = [name for name in code_in_first_cells(section(OPERATIONS_PAGE, "Metrics")) if " " not in name]
    assert sorted(documented) == sorted(names)


def test_every_event_of_the_log_is_in_the_table() -> None:
    logging = re.compile(r'(?:_log\.(?:debug|info|warning|error|exception)|self\._refuse|EVENT = )\(?\s*"(\w+)"')
    events = {event for file in SOURCE.rglob("*.py") for event in logging.findall(file.read_text())}
    assert set(code_in_first_cells(section(OPERATIONS_PAGE, "Logs"))) == events


def test_the_published_schema_is_the_one_that_documents_are_checked_by() -> None:
    assert json.loads((ROOT / "docs" / "course.schema.json").read_text()) == course_schema()


def test_the_documented_tree_equals_the_source_tree() -> None:
    tree = section(ARCHITECTURE, "The tree").split("```")[1].splitlines()[2:]
    folders: list[str] = []
    documented = set()
    for line in tree:
        name = line.split()[0]
        del folders[(len(line) - len(line.lstrip())) // 2 - 1 :]
        folders.append(name)
        if not name.endswith("/"):
            documented.add("".join(folders))
    files = (path for path in SOURCE.rglob("*") if path.suffix in {".py", ".sql", ".yaml"})
    inner = {"__init__.py"}
    assert documented == {
        str(path.relative_to(SOURCE)) for path in files if path.name not in inner or path.parent == SOURCE
    }


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if link.startswith("https://"):
            continue
        path, _, fragment = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not fragment or fragment in map(anchor, headings(target)), link


@every_document
def test_every_line_fits(document: Path) -> None:
    assert [line for line in document.read_text().splitlines() if len(line) > 120 or line != line.rstrip()] == []


@every_document
def test_every_json_example_is_json(document: Path) -> None:
    for block in examples(document, "json"):
        json.loads(block)


@every_document
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", document.read_text(), flags=re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_every_decision_has_context_decision_and_consequences(decision: Path) -> None:
    title, *parts = headings(decision)
    assert title.startswith(f"{int(decision.stem[:4])}. ")
    assert parts == ["Context", "Decision", "Consequences"]


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(decision.stem[:4]) for decision in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_readme_opens_with_the_two_commands() -> None:
    first_screen = README.read_text().splitlines()[:40]
    assert any(line.startswith("make demo") for line in first_screen)
    assert any(line.startswith("make test") for line in first_screen)


def test_contributing_opens_with_the_one_command() -> None:
    first_lines = (ROOT / "CONTRIBUTING.md").read_text().splitlines()[:5]
    assert "make test" in first_lines


DRIVER = """
import asyncio
import sys

import httpx


async def main():
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://mounted/api/v1/education",
        headers={"Authorization": f"Bearer {sys.argv[1]}"},
    )
    course = "5e757794-c815-4ccc-bf16-1010d8ef2347"
    lesson = "2585ba54-c32a-4ece-8fca-c6fa0530db0e"
    document = {"title": "A course", "lessons": [{"id": lesson, "title": "A lesson"}]}
    async with app.router.lifespan_context(app), client:
        print((await client.put(f"/courses/{course}", json=document)).json()["added"])
        print((await client.put(f"/progress/{course}/lessons/{lesson}", json={"status": "completed"})).status_code)
        print((await client.get(f"/progress/{course}/summary")).json()["completion_percentage"])


asyncio.run(main())
"""


def test_the_readmes_mounting_example_runs(folder: Path) -> None:
    [example] = examples(README, "python", "create_router")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example + DRIVER, token("ada", "courses:write")],
        cwd=folder,
        env=clean_environment(jwt_secret=SECRET),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    expected = ["['2585ba54-c32a-4ece-8fca-c6fa0530db0e']", "200", "100"]
    assert done.stdout.splitlines() == expected, done.stderr
    assert (folder / "headway.db").exists()


@pytest.mark.slow
def test_the_examples_about_people_run_in_the_order_of_the_page_and_once_more(folder: Path) -> None:
    """Only requests with the status of a refusal behind them are refused. The second time, run 2 has begun already."""
    variables, *shown = examples(PEOPLE, "sh")
    page = "".join(shown)
    with running_demo(folder) as demo:
        statuses, answers = curls(variables.replace("http://127.0.0.1:8000", demo.base_url) + page + page, folder)
    refused = re.findall(r"# (4\d\d)$", page, flags=re.MULTILINE)
    assert len(statuses) == 2 * len(re.findall(r"\bcurl ", page)), answers
    assert [status for status in statuses if not status.startswith("2")] == [*refused, "409", *refused], answers


@pytest.mark.slow
def test_the_examples_about_events_run_in_the_order_of_the_page(folder: Path) -> None:
    variables, *shown = examples(EVENTS, "sh")
    page = "".join(shown)
    with running_demo(folder) as demo:
        statuses, answers = curls(variables.replace("http://127.0.0.1:8000", demo.base_url) + page, folder)
    assert statuses == ["200"] * len(re.findall(r"\bcurl ", page)), answers


def curls(script: str, folder: Path) -> tuple[list[str], str]:
    """Run a script in `folder`. Return the status of the answer to each of its curl commands, and all answers."""
    options = r"--silent --noproxy '*' --output /dev/stderr --write-out '%{http_code}\n'"
    environment = clean_environment() | {"PATH": f"{HEADWAY.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", f'curl() {{ command curl {options} "$@"; }}\n{script}'],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    return done.stdout.split(), done.stderr


@every_document
def test_no_document_uses_an_older_word_of_the_glossary(document: Path) -> None:
    """Names in code are not checked, and neither is the glossary's own list of older words."""
    words = re.sub(r"`[^`]*`", "", prose(document).partition("| older word | now |")[0])
    assert [found[0] for found in OLDER_WORDS.finditer(words)] == []
