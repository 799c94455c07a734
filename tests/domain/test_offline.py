"""Writes that were made on devices and arrive later: any order and repetition ends in the same lesson progress."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import COURSE, EARLIER, LEARNER, NOW, PROGRESS_ID, UPDATES, course, lesson, lessons, quiz
from headway.domain.catalogue import Lesson
from headway.domain.dating import microseconds
from headway.domain.errors import InvalidValueError
from headway.domain.offline import LONGEST_OFFLINE, all_made, made, with_removal
from headway.domain.progress import LessonProgress, ProgressUpdate, Status
from headway.domain.writes import LessonWrite, Origin, Precondition, Written

LESSONS: Final = (
    lesson(),
    lesson(complete_at=None),
    lesson(complete_at=80),
    quiz(pass_mark=70),
    quiz(pass_mark=70, complete_at=50),
)
MINUTE: Final = timedelta(minutes=1)

Made = tuple[int, ProgressUpdate]
"""When a write was made, in minutes after EARLIER, and what it sends."""


def at(minutes: int) -> datetime:
    return EARLIER + minutes * MINUTE


def write(
    of: Lesson, stored: LessonProgress | None, update: ProgressUpdate, made_at: datetime | None, now: datetime = NOW
) -> Written:
    asked = LessonWrite(LEARNER, COURSE, of.id, update, made_at=made_at)
    return asked.apply(course(of), stored, now, lambda: PROGRESS_ID)


def conditional(of: Lesson, stored: LessonProgress, update: ProgressUpdate, now: datetime) -> LessonProgress:
    asked = LessonWrite(LEARNER, COURSE, of.id, update, Precondition(match=frozenset([stored.etag])))
    after = asked.apply(course(of), stored, now, lambda: stored.id).after
    assert after is not None
    return after


def arrived(of: Lesson, writes: list[Made], stored: LessonProgress | None = None) -> LessonProgress:
    """Return the lesson progress after writes that arrive one after the other."""
    for minutes, update in writes:
        stored = write(of, stored, update, at(minutes)).after
    assert stored is not None
    return stored


MADE: Final = st.lists(st.tuples(st.integers(0, 5), UPDATES), min_size=1, max_size=6)


@given(st.sampled_from(LESSONS) | lessons(), MADE, st.data())
def test_any_order_and_repetition_ends_in_the_same_lesson_progress(
    of: Lesson, writes: list[Made], data: st.DataObject
) -> None:
    in_order = arrived(of, writes)
    again = data.draw(st.lists(st.sampled_from(writes), max_size=4))
    otherwise = arrived(of, data.draw(st.permutations([*writes, *again])))
    assert otherwise._replace(version=in_order.version) == in_order


@given(st.sampled_from(LESSONS) | lessons(), MADE)
def test_a_repeated_write_changes_nothing_and_shows_no_activity(of: Lesson, writes: list[Made]) -> None:
    stored = arrived(of, writes)
    for minutes, update in writes:
        again = write(of, stored, update, at(minutes))
        assert again.after is stored
        assert again.moments is None


def test_the_last_value_that_was_set_is_kept_whichever_arrives_first() -> None:
    after = arrived(
        lesson(), [(3, {"user_notes": "later", "video_position_seconds": 30}), (1, {"user_notes": "early"})]
    )
    assert (after.user_notes, after.video_position_seconds) == ("later", 30)
    kept = write(lesson(), after, {"video_position_seconds": 10, "is_bookmarked": True}, at(2))
    assert kept.kept == ("video_position_seconds",)
    assert kept.after is not None
    assert (kept.after.video_position_seconds, kept.after.is_bookmarked) == (30, True)


def test_a_note_that_is_made_online_outlives_an_earlier_one_that_arrives_later() -> None:
    online = write(lesson(), None, {"user_notes": "online", "metadata": {"a": 1}}, None, at(5)).after
    assert arrived(lesson(), [(4, {"user_notes": "offline", "metadata": {"a": 2, "b": 3}})], online)[10:13] == (
        "online",
        False,
        {"a": 1, "b": 3},
    )
    assert arrived(lesson(), [(6, {"user_notes": "offline"})], online).user_notes == "offline"


def test_a_null_in_metadata_that_is_set_online_outlives_an_earlier_value() -> None:
    online = write(lesson(), None, {"metadata": {"a": None}}, None, at(5)).after
    assert arrived(lesson(), [(4, {"metadata": {"a": 1}})], online).metadata == {"a": None}


def test_a_position_that_is_reported_online_outlives_an_earlier_one() -> None:
    offline = arrived(lesson(), [(2, {"time_spent_minutes": 1}), (1, {"video_position_seconds": 10})])
    assert offline.set_at == {"video_position_seconds": microseconds(at(1))}
    online = write(lesson(), offline, {"video_position_seconds": 50}, None, at(5)).after
    assert online is not None
    assert online.set_at == {}
    assert arrived(lesson(), [(4, {"video_position_seconds": 20})], online).video_position_seconds == 50


def test_a_position_that_is_moved_to_the_start_online_outlives_an_earlier_one() -> None:
    online = write(lesson(), None, {"video_position_seconds": 50}, None, at(1)).after
    rewound = write(lesson(), online, {"video_position_seconds": 0}, None, at(5)).after
    assert arrived(lesson(), [(4, {"video_position_seconds": 20})], rewound).video_position_seconds == 0
    assert arrived(lesson(), [(6, {"video_position_seconds": 20})], rewound).video_position_seconds == 20


def test_the_position_of_a_lesson_that_was_started_over_is_not_brought_back() -> None:
    before = arrived(lesson(), [(1, {"video_position_seconds": 60})])
    over = conditional(lesson(), before, {"status": Status.NOT_STARTED}, at(5))
    after = arrived(lesson(), [(4, {"video_position_seconds": 70})], over)
    assert (after.status, after.video_position_seconds) == (Status.NOT_STARTED, 0)


@pytest.mark.parametrize("taken_back", [{"status": Status.NOT_STARTED}, {"progress_percentage": 10}])
def test_a_lesson_that_was_taken_back_is_completed_by_what_was_done_after(taken_back: ProgressUpdate) -> None:
    of = quiz(pass_mark=70, complete_at=50)
    before = arrived(of, [(1, {"progress_percentage": 60, "quiz_score": 80})])
    over = conditional(of, before, taken_back, at(3))
    again: list[Made] = [(5, {"progress_percentage": 70}), (4, {"progress_percentage": 60})]
    assert arrived(of, again, over).completed_at == at(4)
    assert arrived(of, again[::-1], over).completed_at == at(4)


@pytest.mark.parametrize("late", [{"status": Status.COMPLETED}, {"progress_percentage": 100, "quiz_attempts": 7}])
def test_a_lesson_that_was_started_over_is_not_brought_back(late: ProgressUpdate) -> None:
    before = arrived(lesson(), [(1, {"progress_percentage": 60, "time_spent_minutes": 9})])
    over = conditional(lesson(), before, {"status": Status.NOT_STARTED}, at(5))
    after = arrived(lesson(), [(4, late)], over)
    assert (after.status, after.progress_percentage, after.completed_at) == (Status.NOT_STARTED, 0, None)
    assert after.quiz_attempts == late.get("quiz_attempts", 0)
    assert arrived(lesson(), [(6, late)], over).status is Status.COMPLETED


def test_a_value_that_was_taken_back_stays_so_and_others_grow() -> None:
    before = arrived(quiz(), [(1, {"quiz_score": 90, "quiz_attempts": 2})])
    corrected = conditional(quiz(), before, {"quiz_score": 40}, at(5))
    after = arrived(quiz(), [(4, {"quiz_score": 90, "quiz_attempts": 3})], corrected)
    assert (after.quiz_score, after.quiz_attempts) == (40, 3)


def test_a_percentage_that_was_lowered_is_not_raised_by_an_earlier_completion() -> None:
    before = arrived(lesson(), [(1, {"progress_percentage": 60})])
    lowered = conditional(lesson(), before, {"progress_percentage": 20}, at(5))
    after = arrived(lesson(), [(4, {"status": Status.COMPLETED})], lowered)
    assert (after.status, after.progress_percentage, after.completed_at) == (Status.IN_PROGRESS, 20, None)
    assert arrived(lesson(), [(6, {"status": Status.COMPLETED})], after).completed_at == at(6)


def test_a_pass_that_was_taken_back_is_not_brought_back_by_an_earlier_score() -> None:
    before = arrived(quiz(), [(1, {"quiz_score": 90})])
    failed = conditional(quiz(), before, {"quiz_passed": False}, at(5))
    after = arrived(quiz(), [(4, {"quiz_score": 95})], failed)
    assert (after.status, after.quiz_passed, after.quiz_score) == (Status.IN_PROGRESS, False, 90)
    assert arrived(quiz(), [(6, {"quiz_score": 80})], after).quiz_passed


@given(st.sampled_from(LESSONS) | lessons(), MADE, UPDATES, MADE, st.data())
def test_any_order_ends_in_the_same_lesson_progress_after_a_conditional_write(
    of: Lesson, before: list[Made], taken_back: ProgressUpdate, late: list[Made], data: st.DataObject
) -> None:
    written = conditional(of, arrived(of, before), taken_back, at(3))
    in_order = arrived(of, late, written)
    again = data.draw(st.lists(st.sampled_from(late), max_size=4))
    otherwise = arrived(of, data.draw(st.permutations([*late, *again])), written)
    assert otherwise._replace(version=in_order.version) == in_order


def test_a_lesson_is_completed_when_its_last_condition_was_met() -> None:
    of = quiz(pass_mark=70, complete_at=50)
    after = arrived(of, [(4, {"progress_percentage": 60}), (5, {"is_bookmarked": True}), (2, {"quiz_score": 80})])
    assert (after.status, after.completed_at) == (Status.COMPLETED, at(4))
    assert arrived(of, [(3, {"progress_percentage": 55})], after).completed_at == at(3)


@pytest.mark.parametrize("is_new", [True, False])
def test_what_is_restored_from_an_export_gives_way_to_a_write_from_before_the_import(is_new: bool) -> None:
    stored = None if is_new else arrived(lesson(), [(1, {"is_bookmarked": True})])
    export = LessonWrite(LEARNER, COURSE, lesson().id, {"user_notes": "export"}, restored=Origin(at(1)))
    restored = export.apply(course(lesson()), stored, at(5), lambda: PROGRESS_ID).after
    assert restored is not None
    assert restored.user_notes == "export"
    assert arrived(lesson(), [(4, {"user_notes": "offline"})], restored).user_notes == "offline"


def test_a_condition_that_was_met_online_was_met_then_whatever_arrives_first() -> None:
    of = quiz(pass_mark=70, complete_at=50)
    passed = write(of, None, {"quiz_score": 80}, None, at(3)).after
    late: list[Made] = [(4, {"time_spent_minutes": 5}), (1, {"progress_percentage": 60})]
    assert arrived(of, late, passed).completed_at == at(3)
    assert arrived(of, late[::-1], passed).completed_at == at(3)


def test_a_lesson_that_was_completed_under_other_conditions_keeps_its_time() -> None:
    completed = arrived(lesson(complete_at=50), [(3, {"progress_percentage": 60})])
    lowered = conditional(lesson(complete_at=50), completed, {"progress_percentage": 55}, at(4))
    after = arrived(quiz(pass_mark=70, complete_at=80), [(5, {"quiz_score": 90})], lowered)
    assert (after.status, after.completed_at) == (Status.COMPLETED, at(3))


def test_a_regular_report_sets_no_times() -> None:
    report: ProgressUpdate = {"progress_percentage": 10, "video_position_seconds": 60, "time_spent_minutes": 1}
    more: ProgressUpdate = {"progress_percentage": 20, "video_position_seconds": 120, "time_spent_minutes": 2}
    assert arrived(lesson(), [(1, report), (2, more)]).set_at == {}
    online = write(lesson(), None, report, None, at(1)).after
    assert online is not None
    assert online.set_at == {}


def test_a_write_whose_metadata_grow_too_large_is_refused() -> None:
    stored = arrived(lesson(), [(1, {"metadata": {"a": "x" * 10_000}})])
    with pytest.raises(InvalidValueError):
        write(lesson(), stored, {"metadata": {"b": "x" * 10_000}}, at(2))


@pytest.mark.parametrize(
    ("made_at", "sent_at", "found"),
    [
        (at(1), at(3), NOW - 2 * MINUTE),  # a clock that is a day behind
        (NOW + timedelta(days=365), NOW + timedelta(days=365, minutes=2), NOW - 2 * MINUTE),  # and one a year ahead
        (NOW - MINUTE, None, NOW - MINUTE),
        (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), NOW),
        (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), NOW - timedelta(days=30)),
        (NOW + MINUTE, None, NOW),
        (NOW + MINUTE, NOW, NOW),
        (EARLIER - timedelta(days=90), None, NOW - timedelta(days=30)),
    ],
)
def test_a_devices_clock_is_corrected(made_at: datetime, sent_at: datetime | None, found: datetime) -> None:
    assert abs(made(made_at, sent_at, NOW, timedelta(days=30)) - found) <= MINUTE / 2


def test_writes_beyond_the_bounds_keep_their_order() -> None:
    ahead, old = NOW + timedelta(seconds=20), NOW - timedelta(days=40)
    asked = [ahead, None, old, ahead + MINUTE / 6, None, old - MINUTE, at(1), ahead, at(1)]
    found = all_made(asked, NOW, NOW, timedelta(days=30))
    oldest = NOW - timedelta(days=30)
    micro = timedelta.resolution
    last = [NOW - count * micro for count in range(4)]
    assert found == [last[3], last[1], oldest, last[2], last[0], oldest - micro, at(1), last[3], at(1)]


@given(st.lists(st.none() | st.datetimes(timezones=st.just(UTC)), max_size=6))
def test_times_keep_the_order_of_the_device(asked: list[datetime | None]) -> None:
    found = all_made(asked, None, NOW, timedelta(days=30))
    for (made_at, one), (other_at, other) in combinations(zip(asked, found, strict=True), 2):
        if made_at is None or other_at is None:
            assert one != other
        else:
            assert (made_at < other_at, made_at == other_at) == (one < other, one == other)
    assert all(NOW - timedelta(days=30) - MINUTE < one <= NOW for one in found)


def test_removals_are_forgotten_when_no_write_can_be_older() -> None:
    old: dict[str, Any] = {"a": microseconds(NOW - LONGEST_OFFLINE - MINUTE), "b": microseconds(EARLIER)}
    assert with_removal(old, lesson().id, NOW) == {"b": old["b"], lesson().id: microseconds(NOW)}
