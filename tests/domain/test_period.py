"""The period of days for which an activity is requested."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.errors import InvalidValueError
from headway.domain.statistics import LONGEST_PERIOD, Period, period_of

TODAY = date(2026, 11, 23)


def test_the_default_period_is_thirty_days_up_to_today() -> None:
    assert period_of(None, None, TODAY) == Period(date(2026, 10, 25), TODAY)
    assert period_of(None, None, TODAY).days == 30


@given(st.dates(), st.dates())
def test_one_end_of_a_period_decides_the_other(first: date, today: date) -> None:
    if first <= today and (today - first).days < LONGEST_PERIOD:
        assert period_of(first, None, today) == Period(first, today)
    period = period_of(None, first, today)
    assert period.last == first
    assert period.days == 30 or period.first == date.min


@given(st.dates(), st.dates(), st.dates())
def test_a_period_is_accepted_or_refused_with_a_sentence(first: date, last: date, today: date) -> None:
    days = (last - first).days + 1
    if 1 <= days <= LONGEST_PERIOD:
        assert period_of(first, last, today) == Period(first, last)
        return
    with pytest.raises(InvalidValueError, match=str(last)) as refused:
        period_of(first, last, today)
    [problem] = refused.value.problems
    assert problem.kind == ("reversed_period" if days < 1 else "period_too_long")


@pytest.mark.parametrize(("days", "is_taken"), [(1, True), (400, True), (401, False)])
def test_the_longest_period_counts_both_ends(days: int, is_taken: bool) -> None:
    first = TODAY - timedelta(days=days - 1)
    if is_taken:
        assert period_of(first, TODAY, TODAY).days == days
        return
    with pytest.raises(InvalidValueError, match="401 days"):
        period_of(first, TODAY, TODAY)
