"""The impact of an edit before it is made, compared with what it then changes for each learner."""

from collections.abc import Set as AbstractSet
from dataclasses import replace as with_fields
from typing import Any, Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.courses import NUMBERS, courses, later
from domain.values import COURSE, EARLIER, LEARNER, NOW, all_progress, course, finished, lesson, quiz, started
from headway.domain.catalogue import Course, OnEdit, VersionedCourse, next_version
from headway.domain.course_progress import NOTHING, CourseProgress, LearnerDay, Tally, recalculate
from headway.domain.edits import CourseEdit
from headway.domain.identifiers import LessonId
from headway.domain.progress import LessonProgress, Status

VERSION: Final = 7


ANY_LESSON: Final = frozenset(lesson(number).id for number in range(1, 10))


def edit(before: Course, after: Course, started: AbstractSet[LessonId] = ANY_LESSON) -> CourseEdit:
    return CourseEdit.to(next_version(None, before, VERSION), after, started)


def course_progress(completed: int = 0, **fields: Any) -> CourseProgress:
    """Return the course progress of a learner who has completed this many of the required lessons."""
    start = CourseProgress(
        LEARNER, COURSE, Tally(completed), EARLIER, VERSION, 1, EARLIER, None, LearnerDay(EARLIER.date()),
        enrolled_at=EARLIER,
    )  # fmt: skip
    return start._replace(**fields)


def counted(before: VersionedCourse, found: list[LessonProgress], *, completed: bool) -> CourseProgress:
    """Return the course progress that is counted. The learner may have completed an earlier version of the course."""
    start = course_progress(tally=NOTHING, completed_at=EARLIER if completed else None)
    return recalculate(before, start, found, EARLIER).course_progress


@st.composite
def situations(draw: st.DrawFn) -> tuple[CourseEdit, CourseProgress, list[LessonProgress]]:
    """Draw an edit, and a learner with progress in lessons that were, are or will be in the course."""
    before = draw(courses())
    after = draw(later(before))
    of = {one.id: one for one in (*after.lessons, *before.lessons)}
    found = [draw(all_progress(one)) for one in of.values() if draw(st.sampled_from([True, True, True, False]))]
    made = edit(before, after, {progress.lesson_id for progress in found if progress.status is not Status.NOT_STARTED})
    return made, counted(made.before, found, completed=draw(st.booleans())), found


@given(situations())
def test_course_progress_alone_decides_the_same_as_lesson_progress(
    situation: tuple[CourseEdit, CourseProgress, list[LessonProgress]],
) -> None:
    made, before, found = situation
    decided = made.completes(before)
    assume(decided is not None)
    after = recalculate(made.after, before, found, NOW).course_progress
    assert decided is (after.completed_at is not None)


@given(situations())
def test_the_impact_of_an_edit_is_within_what_the_edit_can_give_and_take(
    situation: tuple[CourseEdit, CourseProgress, list[LessonProgress]],
) -> None:
    made, before, found = situation
    difference = made.difference(before, found, NOW)
    assert difference <= 0 or made.can_give
    assert difference >= 0 or made.can_take


@given(situations(), st.integers(0, 4), st.integers(0, 4))
def test_a_learner_with_fewer_completed_lessons_completes_no_course_that_others_can_not(
    situation: tuple[CourseEdit, CourseProgress, list[LessonProgress]], one: int, other: int
) -> None:
    made, *_ = situation
    ahead, behind = (
        course_progress(min(count, made.before.course.required_lessons)) for count in (max(one, other), min(one, other))
    )
    assume(made.completes(ahead) is False)
    assert made.completes(behind) is False


PLAIN: Final = course()
REOPENING: Final = with_fields(PLAIN, on_edit=OnEdit.REOPEN)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(PLAIN, id="the same"),
        pytest.param(course(title="Another name"), id="renamed"),
        pytest.param(course(lesson(3), lesson(1), lesson(2)), id="reordered"),
        pytest.param(course(lesson(1, section="Part one", title="New"), lesson(2), lesson(3)), id="told otherwise"),
        pytest.param(course(*map(lesson, [1, 2, 3]), lesson(4, required=False)), id="an optional lesson more"),
        pytest.param(with_fields(PLAIN, time_zone="Europe/Berlin"), id="another zone"),
    ],
)
@pytest.mark.parametrize("before", [PLAIN, REOPENING], ids=["keep", "reopen"])
def test_an_edit_without_impact_is_recognized_without_reading_learners(before: Course, after: Course) -> None:
    made = edit(before, with_fields(after, on_edit=before.on_edit))
    assert not made.can_give
    assert not made.can_take


