"""A learner's requests: lesson progress, lists, summaries, and the effect of course edits."""

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.running import course, lesson


def _without(document: dict[str, Any], *positions: int) -> dict[str, Any]:
    return document | {
        "lessons": [one for position, one in enumerate(document["lessons"]) if position not in positions]
    }


def _lesson_ids(answer: httpx.Response) -> list[str]:
    return [progress["lesson_id"] for progress in answer.json()]


def _summary(learner: httpx.Client, course_path: str) -> dict[str, Any]:
    summary: dict[str, Any] = learner.get(f"{course_path}/summary").json()
    return summary


def test_the_list_is_in_the_order_of_the_course(
    learner: httpx.Client, course_path: str, lesson_paths: list[str], document: dict[str, Any]
) -> None:
    for position in (2, 0, 1):
        learner.put(lesson_paths[position], json={})
    assert _lesson_ids(learner.get(course_path)) == [one["id"] for one in document["lessons"]]


def test_the_list_follows_a_reordered_course(
    publish: Callable[..., str],
    learner: httpx.Client,
    course_path: str,
    lesson_paths: list[str],
    document: dict[str, Any],
) -> None:
    for path in lesson_paths:
        learner.put(path, json={})
    reordered = document | {"lessons": document["lessons"][::-1]}
    before = learner.get(course_path)
    publish(reordered, course_path)
    assert _lesson_ids(learner.get(course_path)) == _lesson_ids(before)[::-1]


def test_the_list_has_only_lessons_with_progress(
    learner: httpx.Client, course_path: str, lesson_paths: list[str], document: dict[str, Any]
) -> None:
    learner.put(lesson_paths[1], json={})
    assert _lesson_ids(learner.get(course_path)) == [document["lessons"][1]["id"]]


def test_every_write_is_in_the_next_list(learner: httpx.Client, course_path: str, lesson_path: str) -> None:
    for minutes in range(1, 4):
        progress = learner.put(lesson_path, json={"time_spent_minutes": minutes})
        assert learner.get(course_path).json() == [progress.json()]


@pytest.mark.slow
def test_a_list_of_more_than_a_million_characters_is_complete(
    publish: Callable[..., str], learner: httpx.Client
) -> None:
    """A long list is rendered in pieces, in turns with other requests."""
    document = course(*(lesson() for _ in range(70)))
    course_path = publish(document)
    written = []
    for number, one in enumerate(document["lessons"]):
        path, text = f"{course_path}/lessons/{one['id']}", f"{number}" + "x" * 15_900
        written.append(learner.put(path, json={"metadata": {"text": text}}).json())
    listed = learner.get(course_path)
    assert len(listed.content) > 1_000_000
    assert listed.json() == written
    assert learner.get(course_path, headers={"If-None-Match": listed.headers["etag"]}).status_code == 304
    learner.put(f"{course_path}/lessons/{document['lessons'][-1]['id']}", json={"is_bookmarked": True})
    again = learner.get(course_path)
    assert again.headers["etag"] != listed.headers["etag"]
    assert [progress["is_bookmarked"] for progress in again.json()] == [False] * 69 + [True]


def test_put_answers_200_for_new_and_existing_lesson_progress(learner: httpx.Client, lesson_path: str) -> None:
    first = learner.put(lesson_path, json={})
    second = learner.put(lesson_path, json={"progress_percentage": 10})
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json() == first.json() | {
        "status": "in_progress",
        "progress_percentage": 10,
        "updated_at": second.json()["updated_at"],
    }


def test_a_write_that_changes_nothing_keeps_lesson_progress_unchanged(learner: httpx.Client, lesson_path: str) -> None:
    written = learner.put(lesson_path, json={"progress_percentage": 10, "user_notes": "Once."})
    again = learner.put(lesson_path, json={"progress_percentage": 10, "user_notes": "Once."})
    assert (again.content, again.headers["etag"]) == (written.content, written.headers["etag"])


def test_lesson_progress_is_404_before_the_first_write_and_has_an_etag_after_it(
    learner: httpx.Client, lesson_path: str
) -> None:
    assert learner.get(lesson_path).status_code == 404
    written = learner.put(lesson_path, json={"user_notes": "Start here."})
    found = learner.get(lesson_path)
    assert (found.status_code, found.content) == (200, written.content)
    assert found.headers["etag"] == written.headers["etag"]


def test_delete_removes_lesson_progress_and_may_be_repeated(
    learner: httpx.Client, course_path: str, lesson_paths: list[str]
) -> None:
    learner.put(lesson_paths[0], json={"progress_percentage": 50})
    kept = learner.put(lesson_paths[1], json={})
    assert [learner.delete(lesson_paths[0]).status_code for _ in range(2)] == [204, 204]
    assert learner.get(lesson_paths[0]).status_code == 404
    assert learner.get(course_path).json() == [kept.json()]


