"""The outline of a course for one learner, and the rules of lessons that come first."""

from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import EARLIER, LATER, course, course_progress, finished, lesson, started
from headway.domain.catalogue import Course, Lesson
from headway.domain.course_progress import CourseProgress, EnrolmentSource, with_sources
from headway.domain.errors import InvalidValueError
from headway.domain.identifiers import GroupId, LessonId
from headway.domain.outline import lesson_due_at, outline
from headway.domain.progress import LessonProgress

FIRST: Final = lesson(1)
SECOND: Final = lesson(2, requires=(FIRST.id,))
THIRD: Final = lesson(3, requires=(FIRST.id, SECOND.id))
DAY: Final = timedelta(days=1)


def enrolled(*sources: EnrolmentSource) -> CourseProgress:
    return with_sources(course_progress(enrolled_at=EARLIER), sources)


def locks(of: Course, *completed: Lesson) -> list[list[LessonId]]:
    done = [finished(lesson_id=one.id) for one in completed]
    return [list(one.locked_by) for one in outline(of, None, done, LATER)]


def test_a_lesson_is_locked_by_what_comes_first_and_is_not_completed() -> None:
    of = course(FIRST, SECOND, THIRD)
    assert locks(of) == [[], [FIRST.id], [FIRST.id, SECOND.id]]
    assert locks(of, FIRST) == [[], [], [SECOND.id]]
    assert locks(of, FIRST, SECOND) == [[], [], []]


def test_a_completed_lesson_is_not_locked() -> None:
    assert locks(course(FIRST, SECOND, THIRD), THIRD) == [[], [FIRST.id], []]


def test_a_lesson_that_is_only_begun_locks_the_next() -> None:
    [_, second] = outline(course(FIRST, SECOND), None, [started(lesson_id=FIRST.id)], LATER)
    assert second.locked


def test_a_lesson_without_a_date_is_never_due() -> None:
    assert lesson_due_at(FIRST, enrolled(EnrolmentSource(due_at=LATER))) is None


def test_days_are_counted_from_the_begin_of_the_enrolment() -> None:
    of = lesson(1, due_after_days=3)
    assert lesson_due_at(of, None) is None
    assert lesson_due_at(of, enrolled()) == EARLIER + 3 * DAY
    begun_later = enrolled(EnrolmentSource(starts_at=EARLIER + DAY))
    assert lesson_due_at(of, begun_later) == EARLIER + 4 * DAY


@pytest.mark.parametrize("of", [lesson(1, due_after_days=3), lesson(1, due_at=EARLIER)])
def test_the_learners_own_due_date_is_valid_in_place_of_the_lessons(of: Lesson) -> None:
    own, group = EnrolmentSource(due_at=LATER), EnrolmentSource(GroupId("a-group"), due_at=LATER + DAY)
    assert lesson_due_at(of, enrolled(own, group)) == LATER
    assert lesson_due_at(of, enrolled(group)) == lesson_due_at(of, enrolled())


def test_a_lesson_is_late_until_it_is_completed_and_then_completed_late() -> None:
    of = course(lesson(1, due_at=LATER))

    def lateness(*done: LessonProgress, now: datetime = LATER + DAY) -> tuple[bool, bool]:
        [seen] = outline(of, None, done, now)
        return seen.late, seen.completed_late

    assert lateness() == (True, False)
    assert lateness(started(lesson_id=FIRST.id)) == (True, False)
    assert lateness(finished(lesson_id=FIRST.id, completed_at=LATER + DAY / 2)) == (False, True)
    assert lateness(finished(lesson_id=FIRST.id, completed_at=LATER - DAY)) == (False, False)
    assert lateness(now=LATER) == (False, False)


@pytest.mark.parametrize(
    ("lessons", "location", "kind"),
    [
        ([lesson(1, requires=(FIRST.id,))], ("lessons", 0, "requires", 0), "requires_itself"),
        ([FIRST, lesson(2, requires=(lesson(7).id,))], ("lessons", 1, "requires", 0), "unknown_lesson"),
        ([FIRST, lesson(2, requires=(FIRST.id, FIRST.id))], ("lessons", 1, "requires", 1), "duplicate_lesson"),
        (
            [FIRST, lesson(2, requires=(lesson(3).id,)), lesson(3, requires=(lesson(2).id,))],
            ("lessons", 1, "requires"),
            "circular_requirement",
        ),
        ([lesson(1, due_at=LATER, due_after_days=3)], ("lessons", 0, "due_after_days"), "two_due_dates"),
    ],
)
def test_a_requirement_that_can_not_be_met_is_refused(
    lessons: list[Lesson], location: tuple[str | int, ...], kind: str
) -> None:
    with pytest.raises(InvalidValueError) as refused:
        course(*lessons)
    assert [(problem.location, problem.kind) for problem in refused.value.problems] == [(location, kind)]


@given(st.data(), st.integers(2, 30))
def test_requirements_without_a_circle_let_a_learner_reach_every_lesson(data: st.DataObject, count: int) -> None:
    order = data.draw(st.permutations(range(count)))
    before = {number: data.draw(st.lists(st.sampled_from(order[:at]), unique=True)) if at else []
              for at, number in enumerate(order)}  # fmt: skip
    of = course(*(lesson(number, requires=tuple(lesson(one).id for one in before[number])) for number in range(count)))
    done: set[LessonId] = set()
    while True:
        seen = outline(of, None, [finished(lesson_id=one) for one in done], LATER)
        free = {one.lesson.id for one in seen if not one.locked}
        if free == done:
            break
        done = free
    assert done == set(of.lessons_by_id)
