"""What commits change: late, repeated, in any order, from several windows, at the end of an attempt."""

from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from domain.values import COURSE, LEARNER, NOW, lesson
from headway.domain.bounds import MOST_ATTEMPTS
from headway.domain.launches import ContentState, Launch, committed, entry_of, opened
from headway.domain.scorm import Commit, Completion, ScormVersion, Success

LESSON: Final = lesson(1).id
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
SECOND: Final = timedelta(seconds=1)


def launch(number: int = 1, *, minutes: float = 0, **fields: Any) -> Launch:
    opened_at = NOW + timedelta(minutes=minutes)
    made = Launch(f"launch{number}", LEARNER, COURSE, LESSON, 1, opened_at, opened_at + HOUR, 0)
    return made._replace(**fields)


def commit(suspended: str = "page 1", **fields: Any) -> Commit:
    made = Commit(
        ScormVersion.SCORM_2004, {"suspend_data": suspended}, None, None, None, Completion.UNKNOWN, Success.UNKNOWN,
        None, None, is_end=False, exit="", age_seconds=None, is_unchanged=False,
    )  # fmt: skip
    return made._replace(**fields)


def after(state: ContentState | None, of: Launch, said: Commit, now: datetime = NOW) -> ContentState:
    accepted = committed(state, of, said, now)
    assert accepted is not None
    return accepted.state


def suspended(state: ContentState) -> str:
    return (state.cmi or "").removeprefix('{"suspend_data":"').removesuffix('"}')


def test_a_launch_that_has_not_reported_is_silent_until_its_first_commit() -> None:
    first = launch()
    state = opened(None, first)
    assert (state.opened_at, state.reported_at, entry_of(state, first)) == (NOW, None, "ab-initio")
    state = after(state, first, commit(), NOW + SECOND)
    assert state.reported_at == NOW + SECOND
    assert after(state, first, commit(), NOW + 2 * SECOND).reported_at == NOW + SECOND
    second = launch(2, minutes=5)
    again = opened(state, second)
    assert (again.opened_at, again.reported_at, entry_of(again, second)) == (second.opened_at, None, "resume")
    assert after(again, first, commit()).reported_at is None  # the window that is still open is another one


def test_a_late_or_repeated_commit_changes_nothing() -> None:
    of = launch()
    state = after(opened(None, of), of, commit("page 2", sequence=2, session_seconds=60))
    assert committed(state, of, commit("page 2", sequence=2, session_seconds=60), NOW) is None
    assert committed(state, of, commit("page 1", sequence=1, session_seconds=30), NOW) is None
    assert suspended(after(state, of, commit("page 3", sequence=3))) == "page 3"


def test_a_commit_without_a_number_counts_as_it_comes() -> None:
    of = launch()
    state = after(after(opened(None, of), of, commit("page 2")), of, commit("page 1"))
    assert suspended(state) == "page 1"


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(0, 3_600)), max_size=12))
def test_the_time_is_the_sum_of_what_each_launch_said_last_in_any_order(said: list[tuple[int, int, int]]) -> None:
    launches = [launch(number, minutes=number) for number in range(3)]
    state = opened(opened(opened(None, launches[0]), launches[1]), launches[2])
    # In each launch, the time grows with the number of the commit.
    highest = dict.fromkeys(range(3), 0.0)
    for number, sequence, seconds in said:
        accepted = committed(
            state, launches[number], commit(sequence=sequence, session_seconds=sequence * 10_000 + seconds), NOW
        )
        if accepted is not None:
            state = accepted.state
        highest[number] = max(highest[number], state.launches[launches[number].id].seconds)
    assert state.total_seconds == sum(highest.values())
    assert state.settled(NOW + 2 * HOUR).total_seconds == state.total_seconds
    assert not state.settled(NOW + 2 * HOUR).launches


def test_the_total_time_is_believed_at_the_end_where_the_content_does_not_say_its_own() -> None:
    of = launch(seconds=600)
    ended = committed(opened(None, of), of, commit(total_seconds=930, is_end=True), NOW)
    assert ended is not None
    assert (ended.state.total_seconds, ended.update["time_spent_minutes"]) == (930, 15.5)
    both = committed(opened(None, of), of, commit(total_seconds=930, session_seconds=30, is_end=True), NOW)
    assert both is not None
    assert both.state.total_seconds == 630
    less = after(opened(None, of), of, commit(total_seconds=5, is_end=True))
    assert less.total_seconds == 600


def test_of_two_windows_the_state_is_that_of_the_later_commit_where_the_player_says_its_age() -> None:
    first, second = launch(1), launch(2, minutes=1)
    state = opened(opened(None, first), second)
    state = after(state, second, commit("second", age_seconds=0), NOW + 2 * HOUR / 60)
    late = committed(state, first, commit("first", age_seconds=120, session_seconds=50), NOW + 3 * HOUR / 60)
    assert late is not None
    assert (suspended(late.state), late.state.total_seconds) == ("second", 50)
    assert suspended(after(state, first, commit("first", age_seconds=0), NOW + 3 * HOUR / 60)) == "first"


def test_a_window_in_which_nothing_happened_undoes_nothing() -> None:
    home, phone = launch(1), launch(2, minutes=2)
    idle = commit("", is_unchanged=True, age_seconds=0, session_seconds=60)
    state = after(opened(opened(None, home), phone), phone, idle, NOW + 3 * MINUTE)
    assert (state.cmi, state.made_at, state.total_seconds) == (None, None, 60)
    # Made a minute before the phone was opened, without a connection.
    state = after(state, home, commit("page 2", age_seconds=180), NOW + 4 * MINUTE)
    assert suspended(state) == "page 2"
    state = after(state, phone, idle._replace(session_seconds=120), NOW + 5 * MINUTE)
    assert (suspended(state), state.total_seconds) == ("page 2", 120)
    state = after(state, phone, commit("page 3", age_seconds=0), NOW + 6 * MINUTE)
    assert suspended(state) == "page 3"


