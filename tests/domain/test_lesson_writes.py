"""One write to the progress of one lesson: its preconditions and its result."""

from copy import deepcopy
from typing import Any

import pytest

from domain.values import COURSE, EARLIER, LEARNER, NOW, course, lesson, started
from headway.domain.errors import HeadwayError, InvalidValueError, LessonNotFoundError, PreconditionFailedError
from headway.domain.identifiers import ProgressId
from headway.domain.progress import LessonProgress, ProgressUpdate, Status
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Precondition, Written

OF = course(lesson(1), lesson(2))
PROGRESS = started(lesson_id=lesson(1).id)
IDS = ("first id", "second id")


def write(update: ProgressUpdate | None, precondition: Precondition = UNCONDITIONAL, number: int = 1) -> LessonWrite:
    return LessonWrite(LEARNER, COURSE, lesson(number).id, update, precondition)


def apply(one: LessonWrite, progress: LessonProgress | None) -> Written:
    ids = iter(IDS)
    return one.apply(OF, progress, NOW, lambda: ProgressId(next(ids)))


def etags(*etags: str) -> frozenset[str]:
    return frozenset(etags)


def holds(precondition: Precondition, progress: LessonProgress | None) -> bool:
    try:
        precondition.check(progress)
    except PreconditionFailedError:
        return False
    return True


@pytest.mark.parametrize(
    ("precondition", "where_absent", "where_present"),
    [
        pytest.param(Precondition(), True, True, id="none"),
        pytest.param(Precondition(match=etags(PROGRESS.etag)), False, True, id="If-Match: its etag"),
        pytest.param(Precondition(match=etags("other")), False, False, id="If-Match: another etag"),
        pytest.param(
            Precondition(match=etags("other", PROGRESS.etag)), False, True, id="If-Match: a list with its etag"
        ),
        pytest.param(Precondition(match=etags()), False, False, id="If-Match: nothing"),
        pytest.param(Precondition(match_any=True), False, True, id="If-Match: *"),
        pytest.param(Precondition(none_match=etags(PROGRESS.etag)), True, False, id="If-None-Match: its etag"),
        pytest.param(Precondition(none_match=etags("other")), True, True, id="If-None-Match: another etag"),
        pytest.param(
            Precondition(none_match=etags("other", PROGRESS.etag)),
            True,
            False,
            id="If-None-Match: a list with its etag",
        ),
        pytest.param(Precondition(none_match_any=True), True, False, id="If-None-Match: *"),
        pytest.param(Precondition(match_any=True, none_match_any=True), False, False, id="both *"),
        pytest.param(
            Precondition(match=etags(PROGRESS.etag), none_match=etags("other")), False, True, id="both, and both hold"
        ),
        pytest.param(
            Precondition(match=etags(PROGRESS.etag), none_match=etags(PROGRESS.etag)),
            False,
            False,
            id="both, and one does not hold",
        ),
    ],
)
def test_a_precondition_holds_or_not_with_and_without_lesson_progress(
    precondition: Precondition, where_absent: bool, where_present: bool
) -> None:
    assert holds(precondition, None) is where_absent
    assert holds(precondition, PROGRESS) is where_present


@pytest.mark.parametrize(
    ("precondition", "conditional"),
    [
        (Precondition(), False),
        (Precondition(match=etags(PROGRESS.etag)), True),
        (Precondition(match_any=True), False),
        (Precondition(none_match=etags(PROGRESS.etag)), False),
        (Precondition(none_match_any=True), False),
    ],
)
def test_only_a_write_that_names_the_etag_is_conditional(precondition: Precondition, conditional: bool) -> None:
    assert precondition.conditional is conditional


def test_an_etag_belongs_to_one_version_of_one_lesson_progress() -> None:
    etag = PROGRESS.etag
    assert PROGRESS._replace(user_notes="other").etag == etag
    assert PROGRESS._replace(version=PROGRESS.version + 1).etag != etag
    assert PROGRESS._replace(id=ProgressId("another")).etag != etag


