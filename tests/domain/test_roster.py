"""The filters and pages of a course's roster."""

from datetime import date, timedelta

import pytest

from headway.domain.identifiers import LearnerId
from headway.domain.roster import RosterOrder, RosterPosition, RosterQuery, ids_beginning, stalled

TODAY = date(2026, 11, 23)


def test_a_learner_seen_yesterday_has_stalled_for_one_day() -> None:
    assert stalled(RosterQuery(), TODAY, 1).last_seen_before == TODAY
    assert stalled(RosterQuery(), TODAY, 7).last_seen_before == TODAY - timedelta(days=6)


def test_stalled_learners_come_after_learners_seen_since() -> None:
    position = stalled(RosterQuery(), TODAY, 7).after
    assert position is not None
    assert position < RosterPosition(TODAY - timedelta(days=6), LearnerId("00000000-0000-4000-8000-000000000000"))
    assert position > RosterPosition(TODAY - timedelta(days=7), LearnerId("ffffffff-ffff-4fff-bfff-ffffffffffff"))


@pytest.mark.parametrize(
    "query",
    [
        RosterQuery(descending=False),
        RosterQuery(order=RosterOrder.PROGRESS),
        RosterQuery(after=RosterPosition(date(2026, 1, 1), LearnerId("00000000-0000-4000-8000-000000000000"))),
    ],
)
def test_other_filters_do_not_move_the_begin_of_a_page(query: RosterQuery) -> None:
    assert stalled(query, TODAY, 7).after == query.after


def test_a_stalled_learner_has_not_completed_the_course() -> None:
    assert stalled(RosterQuery(), TODAY, 7).of_incomplete
    assert RosterQuery(completed=False).of_incomplete
    assert not RosterQuery(completed=True).of_incomplete


@pytest.mark.parametrize(
    ("digits", "first", "last"),
    [
        ("ab", "ab000000-0000-0000-0000-000000000000", "abffffff-ffff-ffff-ffff-ffffffffffff"),
        ("abcd12345", "abcd1234-5000-0000-0000-000000000000", "abcd1234-5fff-ffff-ffff-ffffffffffff"),
        ("f" * 32, "ffffffff-ffff-ffff-ffff-ffffffffffff", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ],
)
def test_a_prefix_selects_the_range_of_ids_that_begin_with_it(digits: str, first: str, last: str) -> None:
    assert ids_beginning(digits) == (first, last)
