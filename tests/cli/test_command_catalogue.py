import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from headway.domain.text import sort_key
from support.documents import as_written, course_document, document_file, full_document
from support.load import Written
from support.program import Finished, Program, check_refusal, headway
from support.running import Running, eventually, lesson


def test_a_new_catalogue_says_how_to_fill_it(program: Program) -> None:
    listed = program("courses", "list")
    assert listed.code == 0
    assert "headway courses put" in listed.out


def test_the_list_is_by_title_and_counts_lessons(program: Program) -> None:
    zoology = course_document(lesson(), lesson(), title="Zoology")
    algebra = course_document(lesson(), lesson(required=False), lesson(required=False), title="Algebra")
    put(program, zoology, algebra)
    _heading, *lines = program("courses", "list").out.splitlines()
    assert [line.split() for line in lines] == [
        [algebra["id"], "Algebra", "3", "1"],
        [zoology["id"], "Zoology", "2", "2"],
    ]


@pytest.mark.parametrize("title", ["Intro [advanced]", "Open [/] close", "Ratios :rocket: 1:2"])
def test_a_title_is_listed_unchanged(program: Program, title: str) -> None:
    put(program, course_document(title=title))
    assert title in program("courses", "list").out


def test_a_list_in_a_pipe_has_one_line_for_each_course(program: Program) -> None:
    put(program, course_document(title="A long title " * 10), course_document())
    assert len(program("courses", "list").out.splitlines()) == 3


def test_more_courses_than_a_page_holds_are_all_listed_by_title(program: Program, tamper: Callable[..., None]) -> None:
    titles = [f"Course {number:04}" for number in range(2_001)]
    blob = "'\\x{}'" if program.database_url.startswith("postgresql:") else "x'{}'"
    values = [f"('{uuid4()}', '{title}', 3, 2, 1, {blob.format(sort_key(title).hex())})" for title in titles[::-1]]
    assert program("migrate").code == 0
    tamper(
        "INSERT INTO courses (course_id, title, lessons, required_lessons, version, sort_key) "
        f"VALUES {', '.join(values)}"
    )
    _heading, *lines = program("courses", "list").out.splitlines()
    assert [line.split()[1:] for line in lines] == [[*title.split(), "3", "2"] for title in titles]


def test_an_earlier_title_with_control_characters_is_shown_safely(folder: Path, sqlite_url: str) -> None:
    program, document = Program(folder, sqlite_url), course_document()
    put(program, document)
    title = "a\x1b[31m\x9b2J\u202egnp"
    with closing(sqlite3.connect(folder / "headway.db")) as stored, stored:
        stored.execute("UPDATE courses SET title = ?", [title])
        stored.execute("UPDATE lessons SET title = ?", [title])
    harmless = "\u2068a\\u001b[31m\\u009b2J\u202egnp\u2069"
    assert harmless in program("courses", "list").out
    assert harmless in program("stats").out
    assert harmless in program("stats", document["id"]).out
    for finished in (program("courses", "show", document["id"]), program("stats", "--csv"), program("stats", "--json")):
        assert not {"\x1b", "\x9b"} & set(finished.out)
    assert json.loads(program("courses", "show", document["id"]).out)["title"] == title


def test_a_shown_document_can_be_put_again_and_changes_nothing(program: Program) -> None:
    document = full_document()
    put(program, document)
    shown = program("courses", "show", document["id"])
    assert shown.code == 0
    assert as_written(json.loads(shown.out)) == document
    (program.folder / "shown.json").write_text(shown.out)
    assert program("courses", "put", "shown.json").out.endswith(": unchanged\n")


def test_a_course_that_was_removed_is_gone_until_it_is_put_back(program: Program) -> None:
    removed, stays = course_document(title="Removed"), course_document(title="Stays")
    put(program, removed, stays)
    assert program("courses", "remove", removed["id"]) == (0, f"{removed['id']}: removed\n", "")
    listed = program("courses", "list").out
    assert "Stays" in listed
    assert "Removed" not in listed
    check_refusal(program("courses", "show", removed["id"]), removed["id"], code=1)
    assert put(program, removed).out.endswith(": created, 3 added\n")


@pytest.mark.parametrize("command", ["show", "remove"])
def test_an_unknown_course_is_named(program: Program, command: str) -> None:
    unknown = str(uuid4())
    check_refusal(program("courses", command, unknown), unknown, code=1)


@pytest.mark.parametrize("command", ["show", "remove"])
@pytest.mark.parametrize("course_id", ["no-uuid", "", "7b1f0f6e-2c5a-4f0e-9a50-0d5f0d3c1a0", "[/]"])
def test_a_malformed_id_is_refused(folder: Path, command: str, course_id: str) -> None:
    check_refusal(headway(folder, "courses", command, course_id), "COURSE is not a UUID")


def test_an_id_in_capitals_is_the_same_id(program: Program) -> None:
    document = course_document()
    put(program, document)
    assert json.loads(program("courses", "show", document["id"].upper()).out)["id"] == document["id"]
    assert program("courses", "remove", document["id"].upper()).code == 0


def test_a_running_service_follows_a_change(program: Program) -> None:
    document = course_document()
    first, second, third = document["lessons"]
    progress = Written(str(uuid4()), document["id"], first["id"])
    with program.serve() as running, running.client(progress.learner) as learner:
        # Another process's change may be seen up to a second late on PostgreSQL: docs/operations.md.
        assert learner.get(f"/courses/{document['id']}").status_code == 404
        put(program, document)
        eventually(lambda: learner.get(f"/courses/{document['id']}").json().get("title") == document["title"])
        assert learner.put(progress.path, json={"status": "completed"}).status_code == 200
        eventually(lambda: figures(running, progress) == (3, 1, [first["id"]]))

        put(program, document | {"lessons": [second, third]})
        eventually(lambda: figures(running, progress) == (2, 0, []))
        assert learner.put(progress.path, json={}).status_code == 404

        put(program, document | {"lessons": [first, third | {"required": False}]})
        eventually(lambda: figures(running, progress) == (1, 1, [first["id"]]))

        assert program("courses", "remove", document["id"]).code == 0
        eventually(lambda: learner.get(f"/progress/{document['id']}").status_code == 404)
        eventually(lambda: learner.get("/progress").json() == [])
        assert learner.put(progress.path, json={}).status_code == 404

        put(program, document)
        eventually(lambda: figures(running, progress) == (3, 1, [first["id"]]))


def test_a_course_put_over_http_is_seen_by_the_command_line(program: Program) -> None:
    document = full_document()
    with program.serve() as running:
        running.put_course(document, document["id"])
        assert as_written(json.loads(program("courses", "show", document["id"]).out)) == document


def figures(running: Running, progress: Written) -> tuple[int, int, list[str]]:
    """Return the number of lessons, of completed lessons, and of listed lessons."""
    with running.client(progress.learner) as client:
        summary = client.get(f"/progress/{progress.course_id}/summary").json()
        listed = client.get(f"/progress/{progress.course_id}").json()
    return summary["total_lessons"], summary["completed_lessons"], [one["lesson_id"] for one in listed]


def put(program: Program, *documents: dict[str, Any]) -> Finished:
    files = [str(document_file(program.folder / f"{document['id']}.json", document)) for document in documents]
    finished = program("courses", "put", *files)
    assert finished.code == 0, finished.err
    return finished
