"""Rounded figures never show a mark that the exact value has not reached."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.bounds import plain, shown

VALUES = st.floats(0, 1_000, allow_subnormal=False) | st.integers(0, 100_000).map(lambda parts: parts / 1_000)
DECIMALS = st.integers(0, 3)
MARKS = st.lists(st.none() | st.integers(0, 100) | st.integers(0, 100_000).map(lambda parts: parts / 1_000), max_size=3)


@pytest.mark.parametrize(
    ("value", "decimals", "marks", "figure"),
    [
        (99.99, 0, (100,), "99"),
        (99.99, 2, (100,), "99.99"),
        (99.995, 2, (100,), "99.99"),
        (99.99999999999999, 2, (100,), "99.99"),
        (100, 0, (100,), "100"),
        (57.99999999999999, 0, (100, 58), "57"),
        (58, 0, (100, 58), "58"),
        (69.5, 0, (100, 70), "69"),
        (69.5, 0, (100, 80), "70"),
        (69.5, 0, (100, None), "70"),
        (69.4, 0, (100, 70), "69"),
        (0, 0, (100,), "0"),
        (0.001, 0, (100,), "1"),
        (0.001, 2, (100,), "0.01"),
        (0.3, 0, (0.5,), "0.3"),
        (70.4, 0, (70.4,), "71"),
        (99.7, 0, (100, 99.7), "99.7"),
        (1_234.5678, 2, (), "1234.57"),
        (66.666666, 2, (100,), "66.67"),
        (2.5, 1, (), "2.5"),
    ],
)
def test_a_figure_is_rounded_without_reaching_a_mark(
    value: float, decimals: int, marks: tuple[float | None, ...], figure: str
) -> None:
    assert str(shown(value, decimals, marks)) == figure


@given(VALUES, DECIMALS, MARKS)
def test_a_figure_is_on_the_side_of_every_mark_that_its_value_is_on(
    value: float, decimals: int, marks: list[float | None]
) -> None:
    figure = shown(value, decimals, marks)
    assert (figure == 0) is (value == 0)
    for mark in marks:
        assert mark is None or (figure >= mark) is (value >= mark)


@given(VALUES, DECIMALS)
def test_a_figure_has_the_decimals_that_were_asked_for_and_is_less_than_a_step_away(
    value: float, decimals: int
) -> None:
    figure = shown(value, decimals)
    assert round(figure, decimals) == figure
    assert abs(Decimal(figure) - Decimal(value)) < Decimal(10) ** -decimals + Decimal("1e-9")


@given(VALUES, DECIMALS)
def test_a_figure_that_no_mark_is_near_is_rounded(value: float, decimals: int) -> None:
    rounded = plain(round(value, decimals))
    assert value == 0 or rounded == 0 or shown(value, decimals, ()) == rounded


@given(st.integers(0, 10**6), st.integers(1, 10**6), DECIMALS)
def test_a_share_is_0_or_100_only_if_its_exact_value_is(part: int, more: int, decimals: int) -> None:
    whole = part + more
    assert shown(100 * whole / whole, decimals) == 100
    assert 0 <= shown(100 * part / whole, decimals) < 100
    assert shown(100 * more / whole, decimals) > 0
