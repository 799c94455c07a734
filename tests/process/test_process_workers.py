"""Several server processes behind one port, on one PostgreSQL database."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from support.events import Follower, following
from support.load import Written, new_lesson_progress, players, stored, write
from support.postgres import Databases, session
from support.probes import get, refuses_connections
from support.program import forked_headway_serve
from support.running import HEADWAY, PATIENCE, Running, answering, course, eventually, service_environment

WORKERS = 2
LANES = 2  # batches that a worker has under way at once; their writes do not wait any more
A_START = 60.0
"""Seconds that starting a few processes takes at most, on a machine that is busy with other tests."""
NEVER = 600
"""Seconds that no test waits: a stop that waits for streams does not end here."""
NEWER = "UPDATE schema_version SET version = 99, compatible_from = 99"
FULL_DISK = 'mount -t tmpfs -o size=256k tmpfs "$0" && exec "$@"'
HOLD_UP_WRITES = ("BEGIN", "LOCK TABLE lesson_progress IN SHARE MODE")
PUT_LESSON = (
    'headway_requests_total{method="PUT",route="/api/v1/education/progress/{course_id}/lessons/{lesson_id}",'
    'status="200"}'
)


@contextmanager
def serving_workers(folder: Path, *options: str, **settings: object) -> Iterator[Running]:
    """`headway serve` with several workers, from the moment they all answer; its temporary files are in `folder`."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TMPDIR", str(folder))
        with forked_headway_serve(folder, "--workers", str(WORKERS), *options, **settings) as running:
            eventually(lambda: all_answer(running), A_START)
            yield running


@pytest.fixture(scope="module")
def shared_url(databases: Databases) -> Iterator[str]:
    """Yield the address of the database of `service`."""
    with databases.fresh() as url:
        yield url


