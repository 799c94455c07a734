"""Atomic imports on SQLite: all lines or none, beside other writes, a kill and another process."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from domain.values import lesson
from headway.domain.catalogue import Course
from headway.domain.dating import NO_TIMES, Times
from headway.domain.errors import LessonNotFoundError, RefusedWriteError
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import ProgressUpdate, Status
from headway.domain.removals import Restart
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Written
from headway.jobs.runner import Runner
from headway.jobs.upkeep import Finisher
from headway.storage.sqlite import SqliteStore
from headway.storage.sqlite.promises import (
    LINES_OF_A_PIECE,
    Lines,
    any_promised,
    from_writes,
    key_of,
    last_set_aside,
    pieces_of,
    to_writes,
)
from storage.processes import TOGETHER
from storage.stores import (
    exact_tally,
    lesson_progress_of,
    merge_write,
    new_course,
    new_learner,
    opened,
    sqlite_store,
    written,
)

pytestmark = pytest.mark.slow

MANY = TOGETHER
TOO_MUCH = {"drawing": "x" * 10_000}


def lines_for(learners: Sequence[LearnerId], course: Course) -> list[LessonWrite]:
    return [merge_write(learner, course, lesson(1), quiz_attempts=2) for learner in learners]


async def attempts(store: SqliteStore, learners: Sequence[LearnerId], course: Course) -> list[int]:
    """Return the attempts of those learners who have progress in the first lesson."""
    readings = [await store.lesson(learner, course.id, lesson(1).id) for learner in learners]
    return [reading.lesson_progress.quiz_attempts for reading in readings if reading.lesson_progress]


class Importing(NamedTuple):
    """An import of a line for each of many learners, sorted, that is under way."""

    store: SqliteStore
    course: Course
    learners: Sequence[LearnerId]
    writing: asyncio.Task[Sequence[Written | bool]]


@asynccontextmanager
async def importing(folder: Path) -> AsyncIterator[Importing]:
    store = sqlite_store(folder)
    async with opened(store):
        course = await new_course(store)
        learners = sorted(new_learner() for _ in range(MANY))
        writing = asyncio.create_task(store.write_all(lines_for(learners, course)))
        yield Importing(store, course, learners, writing)


async def promised(store: SqliteStore) -> None:
    while not store._reader.read(any_promised):  # noqa: ASYNC110 - there is nothing that tells
        await asyncio.sleep(0)


async def being_decided(store: SqliteStore) -> None:
    while store._together._deciding is None:  # noqa: ASYNC110 - there is nothing that tells
        await asyncio.sleep(0)


def changed(found: Sequence[Written | bool]) -> list[bool]:
    return [isinstance(one, Written) and one.after != one.before for one in found]


async def test_learners_write_during_an_atomic_import(folder: Path) -> None:
    async with importing(folder) as (store, course, learners, writing):
        others = 0
        while not writing.done():
            learner = learners[others * 37 % MANY]
            progress = await written(store, merge_write(learner, course, lesson(1), video_position_seconds=others + 1))
            assert progress.video_position_seconds == others + 1
            others += 1
        assert changed(await writing) == [True] * MANY
        assert others > 20
        assert await attempts(store, learners, course) == [2] * MANY
        assert changed(await store.write_all(lines_for(learners, course))) == [False] * MANY
        for learner in learners[:50]:
            assert (await exact_tally(store, learner, course)).in_progress_lessons == 1


async def test_promised_lines_come_before_the_learners_next_write(folder: Path) -> None:
    async with importing(folder) as (store, course, learners, writing):
        await promised(store)
        last = learners[-1]
        answer = await store.write(merge_write(last, course, lesson(1), quiz_attempts=1))
        assert not writing.done()
        assert answer.before is not None
        assert answer.before.quiz_attempts == 2
        assert "quiz_attempts" in answer.kept
        await writing


async def test_a_line_that_becomes_wrong_during_the_import_refuses_all_lines(folder: Path) -> None:
    store = sqlite_store(folder)
    async with opened(store):
        course = await new_course(store)
        learners = [new_learner() for _ in range(MANY)]
        lines = [merge_write(learner, course, lesson(1), metadata=TOO_MUCH) for learner in learners]
        writing = asyncio.create_task(store.write_all(lines))
        await being_decided(store)
        await written(store, merge_write(learners[3], course, lesson(1), metadata={"another": "x" * 10_000}))
        with pytest.raises(RefusedWriteError) as refused:
            await writing
        assert refused.value.position == 3
        all_progress = [await lesson_progress_of(store, learner, course) for learner in learners]
        assert [len(some) for some in all_progress] == [int(position == 3) for position in range(MANY)]


async def test_a_course_edit_during_the_import_decides(folder: Path) -> None:
    async with importing(folder) as (store, course, learners, writing):
        await being_decided(store)
        await store.remove_course(course.id)
        with pytest.raises(RefusedWriteError):
            await writing
        await store.put_course(course)
        assert await attempts(store, learners, course) == []


async def test_the_first_refused_line_is_named(folder: Path) -> None:
    store = sqlite_store(folder)
    async with opened(store):
        course = await new_course(store)
        lines = lines_for([new_learner() for _ in range(MANY)], course)
        for position in (1_500, 700):
            lines[position] = lines[position]._replace(lesson_id=LessonId("another"))
        with pytest.raises(RefusedWriteError) as refused:
            await store.write_all(lines)
        assert refused.value.position == 700
        assert isinstance(refused.value.refusal, LessonNotFoundError)
        assert await attempts(store, [line.learner_id for line in lines], course) == []


async def test_a_learner_who_is_erased_after_a_promise_stays_erased(folder: Path) -> None:
    async with importing(folder) as (store, course, learners, writing):
        await promised(store)
        assert await store.erase(learners[-1])
        await writing
        assert not any(await store.learner_record(learners[-1]))
        assert await attempts(store, learners, course) == [2] * (MANY - 1)


@pytest.mark.parametrize("moment", ["deciding", "set aside", "promised", "half"])
def test_a_kill_during_the_import_leaves_all_lines_or_none(folder: Path, moment: str) -> None:
    """A kill before the promise leaves nothing. After a kill behind the promise, the next start writes the rest."""
    written_later = moment in {"promised", "half"}
    command = [sys.executable, "-m", "storage.processes", "together", str(folder), moment]
    died = subprocess.run(command, cwd=Path(__file__).parents[1], env=os.environ, check=False, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr

    async def look() -> None:
        store = sqlite_store(folder)
        async with opened(store):
            [course_id] = [outline.id for outline in await store.courses()]
            course = (await store.course(course_id)).course
            record = await store.archive.lesson_progress(None, MANY + 1)
            assert len(record) == (MANY if written_later else 0)
            assert not store._reader.read(any_promised)
            assert store._reader.read(last_set_aside) is None
            if record:
                assert await exact_tally(store, record[0].learner_id, course)

    asyncio.run(look())


@pytest.mark.parametrize("moment", ["set aside", "half"])
async def test_lines_of_a_killed_process_are_soon_removed_or_written(folder: Path, moment: str) -> None:
    store = sqlite_store(folder)
    async with opened(store):
        command = [sys.executable, "-m", "storage.processes", "together", str(folder), moment]
        process = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[1])
        assert await process.wait() == -signal.SIGKILL
        async with Runner([Finisher(store)]).working(), asyncio.timeout(20):
            while store._reader.read(any_promised) or store._reader.read(last_set_aside):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        assert len(await store.archive.lesson_progress(None, MANY + 1)) == (MANY if moment == "half" else 0)


def test_set_aside_lines_are_read_back_unchanged() -> None:
    noon = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
    course = CourseId(str(uuid4()))
    update: ProgressUpdate = {"status": Status.COMPLETED, "quiz_score": 0.1, "metadata": {"a": [None, 1.0, 1]}}
    write = LessonWrite(new_learner(), course, lesson(1).id, update, is_imported=True)
    dated = write._replace(written_by=new_learner(), times=Times(noon, None, noon))
    kept = to_writes(from_writes([write, dated, write._replace(update=None)]))
    assert kept == [write, dated, write._replace(update=None)]
    assert kept[0].times is NO_TIMES
    assert kept[0].precondition is UNCONDITIONAL
    assert repr(kept[0].update) == repr(write.update)


@pytest.mark.parametrize("sizes", [[1] * 20, [3, 30, 2, 8, 9], [17], [5, 4, 4]])
def test_lines_of_one_learner_in_a_course_keep_their_order_in_pieces_of_their_own(sizes: Sequence[int]) -> None:
    course = CourseId(str(uuid4()))
    keys = [key for size in sizes for key in [(new_learner(), course)] * size]
    writes = [
        LessonWrite(*key, lesson(1).id, {"quiz_attempts": position}, is_imported=True)
        for position, key in enumerate(keys)
    ]
    lines: Lines = {}
    for position, write in enumerate(writes):
        lines.setdefault(key_of(write), []).append((position, write))
    pieces = [(piece.key, to_writes(piece.lines)) for piece in pieces_of(lines)]
    assert all({"".join(key_of(write)) for write in held} == {key} for key, held in pieces)
    assert max(len(held) for _, held in pieces) <= LINES_OF_A_PIECE
    kept = [write for _, held in pieces for write in held]
    assert sorted(kept, key=position_of) == writes
    for key, own in lines.items():
        assert [write for write in kept if key_of(write) == key] == [write for _, write in own]


def position_of(write: LessonWrite) -> int:
    return (write.update or {})["quiz_attempts"] or 0


async def test_writes_during_a_second_decision_are_included(folder: Path) -> None:
    """The process knows of a batch before its commit makes it readable."""
    async with importing(folder) as (store, course, learners, writing):
        await being_decided(store)
        rounds = 0
        while not writing.done() and rounds < 5:
            own = [
                merge_write(learner, course, lesson(1), video_position_seconds=rounds + 1) for learner in learners[:200]
            ]
            await asyncio.gather(*map(store.write, own))
            rounds += 1
        assert changed(await writing) == [True] * MANY
        assert await attempts(store, learners, course) == [2] * MANY


async def test_an_earlier_promise_of_another_process_is_included(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = sqlite_store(folder), sqlite_store(folder)
    async with opened(one), opened(other):
        course = await new_course(one)
        learners = [new_learner() for _ in range(100)]
        theirs = [merge_write(learner, course, lesson(1), metadata={"other": "y" * 10_000}) for learner in learners]
        ours = [merge_write(learner, course, lesson(1), metadata=TOO_MUCH) for learner in learners]
        write_promised = one._together.write_promised

        async def write_promised_and_be_late() -> None:
            await write_promised()
            if not await attempts(other, learners[:1], course) and not other._reader.read_anew(any_promised):
                assert await other._together._promise(theirs) is not None

        monkeypatch.setattr(one._together, "write_promised", write_promised_and_be_late)
        with pytest.raises(RefusedWriteError):
            await one.write_all(ours)


async def test_lines_that_another_process_removes_are_set_aside_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process can not distinguish pieces of a running import from those of a killed one."""
    one, other = sqlite_store(folder), sqlite_store(folder)
    async with opened(one), opened(other):
        course = await new_course(one)
        learners = [new_learner() for _ in range(MANY)]
        make, attempted = one._together._make, 0

        async def removed_by_another(promise: str, wanted: Any) -> bool:
            nonlocal attempted
            attempted += 1
            if attempted == 1:
                await other._together.tidy()
            return await make(promise, wanted)

        monkeypatch.setattr(one._together, "_make", removed_by_another)
        await one.write_all(lines_for(learners, course))
        assert attempted >= 2
        assert await attempts(one, learners, course) == [2] * MANY


@pytest.mark.parametrize("own", [False, True], ids=["of others", "of the import"])
async def test_changes_of_other_learners_do_not_restart_an_import(
    folder: Path, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite_store(folder)
    async with opened(store):
        course, another = await new_course(store), await new_course(store)
        learners, stranger = [new_learner() for _ in range(MANY)], new_learner()
        attempted: list[object] = []
        promise = store._together._promise

        async def counted(writes: Sequence[LessonWrite]) -> Sequence[Written] | None:
            attempted.append(await promise(writes))
            return attempted[-1]  # type: ignore[return-value] # what was just appended

        monkeypatch.setattr(store._together, "_promise", counted)
        writing = asyncio.create_task(store.write_all(lines_for(learners, course)))
        await being_decided(store)
        await store.restart_course(Restart(learners[0] if own else stranger, course.id))
        await store.erase(stranger)
        await store.remove_course(another.id)
        await writing
        assert [one is None for one in attempted] == ([True, False] if own else [False])
        assert await attempts(store, learners, course) == [2] * MANY