def test_edits_of_an_optional_lesson_have_no_impact() -> None:
    optional = lesson(4, required=False)
    others = PLAIN.lessons
    for before, after in (
        ((*others, optional), others),
        ((*others, optional), (with_fields(optional, complete_at=50), *others)),
    ):
        made = edit(with_fields(REOPENING, lessons=before), with_fields(REOPENING, lessons=after))
        assert (made.can_give, made.can_take) == (False, False)


@pytest.mark.parametrize(
    ("before", "after", "give", "take"),
    [
        pytest.param(PLAIN, course(lesson(1), lesson(2)), True, False, id="a lesson less"),
        pytest.param(
            REOPENING, with_fields(course(*map(lesson, NUMBERS)), on_edit=OnEdit.REOPEN), True, True, id="more"
        ),
        pytest.param(PLAIN, REOPENING, False, True, id="who stayed completed has to do what is new"),
        pytest.param(REOPENING, PLAIN, False, False, id="who has to do what is new, still has to"),
        pytest.param(course(quiz(1)), course(quiz(1, pass_mark=50)), True, False, id="a lower mark"),
        pytest.param(PLAIN, course(lesson(1, required=False)), False, False, id="nothing that counts"),
    ],
)
def test_an_edit_knows_whether_it_can_give_or_take_completions(
    before: Course, after: Course, give: bool, take: bool
) -> None:
    made = edit(before, after)
    assert (made.can_give, made.can_take) == (give, take)


def test_course_progress_alone_decides_most_completions() -> None:
    shorter = edit(PLAIN, course(lesson(1), lesson(2)))
    assert [shorter.completes(course_progress(completed)) for completed in range(3)] == [False, False, None]
    longer = edit(REOPENING, with_fields(course(*map(lesson, NUMBERS)), on_edit=OnEdit.REOPEN))
    assert [longer.completes(course_progress(completed)) for completed in range(3)] == [False, False, False]
    assert longer.completes(course_progress(3, completed_at=EARLIER)) is None, "hidden lesson progress may be completed"
    fresh = edit(REOPENING, longer.after.course, {one.id for one in REOPENING.lessons})
    assert fresh.completes(course_progress(3, completed_at=EARLIER)) is False, "nobody has started what is new"
    looser = edit(course(quiz(1), lesson(2), lesson(3)), course(quiz(1, pass_mark=50), lesson(2), lesson(3)))
    assert [looser.completes(course_progress(completed)) for completed in range(3)] == [False, False, None]


def test_a_completed_course_that_keeps_completions_stays_completed_after_any_edit() -> None:
    made = edit(PLAIN, course(lesson(8), lesson(9)))
    assert made.completes(course_progress(3, completed_at=EARLIER)) is True


def test_course_progress_of_another_version_decides_nothing() -> None:
    made = edit(PLAIN, course(lesson(1), lesson(2)))
    assert made.completes(course_progress(3, course_version=VERSION - 1)) is None


def test_an_edit_before_a_recalculation_counts_only_its_own_impact() -> None:
    """An earlier edit completed the course for the learner. No recalculation has counted that yet."""
    grown = next_version(None, course(lesson(1), lesson(2)), VERSION - 1)
    present = next_version(grown, course(lesson(1)), VERSION)
    behind = course_progress(1, course_version=VERSION - 1)
    done = [finished(lesson_id=lesson(1).id)]
    assert CourseEdit.to(present, course(lesson(1), title="New"), ANY_LESSON).difference(behind, done, NOW) == 0
    reopening = with_fields(course(lesson(1), lesson(3)), on_edit=OnEdit.REOPEN)
    assert CourseEdit.to(present, reopening, ANY_LESSON).difference(behind, done, NOW) == -1


def test_a_lower_pass_mark_completes_the_course_of_learners_who_reached_it() -> None:
    made = edit(course(quiz(1)), course(quiz(1, pass_mark=50)))
    one = started(lesson_id=quiz(1).id, quiz_score=55)
    assert made.difference(course_progress(), [one], NOW) == 1
    assert made.difference(course_progress(), [one._replace(quiz_score=45)], NOW) == 0
