import resource
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from support.database import write_ahead_log, write_lock
from support.load import Written, stored, write
from support.probes import get, queued_writes
from support.program import forked_headway_serve, headway
from support.running import Running, check_unavailable, eventually

Failure = Callable[[Path, Running], AbstractContextManager[None]]
DATABASE_FILES = ("headway.db", "headway.db-wal", "headway.db-shm")


@contextmanager
def disk_full(_folder: Path, running: Running) -> Iterator[None]:
    """Let no file of the process grow. Python ignores SIGXFSZ, so a write fails as on a full disk."""
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    yield
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def locked(folder: Path, _running: Running) -> Iterator[None]:
    with write_lock(folder):
        yield


@contextmanager
def moved_away(folder: Path, _running: Running) -> Iterator[None]:
    with elsewhere(folder, ["headway.db"]):
        yield


@contextmanager
def moved_away_with_its_log(folder: Path, _running: Running) -> Iterator[None]:
    with elsewhere(folder, DATABASE_FILES):
        yield


@contextmanager
def elsewhere(folder: Path, names: Iterable[str]) -> Iterator[None]:
    away = folder / "away"
    away.mkdir()
    move(names, folder, away)
    yield
    move(names, away, folder)
    away.rmdir()


def move(names: Iterable[str], source: Path, target: Path) -> None:
    for name in names:
        (source / name).rename(target / name)


@pytest.mark.parametrize("failure", [disk_full, locked, moved_away, moved_away_with_its_log])
def test_a_write_that_can_not_be_stored_is_refused_until_the_cause_is_gone(
    folder: Path, all_progress: list[Written], failure: Failure
) -> None:
    first, second, *_ = all_progress
    with forked_headway_serve(folder, lock_seconds=0.3) as running:
        assert write(running, first, 1).status_code == 200
        for value in (2, 3):
            with failure(folder, running):
                check_unavailable(write(running, second, 9))
                check_unavailable(write(running, first, 9))
                assert get(running, "/healthz").status_code == 200
            assert values(running, all_progress) == {first.lesson_id: value - 1}
            assert write(running, first, value).status_code == 200
            assert get(running, "/readyz").status_code == 200
        assert write(running, second, 1).status_code == 200
        running.process.kill()
        running.process.wait(20)
    with forked_headway_serve(folder) as restarted:
        assert values(restarted, all_progress) == {first.lesson_id: 3, second.lesson_id: 1}


@pytest.mark.parametrize("failure", [disk_full, locked])
def test_reads_continue_while_writes_are_impossible(
    folder: Path, all_progress: list[Written], failure: Failure
) -> None:
    with forked_headway_serve(folder, lock_seconds=0.3) as running:
        assert write(running, all_progress[0], 1).status_code == 200
        assert values(running, all_progress) == {all_progress[0].lesson_id: 1}
        with failure(folder, running):
            check_unavailable(write(running, all_progress[0], 2))
            assert values(running, all_progress) == {all_progress[0].lesson_id: 1}
            assert get(running, "/readyz").status_code == 200


@pytest.mark.parametrize("failure", [moved_away, moved_away_with_its_log])
def test_a_service_without_its_database_is_alive_and_not_ready(
    folder: Path, all_progress: list[Written], failure: Failure
) -> None:
    progress = all_progress[0]
    with forked_headway_serve(folder) as running, running.client(progress.learner) as client:
        assert write(running, progress, 1).status_code == 200
        with failure(folder, running):
            eventually(lambda: client.get(progress.path).status_code == 503)  # once no snapshot is kept any more
            for path in (
                progress.path,
                f"/progress/{progress.course_id}",
                f"/progress/{progress.course_id}/summary",
                "/courses",
            ):
                check_unavailable(client.get(path))
            check_unavailable(client.delete(progress.path))
            check_unavailable(client.delete(f"/progress/{progress.course_id}"))
            check_unavailable(get(running, "/readyz"))
            assert get(running, "/healthz").json()["status"] == "ok"
            assert not (folder / "headway.db").exists(), "it made another database"
        assert get(running, "/readyz").status_code == 200
        assert client.get(progress.path).json()["quiz_attempts"] == 1
    assert "Traceback" not in "".join(running.log)


