"""The runner of the jobs: which jobs it runs, and when."""

import asyncio
from collections.abc import Sequence

import pytest

from headway.domain.errors import StoreUnavailableError
from headway.jobs.runner import Runner

NEVER = 3600.0


class Counted:
    """A job that has so much work, and fails at first where it is to."""

    seconds_between_looks = NEVER

    def __init__(self, work: int = 0, failure: Exception | None = None, name: str = "counted") -> None:
        self.name = name
        self.left = work
        self.asked = 0
        self._failure = failure
        self._changed = asyncio.Event()

    async def work(self) -> bool:
        self.asked += 1
        self._changed.set()
        if self._failure is not None:
            raise self._failure
        self.left -= 1
        return self.left > 0

    async def asked_times(self, times: int) -> None:
        """Wait until it was asked so often."""
        async with asyncio.timeout(20):
            while self.asked < times:
                self._changed.clear()
                await self._changed.wait()


async def test_a_job_without_work_runs_once() -> None:
    jobs = [Counted(), Counted(name="other")]
    async with Runner(jobs).working():
        for job in jobs:
            await job.asked_times(1)
        await asyncio.sleep(0)
    assert [job.asked for job in jobs] == [1, 1]


async def test_a_job_with_more_work_runs_again_at_once() -> None:
    job = Counted(work=5)
    async with Runner([job]).working():
        await job.asked_times(5)
    assert job.left == 0


async def test_a_job_runs_again_when_the_runner_is_woken() -> None:
    job = Counted()
    runner = Runner([job])
    async with runner.working():
        await job.asked_times(1)
        for times in (2, 3):
            await asyncio.sleep(0)  # so that it waits
            runner.wake("counted")
            await job.asked_times(times)


async def test_only_the_named_job_is_woken() -> None:
    steady, woken = Counted(name="steady"), Counted()
    runner = Runner([steady, woken])
    async with runner.working():
        for times in (1, 2, 3):
            await woken.asked_times(times)
            await asyncio.sleep(0)  # so that both wait
            runner.wake("counted")
    assert steady.asked == 1


async def test_waking_a_runner_that_is_not_running_starts_no_job() -> None:
    job = Counted()
    Runner([job]).wake("counted")
    assert job.asked == 0


@pytest.mark.parametrize("failure", [StoreUnavailableError(), ValueError("a fault")])
async def test_a_failed_job_does_not_stop_other_jobs(failure: Exception) -> None:
    failing, working = Counted(failure=failure), Counted(work=3, name="working")
    jobs: Sequence[Counted] = [failing, working]
    async with Runner(jobs).working():
        await failing.asked_times(1)
        await working.asked_times(3)
    assert (failing.asked, working.left) == (1, 0)
