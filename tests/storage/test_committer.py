"""Group commit: waiting writes form one batch in order, and each writer gets its own result."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from domain.values import course, lesson, stored
from headway.domain.errors import LessonNotFoundError, QueueFullError, StoreUnavailableError
from headway.domain.identifiers import LearnerId
from headway.domain.writes import LessonWrite, Written
from headway.storage.committer import ATTEMPTS, LOST, Committer, Outcome
from storage.stores import Batches, merge_write, new_learner

COURSE = course(*(lesson(number) for number in range(30)))
LEARNER = new_learner()
WRITES = [merge_write(LEARNER, COURSE, of, quiz_attempts=1) for of in COURSE.lessons]


def written(write: LessonWrite) -> Written:
    return Written(None, stored(lesson_id=write.lesson_id), lesson())


class Disk:
    """Stands behind a committer: each batch takes until the test lets it through."""

    def __init__(self, *, held: bool = False) -> None:
        self.log: list[list[int] | str] = []
        self.refused: dict[int, Exception] = {}
        self.failures: list[Exception] = []
        self.reached = asyncio.Event()
        self.through = asyncio.Event()
        if not held:
            self.through.set()

    async def commit(self, writes: Sequence[Any]) -> Sequence[Outcome]:
        numbers = [WRITES.index(write) for write in writes]
        self.log.append(numbers)
        self.reached.set()
        await self.through.wait()
        if self.failures:
            raise self.failures.pop(0)
        return [self.refused.get(number) or written(WRITES[number]) for number in numbers]

    @property
    def batches(self) -> list[list[int]]:
        return [entry for entry in self.log if not isinstance(entry, str)]


def committer(
    disk: Disk, *, queue_limit: int = 100, batch_limit: int = 100, observer: Batches | None = None
) -> Committer:
    return Committer(disk.commit, queue_limit=queue_limit, batch_limit=batch_limit, observer=observer or Batches())


def submitted(to: Committer, *numbers: int) -> list[asyncio.Task[Written]]:
    return [asyncio.create_task(to.submit(WRITES[number]), name=str(number)) for number in numbers]


async def first_on_its_way(to: Committer, disk: Disk, *others: int) -> list[asyncio.Task[Written]]:
    """Write 0 on its way to the disk, and others in the queue behind it."""
    tasks = submitted(to, 0)
    await disk.reached.wait()
    tasks += submitted(to, *others)
    await asyncio.sleep(0)  # each of them takes its first step, into the queue
    assert (disk.batches, to.waiting) == ([[0]], len(others))
    return tasks


async def edit(to: Committer, disk: Disk, failure: Exception | None = None) -> None:
    """Something that needs a turn of its own, and the disk."""
    async with to.alone():
        disk.log.append("the edit begins")
        await disk.through.wait()
        if failure:
            raise failure
        disk.log.append("the edit ends")


async def test_a_single_write_is_committed_at_once() -> None:
    disk = Disk()
    assert await committer(disk).submit(WRITES[3]) == written(WRITES[3])
    assert disk.batches == [[3]]


async def test_a_write_is_acknowledged_only_after_its_batch_is_on_disk() -> None:
    disk = Disk(held=True)
    [task] = await first_on_its_way(committer(disk), disk)
    assert not (await asyncio.wait([task], timeout=0.05))[0]
    disk.through.set()
    assert await task == written(WRITES[0])


async def test_writes_that_wait_for_a_batch_form_the_next_batch_in_order() -> None:
    disk = Disk(held=True)
    tasks = await first_on_its_way(committer(disk), disk, 5, 2, 9, 1)
    disk.through.set()
    assert await asyncio.gather(*tasks) == [written(WRITES[number]) for number in (0, 5, 2, 9, 1)]
    assert disk.batches == [[0], [5, 2, 9, 1]]


async def test_no_batch_is_larger_than_the_limit() -> None:
    disk = Disk(held=True)
    tasks = await first_on_its_way(committer(disk, batch_limit=3), disk, *range(1, 9))
    disk.through.set()
    await asyncio.gather(*tasks)
    assert disk.batches == [[0], [1, 2, 3], [4, 5, 6], [7, 8]]


async def test_a_write_after_the_last_batch_is_committed_too() -> None:
    disk = Disk()
    to = committer(disk)
    for number in range(3):
        await to.submit(WRITES[number])
    assert disk.batches == [[0], [1], [2]]
    assert to.waiting == 0


async def test_a_full_queue_refuses_and_does_not_count_the_running_batch() -> None:
    disk = Disk(held=True)
    to = committer(disk, queue_limit=2)
    tasks = await first_on_its_way(to, disk, 1, 2)
    for _ in range(2):
        with pytest.raises(QueueFullError):
            await to.submit(WRITES[3])
    disk.through.set()
    await asyncio.gather(*tasks)
    assert await to.submit(WRITES[4]) == written(WRITES[4])
    assert disk.batches == [[0], [1, 2], [4]]


async def test_a_refusal_reaches_only_its_own_writer() -> None:
    disk = Disk(held=True)
    refusal = LessonNotFoundError(COURSE.id, COURSE.lessons[2].id)
    disk.refused[2] = refusal
    tasks = await first_on_its_way(committer(disk), disk, 1, 2, 3)
    disk.through.set()
    assert await asyncio.gather(*tasks, return_exceptions=True) == [
        written(WRITES[0]),
        written(WRITES[1]),
        refusal,
        written(WRITES[3]),
    ]


async def test_an_unexpected_failure_of_a_batch_fails_only_its_own_writes() -> None:
    disk = Disk(held=True)
    tasks = await first_on_its_way(committer(disk, batch_limit=2), disk, 1, 2, 3)
    error = RuntimeError("no one thought of this")
    disk.failures = [error]
    disk.through.set()
    assert await asyncio.gather(*tasks, return_exceptions=True) == [error, *(written(WRITES[n]) for n in (1, 2, 3))]
    assert disk.batches == [[0], [1, 2], [3]]


async def test_all_waiting_writes_fail_at_once_if_the_store_is_unavailable() -> None:
    disk = Disk(held=True)
    to = committer(disk, batch_limit=2)
    tasks = await first_on_its_way(to, disk, 1, 2, 3)
    error = StoreUnavailableError()
    disk.failures = [error]
    disk.through.set()
    assert await asyncio.gather(*tasks, return_exceptions=True) == [error] * 4
    assert (disk.batches, to.waiting) == ([[0]], 0)
    assert await to.submit(WRITES[4]) == written(WRITES[4])


async def test_an_exclusive_turn_runs_between_two_batches() -> None:
    disk = Disk(held=True)
    to = committer(disk, batch_limit=1)
    tasks = await first_on_its_way(to, disk, 1, 2)
    editing = asyncio.create_task(edit(to, disk))
    assert not (await asyncio.wait([editing], timeout=0.05))[0]
    disk.through.set()
    await asyncio.gather(editing, *tasks)
    assert disk.log == [[0], "the edit begins", "the edit ends", [1], [2]]


async def test_no_batch_is_committed_during_an_exclusive_turn() -> None:
    disk = Disk()
    to = committer(disk)
    async with to.alone():
        tasks = submitted(to, 0, 1, 2)
        assert not (await asyncio.wait(tasks, timeout=0.05))[0]
        assert disk.batches == []
    await asyncio.gather(*tasks)
    assert disk.batches == [[0, 1, 2]]


async def test_a_failed_exclusive_turn_is_released() -> None:
    disk = Disk()
    to = committer(disk)
    with pytest.raises(ZeroDivisionError):
        async with to.alone():
            raise ZeroDivisionError
    assert await to.submit(WRITES[0]) == written(WRITES[0])


async def test_edits_count_in_the_queue_and_are_refused_when_it_is_full() -> None:
    disk = Disk(held=True)
    to = committer(disk, queue_limit=3)
    tasks = await first_on_its_way(to, disk, 1)
    edits = [asyncio.create_task(edit(to, disk)) for _ in range(4)]
    disk.through.set()
    answers = await asyncio.gather(*edits, return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), type(None), QueueFullError, QueueFullError]
    assert await asyncio.gather(*tasks) == [written(WRITES[0]), written(WRITES[1])]
    await edit(to, disk)
    assert disk.log.count("the edit ends") == 3


async def test_a_waiting_edit_also_fails_if_the_store_is_unavailable() -> None:
    disk = Disk(held=True)
    to = committer(disk)
    tasks = await first_on_its_way(to, disk)
    editing = asyncio.create_task(edit(to, disk))
    await asyncio.sleep(0)  # it takes its first step, into the queue for the turn
    disk.failures = [StoreUnavailableError()]
    disk.through.set()
    answers = await asyncio.gather(*tasks, editing, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailableError] * 2
    assert disk.log == [[0]]
    await edit(to, disk)


async def test_an_edit_that_finds_the_store_unavailable_fails_all_waiting_writes() -> None:
    disk, batches = Disk(held=True), Batches()
    to = committer(disk, observer=batches)
    error = StoreUnavailableError()
    editing = asyncio.create_task(edit(to, disk, error))
    waiting = submitted(to, 0, 1)
    assert not (await asyncio.wait([editing, *waiting], timeout=0.05))[0]
    disk.through.set()
    assert await asyncio.gather(editing, *waiting, return_exceptions=True) == [error] * 3
    assert await to.submit(WRITES[2]) == written(WRITES[2])
    assert (disk.batches, batches.sizes) == ([[2]], [1]), "no batch was empty"


async def test_a_write_after_the_store_was_unavailable_is_committed() -> None:
    disk = Disk(held=True)
    to = committer(disk)

    async def sent_again() -> Written:
        try:
            return await to.submit(WRITES[0])
        except StoreUnavailableError:
            return await to.submit(WRITES[1])

    writing = asyncio.create_task(sent_again())
    await disk.reached.wait()
    editing = asyncio.create_task(edit(to, disk))
    await asyncio.sleep(0)  # it takes its first step, into the queue for the turn
    disk.failures = [StoreUnavailableError()]
    disk.through.set()
    answers = await asyncio.gather(writing, editing, return_exceptions=True)
    assert answers[0] == written(WRITES[1])
    assert isinstance(answers[1], StoreUnavailableError)


async def test_closing_waits_for_everything_that_is_queued() -> None:
    disk = Disk(held=True)
    to = committer(disk, batch_limit=2)
    tasks = await first_on_its_way(to, disk, 1, 2, 3)
    closing = asyncio.create_task(to.close())
    assert not (await asyncio.wait([closing], timeout=0.05))[0]
    disk.through.set()
    await closing
    assert disk.batches == [[0], [1, 2], [3]]
    assert [task.result() for task in tasks] == [written(WRITES[number]) for number in range(4)]


async def test_closing_with_nothing_queued_returns() -> None:
    disk = Disk()
    await committer(disk).close()
    assert disk.batches == []


async def test_cancelling_a_queued_write_does_not_affect_other_writes() -> None:
    disk = Disk(held=True)
    tasks = await first_on_its_way(committer(disk), disk, 1, 2, 3)
    tasks[2].cancel()
    await asyncio.wait([tasks[2]])
    disk.through.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answer for position, answer in enumerate(answers) if position != 2] == [
        written(WRITES[n]) for n in (0, 1, 3)
    ]
    assert tasks[2].cancelled()


@pytest.mark.parametrize("failures", [[], [RuntimeError("no one thought of this")]], ids=["committed", "failed"])
async def test_cancelling_a_write_in_a_running_batch_does_not_affect_other_writes(
    failures: list[Exception],
) -> None:
    disk = Disk(held=True)
    tasks = await first_on_its_way(committer(disk), disk, 1)
    disk.failures = list(failures)
    tasks[0].cancel()
    await asyncio.wait([tasks[0]])
    disk.through.set()
    assert await tasks[1] == written(WRITES[1])
    assert disk.batches == [[0], [1]]


async def test_the_observer_is_called_for_every_committed_batch() -> None:
    disk, batches = Disk(held=True), Batches()
    to = committer(disk, batch_limit=2, observer=batches)
    tasks = await first_on_its_way(to, disk, 1, 2, 3)
    assert batches.sizes == []
    disk.through.set()
    await asyncio.gather(*tasks)
    assert batches.sizes == [1, 2, 1]
    assert all(0 < seconds < 5 for seconds in batches.seconds)


async def test_the_observer_is_not_called_for_a_failed_batch() -> None:
    disk, batches = Disk(), Batches()
    disk.failures = [StoreUnavailableError()]
    to = committer(disk, observer=batches)
    with pytest.raises(StoreUnavailableError):
        await to.submit(WRITES[0])
    assert batches.sizes == []


async def test_a_refused_write_is_part_of_a_batch_that_was_committed() -> None:
    disk, batches = Disk(), Batches()
    disk.refused[0] = LessonNotFoundError(COURSE.id, COURSE.lessons[0].id)
    with pytest.raises(LessonNotFoundError):
        await committer(disk, observer=batches).submit(WRITES[0])
    assert batches.sizes == [1]


class Race:
    """Stands behind a committer of two lanes: batches overlap, and some writes lose so many times before they pass."""

    def __init__(self, losses: Mapping[int, int] | None = None) -> None:
        self.losses = {WRITES[number].lesson_id: times for number, times in (losses or {}).items()}
        self.log: list[LessonWrite] = []
        self.under_way: list[LearnerId] = []
        self.most_under_way = 0
        self.committer = Committer(self.commit, queue_limit=100, batch_limit=1, observer=Batches(), lanes=2)

    async def commit(self, writes: Sequence[Any]) -> Sequence[Outcome]:
        [write] = writes
        assert write.learner_id not in self.under_way, "two batches with the same learner's progress"
        self.log.append(write)
        self.under_way.append(write.learner_id)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        await asyncio.sleep(0)
        self.under_way.remove(write.learner_id)
        if self.losses.get(write.lesson_id, 0):
            self.losses[write.lesson_id] -= 1
            return [LOST]
        return [written(write)]


async def test_batches_overlap_but_never_for_one_learner_in_one_course() -> None:
    race = Race()
    learners = [new_learner(), new_learner()]
    writes = [merge_write(learner, COURSE, of, quiz_attempts=1) for learner in learners for of in COURSE.lessons[:5]]
    answers = await asyncio.gather(*(race.committer.submit(write) for write in writes))
    assert answers == [written(write) for write in writes]
    assert race.most_under_way == 2
    for learner in learners:
        assert [write for write in race.log if write.learner_id == learner] == [
            write for write in writes if write.learner_id == learner
        ]


async def test_a_write_that_lost_a_race_is_repeated_before_later_writes() -> None:
    race = Race({1: 2})
    answers = await asyncio.gather(*(race.committer.submit(write) for write in WRITES[:4]))
    assert answers == [written(write) for write in WRITES[:4]]
    assert [WRITES.index(write) for write in race.log] == [0, 1, 1, 1, 2, 3]


async def test_a_write_that_loses_every_race_is_unavailable_and_the_others_continue() -> None:
    race = Race({0: ATTEMPTS})
    first, second = await asyncio.gather(
        *(race.committer.submit(write) for write in WRITES[:2]), return_exceptions=True
    )
    assert isinstance(first, StoreUnavailableError)
    assert second == written(WRITES[1])
    assert race.log == [WRITES[0]] * ATTEMPTS + [WRITES[1]]


async def test_closing_waits_for_a_write_that_has_to_be_repeated() -> None:
    race = Race({0: 3})
    task = asyncio.create_task(race.committer.submit(WRITES[0]))
    await asyncio.sleep(0)  # it is queued now
    await race.committer.close()
    assert await asyncio.wait_for(task, 20) == written(WRITES[0])
    assert race.log == [WRITES[0]] * 4


async def test_an_unexpected_failure_of_a_write_does_not_fail_others() -> None:
    error = RuntimeError("no one thought of this")

    async def commit(writes: Sequence[Any]) -> Sequence[Outcome]:
        if WRITES[1] in writes:
            raise error
        return [written(write) for write in writes]

    to = Committer(commit, queue_limit=100, batch_limit=100, observer=Batches())
    answers = await asyncio.gather(*submitted(to, 0, 1, 2), return_exceptions=True)
    assert answers == [written(WRITES[0]), error, written(WRITES[2])]


async def test_more_writes_at_once_than_the_queue_holds_are_stored_in_order() -> None:
    disk = Disk()
    to = committer(disk, queue_limit=4)
    disk.refused[5] = LessonNotFoundError(COURSE.id, WRITES[5].lesson_id)
    outcomes = await to.submit_each(WRITES[:10])
    assert disk.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [isinstance(outcome, LessonNotFoundError) for outcome in outcomes] == [at == 5 for at in range(10)]


async def test_writes_at_once_are_not_acknowledged_where_one_is_not_stored() -> None:
    disk = Disk()
    disk.failures.append(StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        await committer(disk).submit_each(WRITES[:3])
    assert len(await committer(disk).submit_each(WRITES[:3])) == 3
