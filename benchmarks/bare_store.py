"""The bare store: upserts of lesson progress without a service, as fast as one connection makes them durable.

run_sync.py starts it: `python bare_store.py ADDRESS LEARNERS LESSONS ROWS`, with a database that Headway has filled.
ROWS is the number of rows in a transaction. Each line of standard input is a round: its seconds, its seed, and the
number of its first heartbeat. The answer is one line: what `Answer` has, as JSON.

The connection, its settings and the statement are the service's. Only the time that the store takes counts, not that in
which the rows are made.
"""

import json
import random
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any, Final, Protocol, TypedDict
from uuid import uuid4

import asyncpg
import uvloop

from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.progress import LessonProgress, Status, new_lesson_progress
from headway.storage.postgres.rows import from_lesson_progress as to_arrays
from headway.storage.postgres.statements import HOLD_LESSON_PROGRESS
from headway.storage.sqlite.database import DatabaseFile, Writer
from headway.storage.sqlite.rows import from_lesson_progress
from headway.storage.sqlite.statements import PUT_LESSON_PROGRESS
from population import heartbeat_values, make_population

_SQLITE: Final = "sqlite:///"
_AS_THE_SERVICE: Final = {"plan_cache_mode": "force_generic_plan"}
_HUNDREDTHS: Final = 100


class Answer(TypedDict):
    """What a round found. `last` has the rows of the last transaction: learner, lesson, position."""

    rows: int
    seconds: float
    p50_ms: float
    p99_ms: float
    last: list[tuple[str, str, float]]


class _Store(Protocol):
    def parameters(self, rows: Sequence[LessonProgress]) -> Sequence[Any]:
        """The rows as the statement takes them."""
        ...

    async def store(self, parameters: Sequence[Any]) -> None:
        """One transaction; returns when it is on disk."""
        ...


class _Sqlite:
    def __init__(self, path: Path) -> None:
        self._writer = Writer(DatabaseFile(path))  # makes checkpoints as long as it lives
        self._connection = self._writer.connection()

    def parameters(self, rows: Sequence[LessonProgress]) -> Sequence[Any]:
        return list(map(from_lesson_progress, rows))

    async def store(self, parameters: Sequence[Any]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(PUT_LESSON_PROGRESS, parameters)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._writer.drop()


class _Postgres:
    def __init__(self, statement: Any) -> None:
        self._statement = statement

    def parameters(self, rows: Sequence[LessonProgress]) -> Sequence[Any]:
        return to_arrays(rows)

    async def store(self, parameters: Sequence[Any]) -> None:
        await self._statement.fetch(*parameters)


async def _serve(address: str, learners: int, lessons: int, rows: int) -> None:
    everything = _all_lesson_progress(learners, lessons)
    if address.startswith(_SQLITE):
        with closing(_Sqlite(Path(address.removeprefix(_SQLITE)))) as store:
            await _answer(store, everything, rows)
        return
    connection = await asyncpg.connect(address, server_settings=_AS_THE_SERVICE)
    await _answer(_Postgres(await connection.prepare(HOLD_LESSON_PROGRESS)), everything, rows)
    await connection.close()


def _all_lesson_progress(learners: int, lessons: int) -> list[LessonProgress]:
    population = make_population(range(1, learners + 1), lessons)
    course, now = CourseId(population.courses[0]), datetime.now(UTC)
    return [
        new_lesson_progress(LearnerId(learner), course, LessonId(lesson), ProgressId(str(uuid4())), now)._replace(
            status=Status.IN_PROGRESS
        )
        for learner in population.learners
        for lesson in population.lessons
    ]


async def _answer(store: _Store, everything: Sequence[LessonProgress], rows: int) -> None:
    for line in sys.stdin:
        seconds, seed, beat = map(int, line.split())
        print(json.dumps(await _measure(store, everything, rows, seconds, random.Random(seed), beat)), flush=True)


async def _measure(
    store: _Store, everything: Sequence[LessonProgress], rows: int, seconds: int, chance: random.Random, beat: int
) -> Answer:
    """Upsert so many rows at a time for so long, each further than before."""
    took: list[float] = []
    last: list[LessonProgress] = []
    while sum(took) < seconds:
        last = [_moved_on(row, beat + at, len(everything)) for at, row in enumerate(chance.sample(everything, rows))]
        beat += rows
        parameters = store.parameters(last)
        began = time.perf_counter()
        await store.store(parameters)
        took.append(time.perf_counter() - began)
    percentiles = quantiles(took, n=_HUNDREDTHS, method="inclusive") if len(took) > 1 else took * _HUNDREDTHS
    return {
        "rows": rows * len(took),
        "seconds": sum(took),
        "p50_ms": 1000 * percentiles[49],
        "p99_ms": 1000 * percentiles[98],
        "last": [(row.learner_id, row.lesson_id, row.video_position_seconds) for row in last],
    }


def _moved_on(row: LessonProgress, beat: int, rows: int) -> LessonProgress:
    values = heartbeat_values(beat, rows)
    now = datetime.now(UTC)
    return row._replace(
        progress_percentage=values["progress_percentage"],
        video_position_seconds=values["video_position_seconds"],
        time_spent_minutes=values["time_spent_minutes"],
        updated_at=now,
        worked_at=now,
        version=beat,
    )


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], *map(int, sys.argv[2:])))
