"""Merge writes: a write that has not seen the lesson progress only moves the learner forward."""

from typing import Any

import pytest

from domain.values import (
    COURSE,
    EARLIER,
    LEARNER,
    LESSON,
    NOW,
    PROGRESS_ID,
    changes,
    finished,
    lesson,
    quiz,
    started,
    stored,
)
from headway.domain.catalogue import Lesson
from headway.domain.progress import LessonProgress, ProgressUpdate, Status, kept_fields, merge, new_lesson_progress

PLAIN = lesson()
ENOUGH_AT_80 = lesson(complete_at=80)
NEVER_BY_PERCENTAGE = lesson(complete_at=None)
QUIZ = quiz(pass_mark=70)

IN_PROGRESS = {"status": Status.IN_PROGRESS}
COMPLETED = {"status": Status.COMPLETED, "progress_percentage": 100, "completed_at": NOW}


def assert_changes(before: LessonProgress, after: LessonProgress, expected: dict[str, Any]) -> None:
    assert changes(before, after) == expected
    if expected:
        assert (after.version, after.updated_at) == (before.version + 1, NOW)
    else:
        assert after is before


@pytest.mark.parametrize(
    ("progress", "update", "changed"),
    [
        pytest.param(stored(), {"status": Status.IN_PROGRESS}, IN_PROGRESS, id="rises to in_progress"),
        pytest.param(stored(), {"status": Status.COMPLETED}, COMPLETED, id="rises to completed"),
        pytest.param(started(), {"status": Status.COMPLETED}, COMPLETED, id="rises from in_progress"),
        pytest.param(started(), {"status": Status.NOT_STARTED}, {}, id="in_progress is kept"),
        pytest.param(finished(), {"status": Status.IN_PROGRESS}, {}, id="completed is kept"),
        pytest.param(finished(), {"status": Status.NOT_STARTED}, {}, id="completed is kept against not_started"),
        pytest.param(finished(), {"status": Status.COMPLETED}, {}, id="completed twice is completed once"),
        pytest.param(
            stored(),
            {"status": Status.NOT_STARTED, "video_position_seconds": 3},
            IN_PROGRESS | {"video_position_seconds": 3},
            id="what is implied outranks what is sent",
        ),
    ],
)
def test_the_status_is_the_highest_of_stored_sent_and_implied(
    progress: LessonProgress, update: ProgressUpdate, changed: dict[str, Any]
) -> None:
    assert_changes(progress, merge(progress, update, PLAIN, NOW), changed)


@pytest.mark.parametrize(
    ("progress", "update", "changed"),
    [
        pytest.param(started(), {"progress_percentage": 60.5}, {"progress_percentage": 60.5}, id="percentage rises"),
        pytest.param(started(), {"progress_percentage": 39.9}, {}, id="percentage is kept"),
        pytest.param(finished(), {"progress_percentage": 20}, {}, id="percentage of a completed lesson is kept"),
        pytest.param(started(), {"quiz_score": 70}, {"quiz_score": 70}, id="score rises"),
        pytest.param(started(), {"quiz_score": 54}, {}, id="best score is kept"),
        pytest.param(started(quiz_score=None), {"quiz_score": 0}, {"quiz_score": 0}, id="a score of 0 is a score"),
        pytest.param(started(), {"quiz_attempts": 3}, {"quiz_attempts": 3}, id="attempts rise"),
        pytest.param(started(), {"quiz_attempts": 1}, {}, id="attempts are kept"),
        pytest.param(started(), {"quiz_passed": True}, {"quiz_passed": True}, id="passed"),
        pytest.param(finished(), {"quiz_passed": False}, {}, id="once passed, passed"),
        pytest.param(started(), {"time_spent_minutes": 12.5}, {"time_spent_minutes": 12.5}, id="time rises"),
        pytest.param(started(), {"time_spent_minutes": 12}, {}, id="time is kept"),
    ],
)
def test_merge_keeps_the_highest_values(
    progress: LessonProgress, update: ProgressUpdate, changed: dict[str, Any]
) -> None:
    assert_changes(progress, merge(progress, update, PLAIN, NOW), changed)


@pytest.mark.parametrize("progress", [started(), finished()], ids=["in progress", "completed"])
@pytest.mark.parametrize(
    ("update", "changed"),
    [
        pytest.param({"video_position_seconds": 30}, {"video_position_seconds": 30}, id="position goes back"),
        pytest.param({"video_position_seconds": 0}, {"video_position_seconds": 0}, id="position goes to the start"),
        pytest.param({"video_position_seconds": 400.5}, {"video_position_seconds": 400.5}, id="position goes on"),
        pytest.param({"user_notes": "other"}, {"user_notes": "other"}, id="notes"),
        pytest.param({"user_notes": ""}, {"user_notes": None}, id="an empty text clears the notes"),
        pytest.param({"is_bookmarked": False}, {"is_bookmarked": False}, id="bookmark"),
    ],
)
def test_merge_takes_the_last_position_notes_and_bookmark(
    progress: LessonProgress, update: ProgressUpdate, changed: dict[str, Any]
) -> None:
    assert_changes(progress, merge(progress, update, PLAIN, NOW), changed)


