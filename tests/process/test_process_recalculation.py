"""Recalculations by real processes that are killed, lose their database, or share the work."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

import pytest

from headway.domain.catalogue import Course, Lesson
from headway.domain.identifiers import ContentId, CourseId, LearnerId, LessonId
from headway.domain.progress import ProgressUpdate, Status
from headway.domain.writes import LessonWrite
from storage.stores import opened, stores_on
from support.database import write_lock
from support.documents import document_file
from support.load import Written, players
from support.program import Program
from support.running import Running, course, eventually, lesson
from support.tables import execute, rows

LEARNERS: Final = 2_500
FINISHED: Final = cast("ProgressUpdate", {"status": Status.COMPLETED})
RUN_OUT: Final = "UPDATE recalculations SET leased_until = '1970-01-01'"


@pytest.fixture
def program(folder: Path, database_url: str) -> Program:
    return Program(folder, database_url)


@pytest.fixture
def document() -> dict[str, Any]:
    return course(lesson(), lesson(), id=str(uuid4()))


def fill(program: Program, document: dict[str, Any], learners: int = LEARNERS) -> Sequence[LearnerId]:
    """Write progress of learners who completed the first lesson of the course. Return their ids."""
    lessons = [Lesson(LessonId(one["id"]), one["title"], ContentId(one["id"])) for one in document["lessons"]]
    made = Course(CourseId(document["id"]), document["title"], tuple(lessons))
    ids = [LearnerId(str(uuid4())) for _ in range(learners)]

    async def run() -> None:
        async with opened(stores_on(program.database_url, program.folder)(queue_limit=learners)) as store:
            await store.put_course(made)
            writes = (LessonWrite(learner, made.id, lessons[0].id, FINISHED) for learner in ids)
            await asyncio.gather(*map(store.write, writes))

    asyncio.run(run())
    return ids


def shorter(document: dict[str, Any]) -> dict[str, Any]:
    """Return the course without its second lesson, so that all learners have completed it."""
    return document | {"lessons": document["lessons"][:1]}


def how_far(running: Running, course_id: str) -> dict[str, int] | None:
    with running.client() as client:
        found: dict[str, int] | None = client.get(f"/courses/{course_id}").json()["recalculation"]
    return found


def figures(running: Running, course_id: str) -> tuple[int, int]:
    with running.client(None, "statistics:read") as client:
        found = client.get(f"/statistics/{course_id}").json()
    return found["learners"], found["completed"]


def let_the_lease_run_out(program: Program) -> None:
    """End the lease of the recalculation, as a minute would."""
    execute(program.database_url, RUN_OUT)


def half_way(running: Running, course_id: str) -> Callable[[], bool]:
    def is_half_way() -> bool:
        found = how_far(running, course_id)
        assert found is not None, "it was done before it could be broken off"
        return 0 < found["done"] < found["learners"]

    return is_half_way


def check_exact(program: Program) -> None:
    finished = program("verify")
    assert finished.code == 0, finished


def test_a_killed_recalculation_continues(program: Program, document: dict[str, Any]) -> None:
    learners = len(fill(program, document, 4 * LEARNERS))  # so many that the kill comes before the second half is done
    course_id = document["id"]
    with program.serve() as running:
        running.put_course(shorter(document), course_id)
        eventually(half_way(running, course_id))
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(20)
    let_the_lease_run_out(program)
    [(done, of_all)] = rows(program.database_url, "SELECT done, learners FROM recalculations")
    assert 0 < done < of_all == learners
    with program.serve() as running:
        eventually(lambda: how_far(running, course_id) is None)
        assert figures(running, course_id) == (learners, learners)
        eventually(lambda: any("recalculation_finished" in line for line in running.log))
    check_exact(program)


def test_a_stop_does_not_wait_for_a_recalculation(program: Program, document: dict[str, Any]) -> None:
    fill(program, document, 4 * LEARNERS)  # so many that the second half of them takes longer than to ask for the stop
    with program.serve() as running:
        running.put_course(shorter(document), document["id"])
        eventually(half_way(running, document["id"]))
        running.stop()
        assert not any("recalculation_finished" in line for line in running.log)
    check_exact(program)


def test_figures_are_exact_after_writes_during_a_recalculation(program: Program, document: dict[str, Any]) -> None:
    learners = fill(program, document)
    first = document["lessons"][0]["id"]
    all_progress = [Written(learner, document["id"], first) for learner in (*learners[:2], str(uuid4()))]
    with program.serve() as running, players(running, all_progress) as started:
        eventually(lambda: all(progress.acknowledged for progress in all_progress))
        running.put_course(shorter(document), document["id"])
        before = [progress.acknowledged for progress in all_progress]
        eventually(lambda: how_far(running, document["id"]) is None)
        assert all(progress.acknowledged > count for progress, count in zip(all_progress, before, strict=True))
        eventually(lambda: all_progress[-1].acknowledged > 100)  # the whole lesson
        assert figures(running, document["id"]) == (LEARNERS + 1, LEARNERS + 1)
        assert [player.refusals for player in started] == [[]] * len(all_progress)
    check_exact(program)


def test_the_service_recalculates_a_course_that_the_command_line_put(
    program: Program, document: dict[str, Any]
) -> None:
    fill(program, document, learners=20)
    file = document_file(program.folder / "course.json", shorter(document))
    with program.serve() as running:
        finished = program("courses", "put", "--dry-run", str(file))
        assert finished.code == 0
        assert "1 removed; of 20 learners 20 would gain the course's completion, 0 would lose it" in finished.out
        assert figures(running, document["id"]) == (20, 0)
        assert program("courses", "put", str(file)).code == 0
        eventually(lambda: figures(running, document["id"]) == (20, 20))
        eventually(lambda: how_far(running, document["id"]) is None)
    check_exact(program)


def test_a_recalculation_continues_after_an_outage_of_the_database(folder: Path, document: dict[str, Any]) -> None:
    program = Program(folder, f"sqlite:///{folder}/headway.db")
    fill(program, document)
    assert program("courses", "put", str(document_file(folder / "course.json", shorter(document)))).code == 0
    with ExitStack() as stack:
        # The outage begins before the service does: the recalculation can not be over before it.
        with write_lock(folder):
            running = stack.enter_context(program.serve(lock_seconds=0.05))
            eventually(lambda: any("BusyError" in line for line in running.log))
            assert how_far(running, document["id"]) == {"done": 0, "learners": LEARNERS}
        eventually(lambda: how_far(running, document["id"]) is None)
        assert figures(running, document["id"]) == (LEARNERS, LEARNERS)
    check_exact(program)
