"""Importing people over HTTP: profiles, groups and enrolments from one file, all of it or nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from headway.auth import learner_id as id_of
from support.files import CSV

SCOPES = ("learners:admin", "groups:write", "enrolments:write")
DUE = "2030-06-30T12:00:00+02:00"


@pytest.fixture
def importer(client_of: Callable[..., httpx.Client]) -> httpx.Client:
    """A client that may import people with groups and courses."""
    return client_of(str(uuid4()), *SCOPES)


@pytest.fixture
def title() -> str:
    """The title of a group that no other test has."""
    return f"Class {uuid4()}"


@pytest.fixture
def course_id(course_path: str) -> str:
    return course_path.rpartition("/")[2]


def send(client: httpx.Client, text: str | bytes, **query: Any) -> httpx.Response:
    content = text.encode() if isinstance(text, str) else text
    return client.post("/people/import", content=content, headers=CSV, params=query)


def counts(answer: httpx.Response) -> dict[str, int]:
    """The counts of a report that are not zero."""
    assert answer.status_code == 200, answer.text
    return {name: value for name, value in answer.json().items() if isinstance(value, int) and value}


def faults(answer: httpx.Response) -> list[tuple[list[Any], str]]:
    assert answer.status_code == 422, answer.text
    return [(fault["loc"], fault["type"]) for fault in answer.json()["detail"]]


def groups_with(client: httpx.Client, title: str) -> list[dict[str, Any]]:
    return [group for group in client.get("/groups").json() if group["title"] == title]


def test_a_file_stores_profiles_groups_and_enrolments_and_again_changes_nothing(
    importer: httpx.Client, title: str, course_id: str
) -> None:
    sub, learner = f"{uuid4()}@example.org", str(uuid4())
    file = (
        "sub;user_id;name;email;external_id;groups;courses;due_at\r\n"
        f"{sub};;Zoë Łódź;zoe@example.org;47/11;{title}|{title} b;{course_id};{DUE}\r\n"
        ";;;;;;;\r\n"
        f";{learner};Ada;;;{title};{course_id};\r\n"
    )
    first = send(importer, file)
    assert counts(first) == {"people_new": 2, "groups_added": 2, "memberships_added": 3, "enrolments_added": 2}
    zoe = str(id_of(sub, None))
    assert first.json()["new"] == sorted([zoe, learner])
    profile = importer.get(f"/learners/{zoe}/profile").json()
    assert (profile["name"], profile["email"], profile["external_id"]) == ("Zoë Łódź", "zoe@example.org", "47/11")
    [group] = groups_with(importer, title)
    assert importer.get(f"/groups/{group['id']}").json()["members"] == sorted([zoe, learner])
    dues = {
        one["user_id"]: one["due_at"] for one in importer.get(f"/courses/{course_id}/enrolments").json()["enrolments"]
    }
    assert dues == {zoe: "2030-06-30T10:00:00Z", learner: None}
    assert counts(send(importer, file)) == {"people_unchanged": 2}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_files_of_spreadsheets_are_read(importer: httpx.Client, encoding: str, separator: str) -> None:
    learner = str(uuid4())
    text = separator.join(("user_id", "name")) + "\n\n" + separator.join((learner, "Ábaco")) + "\n"
    assert counts(send(importer, text.encode(encoding))) == {"people_new": 1}
    assert importer.get(f"/learners/{learner}/profile").json()["name"] == "Ábaco"


def test_what_a_file_does_not_give_stays(importer: httpx.Client, title: str, course_id: str) -> None:
    learner = str(uuid4())
    send(importer, f"user_id,name,email,courses,due_at\n{learner},Ada,ada@example.org,{course_id},{DUE}\n")
    changed = send(importer, f"user_id,name,email,groups,courses\n{learner},Ada L.,,{title},{course_id}\n")
    assert counts(changed) == {"people_changed": 1, "groups_added": 1, "memberships_added": 1}
    assert changed.json()["changed"] == [learner]
    profile = importer.get(f"/learners/{learner}/profile").json()
    assert (profile["name"], profile["email"]) == ("Ada L.", "ada@example.org")
    later = send(importer, f"user_id,courses,due_at\n{learner},{course_id},2031-01-01T00:00:00Z\n")
    assert counts(later) == {"people_unchanged": 1, "enrolments_changed": 1}
    [group] = groups_with(importer, title)
    by_id = send(importer, f"user_id,groups\n{uuid4()},{group['id'].upper()}\n")
    assert counts(by_id) == {"people_unchanged": 1, "memberships_added": 1}


def test_a_dry_run_reports_the_same_and_writes_nothing(importer: httpx.Client, title: str, course_id: str) -> None:
    learner = str(uuid4())
    file = f"user_id,name,groups,courses\n{learner},Ada,{title},{course_id}\n"
    rehearsed = send(importer, file, dry_run=True)
    assert groups_with(importer, title) == []
    assert importer.get(f"/learners/{learner}/profile").status_code == 404
    assert importer.get(f"/courses/{course_id}/enrolments").json()["enrolments"] == []
    assert send(importer, file).json() == rehearsed.json()


@pytest.mark.parametrize(
    ("line", "location", "kind"),
    [
        ("{id},,,nobody,,,", ["email"], "email_parsing"),
        ("{id},,x\u0007,,,,", ["name"], "string_pattern_mismatch"),
        ("{id},,,,,{id},", ["courses"], "course_not_found"),
        ("{id},,,,,1,", ["courses"], "uuid_parsing"),
        ("{id},,,,{id},,", ["groups"], "group_not_found"),
        ("{id},,,,,,2030-01-01T00:00:00Z", ["due_at"], "due_without_course"),
        ("{id},,,,,{course},2030-01-01", ["due_at"], "time_invalid"),
        ("{id},sub,,,,,", ["user_id"], "two_names"),
        (",,Ada,,,,", ["sub"], "missing"),
        ("1,,Ada,,,,", ["user_id"], "uuid_parsing"),
        ("{first},,Otherwise,,,,", ["name"], "conflicting_lines"),
        ("{id}", [], "cell_count"),
    ],
)
def test_one_wrong_line_is_named_and_nothing_of_the_file_is_written(
    importer: httpx.Client, title: str, course_id: str, line: str, location: list[str], kind: str
) -> None:
    first = str(uuid4())
    wrong = line.format(id=uuid4(), first=first, course=course_id)
    file = f"user_id,sub,name,email,groups,courses,due_at\n{first},,Ada,,{title},{course_id},\n{wrong}\n"
    for dry_run in (True, False):
        assert faults(send(importer, file, dry_run=dry_run)) == [(["body", 3, *location], kind)]
    assert importer.get(f"/learners/{first}/profile").status_code == 404
    assert groups_with(importer, title) == []
    assert importer.get(f"/courses/{course_id}/enrolments").json()["enrolments"] == []


def test_a_title_of_two_groups_is_ambiguous(importer: httpx.Client, title: str) -> None:
    for _ in range(2):
        importer.put(f"/groups/{uuid4()}", json={"title": title, "members": []}).raise_for_status()
    assert faults(send(importer, f"user_id,groups\n{uuid4()},{title}\n")) == [
        (["body", 2, "groups"], "ambiguous_group")
    ]


def test_a_group_does_not_become_too_large(importer: httpx.Client, title: str) -> None:
    members = [str(uuid4()) for _ in range(10_000)]
    importer.put(f"/groups/{uuid4()}", json={"title": title, "members": members}).raise_for_status()
    assert counts(send(importer, f"user_id,groups\n{members[0]},{title}\n")) == {"people_unchanged": 1}
    assert faults(send(importer, f"user_id,groups\n{uuid4()},{title}\n")) == [
        (["body", 2, "groups"], "too_many_members")
    ]


def test_a_wrong_header_is_refused(importer: httpx.Client) -> None:
    assert faults(send(importer, "user_id,phone\n")) == [(["body", 1, "phone"], "unknown_column")]
    assert importer.post("/people/import", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize(
    ("scopes", "named"),
    [
        (("groups:write", "enrolments:write"), "learners:admin"),
        (("learners:admin", "enrolments:write"), "groups:write"),
        (("learners:admin", "groups:write"), "enrolments:write"),
    ],
)
def test_each_part_of_a_file_needs_its_scope(
    client_of: Callable[..., httpx.Client],
    importer: httpx.Client,
    title: str,
    course_id: str,
    scopes: tuple[str, ...],
    named: str,
) -> None:
    learner = str(uuid4())
    answer = send(client_of(str(uuid4()), *scopes), f"user_id,name,groups,courses\n{learner},Ada,{title},{course_id}\n")
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert named in answer.text
    assert importer.get(f"/learners/{learner}/profile").status_code == 404
    assert counts(send(client_of(str(uuid4()), "learners:admin"), f"user_id,name\n{learner},Ada\n")) == {
        "people_new": 1
    }


def test_a_second_import_at_the_same_time_is_refused_and_says_when_to_come_back(
    client_of: Callable[..., httpx.Client], importer: httpx.Client
) -> None:
    learners = [str(uuid4()) for _ in range(4_000)]
    large = "user_id,name\n" + "".join(f"{learner},Ada\n" for learner in learners)
    small = f"user_id,name\n{learners[0]},Bo\n"
    other = client_of(str(uuid4()), *SCOPES)

    def until_it_is_stored(client: httpx.Client, file: str) -> list[httpx.Response]:
        answers = [send(client, file)]
        while answers[-1].status_code == 409:
            answers.append(send(client, file))
        return answers

    with ThreadPoolExecutor(1) as beside:
        first = beside.submit(until_it_is_stored, other, large)
        refused: list[httpx.Response] = []
        while not first.done():
            refused += until_it_is_stored(importer, small)[:-1]
    assert (refused[0].json()["code"], refused[0].headers["retry-after"]) == ("people_import_under_way", "10")
    assert counts(send(importer, large, dry_run=True)).keys() <= {"people_unchanged", "people_changed"}
