"""A PostgreSQL server that is killed, cut off or blocked under load: 503, and no lost write."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from annotated_types import Ge

from headway.settings import Settings
from support.load import Player, Written, new_lesson_progress, players, stored, write
from support.postgres import Server, Session, session
from support.probes import get, queued_writes
from support.program import forked_headway_serve
from support.running import Running, check_unavailable, course, eventually

ROUNDS = 2
FEWEST_CONNECTIONS = next(
    bound.ge for bound in Settings.model_fields["postgres_connections"].metadata if isinstance(bound, Ge)
)
NEVER = 600
"""Seconds that no test waits: what is given up only after that hangs for a client, whose patience is 20 seconds."""


def test_the_service_recovers_after_a_server_crash_under_load(folder: Path, own_server: Server) -> None:
    with forked_headway_serve(folder, database_url=own_server.url, postgres_timeout_seconds=NEVER) as running:
        all_progress = new_lesson_progress(running)
        with players(running, all_progress) as playing:
            for _ in range(ROUNDS):
                wait_for_progress(all_progress)
                own_server.stop_immediately()
                check_everything_is_unavailable(running, all_progress[0])
                own_server.start()
            wait_for_progress(all_progress)
        check_load(running, all_progress, playing)
        assert "Traceback" not in "".join(running.log)


def test_connections_that_are_cut_under_load_are_opened_again(folder: Path, postgres_url: str) -> None:
    with forked_headway_serve(folder, database_url=postgres_url) as running, session(postgres_url) as operator:
        all_progress = new_lesson_progress(running)
        with players(running, all_progress) as playing:
            for _ in range(10):
                wait_for_progress(all_progress)
                cut_connections(operator)
            wait_for_progress(all_progress)
        check_load(running, all_progress, playing)
        assert "Traceback" not in "".join(running.log)


def test_changes_of_another_service_are_seen_after_connections_were_cut(folder: Path, postgres_url: str) -> None:
    with (
        forked_headway_serve(folder, database_url=postgres_url) as one,
        forked_headway_serve(folder, database_url=postgres_url) as other,
        session(postgres_url) as operator,
        other.client() as client,
    ):
        document = course()
        course_id = one.put_course(document)
        assert client.get(f"/progress/{course_id}").status_code == 200
        cut_connections(operator)
        eventually(lambda: get(one, "/readyz").status_code == 200)
        removed = document["lessons"].pop()["id"]
        one.put_course(document, course_id)
        eventually(lambda: client.get(f"/progress/{course_id}/summary").json().get("total_lessons") == 2)
        assert client.put(f"/progress/{course_id}/lessons/{removed}", json={}).status_code == 404


def test_a_stopped_database_server_does_not_prevent_the_stop(folder: Path, own_server: Server) -> None:
    limits = {"postgres_timeout_seconds": NEVER, "shutdown_seconds": NEVER}
    with forked_headway_serve(folder, database_url=own_server.url, **limits) as running:
        eventually(lambda: get(running, "/readyz").status_code == 200)
        own_server.stop_immediately()
        try:
            check_unavailable(get(running, "/readyz"))
            running.stop()
        finally:
            own_server.start()
    assert "Traceback" not in "".join(running.log)


@pytest.mark.parametrize("connections", [FEWEST_CONNECTIONS, 8])
def test_writes_queue_and_reads_continue_while_commits_are_blocked(
    folder: Path, own_server: Server, connections: int
) -> None:
    limits = {"queue_limit": 3, "batch_limit": 1, "postgres_connections": connections}
    with forked_headway_serve(folder, database_url=own_server.url, **limits) as running, ThreadPoolExecutor(10) as pool:
        all_progress = new_lesson_progress(running, learners=10)[::3]
        assert write(running, all_progress[0], 1).status_code == 200
        with commits_held_up(own_server):
            answers = {progress.learner: pool.submit(write, running, progress, 2) for progress in all_progress}
            eventually(lambda: queued_writes(running) == 3 and any(answer.done() for answer in answers.values()))
            for answer in answers.values():
                if answer.done():
                    check_unavailable(answer.result())
            check_reads(running, all_progress[0], 1)
        taken = {learner for learner, answer in answers.items() if answer.result(20).status_code == 200}
        assert len(taken) > 3
        found = stored(running, all_progress)
    assert {learner for (learner, _), progress in found.items() if progress["quiz_attempts"] == 2} == taken


def test_a_stop_while_commits_are_blocked_answers_waiting_writes(folder: Path, own_server: Server) -> None:
    # The first write has to wait for as long as it takes the others to arrive.
    limits = {"shutdown_seconds": 1, "postgres_timeout_seconds": 5, "batch_limit": 1}
    with forked_headway_serve(folder, database_url=own_server.url, **limits) as running, ThreadPoolExecutor(5) as pool:
        all_progress = new_lesson_progress(running, learners=5)[::3]
        with commits_held_up(own_server):
            answers = [pool.submit(write, running, progress, 1) for progress in all_progress]
            eventually(lambda: queued_writes(running) == 3)  # all have arrived: two are on their way
            running.process.terminate()
            for answer in answers:
                check_unavailable(answer.result(20))
            running.process.wait(20)
    assert "Traceback" not in "".join(running.log)


@pytest.mark.parametrize("change", ["start over", "edit"])
def test_reads_continue_while_other_changes_are_blocked(folder: Path, own_server: Server, change: str) -> None:
    def attempt(_: int) -> httpx.Response:
        with running.client(all_progress[0].learner, "courses:write") as client:
            if change == "edit":
                return client.put(f"/courses/{uuid4()}", json=course())
            return client.delete(f"/progress/{all_progress[0].course_id}")

    with (
        forked_headway_serve(folder, database_url=own_server.url, postgres_connections=4) as running,
        ThreadPoolExecutor(12) as pool,
    ):
        all_progress = new_lesson_progress(running, learners=1)
        assert write(running, all_progress[1], 1).status_code == 200
        with commits_held_up(own_server), session(own_server.url) as operator:
            answers = [pool.submit(attempt, number) for number in range(12)]
            eventually(lambda: waiting_commits(operator) > 1)
            check_reads(running, all_progress[1], 1)
        assert {answer.result(20).status_code for answer in answers} <= {200, 204, 503}


def test_a_write_waits_a_limited_time_for_a_locked_learner(folder: Path, postgres_url: str) -> None:
    with forked_headway_serve(folder, database_url=postgres_url, postgres_timeout_seconds=2) as running:
        held, free = new_lesson_progress(running, learners=2)[::3]
        assert write(running, held, 1).status_code == 200
        with session(postgres_url) as operator:
            operator.execute("BEGIN", f"SELECT 1 FROM course_progress WHERE user_id = '{held.learner}' FOR UPDATE")
            check_unavailable(write(running, held, 2))
            assert write(running, free, 1).status_code == 200
            check_reads(running, held, 1)
        assert write(running, held, 3).json()["quiz_attempts"] == 3
        assert "Traceback" not in "".join(running.log)


def wait_for_progress(all_progress: Sequence[Written]) -> None:
    """Until each lesson progress was written and acknowledged three times more."""
    before = [progress.acknowledged for progress in all_progress]
    eventually(
        lambda: all(progress.acknowledged >= value + 3 for progress, value in zip(all_progress, before, strict=True))
    )


def check_load(running: Running, all_progress: Sequence[Written], playing: Sequence[Player]) -> None:
    """Nothing acknowledged was lost, nothing is torn, no figure is off, and whoever was refused may come again."""
    found = stored(running, all_progress)
    for progress in all_progress:
        kept = found[progress.learner, progress.lesson_id]
        assert progress.acknowledged <= kept["quiz_attempts"] <= progress.sent
        assert kept["time_spent_minutes"] == kept["quiz_attempts"] / 4
    refusals = [refusal for player in playing for refusal in player.refusals]
    assert {status for status, _ in refusals} <= {503}, [one for one in refusals if one[0] != 503]


def check_everything_is_unavailable(running: Running, progress: Written) -> None:
    with running.client(progress.learner, "courses:write") as client:
        for path in (
            progress.path,
            f"/progress/{progress.course_id}",
            f"/progress/{progress.course_id}/summary",
            "/progress",
            "/courses",
        ):
            check_unavailable(client.get(path))
        check_unavailable(client.put(progress.path, json={"quiz_attempts": 0}))
        check_unavailable(client.delete(progress.path))
        check_unavailable(client.delete(f"/progress/{progress.course_id}"))
        check_unavailable(client.put(f"/courses/{uuid4()}", json=course()))
    check_unavailable(get(running, "/readyz"))
    assert get(running, "/healthz").status_code == 200


def check_reads(running: Running, progress: Written, value: int) -> None:
    """Check that every kind of read is answered, whatever is held up."""
    with running.client(progress.learner) as client:
        answers = {
            path: client.get(path)
            for path in (
                progress.path,
                f"/progress/{progress.course_id}",
                f"/progress/{progress.course_id}/summary",
                "/progress",
                "/courses",
            )
        }
    for path, answer in answers.items():
        assert answer.status_code == 200, (path, answer.text)
    assert answers[progress.path].json()["quiz_attempts"] == value
    assert get(running, "/readyz").status_code == 200


@contextmanager
def commits_held_up(own_server: Server) -> Iterator[None]:
    """Hold up all commits until the block is left: each waits for a standby that does not exist."""

    def commit() -> None:
        with session(own_server.url) as other:
            other.execute("SELECT pg_logical_emit_message(true, 'headway', 'something to commit')")

    def waits() -> bool:
        probe = pool.submit(commit)
        eventually(lambda: probe.done() or waiting_commits(operator) > 0)
        return not probe.done()

    with ThreadPoolExecutor(1) as pool, session(own_server.url) as operator:
        operator.execute("ALTER SYSTEM SET synchronous_standby_names = 'absent'", "SELECT pg_reload_conf()")
        try:
            eventually(waits)
            yield
        finally:
            operator.execute("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")


def waiting_commits(operator: Session) -> int:
    return int(operator.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))


def cut_connections(operator: Session) -> None:
    """Cut everybody else's, in the middle of whatever they do, and wait until their processes have ended."""
    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert operator.rows(f"SELECT pg_terminate_backend(pid, 20000) FROM ({others}) AS other")


def test_a_service_without_its_tables_is_not_ready(folder: Path, postgres_url: str) -> None:
    with forked_headway_serve(folder, database_url=postgres_url) as running, session(postgres_url) as operator:
        assert get(running, "/readyz").status_code == 200
        operator.execute("ALTER TABLE catalogue RENAME TO catalogue_away")
        check_unavailable(get(running, "/readyz"))
        operator.execute("ALTER TABLE catalogue_away RENAME TO catalogue")
        eventually(lambda: get(running, "/readyz").status_code == 200)
        assert "Traceback" not in "".join(running.log)
