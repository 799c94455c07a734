"""Edits of courses with learners: dry runs, and what an edit changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from support.running import Running, course, eventually, lesson


@dataclass(frozen=True)
class EditedCourse:
    """The test's own course, as its author and a teacher see it."""

    author: httpx.Client
    teacher: httpx.Client
    path: str

    def put(self, document: dict[str, Any]) -> None:
        self.author.put(self.path, json=document).raise_for_status()

    def impact(self, document: dict[str, Any]) -> tuple[int, int, int]:
        """Return what a dry run answers about learners."""
        answer = self.author.put(self.path, params={"dry_run": "true"}, json=document).raise_for_status().json()
        return answer["learners"], answer["gain_completion"], answer["lose_completion"]

    def settle(self) -> None:
        """Wait until what follows from the edits is derived."""
        eventually(lambda: self.author.get(self.path).json()["recalculation"] is None)

    @property
    def completed(self) -> int:
        """Return how many learners have completed the course."""
        answer = self.teacher.get(self.path.replace("/courses/", "/statistics/"))
        return int(answer.raise_for_status().json()["completed"])


@pytest.fixture
def edited(running: Running, author: httpx.Client, catalogued_path: str) -> Iterator[EditedCourse]:
    with running.client(None, "statistics:read") as teacher:
        yield EditedCourse(author, teacher, catalogued_path)


def finish(learner: httpx.Client, paths: list[str]) -> None:
    for path in paths:
        learner.put(path, json={"status": "completed"}).raise_for_status()


def test_a_dry_run_answers_the_change_and_stores_nothing(
    author: httpx.Client, catalogued_path: str, document: dict[str, Any]
) -> None:
    before = author.get(catalogued_path).content
    edited = document | {"title": "New", "lessons": document["lessons"][:2], "on_edit": "reopen"}
    answer = author.put(catalogued_path, params={"dry_run": "true"}, json=edited)
    assert answer.status_code == 200
    assert author.get(catalogued_path).content == before
    change = author.put(catalogued_path, params={"dry_run": "false"}, json=edited).json()
    figures = {"learners": 0, "gain_completion": 0, "lose_completion": 0}
    assert list(answer.json().items()) == list((change | figures).items())
    assert author.get(catalogued_path).json()["title"] == "New"


def test_a_dry_run_of_a_new_course_makes_none(author: httpx.Client, catalogued_path: str) -> None:
    path = catalogued_path[:-4] + "0000"
    answer = author.put(path, params={"dry_run": "true"}, json=course()).json()
    assert (answer["created"], answer["learners"]) == (True, 0)
    assert author.get(path).status_code == 404


def test_a_dry_run_needs_the_scope_and_a_valid_document(
    learner: httpx.Client, author: httpx.Client, catalogued_path: str, document: dict[str, Any]
) -> None:
    assert learner.put(catalogued_path, params={"dry_run": "true"}, json=document).status_code == 403
    refused = author.put(catalogued_path, params={"dry_run": "true"}, json=document | {"time_zone": "Mars/Olympus"})
    assert [fault["loc"] for fault in refused.json()["detail"]] == [["body", "time_zone"]]


@pytest.mark.parametrize("value", ["yes", "", "1", "True"])
def test_a_malformed_dry_run_parameter_is_refused(
    author: httpx.Client, catalogued_path: str, document: dict[str, Any], value: str
) -> None:
    before = author.get(catalogued_path).content
    refused = author.put(catalogued_path, params={"dry_run": value}, json=document | {"title": "New"})
    assert refused.status_code == 422
    assert [fault["loc"] for fault in refused.json()["detail"]] == [["query", "dry_run"]]
    assert author.get(catalogued_path).content == before


