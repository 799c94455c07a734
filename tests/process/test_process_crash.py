import os
import random
import secrets
import time
from contextlib import closing
from pathlib import Path

from support.database import read_only, write_ahead_log
from support.load import Written, players, stored
from support.program import forked_headway_serve, headway
from support.running import Running, course, eventually

ROUNDS = 25
# The rounds of a failed run can be asked for again: its message names the seed.
SEED = int(os.environ.get("HEADWAY_TESTS_CRASH_SEED") or secrets.randbelow(2**32))


def test_acknowledged_writes_survive_a_kill_at_any_moment(folder: Path, rows: list[Written]) -> None:
    chance = random.Random(SEED)
    for round_ in range(1, ROUNDS + 1):
        where = f"round {round_} of HEADWAY_TESTS_CRASH_SEED={SEED}"
        with forked_headway_serve(folder) as running:
            check_rows(running, rows, where)
            assert integrity(folder) == "ok", where
            kill_under_load(running, rows, after=chance.uniform(0, 0.12))
        assert write_ahead_log(folder).stat().st_size, f"no log to recover from in {where}"
    assert all(row.acknowledged > ROUNDS for row in rows), "the load was no load"
    with forked_headway_serve(folder) as running:
        check_rows(running, rows, f"the end of HEADWAY_TESTS_CRASH_SEED={SEED}")
        assert integrity(folder) == "ok"
        running.put_course(course())
        running.stop()
    check_main_file(folder, rows)
    verified = headway(folder, "verify")
    assert verified.code == 0, f"{verified} at the end of HEADWAY_TESTS_CRASH_SEED={SEED}"


def kill_under_load(running: Running, rows: list[Written], after: float) -> None:
    before = [row.acknowledged for row in rows]
    with players(running, rows):
        eventually(lambda: before != [row.acknowledged for row in rows])
        time.sleep(after)  # the moment is what the test is about: there is no condition to wait for
        running.process.kill()
        running.process.wait(20)


def check_rows(restarted: Running, rows: list[Written], where: str) -> None:
    found = stored(restarted, rows)
    for row in rows:
        kept = found.get((row.learner, row.lesson_id))
        value = kept["quiz_attempts"] if kept else 0
        assert row.acknowledged <= value <= row.sent, f"{row} has {value} in {where}"
        assert kept is None or kept["time_spent_minutes"] == value / 4, f"{row} is torn in {where}"


def check_main_file(folder: Path, rows: list[Written]) -> None:
    """Once stopped as it should be, a service leaves all of it in the one file that a backup would take."""
    assert not write_ahead_log(folder).exists()
    with closing(read_only(folder, "immutable=1")) as connection:
        kept = connection.execute("SELECT user_id, lesson_id, quiz_attempts FROM lesson_progress").fetchall()
    values = {(learner, lesson): attempts for learner, lesson, attempts in kept}
    assert all(values[row.learner, row.lesson_id] >= row.acknowledged for row in rows)


def integrity(folder: Path) -> str:
    with closing(read_only(folder)) as connection:
        [[verdict]] = connection.execute("PRAGMA integrity_check").fetchall()
    return str(verdict)
