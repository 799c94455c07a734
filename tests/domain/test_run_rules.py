"""Runs of a course and completions, decided in one batch."""

from datetime import timedelta

from domain.values import COURSE, LEARNER, NOW, course, lesson, quiz
from headway.domain.catalogue import VersionedCourse
from headway.domain.change_sets import ChangeSet
from headway.domain.changes import Changes, Outcome, Work
from headway.domain.course_progress import CourseProgress
from headway.domain.enrolments import EnrolmentStatus
from headway.domain.errors import RunConflictError
from headway.domain.progress import Status
from headway.domain.runs import RunStart
from headway.domain.writes import LessonWrite

TAUGHT = VersionedCourse(course(lesson(1), quiz(3), course_id=COURSE), 1)


def write(number: int, **fields: object) -> LessonWrite:
    return LessonWrite(LEARNER, COURSE, lesson(number).id, fields or None)  # type: ignore[arg-type]


DONE = (write(1, status=Status.COMPLETED), write(3, quiz_score=90, status=Status.COMPLETED))
NEXT = RunStart(LEARNER, COURSE)


def decided(*works: Work, progress: CourseProgress | None = None) -> tuple[ChangeSet, list[Outcome]]:
    changes = Changes(TAUGHT, LEARNER, progress, {})
    outcomes = [changes.decide(work, NOW) for work in works]
    return changes.change_set(), outcomes


def kept(change: ChangeSet) -> list[tuple[float, float | None]]:
    """Return the percentage and the score of each completion, as a store keeps it."""
    stored = list(change.stored_lessons)
    completions = [completion.kept(stored) for completion in change.completions]
    assert len({one.completed_at for one in completions}) == len(completions)
    return [(one.completion_percentage, one.score) for one in completions]


def test_a_completion_that_is_taken_back_in_the_same_batch_is_kept_as_it_was() -> None:
    change, _ = decided(*DONE, write(3))
    assert change.after is not None
    assert change.after.completed_at is None
    assert kept(change) == [(100, 90)]


def test_a_later_score_of_the_batch_is_not_in_the_completion() -> None:
    first = write(3, quiz_score=90, status=Status.COMPLETED)
    change, _ = decided(first, write(1, status=Status.COMPLETED), write(3, quiz_score=100))
    assert kept(change) == [(100, 90)]


def test_every_run_of_a_batch_has_its_completion() -> None:
    change, _ = decided(
        *DONE, NEXT, write(1, status=Status.COMPLETED), write(3, quiz_score=70, status=Status.COMPLETED)
    )
    assert kept(change) == [(100, 90), (100, 70)]
    [ended] = change.ended_runs
    assert (ended.run.number, ended.run.status) == (1, EnrolmentStatus.COMPLETED)
    assert [one.quiz_score for one in ended.lessons] == [None, 90]
    assert change.after is not None
    assert change.after.run == 2
    assert {one.quiz_score for one in change.stored_lessons} == {None, 70}


def test_a_run_begins_once_in_a_batch() -> None:
    change, outcomes = decided(*DONE, NEXT, NEXT)
    assert isinstance(outcomes[2], CourseProgress)
    assert isinstance(outcomes[3], RunConflictError)
    assert len(change.ended_runs) == 1
    assert list(change.stored_lessons) == []


def test_a_number_that_has_begun_is_told_from_one_that_is_too_high() -> None:
    begun = RunStart(LEARNER, COURSE, number=2)
    _, outcomes = decided(*DONE, begun, *DONE, begun, RunStart(LEARNER, COURSE, number=9))
    reasons = [str(outcome) for outcome in outcomes if isinstance(outcome, RunConflictError)]
    assert reasons == ["Run 2 has begun already.", "The learner is in run 2. The next run is 3."]


def test_an_ended_run_does_not_change_with_the_course_progress() -> None:
    first, _ = decided(*DONE)
    later = NOW + timedelta(days=1)
    changes = Changes(TAUGHT, LEARNER, first.after, {one.lesson_id: one for one in first.stored_lessons})
    changes.decide(NEXT, later)
    changes.decide(write(1, time_spent_minutes=5), later)
    [ended] = changes.change_set().ended_runs
    assert list(ended.lessons) == sorted(first.stored_lessons, key=lambda one: one.lesson_id)
    assert (ended.run.completed_at, ended.run.ended_at) == (NOW, later)
