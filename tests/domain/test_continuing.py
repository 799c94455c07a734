"""The lesson at which a learner continues, for any course and any progress in it."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.values import NOW, course, lesson, stored
from headway.domain.catalogue import Course
from headway.domain.continuing import TimeLeft, course_left, lesson_left, next_lesson
from headway.domain.progress import LessonProgress, Status

COURSES = st.permutations(range(1, 7)).flatmap(
    lambda numbers: st.integers(1, 6).map(lambda length: course(*map(lesson, numbers[:length])))
)
ALL_PROGRESS = st.dictionaries(
    st.integers(1, 9), st.tuples(st.sampled_from(Status), st.none() | st.integers(0, 5))
).map(
    lambda found: [
        stored(
            lesson_id=lesson(number).id,
            status=status,
            updated_at=NOW + timedelta(minutes=9 - number),
            worked_at=None if minute is None else NOW + timedelta(minutes=minute),
        )
        for number, (status, minute) in found.items()
    ]
)


@given(COURSES, ALL_PROGRESS)
def test_a_learner_continues_at_the_last_lesson_or_the_next_open_lesson(
    of: Course, all_progress: list[LessonProgress]
) -> None:
    order = [one.id for one in of.lessons]
    present = [progress for progress in all_progress if progress.lesson_id in order]
    done = {progress.lesson_id for progress in present if progress.status is Status.COMPLETED}
    found = next_lesson(of, all_progress)
    if found is None:
        assert done == set(order)
        return
    assert found.id not in done
    worked = [progress.worked_at for progress in present if progress.worked_at is not None]
    last = max(
        (order.index(progress.lesson_id) for progress in present if worked and progress.worked_at == max(worked)),
        default=0,
    )
    position = order.index(found.id)
    if position >= last:
        assert done.issuperset(order[last:position])
    else:
        assert done.issuperset(order[last:])
        assert done.issuperset(order[:position])


def test_a_learner_never_continues_at_a_locked_lesson() -> None:
    first, second, third = lesson(1), lesson(2), lesson(3)
    of = course(first, replace(second, requires=(third.id,)), third)
    begun = stored(lesson_id=first.id, status=Status.COMPLETED, worked_at=NOW)
    assert next_lesson(of, [begun]) is third
    ended = stored(lesson_id=third.id, status=Status.COMPLETED, worked_at=NOW)
    assert next_lesson(of, [begun, ended]) is of.lessons[1]


@given(COURSES, ALL_PROGRESS)
def test_continuing_ignores_removed_lessons_and_the_order_of_lesson_progress(
    of: Course, all_progress: list[LessonProgress]
) -> None:
    present = [progress for progress in reversed(all_progress) if progress.lesson_id in of.lessons_by_id]
    assert next_lesson(of, present) == next_lesson(of, all_progress)


def test_the_time_that_is_left_of_a_lesson_is_its_duration_after_the_position() -> None:
    timed = lesson(1, duration_seconds=600)
    assert lesson_left(timed, None) == 600
    assert lesson_left(timed, stored(lesson_id=timed.id, video_position_seconds=240)) == 360
    assert lesson_left(timed, stored(lesson_id=timed.id, video_position_seconds=900)) == 0
    assert lesson_left(lesson(1), stored(lesson_id=timed.id, video_position_seconds=240)) is None


def test_the_time_that_is_left_of_a_course_is_that_of_the_lessons_that_count_and_are_not_completed() -> None:
    timed = [lesson(number, duration_seconds=100 * number, required=number != 3) for number in (1, 2, 3)]
    all_progress = [
        stored(lesson_id=timed[0].id, status=Status.COMPLETED, video_position_seconds=50),
        stored(lesson_id=timed[1].id, status=Status.IN_PROGRESS, video_position_seconds=50),
        stored(lesson_id=lesson(9).id, status=Status.IN_PROGRESS, video_position_seconds=5),
    ]
    assert course_left(course(*timed), all_progress) == TimeLeft(150, is_least=False)
    assert course_left(course(*timed, lesson(4)), all_progress) == TimeLeft(150, is_least=True)
    assert course_left(course(*timed), []) == TimeLeft(300, is_least=False)
    assert course_left(course(lesson(4)), []) is None
    assert course_left(course(timed[0]), all_progress) is None
