import os
import random
import secrets
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from support.database import read_only, write_ahead_log
from support.load import Written, players, stored
from support.program import forked_headway_serve, headway
from support.running import Running, course, eventually

ROUNDS = 25
# The rounds of a failed run can be asked for again: its message names the seed.
SEED = int(os.environ.get("HEADWAY_TESTS_CRASH_SEED") or secrets.randbelow(2**32))


def test_acknowledged_writes_survive_a_kill_at_any_moment(folder: Path, all_progress: list[Written]) -> None:
    chance = random.Random(SEED)
    for round_ in range(1, ROUNDS + 1):
        where = f"round {round_} of HEADWAY_TESTS_CRASH_SEED={SEED}"
        with forked_headway_serve(folder) as running:
            check_progress(running, all_progress, where)
            assert integrity(folder) == "ok", where
            kill_under_load(running, all_progress, after=chance.uniform(0, 0.12))
        assert write_ahead_log(folder).stat().st_size, f"no log to recover from in {where}"
    with forked_headway_serve(folder) as running:
        check_progress(running, all_progress, f"the end of HEADWAY_TESTS_CRASH_SEED={SEED}")
        assert integrity(folder) == "ok"
        running.put_course(course())
        running.stop()
    check_main_file(folder, all_progress)
    verified = headway(folder, "verify")
    assert verified.code == 0, f"{verified} at the end of HEADWAY_TESTS_CRASH_SEED={SEED}"


def kill_under_load(running: Running, all_progress: list[Written], after: float) -> None:
    """Kill the service once a write of every learner is acknowledged, `after` seconds later."""
    before = written(all_progress)
    with players(running, all_progress):
        eventually(lambda: all(now > then for now, then in zip(written(all_progress), before, strict=True)))
        time.sleep(after)  # the moment is what the test is about: there is no condition to wait for
        running.process.kill()
        running.process.wait(20)


def written(all_progress: list[Written]) -> list[int]:
    """Return how many writes were acknowledged of each learner."""
    acknowledged: Counter[str] = Counter()
    for progress in all_progress:
        acknowledged[progress.learner] += progress.acknowledged
    return list(acknowledged.values())


def check_progress(restarted: Running, all_progress: list[Written], where: str) -> None:
    found = stored(restarted, all_progress)
    for progress in all_progress:
        kept = found.get((progress.learner, progress.lesson_id))
        value = kept["quiz_attempts"] if kept else 0
        assert progress.acknowledged <= value <= progress.sent, f"{progress} has {value} in {where}"
        assert kept is None or kept["time_spent_minutes"] == value / 4, f"{progress} is torn in {where}"


def check_main_file(folder: Path, all_progress: list[Written]) -> None:
    """Once stopped as it should be, a service leaves all of it in the one file that a backup would take."""
    assert not write_ahead_log(folder).exists()
    with closing(read_only(folder, "immutable=1")) as connection:
        kept = connection.execute("SELECT user_id, lesson_id, quiz_attempts FROM lesson_progress").fetchall()
    values = {(learner, lesson): attempts for learner, lesson, attempts in kept}
    assert all(values[progress.learner, progress.lesson_id] >= progress.acknowledged for progress in all_progress)


def integrity(folder: Path) -> str:
    with closing(read_only(folder)) as connection:
        [[verdict]] = connection.execute("PRAGMA integrity_check").fetchall()
    return str(verdict)
