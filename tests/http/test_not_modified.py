"""Requests with If-None-Match: 304 if the client has the answer already."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from headway.http.api.routes import OPERATIONS
from headway.http.engine.endpoint import Operation
from support.running import course, lesson

REVALIDATED = [one for one in OPERATIONS if one.is_revalidated]
NEVER = {"export_learner", "get_launch", "list_events", "stream_course_statistics"}
SCOPES = ("courses:write", "enrolments:write", "groups:write", "learners:admin", "statistics:read", "webhooks:write")

every_answer = pytest.mark.parametrize("operation", REVALIDATED, ids=lambda one: one.title)


@pytest.fixture
def reader_id() -> str:
    return str(uuid4())


@pytest.fixture
def reader(client_of: Callable[..., httpx.Client], reader_id: str, lesson_path: str) -> httpx.Client:
    """Return the client of a learner who may read everything and has progress in one lesson."""
    client = client_of(reader_id, *SCOPES)
    client.put(lesson_path, json={"progress_percentage": 5}).raise_for_status()
    client.put(f"/learners/{reader_id}/profile", json={"name": "Ada"}).raise_for_status()
    client.put(f"/learners/{reader_id}/goal", json={"days_per_week": 3}).raise_for_status()
    return client


@pytest.fixture
def path_of(reader: httpx.Client, lesson_path: str, reader_id: str) -> Iterator[Callable[[Operation], str]]:
    _, _, course_id, _, lesson_id = lesson_path.split("/")
    group_id, other_id = str(uuid4()), str(uuid4())
    for group in (group_id, other_id):
        reader.put(f"/groups/{group}", json={"title": "A class", "members": [reader_id]}).raise_for_status()
    webhook_id = str(uuid4())
    webhook = {"address": "https://lms.example/hooks", "enabled": False, "courses": [course_id]}
    reader.put(f"/webhooks/{webhook_id}", json=webhook).raise_for_status()
    ids = {
        "webhook_id": webhook_id,
        "course_id": course_id,
        "lesson_id": lesson_id,
        "user_id": reader_id,
        "group_id": group_id,
        "run": "1",
        "reason": "late",
    }
    queries = {"Compare Course Statistics": f"?group={group_id}&group={other_id}"}
    yield lambda operation: operation.path.format(**ids) + queries.get(operation.title, "")
    reader.delete(f"/webhooks/{webhook_id}").raise_for_status()  # there are 100 at most


def test_every_repeatable_answer_has_an_etag() -> None:
    assert {one.handler.__name__ for one in OPERATIONS if one.method == "GET" and not one.is_revalidated} == NEVER


def _again(client: httpx.Client, path: str, condition: str) -> httpx.Response:
    return client.get(path, headers={"If-None-Match": condition})


@every_answer
def test_a_current_etag_is_answered_304(
    reader: httpx.Client, operation: Operation, path_of: Callable[[Operation], str]
) -> None:
    path = path_of(operation)
    answer = reader.get(path)
    assert answer.headers["cache-control"] == "private, no-cache"
    etag = answer.headers["etag"]
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = _again(reader, path, condition)
        # Other tests write to the same service: what all courses are at may be another meanwhile.
        assert again.status_code == 304 or again.headers["etag"] != etag
        if again.status_code == 304:
            assert again.content == b""
            assert "content-length" not in again.headers
            kept = {"etag", "cache-control", "vary"} & answer.headers.keys()
            assert {name: again.headers[name] for name in kept} == {name: answer.headers[name] for name in kept}
    assert _again(reader, path, '"other"').status_code == 200
    refused = _again(reader, path, "none")
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["header", "If-None-Match"])


@pytest.mark.parametrize("address", ["", "/summary", "/lessons/{lesson}"])
def test_a_write_changes_the_etag(reader: httpx.Client, course_path: str, lesson_path: str, address: str) -> None:
    path = course_path + address.format(lesson=lesson_path.rpartition("/")[2])
    etag = reader.get(path).headers["etag"]
    reader.put(lesson_path, json={"status": "completed"}).raise_for_status()
    answer = _again(reader, path, etag)
    assert answer.status_code == 200
    assert answer.headers["etag"] != etag


def test_another_learners_list_has_another_etag(
    reader: httpx.Client, learner: httpx.Client, course_path: str, lesson_path: str
) -> None:
    learner.put(lesson_path, json={"progress_percentage": 5}).raise_for_status()
    assert _again(learner, course_path, reader.get(course_path).headers["etag"]).status_code == 200


def test_a_refusal_does_not_depend_on_if_none_match(learner: httpx.Client) -> None:
    assert _again(learner, f"/progress/{uuid4()}", "*").status_code == 404


def test_another_content_id_changes_the_answers_etag_but_not_the_condition(
    learner: httpx.Client, publish: Callable[..., str]
) -> None:
    first: dict[str, Any] = lesson()
    course_path = publish(course(first))
    path = f"{course_path}/lessons/{first['id']}"
    written = learner.put(path, json={"progress_percentage": 50}).headers["etag"]
    assert _again(learner, path, written).status_code == 304
    publish(course(first | {"content_id": str(uuid4())}), course_path)
    shown = _again(learner, path, written)
    assert shown.status_code == 200
    assert shown.headers["etag"].partition("+")[0] == written.rstrip('"')
    assert _again(learner, path, shown.headers["etag"]).status_code == 304
    for etag in (written, shown.headers["etag"]):
        assert learner.put(path, json={}, headers={"If-Match": etag}).status_code == 200
