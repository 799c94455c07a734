"""The conditions that complete a lesson, for every kind of write, and who may complete it against them."""

from typing import Any

import pytest

from domain.values import (
    COURSE,
    EARLIER,
    LATER,
    LEARNER,
    LESSON,
    NOW,
    PROGRESS_ID,
    changes,
    course,
    finished,
    lesson,
    own_values,
    quiz,
    started,
    stored,
)
from headway.domain.catalogue import Lesson, LessonKind
from headway.domain.dating import Times
from headway.domain.identifiers import LearnerId, ProgressId
from headway.domain.progress import (
    LessonProgress,
    ProgressUpdate,
    Status,
    kept_fields,
    merge,
    new_lesson_progress,
    recalculate,
    replace,
)
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Origin, Precondition, Written

ADMIN = LearnerId("a0000000-0000-4000-8000-000000000001")
MARK = quiz(pass_mark=80)
BOTH = quiz(pass_mark=80, complete_at=50)
MARKLESS = lesson(kind=LessonKind.QUIZ)
NOTHING_ASKED = lesson(complete_at=None)
ASSIGNMENT = lesson(kind=LessonKind.ASSIGNMENT, pass_mark=50, complete_at=None)
FAILED = started(quiz_score=10, progress_percentage=20)
ALL_DONE: ProgressUpdate = {"status": Status.COMPLETED}
IN_PROGRESS, COMPLETED = Status.IN_PROGRESS, Status.COMPLETED


@pytest.mark.parametrize("write", [merge, replace])
@pytest.mark.parametrize(
    ("of", "updates", "status"),
    [
        pytest.param(MARK, [ALL_DONE], IN_PROGRESS, id="a word does not meet a mark"),
        pytest.param(MARK, [{"progress_percentage": 100}], IN_PROGRESS, id="nor does a percentage"),
        pytest.param(MARK, [{"quiz_score": 80}], COMPLETED, id="a score does"),
        pytest.param(MARK, [{"quiz_passed": True}], COMPLETED, id="a pass does"),
        pytest.param(ASSIGNMENT, [ALL_DONE, {"quiz_score": 49.9}], IN_PROGRESS, id="an assignment too is marked"),
        pytest.param(ASSIGNMENT, [{"quiz_score": 50}], COMPLETED, id="an assignment that is passed"),
        pytest.param(BOTH, [{"progress_percentage": 50}], IN_PROGRESS, id="the percentage alone"),
        pytest.param(BOTH, [{"quiz_score": 80}], IN_PROGRESS, id="the mark alone"),
        pytest.param(BOTH, [{"progress_percentage": 50}, {"quiz_score": 80}], COMPLETED, id="one, then the other"),
        pytest.param(BOTH, [{"quiz_score": 80}, {"progress_percentage": 50}], COMPLETED, id="the other way round"),
        pytest.param(BOTH, [{"quiz_score": 80, "progress_percentage": 50}], COMPLETED, id="both at once"),
        pytest.param(BOTH, [ALL_DONE, {"quiz_passed": True}], COMPLETED, id="a word meets the percentage for good"),
        pytest.param(BOTH, [{"quiz_passed": True}, ALL_DONE], COMPLETED, id="a word after the pass"),
        pytest.param(MARKLESS, [{"quiz_passed": True}], COMPLETED, id="a pass without a mark"),
        pytest.param(MARKLESS, [{"quiz_score": 100}], IN_PROGRESS, id="a score without a mark"),
        pytest.param(lesson(), [{"quiz_passed": True}], IN_PROGRESS, id="a pass of what can not be passed"),
        pytest.param(NOTHING_ASKED, [{"progress_percentage": 100}], IN_PROGRESS, id="nothing but a word completes it"),
        pytest.param(NOTHING_ASKED, [ALL_DONE], COMPLETED, id="a word completes what asks for nothing"),
    ],
)
def test_every_condition_has_to_be_met(write: Any, of: Lesson, updates: list[ProgressUpdate], status: Status) -> None:
    progress = new_lesson_progress(LEARNER, COURSE, LESSON, PROGRESS_ID, EARLIER)
    for update in updates:
        progress = write(progress, update, of, NOW)
    assert progress.status is status


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize(
    ("of", "progress", "update", "changed"),
    [
        pytest.param(MARK, FAILED, ALL_DONE, {}, id="the lesson progress stays as it is"),
        pytest.param(MARK, stored(), ALL_DONE, {"status": IN_PROGRESS}, id="one that was not started is begun"),
        pytest.param(
            BOTH, FAILED, ALL_DONE, {"progress_percentage": 100}, id="the percentage is reported all the same"
        ),
    ],
)
def test_a_completion_that_is_held_back_is_named(
    conditional: bool, of: Lesson, progress: LessonProgress, update: ProgressUpdate, changed: dict[str, Any]
) -> None:
    written = write(
        of, progress, update, Precondition(match=frozenset([progress.etag])) if conditional else UNCONDITIONAL
    )
    assert written.after is not None
    assert changes(progress, written.after) == changed
    assert written.kept == ("status",)


