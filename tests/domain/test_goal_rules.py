"""The goal of a week and its streak, for any days, any present day and any first day of the week."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headway.domain.activity import week_of
from headway.domain.goals import MOST_DAYS, Goal, read_goal
from headway.domain.identifiers import LearnerId

LEARNER = LearnerId("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa")
TODAYS = st.dates(date(2024, 1, 1), date(2030, 1, 1))
WEEKDAYS = st.integers(0, 6)
GOALS = st.integers(1, MOST_DAYS)
AGO = st.integers(-1, 60)
MONDAY, SUNDAY = 0, 6


def goal_of(days_per_week: int, since: date) -> Goal:
    return Goal(LEARNER, days_per_week, since, 1)


def before(today: date, ago: set[int]) -> list[date]:
    return [today - timedelta(days=days) for days in ago]


@given(TODAYS, WEEKDAYS, GOALS, AGO, st.sets(AGO))
def test_the_streak_is_the_weeks_in_a_row_that_met_the_goal(
    today: date, first_weekday: int, days_per_week: int, since: int, ago: set[int]
) -> None:
    """Counted here in another way: week by week from the first one on."""
    days = [day for day in before(today, ago) if day <= today]
    goal = goal_of(days_per_week, today - timedelta(days=since))
    found = read_goal(goal, before(today, ago), today, first_weekday)
    this_week = week_of(today, first_weekday)
    expected, week = 0, week_of(goal.since, first_weekday)
    while week < this_week:
        met = sum(week <= day < week + timedelta(weeks=1) for day in days) >= days_per_week
        expected = expected + 1 if met else 0
        week += timedelta(weeks=1)
    now = sum(day >= this_week for day in days)
    assert (found.week, found.active_days, found.is_met) == (this_week, now, now >= days_per_week)
    assert found.streak == expected + (now >= days_per_week)


@given(TODAYS, WEEKDAYS, GOALS, AGO, st.sets(AGO), AGO)
def test_one_more_active_day_never_makes_a_streak_shorter(
    today: date, first_weekday: int, days_per_week: int, since: int, ago: set[int], more: int
) -> None:
    goal = goal_of(days_per_week, today - timedelta(days=since))
    fewer = read_goal(goal, before(today, ago), today, first_weekday)
    assert read_goal(goal, before(today, ago | {more}), today, first_weekday).streak >= fewer.streak


@given(TODAYS, WEEKDAYS, AGO, st.sets(AGO))
def test_a_lower_goal_never_makes_a_streak_shorter(today: date, first_weekday: int, since: int, ago: set[int]) -> None:
    streaks = [
        read_goal(goal_of(days, today - timedelta(days=since)), before(today, ago), today, first_weekday).streak
        for days in range(1, MOST_DAYS + 1)
    ]
    assert streaks == sorted(streaks, reverse=True)


@given(st.integers(0, 6))
def test_a_week_under_way_never_breaks_a_streak(into_the_week: int) -> None:
    monday = date(2026, 11, 30)
    days = [monday - timedelta(days=ago) for ago in (1, 2, 3, 8, 9, 10)]
    found = read_goal(goal_of(3, date(2026, 1, 1)), days, monday + timedelta(days=into_the_week), MONDAY)
    assert (found.active_days, found.is_met, found.streak) == (0, False, 2)


def test_weeks_before_the_goal_was_set_do_not_count_but_all_days_of_its_own_week_do() -> None:
    monday = date(2026, 11, 30)
    days = [monday - timedelta(days=ago) for ago in (0, 1, 2, 8, 9)]
    sunday_of_the_last_week = monday - timedelta(days=1)
    assert read_goal(goal_of(1, sunday_of_the_last_week), days, monday, MONDAY).streak == 2
    assert read_goal(goal_of(1, monday), days, monday, MONDAY).streak == 1
    assert read_goal(goal_of(2, sunday_of_the_last_week), days, monday, MONDAY).streak == 1


def test_the_first_day_of_the_week_decides_to_which_week_a_day_belongs() -> None:
    sunday, monday = date(2026, 11, 29), date(2026, 11, 30)
    goal = goal_of(2, date(2026, 1, 1))
    assert read_goal(goal, [sunday, monday], monday, SUNDAY).is_met
    assert not read_goal(goal, [sunday, monday], monday, MONDAY).is_met
