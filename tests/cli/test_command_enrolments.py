"""`headway enrolments`, `headway runs` and `headway completions`."""

import json
from typing import Any
from uuid import uuid4

import pytest

from support.files import line, ndjson
from support.program import Program

UNKNOWN = "497f6eca-6276-4993-bfeb-53cbbbba6f08"


@pytest.fixture
def course_id(document: dict[str, Any]) -> str:
    course_id: str = document["id"]
    return course_id


def enrolled(program: Program, course_id: str) -> list[dict[str, Any]]:
    done = program("enrolments", "list", course_id, "--json")
    assert (done.code, done.err) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


def test_a_learner_is_enrolled_listed_and_ended(program: Program, course_id: str) -> None:
    nobody = program("enrolments", "list", course_id)
    assert (nobody.code, nobody.out) == (
        0, "Nobody is enrolled. Enrol a learner with: headway enrolments put COURSE LEARNER\n",
    )  # fmt: skip
    learner = str(uuid4())
    done = program("enrolments", "put", course_id, learner, "--due", "2020-06-30T22:00:00+02:00")
    assert (done.code, done.out) == (0, f"{learner}: enrolled in {course_id}, due 2020-06-30 20:00 UTC\n")
    [found] = enrolled(program, course_id)
    assert (found["user_id"], found["due_at"], found["late"]) == (learner, "2020-06-30T20:00:00Z", True)
    table = program("enrolments", "list", course_id).out.splitlines()
    assert table[1].split() == [learner, "not", "started", "2020-06-30", "20:00", "UTC", "late"]
    assert program("enrolments", "end", course_id, learner).out == f"{learner}: not enrolled in {course_id} any more\n"
    assert enrolled(program, course_id) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["put", "{course}", "ada", "--due", "tomorrow"], "--due tomorrow is not a time with an offset from UTC"),
        (["put", "{course}", "ada", "--due", "2027-01-01"], "--due 2027-01-01 is not a time with an offset from UTC"),
        (["put", UNKNOWN, "ada"], f"Course {UNKNOWN} is not in the catalogue."),
        (["end", UNKNOWN, "ada"], f"Course {UNKNOWN} is not in the catalogue."),
        (["list", UNKNOWN], f"Course {UNKNOWN} is not in the catalogue."),
        (
            ["put", "{course}", "ada", "--starts", "2027-01-02T00:00:00Z", "--due", "2027-01-01T00:00:00Z"],
            "The due date must be after the start.",
        ),
    ],
)
def test_a_wrong_argument_changes_nothing(program: Program, course_id: str, arguments: list[str], reason: str) -> None:
    done = program("enrolments", *(argument.format(course=course_id) for argument in arguments))
    assert done.code != 0
    assert reason in done.err
    assert enrolled(program, course_id) == []


def test_a_course_is_done_again(program: Program, document: dict[str, Any]) -> None:
    learner, course_id = str(uuid4()), document["id"]
    file = program.folder / "begun.ndjson"
    file.write_bytes(ndjson([line(learner, course_id, document["lessons"][0]["id"], progress_percentage=40)]))
    assert program("progress", "import", str(file)).code == 0
    begun = program("runs", "begin", course_id, learner, "--due", "2999-06-30T22:00:00Z")
    assert (begun.code, begun.out) == (0, f"{learner}: run 2 of {course_id}, due 2999-06-30 22:00 UTC\n")
    first, second = json.loads(program("runs", "list", course_id, learner, "--json").out)
    assert [first["number"], second["number"]] == [1, 2]
    lines = [one.split()[:4] for one in program("runs", "list", course_id, learner).out.splitlines()]
    assert lines[1:] == [["1", "in", "progress", "0"], ["2", "not", "started", "0"]]
    shown = json.loads(program("runs", "show", course_id, learner, "1").out)
    assert [one["progress_percentage"] for one in shown["lesson_progress"]] == [40]
    for arguments, reason in (
        (["begin", course_id, learner], "The learner has not started run 2 yet."),
        (["begin", course_id, str(uuid4())], "is not enrolled in course"),
        (["show", course_id, learner, "7"], "has no run 7 of course"),
        (["show", course_id, learner, "0"], "NUMBER"),
        (["list", UNKNOWN, learner], "is not in the catalogue"),
        (["begin", course_id, learner, "--due", "soon"], "--due soon is not a time"),
    ):
        refused = program("runs", *arguments)
        assert refused.code != 0
        assert reason in refused.err
    assert len(json.loads(program("runs", "list", course_id, learner, "--json").out)) == 2


def test_completions_are_listed(program: Program, document: dict[str, Any]) -> None:
    learner = str(uuid4())
    assert program("completions", "list", learner).out == f"{learner} has not completed a course.\n"
    lines = [
        line(learner, document["id"], one["id"], status="completed", progress_percentage=100, quiz_score=80)
        for one in document["lessons"]
    ]
    file = program.folder / "completed.ndjson"
    file.write_bytes(ndjson(lines))
    assert program("progress", "import", str(file)).code == 0
    [found] = json.loads(program("completions", "list", learner, "--json").out)
    assert (found["course_id"], found["completion_percentage"], found["score"]) == (document["id"], 100, 80)
    assert f"  {document['id']}  80" in program("completions", "list", learner).out
    program("enrolments", "put", document["id"], learner, "--due", "2020-06-30T22:00:00+02:00")
    assert "completed late" in program("enrolments", "list", document["id"]).out