@pytest.fixture(scope="module")
def shared_service(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving_workers(tmp_path_factory.mktemp("service"), database_url=shared_url, batch_limit=1) as running:
        yield running


@pytest.fixture
def service(shared_service: Running) -> Running:
    """Return the shared service, when all its workers answer."""
    eventually(lambda: all_answer(shared_service), A_START)
    return shared_service


def test_any_worker_answers_the_metrics_of_all_workers(service: Running) -> None:
    progress = new_lesson_progress(service, learners=1)[0]
    before = figures(get(service, "/metrics"))
    answered: list[str] = []

    def write_once_more() -> bool:
        answered.append(worker_of(write(service, progress)))
        return len(set(answered)) == WORKERS

    def shown() -> dict[str, float]:
        scrapes = [get(service, "/metrics") for _ in range(4 * WORKERS)]
        return {worker_of(scrape): figures(scrape)[PUT_LESSON] - before.get(PUT_LESSON, 0) for scrape in scrapes}

    eventually(write_once_more)
    eventually(lambda: shown() == dict.fromkeys(answered, len(answered)))  # a request is counted when it was answered
    assert not any(name.startswith(("process_", "python_")) for name in before), "these are of one process"


def test_a_killed_worker_is_replaced_and_loses_no_acknowledged_write(service: Running) -> None:
    all_progress = new_lesson_progress(service, learners=8)
    logged = len(service.log)
    for victim in workers(service):
        counted = figures(get(service, "/metrics")).get(PUT_LESSON, 0)
        kill_under_load(service, victim, all_progress)
        assert figures(get(service, "/metrics"))[PUT_LESSON] > counted
        check_nothing_was_lost(service, all_progress)
        assert re.search(rf"worker_replaced .*exit_code=-9 .*worker={victim}\b", "".join(service.log))
    assert "Traceback" not in "".join(service.log[logged:])


def test_waiting_writes_of_a_worker_are_counted_until_it_is_killed(service: Running, shared_url: str) -> None:
    all_progress = new_lesson_progress(service, learners=16)[::3]
    with session(shared_url) as operator, ThreadPoolExecutor(len(all_progress)) as pool:
        operator.execute(*HOLD_UP_WRITES)
        answers = [pool.submit(write, service, progress) for progress in all_progress]
        with httpx.Client(base_url=service.base_url, verify=False, timeout=PATIENCE) as one_worker:
            eventually(
                lambda: len(all_progress) - LANES * WORKERS <= queue_length(one_worker) <= len(all_progress) - LANES
            )
        for victim in workers(service):
            os.kill(victim, signal.SIGKILL)
        operator.execute("ROLLBACK")
        assert any(isinstance(answer.exception(20), httpx.TransportError) for answer in answers)
    with httpx.Client(base_url=service.base_url, verify=False, timeout=A_START) as another_worker:
        eventually(lambda: queue_length(another_worker) == 0)


def test_a_stream_of_any_worker_shows_writes_of_the_others(service: Running) -> None:
    progress = new_lesson_progress(service, learners=1)[0]
    with ExitStack() as open_streams:
        streams: dict[str, Follower] = {}

        def follow_once_more() -> bool:
            teacher = open_streams.enter_context(service.client(None, "statistics:read"))
            stream = open_streams.enter_context(following(teacher, progress.course_id))
            stream.until(learners=0)
            streams[worker_of(stream.response)] = stream
            return len(streams) == WORKERS

        eventually(follow_once_more)
        writer = worker_of(write(service, progress))
        shown = {worker: stream.until(learners=1) for worker, stream in streams.items()}
        assert writer in shown
        assert len(set(map(str, shown.values()))) == 1


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_ends_streams_of_all_workers(folder: Path, postgres_url: str, stop_signal: signal.Signals) -> None:
    with (
        serving_workers(folder, database_url=postgres_url, shutdown_seconds=NEVER) as running,
        ExitStack() as open_streams,
    ):
        course_id = running.put_course(course())
        teachers = [open_streams.enter_context(running.client(None, "statistics:read")) for _ in range(6)]
        streams = [open_streams.enter_context(following(teacher, course_id)) for teacher in teachers]
        assert all(stream.next() for stream in streams)
        running.process.send_signal(stop_signal)
        assert [stream.next() for stream in streams] == [None] * len(streams)
        assert running.process.wait(20) == 0


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_under_load_loses_no_write_and_leaves_no_process(
    folder: Path, postgres_url: str, stop_signal: signal.Signals
) -> None:
    with serving_workers(folder, "--log-format", "json", database_url=postgres_url) as running:
        all_progress = new_lesson_progress(running, learners=8)
        assert len(list(folder.glob("headway-metrics-*/*.db"))) > WORKERS
        pids = workers(running)
        with players(running, all_progress), session(postgres_url) as operator:
            eventually(lambda: all(progress.acknowledged >= 3 for progress in all_progress))
            operator.execute(*HOLD_UP_WRITES)
            running.process.send_signal(stop_signal)
            eventually(lambda: refuses_connections(running))
            operator.execute("ROLLBACK")
            assert running.process.wait(20) == 0
        assert not any(map(exists, pids))
    assert list(folder.iterdir()) == []
    assert "".join(running.log).count("answers at") == 1
    assert "Traceback" not in "".join(running.log)
    assert {json.loads(line)["level"] for line in running.log} <= {"info", "warning"}
    with forked_headway_serve(folder, database_url=postgres_url) as restarted:
        found = stored(restarted, all_progress)
    kept = {key: progress["quiz_attempts"] for key, progress in found.items()}
    assert kept == {(progress.learner, progress.lesson_id): progress.acknowledged for progress in all_progress}


def test_workers_that_can_not_start_end_the_service(folder: Path, postgres_url: str) -> None:
    with (
        forked_headway_serve(folder, "--workers", str(WORKERS), database_url=postgres_url) as running,
        session(postgres_url) as operator,
    ):
        operator.execute(NEWER)  # the parent has looked at it, the workers will
        assert running.process.wait(60) == 1
        assert refuses_connections(running)
    assert running.log[-1] == "error: No worker could start; the log above says why.\n"
    assert "version 99" in "".join(running.log)


def test_a_worker_that_could_not_start_is_started_later(service: Running, shared_url: str) -> None:
    with session(shared_url) as operator:
        [(version, compatible_from)] = operator.rows("SELECT version, compatible_from FROM schema_version")
        operator.execute(NEWER)
        os.kill(workers(service)[0], signal.SIGKILL)
        eventually(lambda: "exit_code=3" in "".join(service.log), A_START)
        assert get(service, "/readyz").status_code == 200
        operator.execute(f"UPDATE schema_version SET version = {version}, compatible_from = {compatible_from}")
    eventually(lambda: all_answer(service), A_START)


def test_workers_do_not_outlive_their_parent(folder: Path, postgres_url: str) -> None:
    with serving_workers(folder, database_url=postgres_url) as running:
        running.process.kill()
        eventually(lambda: refuses_connections(running))
    assert len(re.findall(r"Finished server process \[\d+\]", "".join(running.log))) == WORKERS
    assert "Traceback" not in "".join(running.log)


def test_workers_serve_when_the_disk_for_their_metrics_is_full(folder: Path, postgres_url: str) -> None:
    """On a full disk, a write to a file that is mapped into memory ends the process (SIGBUS)."""
    (small := folder / "small").mkdir()
    mounted = ["unshare", "--map-root-user", "--mount", "sh", "-c", FULL_DISK, str(small)]
    process = subprocess.Popen(
        [*mounted, str(HEADWAY), "serve", "--port", "0", "--workers", str(WORKERS)],
        cwd=folder,
        env=service_environment(folder, database_url=postgres_url) | {"TMPDIR": str(small)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    with answering(process, process.stderr) as running:
        eventually(lambda: all_answer(running), A_START)
        for progress in new_lesson_progress(running, learners=4):
            assert write(running, progress).status_code == 200
        assert PUT_LESSON in get(running, "/metrics").text
        assert running.stop() == 0
    log = "".join(running.log)
    assert log.count("metrics_not_shared") == WORKERS
    assert "worker_replaced" not in log


def figures(answer: httpx.Response) -> dict[str, float]:
    """Return the figures of /metrics, by name and labels."""
    lines = (line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def queue_length(client: httpx.Client) -> float:
    return figures(client.get("/metrics"))["headway_queue_writes"]


def worker_of(answer: httpx.Response) -> str:
    """Which worker answered: what it begins the ids with that it gives to requests."""
    return str(answer.headers["X-Request-ID"]).partition("-")[0]


def workers(running: Running) -> list[int]:
    """Return the processes of the workers that have started and still run."""
    started = map(int, re.findall(r"Started server process \[(\d+)\]", "".join(running.log)))
    return [pid for pid in started if exists(pid)]


def all_answer(running: Running) -> bool:
    """Return whether a few requests reach every worker."""
    return len({worker_of(get(running, "/healthz")) for _ in range(4 * WORKERS)}) == WORKERS


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def kill_under_load(running: Running, victim: int, all_progress: list[Written]) -> None:
    """Kill a worker that has answered writes; returns when another one is in its place."""
    before = [progress.acknowledged for progress in all_progress]
    with players(running, all_progress):
        eventually(
            lambda: all(progress.acknowledged > seen for progress, seen in zip(all_progress, before, strict=True))
        )
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: victim not in workers(running) and len(workers(running)) == WORKERS, A_START)


def check_nothing_was_lost(running: Running, all_progress: list[Written]) -> None:
    found = stored(running, all_progress)
    for progress in all_progress:
        kept = found[progress.learner, progress.lesson_id]
        assert progress.acknowledged <= kept["quiz_attempts"] <= progress.sent
        assert kept["time_spent_minutes"] == kept["quiz_attempts"] / 4
