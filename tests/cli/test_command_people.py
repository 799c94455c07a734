"""`headway people list`, `show` and `import`."""

import json
import zipfile
from typing import Any
from uuid import uuid4

import pytest

from support.files import line, ndjson
from support.program import Program
from support.running import Running


@pytest.fixture
def people(program: Program) -> list[str]:
    """Two learners with profiles."""
    learners = [str(uuid4()) for _ in range(2)]
    with program.serve() as running, _admin(running) as admin:
        for learner, name in zip(learners, ("Zebra", "Ábaco"), strict=True):
            profile = {"name": name, "email": f"{name[:1].lower()}@example.org", "external_id": "47"}
            admin.put(f"/learners/{learner}/profile", json=profile).raise_for_status()
    return learners


def _admin(running: Running) -> Any:
    return running.client(None, "learners:admin")


def test_people_are_listed_by_name(program: Program, people: list[str]) -> None:
    done = program("people", "list")
    assert (done.code, done.err) == (0, "")
    heading, *lines, count = done.out.splitlines()
    assert heading.split() == ["id", "name", "e-mail", "external", "id"]
    assert [one.split()[:2] for one in lines] == [[people[1], "Ábaco"], [people[0], "Zebra"]]
    assert count == "2 learners"


def test_a_list_is_limited_to_a_query_and_a_course(
    program: Program, people: list[str], document: dict[str, Any]
) -> None:
    file = program.folder / "progress.ndjson"
    file.write_bytes(ndjson([line(people[0], document["id"], document["lessons"][0]["id"])]))
    assert program("progress", "import", str(file)).code == 0

    def found(*options: str) -> list[str]:
        done = program("people", "list", "--json", *options)
        assert (done.code, done.err) == (0, "")
        return [one["name"] for one in json.loads(done.out)["learners"]]

    assert found() == ["Ábaco", "Zebra"]
    assert found("--query", "ABA") == found("--query", people[1]) == ["Ábaco"]
    assert found("--course", document["id"]) == ["Zebra"]
    assert found("--course", document["id"], "--query", "aba") == []
    group_id = str(uuid4())
    program("groups", "put", group_id, "--title", "7b", "--member", people[1])
    assert found("--group", group_id) == ["Ábaco"]
    assert program("people", "list", "--group", str(uuid4())).code == 1
    assert program("people", "list", "--query", "nobody").out == "Nobody was found.\n"
    assert program("people", "list", "--course", "1").code == 2
    assert program("people", "list", "--query", "a b c d e f g").code == 2


def test_a_profile_is_shown(program: Program, people: list[str]) -> None:
    done = program("people", "show", people[1])
    assert (done.code, done.err) == (0, "")
    for shown in (people[1], "Ábaco", "@example.org", "external id"):
        assert shown in done.out
    assert json.loads(program("people", "show", people[1], "--json").out)["name"] == "Ábaco"


def test_somebody_without_a_profile_is_not_shown(program: Program, document: dict[str, Any]) -> None:
    assert document
    done = program("people", "show", "ada@example.org")
    assert done.code == 1
    assert "has no profile" in done.err


def test_people_are_imported_and_a_dry_run_says_who_is_new(program: Program, document: dict[str, Any]) -> None:
    learner = str(uuid4())
    file = program.folder / "people.csv"
    file.write_text(f"user_id,name,groups,courses\n{learner},Ada,7b,{document['id']}\n")
    rehearsed = program("people", "import", str(file), "--dry-run")
    assert rehearsed.code == 0
    assert f"new {learner} Ada\n" in rehearsed.out
    assert program("people", "list").out == "Nobody was found.\n"
    counts = [
        "People: 1 new, 0 changed, 0 unchanged, 0 missing.",
        "Groups: 1 added, 0 renamed; memberships: 1 added, 0 ended.",
        "Enrolments: 1 added, 0 changed.",
    ]
    assert rehearsed.out.splitlines()[-3:] == counts
    done = program("people", "import", str(file))
    assert (done.code, done.out.splitlines()) == (0, counts)
    assert done.err.splitlines() == ["Checking: 1 of 1", "Importing: 3 of 3"]
    again = program("people", "import", str(file))
    assert again.out.startswith("People: 0 new, 0 changed, 1 unchanged, 0 missing.\n")
    assert "Importing" not in again.err
    assert [one["name"] for one in json.loads(program("people", "list", "--json").out)["learners"]] == ["Ada"]


def test_a_file_of_people_with_a_wrong_line_is_refused(program: Program, document: dict[str, Any]) -> None:
    assert document
    file = program.folder / "people.csv"
    file.write_text(f"user_id,name,email\n{uuid4()},Ada,\n{uuid4()},,nobody\n")
    done = program("people", "import", str(file))
    assert done.code == 1
    assert done.out.splitlines() == [
        "line 3: email: This is not an e-mail address, such as ada@example.org.",
        "Nothing was written. Faults: 1.",
    ]
    assert program("people", "list").out == "Nobody was found.\n"
    file.write_text("user_id,phone\n")
    assert program("people", "import", str(file)).out.startswith("line 1: phone: There is no column")


def test_a_oneroster_bundle_is_imported_and_its_faults_name_the_file(program: Program) -> None:
    file = program.folder / "school.zip"

    def write(email: str) -> None:
        with zipfile.ZipFile(file, "w") as bundle:
            bundle.writestr("manifest.csv", "propertyName,value\noneroster.version,1.2\nfile.users,bulk\n")
            bundle.writestr("users.csv", f"sourcedId,givenName,familyName,email\nu1,Ada,Lovelace,{email}\n")

    write("nobody")
    refused = program("people", "import", str(file))
    assert refused.code == 1
    assert refused.out.startswith("users.csv line 2: email: This is not an e-mail address")
    write("ada@example.org")
    assert program("people", "import", str(file)).out.startswith("People: 1 new")
    [found] = json.loads(program("people", "list", "--json").out)["learners"]
    assert (found["name"], found["external_id"]) == ("Ada Lovelace", "u1")
    folder = program.folder / "school"
    with zipfile.ZipFile(file) as bundle:
        bundle.extractall(folder)
    assert program("people", "import", str(folder)).out.startswith("People: 0 new, 0 changed, 1 unchanged")
    (folder / "manifest.csv").unlink()
    assert program("people", "import", str(folder)).out.startswith("manifest.csv: The bundle has no manifest.csv.")
    file.write_bytes(b"no zip file")
    assert program("people", "import", str(file)).out.startswith("zip: This is not a zip file")
