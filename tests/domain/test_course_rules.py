"""What a course document may say, what completes its lessons, and what a new document changes."""

from dataclasses import replace as with_fields
from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain.values import COURSE, course, lesson, quiz
from headway.domain.catalogue import Course, CourseChange, Lesson, LessonKind, OnEdit, compare, default_complete_at
from headway.domain.errors import InvalidValueError
from headway.domain.identifiers import LessonId


def problems(*lessons: Lesson) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(InvalidValueError) as refusal:
        Course(COURSE, "A course", lessons)
    return [(problem.location, problem.kind) for problem in refusal.value.problems]


def test_a_course_without_lessons_is_refused() -> None:
    assert problems() == [(("lessons",), "no_lessons")]


def test_a_lesson_that_is_in_a_course_twice_is_refused() -> None:
    assert problems(lesson(1), lesson(2), lesson(1), lesson(1, title="Again")) == [
        (("lessons", 2, "id"), "duplicate_lesson"),
        (("lessons", 3, "id"), "duplicate_lesson"),
    ]


def test_the_fault_of_a_duplicate_lesson_names_the_first_position() -> None:
    with pytest.raises(InvalidValueError) as refusal:
        course(lesson(7), lesson(1), lesson(1), lesson(1))
    assert [problem.reason.endswith("at position 1.") for problem in refusal.value.problems] == [True, True]


@pytest.mark.parametrize("kind", [LessonKind.QUIZ, LessonKind.ASSIGNMENT])
def test_a_quiz_and_an_assignment_may_have_a_pass_mark(kind: LessonKind) -> None:
    assert course(lesson(1, kind=kind, pass_mark=0)).lessons[0].passes(0)


@pytest.mark.parametrize("kind", [LessonKind.VIDEO, LessonKind.ARTICLE, LessonKind.OTHER])
def test_a_lesson_of_another_kind_with_a_pass_mark_is_refused(kind: LessonKind) -> None:
    assert problems(lesson(1), lesson(2, kind=kind, pass_mark=0)) == [
        (("lessons", 1, "pass_mark"), "pass_mark_without_quiz")
    ]


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "europe/berlin", "Europe/Berlin ", "../UTC", "/etc/localtime", "localtime"]
)
def test_a_time_zone_outside_the_iana_database_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        with_fields(course(), time_zone=name)
    assert [(problem.location, problem.kind) for problem in refusal.value.problems] == [
        (("time_zone",), "unknown_time_zone")
    ]


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", 1), ("Pacific/Auckland", 2), ("America/Los_Angeles", 1), ("Asia/Kathmandu", 2), ("Etc/GMT+12", 1)],
)
def test_the_days_of_a_course_begin_in_its_time_zone(zone: str, day: int) -> None:
    moment = datetime(2026, 3, 1, 19, 30, tzinfo=UTC)
    assert with_fields(course(), time_zone=zone).date_of(moment) == date(2026, 3, day)


def test_every_fault_is_named_with_its_location() -> None:
    assert problems(lesson(1, pass_mark=50), lesson(2), lesson(2, pass_mark=50)) == [
        (("lessons", 0, "pass_mark"), "pass_mark_without_quiz"),
        (("lessons", 2, "id"), "duplicate_lesson"),
        (("lessons", 2, "pass_mark"), "pass_mark_without_quiz"),
    ]


def test_a_refusal_lists_the_locations() -> None:
    with pytest.raises(InvalidValueError, match=r"^lessons\.1\.id: .+; lessons\.1\.pass_mark: .+") as refusal:
        Course(COURSE, "A course", (lesson(1), lesson(1, pass_mark=1)))
    assert lesson(1).id in str(refusal.value)


def test_lessons_are_found_by_id_in_the_courses_order() -> None:
    found = course(lesson(3), lesson(1), lesson(2)).lessons_by_id
    assert list(found.values()) == [lesson(3), lesson(1), lesson(2)]
    assert found[lesson(1).id] == lesson(1)


@pytest.mark.parametrize(
    ("lessons", "required"),
    [
        ([lesson(1), lesson(2)], 2),
        ([lesson(1), lesson(2, required=False)], 1),
        ([lesson(1, required=False)], 0),
    ],
)
def test_only_required_lessons_count(lessons: list[Lesson], required: int) -> None:
    assert course(*lessons).required_lessons == required


@pytest.mark.parametrize(
    ("of", "score", "passes"),
    [
        (quiz(pass_mark=70), 70, True),
        (quiz(pass_mark=70), 69.999, False),
        (quiz(pass_mark=70), None, False),
        (quiz(pass_mark=0), 0, True),
        (quiz(pass_mark=0), None, False),
        (lesson(), 100, False),
    ],
)
def test_a_score_that_reaches_the_pass_mark_passes(of: Lesson, score: float | None, passes: bool) -> None:
    assert of.passes(score) is passes


@pytest.mark.parametrize(("pass_mark", "complete_at"), [(None, 100), (70, None), (0, None)])
def test_a_lesson_without_complete_at_gets_the_default(pass_mark: float | None, complete_at: float | None) -> None:
    assert default_complete_at(pass_mark) == complete_at


NOTHING: dict[str, Any] = {
    "created": False,
    "added": (),
    "removed": (),
    "changed": (),
    "reordered": False,
    "renamed": False,
}


def ids(*numbers: int) -> tuple[LessonId, ...]:
    return tuple(lesson(number).id for number in numbers)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(course(), {}, id="the same"),
        pytest.param(course(title="Another name"), {"renamed": True}, id="renamed"),
        pytest.param(course(*map(lesson, [1, 2, 3, 4])), {"added": ids(4)}, id="added at the end"),
        pytest.param(course(*map(lesson, [4, 1, 5, 2, 3])), {"added": ids(4, 5)}, id="added in between"),
        pytest.param(course(*map(lesson, [1, 3])), {"removed": ids(2)}, id="removed"),
        pytest.param(course(*map(lesson, [3, 2, 1])), {"reordered": True}, id="reordered"),
        pytest.param(
            course(lesson(1), lesson(2, required=False), lesson(3, title="New")), {"changed": ids(2, 3)}, id="changed"
        ),
        pytest.param(
            course(lesson(5), lesson(3), lesson(1, section="First steps"), title="Another name"),
            {"added": ids(5), "removed": ids(2), "changed": ids(1), "reordered": True, "renamed": True},
            id="everything at once",
        ),
        pytest.param(course(lesson(4)), {"added": ids(4), "removed": ids(1, 2, 3)}, id="another set of lessons"),
        pytest.param(with_fields(course(), time_zone="Asia/Tokyo"), {"time_zone_changed": True}, id="another zone"),
        pytest.param(with_fields(course(), on_edit=OnEdit.REOPEN), {"on_edit_changed": True}, id="reopened by edits"),
    ],
)
def test_a_change_names_what_differs(after: Course, expected: dict[str, Any]) -> None:
    change = compare(course(), after)
    assert change == CourseChange(course_id=COURSE, **NOTHING | expected)
    assert change.is_empty == (not expected)


def test_a_new_course_is_a_change_that_adds_every_lesson() -> None:
    change = compare(None, course())
    assert change == CourseChange(course_id=COURSE, **NOTHING | {"created": True, "added": ids(1, 2, 3)})
    assert not change.is_empty