def test_deleting_absent_lesson_progress_is_no_write(learner: httpx.Client, course_path: str, lesson_path: str) -> None:
    assert learner.delete(lesson_path).status_code == 204
    assert learner.get("/progress").json() == []
    assert _summary(learner, course_path)["last_accessed"] is None


def test_lesson_progress_made_again_has_no_old_values(learner: httpx.Client, lesson_path: str) -> None:
    old = learner.put(lesson_path, json={"status": "completed", "user_notes": "Old."}).json()
    learner.delete(lesson_path)
    new = learner.put(lesson_path, json={}).json()
    assert (new["status"], new["user_notes"], new["completed_at"]) == ("not_started", None, None)
    assert new["id"] != old["id"]


@pytest.mark.parametrize("removed", ["lesson", "course"])
def test_an_answer_204_has_no_body_and_no_length(
    learner: httpx.Client, course_path: str, lesson_path: str, removed: str
) -> None:
    answer = learner.delete(lesson_path if removed == "lesson" else course_path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers  # RFC 9110 section 8.6 forbids it in a 204


def test_a_removed_lesson_hides_its_progress_until_it_returns(
    publish: Callable[..., str],
    learner: httpx.Client,
    course_path: str,
    lesson_paths: list[str],
    document: dict[str, Any],
) -> None:
    for path in lesson_paths:
        learner.put(path, json={"progress_percentage": 30})
    before, progress = learner.get(course_path), learner.get(lesson_paths[1])
    publish(_without(document, 1), course_path)
    assert _lesson_ids(learner.get(course_path)) == [document["lessons"][position]["id"] for position in (0, 2)]
    assert learner.get(lesson_paths[1]).status_code == 404
    publish(document, course_path)
    assert learner.get(course_path).content == before.content
    assert learner.get(lesson_paths[1]).headers["etag"] == progress.headers["etag"]


def test_hidden_lesson_progress_can_be_neither_written_nor_deleted(
    publish: Callable[..., str], learner: httpx.Client, course_path: str, lesson_path: str, document: dict[str, Any]
) -> None:
    progress = learner.put(lesson_path, json={"progress_percentage": 30})
    publish(_without(document, 0), course_path)
    refused = [learner.put(lesson_path, json={"progress_percentage": 90}), learner.delete(lesson_path)]
    assert [answer.status_code for answer in refused] == [404, 404]
    publish(document, course_path)
    assert learner.get(lesson_path).content == progress.content


def test_a_removed_course_hides_its_progress_until_it_returns(
    author: httpx.Client, learner: httpx.Client, course_path: str, lesson_path: str, catalogued_path: str
) -> None:
    learner.put(lesson_path, json={"status": "completed"})
    document = author.get(catalogued_path).json()
    paths = (course_path, f"{course_path}/summary", "/progress")
    before = [learner.get(path).content for path in paths]
    assert author.delete(catalogued_path).status_code == 204
    hidden = [learner.get(path) for path in paths]
    assert [answer.status_code for answer in hidden] == [404, 404, 200]
    assert hidden[2].json() == []
    author.put(catalogued_path, json=document).raise_for_status()
    assert [learner.get(path).content for path in paths] == before


def test_putting_the_same_course_again_changes_nothing(
    author: httpx.Client, learner: httpx.Client, course_path: str, lesson_path: str, catalogued_path: str
) -> None:
    learner.put(lesson_path, json={"status": "completed"})
    before = learner.get(course_path).content
    document = author.get(catalogued_path).json()
    answer = author.put(catalogued_path, json=document).json()
    assert not any(answer[name] for name in ("created", "added", "removed", "changed", "reordered", "renamed"))
    assert learner.get(course_path).content == before


def test_starting_a_course_over_removes_all_its_progress(
    learner: httpx.Client, course_path: str, lesson_paths: list[str]
) -> None:
    fresh = _summary(learner, course_path)
    for path in lesson_paths:
        learner.put(path, json={"status": "completed", "time_spent_minutes": 5})
    assert [learner.delete(course_path).status_code for _ in range(2)] == [204, 204]
    assert learner.get(course_path).json() == []
    assert _summary(learner, course_path) == fresh
    assert learner.get("/progress").json() == []


def test_starting_a_course_over_removes_hidden_progress_too(
    publish: Callable[..., str], learner: httpx.Client, course_path: str, lesson_path: str, document: dict[str, Any]
) -> None:
    learner.put(lesson_path, json={"status": "completed"})
    publish(_without(document, 0), course_path)
    learner.delete(course_path)
    publish(document, course_path)
    assert learner.get(course_path).json() == []


def test_starting_a_course_over_keeps_other_courses(
    publish: Callable[..., str], learner: httpx.Client, course_path: str, lesson_path: str
) -> None:
    other = course()
    other_path = publish(other)
    kept = learner.put(f"{other_path}/lessons/{other['lessons'][0]['id']}", json={"status": "completed"})
    learner.put(lesson_path, json={})
    learner.delete(course_path)
    assert learner.get(other_path).json() == [kept.json()]
    assert learner.get("/progress").json() == [_summary(learner, other_path)]


def test_courses_are_listed_with_the_latest_access_first(publish: Callable[..., str], learner: httpx.Client) -> None:
    documents = [course() for _ in range(3)]
    course_paths = [publish(document) for document in documents]
    for position in (1, 0, 2, 1):
        first_lesson = documents[position]["lessons"][0]["id"]
        learner.put(f"{course_paths[position]}/lessons/{first_lesson}", json={})
    listed = learner.get("/progress").json()
    assert listed == [_summary(learner, course_paths[position]) for position in (1, 2, 0)]


def test_a_summary_before_the_first_write_counts_the_lessons_and_nothing_else(
    learner: httpx.Client, course_path: str
) -> None:
    assert _summary(learner, course_path) == {
        "course_id": course_path.rpartition("/")[2],
        "total_lessons": 3,
        "completed_lessons": 0,
        "in_progress_lessons": 0,
        "completion_percentage": 0,
        "total_time_spent_minutes": 0,
        "last_accessed": None,
    }


class TestWithAnOptionalLesson:
    @pytest.fixture
    def document(self) -> dict[str, Any]:
        return course(lesson(), lesson(), lesson(required=False), lesson(required=False))

    def test_a_summary_counts_required_lessons_and_sums_the_time_of_all(
        self, learner: httpx.Client, course_path: str, lesson_paths: list[str]
    ) -> None:
        learner.put(lesson_paths[0], json={"status": "completed", "time_spent_minutes": 1.5})
        learner.put(lesson_paths[1], json={"status": "in_progress", "time_spent_minutes": 2})
        learner.put(lesson_paths[2], json={"status": "completed", "time_spent_minutes": 4})
        last = learner.put(lesson_paths[3], json={"status": "in_progress", "time_spent_minutes": 8.25}).json()
        assert _summary(learner, course_path) == {
            "course_id": course_path.rpartition("/")[2],
            "total_lessons": 2,
            "completed_lessons": 1,
            "in_progress_lessons": 1,
            "completion_percentage": 50,
            "total_time_spent_minutes": 15.75,
            "last_accessed": last["updated_at"],
        }

    def test_a_lesson_made_required_counts_at_once(
        self,
        publish: Callable[..., str],
        learner: httpx.Client,
        course_path: str,
        lesson_paths: list[str],
        document: dict[str, Any],
    ) -> None:
        learner.put(lesson_paths[2], json={"status": "completed"})
        assert _summary(learner, course_path)["completed_lessons"] == 0
        publish(course(*(one | {"required": True} for one in document["lessons"])), course_path)
        after = _summary(learner, course_path)
        assert (after["total_lessons"], after["completed_lessons"], after["completion_percentage"]) == (4, 1, 25)


@pytest.mark.parametrize(("completed", "percentage"), [(1, 14.29), (2, 28.57), (3, 42.86), (6, 85.71), (7, 100)])
def test_a_percentage_has_two_decimals_at_most(
    publish: Callable[..., str], learner: httpx.Client, completed: int, percentage: float
) -> None:
    document = course(*(lesson() for _ in range(7)))
    course_path = publish(document)
    for one in document["lessons"][:completed]:
        learner.put(f"{course_path}/lessons/{one['id']}", json={"status": "completed"})
    assert _summary(learner, course_path)["completion_percentage"] == percentage


def test_a_percentage_stays_exact_when_lessons_leave_and_come_back(
    publish: Callable[..., str],
    learner: httpx.Client,
    course_path: str,
    lesson_paths: list[str],
    document: dict[str, Any],
) -> None:
    for path in lesson_paths[:2]:
        learner.put(path, json={"status": "completed", "time_spent_minutes": 10})
    seen = []
    for edited in (document, _without(document, 0), _without(document, 2), _without(document, 0, 1), document):
        publish(edited, course_path)
        summary = _summary(learner, course_path)
        seen.append((summary["completion_percentage"], summary["total_time_spent_minutes"]))
    assert seen == [(66.67, 20), (50, 10), (100, 20), (0, 0), (66.67, 20)]


def test_time_is_summed_without_the_errors_of_binary_fractions(
    learner: httpx.Client, course_path: str, lesson_paths: list[str]
) -> None:
    for path, minutes in zip(lesson_paths, (0.1, 0.2, 0.3), strict=True):
        learner.put(path, json={"time_spent_minutes": minutes})
    assert _summary(learner, course_path)["total_time_spent_minutes"] == 0.6


def test_a_write_that_changes_nothing_moves_last_accessed(
    publish: Callable[..., str], learner: httpx.Client, course_path: str, lesson_path: str
) -> None:
    other = course()
    other_path = publish(other)
    learner.put(lesson_path, json={})
    learner.put(f"{other_path}/lessons/{other['lessons'][0]['id']}", json={})
    learner.put(lesson_path, json={})
    assert [f"/progress/{summary['course_id']}" for summary in learner.get("/progress").json()] == [
        course_path,
        other_path,
    ]


def test_reaching_the_percentage_that_completes_a_lesson_completes_it_once(
    publish: Callable[..., str], learner: httpx.Client
) -> None:
    document = course(lesson(complete_at=80))
    course_path = publish(document)
    path = f"{course_path}/lessons/{document['lessons'][0]['id']}"
    almost = learner.put(path, json={"progress_percentage": 79.5}).json()
    reached = learner.put(path, json={"progress_percentage": 80}).json()
    later = learner.put(path, json={"progress_percentage": 20, "status": "in_progress"}).json()
    assert (almost["status"], almost["completed_at"]) == ("in_progress", None)
    assert (reached["status"], reached["progress_percentage"]) == ("completed", 100)
    assert (later["status"], later["completed_at"]) == ("completed", reached["completed_at"])


def test_a_quiz_is_completed_by_passing_it(publish: Callable[..., str], learner: httpx.Client) -> None:
    document = course(lesson(kind="quiz", pass_mark=60))
    course_path = publish(document)
    path = f"{course_path}/lessons/{document['lessons'][0]['id']}"
    failed = learner.put(path, json={"quiz_score": 59.5, "quiz_attempts": 1, "progress_percentage": 100}).json()
    passed = learner.put(path, json={"quiz_score": 60, "quiz_attempts": 2}).json()
    assert (failed["status"], failed["quiz_passed"]) == ("in_progress", False)
    assert (passed["status"], passed["quiz_passed"], passed["quiz_score"]) == ("completed", True, 60)


def test_unknown_fields_and_fields_that_can_not_be_written_are_ignored(learner: httpx.Client, lesson_path: str) -> None:
    made = learner.put(lesson_path, json={})
    foreign = dict.fromkeys(("user_id", "course_id", "lesson_id", "content_id", "id"), str(uuid4()))
    moments = dict.fromkeys(("completed_at", "created_at", "updated_at"), "2001-01-01T00:00:00Z")
    answer = learner.put(lesson_path, json=foreign | moments | {"version": 7, "colour": {"deep": [1]}})
    assert (answer.status_code, answer.content) == (200, made.content)


def test_answered_lesson_progress_can_be_sent_back(learner: httpx.Client, lesson_path: str) -> None:
    fields = {"quiz_score": 42.5, "user_notes": "Wörter ✓", "metadata": {"a": [1, None]}, "is_bookmarked": True}
    progress = learner.put(lesson_path, json=fields | {"status": "completed"})
    sent_back = learner.put(lesson_path, json=progress.json())
    assert (sent_back.status_code, sent_back.content) == (200, progress.content)


def test_numbers_are_rounded_before_any_rule_applies(
    client_of: Callable[..., httpx.Client], publish: Callable[..., str]
) -> None:
    quiz, video = lesson(kind="quiz", pass_mark=58), lesson()
    path = publish(course(quiz, video))
    learner = client_of(str(uuid4()))
    progress = learner.put(f"{path}/lessons/{quiz['id']}", json={"quiz_score": 29 / 50 * 100}).json()
    assert (29 / 50 * 100, progress["quiz_score"], progress["quiz_passed"]) == (57.99999999999999, 58, True)
    twelve_twelfths = reduce(add, [100 / 12] * 12)  # sum() rounds once, from Python 3.12 on
    progress = learner.put(f"{path}/lessons/{video['id']}", json={"progress_percentage": twelve_twelfths}).json()
    assert twelve_twelfths < 100
    assert (progress["progress_percentage"], progress["status"]) == (100, "completed")
    assert learner.put(f"{path}/lessons/{video['id']}", json={"quiz_score": 100.000001}).status_code == 422
