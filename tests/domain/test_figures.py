"""The totals of a learner in a course: exact, whatever the order of the writes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import (
    COURSE,
    EARLIER,
    LATER,
    LEARNER,
    NOW,
    UPDATES,
    all_progress,
    course,
    course_progress,
    lesson,
    lessons,
    stored,
)
from headway.domain.bounds import plain
from headway.domain.catalogue import Course, Lesson
from headway.domain.course_progress import (
    NOTHING,
    CourseProgress,
    Tally,
    contribution,
    next_revision,
    recount,
    summarise,
)
from headway.domain.dating import microseconds
from headway.domain.identifiers import LessonId, ProgressId
from headway.domain.progress import LessonProgress, Status
from headway.domain.writes import LessonWrite

REQUIRED = lesson(1)
OPTIONAL = lesson(2, required=False)


@pytest.mark.parametrize(
    ("of", "progress", "tally"),
    [
        (REQUIRED, stored(status=Status.COMPLETED), Tally(1, 0, 0)),
        (REQUIRED, stored(status=Status.IN_PROGRESS), Tally(0, 1, 0)),
        (REQUIRED, stored(status=Status.NOT_STARTED), Tally(0, 0, 0)),
        (REQUIRED, stored(status=Status.COMPLETED, time_spent_minutes=1.5), Tally(1, 0, 1_500_000)),
        (OPTIONAL, stored(status=Status.COMPLETED, time_spent_minutes=2), Tally(0, 0, 2_000_000)),
        (OPTIONAL, stored(status=Status.IN_PROGRESS, time_spent_minutes=2), Tally(0, 0, 2_000_000)),
        (REQUIRED, None, Tally(0, 0, 0)),
        (None, stored(status=Status.COMPLETED, time_spent_minutes=2), Tally(0, 0, 0)),
    ],
)
def test_one_lesson_progress_contributes_its_status_and_time(
    of: Lesson | None, progress: LessonProgress | None, tally: Tally
) -> None:
    assert contribution(of, progress) == tally


def test_a_recount_counts_required_lessons_and_the_time_of_all_that_are_in_the_course() -> None:
    of = course(lesson(1), lesson(2), lesson(3, required=False), lesson(4))
    found = [
        stored(lesson_id=lesson(1).id, status=Status.COMPLETED, time_spent_minutes=10),
        stored(lesson_id=lesson(2).id, status=Status.IN_PROGRESS, time_spent_minutes=0.25),
        stored(lesson_id=lesson(3).id, status=Status.COMPLETED, time_spent_minutes=3),
        stored(lesson_id=lesson(9).id, status=Status.COMPLETED, time_spent_minutes=500),
    ]
    assert recount(of, found) == Tally(1, 1, 13_250_000)
    assert recount(of, []) == NOTHING


def test_tallies_can_be_added_and_subtracted() -> None:
    assert Tally(3, 2, 100).plus(Tally(1, 0, 50), less=Tally(0, 1, 20)) == Tally(4, 1, 130)


COURSES = st.tuples(lessons(1), lessons(2), lessons(3)).map(lambda of: course(*of))
# Which lesson is written, and with what; `None` removes its progress.
STEPS = st.lists(st.tuples(st.integers(0, 2), st.none() | UPDATES), max_size=12)


@given(COURSES, STEPS)
def test_a_tally_kept_by_deltas_is_what_a_recount_finds(of: Course, steps: list[tuple[int, Any]]) -> None:
    found: dict[LessonId, LessonProgress | None] = {}
    tally = NOTHING
    for position, update in steps:
        lesson_id = of.lessons[position].id
        write = LessonWrite(LEARNER, COURSE, lesson_id, update)
        written = write.apply(of, found.get(lesson_id), NOW, lambda: ProgressId("an id"))
        tally = tally.plus(
            contribution(written.lesson, written.after), less=contribution(written.lesson, written.before)
        )
        found[lesson_id] = written.after
        assert tally == recount(of, [progress for progress in found.values() if progress])


def test_ten_tenths_of_a_minute_are_one_minute() -> None:
    tally = NOTHING
    for number in range(10):
        tally = tally.plus(contribution(lesson(number), stored(time_spent_minutes=0.1)), less=NOTHING)
    assert summarise(course(), course_progress(tally)).total_time_spent_minutes == 1


MINUTES = st.integers(0, 10**13).map(lambda parts: Decimal(parts) / 10**6)


@given(st.lists(MINUTES, max_size=8), st.randoms())
def test_fractional_minutes_add_up_exactly_in_any_order(minutes: list[Decimal], random: Any) -> None:
    of = course(*(lesson(number) for number in range(9)))
    found = [stored(lesson_id=of.lessons[n].id, time_spent_minutes=float(time)) for n, time in enumerate(minutes)]
    random.shuffle(found)
    assert summarise(of, course_progress(recount(of, found))).total_time_spent_minutes == float(sum(minutes))


def test_the_summary_of_a_course_without_writes_is_zero() -> None:
    summary = summarise(course(), None)
    assert summary.course_id == COURSE
    assert summary.total_lessons == 3
    assert (summary.completed_lessons, summary.in_progress_lessons) == (0, 0)
    assert (summary.completion_percentage, summary.total_time_spent_minutes) == (0, 0)
    assert summary.last_accessed is None


@pytest.mark.parametrize(
    ("completed", "total", "percentage"),
    [
        (0, 3, "0"),
        (1, 3, "33.33"),
        (2, 3, "66.67"),
        (3, 3, "100"),
        (1, 2, "50"),
        (1, 8, "12.5"),
        (4_999, 5_000, "99.98"),
    ],
)
def test_the_percentage_has_two_decimals_at_most(completed: int, total: int, percentage: str) -> None:
    of = course(*(lesson(number) for number in range(total)))
    assert str(summarise(of, course_progress(Tally(completed, 0, 0))).completion_percentage) == percentage


@given(st.integers(1, 60), st.data())
def test_the_percentage_is_100_only_for_a_course_that_is_complete(total: int, data: st.DataObject) -> None:
    completed = data.draw(st.integers(0, total))
    of = course(*(lesson(number) for number in range(total)))
    percentage = summarise(of, course_progress(Tally(completed, total - completed, 0))).completion_percentage
    assert 0 <= percentage <= 100
    assert (percentage == 100) == (completed == total)
    assert (percentage == 0) == (completed == 0)


def test_optional_lessons_count_in_the_time_alone() -> None:
    of = course(REQUIRED, OPTIONAL)
    found = [
        stored(lesson_id=REQUIRED.id, status=Status.COMPLETED, time_spent_minutes=1),
        stored(lesson_id=OPTIONAL.id, status=Status.IN_PROGRESS, time_spent_minutes=2.5),
    ]
    summary = summarise(of, course_progress(recount(of, found), last_accessed=NOW))
    assert (summary.total_lessons, summary.completed_lessons, summary.in_progress_lessons) == (1, 1, 0)
    assert (summary.completion_percentage, summary.total_time_spent_minutes) == (100, 3.5)
    assert summary.last_accessed == NOW


def test_a_course_with_only_optional_lessons_has_zero_per_cent() -> None:
    of = course(OPTIONAL)
    done = stored(lesson_id=OPTIONAL.id, status=Status.COMPLETED, time_spent_minutes=4)
    summary = summarise(of, course_progress(recount(of, [done])))
    assert (summary.total_lessons, summary.completion_percentage, summary.total_time_spent_minutes) == (0, 0, 4)


@given(COURSES, st.data())
def test_a_summary_counts_no_lesson_twice(of: Course, data: st.DataObject) -> None:
    found = [data.draw(all_progress(one)) for one in of.lessons]
    summary = summarise(of, course_progress(recount(of, found)))
    assert summary.completed_lessons + summary.in_progress_lessons <= summary.total_lessons <= len(of.lessons)
    assert summary.total_time_spent_minutes >= 0


@pytest.mark.parametrize(
    ("value", "printed"), [(1.0, "1"), (0.0, "0"), (-0.0, "0"), (33.33, "33.33"), (100, "100"), (1e7, "10000000")]
)
def test_whole_figures_are_printed_without_a_fraction(value: float, printed: str) -> None:
    assert str(plain(value)) == printed


def test_a_time_is_counted_in_whole_microseconds() -> None:
    assert microseconds(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == 1_000_005
    assert microseconds(NOW + timedelta(microseconds=1)) == microseconds(NOW) + 1


@given(st.lists(st.integers(-100, 100), min_size=1))
def test_revisions_grow_even_if_the_clock_goes_back(seconds: list[int]) -> None:
    moments = [NOW + timedelta(seconds=ahead) for ahead in seconds]
    before: CourseProgress | None = None
    for moment in moments:
        revision = next_revision(before, moment)
        assert revision >= microseconds(moment)
        assert before is None or revision > before.revision
        before = course_progress(revision=revision)


def test_a_course_started_over_does_not_use_its_revisions_again() -> None:
    last = course_progress(revision=next_revision(course_progress(revision=next_revision(None, EARLIER)), NOW))
    assert next_revision(None, LATER) > last.revision
