"""Imports: how their lines are counted, and how wrong lines are reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import COURSE, LEARNER, LESSON, NOW, course, lesson, quiz, started, stored
from headway.domain.catalogue import Lesson
from headway.domain.errors import (
    CourseNotFoundError,
    HeadwayError,
    InvalidValueError,
    LessonNotFoundError,
    Problem,
    QueueFullError,
    RefusedWriteError,
)
from headway.domain.imports import (
    MOST_FAULTS,
    Fault,
    Outcome,
    Report,
    outcome_of,
    problems_of,
    refusal_of,
    together_or_not,
)
from headway.domain.progress import ProgressUpdate, Status, merge
from headway.domain.writes import LessonWrite, Written

A_PROBLEM = Problem(("quiz_score",), "too high", "less_than_equal")
OUTCOMES = st.builds(
    Outcome,
    st.integers(1, 10**6),
    changed=st.booleans(),
    problems=st.just(()),
    held_back=st.booleans(),
) | st.builds(Outcome, st.integers(1, 10**6), problems=st.lists(st.just(A_PROBLEM), min_size=1, max_size=3))


@given(st.lists(st.lists(OUTCOMES, max_size=5), max_size=5))
def test_a_report_counts_each_line_once_however_the_lines_are_divided(portions: list[list[Outcome]]) -> None:
    report = Report()
    for portion in portions:
        report = report.plus(portion)
    outcomes = [outcome for portion in portions for outcome in portion]
    assert report == Report().plus(outcomes)
    assert report.lines == len(outcomes) == report.written + report.unchanged + report.refused
    assert report.written == sum(outcome.changed for outcome in outcomes)
    assert report.held_back == sum(outcome.held_back for outcome in outcomes)
    assert report.faults == tuple(Fault(one.number, *problem) for one in outcomes for problem in one.problems)


def test_a_report_lists_the_first_faults_and_counts_the_rest() -> None:
    report = Report().plus([Outcome(number, problems=[A_PROBLEM]) for number in range(1, MOST_FAULTS + 500)])
    assert (report.refused, len(report.faults)) == (MOST_FAULTS + 499, MOST_FAULTS)
    more = report.plus([Outcome(10**6, problems=[A_PROBLEM])])
    assert (more.refused, more.faults) == (MOST_FAULTS + 500, report.faults)


def test_a_line_that_changes_nothing_is_counted_as_unchanged() -> None:
    progress = started()
    same = merge(progress, {"progress_percentage": 1}, lesson(), NOW)
    more = merge(progress, {"progress_percentage": 99}, lesson(), NOW)
    made = stored(version=1)
    work = LessonWrite(LEARNER, COURSE, LESSON, {})
    assert not outcome_of(2, work, Written(progress, same, lesson())).changed
    assert outcome_of(2, work, Written(progress, more, lesson())) == Outcome(2, changed=True)
    assert outcome_of(2, work, Written(None, made, lesson())).changed


@pytest.mark.parametrize(
    ("of", "update", "held_back"),
    [
        (quiz(), {"status": Status.COMPLETED}, True),
        (quiz(), {"status": Status.COMPLETED, "quiz_passed": True}, False),
        (quiz(), {"progress_percentage": 100}, False),
        (lesson(), {"status": Status.COMPLETED}, False),
        (lesson(), {"status": Status.NOT_STARTED}, False),
    ],
)
def test_a_completion_that_is_held_back_is_counted(of: Lesson, update: ProgressUpdate, held_back: bool) -> None:
    work = LessonWrite(LEARNER, COURSE, of.id, update)
    progress = started(lesson_id=of.id)
    written = work.apply(course(of), progress, NOW, lambda: progress.id)
    assert outcome_of(2, work, written).held_back is held_back


@pytest.mark.parametrize(
    ("refusal", "position", "kind"),
    [
        (CourseNotFoundError(COURSE), ("course_id",), "course_not_found"),
        (LessonNotFoundError(COURSE, LESSON), ("lesson_id",), "lesson_not_found"),
        (InvalidValueError([A_PROBLEM]), ("quiz_score",), "less_than_equal"),
        (RefusedWriteError(3, LessonNotFoundError(COURSE, LESSON)), ("lesson_id",), "lesson_not_found"),
    ],
)
def test_a_refusal_names_the_location_in_the_line(refusal: HeadwayError, position: tuple[str, ...], kind: str) -> None:
    [problem] = problems_of(refusal)
    assert (problem.location, problem.reason != "", problem.kind) == (position, True, kind)
    refused = refusal_of(7, refusal)
    assert (refused.number, refused.changed, list(refused.problems)) == (7, False, [problem])


def test_an_error_that_no_line_caused_is_raised() -> None:
    with pytest.raises(QueueFullError):
        problems_of(QueueFullError())


def test_lines_that_are_written_together_are_refused_by_their_numbers() -> None:
    together_or_not([Outcome(2), Outcome(3, changed=True)])
    with pytest.raises(InvalidValueError) as refused:
        together_or_not([Outcome(2), Outcome(5, problems=[A_PROBLEM, A_PROBLEM]), Outcome(9, problems=[A_PROBLEM])])
    assert [problem.location for problem in refused.value.problems] == [(5, "quiz_score")] * 2 + [(9, "quiz_score")]
