"""The catalogue: what putting a course answers, and what is read back."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.running import course, lesson

UNCHANGED: dict[str, Any] = {
    "created": False,
    "added": [],
    "removed": [],
    "changed": [],
    "reordered": False,
    "renamed": False,
    "time_zone_changed": False,
    "on_edit_changed": False,
    "valid_for_days_changed": False,
}


@pytest.fixture
def put(author: httpx.Client, catalogued_path: str) -> Any:
    """Puts a document in the place of the test's own course, and answers what that changed."""

    def put_document(edited: dict[str, Any]) -> dict[str, Any]:
        answer = author.put(catalogued_path, json=edited)
        assert answer.status_code == 200, answer.text
        change: dict[str, Any] = answer.json()
        assert f"/courses/{change.pop('course_id')}" == catalogued_path
        return change

    return put_document


def test_putting_a_new_course_answers_its_lessons(author: httpx.Client, document: dict[str, Any]) -> None:
    course_id = str(uuid4())
    answer = author.put(f"/courses/{course_id}", json=document | {"id": course_id})
    added = [one["id"] for one in document["lessons"]]
    assert list(answer.json().items()) == list(
        ({"course_id": course_id} | UNCHANGED | {"created": True, "added": added}).items()
    )


def test_the_same_document_again_changes_nothing(put: Any, document: dict[str, Any]) -> None:
    assert put(document) == UNCHANGED


def test_every_kind_of_change_is_named(put: Any, document: dict[str, Any]) -> None:
    first, second, third = document["lessons"]
    new = lesson()
    assert put(course(second, first, third)) == UNCHANGED | {"reordered": True}
    assert put(course(second, first, third, title="New")) == UNCHANGED | {"renamed": True}
    assert put(course(second, first, title="New")) == UNCHANGED | {"removed": [third["id"]]}
    assert put(course(second, new, first, title="New")) == UNCHANGED | {"added": [new["id"]]}
    changed = put(course(second | {"required": False}, new, first | {"title": "Other"}, title="New"))
    assert changed == UNCHANGED | {"changed": [second["id"], first["id"]]}


@pytest.mark.parametrize(
    ("field", "value"), [("time_zone", "Asia/Kathmandu"), ("on_edit", "reopen"), ("valid_for_days", 365)]
)
def test_a_changed_field_of_the_course_is_reported(
    put: Any, author: httpx.Client, catalogued_path: str, document: dict[str, Any], field: str, value: str
) -> None:
    before = author.get(catalogued_path).json()
    assert put(document | {field: value}) == UNCHANGED | {f"{field}_changed": True}
    after = author.get(catalogued_path).json()
    assert after[field] == value
    assert after["version"] > before["version"]
    assert put(document | {field: value}) == UNCHANGED
    assert author.get(catalogued_path).json()["version"] == after["version"]


