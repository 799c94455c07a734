"""`headway learners export` and `erase`."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from support.files import line, ndjson
from support.program import Program

EMPTY_EXPORT: dict[str, Any] = {
    "profile": None, "goal": None, "lesson_progress": [], "course_progress": [], "days": [], "completions": [],
    "groups": [], "runs": [], "content_states": [],
}  # fmt: skip


@pytest.fixture
def learners(program: Program, document: dict[str, Any]) -> list[str]:
    """Two learners who wrote in it."""
    found = [str(uuid4()) for _ in range(2)]
    lines = [
        line(learner, document["id"], one["id"], user_notes="Déjà vu", quiz_score=80, metadata={"a": [1, None]})
        for learner in found
        for one in document["lessons"]
    ]
    file = program.folder / "progress.ndjson"
    file.write_bytes(ndjson(lines))
    assert program("progress", "import", str(file)).code == 0
    return found


def exported(program: Program, learner: str) -> dict[str, Any]:
    done = program("learners", "export", learner)
    assert (done.code, done.err) == (0, "")
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_an_export_equals_the_answer_of_the_service(program: Program, learners: list[str]) -> None:
    found = exported(program, learners[0])
    with program.serve() as running, running.client(learners[0]) as learner:
        assert learner.get(f"/learners/{learners[0]}/export").json() == found
    assert {(progress["user_notes"], progress["quiz_score"]) for progress in found["lesson_progress"]} == {
        ("Déjà vu", 80)
    }
    assert (len(found["lesson_progress"]), len(found["course_progress"])) == (2, 1)


def test_only_this_user_may_read_an_export(program: Program, learners: list[str]) -> None:
    done = program("learners", "export", learners[0], "--output", "ada.json")
    assert (done.code, done.out) == (0, f"{learners[0]}: progress in 2 lessons, written to ada.json\n")
    file = program.folder / "ada.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text(encoding="utf-8")) == exported(program, learners[0])


def test_an_export_that_replaces_a_file_is_readable_for_this_user_only(program: Program, learners: list[str]) -> None:
    file = program.folder / "ada.json"
    file.write_text("what everybody may read")
    file.chmod(0o644)
    (program.folder / "link.json").symlink_to(file)
    with file.open(encoding="utf-8") as reader:  # of somebody who has opened it before
        assert program("learners", "export", learners[0], "--output", "link.json").code == 0
        assert reader.read() == "what everybody may read"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text(encoding="utf-8")) == exported(program, learners[0])
    assert sorted(path.name for path in program.folder.glob("*.json*")) == ["ada.json", "course.json", "link.json"]


def test_an_export_to_a_pipe_is_complete(program: Program, learners: list[str]) -> None:
    pipe = program.folder / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(pipe.read_text, encoding="utf-8")
        assert program("learners", "export", learners[0], "--output", "pipe").code == 0
        assert json.loads(said.result(20)) == exported(program, learners[0])
    assert pipe.is_fifo()


def test_a_file_that_can_not_be_written_is_named(program: Program, learners: list[str]) -> None:
    refused = program("learners", "export", learners[0], "--output", "absent/ada.json")
    assert (refused.code, refused.out) == (2, "")
    assert "absent/ada.json can not be written" in refused.err


def test_an_unknown_learner_has_an_empty_export(program: Program, document: dict[str, Any]) -> None:
    assert document
    learner = str(uuid4())
    assert exported(program, learner) == EMPTY_EXPORT | {"user_id": learner}


def test_erasing_removes_one_learner_and_keeps_others(program: Program, learners: list[str]) -> None:
    before = exported(program, learners[1])
    for _ in range(2):
        erased = program("learners", "erase", learners[0].upper(), "--yes")
        assert (erased.code, erased.out) == (0, f"{learners[0]}: erased\n")
        assert "learner_erased" in erased.err
        assert learners[0] in erased.err
        assert "Déjà" not in erased.err
    assert exported(program, learners[0])["lesson_progress"] == []
    assert exported(program, learners[1]) == before


def test_erasing_asks_for_confirmation(program: Program, learners: list[str]) -> None:
    refused = program("learners", "erase", learners[0])  # nobody answers: standard input is at its end
    assert (refused.code, refused.out.strip()) == (1, "")
    assert "It can not be undone" in refused.err
    assert len(exported(program, learners[0])["lesson_progress"]) == 2


def test_a_learner_can_be_named_as_in_a_token(program: Program, document: dict[str, Any]) -> None:
    with program.serve() as running, running.client("ada@example.org") as learner:
        path = f"/progress/{document['id']}/lessons/{document['lessons'][0]['id']}"
        progress = learner.put(path, json={"user_notes": "mine"}).json()
    assert exported(program, "ada@example.org")["user_id"] == progress["user_id"]
    assert len(exported(program, "ada@example.org")["lesson_progress"]) == 1
    erased = program("learners", "erase", "ada@example.org", "--yes")
    assert (erased.code, erased.out) == (0, f"{progress['user_id']}: erased\n")
    assert exported(program, progress["user_id"])["lesson_progress"] == []


@pytest.mark.parametrize("command", [("export",), ("erase", "--yes")])
def test_an_empty_name_of_a_learner_is_refused(program: Program, command: tuple[str, ...]) -> None:
    refused = program("learners", command[0], "", *command[1:])
    assert (refused.code, refused.out) == (2, "")
    assert "LEARNER must not be empty" in refused.err
