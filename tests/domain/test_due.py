"""What is due for a learner, and how urgent it is."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import NOW, course, course_progress, lesson, stored
from headway.domain.course_progress import CourseProgress, EnrolmentSource, Tally, with_sources
from headway.domain.due import DUE_SOON, Urgency, due_dates, urgency_of
from headway.domain.progress import Status


def enrolled(days: float | None, **fields: object) -> CourseProgress:
    """Course progress of a learner who was enrolled ten days ago, and whose course is due in so many days."""
    due_at = None if days is None else NOW + timedelta(days=days)
    progress = course_progress(Tally())._replace(enrolled_at=NOW - timedelta(days=10))
    return with_sources(progress, [EnrolmentSource(due_at=due_at)])._replace(**fields)  # type: ignore[arg-type]


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_a_time_is_past_soon_or_later(ahead: timedelta) -> None:
    expected = Urgency.PAST if ahead < timedelta() else Urgency.SOON if ahead <= DUE_SOON else Urgency.LATER
    assert urgency_of(NOW + ahead, NOW, DUE_SOON) is expected


@pytest.mark.parametrize(
    ("days", "urgency"), [(-1, Urgency.PAST), (0, Urgency.SOON), (7, Urgency.SOON), (8, Urgency.LATER)]
)
def test_a_course_is_due_with_the_days_until_then(days: int, urgency: Urgency) -> None:
    [due] = due_dates(course(lesson(1)), enrolled(days), [], NOW)
    assert (due.lesson, due.urgency, due.days) == (None, urgency, days)


def test_lessons_are_due_unless_they_are_completed() -> None:
    of = course(*(lesson(number, due_after_days=9 + number) for number in (0, 1, 2)), lesson(3))
    done = stored(lesson_id=lesson(1).id, status=Status.COMPLETED)
    found = list(due_dates(of, enrolled(None), [done], NOW))
    assert [(due.lesson and due.lesson.id, due.urgency, due.days) for due in found] == [
        (lesson(0).id, Urgency.PAST, -1),
        (lesson(2).id, Urgency.SOON, 1),
    ]


def test_lessons_that_are_due_with_their_course_are_left_out() -> None:
    """A learner's own due date is valid in place of that of each lesson."""
    of = course(lesson(1, due_after_days=1), lesson(2, due_after_days=30))
    assert [due.lesson for due in due_dates(of, enrolled(5), [], NOW)] == [None]


@pytest.mark.parametrize("field", ["completed_at", "ended_at"])
def test_nothing_is_due_after_the_course_or_the_enrolment(field: str) -> None:
    of = course(lesson(1, due_after_days=1))
    assert list(due_dates(of, enrolled(5, **{field: NOW}), [], NOW)) == []
