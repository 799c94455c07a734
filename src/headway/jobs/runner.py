"""Runs the jobs of a process in the background, until it stops.

The state of each job is in the store. So any process can continue a job after another was killed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Protocol

from headway.domain.errors import UnavailableError
from headway.logs import get_logger

_log = get_logger("headway.jobs")

_SECONDS_AFTER_TROUBLE: Final = 5.0


class Job(Protocol):
    """Work in the background. The runner tries again later after an error."""

    name: str
    """In log lines."""
    seconds_between_looks: float
    """How long the runner waits after the job found no work."""

    async def work(self) -> bool:
        """Do some of the work. Return whether there may be more now."""


class Runner:
    """Asks each job for work about as often as it says."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._woken: Mapping[str, asyncio.Event] = {}

    def wake(self, name: str) -> None:
        """Make the job with this name look for work now."""
        if name in self._woken:  # it is not before `working`
            self._woken[name].set()

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work until the block is left."""
        self._woken = {
            job.name: asyncio.Event() for job in self._jobs
        }  # of this loop: an application may be started once more
        tasks = [
            asyncio.create_task(_work(job, self._woken[job.name]), name=f"headway-{job.name}") for job in self._jobs
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def _work(job: Job, woken: asyncio.Event) -> None:
    while True:
        try:
            if not await job.work():
                await _pause(woken, job.seconds_between_looks)
        except UnavailableError:  # the store has said in the log what is wrong
            await asyncio.sleep(_SECONDS_AFTER_TROUBLE)
        except Exception:  # noqa: BLE001 - the service goes on, and this is tried again
            _log.exception("job_failed", job=job.name)
            await asyncio.sleep(_SECONDS_AFTER_TROUBLE)


async def _pause(woken: asyncio.Event, seconds: float) -> None:
    # Not wait_for: where both come at once, that loses the cancellation by which the work is stopped.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()
    woken.clear()