def test_the_first_write_names_what_is_held_back_too() -> None:
    written = write(MARK, None, {"status": COMPLETED, "quiz_score": 79})
    assert written.after is not None
    assert (written.after.status, written.kept) == (IN_PROGRESS, ("status",))


def test_completed_meets_complete_at_and_the_sent_percentage_is_stored() -> None:
    after = replace(FAILED, {"status": COMPLETED, "progress_percentage": 30}, lesson(complete_at=80), NOW)
    assert (after.status, after.progress_percentage) == (COMPLETED, 30)


AGAINST = finished(quiz_score=10, quiz_passed=False)


@pytest.mark.parametrize("of", [MARK, BOTH])
@pytest.mark.parametrize(
    "update",
    [
        {"user_notes": "other"},
        {"status": COMPLETED, "time_spent_minutes": 99},
        own_values(AGAINST) | {"user_notes": "other"},
        {"quiz_score": 20},
        {"progress_percentage": 100},
    ],
)
def test_a_completion_against_the_conditions_is_not_taken_back(of: Lesson, update: ProgressUpdate) -> None:
    for decide in (merge, replace):
        assert decide(AGAINST, update, of, NOW).status is COMPLETED
    assert recalculate(AGAINST, of, NOW) is AGAINST


@pytest.mark.parametrize(
    ("of", "progress", "status"),
    [
        (MARK, started(quiz_score=80), COMPLETED),
        (MARK, started(quiz_score=10, progress_percentage=100), IN_PROGRESS),
        (BOTH, started(quiz_score=80, progress_percentage=20), IN_PROGRESS),
        (BOTH, started(quiz_score=10, progress_percentage=60), IN_PROGRESS),
        (BOTH, started(quiz_score=80, progress_percentage=60), COMPLETED),
        (MARKLESS, started(quiz_passed=True), COMPLETED),
        (NOTHING_ASKED, started(progress_percentage=100), IN_PROGRESS),
        (BOTH, stored(quiz_score=80, progress_percentage=60), Status.NOT_STARTED),
    ],
)
def test_an_edit_of_the_course_completes_what_meets_every_condition(
    of: Lesson, progress: LessonProgress, status: Status
) -> None:
    assert recalculate(progress, of, NOW).status is status


def write(
    of: Lesson,
    progress: LessonProgress | None,
    update: ProgressUpdate,
    precondition: Precondition = UNCONDITIONAL,
    **more: Any,
) -> Written:
    one = LessonWrite(LEARNER, COURSE, of.id, update, precondition, **more)
    return one.apply(course(of), progress, NOW, lambda: ProgressId("made"))


SEEN = Precondition(match=frozenset([FAILED.etag]))
NO_PROGRESS = Precondition(none_match_any=True)


@pytest.mark.parametrize("written_by", [ADMIN, None], ids=["for a learner", "for themself"])
@pytest.mark.parametrize(
    ("progress", "precondition"), [(FAILED, SEEN), (None, NO_PROGRESS)], ids=["If-Match", "If-None-Match"]
)
@pytest.mark.parametrize("of", [MARK, BOTH])
def test_an_administrator_completes_against_the_conditions_by_a_conditional_write(
    of: Lesson, progress: LessonProgress | None, precondition: Precondition, written_by: LearnerId | None
) -> None:
    written = write(of, progress, ALL_DONE, precondition, written_by=written_by, authority=ADMIN)
    after = written.after
    assert after is not None
    assert (after.status, after.progress_percentage, after.completed_at) == (COMPLETED, 100, NOW)
    assert (after.completed_by, after.written_by, written.kept) == (ADMIN, written_by, ())


@pytest.mark.parametrize(
    "precondition", [UNCONDITIONAL, Precondition(match_any=True), Precondition(none_match=frozenset(["other"]))]
)
def test_an_administrator_does_not_complete_against_the_conditions_by_a_merge_write(precondition: Precondition) -> None:
    written = write(MARK, FAILED, ALL_DONE, precondition, written_by=ADMIN, authority=ADMIN)
    assert written.after is not None
    assert (written.after.status, written.after.completed_by, written.kept) == (IN_PROGRESS, None, ("status",))