def test_another_database_at_the_same_path_is_served(
    folder: Path, all_progress: list[Written], tmp_path_factory: pytest.TempPathFactory
) -> None:
    backup = tmp_path_factory.mktemp("backup") / "headway.db"
    shutil.copy(folder / "headway.db", backup)
    progress = all_progress[0]
    with forked_headway_serve(folder) as running, running.client(progress.learner) as client:
        assert write(running, progress, 1).status_code == 200
        assert values(running, all_progress) == {progress.lesson_id: 1}
        with moved_away_with_its_log(folder, running):
            shutil.copy(backup, folder / "headway.db")
            eventually(lambda: client.get(progress.path).status_code == 404)
            assert values(running, all_progress) == {}
            assert write(running, progress, 2).json()["quiz_attempts"] == 2
            for name in DATABASE_FILES:
                (folder / name).unlink()
        assert write(running, progress, 1).json()["quiz_attempts"] == 1
        assert values(running, all_progress) == {progress.lesson_id: 1}


def test_a_database_is_not_mixed_with_the_log_of_the_one_it_replaced(
    folder: Path, all_progress: list[Written], tmp_path_factory: pytest.TempPathFactory
) -> None:
    backup = tmp_path_factory.mktemp("backup") / "headway.db"
    shutil.copy(folder / "headway.db", backup)
    progress = all_progress[0]
    with forked_headway_serve(folder) as running:
        assert write(running, progress, 1).status_code == 200
        with moved_away(folder, running):
            shutil.copy(backup, folder / "headway.db")
            check_unavailable(write(running, progress, 2))
            check_unavailable(get(running, "/readyz"))
            eventually(lambda: "move_away" in "".join(running.log))
        assert values(running, all_progress) == {progress.lesson_id: 1}
        assert write(running, progress, 2).status_code == 200


def test_a_database_is_not_mixed_with_a_log_that_another_process_wrote(
    folder: Path, all_progress: list[Written]
) -> None:
    backup = folder / "backup.db"
    shutil.copy(folder / "headway.db", backup)
    renamed = folder / "renamed.json"
    renamed.write_text((folder / "course.json").read_text().replace("A course", "A renamed course"))
    with forked_headway_serve(folder) as running, running.client(all_progress[0].learner) as client:
        assert [line["title"] for line in client.get("/courses").json()] == ["A course"]
        assert headway(folder, "courses", "put", str(renamed)).code == 0
        backup.replace(folder / "headway.db")
        answer = client.get("/courses")
        assert answer.status_code == 503 or answer.json()[0]["title"] == "A course"


def test_no_write_is_acknowledged_into_a_log_that_was_removed(folder: Path, all_progress: list[Written]) -> None:
    progress = all_progress[0]
    with forked_headway_serve(folder) as running:
        assert write(running, progress, 1).status_code == 200
        write_ahead_log(folder).unlink()
        acknowledged = write(running, progress, 2).status_code == 200
        running.process.kill()
        running.process.wait(20)
    with forked_headway_serve(folder) as restarted:
        assert values(restarted, all_progress)[progress.lesson_id] >= 1 + acknowledged


def test_a_full_queue_refuses_at_once_and_loses_no_accepted_write(folder: Path, all_progress: list[Written]) -> None:
    with (
        forked_headway_serve(folder, queue_limit=2, batch_limit=1, lock_seconds=20) as running,
        ThreadPoolExecutor(len(all_progress)) as pool,
    ):
        with write_lock(folder):
            answers = {
                (progress.learner, progress.lesson_id): pool.submit(write, running, progress, 1)
                for progress in all_progress
            }
            eventually(lambda: sum(answer.done() for answer in answers.values()) == len(all_progress) - 3)
            assert queued_writes(running) == 2
            for answer in answers.values():
                if answer.done():
                    check_unavailable(answer.result())
        taken = {key for key, answer in answers.items() if answer.result(20).status_code == 200}
        assert len(taken) == 3
        assert set(stored(running, all_progress)) == taken


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_the_wait_for_a_lock_does_not_grow_with_other_waiting_writes(
    folder: Path, all_progress: list[Written], method: str
) -> None:
    waiting = all_progress * 4  # one after the other they would wait for 36 seconds, and a client's patience is 20

    def refused(progress: Written) -> None:
        path = progress.path if method == "PUT" else f"/progress/{progress.course_id}"
        with running.client(progress.learner) as client:
            check_unavailable(client.request(method, path, json={}))

    with (
        forked_headway_serve(folder, batch_limit=1, lock_seconds=1) as running,
        ThreadPoolExecutor(len(waiting)) as pool,
        write_lock(folder),
    ):
        list(pool.map(refused, waiting))


def values(running: Running, all_progress: list[Written]) -> dict[str, int]:
    """Return the values of the first learner's lesson progress, by lesson."""
    found = stored(running, [progress for progress in all_progress if progress.learner == all_progress[0].learner])
    return {lesson_id: progress["quiz_attempts"] for (_, lesson_id), progress in found.items()}
