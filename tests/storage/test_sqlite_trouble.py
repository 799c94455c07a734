"""A locked, missing, replaced or full SQLite file loses no acknowledged write."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from domain.values import lesson
from headway.domain.catalogue import Course
from headway.domain.errors import StoreUnavailableError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.ports import Store
from headway.domain.removals import Restart
from headway.domain.writes import LessonWrite
from headway.storage.sqlite import checkpoints, schema
from headway.storage.sqlite.checkpoints import FEW_PAGES
from storage.disks import WatchedDisk, watched_disk
from storage.files import back_up, contents, database, execute, log, long_read, process, write_lock
from storage.stores import (
    catalogued,
    exact_tally,
    lesson_progress_of,
    merge_write,
    new_course,
    opened,
    soon,
    sqlite_store,
    written,
)

PAGE_BYTES: Final = 4096
LEARNER = LearnerId("0d5a6bc8-8e5f-4d5e-9a51-4b7f3d1f6f01")


class Service:
    """A store in use: a course, and a learner with some attempts in its first lesson."""

    def __init__(self, store: Store, course: Course) -> None:
        self.store = store
        self.course = course

    def attempt(self, number: int) -> LessonWrite:
        return merge_write(LEARNER, self.course, lesson(1), quiz_attempts=number)

    async def write(self, number: int) -> None:
        assert (await written(self.store, self.attempt(number))).quiz_attempts == number

    async def attempts(self) -> int:
        progress = (await self.store.lesson(LEARNER, self.course.id, lesson(1).id)).lesson_progress
        assert progress is not None
        return progress.quiz_attempts

    async def assert_unavailable(self) -> None:
        with pytest.raises(StoreUnavailableError):
            await self.store.write(self.attempt(99))
        with pytest.raises(StoreUnavailableError):
            await self.store.lesson(LEARNER, self.course.id, lesson(1).id)
        with pytest.raises(StoreUnavailableError):
            await self.store.course_progress(LEARNER, self.course.id)
        with pytest.raises(StoreUnavailableError):
            await self.store.put_course(Course(self.course.id, "Unavailable", self.course.lessons))
        with pytest.raises(StoreUnavailableError):
            await self.store.probe()


@pytest.fixture
def disk() -> Iterator[WatchedDisk]:
    with watched_disk() as disk:
        yield disk


@pytest.fixture
async def service(folder: Path, disk: WatchedDisk) -> AsyncIterator[Service]:
    """Yield a service with one stored attempt. It waits for a lock for a quarter of a second."""
    assert disk.through.is_set()
    async with opened(sqlite_store(folder, lock_seconds=0.25)) as store:
        service = Service(store, await new_course(store))
        await service.write(1)
        yield service


async def test_a_write_waits_for_another_programs_lock_while_reads_are_answered(folder: Path, service: Service) -> None:
    async with opened(sqlite_store(folder, lock_seconds=20)) as patient:
        with write_lock(folder):
            waiting = [
                asyncio.create_task(patient.write(service.attempt(2))),
                asyncio.create_task(patient.write(service.attempt(3))),
            ]
            edit = asyncio.create_task(patient.put_course(Course(service.course.id, "Later", service.course.lessons)))
            assert not (await asyncio.wait([*waiting, edit], timeout=0.1))[0]
            assert (await patient.lesson(LEARNER, service.course.id, lesson(1).id)).lesson_progress
            assert (await patient.course(service.course.id)).course.title == service.course.title
        assert [(await task).after for task in waiting]
        assert (await edit).change.renamed
        assert await service.attempts() == 3


@pytest.mark.slow
async def test_a_lock_that_is_held_too_long_refuses_writes_and_edits_but_no_reads(
    folder: Path, service: Service
) -> None:
    with write_lock(folder):
        for refused in (
            service.store.write(service.attempt(2)),
            service.store.put_course(Course(service.course.id, "Refused", service.course.lessons)),
            service.store.restart_course(Restart(LEARNER, service.course.id)),
        ):
            with pytest.raises(StoreUnavailableError):
                await refused
        assert await service.attempts() == 1
        await service.store.probe()
    await service.write(3)
    assert (await service.store.course(service.course.id)).course == service.course


@pytest.mark.slow
async def test_every_write_that_waited_too_long_is_refused(folder: Path, service: Service) -> None:
    with write_lock(folder):
        waiting = [service.store.write(service.attempt(number)) for number in range(2, 12)]
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailableError}
    await service.write(12)
    assert (await exact_tally(service.store, LEARNER, service.course)).in_progress_lessons == 1


async def test_reads_answer_the_state_before_a_running_commit(service: Service, disk: WatchedDisk) -> None:
    with disk.held():
        writing = asyncio.create_task(service.store.write(service.attempt(2)))
        await asyncio.to_thread(disk.reached.wait)
        assert await service.attempts() == 1
        assert not writing.done()
    await writing
    assert await service.attempts() == 2


async def test_a_write_that_the_disk_did_not_store_is_not_acknowledged(service: Service, disk: WatchedDisk) -> None:
    disk.broken = True
    for number in (2, 3):
        with pytest.raises(StoreUnavailableError):
            await service.store.write(service.attempt(number))
    disk.broken = False
    await service.write(4)
    assert (await exact_tally(service.store, LEARNER, service.course)).in_progress_lessons == 1


async def test_writes_are_stored_while_a_checkpoint_waits_for_the_disk(
    folder: Path, service: Service, disk: WatchedDisk
) -> None:
    async def is_copied() -> bool:
        return database(folder).name in disk.synced

    with disk.held(only=database(folder).name):
        number = 2
        while not disk.reached.is_set():
            await service.write(number)
            number += 1
        disk.synced.clear()
        for later in range(number, number + 2 * FEW_PAGES):
            await service.write(later)
        assert set(disk.synced) == {log(folder).name}
    await soon(is_copied, answer=True)


async def test_a_checkpoint_that_fails_refuses_no_write(
    folder: Path, service: Service, disk: WatchedDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(checkpoints, "_log", SimpleNamespace(warning=lambda event, **_: logged.append(event)))
    disk.only, disk.broken = database(folder).name, True
    number = 1
    while not logged:
        number += 1
        await service.write(number)
    assert logged[0] == "checkpoint_failed"
    disk.broken = False
    await service.write(number + 1)
    assert execute(database(folder), "SELECT quiz_attempts FROM lesson_progress") == [(number + 1,)]


async def test_a_long_log_begins_again(folder: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "FEW_PAGES", checkpoints.MANY_PAGES)  # nothing is copied before
    monkeypatch.setattr(checkpoints, "MANY_PAGES", 100)
    await service.write(2)
    for number in range(3, 203):
        await service.write(number)
    assert log(folder).stat().st_size < 120 * PAGE_BYTES


async def test_the_store_is_unavailable_while_its_file_is_moved_away(folder: Path, service: Service) -> None:
    await service.write(2)
    elsewhere = database(folder).rename(folder / "elsewhere.db")
    await service.assert_unavailable()
    assert not database(folder).exists(), "no new database in its place"
    elsewhere.rename(database(folder))
    assert await service.attempts() == 2
    await service.write(3)
    assert (await exact_tally(service.store, LEARNER, service.course)).in_progress_lessons == 1


async def test_the_store_is_unavailable_while_its_folder_is_moved_away(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    async with opened(sqlite_store(folder)) as store:
        service = Service(store, await new_course(store))
        await service.write(2)
        elsewhere = folder.rename(tmp_path / "elsewhere")
        await service.assert_unavailable()
        elsewhere.rename(folder)
        assert await service.attempts() == 2
        await service.write(3)


def restore(folder: Path, backup: Path) -> None:
    """Put a backup in the database's place, and the former one's log away, as the documentation asks."""
    log(folder).unlink(missing_ok=True)
    (folder / "headway.db-shm").unlink(missing_ok=True)
    backup.replace(database(folder))


async def test_a_backup_that_replaces_the_file_is_served(folder: Path, service: Service) -> None:
    backup = back_up(folder, "backup.db")
    await service.write(7)
    await new_course(service.store, title="After the backup")
    restore(folder, backup)
    assert await service.attempts() == 1
    assert [outline.title for outline in await service.store.courses()] == ["A course"]
    await service.write(2)
    assert await service.attempts() == 2
    assert execute(database(folder), "PRAGMA integrity_check") == [("ok",)]


async def test_a_backup_that_was_edited_since_is_served_as_it_is(tmp_path: Path) -> None:
    folder, aside = tmp_path / "data", tmp_path / "aside"
    folder.mkdir()
    aside.mkdir()
    async with opened(sqlite_store(folder)) as store:
        course = await new_course(store)
        back_up(folder, "backup.db").replace(database(aside))
        await store.put_course(Course(course.id, "Edited here", course.lessons))
        assert (await store.course(course.id)).course.title == "Edited here"
        async with opened(sqlite_store(aside)) as other:
            await other.put_course(Course(course.id, "Edited there", (lesson(9),)))
        restore(folder, database(aside))
        await soon(lambda: catalogued(store, course.id), Course(course.id, "Edited there", (lesson(9),)))
        assert (await written(store, merge_write(LEARNER, course, lesson(9), quiz_attempts=1))).version == 1


async def test_a_backup_beside_the_former_files_log_is_not_opened(folder: Path, service: Service) -> None:
    backup = back_up(folder, "backup.db")
    await service.write(7)
    digest = contents(folder)[backup.name]
    backup.replace(database(folder))
    await service.assert_unavailable()
    assert contents(folder)["headway.db"] == digest, "SQLite would have mixed the log into it"
    log(folder).unlink()
    assert await service.attempts() == 1
    await service.write(2)


async def test_a_backup_beside_a_log_that_another_process_wrote_is_not_opened(folder: Path, service: Service) -> None:
    backup = back_up(folder, "backup.db")
    async with opened(sqlite_store(folder)) as reading_only:
        assert (await reading_only.lesson(LEARNER, service.course.id, lesson(1).id)).lesson_progress
        await service.write(7)
        backup.replace(database(folder))
        with pytest.raises(StoreUnavailableError):
            await soon(lambda: reading_only.lesson(LEARNER, service.course.id, lesson(1).id), "not answered")


async def test_removing_the_log_loses_no_acknowledged_write(folder: Path, service: Service) -> None:
    await service.write(2)
    assert await service.attempts() == 2
    log(folder).unlink()
    (folder / "headway.db-shm").unlink()
    assert await service.attempts() == 2
    await service.write(3)
    assert await service.attempts() == 3
    assert execute(database(folder), "SELECT quiz_attempts FROM lesson_progress") == [(3,)], "others see it, too"


async def test_removing_the_log_while_another_program_reads_loses_no_acknowledged_write(
    folder: Path, service: Service
) -> None:
    with long_read(folder):
        await service.write(2)
        log(folder).unlink()
        (folder / "headway.db-shm").unlink()
        with contextlib.suppress(StoreUnavailableError):
            await service.store.write(merge_write(LEARNER, service.course, lesson(2), quiz_attempts=1))
    await service.store.write(merge_write(LEARNER, service.course, lesson(3), quiz_attempts=1))
    assert await service.attempts() == 2


async def test_a_running_write_to_a_removed_log_is_not_acknowledged(
    folder: Path, service: Service, disk: WatchedDisk
) -> None:
    with disk.held():
        writing = asyncio.create_task(service.store.write(service.attempt(2)))
        await asyncio.to_thread(disk.reached.wait)
        log(folder).unlink()
        (folder / "headway.db-shm").unlink()
    with pytest.raises(StoreUnavailableError):
        await writing
    await service.write(3)
    assert execute(database(folder), "SELECT quiz_attempts FROM lesson_progress") == [(3,)]


async def test_closing_the_store_writes_a_removed_log_to_the_file(folder: Path) -> None:
    async with opened(sqlite_store(folder)) as store:
        service = Service(store, await new_course(store))
        await service.write(2)
        log(folder).unlink()
        (folder / "headway.db-shm").unlink()
    assert execute(database(folder), "SELECT quiz_attempts FROM lesson_progress") == [(2,)]


async def test_a_running_write_to_a_file_that_is_moved_away_is_not_acknowledged(
    folder: Path, service: Service, disk: WatchedDisk
) -> None:
    with disk.held():
        writing = asyncio.create_task(service.store.write(service.attempt(2)))
        await asyncio.to_thread(disk.reached.wait)
        database(folder).rename(folder / "elsewhere.db")
    with pytest.raises(StoreUnavailableError):
        await writing


@pytest.mark.slow
async def test_a_running_write_to_a_file_that_is_replaced_is_not_acknowledged(
    folder: Path, service: Service, disk: WatchedDisk
) -> None:
    backup = back_up(folder, "backup.db")
    with disk.held():
        writing = asyncio.create_task(service.store.write(service.attempt(2)))
        await asyncio.to_thread(disk.reached.wait)
        restore(folder, backup)
        assert await service.attempts() == 1
    with pytest.raises(StoreUnavailableError):
        await writing
    assert await service.attempts() == 1


NEWER = [
    f"PRAGMA application_id = {schema.APPLICATION_ID}",
    f"PRAGMA user_version = {schema.MIGRATIONS.marks.version + 1}",
]


@pytest.mark.parametrize(
    "make_another",
    [
        pytest.param(lambda path: path.write_text("no database at all" * 100), id="no database"),
        pytest.param(lambda path: execute(path, "CREATE TABLE songs (title)"), id="another program's"),
        pytest.param(lambda path: execute(path, *NEWER), id="a newer Headway's"),
        pytest.param(Path.touch, id="empty"),
    ],
)
async def test_another_file_at_the_same_path_is_neither_used_nor_changed(
    folder: Path, service: Service, make_another: Callable[[Path], object]
) -> None:
    aside = folder / "aside"
    aside.mkdir()
    move_database(folder, aside)
    make_another(database(folder))
    before = database(folder).read_bytes()
    await service.assert_unavailable()
    assert database(folder).read_bytes() == before
    move_database(aside, folder)
    assert await service.attempts() == 1
    await service.write(2)


def move_database(source: Path, target: Path) -> None:
    """Move all three files, as the documentation asks."""
    for path in source.glob("headway.db*"):
        path.replace(target / path.name)


@pytest.mark.parametrize(
    "times",
    [1, 2],
)
async def test_a_running_edit_whose_author_hangs_up_does_not_disturb_others(
    service: Service, disk: WatchedDisk, times: int
) -> None:
    with disk.held():
        edit = asyncio.create_task(
            service.store.put_course(Course(service.course.id, "Edited", service.course.lessons))
        )
        await asyncio.to_thread(disk.reached.wait)
        for _ in range(times):
            edit.cancel()
            await asyncio.sleep(0)
        writing = asyncio.create_task(service.store.write(service.attempt(2)))
        assert not (await asyncio.wait([writing], timeout=0.05))[0]
    [answer] = await asyncio.gather(edit, return_exceptions=True)
    assert isinstance(answer, asyncio.CancelledError)
    assert (await writing).after
    assert await service.attempts() == 2


@pytest.mark.slow
def test_a_full_disk_refuses_new_writes_and_keeps_stored_ones(folder: Path) -> None:
    result = process("fill", folder)
    assert result["refused"] > 0
    acknowledged = set(result["acknowledged"])
    while_full = set(result["read while full"])
    assert while_full >= acknowledged - {lesson(199).id}
    assert result["minutes while full"] == round(len(while_full) / 10, 1)
    assert execute(database(folder), "PRAGMA integrity_check") == [("ok",)]
    asyncio.run(check_after_filling(folder, LearnerId(result["learner"]), CourseId(result["course"]), acknowledged))


async def check_after_filling(folder: Path, learner: LearnerId, course_id: CourseId, acknowledged: set[str]) -> None:
    async with opened(sqlite_store(folder)) as store:
        course = (await store.course(course_id)).course
        all_progress = await lesson_progress_of(store, learner, course)
        assert set(all_progress) >= acknowledged
        assert (await exact_tally(store, learner, course)).micro_minutes == len(all_progress) * 100_000
