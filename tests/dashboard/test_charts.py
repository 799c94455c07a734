"""The charts that the server draws, and the views of a course's activity, without a browser."""

import re
from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import course
from headway.dashboard.activity_views import ActivityView, Compared, Series, compared_with, fault_of
from headway.dashboard.addresses import Address
from headway.dashboard.charts import Chart, Step, Tick, round_ticks
from headway.dashboard.rendering import reader_for
from headway.domain.counters import DayCounts
from headway.domain.errors import HeadwayError, InvalidValueError
from headway.domain.identifiers import CourseId, GroupId
from headway.domain.statistics import Interval, Period, activity_of, period_of
from headway.service import Activity

VALUES = st.lists(st.integers(0, 10**6), min_size=1, max_size=200)
BAR = re.compile(r"M(\S+) (\d+)v-(\S+)h(\S+)v\3z")
TODAY = date(2026, 3, 1)
COURSE = course()


def chart(values: list[int], *, line: list[int] | None = None, from_right: bool = False) -> Chart:
    steps = [Step(f"name {number}", f"tip {number}") for number in range(len(values))]
    return Chart("Title", "What it shows", steps, values, line, from_right)


@given(st.integers(0, 10**9) | st.floats(0, 10**6))
def test_an_axis_ends_on_a_round_number_above_the_highest_value(highest: float) -> None:
    ticks = round_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-2] <= highest < ticks[-1], "the last tick is above, and the one before is not"
    assert 2 <= len(ticks) <= 7
    assert re.fullmatch(r"[125]0*", str(ticks.step))


@pytest.mark.parametrize(("highest", "ticks"), [(0, [0, 1]), (4, [0, 1, 2, 3, 4, 5]), (12, [0, 5, 10, 15])])
def test_the_numbers_on_an_axis(highest: int, ticks: list[int]) -> None:
    assert list(round_ticks(highest)) == ticks


@given(VALUES, st.booleans())
def test_each_bar_is_as_high_as_its_value_and_within_its_step(values: list[int], from_right: bool) -> None:
    drawn = chart(values, from_right=from_right)
    bars = [(float(x), float(height), float(width)) for x, _, height, width in BAR.findall(drawn.outline)]
    expected = [(position, value) for position, value in enumerate(values) if value]
    assert len(bars) == len(expected)
    for (x, height, width), (position, value) in zip(bars, expected, strict=True):
        step = len(values) - 1 - position if from_right else position
        assert step <= x < x + width <= step + 1
        assert height == pytest.approx(value, rel=1e-4)
    assert max(values) < drawn.top


@given(VALUES)
def test_a_chart_from_the_right_is_the_mirror_of_one_from_the_left(values: list[int]) -> None:
    left, right = chart(values, line=values), chart(values, line=values, from_right=True)
    assert right.tips == left.tips[::-1]
    assert [tick.at for tick in right.names] == pytest.approx([100 - tick.at for tick in left.names], abs=0.02)
    assert [point.x for point in right.points] == pytest.approx([100 - point.x for point in left.points], abs=0.02)
    assert (right.ticks, right.lines) == (left.ticks, left.lines)


@given(VALUES)
def test_few_steps_are_named_and_all_have_a_tip(values: list[int]) -> None:
    drawn = chart(values)
    assert drawn.names[0].name == "name 0"
    assert len(drawn.names) <= 6
    assert len(drawn.tips) == len(values)


def test_a_named_place_is_mirrored_with_its_chart() -> None:
    marked = replace(chart([1] * 10), mark=Tick("Pass mark", 6))
    assert marked.marker == Tick("Pass mark", 60)
    assert replace(marked, from_right=True).marker == Tick("Pass mark", 40)
    assert chart([1]).marker is None


def activity(days: list[DayCounts]) -> Activity:
    first = TODAY - timedelta(days=len(days) - 1)
    by_date = {first + timedelta(days=number): day for number, day in enumerate(days)}
    return Activity(COURSE, Period(first, TODAY), activity_of(by_date, first, TODAY))


def plain(text: str) -> str:
    """Return a text without the characters that isolate a direction, and with a plain hyphen."""
    return re.sub("[\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}]", "", text).replace("\N{EN DASH}", "-")


def view(*series: Series, by: Interval = Interval.DAY, language: str = "en-GB") -> ActivityView:
    return ActivityView(Address("/activity", {}), reader_for(language), TODAY, by, series)


def test_tips_have_units_and_say_whose_the_figures_are() -> None:
    one = activity([DayCounts(active=1, lessons_completed=1), DayCounts(active=12)])
    active, completed = view(Series(None, one)).charts
    assert list(map(plain, active.tips)) == ["28 Feb 2026\n1 learner active", "1 Mar 2026\n12 learners active"]
    assert completed.tips[0].endswith("\n1 lesson completed")
    assert plain(active.description) == (
        "Active learners by day, from 28 Feb 2026 to 1 Mar 2026. The most: 1 Mar 2026, 12 learners active."
    )
    compared, _ = view(Series("7b", one), Series(None, activity([DayCounts(), DayCounts(active=3)]))).charts
    assert plain(compared.tips[1]) == "1 Mar 2026\n7b: 12 learners active\nAll learners: 3 learners active"
    assert (list(compared.bars), list(compared.line or ())) == ([1, 12], [0, 3])


def test_weeks_begin_with_the_readers_first_weekday_and_months_have_a_name() -> None:
    days = [DayCounts(active=2)] * 40
    weeks = [
        view(Series(None, activity(days)), by=Interval.WEEK, language=language).rows[1].stretches[0].first.weekday()
        for language in ("en-GB", "en-US", "ar-EG")
    ]
    assert weeks == [0, 6, 5]
    months = view(Series(None, activity(days)), by=Interval.MONTH)
    assert [plain(row.name) for row in months.rows] == ["21-31 Jan 2026", "February 2026", "1 Mar 2026"]
    assert months.charts[0].tips[1] == "February 2026\n2 learners active a day"


def test_what_is_compared_is_named_in_the_address() -> None:
    name = str(uuid4())
    assert compared_with(f"group:{name}") == Compared(group_id=GroupId(name))
    assert compared_with(f"course:{name.upper()}") == Compared(course_id=CourseId(name))
    assert compared_with("all") == Compared()
    for wrong in ("group:", "course:none", name, "all:1", "nothing"):
        with pytest.raises(HeadwayError) as refused:
            compared_with(wrong)
        assert "something that is not there" in fault_of(refused.value, reader_for("en"))


@pytest.mark.parametrize(
    ("first", "says"), [(date(2026, 3, 2), "The first day is after the last."), (date(2020, 1, 1), "At most 400 days")]
)
def test_faults_of_days_are_said_in_words(first: date, says: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        period_of(first, TODAY, TODAY)
    assert says in fault_of(refused.value, reader_for("en"))
