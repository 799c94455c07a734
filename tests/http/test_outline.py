"""The outline of a course as a player shows it, and writes to locked lessons."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.postgres import Databases
from support.running import course, lesson
from support.school import School, school

FIELDS = [
    "lesson_id", "title", "section", "kind", "duration_seconds", "required", "status", "progress_percentage",
    "quiz_score", "is_bookmarked", "due_at", "late", "completed_late", "locked", "locked_by",
]  # fmt: skip


def in_a_row() -> dict[str, Any]:
    """A course of three lessons, of which each requires the one before. The last one is due after two days."""
    first = lesson(title="First", section="Begin", kind="video", duration_seconds=60)
    second = lesson(title="Second", kind="quiz", pass_mark=50, requires=[first["id"]])
    return course(first, second, lesson(title="Third", requires=[second["id"]], required=False, due_after_days=2))


@pytest.fixture(params=["sqlite", "postgres"])
def strict_school(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, connections: httpx.HTTPTransport
) -> Iterator[School]:
    """A school that refuses writes to locked lessons."""
    with ExitStack() as made:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('strict')}/headway.db"
        else:
            databases: Databases = request.getfixturevalue("databases")
            url = made.enter_context(databases.fresh())
        yield made.enter_context(school(url, connections, enforce_prerequisites=True))


def test_an_outline_has_every_lesson_in_order(lasting_school: School) -> None:
    document = in_a_row()
    course_id, learner = lasting_school.put_course(document), str(uuid4())
    first, second, third = (one["id"] for one in document["lessons"])
    path = f"/progress/{course_id}/outline"
    client = lasting_school.client(learner)
    seen = client.get(path).json()
    assert [list(one) for one in seen] == [FIELDS] * 3
    assert [(one["status"], one["locked_by"], one["due_at"]) for one in seen] == [
        ("not_started", [], None),
        ("not_started", [first], None),
        ("not_started", [second], None),
    ]
    lasting_school.write(learner, course_id, first, progress_percentage=100)
    lasting_school.write(learner, course_id, second, quiz_score=40, quiz_attempts=1, is_bookmarked=True)
    lasting_school.clock.pass_days(3)
    answer = client.get(path)
    assert answer.json() == [
        {
            "lesson_id": first, "title": "First", "section": "Begin", "kind": "video", "duration_seconds": 60,
            "required": True, "status": "completed", "progress_percentage": 100, "quiz_score": None,
            "is_bookmarked": False, "due_at": None, "late": False, "completed_late": False, "locked": False,
            "locked_by": [],
        },
        {
            "lesson_id": second, "title": "Second", "section": None, "kind": "quiz", "duration_seconds": None,
            "required": True, "status": "in_progress", "progress_percentage": 0, "quiz_score": 40,
            "is_bookmarked": True, "due_at": None, "late": False, "completed_late": False, "locked": False,
            "locked_by": [],
        },
        {
            "lesson_id": third, "title": "Third", "section": None, "kind": "other", "duration_seconds": None,
            "required": False, "status": "not_started", "progress_percentage": 0, "quiz_score": None,
            "is_bookmarked": False, "due_at": "2026-11-25T12:00:00Z", "late": True, "completed_late": False,
            "locked": True,
            "locked_by": [second],
        },
    ]  # fmt: skip
    assert client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    admin = lasting_school.client(None, "learners:admin")
    assert admin.get(f"/learners/{learner}{path}").json() == answer.json()
    assert client.get(f"/learners/{learner}{path}").status_code == 403
    assert client.get(f"/progress/{uuid4()}/outline").status_code == 404


def test_a_write_to_a_locked_lesson_is_accepted(learner: httpx.Client, publish: Callable[..., str]) -> None:
    document = in_a_row()
    path = f"{publish(document)}/lessons/{document['lessons'][2]['id']}"
    assert learner.put(path, json={"progress_percentage": 30}).status_code == 200


def test_a_write_to_a_locked_lesson_is_refused_where_that_is_enforced(strict_school: School) -> None:
    document = in_a_row()
    course_id, learner = strict_school.put_course(document), str(uuid4())
    first, second, third = (one["id"] for one in document["lessons"])
    client, admin = strict_school.client(learner), strict_school.client(None, "learners:admin")

    def put(lesson_id: str, **fields: object) -> httpx.Response:
        return client.put(f"/progress/{course_id}/lessons/{lesson_id}", json=fields)

    refused = put(second, quiz_score=90)
    reason = f"Lesson {second} is locked until these are completed: {first}."
    assert (refused.status_code, refused.json()) == (409, {"detail": reason, "code": "lesson_locked"})
    assert client.get(f"/progress/{course_id}").json() == []
    assert put(first, progress_percentage=50).status_code == 200
    assert put(second, quiz_score=90).status_code == 409
    assert put(first, progress_percentage=100).status_code == 200
    assert put(second, quiz_score=90).status_code == 200
    lines = "".join(f"{learner},{course_id},{one},completed\n" for one in (third, third))

    def imported(lines: str, query: str = "") -> httpx.Response:
        content = "user_id,course_id,lesson_id,status\n" + lines
        return admin.post(f"/progress/import{query}", content=content, headers={"Content-Type": "text/csv"})

    assert imported(lines).json()["errors"] == []
    of_another = lines.replace(learner, str(uuid4()))
    faults = [(fault["loc"], fault["type"]) for fault in imported(of_another).json()["errors"]]
    assert faults == [(["lesson_id"], "lesson_locked")] * 2
    assert imported(of_another, "?atomic=true").status_code == 422


@pytest.mark.parametrize(
    ("fields", "location", "kind"),
    [
        ({"requires": ["no-uuid"]}, ["body", "lessons", 1, "requires", 0], "uuid_parsing"),
        ({"requires": [str(uuid4())]}, ["body", "lessons", 1, "requires", 0], "unknown_lesson"),
        ({"due_at": "2027-01-01T00:00:00"}, ["body", "lessons", 1, "due_at"], "time_invalid"),
        ({"due_after_days": 0}, ["body", "lessons", 1, "due_after_days"], "greater_than_equal"),
        (
            {"due_after_days": 1, "due_at": "2027-01-01T00:00:00Z"},
            ["body", "lessons", 1, "due_after_days"],
            "two_due_dates",
        ),
    ],
)
def test_a_document_with_a_wrong_requirement_or_date_is_refused(
    author: httpx.Client, fields: dict[str, Any], location: list[str | int], kind: str
) -> None:
    path = f"/courses/{uuid4()}"
    refused = author.put(path, json=course(lesson(), lesson(**fields)))
    assert refused.status_code == 422
    assert [(fault["loc"], fault["type"]) for fault in refused.json()["detail"]] == [(location, kind)]
    assert author.get(path).status_code == 404


def test_a_document_with_requirements_and_dates_is_read_back(author: httpx.Client) -> None:
    first, second = lesson(), lesson(due_after_days=7)
    document = course(first | {"due_at": "2027-01-01T02:00:00+02:00"}, second | {"requires": [first["id"]]})
    path = f"/courses/{uuid4()}"
    author.put(path, json=document).raise_for_status()
    lessons = author.get(path).json()["lessons"]
    assert [(one["requires"], one["due_at"], one["due_after_days"]) for one in lessons] == [
        ([], "2027-01-01T00:00:00Z", None),
        ([first["id"]], None, 7),
    ]
    assert author.put(path, json=author.get(path).json()).json()["changed"] == []
