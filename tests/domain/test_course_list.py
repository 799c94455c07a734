"""The courses of the teacher's home: the trend, the search and the order."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest

from headway.domain.attention import Counted
from headway.domain.course_list import TREND_WEEKS, CourseFigures, CourseOrder, SeenOnDay, arranged
from headway.domain.identifiers import CourseId

NOW: Final = datetime(2026, 3, 2, 11, tzinfo=UTC)
"""In Kiritimati it is the day after, since an hour."""
TODAY: Final = NOW.date()
NOBODY: Final = Counted(0, has_more=False)


def figures(title: str, learners: int = 0, completed: int = 0, late: Counted = NOBODY, **days: int) -> CourseFigures:
    """Return a course; `days` are the learners who were seen last so many days ago."""
    seen = {TODAY - timedelta(days=int(ago[1:])): SeenOnDay(number, number) for ago, number in days.items()}
    return CourseFigures(CourseId(title), title, "UTC", learners, completed, late, seen)


COURSES: Final = [
    figures("Éléments de géométrie", 5, 1, Counted(1_000, has_more=True), d0=1),
    figures("algebra", 9, 0, Counted(1_000, has_more=False), d6=3),
    figures("Zeichnen", 9, 2, NOBODY, d7=8),
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("elements", 1),
        ("GEOMETRIE éléments", 1),
        ("e", 3),
        ("elements algebra", 0),
        ("zeich", 1),
    ],
)
def test_titles_have_all_words_whatever_their_case_and_accents(query: str, found: int) -> None:
    assert len(arranged(COURSES, query, CourseOrder.TITLE, NOW, descending=False)) == found


@pytest.mark.parametrize(
    ("order", "titles"),
    [
        (CourseOrder.TITLE, ["algebra", "Éléments de géométrie", "Zeichnen"]),
        (CourseOrder.LEARNERS, ["Éléments de géométrie", "algebra", "Zeichnen"]),
        (CourseOrder.ACTIVE, ["Zeichnen", "Éléments de géométrie", "algebra"]),
        (CourseOrder.COMPLETED, ["algebra", "Éléments de géométrie", "Zeichnen"]),
        (CourseOrder.LATE, ["Zeichnen", "algebra", "Éléments de géométrie"]),
    ],
)
def test_courses_are_sorted_by_a_figure_and_then_by_title(order: CourseOrder, titles: list[str]) -> None:
    assert [one.title for one in arranged(COURSES, "", order, NOW, descending=False)] == titles
    backwards = [one.title for one in arranged(COURSES, "", order, NOW, descending=True)]
    if order is CourseOrder.LEARNERS:  # two have as many: they stay in the order of titles
        assert backwards == ["algebra", "Zeichnen", "Éléments de géométrie"]
    else:
        assert backwards == titles[::-1]


def test_the_trend_is_the_mean_of_each_week() -> None:
    course = figures("A course", d0=7, d6=7, d7=21, d55=7, d56=99)
    assert course.trend(NOW) == [1, 0, 0, 0, 0, 0, 3, 2]
    assert len(course.trend(NOW)) == TREND_WEEKS
    assert course.active(NOW) == 14


def test_weeks_are_those_of_the_course() -> None:
    course = figures("A course", d6=7)
    elsewhere = course._replace(time_zone="Pacific/Kiritimati")
    assert (course.active(NOW), elsewhere.active(NOW)) == (7, 0)
    assert (course.trend(NOW)[-1], elsewhere.trend(NOW)[-1]) == (1, 0)
    assert elsewhere.trend(NOW)[-2] == 1


def test_a_day_after_today_counts_in_no_week() -> None:
    course = figures("A course")._replace(days={date(2026, 3, 3): SeenOnDay(7, 7)})
    assert course.trend(NOW) == [0] * TREND_WEEKS
