"""What a delivery attempt changes of a webhook; secrets and filters."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.deliveries import DeliveryAttempt, Outcome
from headway.domain.errors import InvalidValueError
from headway.domain.events import FEED_TYPES, EventFilter, EventType
from headway.domain.identifiers import ConsumerId, CourseId, GroupId, WebhookId
from headway.domain.webhooks import (
    FAILING_TIME,
    LONGEST_PAUSE,
    MOST_COURSES,
    MOST_GROUPS,
    ROTATION_TIME,
    SHORT_FAILURE,
    SHORTEST_PAUSE,
    DisabledBecause,
    Secret,
    Webhook,
    at_present,
    check_filter,
    new_secret,
    read_retry_after,
    recovers,
    rotated,
    switched,
    valid_secrets,
    webhook_after_attempt,
)

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FIRST, SECOND, THIRD, FOURTH = (Secret(f"whsec_{number}") for number in range(4))
WEBHOOK = Webhook(WebhookId(ConsumerId("w")), "https://lms.example/hooks", EventFilter(), (FIRST,), NOW)
TAKEN = DeliveryAttempt(Outcome.ANSWERED, 204)
DOWN = DeliveryAttempt(Outcome.ANSWERED, 500)
GONE = DeliveryAttempt(Outcome.ANSWERED, 410, "60")


def busy(retry_after: str) -> DeliveryAttempt:
    return DeliveryAttempt(Outcome.ANSWERED, 429, retry_after)


def test_a_failure_begins_a_failing_time_and_a_success_ends_it() -> None:
    failing = webhook_after_attempt(WEBHOOK, DOWN, NOW)
    assert failing == WEBHOOK._replace(failing_since=NOW, resume_at=NOW + SHORTEST_PAUSE)
    later = webhook_after_attempt(failing, busy("600"), NOW + timedelta(hours=1))
    assert (later.failing_since, later.resume_at) == (NOW, NOW + timedelta(hours=1, seconds=600))
    assert webhook_after_attempt(later, TAKEN, NOW + timedelta(hours=2)) == WEBHOOK


def test_five_days_of_failure_turn_it_off() -> None:
    failing = webhook_after_attempt(WEBHOOK, DeliveryAttempt(Outcome.TIMED_OUT), NOW)
    for days in range(1, FAILING_TIME.days):
        failing = webhook_after_attempt(failing, DOWN, NOW + timedelta(days=days))
    assert webhook_after_attempt(failing, DOWN, NOW + FAILING_TIME - MICROSECOND).is_enabled
    off = webhook_after_attempt(failing, DOWN, NOW + FAILING_TIME)
    assert (off.is_enabled, off.disabled_because, off.version) == (False, DisabledBecause.FAILING, 2)


def test_an_answer_410_turns_it_off_at_once() -> None:
    off = webhook_after_attempt(WEBHOOK, GONE, NOW)
    assert (off.disabled_because, off.resume_at, off.version) == (DisabledBecause.GONE, None, 2)
    assert off.failing_since == NOW


@pytest.mark.parametrize("attempt", [TAKEN, DOWN, GONE])
def test_an_attempt_that_ends_late_changes_nothing_of_one_that_is_off(attempt: DeliveryAttempt) -> None:
    off = switched(WEBHOOK, on=False)
    assert off.disabled_because is DisabledBecause.BY_REQUEST
    assert webhook_after_attempt(off, attempt, NOW) == off


def test_turning_it_on_forgets_what_failed() -> None:
    off = webhook_after_attempt(WEBHOOK._replace(failing_since=NOW - FAILING_TIME, resume_at=NOW), DOWN, NOW)
    assert switched(off, on=True) == WEBHOOK._replace(version=3)


def test_what_is_over_is_not_shown() -> None:
    paused = rotated(WEBHOOK, SECOND, NOW)._replace(resume_at=NOW + SHORTEST_PAUSE)
    assert at_present(paused, NOW) == paused
    later = at_present(paused, NOW + ROTATION_TIME)
    assert (later.secrets, later.resume_at) == ((SECOND,), None)


def test_the_longest_of_several_pauses_counts() -> None:
    paused = webhook_after_attempt(webhook_after_attempt(WEBHOOK, busy("3600"), NOW), busy("60"), NOW)
    assert paused.resume_at == NOW + timedelta(hours=1)
    assert webhook_after_attempt(paused, DOWN, NOW).resume_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("failing_for", "pause"),
    [(0, 1), (4, 1), (40, 10), (1_199, 299.75), (1_200, 300), (400_000, 300)],
)
def test_who_fails_for_longer_is_left_in_peace_for_longer(failing_for: float, pause: float) -> None:
    failing = WEBHOOK._replace(failing_since=NOW - timedelta(seconds=failing_for), resume_at=NOW)
    for attempt in (DOWN, DeliveryAttempt(Outcome.TIMED_OUT), DeliveryAttempt(Outcome.ANSWERED, 429)):
        assert webhook_after_attempt(failing, attempt, NOW).resume_at == NOW + timedelta(seconds=pause)


@pytest.mark.parametrize("status", [301, 400, 404, 422])
def test_one_refused_event_pauses_nothing(status: int) -> None:
    after = webhook_after_attempt(WEBHOOK, DeliveryAttempt(Outcome.ANSWERED, status), NOW)
    assert after == WEBHOOK._replace(failing_since=NOW, resume_at=NOW)


def test_a_failure_after_months_of_rest_begins_a_failing_time_of_its_own() -> None:
    given_up = WEBHOOK._replace(failing_since=NOW - timedelta(days=60), resume_at=NOW - timedelta(days=57))
    after = webhook_after_attempt(given_up, DOWN, NOW)
    assert (after.failing_since, after.is_enabled) == (NOW, True)
    tried_yesterday = given_up._replace(resume_at=NOW - timedelta(days=1))
    assert webhook_after_attempt(tried_yesterday, DOWN, NOW).disabled_because is DisabledBecause.FAILING


def test_it_recovers_by_a_success_after_a_minute_of_failures() -> None:
    for since, recovered in ((SHORT_FAILURE, True), (SHORT_FAILURE - MICROSECOND, False)):
        failing = WEBHOOK._replace(failing_since=NOW - since)
        assert recovers(failing, webhook_after_attempt(failing, TAKEN, NOW), NOW) is recovered
        assert not recovers(failing, webhook_after_attempt(failing, DOWN, NOW), NOW)
    assert not recovers(WEBHOOK, WEBHOOK, NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120), ("0", None), ("86400", 86400), ("86401", 86400), ("999999999", 86400),
        ("Mon, 01 Mar 2027 12:01:00 GMT", 60), ("Mon, 01 Mar 2027 13:01:00 +0100", 60),
        ("Mon, 01 Mar 2027 12:01:00 -0000", 60), ("Monday, 01-Mar-27 12:01:00 GMT", 60),
        ("Sun, 28 Feb 2027 12:00:00 GMT", None), ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
        ("", None), ("soon", None), ("-5", None), ("1.5", None), ("١٢", None), ("9" * 5000, None), (None, None),
    ],
)  # fmt: skip
def test_a_retry_after_is_seconds_or_a_date_and_at_most_a_day(text: str | None, seconds: int | None) -> None:
    assert read_retry_after(text, NOW) == (None if seconds is None else NOW + timedelta(seconds=seconds))


DATE_PARTS = st.sampled_from(
    ["Mon,", "31", "-1", "99999999999999", "Mar", "2027", "0", "12:61:00", "1:2:3:4", "GMT", "+9999", "-0000", ","]
)


@given(st.text() | st.lists(DATE_PARTS).map(" ".join))
def test_any_retry_after_is_none_or_within_the_next_day(text: str) -> None:
    moment = read_retry_after(text, NOW)
    assert moment is None or NOW < moment <= NOW + LONGEST_PAUSE


def test_a_secret_is_new_and_has_256_bits() -> None:
    one, another = new_secret(), new_secret()
    assert one.text != another.text
    assert one.text.startswith("whsec_")
    assert len(b64decode(one.text.removeprefix("whsec_"), validate=True)) == 32


def test_a_rotated_secret_is_valid_for_a_day() -> None:
    after = rotated(WEBHOOK, SECOND, NOW)
    assert after.version == 2
    assert valid_secrets(after, NOW + ROTATION_TIME - MICROSECOND) == [SECOND.text, FIRST.text]
    assert valid_secrets(after, NOW + ROTATION_TIME) == [SECOND.text]


def test_rotating_twice_makes_no_secret_valid_for_longer() -> None:
    twice = rotated(rotated(WEBHOOK, SECOND, NOW), THIRD, NOW + timedelta(hours=23))
    assert valid_secrets(twice, NOW + timedelta(hours=23)) == [THIRD.text, SECOND.text, FIRST.text]
    assert valid_secrets(twice, NOW + ROTATION_TIME) == [THIRD.text, SECOND.text]
    assert rotated(twice, FOURTH, NOW + ROTATION_TIME).secrets[0] == FOURTH
    assert FIRST.text not in valid_secrets(rotated(twice, FOURTH, NOW + timedelta(hours=23)), NOW)


def test_no_secret_is_in_the_text_of_a_webhook() -> None:
    secret = new_secret()
    for shown in (secret, WEBHOOK._replace(secrets=(secret,)), rotated(WEBHOOK, secret, NOW)):
        assert secret.text.removeprefix("whsec_") not in f"{shown!r} {shown}"


def test_a_filter_names_something_and_not_too_much() -> None:
    check_filter(EventFilter())
    all_types = frozenset(FEED_TYPES)
    check_filter(EventFilter(all_types, frozenset({CourseId("c")}), frozenset({GroupId("g")})))
    many = EventFilter(
        courses=frozenset(CourseId(str(number)) for number in range(MOST_COURSES + 1)),
        groups=frozenset(GroupId(str(number)) for number in range(MOST_GROUPS + 1)),
    )
    for wrong, names in (
        (many, ["courses", "groups"]),
        (EventFilter(frozenset(), frozenset()), ["types", "courses"]),
        (EventFilter(frozenset({EventType.WEBHOOK_TEST})), ["types"]),
    ):
        with pytest.raises(InvalidValueError) as refused:
            check_filter(wrong)
        assert [problem.location for problem in refused.value.problems] == [(name,) for name in names]
