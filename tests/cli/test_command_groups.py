"""`headway groups`: stores, lists, shows, changes and removes groups."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from headway.auth import learner_id as id_of
from support.program import Program, check_refusal

ADA, GRACE = id_of("ada", None), id_of("grace", None)


@pytest.fixture
def group_id() -> str:
    return str(uuid4())


def members_of(program: Program, group_id: str) -> list[str]:
    found: list[str] = json.loads(program("groups", "show", group_id, "--json").out)["members"]
    return found


def put(program: Program, group_id: str, *options: str, title: str = "Class 7b") -> None:
    done = program("groups", "put", group_id, "--title", title, *options)
    assert done.code == 0, done.err


def test_a_database_without_groups_says_how_to_put_one(program: Program) -> None:
    listed = program("groups", "list")
    assert listed.code == 0
    assert "headway groups put" in listed.out
    assert json.loads(program("groups", "list", "--json").out) == []


def test_a_group_is_stored_and_shown(program: Program, group_id: str) -> None:
    done = program("groups", "put", group_id.upper(), "--title", "Class [7b]", "--member", "ada", "--member", GRACE)
    assert done.out.splitlines() == [f"{group_id}  Class [7b]: 2 members"]
    heading, *members = program("groups", "show", group_id).out.splitlines()
    assert (heading, members) == ("Class [7b], 2 members", sorted([ADA, GRACE]))


def test_members_are_read_from_a_file(program: Program, group_id: str) -> None:
    file = program.folder / "members.txt"
    file.write_text("\ufeffada\r\n\r\n  grace  \nada\n", encoding="utf-8")
    put(program, group_id, "--members", str(file))
    assert members_of(program, group_id) == sorted([ADA, GRACE])


def test_putting_again_replaces_the_members(program: Program, group_id: str) -> None:
    put(program, group_id, "--member", "ada")
    put(program, group_id, "--member", "grace", title="Class 8b")
    shown = json.loads(program("groups", "show", group_id, "--json").out)
    assert (shown["title"], shown["members"]) == ("Class 8b", [GRACE])


def test_groups_are_listed_by_title(program: Program, group_id: str) -> None:
    other_id = str(uuid4())
    put(program, group_id, title="Zebras")
    put(program, other_id, "--member", "ada", title="Ábaco")
    _heading, *lines = program("groups", "list").out.splitlines()
    assert [line.split() for line in lines] == [[other_id, "Ábaco", "1"], [group_id, "Zebras", "0"]]
    assert json.loads(program("groups", "list", "--json").out) == [
        {"id": other_id, "title": "Ábaco", "members": 1}, {"id": group_id, "title": "Zebras", "members": 0}
    ]  # fmt: skip


def test_members_are_added_and_dropped(program: Program, group_id: str) -> None:
    put(program, group_id)
    added = program("groups", "add", group_id, "ada", "grace")
    assert added.out.splitlines() == [f"{ADA}: is a member", f"{GRACE}: is a member"]
    dropped = program("groups", "drop", group_id, "ada", "nobody")
    assert (dropped.code, dropped.out.splitlines()[0]) == (0, f"{ADA}: is no member")
    assert members_of(program, group_id) == [GRACE]


def test_a_removed_group_is_gone(program: Program, group_id: str) -> None:
    put(program, group_id)
    assert program("groups", "remove", group_id).code == 0
    for command in (("show", group_id), ("remove", group_id), ("add", group_id, "ada"), ("drop", group_id, "ada")):
        refused = program("groups", *command)
        assert refused.code == 1
        assert f"There is no group {group_id}" in refused.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("7b", "--title", "Class 7b"), "GROUP is not a UUID"),
        (("--title", "Class 7b"), "GROUP"),
        ((str(uuid4()),), "--title"),
        ((str(uuid4()), "--title", ""), "title"),
        ((str(uuid4()), "--title", "Class 7b", "--member", ""), "members.0"),
        ((str(uuid4()), "--title", "Class 7b", "--members", "none.txt"), "none.txt can not be read"),
    ],
)
def test_a_wrong_group_is_refused_and_nothing_is_stored(
    folder: Path, sqlite_url: str, arguments: tuple[str, ...], said: str
) -> None:
    program = Program(folder, sqlite_url)
    check_refusal(program("groups", "put", *arguments), said)
    assert json.loads(program("groups", "list", "--json").out) == []


def test_a_file_that_is_no_text_is_refused(folder: Path, sqlite_url: str, group_id: str) -> None:
    program = Program(folder, sqlite_url)
    (folder / "members.txt").write_bytes(b"\xff\xfea\x00")
    check_refusal(program("groups", "put", group_id, "--title", "A", "--members", "members.txt"), "not UTF-8")


def test_a_group_enrols_its_members_until_that_ends(program: Program, group_id: str, document: dict[str, Any]) -> None:
    put(program, group_id, "--member", "ada")
    done = program("groups", "enrol", group_id, document["id"], "--due", "2030-06-30T22:00:00Z")
    assert done.out == f"{group_id}: enrols its members in {document['id']}, due 2030-06-30 22:00 UTC\n"
    assert f"enrolled in {document['id']} 2030-06-30 22:00 UTC" in program("groups", "show", group_id).out
    [enrolled] = json.loads(program("enrolments", "list", document["id"], "--json").out)
    assert (enrolled["user_id"], enrolled["due_at"]) == (ADA, "2030-06-30T22:00:00Z")
    assert program("groups", "end", group_id, document["id"]).code == 0
    assert json.loads(program("enrolments", "list", document["id"], "--json").out) == []
    check_refusal(program("groups", "enrol", group_id, document["id"], "--due", "tomorrow"), "--due tomorrow")
    assert program("groups", "enrol", str(uuid4()), document["id"]).code == 1
    assert program("groups", "enrol", group_id, str(uuid4())).code == 1
