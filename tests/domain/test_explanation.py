"""The explanation of a percentage: the lessons that it lists add up to the percentage."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.values import NOW, course, lesson, stored
from headway.domain.catalogue import Course, VersionedCourse
from headway.domain.course_progress import recount
from headway.domain.explanation import ExplainedLesson, NotCounted, explain
from headway.domain.identifiers import LessonId
from headway.domain.progress import LessonProgress, Status

COURSES = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, unique_by=lambda one: one[0]).map(
    lambda lessons: course(*(lesson(number, required=required) for number, required in lessons))
)
ALL_PROGRESS = st.dictionaries(st.integers(1, 9), st.sampled_from(Status)).map(
    lambda statuses: [stored(lesson_id=lesson(number).id, status=status) for number, status in statuses.items()]
)


@given(COURSES, ALL_PROGRESS)
def test_the_lessons_that_counted_add_up_to_the_tally(of: Course, all_progress: list[LessonProgress]) -> None:
    explanation = explain(VersionedCourse(of, 7), all_progress)
    counted = [one for one in explanation.lessons if one.counted]
    tally = recount(of, all_progress)
    assert explanation.course_version == 7
    assert len(counted) == of.required_lessons
    assert sum(one.status is Status.COMPLETED for one in counted) == tally.completed_lessons
    assert sum(one.status is Status.IN_PROGRESS for one in counted) == tally.in_progress_lessons


@given(COURSES, ALL_PROGRESS)
def test_every_lesson_is_listed_once_with_the_reason_why_it_did_not_count(
    of: Course, all_progress: list[LessonProgress]
) -> None:
    lessons = explain(VersionedCourse(of, 7), all_progress).lessons
    ids = [one.lesson_id for one in lessons]
    assert ids[: len(of.lessons)] == list(of.lessons_by_id)
    assert sorted(ids) == sorted({*of.lessons_by_id, *(progress.lesson_id for progress in all_progress)})
    for one in lessons:
        assert one.counted == (one.reason is None)
        assert (one.title is None) == (one.reason is NotCounted.REMOVED) == (one.lesson_id not in of.lessons_by_id)


def test_lessons_that_have_left_come_last_in_the_order_they_were_begun() -> None:
    ids: list[LessonId] = [lesson(number).id for number in (5, 3, 4)]
    all_progress = [
        stored(lesson_id=ids[0], created_at=NOW + timedelta(seconds=1)),
        stored(lesson_id=ids[2], created_at=NOW),
        stored(lesson_id=ids[1], created_at=NOW),
    ]
    found = explain(VersionedCourse(course(lesson(1, required=False)), 7), all_progress).lessons
    assert [one.lesson_id for one in found] == [lesson(1).id, ids[1], ids[2], ids[0]]
    assert found[0] == ExplainedLesson(
        lesson(1).id, lesson(1).title, Status.NOT_STARTED, counted=False, reason=NotCounted.OPTIONAL
    )
