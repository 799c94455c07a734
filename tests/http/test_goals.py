"""A learner's goal over HTTP: who may set and read it, and what an export does with it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest


@pytest.fixture
def path(learner_id: str) -> str:
    """Where the learner's goal is."""
    return f"/learners/{learner_id}/goal"


def restored(admin: httpx.Client, export: dict[str, Any], learner: str, **query: str) -> dict[str, Any]:
    answer = admin.post("/progress/import", params={"user_id": learner, **query}, json=export)
    report: dict[str, Any] = answer.raise_for_status().json()
    return report


def test_a_goal_is_set_changed_and_removed(learner: httpx.Client, path: str, lesson_path: str) -> None:
    assert (learner.get(path).status_code, learner.get(path).json()["code"]) == (404, "goal_not_found")
    put = learner.put(path, json={"days_per_week": 1.0}).raise_for_status().json()
    assert put.pop("week") <= put.pop("since")
    assert put == {"days_per_week": 1, "active_days": 0, "met": False, "streak_weeks": 0}
    learner.put(lesson_path, json={"status": "completed"}).raise_for_status()
    found = learner.get(path).json()
    assert (found["active_days"], found["met"], found["streak_weeks"]) == (1, True, 1)
    raised = learner.put(path, json={"days_per_week": 7}).raise_for_status().json()
    assert raised == found | {"days_per_week": 7, "met": False, "streak_weeks": 0}
    assert learner.delete(path).status_code == learner.delete(path).status_code == 204
    assert learner.get(path).status_code == 404


def test_weeks_begin_on_the_day_that_is_asked_for(learner: httpx.Client, path: str) -> None:
    learner.put(path, json={"days_per_week": 2}).raise_for_status()
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    weeks = [learner.get(path, params={"first_weekday": name}).raise_for_status().json()["week"] for name in names]
    assert len(set(weeks)) == len(names)
    assert learner.get(path).json()["week"] == weeks[0]


@pytest.mark.parametrize("body", [{}, {"days_per_week": 0}, {"days_per_week": 8}, {"days_per_week": "3"}, {"days": 3}])
def test_another_goal_is_refused_and_changes_nothing(learner: httpx.Client, path: str, body: dict[str, object]) -> None:
    before = learner.put(path, json={"days_per_week": 3}).json()
    assert learner.put(path, json=body).status_code == 422
    assert learner.get(path, params={"first_weekday": "someday"}).status_code == 422
    assert learner.get(path).json() == before


def test_only_the_learner_and_an_administrator_may_see_or_set_it(
    client_of: Callable[..., httpx.Client], admin: httpx.Client, learner: httpx.Client, path: str
) -> None:
    set_by_learner = learner.put(path, json={"days_per_week": 3}).json()
    for scopes in ((), ("statistics:read",), ("courses:write", "enrolments:write", "groups:write")):
        other = client_of(str(uuid4()), *scopes)
        for answer in (other.get(path), other.put(path, json={"days_per_week": 1}), other.delete(path)):
            assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert admin.get(path).json() == learner.get(path).json() == set_by_learner
    assert admin.put(path, json={"days_per_week": 4}).json()["since"] == set_by_learner["since"]


def test_an_export_holds_the_goal_and_is_restored_where_there_is_none(
    admin: httpx.Client, learner: httpx.Client, learner_id: str, path: str
) -> None:
    export = learner.get(f"/learners/{learner_id}/export").json()
    assert export["goal"] is None
    export["goal"] = {"days_per_week": 5, "since": "2020-02-29"}
    twin = str(uuid4())
    assert restored(admin, export, twin, dry_run="true")["written"] == 1
    assert admin.get(f"/learners/{twin}/goal").status_code == 404
    assert [restored(admin, export, twin)["written"] for _ in range(2)] == [1, 0]
    assert admin.get(f"/learners/{twin}/export").json()["goal"] == export["goal"]
    learner.put(path, json={"days_per_week": 1}).raise_for_status()
    assert restored(admin, export, learner_id, atomic="true")["written"] == 0
    assert learner.get(path).json()["days_per_week"] == 1


@pytest.mark.parametrize(
    "goal", [{"days_per_week": 8, "since": "2020-02-29"}, {"days_per_week": 1, "since": "1989-12-31"}]
)
def test_an_impossible_goal_in_an_export_is_refused(
    admin: httpx.Client, learner_id: str, goal: dict[str, object]
) -> None:
    export = {"user_id": learner_id, "lesson_progress": [], "goal": goal}
    answer = admin.post("/progress/import", json=export)
    assert answer.status_code == 422
    assert [fault["loc"][:2] for fault in answer.json()["detail"]] == [["body", "goal"]]


def test_erasing_a_learner_removes_the_goal(
    admin: httpx.Client, learner: httpx.Client, learner_id: str, path: str
) -> None:
    learner.put(path, json={"days_per_week": 3}).raise_for_status()
    assert admin.delete(f"/learners/{learner_id}").status_code == 204
    assert learner.get(path).status_code == 404
