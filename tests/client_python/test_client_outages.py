"""The service is killed and comes back while a client works: the client goes on, and nothing is lost or done twice."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from headway.client import Retries
from support.clients import made
from support.program import forked_headway_serve
from support.running import PATIENCE, Running, course, eventually, token
from support.tables import let_imports_run_out, rows

PATIENT = Retries(attempts=1_000, total_seconds=PATIENCE, longest_pause=0.2)
LINES = 6_000

pytestmark = [pytest.mark.slow]


def port_of(running: Running) -> str:
    return str(urlsplit(running.base_url).port)


async def work(kind: str, running: Running, course_id: str, lines: list[Any]) -> Any:
    """Import lines, and write one more lesson progress after that. Return the report."""
    client = made(kind, running.base_url, token("backend", "learners:admin"), retries=PATIENT)
    report = await client.progress.write_many(lines)
    await client.progress.write(lines[0]["user_id"], course_id, lines[0]["lesson_id"], {"status": "completed"})
    await client.aclose()
    return report


def test_work_goes_on_when_a_killed_service_is_back(kind: str, folder: Path, database_url: str) -> None:
    document = course()
    with ThreadPoolExecutor(1) as thread:
        with forked_headway_serve(folder, database_url=database_url) as running:
            course_id = running.put_course(document)
            ids = {"course_id": course_id, "lesson_id": document["lessons"][0]["id"]}
            lines = [{"user_id": str(uuid4()), **ids, "progress_percentage": 50} for _ in range(LINES)]
            working = thread.submit(asyncio.run, work(kind, running, course_id, lines))
            eventually(lambda: any(line > 1_000 for [line] in rows(database_url, "SELECT line FROM imports")))
            running.process.kill()
            running.process.wait(20)
        assert rows(database_url, "SELECT count(*) FROM imports WHERE NOT finished") == [(1,)]
        let_imports_run_out(database_url)  # else the service waits ten seconds for the process that was killed
        with forked_headway_serve(folder, "--port", port_of(running), database_url=database_url):
            report = working.result(2 * PATIENCE)
    assert (report["lines"], report["refused"]) == (LINES, 0)
    assert report["unchanged"] + report["written"] == LINES
    [(stored,)] = rows(database_url, "SELECT count(*) FROM lesson_progress")
    [(completed,)] = rows(database_url, "SELECT count(*) FROM lesson_progress WHERE status = 'completed'")
    assert (stored, completed) == (LINES, 1)
