"""When a delivery is attempted again, for any jitter and any results."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.deliveries import (
    DELIVERY_TIME,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Outcome,
    after_attempt,
    delay_after,
)
from headway.domain.events import EventId
from headway.domain.identifiers import ConsumerId

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
WAITING = Delivery(ConsumerId("w"), 7, EventId("e"), "learner", NOW)
DOWN = DeliveryAttempt(Outcome.ANSWERED, 500)
JITTERS = st.floats(0, 1)
FAILURES = st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.ANSWERED]).map(
    DeliveryAttempt
) | st.one_of(st.integers(100, 199), st.integers(300, 409), st.integers(411, 599)).map(
    lambda status: DeliveryAttempt(Outcome.ANSWERED, status)
)


@given(st.lists(st.tuples(FAILURES, JITTERS), min_size=40, max_size=40))
def test_a_delivery_that_always_fails_ends_within_three_days(failures: list[tuple[DeliveryAttempt, float]]) -> None:
    delivery, moments = WAITING, list[datetime]()
    for attempt, jitter in failures:
        if delivery.next_attempt_at is None:
            break
        moments.append(delivery.next_attempt_at)
        delivery = after_attempt(delivery, attempt, delivery.next_attempt_at, jitter)
        assert delivery.attempts == len(moments)
        assert delivery.last_attempt_at == moments[-1]
        assert delivery.last_result == attempt.result
    assert delivery.state is DeliveryState.FAILED
    assert moments == sorted(set(moments))
    assert delivery.first_attempt_at == moments[0]
    # The last delay is 8 hours, and a fifth of it more.
    assert DELIVERY_TIME - timedelta(hours=9.6) <= moments[-1] - moments[0] <= DELIVERY_TIME


@given(st.integers(1, 50), JITTERS)
def test_delays_grow_and_jitter_moves_them_by_a_fifth(attempts: int, jitter: float) -> None:
    delay = delay_after(attempts, jitter)
    middle = delay_after(attempts, 0.5)
    assert timedelta(seconds=4) <= delay <= delay_after(attempts + 1, jitter) <= timedelta(hours=9.6)
    assert middle * 0.8 - timedelta(milliseconds=1) <= delay <= middle * 1.2 + timedelta(milliseconds=1)


def test_the_first_delays_are_seconds_and_then_minutes_and_hours() -> None:
    delays = [delay_after(attempts, 0.5) for attempts in range(1, 12)]
    assert [delay.total_seconds() for delay in delays] == [
        5,
        30,
        120,
        600,
        1800,
        3600,
        7200,
        14400,
        28800,
        28800,
        28800,
    ]


@given(st.integers(200, 299), JITTERS)
def test_a_success_ends_the_delivery(status: int, jitter: float) -> None:
    later = NOW + timedelta(seconds=5)
    failed_once = after_attempt(WAITING, DOWN, NOW, jitter)
    delivered = after_attempt(failed_once, DeliveryAttempt(Outcome.ANSWERED, status), later, jitter)
    assert delivered == WAITING._replace(
        next_attempt_at=None,
        state=DeliveryState.DELIVERED,
        attempts=2,
        first_attempt_at=NOW,
        last_attempt_at=later,
        last_result=str(status),
    )


def test_after_an_answer_410_the_delivery_waits_for_the_webhook_to_be_turned_on_again() -> None:
    after = after_attempt(WAITING, DeliveryAttempt(Outcome.ANSWERED, 410), NOW, 0.5)
    assert (after.state, after.next_attempt_at) == (DeliveryState.WAITING, NOW + timedelta(seconds=5))


def test_a_delivery_that_was_late_by_days_gets_one_more_attempt_and_ends() -> None:
    failed_once = after_attempt(WAITING, DOWN, NOW, 0.5)
    assert after_attempt(failed_once, DOWN, NOW + timedelta(days=4), 0.5).state is DeliveryState.FAILED


@pytest.mark.parametrize(
    ("attempt", "result"),
    [(DeliveryAttempt(Outcome.TIMED_OUT), "timed_out"), (DeliveryAttempt(Outcome.ANSWERED, 503, "120"), "503")],
)
def test_a_result_is_a_status_or_a_word(attempt: DeliveryAttempt, result: str) -> None:
    assert attempt.result == result
