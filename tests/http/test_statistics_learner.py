"""One learner in the statistics, and the explanation of percentages."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.running import course, lesson

UNKNOWN = "497f6eca-6276-4993-bfeb-53cbbbba6f08"


class Enrolled:
    """A learner in a course that has two lessons that count and one that does not."""

    def __init__(self, client_of: Callable[[str], httpx.Client], publish: Callable[..., str]) -> None:
        self.publish = publish
        self.user_id = str(uuid4())
        self.client = client_of(self.user_id)
        self.first, self.second = lesson(title="First"), lesson(title="Second")
        self.extra = lesson(title="Extra", required=False)
        self.path = publish(course(self.first, self.second, self.extra))
        self.course_id = self.path.removeprefix("/progress/")
        self.statistics_path = f"/statistics/{self.course_id}/learners/{self.user_id}"

    def write(self, of: dict[str, Any], **fields: object) -> None:
        self.client.put(f"{self.path}/lessons/{of['id']}", json=fields).raise_for_status()

    def summary(self, query: str = "") -> dict[str, Any]:
        answer = self.client.get(f"{self.path}/summary{query}")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def enrolled(client_of: Callable[[str], httpx.Client], publish: Callable[..., str]) -> Enrolled:
    return Enrolled(client_of, publish)


def test_a_learner_without_writes_is_404(teacher: httpx.Client, enrolled: Enrolled) -> None:
    refused = teacher.get(enrolled.statistics_path)
    assert refused.status_code == 404
    reason = f"Learner {enrolled.user_id} is not enrolled in course {enrolled.course_id} and has not written in it."
    assert refused.json() == {"detail": reason, "code": "learner_not_found"}
    enrolled.write(enrolled.first)
    assert teacher.get(enrolled.statistics_path).status_code == 200
    enrolled.client.delete(enrolled.path).raise_for_status()
    over = teacher.get(enrolled.statistics_path).json()  # who starts over stays enrolled
    assert (over["started_at"], over["enrolled_at"] is not None, over["lessons"]) == (None, True, [])
    assert teacher.get(enrolled.statistics_path.replace(enrolled.user_id, "none")).status_code == 422


def test_a_learner_has_the_fields_of_the_roster_and_the_lesson_progress(
    teacher: httpx.Client, enrolled: Enrolled
) -> None:
    enrolled.write(enrolled.extra, progress_percentage=12.5, time_spent_minutes=3, is_bookmarked=True)
    enrolled.write(enrolled.first, status="completed", user_notes="mine", metadata={"mine": True})
    found = teacher.get(enrolled.statistics_path.replace(enrolled.user_id, enrolled.user_id.upper())).json()
    [line] = teacher.get(enrolled.statistics_path.rpartition("/")[0]).json()["learners"]
    assert {name: found[name] for name in line} == line
    assert set(found) == {*line, "course_id", "lessons", "late_lessons"}
    assert (line["completion_percentage"], line["total_time_spent_minutes"]) == (50, 3)
    all_progress = enrolled.client.get(enrolled.path).json()
    assert [progress["lesson_id"] for progress in all_progress] == [enrolled.first["id"], enrolled.extra["id"]]
    more = {"written_by": None, "completed_by": None, "due_at": None, "late": False, "completed_late": False}
    shown = [
        {name: value for name, value in progress.items() if name not in {"user_notes", "metadata"}} | more
        for progress in all_progress
    ]
    assert found["lessons"] == shown


def test_notes_and_metadata_are_left_out(teacher: httpx.Client, enrolled: Enrolled) -> None:
    enrolled.write(enrolled.first, user_notes="a secret of mine", metadata={"a key of mine": "a value of mine"})
    path = enrolled.statistics_path
    for query in ("", "?explain=true"):
        assert "of mine" not in teacher.get(path + query).text
    roster = path.rpartition("/")[0]
    assert "of mine" not in teacher.get(roster).text + teacher.get(f"{roster}?format=csv").text


def test_a_summary_without_explain_has_no_explanation(enrolled: Enrolled) -> None:
    enrolled.write(enrolled.first, status="completed")
    plain = enrolled.client.get(f"{enrolled.path}/summary")
    for query in ("?", "?explain=false", "?unknown=true", "?explain=true&explain=false"):
        assert enrolled.client.get(f"{enrolled.path}/summary{query}").content == plain.content
    assert list(plain.json()) == [
        "course_id", "total_lessons", "completed_lessons", "in_progress_lessons", "completion_percentage",
        "total_time_spent_minutes", "last_accessed",
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["", "1", "yes", "True", "null"])
def test_explain_takes_true_or_false(teacher: httpx.Client, enrolled: Enrolled, value: str) -> None:
    for client, path in ((enrolled.client, f"{enrolled.path}/summary"), (teacher, enrolled.statistics_path)):
        refused = client.get(path, params={"explain": value})
        assert refused.status_code == 422
        [fault] = refused.json()["detail"]
        assert (fault["loc"], fault["type"], fault["input"]) == (["query", "explain"], "bool_parsing", value)


def test_explain_lists_the_lessons_that_counted(teacher: httpx.Client, enrolled: Enrolled) -> None:
    enrolled.write(enrolled.extra, status="completed")
    enrolled.write(enrolled.second, progress_percentage=10)
    explained = enrolled.summary("?explain=true")
    explanation = explained.pop("explanation")
    assert explained == enrolled.summary()
    version = explanation["course_version"]
    assert isinstance(version, int)
    assert explanation["lessons"] == [
        _told(enrolled.first, "not_started"),
        _told(enrolled.second, "in_progress"),
        _told(enrolled.extra, "completed", reason="optional"),
    ]
    assert teacher.get(f"{enrolled.statistics_path}?explain=true").json()["explanation"] == explanation

    enrolled.publish(course(enrolled.extra | {"required": True}, enrolled.first, title="Edited"), enrolled.path)
    explained = enrolled.summary("?explain=true")
    assert explained.pop("explanation") == {
        "course_version": (edited := _version(enrolled)),
        "lessons": [
            _told(enrolled.extra, "completed"),
            _told(enrolled.first, "not_started"),
            _told(enrolled.second, "in_progress", title=None, reason="removed"),
        ],
    }
    assert edited > version
    assert (explained["total_lessons"], explained["completion_percentage"]) == (2, 50)
    assert explained == enrolled.summary()


def _told(of: dict[str, Any], status: str, *, reason: str | None = None, **fields: object) -> dict[str, Any]:
    shown = {"lesson_id": of["id"], "title": of["title"], "status": status, "counted": reason is None, "reason": reason}
    return shown | fields


def _version(enrolled: Enrolled) -> int:
    version: int = enrolled.summary("?explain=true")["explanation"]["course_version"]
    return version


def test_explain_works_without_any_progress(enrolled: Enrolled) -> None:
    explained = enrolled.summary("?explain=true")
    lessons = explained.pop("explanation")["lessons"]
    assert explained == enrolled.summary()
    assert {one["status"] for one in lessons} == {"not_started"}
    assert [one["counted"] for one in lessons] == [True, True, False]


def test_the_counted_lessons_add_up_to_the_percentage(teacher: httpx.Client, enrolled: Enrolled) -> None:
    for of in (enrolled.first, enrolled.second, enrolled.extra):
        enrolled.write(of, status="completed")
        found = teacher.get(f"{enrolled.statistics_path}?explain=true").json()
        counted = [one for one in found["explanation"]["lessons"] if one["counted"]]
        completed = sum(one["status"] == "completed" for one in counted)
        assert found["completion_percentage"] == 100 * completed / len(counted)


def test_explain_of_an_unknown_course_is_404(learner: httpx.Client) -> None:
    assert learner.get(f"/progress/{UNKNOWN}/summary?explain=true").status_code == 404
