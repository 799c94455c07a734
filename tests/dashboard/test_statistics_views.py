"""The values that the teacher's pages show, without a browser."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import course, lesson, quiz
from headway.dashboard.addresses import Address
from headway.dashboard.roster_views import moment_of
from headway.dashboard.statistics_views import FiguresView, as_data, bins_of
from headway.domain.counters import CourseCounts
from headway.domain.statistics import CourseReading, LessonStatistics, statistics_of

SCORES = st.dictionaries(st.integers(0, 100), st.integers(1, 1_000))


@given(SCORES)
def test_every_learner_with_a_score_is_in_one_bin(distribution: dict[int, int]) -> None:
    bins = bins_of(distribution)
    assert sum(one.learners for one in bins) == sum(distribution.values())
    assert [(one.first, one.last) for one in bins] == [(ten, ten + 9) for ten in range(0, 90, 10)] + [(90, 100)]


def test_the_highest_score_is_in_the_last_bin() -> None:
    assert [one.learners for one in bins_of({0: 1, 9: 2, 10: 3, 89: 4, 90: 5, 99: 6, 100: 7})] == [
        3, 3, 0, 0, 0, 0, 0, 0, 4, 18,
    ]  # fmt: skip


@given(st.text())
def test_no_text_in_data_can_end_its_element(text: str) -> None:
    written = as_data(json.dumps([text], ensure_ascii=False))
    assert not set("<>&") & set(written)
    assert json.loads(written) == [text]


def test_an_address_keeps_what_is_not_changed() -> None:
    address = Address("/statistics/1", {"sort": "progress", "cursor": "a b", "from": "2026-01-01"})
    assert address.other(cursor=None) == "/statistics/1?sort=progress&from=2026-01-01"
    assert address.other(cursor="é&") == "/statistics/1?sort=progress&cursor=%C3%A9%26&from=2026-01-01"
    assert address.without("from", "none") == {"sort": "progress", "cursor": "a b"}
    assert Address("/statistics", {"sort": "progress"}).other(sort=None) == "/statistics"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-02-01", "2026-01-31T11:00:00+00:00"),
        ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        ("0001-01-01", "0001-01-01"),
        ("soon", "soon"),
    ],
)
def test_a_date_is_the_moment_at_which_it_begins_in_the_course(text: str, moment: str) -> None:
    assert moment_of(text, replace(course(), time_zone="Pacific/Auckland")) == moment


def test_lessons_are_shown_by_section_in_the_courses_order() -> None:
    of = course(lesson(1, section="A"), lesson(2, section="A"), lesson(3), quiz(4, section="A"))
    statistics = statistics_of(CourseReading(of, CourseCounts(), {}, {}, {}), date(2026, 3, 1))
    sections = FiguresView(statistics, "{}", "").sections
    assert [(one.title, [two.position for two in one.lessons]) for one in sections] == [
        ("A", [0, 1]),
        (None, [2]),
        ("A", [3]),
    ]
    assert [[two.position for two in one.quizzes] for one in sections] == [[], [], [3]]


class _Counted(list[LessonStatistics]):
    """Lessons that count how often somebody goes through all of them."""

    times = 0

    def __iter__(self) -> Iterator[LessonStatistics]:
        self.times += 1
        return super().__iter__()


def test_the_lessons_are_gone_through_once_for_the_longest_bar() -> None:
    """Each lesson's bar asks for it: a course of 5,000 lessons took seconds."""
    statistics = statistics_of(CourseReading(course(lesson(1)), CourseCounts(), {}, {}, {}), date(2026, 3, 1))
    lessons = _Counted(statistics.lessons)
    view = FiguresView(statistics._replace(lessons=lessons), "{}", "")
    assert [view.most_started for _ in range(3)] == [1, 1, 1]
    assert lessons.times == 1
