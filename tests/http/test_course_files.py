"""Checking a course document in a file: nothing is stored, and the answer is what a learner would get."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import yaml

from support.documents import course_document, full_document
from support.running import course, lesson

JSON = {"Content-Type": "application/json"}
YAML = {"Content-Type": "application/yaml"}


def test_a_document_in_yaml_is_answered_with_its_defaults(author: httpx.Client) -> None:
    document = full_document()
    answer = author.post("/courses/validate", content=yaml.safe_dump(document).encode(), headers=YAML)
    assert answer.status_code == 200
    assert answer.json() == document
    assert author.get(f"/courses/{document['id']}").status_code == 404


def test_a_document_without_an_id_gets_a_new_one(author: httpx.Client) -> None:
    made = course(lesson(title="Flour"))
    answer = author.post("/courses/validate", json=made).json()
    assert str(UUID(answer["id"])) == answer["id"]
    assert (answer["time_zone"], answer["lessons"][0]["complete_at"]) == ("UTC", 100)


@pytest.mark.parametrize(
    ("content", "headers", "loc", "kind"),
    [
        (b"{", JSON, ["body"], "json_invalid"),
        (b"title: [", YAML, ["body"], "syntax"),
        (b"a: &a [*a, *a]\nb: &b [*a, *a]", YAML, ["body"], "syntax"),
        (b"title: Bread\nlessons: []", YAML, ["body", "lessons"], "too_short"),
        (b"title: Bread\nlessons: [{title: Flour}]", YAML, ["body", "lessons", 0, "id"], "missing"),
        (b"\xff\xfe\x00", YAML, ["body"], "syntax"),
        (b"title: !!timestamp Bread", YAML, ["body"], "syntax"),
        (b"title: 1" + b":59" * 300 + b".5", YAML, ["body"], "syntax"),  # a number in base 60 that no float can hold
    ],
)
def test_what_is_wrong_with_a_document_is_said(
    author: httpx.Client, content: bytes, headers: dict[str, str], loc: list[Any], kind: str
) -> None:
    answer = author.post("/courses/validate", content=content, headers=headers)
    assert answer.status_code == 422
    assert (answer.json()["detail"][0]["loc"], answer.json()["detail"][0]["type"]) == (loc, kind)


def test_rules_of_the_domain_are_checked(author: httpx.Client) -> None:
    circle = [str(uuid4()), str(uuid4())]
    document = course_document(
        lesson(id=circle[0], requires=[circle[1]]), lesson(id=circle[1], requires=[circle[0]]), time_zone="Mars/Olympus"
    )
    answer = author.post("/courses/validate", json=document)
    assert {one["type"] for one in answer.json()["detail"]} == {"circular_requirement", "unknown_time_zone"}


def test_only_authors_check_and_only_known_files(author: httpx.Client, learner: httpx.Client) -> None:
    assert learner.post("/courses/validate", json=course(lesson())).status_code == 403
    assert author.post("/courses/validate", content=b"a", headers={"Content-Type": "text/csv"}).status_code == 415
    assert author.post("/courses/validate", content=b" " * (1024 * 1024 + 1), headers=YAML).status_code == 413