def test_the_first_write_makes_lesson_progress_with_an_id_of_its_own() -> None:
    written = apply(write({"progress_percentage": 10}), None)
    assert written.before is None
    assert written.after is not None
    assert written.after[:3] == (LEARNER, COURSE, lesson(1).id)
    assert (written.after.id, written.after.version) == (IDS[0], 1)
    assert (written.after.created_at, written.after.updated_at) == (NOW, NOW)
    assert (written.lesson, written.kept) == (lesson(1), ())


def test_a_merge_write_merges_and_names_what_it_kept() -> None:
    written = apply(write({"progress_percentage": 10, "quiz_attempts": 9}), PROGRESS)
    assert written.after is not None
    assert (written.after.progress_percentage, written.after.quiz_attempts) == (40, 9)
    assert (written.before, written.lesson, written.kept) == (PROGRESS, lesson(1), ("progress_percentage",))
    assert (written.after.id, written.after.created_at) == (PROGRESS.id, EARLIER)


def test_a_write_with_the_etag_replaces_values() -> None:
    written = apply(write({"progress_percentage": 10}, Precondition(match=etags(PROGRESS.etag))), PROGRESS)
    assert written.after is not None
    assert written.after.progress_percentage == 10
    assert written.kept == ()


@pytest.mark.parametrize("precondition", [Precondition(match_any=True), Precondition(none_match=etags("other"))])
def test_a_write_under_any_other_condition_merges(precondition: Precondition) -> None:
    written = apply(write({"progress_percentage": 10}, precondition), PROGRESS)
    assert written.after is PROGRESS
    assert written.kept == ("progress_percentage",)


def test_a_write_with_if_none_match_any_makes_lesson_progress() -> None:
    written = apply(write({"status": Status.IN_PROGRESS}, Precondition(none_match_any=True)), None)
    assert written.after is not None
    assert written.after.status is Status.IN_PROGRESS


@pytest.mark.parametrize("precondition", [UNCONDITIONAL, Precondition(match=etags(PROGRESS.etag))])
def test_a_removal_leaves_no_lesson_progress(precondition: Precondition) -> None:
    assert apply(write(None, precondition), PROGRESS)[:4] == Written(PROGRESS, None, lesson(1))[:4]


def test_removing_absent_lesson_progress_is_not_refused() -> None:
    assert apply(write(None), None)[:4] == Written(None, None, lesson(1))[:4]


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        pytest.param(write({"quiz_attempts": 9}, number=7), LessonNotFoundError, id="unknown lesson"),
        pytest.param(write(None, number=7), LessonNotFoundError, id="removal in an unknown lesson"),
        pytest.param(
            write({"quiz_attempts": 9}, Precondition(match=etags("old"))), PreconditionFailedError, id="stale"
        ),
        pytest.param(write(None, Precondition(match=etags("old"))), PreconditionFailedError, id="stale removal"),
        pytest.param(
            write({"quiz_attempts": 9}, Precondition(none_match_any=True)), PreconditionFailedError, id="only create"
        ),
        pytest.param(
            write({"quiz_attempts": 9, "metadata": {"large": "x" * 16_380}}), InvalidValueError, id="metadata"
        ),
        pytest.param(
            write({"metadata": {"large": "x" * 16_380}}, Precondition(match=etags(PROGRESS.etag))),
            InvalidValueError,
            id="metadata that replaces",
        ),
        pytest.param(write({"metadata": {"not a number": float("nan")}}), InvalidValueError, id="metadata's content"),
    ],
)
def test_a_refused_write_changes_nothing(refused: LessonWrite, error: type[HeadwayError]) -> None:
    before: Any = deepcopy(PROGRESS)
    with pytest.raises(error):
        apply(refused, PROGRESS)
    assert before == PROGRESS


@pytest.mark.parametrize(
    "refused",
    [
        write({"quiz_attempts": 9}, number=7),
        write({"quiz_attempts": 9}, Precondition(match=etags("old"))),
        write({"quiz_attempts": 9}, Precondition(match_any=True)),
    ],
)
def test_a_write_that_makes_no_lesson_progress_makes_no_id(refused: LessonWrite) -> None:
    def no_id() -> ProgressId:
        raise AssertionError("no id was asked for")

    with pytest.raises(HeadwayError):
        refused.apply(OF, None, NOW, no_id)
    assert write({"quiz_attempts": 9}).apply(OF, PROGRESS, NOW, no_id).after is not None
