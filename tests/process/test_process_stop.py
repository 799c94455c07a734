import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from support.database import read_only, write_ahead_log, write_lock
from support.load import Written, players, stored, write
from support.probes import address, queued_writes, refuses_connections
from support.program import forked_headway_serve, headway
from support.running import PATIENCE, PREFIX, eventually, headway_serve, token

# uvicorn stops gracefully, then lets the signal do what it does to a program without a handler: SIGTERM ends the
# process (143 to a shell; systemd and Docker count it as a clean stop), SIGINT is a KeyboardInterrupt, for which
# typer exits with 130, as a shell does.
SIGNALS = pytest.mark.parametrize(
    ("stop_signal", "exit_code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)


@SIGNALS
def test_a_stop_under_load_loses_no_write_and_answers_every_request(
    folder: Path, all_progress: list[Written], stop_signal: signal.Signals, exit_code: int
) -> None:
    with forked_headway_serve(folder) as running, players(running, all_progress):
        eventually(lambda: all(progress.acknowledged >= 3 for progress in all_progress))
        running.process.send_signal(stop_signal)
        assert running.process.wait(20) == exit_code
    with forked_headway_serve(folder) as restarted:
        found = stored(restarted, all_progress)
    kept = {key: progress["quiz_attempts"] for key, progress in found.items()}
    assert kept == {(progress.learner, progress.lesson_id): progress.acknowledged for progress in all_progress}


@SIGNALS
def test_a_stop_commits_and_answers_queued_writes_and_takes_no_new_ones(
    folder: Path, all_progress: list[Written], stop_signal: signal.Signals, exit_code: int
) -> None:
    with (
        forked_headway_serve(folder, lock_seconds=20, batch_limit=1) as running,
        ThreadPoolExecutor(len(all_progress)) as pool,
    ):
        with write_lock(folder):
            answers = [pool.submit(write, running, progress) for progress in all_progress]
            eventually(
                lambda: queued_writes(running) == len(all_progress) - 1
            )  # one is in the batch that waits for the lock
            running.process.send_signal(stop_signal)
            eventually(lambda: refuses_connections(running))
            assert not any(answer.done() for answer in answers)
        assert [answer.result(20).status_code for answer in answers] == [200] * len(all_progress)
        assert running.process.wait(20) == exit_code
    with forked_headway_serve(folder) as restarted:
        assert len(stored(restarted, all_progress)) == len(all_progress)


def test_an_endless_request_does_not_prevent_the_stop(folder: Path, all_progress: list[Written]) -> None:
    with (
        forked_headway_serve(folder, shutdown_seconds=1) as running,
        socket.create_connection(address(running)) as half,
    ):
        half.sendall(half_a_request(all_progress[0]))
        assert half.recv(100).startswith(b"HTTP/1.1 100 "), "the service did not begin to read the body"
        running.process.terminate()
        assert running.process.wait(10) == -signal.SIGTERM


def test_a_request_that_the_stop_cuts_off_gets_retry_after(folder: Path, all_progress: list[Written]) -> None:
    with (
        forked_headway_serve(folder, shutdown_seconds=1, lock_seconds=PATIENCE, batch_limit=1) as running,
        ThreadPoolExecutor(2) as pool,
    ):
        with write_lock(folder):
            answers = [pool.submit(write, running, progress) for progress in all_progress[:2]]
            eventually(lambda: queued_writes(running) == 1)
            running.process.terminate()
            assert [answer.result(PATIENCE).status_code for answer in answers] == [503, 503]
        assert running.process.wait(PATIENCE) == -signal.SIGTERM
    assert "Traceback" not in "".join(running.log)


@pytest.mark.usefixtures("all_progress")
def test_a_stop_leaves_all_data_in_one_file(folder: Path) -> None:
    with forked_headway_serve(folder) as running:
        with running.client() as client:
            assert client.get("/courses").status_code == 200
        renamed = folder / "renamed.json"
        renamed.write_text((folder / "course.json").read_text().replace("A course", "A renamed course"))
        assert headway(folder, "courses", "put", str(renamed)).code == 0
        running.stop()
    assert not write_ahead_log(folder).exists()
    with closing(read_only(folder, "immutable=1")) as connection:
        assert connection.execute("SELECT title FROM courses").fetchall() == [("A renamed course",)]


def test_the_installed_script_prints_its_address_once_and_stops_cleanly(
    folder: Path, all_progress: list[Written], capfd: pytest.CaptureFixture[str]
) -> None:
    with headway_serve(folder) as running:
        assert write(running, all_progress[0]).status_code == 200
        assert running.stop() == -signal.SIGTERM
    assert "".join(running.log).count("answers at") == 1
    assert "Finished server process" in running.log[-1]
    assert capfd.readouterr() == ("", "")


def half_a_request(progress: Written) -> bytes:
    """Return the head of a write whose client announces a body, and waits until the service asks for it."""
    lines = [
        f"PUT {PREFIX}{progress.path} HTTP/1.1",
        "Host: headway",
        f"Authorization: Bearer {token(progress.learner)}",
        "Content-Length: 100",
        "Expect: 100-continue",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
