"""Conditional writes: a write that has seen the lesson progress may change any value."""

from typing import Any

import pytest

from domain.values import (
    EARLIER,
    LATER,
    NOW,
    changes,
    finished,
    lesson,
    own_values,
    quiz,
    started,
    stored,
)
from headway.domain.catalogue import Lesson
from headway.domain.progress import LessonProgress, ProgressUpdate, Status, merge, replace

PLAIN = lesson()
ENOUGH_AT_80 = lesson(complete_at=80)
QUIZ = quiz(pass_mark=70)


@pytest.mark.parametrize(
    ("update", "changed"),
    [
        ({"progress_percentage": 10}, {"progress_percentage": 10}),
        ({"progress_percentage": 60}, {"progress_percentage": 60}),
        ({"video_position_seconds": 0}, {"video_position_seconds": 0}),
        ({"quiz_score": 20}, {"quiz_score": 20}),
        ({"quiz_attempts": 1}, {"quiz_attempts": 1}),
        ({"quiz_passed": True}, {"quiz_passed": True}),
        ({"time_spent_minutes": 1}, {"time_spent_minutes": 1}),
        ({"user_notes": "other"}, {"user_notes": "other"}),
        ({"user_notes": ""}, {"user_notes": None}),
        ({"is_bookmarked": False}, {"is_bookmarked": False}),
        ({"metadata": {"b": 2}}, {"metadata": {"b": 2}}),
        ({"metadata": {}}, {"metadata": {}}),
    ],
)
def test_fields_that_are_sent_are_replaced_and_others_stay(update: ProgressUpdate, changed: dict[str, Any]) -> None:
    progress = started()
    after = replace(progress, update, PLAIN, NOW)
    assert changes(progress, after) == changed
    assert (after.version, after.updated_at) == (progress.version + 1, NOW)


@pytest.mark.parametrize(
    ("field", "default"),
    [
        ("progress_percentage", 0),
        ("video_position_seconds", 0),
        ("quiz_score", None),
        ("quiz_attempts", 0),
        ("time_spent_minutes", 0),
        ("user_notes", None),
        ("is_bookmarked", False),
        ("metadata", {}),
    ],
)
def test_null_sets_a_field_back_to_its_default(field: str, default: object) -> None:
    progress = started()
    update: ProgressUpdate = {field: None}  # type: ignore[misc]
    assert changes(progress, replace(progress, update, PLAIN, NOW)) == {field: default}


def test_null_sets_quiz_passed_back_to_its_default() -> None:
    progress = started(quiz_passed=True)
    assert changes(progress, replace(progress, {"quiz_passed": None}, PLAIN, NOW)) == {"quiz_passed": False}


@pytest.mark.parametrize("progress", [stored(), started(), finished()], ids=["untouched", "in progress", "completed"])
@pytest.mark.parametrize("of", [PLAIN, ENOUGH_AT_80, QUIZ], ids=["plain", "enough at 80", "quiz"])
def test_an_empty_write_changes_nothing(progress: LessonProgress, of: Lesson) -> None:
    assert replace(progress, {}, of, NOW) is progress


def test_sending_back_lesson_progress_with_other_notes_changes_only_the_notes() -> None:
    progress = finished()
    after = replace(progress, {**own_values(progress), "user_notes": "other"}, PLAIN, NOW)
    assert changes(progress, after) == {"user_notes": "other"}


@pytest.mark.parametrize(
    ("progress", "status", "changed"),
    [
        pytest.param(
            stored(), Status.COMPLETED, {"completed_at": NOW, "progress_percentage": 100}, id="completed is all of it"
        ),
        pytest.param(started(), Status.IN_PROGRESS, {}, id="the same"),
        pytest.param(finished(), Status.COMPLETED, {}, id="completed stays completed as it was"),
        pytest.param(finished(), Status.IN_PROGRESS, {"completed_at": None}, id="out of completed"),
        pytest.param(stored(), Status.IN_PROGRESS, {}, id="started without any progress"),
    ],
)
def test_the_status_is_stored_as_sent(progress: LessonProgress, status: Status, changed: dict[str, Any]) -> None:
    after = replace(progress, {"status": status}, PLAIN, NOW)
    expected = changed if progress.status is status else changed | {"status": status}
    assert changes(progress, after) == expected


def test_completed_at_is_set_again_when_the_lesson_is_completed_again() -> None:
    progress = replace(finished(), {"status": Status.IN_PROGRESS}, PLAIN, NOW)
    assert replace(progress, {"status": Status.COMPLETED}, PLAIN, LATER).completed_at == LATER
    assert merge(progress, {"progress_percentage": 100}, PLAIN, LATER).completed_at == LATER


def test_completed_at_stays_while_the_lesson_is_completed() -> None:
    after = replace(finished(), {"quiz_score": 10, "user_notes": "", "time_spent_minutes": 0}, PLAIN, NOW)
    assert after.status is Status.COMPLETED
    assert after.completed_at == EARLIER


@pytest.mark.parametrize(
    "update",
    [{"status": Status.NOT_STARTED}, {"status": None}],
    ids=["not_started", "null"],
)
def test_not_started_starts_the_lesson_over(update: ProgressUpdate) -> None:
    progress = finished()
    assert changes(progress, replace(progress, update, PLAIN, NOW)) == {
        "status": Status.NOT_STARTED,
        "progress_percentage": 0,
        "video_position_seconds": 0,
        "completed_at": None,
    }


