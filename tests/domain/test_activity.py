"""The calendar of active days, for any days, any present day and any first day of the week."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.activity import CALENDAR_WEEKS, ActiveDay, calendar_of
from headway.domain.course_progress import LearnerDay

TODAYS = st.dates(date(2024, 1, 1), date(2030, 1, 1))
WEEKDAYS = st.integers(0, 6)
# Days as one course or several have them, by how long ago they were: some are too old, one is still to come.
DAYS = st.lists(
    st.tuples(st.integers(-1, 7 * CALENDAR_WEEKS + 2), st.integers(0, 90), st.integers(0, 3), st.integers(0, 3)),
    max_size=20,
)
A_MINUTE = 1_000_000


def days_before(today: date, drawn: list[tuple[int, int, int, int]]) -> list[LearnerDay]:
    return [
        LearnerDay(today - timedelta(days=ago), started, completed, minutes * A_MINUTE)
        for ago, minutes, started, completed in drawn
    ]


@given(TODAYS, WEEKDAYS)
def test_weeks_begin_where_they_are_asked_to_and_end_today(today: date, first_weekday: int) -> None:
    weeks = list(calendar_of([], today, first_weekday).weeks())
    days = [day for week in weeks for day, _ in week]
    assert len(weeks) == CALENDAR_WEEKS
    assert all(week[0][0].weekday() == first_weekday for week in weeks)
    assert all(len(week) == 7 for week in weeks[:-1])
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert days[-1] == today


@given(TODAYS, WEEKDAYS, DAYS)
def test_every_activity_is_on_its_day_once(
    today: date, first_weekday: int, drawn: list[tuple[int, int, int, int]]
) -> None:
    calendar = calendar_of(days_before(today, drawn), today, first_weekday)
    minutes: Counter[date] = Counter()
    for day in days_before(today, drawn):
        minutes[day.date] += day.micro_minutes // A_MINUTE
    shown = {day: found for week in calendar.weeks() for day, found in week}
    assert {day: found.minutes for day, found in shown.items() if found} == {
        day: total for day, total in minutes.items() if day in shown
    }
    assert calendar.minutes == sum(total for day, total in minutes.items() if day in shown)
    assert [day.date for day in calendar.days] == sorted(day.date for day in calendar.days)


def test_a_calendar_may_have_fewer_weeks() -> None:
    today = date(2026, 11, 23)  # a Monday
    calendar = calendar_of([LearnerDay(date(2026, 11, 8)), LearnerDay(date(2026, 11, 9))], today, 0, 3)
    assert calendar.first == date(2026, 11, 9)
    assert [day.date for day in calendar.days] == [date(2026, 11, 9)]


def test_lessons_of_several_courses_are_added_up() -> None:
    today = date(2026, 11, 23)
    day = LearnerDay(today, lessons_started=2, lessons_completed=1, micro_minutes=A_MINUTE // 2)
    assert calendar_of([day, day], today, 0).days == [ActiveDay(today, 1, 4, 2)]


@pytest.mark.parametrize(
    ("minutes", "level"), [(0, 1), (14.9, 1), (15, 2), (29.9, 2), (30, 3), (59.9, 3), (60, 4), (600, 4)]
)
def test_more_minutes_give_a_higher_level(minutes: float, level: int) -> None:
    assert ActiveDay(date(2026, 11, 23), minutes, 0, 0).level == level
