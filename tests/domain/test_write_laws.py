"""Rules that hold for every write to every lesson progress, whatever is sent."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from domain.values import (
    LATER,
    METADATA,
    MONOTONIC,
    NOW,
    UPDATES,
    UPDATES_WITHOUT_NULLS,
    all_progress,
    changes,
    height,
    lesson,
    lessons,
    own_values,
    started,
)
from headway.domain.catalogue import Lesson
from headway.domain.progress import LessonProgress, ProgressUpdate, Status, kept_fields, merge, replace

HIGHEST = {
    "progress_percentage": 100,
    "video_position_seconds": 10_000_000,
    "quiz_score": 100,
    "quiz_attempts": 2**31 - 1,
    "time_spent_minutes": 10_000_000,
}


Write = Callable[[LessonProgress, ProgressUpdate, Lesson, datetime], LessonProgress]

# A lesson and progress in it.
SITUATIONS = lessons().flatmap(lambda of: st.tuples(st.just(of), all_progress(of)))


def earned(progress: LessonProgress) -> dict[str, object]:
    return {field: getattr(progress, field) for field in MONOTONIC}


def as_json(progress: LessonProgress) -> str:
    return json.dumps(progress._replace(updated_at=NOW, version=0), default=str)


def is_held_back(update: ProgressUpdate, after: LessonProgress) -> bool:
    """Return whether a write asked for a completion that the lesson's conditions do not allow."""
    return update.get("status") is Status.COMPLETED is not after.status


def assert_sound(progress: LessonProgress) -> None:
    assert (progress.completed_at is not None) == (progress.status is Status.COMPLETED)
    assert progress.user_notes != ""
    assert isinstance(progress.quiz_passed, bool)
    for field, highest in HIGHEST.items():
        value = getattr(progress, field)
        assert value is None or 0 <= value <= highest, field


@given(SITUATIONS, UPDATES)
def test_repeating_a_merge_write_changes_nothing(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate
) -> None:
    of, progress = situation
    once = merge(progress, update, of, NOW)
    assert merge(once, update, of, LATER) is once


@given(SITUATIONS, st.lists(UPDATES, min_size=2, max_size=5), st.data())
def test_earned_progress_does_not_depend_on_the_order_of_merge_writes(
    situation: tuple[Lesson, LessonProgress], reports: list[ProgressUpdate], data: st.DataObject
) -> None:
    of, progress = situation
    one, other = progress, progress
    for update in reports:
        one = merge(one, update, of, NOW)
    for update in data.draw(st.permutations(reports)):
        other = merge(other, update, of, NOW)
    assert earned(one) == earned(other)


@given(SITUATIONS, UPDATES)
def test_no_merge_write_takes_back_what_was_earned(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate
) -> None:
    of, progress = situation
    after = merge(progress, update, of, NOW)
    assert all(height(getattr(after, field)) >= height(getattr(progress, field)) for field in MONOTONIC)
    assert progress.completed_at is None or after.completed_at == progress.completed_at


@given(SITUATIONS, UPDATES)
def test_a_merge_write_stores_what_was_sent_or_more(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate
) -> None:
    of, progress = situation
    after = merge(progress, update, of, NOW)
    held_back = {"status"} if is_held_back(update, after) else set()
    for field in set(MONOTONIC) - held_back:
        assert height(getattr(after, field)) >= height(update.get(field)), field


@given(SITUATIONS, UPDATES)
def test_a_field_is_named_as_kept_if_less_was_sent_than_is_stored(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate
) -> None:
    of, progress = situation
    after = merge(progress, update, of, NOW)
    kept = kept_fields(progress, update, after)
    for field, sent in update.items():
        less = sent is not None and field in MONOTONIC and height(sent) < height(getattr(progress, field))
        stayed = less and getattr(after, field) == getattr(progress, field)
        assert (field in kept) == (stayed or (field == "status" and is_held_back(update, after))), field


@given(SITUATIONS, UPDATES, st.sampled_from([merge, replace]))
def test_lesson_progress_is_consistent_after_every_write(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate, write: Write
) -> None:
    of, progress = situation
    assert_sound(progress)
    assert_sound(write(progress, update, of, NOW))


@given(SITUATIONS, UPDATES, st.sampled_from([merge, replace]))
def test_no_write_of_a_learner_completes_a_lesson_below_its_pass_mark(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate, write: Write
) -> None:
    of, progress = situation
    after = write(progress, update, of, NOW)
    if after.status is Status.COMPLETED is not progress.status:
        said = update.get("status") is Status.COMPLETED or (update.get("quiz_passed") and of.is_done_by_a_pass)
        assert of.is_met_by(100 if said else after.progress_percentage, passed=after.quiz_passed)
    assert after.completed_by is None


@given(SITUATIONS, UPDATES, st.sampled_from([merge, replace]))
def test_worked_at_changes_exactly_when_the_work_changes(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate, write: Write
) -> None:
    of, progress = situation
    after = write(progress, update, of, NOW)
    work = slice(progress._fields.index("status"), progress._fields.index("user_notes"))
    assert after.worked_at == (progress.worked_at if after[work] == progress[work] else NOW)


@given(SITUATIONS, UPDATES, st.sampled_from([merge, replace]))
def test_the_version_grows_by_one_exactly_when_something_changed(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate, write: Write
) -> None:
    of, progress = situation
    after = write(progress, update, of, NOW)
    if as_json(after) == as_json(progress):
        assert after is progress
    else:
        assert (after.version, after.updated_at) == (progress.version + 1, NOW)
        assert after.etag != progress.etag
    assert (after.id, after.created_at) == (progress.id, progress.created_at)


@given(SITUATIONS)
def test_sending_back_lesson_progress_as_it_was_read_changes_nothing(situation: tuple[Lesson, LessonProgress]) -> None:
    of, progress = situation
    assert replace(progress, own_values(progress), of, NOW) is progress


@given(SITUATIONS, UPDATES)
def test_repeating_a_conditional_write_changes_nothing(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate
) -> None:
    of, progress = situation
    once = replace(progress, update, of, NOW)
    assert replace(once, update, of, LATER) is once


@given(SITUATIONS, UPDATES)
def test_a_conditional_write_stores_what_was_sent(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate
) -> None:
    of, progress = situation
    after = replace(progress, update, of, NOW)
    for field, sent in update.items():
        if sent is not None and not (field == "status" and is_held_back(update, after)):
            assert getattr(after, field) == (sent if sent != "" else None), field


@given(METADATA, METADATA)
def test_metadata_keeps_the_last_write_of_each_key(stored: dict[str, object], sent: dict[str, object]) -> None:
    of = lesson()
    progress = started(metadata=stored)
    after = cast("dict[str, object]", merge(progress, {"metadata": sent}, of, NOW).metadata)
    assert after.keys() == stored.keys() | sent.keys()
    for key, value in after.items():
        assert json.dumps(value) == json.dumps(sent[key] if key in sent else stored[key])
    assert json.dumps(progress.metadata) == json.dumps(stored), "the lesson progress that was merged into is as it was"


@given(SITUATIONS, UPDATES_WITHOUT_NULLS, UPDATES)
def test_null_changes_nothing_in_a_merge_write(
    situation: tuple[Lesson, LessonProgress], update: ProgressUpdate, other: ProgressUpdate
) -> None:
    of, progress = situation
    nulls = cast("ProgressUpdate", {field: None for field in other if field not in update})
    assert changes(merge(progress, update, of, NOW), merge(progress, {**update, **nulls}, of, NOW)) == {}