@pytest.mark.parametrize("progress", [stored(), started(), finished()], ids=["untouched", "in progress", "completed"])
@pytest.mark.parametrize(
    "field",
    [
        "status",
        "progress_percentage",
        "video_position_seconds",
        "quiz_score",
        "quiz_attempts",
        "quiz_passed",
        "time_spent_minutes",
        "user_notes",
        "is_bookmarked",
        "metadata",
    ],
)
def test_null_changes_no_field(progress: LessonProgress, field: str) -> None:
    update: ProgressUpdate = {field: None}  # type: ignore[misc]
    assert merge(progress, update, QUIZ, NOW) is progress
    assert kept_fields(progress, update, progress) == ()


@pytest.mark.parametrize("progress", [stored(), started(), finished()], ids=["untouched", "in progress", "completed"])
def test_an_empty_write_changes_nothing(progress: LessonProgress) -> None:
    assert merge(progress, {}, PLAIN, NOW) is progress


def test_the_first_write_makes_lesson_progress_even_if_it_is_empty() -> None:
    before = new_lesson_progress(LEARNER, COURSE, LESSON, PROGRESS_ID, NOW)
    after = merge(before, {}, PLAIN, NOW)
    assert changes(before, after) == {}
    assert (after.version, after.created_at, after.updated_at) == (1, NOW, NOW)
    assert after.status is Status.NOT_STARTED
    assert after.quiz_score is None
    assert after.user_notes is None
    assert after.completed_at is None
    assert after.metadata == {}


@pytest.mark.parametrize(
    ("update", "status"),
    [
        ({"progress_percentage": 0.5}, Status.IN_PROGRESS),
        ({"video_position_seconds": 1}, Status.IN_PROGRESS),
        ({"quiz_attempts": 1}, Status.IN_PROGRESS),
        ({"quiz_score": 12}, Status.IN_PROGRESS),
        ({"quiz_score": 0}, Status.IN_PROGRESS),
        ({"time_spent_minutes": 0.1}, Status.IN_PROGRESS),
        ({"quiz_passed": True}, Status.IN_PROGRESS),
        ({"progress_percentage": 0}, Status.NOT_STARTED),
        ({"video_position_seconds": 0}, Status.NOT_STARTED),
        ({"quiz_attempts": 0}, Status.NOT_STARTED),
        ({"time_spent_minutes": 0}, Status.NOT_STARTED),
        ({"quiz_passed": False}, Status.NOT_STARTED),
        ({"is_bookmarked": True}, Status.NOT_STARTED),
        ({"user_notes": "to do"}, Status.NOT_STARTED),
        ({"metadata": {"seen": True}}, Status.NOT_STARTED),
    ],
)
def test_any_progress_position_attempt_score_or_time_starts_the_lesson(update: ProgressUpdate, status: Status) -> None:
    assert merge(stored(), update, PLAIN, NOW).status is status


@pytest.mark.parametrize(
    ("of", "update", "changed"),
    [
        pytest.param(PLAIN, {"progress_percentage": 100}, COMPLETED, id="all of it"),
        pytest.param(PLAIN, {"progress_percentage": 99.9}, {"progress_percentage": 99.9}, id="not all of it"),
        pytest.param(ENOUGH_AT_80, {"progress_percentage": 80}, COMPLETED, id="its complete_at"),
        pytest.param(ENOUGH_AT_80, {"progress_percentage": 79}, {"progress_percentage": 79}, id="below complete_at"),
        pytest.param(NEVER_BY_PERCENTAGE, {"progress_percentage": 100}, {"progress_percentage": 100}, id="none does"),
        pytest.param(QUIZ, {"progress_percentage": 100}, {"progress_percentage": 100}, id="a quiz is to be passed"),
        pytest.param(
            quiz(pass_mark=70, complete_at=90),
            {"progress_percentage": 90},
            {"progress_percentage": 90},
            id="a quiz with a complete_at as well is to be passed too",
        ),
    ],
)
def test_a_percentage_that_reaches_complete_at_completes_the_lesson(
    of: Lesson, update: ProgressUpdate, changed: dict[str, Any]
) -> None:
    progress = started()
    assert_changes(progress, merge(progress, update, of, NOW), changed)


PASSED = COMPLETED | {"quiz_passed": True}


