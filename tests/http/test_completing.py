"""Completing lessons over HTTP: rounded numbers, unmet conditions, and completions against them."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.running import course, lesson

MARKS = course(
    lesson(title="Test", kind="quiz", pass_mark=58),
    lesson(title="Essay", kind="assignment", pass_mark=58, complete_at=50),
    lesson(title="Video"),
)
TEST, ESSAY, VIDEO = (f"/lessons/{one['id']}" for one in MARKS["lessons"])


@pytest.fixture
def path(publish: Callable[..., str]) -> str:
    return publish(MARKS)


@pytest.mark.parametrize(
    ("of", "sent", "stored"),
    [
        pytest.param(
            VIDEO,
            {"progress_percentage": 99.99999999999999},
            {"progress_percentage": 100, "status": "completed"},
            id="twelve twelfths",
        ),
        pytest.param(
            VIDEO,
            {"progress_percentage": 100.00000000000001},
            {"progress_percentage": 100, "status": "completed"},
            id="dust above",
        ),
        pytest.param(
            VIDEO,
            {"progress_percentage": 99.99},
            {"progress_percentage": 99.99, "status": "in_progress"},
            id="less than all",
        ),
        pytest.param(
            TEST,
            {"quiz_score": 57.99999999999999},
            {"quiz_score": 58, "quiz_passed": True, "status": "completed"},
            id="29 of 50",
        ),
        pytest.param(
            TEST, {"quiz_score": 57.999999}, {"quiz_score": 57.999999, "quiz_passed": False}, id="a millionth below"
        ),
        pytest.param(TEST, {"quiz_score": -1e-12}, {"quiz_score": 0, "status": "in_progress"}, id="dust below"),
        pytest.param(TEST, {"time_spent_minutes": 0.1 + 0.2}, {"time_spent_minutes": 0.3}, id="a sum of minutes"),
    ],
)
def test_numbers_of_progress_are_rounded_to_a_millionth(
    learner: httpx.Client, path: str, of: str, sent: dict[str, Any], stored: dict[str, Any]
) -> None:
    assert learner.put(path + of, json=sent).json().items() >= stored.items()


def test_numbers_of_a_course_document_are_rounded_to_a_millionth(
    author: httpx.Client, publish: Callable[..., str]
) -> None:
    quiz = lesson(kind="quiz", pass_mark=29 / 50 * 100, complete_at=100 / 3 * 3, duration_seconds=0.1 + 0.2)
    path = publish(course(quiz))
    [stored] = author.get(path.replace("/progress/", "/courses/")).json()["lessons"]
    assert (stored["pass_mark"], stored["complete_at"], stored["duration_seconds"]) == (58, 100, 0.3)


def test_completed_does_not_pass_a_quiz(learner: httpx.Client, path: str) -> None:
    learner.put(path + TEST, json={"quiz_score": 10})
    answer = learner.put(path + TEST, json={"status": "completed"})
    assert (answer.json()["status"], answer.headers["headway-kept"]) == ("in_progress", "status")
    conditional = learner.put(path + TEST, json={"status": "completed"}, headers={"If-Match": answer.headers["etag"]})
    assert (conditional.json()["status"], conditional.headers["headway-kept"]) == ("in_progress", "status")
    assert learner.get(f"{path}/summary").json()["completed_lessons"] == 0


def test_both_conditions_of_an_assignment_have_to_be_met(
    learner: httpx.Client, teacher: httpx.Client, path: str
) -> None:
    assert learner.put(path + ESSAY, json={"progress_percentage": 60}).json()["status"] == "in_progress"
    assert learner.put(path + ESSAY, json={"quiz_score": 60}).json()["status"] == "completed"
    [_, figures, _] = teacher.get(path.replace("/progress/", "/statistics/")).json()["lessons"]
    assert (figures["attempted"], figures["passed"], figures["pass_rate"]) == (1, 1, 100)


@pytest.mark.parametrize("for_themself", [False, True])
def test_only_a_conditional_write_of_an_administrator_completes_against_the_conditions(
    client_of: Callable[..., httpx.Client], teacher: httpx.Client, path: str, for_themself: bool
) -> None:
    admin_id, learner_id = str(uuid4()), str(uuid4())
    learner_id = admin_id if for_themself else learner_id
    admin, learner = client_of(admin_id, "learners:admin"), client_of(learner_id)
    behalf = f"/learners/{learner_id}{path}{TEST}"
    learner.put(path + TEST, json={"quiz_score": 10})
    merge_write = admin.put(behalf, json={"status": "completed"})
    assert (merge_write.json()["status"], merge_write.headers["headway-kept"]) == ("in_progress", "status")
    seen = admin.put(behalf, json={"status": "completed"}, headers={"If-Match": merge_write.headers["etag"]})
    assert (seen.json()["status"], seen.json()["quiz_passed"]) == ("completed", False)
    assert (seen.headers["headway-completed-by"], "headway-kept" in seen.headers) == (admin_id, False)
    assert learner.get(path + TEST).headers["headway-completed-by"] == admin_id
    [exported] = learner.get(f"/learners/{learner_id}/export").json()["lesson_progress"]
    assert exported["completed_by"] == admin_id
    shown = teacher.get(f"{path.replace('/progress/', '/statistics/')}/learners/{learner_id}").json()["lessons"]
    assert [progress["completed_by"] for progress in shown] == [admin_id]
    left = learner.put(path + TEST, json={"status": "in_progress"}, headers={"If-Match": seen.headers["etag"]})
    assert "headway-completed-by" not in left.headers


def test_an_administrator_completes_an_unstarted_lesson_with_if_none_match_any(
    admin: httpx.Client, admin_id: str, learner_id: str, path: str
) -> None:
    behalf = f"/learners/{learner_id}{path}{ESSAY}"
    answer = admin.put(behalf, json={"status": "completed"}, headers={"If-None-Match": "*"})
    assert (answer.json()["status"], answer.headers["headway-completed-by"]) == ("completed", admin_id)


def test_an_export_restores_a_completion_against_the_conditions(
    admin: httpx.Client, admin_id: str, learner: httpx.Client, learner_id: str, path: str
) -> None:
    behalf = f"/learners/{learner_id}{path}{TEST}"
    admin.put(behalf, json={"status": "completed"}, headers={"If-None-Match": "*"})
    learner.put(path + VIDEO, json={"progress_percentage": 40})
    exported = learner.get(f"/learners/{learner_id}/export").json()
    admin.delete(f"/learners/{learner_id}").raise_for_status()
    report = admin.post("/progress/import", json=exported)
    assert report.json()["refused"] == 0, report.text
    shown = ("lesson_id", "status", "completed_by", "worked_at")
    again = learner.get(f"/learners/{learner_id}/export").json()["lesson_progress"]
    assert [[progress[name] for name in shown] for progress in again] == [
        [progress[name] for name in shown] for progress in exported["lesson_progress"]
    ]
    assert learner.get(path + TEST).headers["headway-completed-by"] == admin_id