def test_starting_over_keeps_a_position_that_is_sent_with_it() -> None:
    progress = finished()
    after = replace(progress, {"status": Status.NOT_STARTED, "video_position_seconds": 15}, PLAIN, NOW)
    assert (after.status, after.progress_percentage, after.video_position_seconds) == (Status.NOT_STARTED, 0, 15)


@pytest.mark.parametrize(
    ("update", "status"),
    [
        ({"is_bookmarked": False}, Status.NOT_STARTED),
        ({"user_notes": "again"}, Status.NOT_STARTED),
        ({"metadata": {"theme": "dark"}}, Status.NOT_STARTED),
        ({"video_position_seconds": 4}, Status.IN_PROGRESS),
        ({"progress_percentage": 1}, Status.IN_PROGRESS),
        ({"time_spent_minutes": 0.1}, Status.IN_PROGRESS),
        ({"progress_percentage": 100}, Status.COMPLETED),
    ],
)
@pytest.mark.parametrize("of", [PLAIN, quiz(pass_mark=70, complete_at=100)], ids=["plain", "quiz"])
def test_a_lesson_that_was_started_over_stays_so_until_the_next_progress(
    of: Lesson, update: ProgressUpdate, status: Status
) -> None:
    progress = replace(finished(quiz_score=90), {"status": Status.NOT_STARTED}, of, NOW)
    assert merge(progress, update, of, LATER).status is status


@pytest.mark.parametrize(
    ("update", "status"),
    [
        ({"user_notes": "again"}, Status.NOT_STARTED),
        ({"metadata": {}}, Status.NOT_STARTED),
        ({"video_position_seconds": 4}, Status.IN_PROGRESS),
        ({"quiz_score": 10}, Status.IN_PROGRESS),
        ({"quiz_passed": True}, Status.COMPLETED),
    ],
)
def test_an_earlier_pass_does_not_complete_a_lesson_that_was_started_over(
    update: ProgressUpdate, status: Status
) -> None:
    progress = replace(finished(quiz_score=90), {"status": Status.NOT_STARTED}, QUIZ, NOW)
    assert progress.quiz_passed
    assert replace(progress, update, QUIZ, LATER).status is status


@pytest.mark.parametrize(
    ("of", "progress", "update", "changed"),
    [
        pytest.param(
            PLAIN,
            stored(),
            {"progress_percentage": 5},
            {"progress_percentage": 5, "status": Status.IN_PROGRESS},
            id="a progress starts the lesson",
        ),
        pytest.param(
            PLAIN,
            started(),
            {"progress_percentage": 100},
            {"progress_percentage": 100, "status": Status.COMPLETED, "completed_at": NOW},
            id="all of it completes",
        ),
        pytest.param(
            ENOUGH_AT_80,
            started(),
            {"progress_percentage": 85},
            {"progress_percentage": 85, "status": Status.COMPLETED, "completed_at": NOW},
            id="complete_at completes, at the percentage sent",
        ),
        pytest.param(
            PLAIN,
            finished(),
            {"progress_percentage": 30},
            {"progress_percentage": 30, "status": Status.IN_PROGRESS, "completed_at": None},
            id="a lower progress takes the completion away",
        ),
        pytest.param(
            PLAIN,
            finished(),
            {"progress_percentage": None},
            {"progress_percentage": 0, "status": Status.IN_PROGRESS, "completed_at": None},
            id="so does no progress",
        ),
        pytest.param(
            ENOUGH_AT_80,
            finished(),
            {"progress_percentage": 85},
            {"progress_percentage": 85},
            id="a lower progress that is enough does not",
        ),
        pytest.param(
            PLAIN, finished(), {"video_position_seconds": 0}, {"video_position_seconds": 0}, id="nor does a position"
        ),
        pytest.param(
            QUIZ,
            started(),
            {"quiz_score": 75},
            {
                "quiz_score": 75,
                "quiz_passed": True,
                "status": Status.COMPLETED,
                "completed_at": NOW,
                "progress_percentage": 100,
            },
            id="a score that reaches the mark passes and completes",
        ),
        pytest.param(
            QUIZ,
            finished(quiz_score=75),
            {"quiz_score": 60},
            {"quiz_score": 60, "quiz_passed": False, "status": Status.IN_PROGRESS, "completed_at": None},
            id="a score below the mark takes the pass and the completion away",
        ),
        pytest.param(
            QUIZ,
            finished(quiz_score=75),
            {"quiz_passed": False},
            {"quiz_passed": False, "status": Status.IN_PROGRESS, "completed_at": None},
            id="so does a pass that is none",
        ),
        pytest.param(
            QUIZ,
            started(),
            {"quiz_score": 75, "quiz_passed": False},
            {"quiz_score": 75},
            id="a pass that is named is as sent",
        ),
        pytest.param(
            PLAIN, finished(), {"quiz_score": 1}, {"quiz_score": 1}, id="without a mark a score decides nothing"
        ),
        pytest.param(
            PLAIN, finished(), {"quiz_passed": False}, {"quiz_passed": False}, id="nor does a pass without a mark"
        ),
    ],
)
def test_absent_fields_follow_from_the_fields_that_were_sent(
    of: Lesson, progress: LessonProgress, update: ProgressUpdate, changed: dict[str, Any]
) -> None:
    assert changes(progress, replace(progress, update, of, NOW)) == changed


def test_metadata_is_replaced_if_a_boolean_replaces_a_number() -> None:
    progress = started(metadata={"a": 1})
    after = replace(progress, {"metadata": {"a": True}}, PLAIN, NOW)
    assert after.metadata["a"] is True
    assert after.version == progress.version + 1
