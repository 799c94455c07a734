"""What the tests of the SQLite store let other processes do: `python -m storage.processes <what> <folder>`.

Each result is a line of JSON.
"""

import asyncio
import json
import multiprocessing
import os
import resource
import signal
import sys
from itertools import count
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import structlog

from domain.values import lesson
from headway.domain.errors import HeadwayError, StoreUnavailableError
from headway.storage.shared.statements import COUNT_LESSON_PROGRESS
from headway.storage.sqlite import SqliteStore
from headway.storage.sqlite.promises import any_promised, last_set_aside
from headway.storage.sqlite.rows import fetch
from storage.disks import DeadlyDisk
from storage.stores import exact_tally, lesson_progress_of, merge_write, new_course, new_learner, opened, sqlite_store

FORKS = multiprocessing.get_context("fork")
ROUNDS = 20
LIMIT = 256 * 1024
TOGETHER = 2_000


def open_at_once(folder: Path) -> None:
    """Two processes open a new database at the same moment, round after round."""
    barrier, answers = FORKS.Barrier(2), FORKS.SimpleQueue()
    for _ in range(2):
        FORKS.Process(target=_open_each, args=(folder, barrier, answers)).start()
    _answer([answers.get(), answers.get()])


def _open_each(folder: Path, barrier: Barrier, answers: SimpleQueue[list[Any]]) -> None:
    results = []
    for round_ in range(ROUNDS):
        position = folder / str(round_)
        position.mkdir(exist_ok=True)
        barrier.wait(20)
        results.append(asyncio.run(_opening(position)))
    answers.put(results)


async def _opening(folder: Path) -> list[str] | str:
    store = sqlite_store(folder)
    try:
        applied = await store.open()
    except HeadwayError as error:
        return f"{type(error).__name__}: {error}"
    await store.close()
    return list(applied)


def fill_disk(folder: Path) -> None:
    """Write until no file can grow any more, then have room again."""
    _answer(asyncio.run(_filling(sqlite_store(folder))))


async def _filling(store: SqliteStore) -> dict[str, Any]:
    async with opened(store):
        learner, course = new_learner(), await new_course(store, *(lesson(number) for number in range(200)))
        # Python ignores SIGXFSZ: a write beyond the limit fails as it does on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
        acknowledged: list[str] = []
        refused = 0
        for of in course.lessons:
            try:
                await store.write(merge_write(learner, course, of, user_notes="x" * 5_000, time_spent_minutes=0.1))
            except StoreUnavailableError:
                refused += 1
            else:
                acknowledged.append(of.id)
        found = list(await lesson_progress_of(store, learner, course))
        tally = await exact_tally(store, learner, course)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        last = await store.write(merge_write(learner, course, course.lessons[-1], time_spent_minutes=0.1))
        assert last.after is not None
        acknowledged.append(last.after.lesson_id)
    return {
        "learner": learner,
        "course": course.id,
        "acknowledged": acknowledged,
        "refused": refused,
        "read while full": found,
        "minutes while full": tally.micro_minutes / 1_000_000,
    }


def die_everywhere(folder: Path) -> None:
    """Live a short life in a folder for each, killed at the first change to the disk, the second, and so on.

    Answers the folders of those that were killed.
    """
    killed: list[str] = []
    for change in count(1):
        position = folder / str(change)
        position.mkdir()
        child = os.fork()
        if child == 0:
            disk = DeadlyDisk(change)
            asyncio.run(_living(position))
            disk.unregister()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        assert os.WIFSIGNALED(status), "it failed before the change that is to kill it"
        killed.append(position.name)
    _answer(killed)


async def _living(folder: Path) -> None:
    """Make a database and write a little, noting what was acknowledged."""
    with (folder / "acknowledged").open("w", buffering=1) as notes:
        async with opened(sqlite_store(folder)) as store:
            learner, course = new_learner(), await new_course(store)
            notes.write(f"{learner}\n{course.id}\n")
            for of in course.lessons:
                await store.write(merge_write(learner, course, of, time_spent_minutes=0.1))
                notes.write(f"{of.id}\n")


def write_together_and_die(folder: Path) -> None:
    """Be killed while many lines are written together: at the moment that the command line names."""
    asyncio.run(_writing_together(folder, sys.argv[3]))


async def _writing_together(folder: Path, moment: str) -> None:
    async with opened(store := sqlite_store(folder)):
        course = await new_course(store)
        lines = [merge_write(new_learner(), course, lesson(1), quiz_attempts=1) for _ in range(TOGETHER)]
        writing = asyncio.create_task(store.write_all(lines))
        while not _has_come(moment, store):
            assert not writing.done()
            await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGKILL)


def _has_come(moment: str, store: SqliteStore) -> bool:
    if moment == "deciding":
        return store._together._deciding is not None
    if moment == "set aside":
        return store._reader.read(last_set_aside) is not None
    is_promised = store._reader.read(any_promised)
    return is_promised and (moment == "promised" or bool(store._reader.read(fetch, COUNT_LESSON_PROGRESS)[0][0]))


def _answer(result: object) -> None:
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    does = {"open": open_at_once, "fill": fill_disk, "die": die_everywhere, "together": write_together_and_die}
    does[sys.argv[1]](Path(sys.argv[2]))