def test_completed_by_is_empty_if_the_conditions_are_met() -> None:
    written = write(MARK, FAILED, {"status": COMPLETED, "quiz_passed": True}, SEEN, written_by=ADMIN, authority=ADMIN)
    assert written.after is not None
    assert (written.after.status, written.after.completed_by) == (COMPLETED, None)


def test_completed_by_stays_as_long_as_the_lesson_is_completed() -> None:
    progress = AGAINST._replace(completed_by=ADMIN)
    assert merge(progress, {"user_notes": "other"}, MARK, NOW).completed_by == ADMIN
    assert merge(progress, {"quiz_score": 90}, MARK, NOW).completed_by == ADMIN
    left = replace(progress, {"status": IN_PROGRESS}, MARK, NOW)
    assert left.completed_by is None
    assert merge(left, {"quiz_score": 90}, MARK, LATER).completed_by is None


def test_a_write_for_a_learner_does_not_change_worked_at() -> None:
    progress = FAILED._replace(worked_at=EARLIER)
    for_learner = write(MARK, progress, {"quiz_score": 90}, written_by=ADMIN).after
    by_learner = write(MARK, progress, {"quiz_score": 90}).after
    assert for_learner is not None
    assert by_learner is not None
    assert (for_learner.worked_at, by_learner.worked_at) == (EARLIER, NOW)


def test_an_export_restores_a_completed_lesson_whose_conditions_are_not_met() -> None:
    origin = Origin(EARLIER, ADMIN)
    update: ProgressUpdate = {"status": COMPLETED, "progress_percentage": 100, "quiz_score": 10}
    after = write(MARK, None, update, restored=origin).after
    assert after is not None
    assert (after.status, after.worked_at, after.completed_by) == (COMPLETED, EARLIER, ADMIN)
    after = write(MARK, None, update, restored=Origin()).after
    assert after is not None
    assert (after.status, after.worked_at, after.completed_by) == (COMPLETED, None, None)


def test_an_export_completes_lesson_progress_that_exists() -> None:
    update: ProgressUpdate = {"status": COMPLETED, "progress_percentage": 100, "quiz_score": 10}
    times = Times(EARLIER, EARLIER, EARLIER)
    progress = stored(is_bookmarked=True)
    after = write(MARK, progress, update, restored=Origin(EARLIER, ADMIN), times=times).after
    assert after is not None
    assert (after.status, after.completed_at, after.completed_by) == (COMPLETED, EARLIER, ADMIN)
    by_the_rule = finished(quiz_score=90, quiz_passed=True)
    kept = write(MARK, by_the_rule, update, restored=Origin(EARLIER, ADMIN)).after
    assert kept is not None
    assert (kept.status, kept.completed_by) == (COMPLETED, None)


@pytest.mark.parametrize("status", list(Status))
def test_importing_an_export_over_its_own_data_changes_nothing(status: Status) -> None:
    progress = stored(status=status, time_spent_minutes=2, quiz_score=90, quiz_passed=True)
    if status is COMPLETED:
        progress = progress._replace(progress_percentage=100, completed_at=NOW)
    assert write(MARK, progress, own_values(progress), restored=Origin()).after == progress


@pytest.mark.parametrize(
    "update", [{"quiz_score": 10}, {"quiz_passed": False}, {"quiz_passed": False, "quiz_score": 1}]
)
def test_taking_back_a_pass_takes_back_the_completion_even_if_completed_is_sent(update: ProgressUpdate) -> None:
    progress = finished(quiz_score=90, quiz_passed=True)
    named = replace(progress, {**ALL_DONE, **update}, MARK, NOW)
    assert (named.status, replace(progress, update, MARK, NOW).status) == (IN_PROGRESS, IN_PROGRESS)
    assert kept_fields(progress, ALL_DONE, named, conditional=True) == ("status",)
    assert replace(progress, own_values(progress), MARK, NOW) == progress


def test_an_earlier_pass_and_completed_do_not_complete_a_lesson_that_was_started_over() -> None:
    over = replace(finished(quiz_score=90, quiz_passed=True), {"status": Status.NOT_STARTED}, MARK, NOW)
    assert merge(over, ALL_DONE, MARK, LATER).status is IN_PROGRESS
    assert merge(over, {"quiz_score": 85}, MARK, LATER).status is COMPLETED