@pytest.mark.parametrize(
    ("of", "update", "changed"),
    [
        pytest.param(QUIZ, {"quiz_score": 70}, PASSED | {"quiz_score": 70}, id="the mark is reached"),
        pytest.param(QUIZ, {"quiz_score": 69.5}, {"quiz_score": 69.5}, id="the mark is not reached"),
        pytest.param(
            QUIZ,
            {"quiz_score": 80, "quiz_passed": False},
            PASSED | {"quiz_score": 80},
            id="the mark outranks the client's word",
        ),
        pytest.param(QUIZ, {"quiz_passed": True}, PASSED, id="the client says so"),
        pytest.param(quiz(pass_mark=0), {"quiz_score": 0}, PASSED | {"quiz_score": 0}, id="a mark of 0"),
        pytest.param(PLAIN, {"quiz_score": 100}, {"quiz_score": 100}, id="no mark, no pass"),
        pytest.param(PLAIN, {"quiz_passed": True}, {"quiz_passed": True}, id="no mark, no completion"),
    ],
)
def test_passing_completes_a_lesson_that_has_a_pass_mark(
    of: Lesson, update: ProgressUpdate, changed: dict[str, Any]
) -> None:
    progress = started(quiz_score=None)
    assert_changes(progress, merge(progress, update, of, NOW), changed)


def test_a_worse_attempt_leaves_a_passed_quiz_passed() -> None:
    progress = finished(quiz_score=85)
    after = merge(progress, {"quiz_score": 10, "quiz_attempts": 3, "quiz_passed": False}, QUIZ, NOW)
    assert changes(progress, after) == {"quiz_attempts": 3}


def test_completed_at_is_set_once() -> None:
    progress = finished()
    update: ProgressUpdate = {"status": Status.COMPLETED, "progress_percentage": 100, "time_spent_minutes": 99}
    assert merge(progress, update, PLAIN, NOW).completed_at == EARLIER


@pytest.mark.parametrize(
    ("before", "sent", "after"),
    [
        pytest.param({"a": 1}, {"b": 2}, {"a": 1, "b": 2}, id="another key is added"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, id="the same key is the last writer's"),
        pytest.param({"a": 1, "b": 2}, {"a": None}, {"a": None, "b": 2}, id="a null within is a value"),
        pytest.param({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"y": 2}}, id="what is below a key is replaced whole"),
        pytest.param({"a": 1}, {}, {"a": 1}, id="an empty object names no key"),
    ],
)
def test_metadata_is_merged_key_by_key(before: dict[str, Any], sent: dict[str, Any], after: dict[str, Any]) -> None:
    progress = started(metadata=before)
    assert merge(progress, {"metadata": sent}, PLAIN, NOW).metadata == after


@pytest.mark.parametrize(
    ("before", "sent"),
    [(1, True), (True, 1), (0, False), (False, 0), ([1], [True]), ({"x": 0}, {"x": False})],
)
def test_a_number_and_a_boolean_are_different_metadata(before: object, sent: object) -> None:
    progress = started(metadata={"a": before})
    after = merge(progress, {"metadata": {"a": sent}}, PLAIN, NOW)
    assert repr(after.metadata) == repr({"a": sent})
    assert after.version == progress.version + 1


def test_each_field_is_merged_on_its_own() -> None:
    progress = started()
    update: ProgressUpdate = {
        "status": Status.NOT_STARTED,
        "progress_percentage": 10,
        "video_position_seconds": 5,
        "quiz_attempts": 7,
        "user_notes": None,
        "is_bookmarked": False,
    }
    after = merge(progress, update, PLAIN, NOW)
    assert changes(progress, after) == {"video_position_seconds": 5, "quiz_attempts": 7, "is_bookmarked": False}
    assert kept_fields(progress, update, after) == ("status", "progress_percentage")


@pytest.mark.parametrize(
    ("progress", "update", "kept"),
    [
        pytest.param(finished(), {"status": Status.IN_PROGRESS}, {"status"}, id="status"),
        pytest.param(finished(), {"progress_percentage": 99}, {"progress_percentage"}, id="percentage"),
        pytest.param(started(), {"quiz_score": 0}, {"quiz_score"}, id="score"),
        pytest.param(started(), {"quiz_attempts": 0}, {"quiz_attempts"}, id="attempts"),
        pytest.param(finished(), {"quiz_passed": False}, {"quiz_passed"}, id="passed"),
        pytest.param(started(), {"time_spent_minutes": 1}, {"time_spent_minutes"}, id="time"),
        pytest.param(started(), {"progress_percentage": 40}, set(), id="the same value"),
        pytest.param(started(), {"progress_percentage": 41}, set(), id="a higher value"),
        pytest.param(started(), {"video_position_seconds": 1}, set(), id="position"),
        pytest.param(started(), {"user_notes": "", "is_bookmarked": False}, set(), id="notes and bookmark"),
        pytest.param(started(), {"metadata": {"speed": 2}}, set(), id="metadata"),
        pytest.param(started(), {}, set(), id="nothing sent"),
        pytest.param(
            started(),
            {"status": Status.COMPLETED, "progress_percentage": 10},
            set(),
            id="a percentage that completion raised was not kept",
        ),
    ],
)
def test_the_answer_names_the_fields_that_kept_their_stored_value(
    progress: LessonProgress, update: ProgressUpdate, kept: set[str]
) -> None:
    after = merge(progress, update, PLAIN, NOW)
    assert set(kept_fields(progress, update, after)) == kept
