"""PocketBase as a further peer: how it is started, filled with the population's rows, and checked."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from population import Population, heartbeat, heartbeat_values
from servers import HOST, Recipe

NAME: Final = "pocketbase"
ENDPOINT: Final = "patch"
"""What wrk asks it for where it asks the others for `put`."""

MISSING: Final = "not measured: there is no program `pocketbase` on PATH, and no --pocketbase (benchmarks/README.md)"

_HOOKS: Final = Path(__file__).resolve().parent / "pocketbase_hooks"
_RECORDS: Final = "/api/collections/lesson_progress/records"
_FULL: Final = 2
_CHECKED_LEARNERS: Final = 20
_SQLITE_SECONDS: Final = 30
_INSERT: Final = """
INSERT INTO lesson_progress (
    id, user_id, course_id, lesson_id, content_id, created_at, updated_at,
    status, progress_percentage, video_position_seconds, time_spent_minutes
) VALUES (
    :id, :user_id, :course_id, :lesson_id, :lesson_id,
    strftime('%Y-%m-%d %H:%M:%fZ'), strftime('%Y-%m-%d %H:%M:%fZ'),
    :status, :progress_percentage, :video_position_seconds, :time_spent_minutes
)
"""


def recipe(program: str, folder: Path) -> Recipe:
    """PocketBase with its database in `folder`, and with what pocketbase_hooks sets."""
    command = (program, "serve", f"--dir={_data(folder)}", f"--hooksDir={_HOOKS}", "--hooksWatch=false")
    return Recipe(NAME, command, address=f"--http={HOST}:{{port}}")


def describe(program: str) -> str:
    """The version, and what matters for a comparison."""
    finished = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    version = finished.stdout.strip().rpartition(" ")[2]
    return f"{version}, waits for the disk at each commit (synchronous=FULL, not its default), checks no token, no logs"


def fill(folder: Path, population: Population) -> None:
    """Insert the population's rows in bulk into the database of the running server, which has made the collection."""
    with closing(sqlite3.connect(_data(folder) / "data.db", timeout=_SQLITE_SECONDS)) as connection, connection:
        connection.executemany(_INSERT, _rows(population))


def check_filled(port: int, population: Population) -> None:
    """Raise `RuntimeError` unless a score of learners have all their rows, and an update changes what it names."""
    for learner in population.learners[:: max(1, len(population.learners) // _CHECKED_LEARNERS)]:
        condition = quote(f"user_id = '{learner}' && status = 'in_progress'")
        found = _ask(port, "GET", f"{_RECORDS}?perPage=1&filter={condition}")["totalItems"]
        if found != len(population.lessons):
            raise RuntimeError(f"A learner has {found} rows in PocketBase, not {len(population.lessons)}.")
    wanted = heartbeat_values(population.rows, population.rows)
    changed = _ask(port, "PATCH", f"{_RECORDS}/{_record_id(0)}", heartbeat(population.rows, population.rows))
    if changed | wanted != changed:
        raise RuntimeError(f"PocketBase did not store a heartbeat: {changed}")


def check_durable(port: int) -> None:
    """Raise `RuntimeError` unless a commit waits for the disk."""
    found = _ask(port, "GET", "/healthz")["synchronous"]
    if found != _FULL:
        raise RuntimeError(f"PocketBase does not wait for the disk: PRAGMA synchronous is {found}, not {_FULL}.")


def _data(folder: Path) -> Path:
    return folder / "pocketbase"


def _record_id(row: int) -> str:
    """The id of the record of a row, counted lesson by lesson, learner by learner: common.lua makes the same."""
    return f"{row:015d}"


def _rows(population: Population) -> Iterator[dict[str, Any]]:
    [course_id] = population.courses
    row = 0
    for learner_id in population.learners:
        for lesson_id in population.lessons:
            values = heartbeat_values(row, population.rows)
            yield {
                "id": _record_id(row),
                "user_id": learner_id,
                "course_id": course_id,
                "lesson_id": lesson_id,
            } | values
            row += 1


def _ask(port: int, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    with closing(HTTPConnection(HOST, port, timeout=30)) as connection:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
    if response.status != 200:  # noqa: PLR2004 - the only good answer to these requests
        raise RuntimeError(f"{method} {path}: status {response.status}, {content[:300]!r}")
    answer: dict[str, Any] = json.loads(content)
    return answer