@pytest.mark.parametrize(
    "fields",
    [
        {"section": "Part one"},
        {"kind": "video", "duration_seconds": 90.5},
        {"kind": "quiz", "pass_mark": 60},
        {"complete_at": 80},
        {"complete_at": None},
        {"content_id": "713e4c61-5a69-43fb-a600-2e2699462e14"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_changed_field_of_a_lesson_is_reported(put: Any, document: dict[str, Any], fields: dict[str, Any]) -> None:
    first, *others = document["lessons"]
    edited = course(first | fields, *others)
    assert put(edited) == UNCHANGED | {"changed": [first["id"]]}
    assert put(edited) == UNCHANGED


def test_a_course_is_read_back_with_its_defaults_filled_in(author: httpx.Client) -> None:
    plain, quiz = lesson(), lesson(kind="quiz", pass_mark=60, section="Part one", required=False, duration_seconds=90.0)
    path = f"/courses/{uuid4()}"
    author.put(path, json=course(plain, quiz)).raise_for_status()
    found = author.get(path).json()
    assert list(found) == [
        "id", "title", "time_zone", "on_edit", "valid_for_days", "lessons", "version", "recalculation",
    ]  # fmt: skip
    assert (found["time_zone"], found["on_edit"], found["recalculation"]) == ("UTC", "keep", None)
    assert found["lessons"] == [
        {
            "id": plain["id"],
            "title": "A lesson",
            "content_id": plain["id"],
            "section": None,
            "kind": "other",
            "duration_seconds": None,
            "required": True,
            "pass_mark": None,
            "complete_at": 100,
            "requires": [],
            "due_at": None,
            "due_after_days": None,
        },
        {
            "id": quiz["id"],
            "title": "A lesson",
            "content_id": quiz["id"],
            "section": "Part one",
            "kind": "quiz",
            "duration_seconds": 90,
            "required": False,
            "pass_mark": 60,
            "complete_at": None,
            "requires": [],
            "due_at": None,
            "due_after_days": None,
        },
    ]


def test_an_answered_document_can_be_put_again(author: httpx.Client, put: Any, catalogued_path: str) -> None:
    assert put(author.get(catalogued_path).json()) == UNCHANGED


def test_courses_are_listed_by_title_with_their_numbers_of_lessons(author: httpx.Client) -> None:
    prefix = str(uuid4())
    documents = {
        f"{prefix} {name}": course(lesson(), lesson(required=False), title=f"{prefix} {name}") for name in "bca"
    }
    for document in documents.values():
        author.put(f"/courses/{uuid4()}", json=document).raise_for_status()
    listed = [line for line in author.get("/courses").json() if line["title"].startswith(prefix)]
    assert [line["title"] for line in listed] == sorted(documents)
    assert [(line["lessons"], line["required_lessons"]) for line in listed] == [(2, 1)] * 3
    assert list(listed[0]) == ["id", "title", "lessons", "required_lessons"]


def test_a_course_can_be_removed_once(author: httpx.Client, catalogued_path: str) -> None:
    assert [author.delete(catalogued_path).status_code for _ in range(2)] == [204, 404]
    assert author.get(catalogued_path).status_code == 404
    assert catalogued_path.rpartition("/")[2] not in [line["id"] for line in author.get("/courses").json()]


def test_every_learner_can_read_the_catalogue(
    author: httpx.Client, learner: httpx.Client, catalogued_path: str
) -> None:
    assert learner.get(catalogued_path).content == author.get(catalogued_path).content
    assert learner.get("/courses").status_code == 200


def test_one_lesson_in_two_courses_has_separate_progress(author: httpx.Client, learner: httpx.Client) -> None:
    shared, course_ids = lesson(), [str(uuid4()), str(uuid4())]
    for course_id in course_ids:
        author.put(f"/courses/{course_id}", json=course(shared)).raise_for_status()
    written = learner.put(f"/progress/{course_ids[0]}/lessons/{shared['id']}", json={"status": "completed"})
    assert learner.get(f"/progress/{course_ids[0]}").json() == [written.json()]
    assert learner.get(f"/progress/{course_ids[1]}").json() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\x1b[2Jb", "Character 2 of the text is a control character, U+001B."),
        ("one\ntwo", "Character 4 of the text is a control character, U+000A."),
        ("\u200b", "The text needs a character that can be seen."),
        (" \u3164\u2060", "The text needs a character that can be seen."),
    ],
)
def test_a_text_that_can_not_be_shown_is_refused(
    author: httpx.Client, catalogued_path: str, document: dict[str, Any], text: str, reason: str
) -> None:
    lessons = [document["lessons"][0] | {"title": text, "section": text}]
    refused = author.put(catalogued_path, json=document | {"title": text, "lessons": lessons})
    assert refused.status_code == 422
    faults = [(fault["loc"], fault["msg"]) for fault in refused.json()["detail"]]
    positions: list[list[str | int]] = [["title"], ["lessons", 0, "title"], ["lessons", 0, "section"]]
    assert faults == [(["body", *position], reason) for position in positions]
    assert author.get(catalogued_path).json()["title"] == document["title"]


@pytest.mark.parametrize("title", ["\u05d0\u05d1\u200f", "a\u202eb", "\U0001f469\u200d\U0001f4bb"])
def test_a_title_may_be_of_any_script(
    author: httpx.Client, catalogued_path: str, document: dict[str, Any], title: str
) -> None:
    assert author.put(catalogued_path, json=document | {"title": title}).status_code == 200
    assert author.get(catalogued_path).json()["title"] == title
