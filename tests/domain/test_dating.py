"""Times that a write brings for another learner: how they change the times that are stored."""

from datetime import UTC, datetime

import pytest

from domain.values import finished, started
from headway.domain.dating import Times, dated
from headway.domain.errors import InvalidValueError
from headway.domain.progress import LessonProgress

DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 9)]
HELD = Times(DAYS[2], DAYS[3], DAYS[4])


def completed() -> LessonProgress:
    return finished(**HELD._asdict())


def times_of(lesson_progress: LessonProgress) -> Times:
    return Times(lesson_progress.created_at, lesson_progress.completed_at, lesson_progress.updated_at)


@pytest.mark.parametrize(
    ("sent", "becomes"),
    [
        (Times(created_at=DAYS[1]), HELD._replace(created_at=DAYS[1])),
        (Times(completed_at=DAYS[2]), HELD._replace(completed_at=DAYS[2])),
        (Times(updated_at=DAYS[5]), HELD._replace(updated_at=DAYS[5])),
        (Times(DAYS[1], DAYS[2], DAYS[5]), Times(DAYS[1], DAYS[2], DAYS[5])),
        (Times(completed_at=DAYS[1]), Times(DAYS[1], DAYS[1], DAYS[4])),
    ],
)
def test_a_merge_write_begins_and_completes_earlier_and_works_later(sent: Times, becomes: Times) -> None:
    before = completed()
    after = dated(before, before, sent, conditional=False)
    assert times_of(after) == becomes
    assert after.version == before.version + 1


@pytest.mark.parametrize(
    "sent",
    [Times(created_at=DAYS[3]), Times(completed_at=DAYS[4]), Times(updated_at=DAYS[3]), Times(DAYS[3], DAYS[4]), HELD],
)
def test_a_merge_write_with_times_between_those_that_are_stored_changes_nothing(sent: Times) -> None:
    before = completed()
    assert dated(before, before, sent, conditional=False) is before


@pytest.mark.parametrize(
    ("sent", "becomes"),
    [
        (Times(created_at=DAYS[3]), HELD._replace(created_at=DAYS[3])),
        (Times(completed_at=DAYS[4]), HELD._replace(completed_at=DAYS[4])),
        (Times(updated_at=DAYS[3]), HELD._replace(updated_at=DAYS[3])),
        (Times(DAYS[5], DAYS[6], DAYS[7]), Times(DAYS[5], DAYS[6], DAYS[7])),
        (Times(completed_at=DAYS[6]), HELD._replace(completed_at=DAYS[6], updated_at=DAYS[6])),
    ],
)
def test_a_conditional_write_sets_the_times_that_it_names(sent: Times, becomes: Times) -> None:
    before = completed()
    assert times_of(dated(before, before, sent, conditional=True)) == becomes


@pytest.mark.parametrize(
    ("sent", "position"), [(Times(created_at=DAYS[5]), "completed_at"), (Times(updated_at=DAYS[2]), "updated_at")]
)
def test_times_that_do_not_fit_those_that_are_stored_are_refused(sent: Times, position: str) -> None:
    before = completed()
    with pytest.raises(InvalidValueError) as refused:
        dated(before, before, sent, conditional=True)
    assert [(problem.location, problem.kind) for problem in refused.value.problems] == [
        ((position,), "times_out_of_order")
    ]


@pytest.mark.parametrize("conditional", [True, False])
def test_a_lesson_that_is_not_completed_has_no_time_of_completion(*, conditional: bool) -> None:
    before = started(created_at=DAYS[2], updated_at=DAYS[4])
    assert times_of(dated(before, before, Times(DAYS[1]), conditional=conditional)).completed_at is None
    with pytest.raises(InvalidValueError, match="not completed"):
        dated(before, before, Times(completed_at=DAYS[3]), conditional=conditional)
