"""The values that the teacher's pages show, without a browser."""

import json

from hypothesis import given
from hypothesis import strategies as st

from headway.dashboard.statistics_views import Address, as_data, bins_of

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
