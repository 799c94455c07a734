"""`headway progress import`."""

import json
import os
import pty
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.documents import course_document, document_file
from support.files import as_csv, line, ndjson
from support.program import Finished, ForkedProgram, Program, all_shown, drain, open_memory_file
from support.running import eventually, lesson, service_environment
from support.tables import let_imports_run_out, rows

OPERATOR = "00000000-0000-0000-0000-000000000000"
LINES = 3_000
NOTED = "SELECT line FROM imports"
Lines = list[dict[str, Any]]


@pytest.fixture
def lines(document: dict[str, Any]) -> Lines:
    course_id, lessons = document["id"], [one["id"] for one in document["lessons"]]
    return [
        line(str(uuid4()), course_id, lessons[number % 2], progress_percentage=number, user_notes="mine")
        for number in range(5)
    ]


def file(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def held(program: Program) -> int:
    [(count,)] = rows(program.database_url, "SELECT count(*) FROM lesson_progress")
    return int(count)


def exported(program: Program, learner_id: str) -> Lines:
    found: Lines = json.loads(program("learners", "export", learner_id).out)["lesson_progress"]
    return found


@pytest.mark.parametrize("name", ["progress.csv", "PROGRESS.CSV", "progress.ndjson", "progress.jsonl"])
def test_a_file_is_imported_by_its_name(program: Program, lines: Lines, name: str) -> None:
    content = as_csv(lines, mark="\ufeff") if name.lower().endswith("csv") else ndjson(lines)
    path = file(program.folder, name, content)
    done = program("progress", "import", path)
    assert done == Finished(0, "5 lines: 5 written, 0 unchanged, 0 refused.\n", "")
    [progress] = exported(program, lines[4]["user_id"])
    assert progress.items() >= lines[4].items()
    assert progress["written_by"] == OPERATOR
    assert program("progress", "import", path).out == "5 lines: 0 written, 5 unchanged, 0 refused.\n"


def test_a_file_of_another_name_needs_a_format(program: Program, lines: Lines) -> None:
    path = file(program.folder, "progress.txt", as_csv(lines))
    refused = program("progress", "import", path)
    assert (refused.code, refused.out) == (2, "")
    assert "The format of progress.txt is not known. Name it with --format: csv, ndjson or export." in refused.err
    assert program("progress", "import", path, "--format", "csv").out.startswith("5 lines: 5 written")


def test_wrong_lines_are_printed(program: Program, lines: Lines) -> None:
    lines[1]["progress_percentage"] = 101
    lines[3]["lesson_id"] = unknown = str(uuid4())
    content = as_csv(lines) + b"1,2\n"
    done = program("progress", "import", file(program.folder, "progress.csv", content))
    assert done.code == 1
    assert done.out.splitlines() == [
        "line 3: progress_percentage: Input should be less than or equal to 100",
        f"line 5: lesson_id: Lesson {unknown} is not in course {lines[0]['course_id']}.",
        "line 7: The line has 2 cells, the header 5.",
        "6 lines: 3 written, 0 unchanged, 3 refused.",
    ]
    assert held(program) == 3


def test_faults_that_are_not_listed_are_counted(program: Program, document: dict[str, Any]) -> None:
    assert document
    done = program("progress", "import", file(program.folder, "progress.ndjson", b"[]\n" * 1_200))
    assert done.code == 1
    assert done.out.splitlines()[-2:] == ["… and more.", "1,200 lines: 0 written, 0 unchanged, 1,200 refused."]


def test_a_dry_run_writes_nothing(program: Program, lines: Lines) -> None:
    lines[1]["course_id"] = str(uuid4())
    done = program("progress", "import", file(program.folder, "progress.csv", as_csv(lines)), "--dry-run")
    assert done.code == 1
    assert done.out.splitlines()[0].startswith("line 3: course_id: Course ")
    assert done.out.splitlines()[1:] == ["5 lines: 4 would be written, 0 unchanged, 1 refused."]
    assert held(program) == 0


def test_an_atomic_import_writes_all_lines_or_none(program: Program, lines: Lines) -> None:
    wrong = [*lines, lines[0] | {"lesson_id": str(uuid4())}]
    refused = program("progress", "import", file(program.folder, "progress.csv", as_csv(wrong)), "--atomic")
    assert refused.code == 1
    assert refused.out.splitlines()[0].startswith("line 7: lesson_id: Lesson ")
    assert refused.out.splitlines()[1:] == ["Nothing was written. Wrong lines: 1."]
    assert held(program) == 0
    done = program("progress", "import", file(program.folder, "progress.csv", as_csv(lines)), "--atomic")
    assert (done.code, held(program)) == (0, 5)


def test_a_dry_run_of_an_atomic_import_answers_the_same_as_the_import(program: Program, lines: Lines) -> None:
    good = file(program.folder, "good.csv", as_csv(lines))
    wrong = file(program.folder, "wrong.csv", as_csv([*lines, lines[0] | {"lesson_id": str(uuid4())}]))
    refused = program("progress", "import", wrong, "--dry-run", "--atomic")
    assert refused.code == 1
    fault, sums = refused.out.splitlines()
    assert sums == "Nothing would be written. Wrong lines: 1."
    assert program("progress", "import", wrong, "--atomic").out.splitlines()[0] == fault
    rehearsed = program("progress", "import", good, "--dry-run", "--atomic")
    assert rehearsed == Finished(0, "5 lines: 5 would be written, 0 unchanged, 0 refused.\n", "")
    assert held(program) == 0
    assert program("progress", "import", good, "--atomic").out == rehearsed.out.replace("would be written", "written")
    again = program("progress", "import", good, "--dry-run", "--atomic")
    assert again.out == "5 lines: 0 would be written, 5 unchanged, 0 refused.\n"


def test_an_atomic_import_with_too_many_lines_is_refused(program: Program, lines: Lines) -> None:
    path = file(program.folder, "progress.ndjson", ndjson(lines[:1]) * 10_001)
    refused = program("progress", "import", path, "--atomic")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("error: At most 10000 lines")


def test_a_wrong_header_is_named(program: Program, lines: Lines) -> None:
    content = as_csv([one | {"colour": "red"} for one in lines])
    refused = program("progress", "import", file(program.folder, "progress.csv", content))
    assert (refused.code, refused.out) == (2, "")
    assert "1.colour: There is no column 'colour'" in refused.err
    assert held(program) == 0


def test_a_missing_file_is_named(program: Program) -> None:
    refused = program("progress", "import", "absent.csv")
    assert refused.code == 2
    assert "absent.csv" in refused.err


def interrupted(program: Program, document: dict[str, Any]) -> tuple[str, str]:
    """Kill an import in the middle. Return the path of its file, and the learner of its first line."""
    learners = [str(uuid4()) for _ in range(LINES)]
    content = as_csv([line(learner, document["id"], document["lessons"][0]["id"]) for learner in learners])
    path = file(program.folder, "progress.csv", content)
    out, err = open_memory_file("out"), open_memory_file("err")
    environment = service_environment(program.folder, database_url=program.database_url)
    started = ForkedProgram(("progress", "import", path), program.folder, environment, out=out, err=err)
    eventually(lambda: any(number > 500 for (number,) in rows(program.database_url, NOTED)))
    started.kill()
    started.wait(20)
    assert (drain(out), drain(err)) == ("", "")
    assert 500 <= held(program) < LINES
    return path, learners[0]


def test_an_interrupted_import_continues(program: Program, document: dict[str, Any]) -> None:
    path, first = interrupted(program, document)
    let_imports_run_out(program.database_url)
    assert program("learners", "erase", first, "--yes").code == 0
    again = program("progress", "import", path)
    assert again.code == 0
    assert again.out.startswith(f"{LINES:,} lines: ")
    assert held(program) == LINES - 1  # the first line was through, and was not written again
    assert rows(program.database_url, "SELECT * FROM imports") == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_import_that_has_just_stopped_is_waited_for(program: Program, document: dict[str, Any]) -> None:
    path, _ = interrupted(program, document)
    again = program("progress", "import", path)
    assert again.code == 0
    assert "or has just stopped. Waiting 10 seconds" in again.err
    assert held(program) == LINES


def test_an_import_works_while_the_service_runs(program: Program, lines: Lines) -> None:
    with program.serve() as running, running.client(lines[0]["user_id"]) as learner:
        path = f"/progress/{lines[0]['course_id']}/lessons/{lines[0]['lesson_id']}"
        learner.put(path, json={"progress_percentage": 50}).raise_for_status()
        done = program("progress", "import", file(program.folder, "progress.ndjson", ndjson(lines)))
        assert done.out == "5 lines: 5 written, 0 unchanged, 0 refused.\n"
        eventually(lambda: learner.get(path).headers.get("headway-written-by") == OPERATOR)
        assert learner.get(path).json().items() >= {"progress_percentage": 50, "user_notes": "mine"}.items()


def test_a_terminal_shows_the_progress_of_an_import(program: Program, lines: Lines) -> None:
    path = file(program.folder, "progress.csv", as_csv(lines * 200))
    terminal, shown = pty.openpty()
    out = open_memory_file("out")
    environment = service_environment(program.folder, database_url=program.database_url) | {"TERM": "xterm"}
    started = ForkedProgram(("progress", "import", path), program.folder, environment, out=out, err=shown)
    os.close(shown)
    seen = all_shown(terminal)
    assert started.wait(20) == 0
    assert "Importing" in seen
    assert "100%" in seen
    assert drain(out) == "1,000 lines: 5 written, 995 unchanged, 0 refused.\n"


def test_a_completion_that_is_held_back_is_reported(program: Program) -> None:
    quiz = lesson(kind="quiz", pass_mark=70)
    found = course_document(quiz)
    program("courses", "put", str(document_file(program.folder / "course.json", found)))
    a_line = line(str(uuid4()), found["id"], quiz["id"], status="completed")
    assert program("progress", "import", file(program.folder, "one.ndjson", ndjson([a_line]))).out.splitlines() == [
        "1 line: 1 written, 0 unchanged, 0 refused.",
        "Not completed, because a condition of the lesson is not met: 1.",
    ]