def test_the_attempt_of_a_window_in_which_nothing_happened_may_end() -> None:
    done = commit("done", completion=Completion.COMPLETED, success=Success.PASSED, age_seconds=0)
    first, second = launch(1), launch(2, minutes=2)
    state = opened(after(opened(None, first), first, done), second)
    assert not state.is_over
    end = done._replace(is_end=True, is_unchanged=True)
    assert after(state, second, end, NOW + 3 * MINUTE).is_over
    assert not after(state, second, end._replace(exit="suspend"), NOW + 3 * MINUTE).is_over
    later = after(state, first, done, NOW + 3 * MINUTE)  # the other window goes on, so the attempt does
    assert not after(later, second, end, NOW + 4 * MINUTE).is_over


def test_a_launch_does_not_make_its_own_state_older() -> None:
    of = launch()
    state = after(opened(None, of), of, commit(age_seconds=0), NOW + MINUTE)
    assert after(state, of, commit("page 2", age_seconds=3_600), NOW + 2 * MINUTE).made_at == NOW + MINUTE


def test_of_two_windows_the_state_is_that_of_the_later_launch_where_the_player_says_no_age() -> None:
    first, second = launch(1), launch(2, minutes=1)
    state = after(opened(opened(None, first), second), first, commit("first"))
    assert suspended(state) == "first"
    state = after(state, second, commit("second"))
    late = committed(state, first, commit("first", score=90), NOW)
    assert late is not None
    assert suspended(late.state) == "second"
    assert late.update["quiz_score"] == 90  # what the learner has earned counts


def test_an_attempt_counts_once_and_the_next_begins_after_its_end() -> None:
    of = launch()
    state = opened(None, of)
    assert after(state, of, commit()).attempts == 0
    state = after(after(state, of, commit(score=40)), of, commit(score=50, success=Success.FAILED))
    assert state.attempts == 1
    suspend = after(state, of, commit(score=50, is_end=True, exit="suspend"))
    resumed = launch(2, minutes=1)
    assert after(opened(suspend, resumed), resumed, commit(score=60)).attempts == 1
    ended = after(state, of, commit("page 9", success=Success.FAILED, is_end=True))
    anew = opened(ended, resumed)
    assert (anew.cmi, entry_of(anew, resumed)) == (None, "ab-initio")
    assert after(anew, resumed, commit(score=60)).attempts == 2


def test_content_of_2004_that_ends_in_the_middle_without_asking_is_resumed() -> None:
    of, again = launch(), launch(2, minutes=1)
    state = after(opened(None, of), of, commit("page 3", is_end=True, completion=Completion.INCOMPLETE))
    assert suspended(opened(state, again)) == "page 3"
    assert entry_of(opened(state, again), again) == "resume"


def test_content_of_1_2_keeps_its_state_after_the_end_and_is_told_that_it_does_not_resume() -> None:
    of, again = launch(), launch(2, minutes=1, after_end=True)
    said = commit("page 9", scorm=ScormVersion.SCORM_12, completion=Completion.COMPLETED, success=Success.PASSED)
    state = after(opened(None, of), of, said._replace(is_end=True))
    assert state.is_over
    anew = opened(state, again)
    assert (suspended(anew), entry_of(anew, again), anew.is_over) == ("page 9", "", False)
    state = after(anew, again, said)
    assert (state.attempts, entry_of(state, again)) == (2, "resume")


def test_a_launch_of_another_run_begins_anew() -> None:
    of = launch()
    state = after(opened(None, of), of, commit("page 3", session_seconds=60, sequence=7, score=90))
    other = launch(2, run=2)
    accepted = after(state, other, commit("page 1", sequence=1, session_seconds=5))
    assert (accepted.run, accepted.attempts, accepted.total_seconds, suspended(accepted)) == (2, 0, 5, "page 1")


def test_a_learner_who_begins_has_the_time_that_was_stored_before() -> None:
    of = launch(seconds=300)
    accepted = committed(opened(None, of), of, commit(session_seconds=30), NOW)
    assert accepted is not None
    assert accepted.update["time_spent_minutes"] == 5.5


def test_a_launch_that_reports_nothing_leaves_nothing_behind() -> None:
    state = opened(None, launch())
    assert opened(opened(state, launch(2)), launch(3)).launches == {}


def test_the_time_of_a_launch_counts_once_where_the_clocks_of_two_machines_differ() -> None:
    first, second = launch(), launch(2, minutes=30)
    state = after(opened(opened(None, first), second), first, commit(session_seconds=60))
    state = after(state, second, commit(session_seconds=10), first.expires_at + 2 * SECOND)
    state = after(state, first, commit(session_seconds=70), first.expires_at - 2 * SECOND)
    assert state.total_seconds == 80
    assert state.settled(second.expires_at + HOUR)[6:8] == ({}, 80)


def test_a_state_that_was_made_in_the_future_is_replaced_after_the_next_launch() -> None:
    before = opened(None, launch())._replace(made_at=NOW + 9_999 * HOUR, cmi="{}")
    again = launch(2, minutes=1)
    said = commit("page 2", age_seconds=0.5)
    assert suspended(after(opened(before, again), again, said, again.opened_at + SECOND)) == "page 2"


def test_no_more_attempts_are_counted_than_lesson_progress_has() -> None:
    before = opened(None, launch())._replace(attempts=MOST_ATTEMPTS)
    accepted = committed(before, launch(), commit(score=50), NOW)
    assert accepted is not None
    assert accepted.update["quiz_attempts"] == MOST_ATTEMPTS