def test_a_course_that_grows_keeps_its_completions(
    edited: EditedCourse, learner: httpx.Client, course_path: str, lesson_paths: list[str], document: dict[str, Any]
) -> None:
    finish(learner, lesson_paths)
    assert edited.completed == 1
    longer = document | {"lessons": [*document["lessons"], lesson()]}
    assert edited.impact(longer) == (1, 0, 0)
    edited.put(longer)
    assert learner.get(f"{course_path}/summary").json()["completion_percentage"] == 75
    edited.settle()
    assert edited.completed == 1
    assert learner.get(f"{course_path}/summary").json()["completion_percentage"] == 75


def test_a_course_that_reopens_takes_back_completions_for_new_lessons(
    edited: EditedCourse,
    learner: httpx.Client,
    other_learner: httpx.Client,
    course_path: str,
    lesson_paths: list[str],
    document: dict[str, Any],
) -> None:
    finish(learner, lesson_paths)
    finish(other_learner, lesson_paths[:1])
    new = lesson()
    longer = document | {"lessons": [*document["lessons"], new], "on_edit": "reopen"}
    assert edited.impact(longer) == (2, 0, 1)
    edited.put(longer)
    edited.settle()
    assert edited.completed == 0
    finish(learner, [f"{course_path}/lessons/{new['id']}"])
    assert edited.completed == 1


def test_a_lower_complete_at_completes_lessons_that_reached_it(
    edited: EditedCourse, learner: httpx.Client, course_path: str
) -> None:
    quiz, video = lesson(kind="quiz", pass_mark=90), lesson(kind="video")
    edited.put(course(quiz, video))
    learner.put(f"{course_path}/lessons/{quiz['id']}", json={"quiz_score": 75}).raise_for_status()
    learner.put(f"{course_path}/lessons/{video['id']}", json={"progress_percentage": 80}).raise_for_status()
    easier = course(quiz | {"pass_mark": 70}, video | {"complete_at": 75})
    assert edited.impact(easier) == (1, 1, 0)
    edited.put(easier)
    edited.settle()
    all_progress = learner.get(course_path).json()
    assert [
        (progress["status"], progress["progress_percentage"], progress["quiz_passed"]) for progress in all_progress
    ] == [
        ("completed", 100, True),
        ("completed", 100, False),
    ]
    assert learner.get(f"{course_path}/summary").json()["completion_percentage"] == 100
    assert edited.completed == 1


def test_lesson_progress_that_an_edit_completes_gets_a_new_etag(
    edited: EditedCourse, learner: httpx.Client, lesson_path: str, document: dict[str, Any]
) -> None:
    etag = learner.put(lesson_path, json={"progress_percentage": 60}).headers["etag"]
    first, *others = document["lessons"]
    edited.put(document | {"lessons": [first | {"complete_at": 50}, *others]})
    edited.settle()
    found = learner.get(lesson_path)
    assert found.json()["status"] == "completed"
    assert found.headers["etag"] != etag
    stale = learner.put(lesson_path, json={"status": "in_progress"}, headers={"If-Match": etag})
    assert stale.status_code == 412


def test_a_write_during_the_recalculation_updates_that_learner(
    edited: EditedCourse, learner: httpx.Client, lesson_paths: list[str], document: dict[str, Any]
) -> None:
    finish(learner, lesson_paths[:1])
    edited.put(document | {"lessons": document["lessons"][:1]})
    learner.put(lesson_paths[0], json={"is_bookmarked": True}).raise_for_status()
    assert edited.completed == 1, "whoever was first, the background or the learner"


def test_an_edit_of_titles_order_and_time_zone_changes_no_lesson_progress(
    edited: EditedCourse, learner: httpx.Client, course_path: str, lesson_paths: list[str], document: dict[str, Any]
) -> None:
    finish(learner, lesson_paths[:2])
    before = learner.get(course_path).json()
    retold = [one | {"title": "Told otherwise"} for one in reversed(document["lessons"])]
    edited.put(document | {"lessons": retold, "time_zone": "Asia/Tokyo"})
    edited.settle()
    assert learner.get(course_path).json() == list(reversed(before))
