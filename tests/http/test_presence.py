"""A write for a learner is not the learner's presence, unless it has dates; exports restore their data."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.files import CSV, NDJSON, as_csv, line, ndjson

EXPORT = {"content-type": "application/json"}
OLD = {
    "created_at": "2021-05-01T10:00:00Z",
    "completed_at": "2021-05-03T10:00:00Z",
    "updated_at": "2021-05-04T10:00:00Z",
}


@pytest.fixture
def seen(client_of: Callable[..., httpx.Client], course_path: str) -> Callable[[str], dict[str, Any]]:
    """Return what the roster says about a learner."""
    path = course_path.replace("/progress/", "/statistics/")
    teacher = client_of(str(uuid4()), "statistics:read")
    return lambda learner_id: teacher.get(f"{path}/learners/{learner_id}").raise_for_status().json()


def test_a_write_for_a_learner_is_not_the_learners_presence(
    admin: httpx.Client, lesson_path: str, seen: Callable[[str], dict[str, Any]]
) -> None:
    learner_id = str(uuid4())
    admin.put(f"/learners/{learner_id}{lesson_path}", json={"status": "completed"}).raise_for_status()
    found = seen(learner_id)
    assert (found["completed_lessons"], found["last_accessed"], found["last_seen"]) == (1, None, None)
    assert found["started_at"] is not None


@pytest.mark.parametrize(("kind", "written"), [(CSV, as_csv), (NDJSON, ndjson)])
def test_an_import_counts_on_its_own_dates(
    admin: httpx.Client,
    lesson_path: str,
    seen: Callable[[str], dict[str, Any]],
    kind: dict[str, str],
    written: Callable[[list[dict[str, Any]]], bytes],
) -> None:
    learner_id, (_, _, course_id, _, lesson_id) = str(uuid4()), lesson_path.split("/")
    content = written([line(learner_id, course_id, lesson_id, status="completed", time_spent_minutes=5, **OLD)])
    for count in ("written", "unchanged"):
        answer = admin.post("/progress/import", content=content, headers=kind)
        assert answer.json()[count] == 1
    found = seen(learner_id)
    assert (found["started_at"], found["last_accessed"]) == (OLD["created_at"], OLD["updated_at"])
    assert found["last_seen"] == "2021-05-04"
    exported = admin.get(f"/learners/{learner_id}/export").json()
    assert {name: exported["lesson_progress"][0][name] for name in OLD} == OLD
    assert [(day["date"], day["lessons_started"], day["lessons_completed"]) for day in exported["days"]] == [
        ("2021-05-01", 1, 0),
        ("2021-05-03", 0, 1),
    ]
    assert exported["course_progress"][0]["last_day"]["time_spent_minutes"] == 5


@pytest.mark.parametrize(
    ("fields", "position"),
    [
        ({"updated_at": "2999-01-01T00:00:00Z"}, "updated_at"),
        ({"created_at": "1950-01-01T00:00:00Z"}, "created_at"),
        ({"created_at": "2021-05-02T00:00:00Z", "updated_at": "2021-05-01T00:00:00Z"}, "updated_at"),
        ({"completed_at": "2021-05-02T00:00:00Z"}, "completed_at"),
        ({"updated_at": "2021-05-02T00:00:00"}, "updated_at"),
        ({"updated_at": "9999-12-31T23:59:59-14:00"}, "updated_at"),
    ],
)
def test_impossible_times_are_refused(
    admin: httpx.Client, lesson_path: str, fields: dict[str, str], position: str
) -> None:
    answer = admin.put(f"/learners/{uuid4()}{lesson_path}", json={"progress_percentage": 5} | fields)
    assert (answer.status_code, [problem["loc"][-1] for problem in answer.json()["detail"]]) == (422, [position])


def test_ignored_fields_are_named(admin: httpx.Client, lesson_path: str) -> None:
    answer = admin.put(f"/learners/{uuid4()}{lesson_path}", json={"id": "x", "a\nb": 1, "quiz_attempts": 1})
    assert answer.headers["headway-ignored"] == "id, a%0Ab"


@pytest.mark.parametrize("is_the_same", [True, False])
def test_importing_an_export_restores_its_data(
    admin: httpx.Client, client_of: Callable[..., httpx.Client], lesson_paths: list[str], *, is_the_same: bool
) -> None:
    learner_id = str(uuid4())
    client_of(learner_id).put(lesson_paths[0], json={"status": "completed", "time_spent_minutes": 3})
    admin.put(f"/learners/{learner_id}{lesson_paths[1]}", json={"quiz_score": 50, "user_notes": "seen"})
    admin.put(f"/learners/{learner_id}{lesson_paths[2]}", json={"status": "completed"} | OLD)
    before = admin.get(f"/learners/{learner_id}/export")
    target = learner_id if is_the_same else str(uuid4())
    admin.delete(f"/learners/{learner_id}").raise_for_status()
    for _ in range(2):
        answer = admin.post("/progress/import", params={"user_id": target}, content=before.content, headers=EXPORT)
        assert answer.json()["refused"] == 0
    after = admin.get(f"/learners/{target}/export").json()
    assert presence_in(after) == presence_in(before.json())


@pytest.mark.parametrize("atomic", [True, False])
def test_importing_an_export_restores_the_profile_and_every_completion(
    admin: httpx.Client,
    client_of: Callable[..., httpx.Client],
    lesson_paths: list[str],
    course_path: str,
    *,
    atomic: bool,
) -> None:
    learner_id, target, group = str(uuid4()), str(uuid4()), str(uuid4())
    completed = {"status": "completed", "quiz_passed": True}
    for path in lesson_paths:
        admin.put(f"/learners/{learner_id}{path}", json=completed | {"quiz_score": 60} | OLD).raise_for_status()
    client_of(learner_id).delete(course_path).raise_for_status()
    for path in lesson_paths:
        admin.put(f"/learners/{learner_id}{path}", json=completed).raise_for_status()
    admin.put(f"/learners/{learner_id}/profile", json={"name": "Zoë", "email": "zoe@example.org"}).raise_for_status()
    client_of(learner_id, "groups:write").put(f"/groups/{group}", json={"title": "7b", "members": [learner_id]})
    export = admin.get(f"/learners/{learner_id}/export")
    before = export.json()
    assert len(before["completions"]) == 2
    admin.put(f"/learners/{target}/profile", json={"name": "Zoé"}).raise_for_status()
    asked: dict[str, Any] = {"user_id": target, "atomic": atomic}
    first = admin.post("/progress/import", params=asked, content=export.content, headers=EXPORT).json()
    assert first["refused"] == 0
    assert "groups" in first["ignored"]
    after = admin.get(f"/learners/{target}/export").json()
    assert after["completions"] == before["completions"]
    assert (after["profile"]["name"], after["profile"]["email"]) == ("Zoé", "zoe@example.org")
    assert after["groups"] == []
    again = admin.post("/progress/import", params=asked, content=export.content, headers=EXPORT).json()
    assert (again["written"], again["unchanged"]) == (0, first["lines"])


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize(
    ("part", "location", "kind"),
    [
        ({"profile": {"time_zone": "Mars/Base"}}, ["profile", "time_zone"], "unknown_time_zone"),
        ({"completions": [{"completed_at": "2999-01-01T00:00:00Z"}]}, ["completed_at"], "time_in_future"),
    ],
)
def test_a_wrong_profile_or_completion_is_refused(
    admin: httpx.Client, course_path: str, part: dict[str, Any], location: list[str], kind: str, *, atomic: bool
) -> None:
    learner_id = str(uuid4())
    for completion in part.get("completions", []):
        completion |= {"course_id": course_path.rpartition("/")[2], "course_version": 1, "completion_percentage": 100}
    document = {"user_id": learner_id, "lesson_progress": []} | part
    answer = admin.post("/progress/import", params={"atomic": atomic}, json=document)
    if atomic:
        assert [(fault["loc"], fault["type"]) for fault in answer.json()["detail"]] == [(["body", 1, *location], kind)]
    else:
        assert [(fault["loc"], fault["type"]) for fault in answer.json()["errors"]] == [(location, kind)]
    exported = admin.get(f"/learners/{learner_id}/export").json()
    assert (exported["profile"], exported["completions"]) == (None, [])


def test_a_dry_run_of_an_export_tells_what_its_import_does(
    admin: httpx.Client, client_of: Callable[..., httpx.Client], lesson_path: str
) -> None:
    learner_id, target = str(uuid4()), str(uuid4())
    client_of(learner_id).put(lesson_path, json={"status": "completed", "time_spent_minutes": 3})
    exported = admin.get(f"/learners/{learner_id}/export").json()
    nothing = presence_in(admin.get(f"/learners/{target}/export").json())
    for written in (2, 0):
        asked = {"user_id": target, "dry_run": "true"}
        rehearsed = admin.post("/progress/import", params=asked, json=exported).json()
        if written:
            assert presence_in(admin.get(f"/learners/{target}/export").json()) == nothing
        report = admin.post("/progress/import", params={"user_id": target}, json=exported).json()
        assert rehearsed == report
        assert (report["written"], report["unchanged"], report["refused"]) == (written, 2 - written, 0)


@pytest.mark.parametrize(("kind", "written"), [(CSV, as_csv), (NDJSON, ndjson)])
def test_a_file_whose_lines_name_their_learners_takes_no_other_learner(
    admin: httpx.Client,
    lesson_path: str,
    kind: dict[str, str],
    written: Callable[[list[dict[str, Any]]], bytes],
) -> None:
    learner_id, (_, _, course_id, _, lesson_id) = str(uuid4()), lesson_path.split("/")
    content = written([line(learner_id, course_id, lesson_id, status="completed")])
    answer = admin.post("/progress/import", params={"user_id": str(uuid4())}, content=content, headers=kind)
    assert answer.status_code == 422
    assert [problem["type"] for problem in answer.json()["detail"]] == ["not_an_export"]
    assert admin.get(f"/learners/{learner_id}/export").json()["lesson_progress"] == []


def test_an_export_with_the_older_names_is_imported(
    admin: httpx.Client, client_of: Callable[..., httpx.Client], lesson_paths: list[str]
) -> None:
    learner_id, target = str(uuid4()), str(uuid4())
    client_of(learner_id).put(lesson_paths[0], json={"status": "completed", "time_spent_minutes": 3})
    exported = admin.get(f"/learners/{learner_id}/export").json()
    older = exported | {"rows": exported["lesson_progress"], "standings": exported["course_progress"]}
    del older["lesson_progress"], older["course_progress"]
    answer = admin.post("/progress/import", params={"user_id": target}, json=older)
    assert answer.json()["refused"] == 0
    assert presence_in(admin.get(f"/learners/{target}/export").json()) == presence_in(exported)


@pytest.mark.parametrize(("name", "older"), [("lesson_progress", "rows"), ("course_progress", "standings")])
def test_an_export_with_a_part_under_both_names_is_refused(admin: httpx.Client, name: str, older: str) -> None:
    exported = {"user_id": str(uuid4()), "lesson_progress": [], "course_progress": [], "days": []}
    answer = admin.post("/progress/import", json=exported | {older: exported[name]})
    assert answer.status_code == 422
    assert [(problem["loc"], problem["type"]) for problem in answer.json()["detail"]] == [
        (["body", older], "named_twice")
    ]


@pytest.mark.parametrize("part", ["lesson_progress", "rows"])
def test_a_fault_of_an_export_is_located_under_the_name_that_it_has(admin: httpx.Client, part: str) -> None:
    answer = admin.post("/progress/import", json={"user_id": str(uuid4()), part: [{"course_id": "x"}]})
    assert {tuple(problem["loc"][:2]) for problem in answer.json()["errors"]} == {(part, 0)}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"user_id": "ada", "lesson_progress": []}'])
def test_a_document_that_is_no_export_is_refused(admin: httpx.Client, content: bytes) -> None:
    assert admin.post("/progress/import", content=content, headers=EXPORT).status_code == 422


def test_an_export_without_lesson_progress_is_refused(admin: httpx.Client) -> None:
    answer = admin.post("/progress/import", json={"user_id": str(uuid4())})
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", "lesson_progress"]]


def presence_in(exported: dict[str, Any]) -> dict[str, Any]:
    """Return an export without what differs between two databases: ids, versions and revisions."""
    others = {"user_id", "id", "version", "revision"}
    return {
        kind: [{name: value for name, value in one.items() if name not in others} for one in exported[kind]]
        for kind in ("lesson_progress", "course_progress", "days")
    }
