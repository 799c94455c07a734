"""The lessons that a course's page shows, and their headings."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.values import NOW, course, course_progress, lesson, stored
from headway.dashboard.learner_views import Asked, CourseView, LessonLine, Shown
from headway.domain.activity import calendar_of
from headway.domain.catalogue import Course, VersionedCourse
from headway.domain.outline import outline
from headway.domain.progress import LessonProgress, Status
from headway.service import LearnerReading, OwnCourse

SECTIONS = st.lists(st.sampled_from([None, "One", "Two"]), min_size=1, max_size=8)
ALL_PROGRESS = st.dictionaries(
    st.integers(0, 9), st.tuples(st.sampled_from(Status), st.booleans(), st.sampled_from([None, "mine"]))
).map(
    lambda found: [
        stored(lesson_id=lesson(number).id, status=status, is_bookmarked=bookmarked, user_notes=notes)
        for number, (status, bookmarked, notes) in found.items()
    ]
)
COURSES = SECTIONS.map(
    lambda sections: course(*(replace(lesson(number), section=title) for number, title in enumerate(sections)))
)


def view_of(of: Course, all_progress: list[LessonProgress], shown: Shown) -> CourseView:
    reading = LearnerReading(VersionedCourse(of, 1), course_progress(), all_progress)
    seen = outline(of, None, all_progress, NOW)
    return CourseView.of(OwnCourse(reading, None, calendar_of([], date(2026, 11, 23), 0), seen), Asked(shown))


@given(COURSES, ALL_PROGRESS)
def test_all_lessons_are_in_the_courses_order_under_their_sections(
    of: Course, all_progress: list[LessonProgress]
) -> None:
    view = view_of(of, all_progress, Shown.ALL)
    lines = [line for section in view.sections for line in section.lines]
    assert [line.lesson for line in lines] == list(of.lessons)
    assert all(line.lesson.section == section.title for section in view.sections for line in section.lines)
    assert all(one.title != other.title for one, other in pairwise(view.sections))
    assert sum(section.lessons for section in view.sections) == len(of.lessons)
    assert view.removed == sum(progress.lesson_id not in of.lessons_by_id for progress in all_progress)


@given(COURSES, ALL_PROGRESS, st.sampled_from(Shown))
def test_a_filter_shows_as_many_lessons_as_its_label_says(
    of: Course, all_progress: list[LessonProgress], shown: Shown
) -> None:
    view = view_of(of, all_progress, shown)
    lines = [line for section in view.sections for line in section.lines]
    assert dict(view.counts)[shown] == len(lines)
    assert all(map(shown.includes, lines))
    assert all(section.lines for section in view.sections)


def test_an_unknown_filter_shows_all_lessons() -> None:
    assert [Shown.named(name) for name in ("noted", "nonsense", None)] == [Shown.NOTED, Shown.ALL, Shown.ALL]
    assert not Shown.NOTED.includes(LessonLine(lesson(), None))
