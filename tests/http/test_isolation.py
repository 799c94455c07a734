"""No operation shows or changes the progress of another learner."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from support.running import PREFIX

SECRET_NOTES = "Nobody else reads this."


@pytest.fixture
def own_progress(learner: httpx.Client, lesson_path: str) -> httpx.Response:
    """Return the lesson progress of the learner whose progress others must not change."""
    progress = {"progress_percentage": 70, "time_spent_minutes": 12.5, "user_notes": SECRET_NOTES, "quiz_attempts": 2}
    return learner.put(lesson_path, json=progress | {"metadata": {"whose": "mine"}})


@pytest.fixture
def everything(
    learner: httpx.Client, course_path: str, lesson_path: str, own_progress: httpx.Response
) -> Callable[[], Any]:
    """Answers all that the learner can read, as bytes, and the etag of the lesson progress."""
    assert own_progress.status_code == 200

    def read() -> tuple[list[bytes], str]:
        answers = [learner.get(path) for path in (course_path, f"{course_path}/summary", "/progress", lesson_path)]
        return [answer.content for answer in answers], answers[-1].headers["etag"]

    return read


@pytest.fixture
def progress_operations(visitor: httpx.Client) -> list[tuple[str, str]]:
    """Return every operation below progress, as the service lists them: the method, and the path after the prefix."""
    paths: dict[str, dict[str, Any]] = visitor.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path.removeprefix(PREFIX))
        for path, methods in paths.items()
        if path.startswith(f"{PREFIX}/progress")
        for method in methods
    ]


def _conditions(progress: httpx.Response) -> list[dict[str, str]]:
    etag = progress.headers["etag"]
    return [{}, {"If-Match": etag}, {"If-Match": "*"}, {"If-None-Match": "*"}, {"If-None-Match": etag}]


@pytest.mark.slow
def test_no_operation_shows_or_changes_another_learners_progress(
    other_learner: httpx.Client,
    course_path: str,
    lesson_path: str,
    own_progress: httpx.Response,
    everything: Callable[[], Any],
    progress_operations: list[tuple[str, str]],
) -> None:
    assert len(progress_operations) >= 7
    before, progress = everything(), own_progress.json()
    ids = {"course_id": course_path.split("/")[2], "lesson_id": lesson_path.split("/")[4]}
    bodies = [b"{}", own_progress.content, json.dumps({"user_id": progress["user_id"], "status": "completed"}).encode()]
    for method, path in progress_operations:
        for headers in _conditions(own_progress):
            for body in bodies if method == "PUT" else [b""]:
                answer = other_learner.request(method, path.format(**ids), content=body, headers=headers)
                assert answer.status_code < 500
                assert progress["user_id"] not in answer.text
                assert progress["id"] not in answer.text + answer.headers.get("etag", "")
                assert everything() == before, f"{method} {path} {headers}"


def test_two_learners_have_separate_progress_in_one_lesson(
    learner: httpx.Client,
    other_learner: httpx.Client,
    course_path: str,
    lesson_path: str,
    everything: Callable[[], Any],
) -> None:
    before = everything()
    other = other_learner.put(lesson_path, json={"status": "completed", "time_spent_minutes": 1}).json()
    assert other_learner.get(course_path).json() == [other]
    assert (other["user_notes"], other["metadata"], other["quiz_attempts"]) == (None, {}, 0)
    summaries = [one.get(f"{course_path}/summary").json() for one in (learner, other_learner)]
    assert [one["completed_lessons"] for one in summaries] == [0, 1]
    assert [one["total_time_spent_minutes"] for one in summaries] == [12.5, 1]
    assert everything() == before


def test_another_learner_sees_nothing_before_writing(
    other_learner: httpx.Client, course_path: str, lesson_path: str, own_progress: httpx.Response
) -> None:
    assert own_progress.status_code == 200
    assert other_learner.get(course_path).json() == []
    assert other_learner.get(lesson_path).status_code == 404
    assert other_learner.get("/progress").json() == []
    assert other_learner.get(f"{course_path}/summary").json()["last_accessed"] is None


def test_another_learners_etag_allows_no_write(
    other_learner: httpx.Client, lesson_path: str, own_progress: httpx.Response
) -> None:
    made = other_learner.put(lesson_path, json={})
    stolen = {"If-Match": own_progress.headers["etag"]}
    answers = [
        other_learner.put(lesson_path, json={}, headers=stolen),
        other_learner.delete(lesson_path, headers=stolen),
    ]
    assert [answer.status_code for answer in answers] == [412, 412]
    assert other_learner.get(lesson_path).content == made.content


def test_starting_over_and_deleting_remove_only_the_callers_progress(
    other_learner: httpx.Client, course_path: str, lesson_paths: list[str], everything: Callable[[], Any]
) -> None:
    before = everything()
    for path in lesson_paths:
        other_learner.put(path, json={"status": "completed"})
    assert other_learner.delete(lesson_paths[0]).status_code == 204
    assert other_learner.delete(course_path).status_code == 204
    assert other_learner.get(course_path).json() == []
    assert everything() == before


def test_an_author_can_not_read_progress_of_learners(
    author: httpx.Client, course_path: str, lesson_path: str, everything: Callable[[], Any]
) -> None:
    before = everything()
    assert author.get(course_path).json() == []
    assert author.delete(lesson_path).status_code == 204
    assert everything() == before
