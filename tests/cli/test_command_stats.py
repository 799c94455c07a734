"""`headway stats`: the API's figures in a terminal, in a pipe, as JSON and as CSV."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console

from headway.cli.statistics import _Bar
from support.documents import course_document, document_file
from support.load import Written
from support.postgres import session
from support.program import Program, on_a_terminal
from support.running import Running, lesson


@pytest.fixture
def document() -> dict[str, Any]:
    lessons = (
        lesson(title="Flour [bold]"),
        lesson(title="=1+1", kind="quiz", pass_mark=60),
        lesson(title="More", required=False),
    )
    return course_document(*lessons, title="Bread, at home", time_zone="Asia/Tokyo")


@pytest.fixture
def learners() -> Sequence[str]:
    return [str(uuid4()) for _ in range(4)]


@pytest.fixture
def running(program: Program, document: dict[str, Any], learners: Sequence[str]) -> Iterator[Running]:
    """Yield a service with four learners: all started the first lesson, two completed it, one is in the quiz."""
    with program.serve() as running:
        running.put_course(document, document["id"])
        first, quiz, _ = (one["id"] for one in document["lessons"])
        for learner in learners:
            put(running, Written(learner, document["id"], first), {"progress_percentage": 20, "time_spent_minutes": 3})
        for learner in learners[:2]:
            put(running, Written(learner, document["id"], first), {"status": "completed"})
        put(running, Written(learners[0], document["id"], quiz), {"quiz_score": 80, "quiz_attempts": 2})
        yield running


def put(running: Running, progress: Written, body: dict[str, Any]) -> None:
    with running.client(progress.learner) as client:
        client.put(progress.path, json=body).raise_for_status()


def answered(running: Running, path: str) -> Any:
    with running.client(None, "statistics:read") as client:
        return client.get(path).raise_for_status().json()


def test_json_equals_the_answer_of_the_api(program: Program, running: Running, document: dict[str, Any]) -> None:
    one, every = program("stats", document["id"], "--json"), program("stats", "--json")
    assert (one.code, every.code) == (0, 0)
    assert json.loads(one.out) == answered(running, f"/statistics/{document['id']}")
    assert json.loads(every.out) == answered(running, "/statistics")
    assert len(one.out.splitlines()) == len(every.out.splitlines()) == 1


def test_a_groups_figures_equal_the_answer_of_the_api(
    program: Program, running: Running, document: dict[str, Any], learners: Sequence[str]
) -> None:
    group_id = str(uuid4())
    members = [option for learner in learners[1:3] for option in ("--member", learner)]
    assert program("groups", "put", group_id, "--title", "Class 7b", *members).code == 0
    printed = program("stats", document["id"], "--group", group_id, "--json")
    figures = json.loads(printed.out)
    assert (figures["learners"], figures["lessons"][0]["completed"]) == (2, 1)
    assert figures == answered(running, f"/statistics/{document['id']}?group={group_id}")
    every = json.loads(program("stats", "--group", group_id, "--json").out)
    assert every == answered(running, f"/statistics?group={group_id}")
    assert [one["learners"] for one in every if one["course_id"] == document["id"]] == [2]


def test_csv_has_a_line_for_each_lesson(program: Program, running: Running, document: dict[str, Any]) -> None:
    printed = program("stats", document["id"], "--csv")
    assert printed.code == 0
    lines = list(csv.DictReader(io.StringIO(printed.out)))
    expected = answered(running, f"/statistics/{document['id']}")["lessons"]
    assert [line["lesson_id"] for line in lines] == [one["lesson_id"] for one in expected]
    assert [line["title"] for line in lines] == ["Flour [bold]", "'=1+1", "More"], "no title is a formula"
    assert [line["required"] for line in lines] == ["true", "true", "false"]
    for line, lesson_ in zip(lines, expected, strict=True):
        del lesson_["score_distribution"]
        assert list(line) == list(lesson_)
        for name in lesson_.keys() - {"title", "required"}:
            assert line[name] == ("" if lesson_[name] is None else str(lesson_[name])), name


def test_csv_of_all_courses_has_a_line_for_each_course(
    program: Program, running: Running, document: dict[str, Any]
) -> None:
    [line] = csv.DictReader(io.StringIO(program("stats", "--csv").out))
    [expected] = answered(running, "/statistics")
    assert line == {name: "" if value is None else str(value) for name, value in expected.items()}
    assert (line["course_id"], line["learners"]) == (document["id"], "4")


def test_a_pipe_gets_every_figure(program: Program, running: Running, document: dict[str, Any]) -> None:
    printed = program("stats", document["id"])
    assert printed.code == 0
    title, *lines = printed.out.splitlines()
    assert title == "Bread, at home"
    figures = dict(line.rsplit("  ", maxsplit=1) for line in lines[: lines.index("")])
    assert {name.strip(): value.strip() for name, value in figures.items()} == {
        "learners": "4", "active in the last 7 days": "4", "active in the last 30 days": "4", "completed": "1",
        "completion rate": "25 %", "mean completion": "37.5 %", "minutes in all": "12", "minutes a learner": "3",
    }  # fmt: skip
    heading, flour, quiz, more = (" ".join(line.split()) for line in lines[lines.index("") + 1 :])
    assert heading.split() == [
        "lesson",
        "started",
        "completed",
        "stopped",
        "here",
        "drop-off",
        "pass",
        "rate",
        "median",
        "score",
        "minutes",
    ]
    assert flour.split() == ["Flour", "[bold]", "█" * 15 + "░" * 15, "4", "2", "3", "75", "%", "-", "-", "3"]
    assert quiz.split() == ["=1+1", "█" * 8, "1", "1", "0", "0", "%", "100", "%", "80", "0"]
    assert more.split() == ["More", "(optional)", "0", "0", "0", "-", "-", "-", "-"]
    assert running.process.poll() is None


def test_a_pipe_gets_a_line_for_each_course(program: Program, running: Running, document: dict[str, Any]) -> None:
    other = course_document(title="Empty")
    assert program("courses", "put", str(document_file(program.folder / "other.json", other))).code == 0
    _heading, bread, empty = program("stats").out.splitlines()
    assert bread.split() == [document["id"], "Bread,", "at", "home", *["4", "4", "4", "1", "25", "%", "37.5", "%"]]
    assert empty.split() == [other["id"], "Empty", *["0", "0", "0", "0", "-", "-"]]
    assert running.process.poll() is None


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_terminal_gets_no_line_that_is_too_long(
    program: Program, running: Running, document: dict[str, Any], columns: int
) -> None:
    for arguments in (("stats", document["id"]), ("stats",)):
        code, printed = on_a_terminal(program.folder, *arguments, columns=columns, database_url=program.database_url)
        assert code == 0
        lines = plain(printed).splitlines()
        assert max(map(len, lines)) <= columns
        assert re.search(r"\b4\b", plain(printed)), "the figures are there, whatever else has to give way"
    assert running.process.poll() is None


def test_an_empty_catalogue_says_how_to_fill_it(program: Program) -> None:
    assert "headway courses put" in program("stats").out
    assert program("stats", "--json").out == "[]\n"
    assert program("stats", "--csv").out == ""


def test_unknown_courses_and_wrong_options_are_refused(program: Program) -> None:
    unknown = str(uuid4())
    absent = program("stats", unknown)
    assert (absent.code, absent.out) == (1, "")
    assert unknown in absent.err
    assert program("stats", "no-uuid").code == 2
    both = program("stats", "--json", "--csv")
    assert (both.code, both.out) == (2, "")
    assert "--json" in both.err


def test_a_statement_that_postgresql_refuses_is_reported(folder: Path, postgres_url: str) -> None:
    program = Program(folder, postgres_url)
    assert program("migrate").code == 0
    with session(postgres_url) as operator:
        operator.execute("ALTER TABLE course_statistics ALTER COLUMN learners TYPE text")
    refused = program("stats")
    assert (refused.code, refused.out) == (1, "")
    assert "sum(text)" in refused.err
    assert "Traceback" not in refused.err


def plain(printed: str) -> str:
    """Return what a terminal shows, without the colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", printed).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("completed", "started", "cells"), [(1999, 2000, "█" * 29 + "░"), (1, 2000, "█" + "░" * 29), (0, 2000, "░" * 30)]
)
def test_a_bar_is_full_or_empty_only_if_its_figures_are(completed: int, started: int, cells: str) -> None:
    terminal = Console(file=io.StringIO(), width=80, legacy_windows=False)
    with terminal.capture() as captured:
        terminal.print(_Bar(completed, started, started))
    assert captured.get().strip() == cells
