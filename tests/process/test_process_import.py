"""Imports that are interrupted, and imports that are sent twice at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from support.files import NDJSON, line, ndjson
from support.program import forked_headway_serve
from support.running import PATIENCE, PREFIX, Running, authorization, course, eventually
from support.tables import execute, let_imports_run_out, rows, tables_that_name

IMPORT = "/progress/import"
ADMIN = str(uuid4())
KEY = {"Idempotency-Key": "a-key"}
LINES = 6_000


class Sender(threading.Thread):
    """Sends an import, and keeps what was answered; nothing where the service went away."""

    def __init__(self, running: Running, content: bytes) -> None:
        super().__init__(daemon=True)
        self._client = running.client(ADMIN, "learners:admin")
        self._content = content
        self.answer: httpx.Response | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self._client.post(IMPORT, content=self._content, headers=NDJSON | KEY, timeout=60)
        except httpx.HTTPError:
            pass  # killed, as the test wants it
        finally:
            self._client.close()


def new_file(running: Running, count: int = LINES) -> tuple[list[str], bytes]:
    """Lines, each of a new learner, and their file; one of them is refused."""
    document = course()
    course_id = running.put_course(document)
    learners = [str(uuid4()) for _ in range(count)]
    lesson_id = document["lessons"][0]["id"]
    lines = [line(learner, course_id, lesson_id, progress_percentage=50) for learner in learners]
    lines[3]["lesson_id"] = str(uuid4())
    return learners, ndjson(lines)


def state(database_url: str) -> list[tuple[int, bool]]:
    """Return the last line that the database has noted of the import, and whether the import is done."""
    return [(number, bool(done)) for number, done in rows(database_url, "SELECT line, finished FROM imports")]


def is_under_way(database_url: str, beyond: int = 0) -> bool:
    return any(number > beyond and not done for number, done in state(database_url))


def send_until_done(running: Running, content: bytes) -> httpx.Response:
    """Send it again as long as it is said to be under way."""
    answers: list[httpx.Response] = []

    def done() -> bool:
        with running.client(ADMIN, "learners:admin") as client:
            answers.append(client.post(IMPORT, content=content, headers=NDJSON | KEY, timeout=60))
        assert answers[-1].status_code in {200, 409}, answers[-1].text
        if answers[-1].status_code == 409:
            assert 0 < int(answers[-1].headers["retry-after"]) <= 10
            time.sleep(0.2)  # as a client does that is told to wait
        return answers[-1].status_code == 200

    eventually(done, 60)
    return answers[-1]


@contextmanager
def _served(folder: Path, database_url: str) -> Iterator[tuple[Running, httpx.Client]]:
    with (
        forked_headway_serve(folder, database_url=database_url) as running,
        running.client(ADMIN, "learners:admin") as admin,
    ):
        yield running, admin


def test_a_killed_import_continues(folder: Path, database_url: str) -> None:
    with forked_headway_serve(folder, database_url=database_url) as running:
        learners, content = new_file(running)
        sender = Sender(running, content)
        eventually(lambda: is_under_way(database_url, 1_000))
        running.process.kill()
        running.process.wait(20)
        sender.join(60)
    assert sender.answer is None
    [(noted, done)] = state(database_url)
    assert 1_000 < noted < LINES
    assert not done
    execute(database_url, "UPDATE imports SET updated_at = '2999-01-01T00:00:00.000000+00:00'")  # as just noted
    with _served(folder, database_url) as (running, admin):
        early = admin.post(IMPORT, content=content, headers=NDJSON | KEY)
        assert (early.status_code, early.headers["retry-after"]) == (409, "10")
        let_imports_run_out(database_url)
        # What is through is not written again: who was erased since does not come back.
        admin.delete(f"/learners/{learners[0]}").raise_for_status()
        report = send_until_done(running, content).json()
        assert (report["lines"], report["refused"]) == (LINES, 1)
        assert report["written"] + report["unchanged"] == LINES - 1
        assert report["unchanged"] <= 256  # a chunk at most was under way
        assert [error["line"] for error in report["errors"]] == [4]
        for learner, count in ((learners[0], 0), (learners[3], 0), (learners[1], 1), (learners[-1], 1)):
            assert len(admin.get(f"/learners/{learner}/export").json()["lesson_progress"]) == count
        assert send_until_done(running, content).json() == report
    assert rows(database_url, "SELECT count(*) FROM lesson_progress") == [(LINES - 2,)]


def test_two_concurrent_imports_with_one_key_write_once(folder: Path, database_url: str) -> None:
    with forked_headway_serve(folder, database_url=database_url) as running:
        _, content = new_file(running)
        first = Sender(running, content)
        eventually(lambda: is_under_way(database_url))
        second = Sender(running, content)
        second.join(60)
        assert second.answer is not None
        assert second.answer.status_code == 409
        assert second.answer.headers["retry-after"] == "10"
        assert is_under_way(database_url), "it ended before the second was answered"
        first.join(60)
        assert first.answer is not None
        assert first.answer.json().items() >= {"lines": LINES, "written": LINES - 1, "refused": 1}.items()
        assert send_until_done(running, content).json() == first.answer.json()


def test_learners_write_during_an_import(folder: Path, database_url: str) -> None:
    """The queue is smaller than the import's running writes. The import waits for room, and learners do not."""
    with forked_headway_serve(folder, database_url=database_url, queue_limit=300) as running:
        _, content = new_file(running)
        sender = Sender(running, content)
        eventually(lambda: is_under_way(database_url))
        document = course()
        path = f"/progress/{running.put_course(document)}/lessons/{document['lessons'][0]['id']}"
        with running.client() as learner:
            written = 0
            while sender.is_alive():
                learner.put(path, json={"quiz_attempts": written}).raise_for_status()
                written += 1
        assert written > 10
        assert sender.answer is not None
        assert sender.answer.json()["written"] == LINES - 1


def test_learners_are_answered_while_a_file_of_empty_lines_is_read(folder: Path, database_url: str) -> None:
    with forked_headway_serve(folder, database_url=database_url) as running, running.client() as learner:
        sender = Sender(running, b"\n" * 10 * 1024 * 1024)
        eventually(lambda: state(database_url) != [])
        answered = 0
        while sender.is_alive():
            learner.get("/progress").raise_for_status()
            answered += 1
        assert answered > 5
        assert sender.answer is not None
        assert sender.answer.json()["lines"] == 0


def test_an_import_works_with_a_queue_smaller_than_its_chunks(folder: Path, database_url: str) -> None:
    with forked_headway_serve(folder, database_url=database_url, queue_limit=20, batch_limit=8) as running:
        _, content = new_file(running, 600)
        assert send_until_done(running, content).json().items() >= {"written": 599, "refused": 1}.items()


# Where PostgreSQL keeps that a learner was erased: the emptied gate of each course, until no process remembers it.
REMEMBERED = {"course_progress", "erased_learners"}


@pytest.fixture
def erasing(folder: Path, database_url: str) -> Iterator[tuple[Running, httpx.Client]]:
    """Yield a service on a database of the test's own, and the client of an administrator, who may erase."""
    with _served(folder, database_url) as served:
        yield served


def test_erasing_removes_a_learner_from_every_table(erasing: tuple[Running, httpx.Client], database_url: str) -> None:
    running, admin = erasing
    document = course()
    course_id = running.put_course(document)
    learner, other = str(uuid4()), str(uuid4())
    noted = {"user_notes": "to be forgotten", "metadata": {"secret": "as well"}, "status": "completed", "quiz_score": 7}
    for one in (learner, other):
        with running.client(one) as client:
            for lesson in document["lessons"]:
                client.put(f"/progress/{course_id}/lessons/{lesson['id']}", json=noted).raise_for_status()
    headers = authorization(learner, "learners:admin") | NDJSON | KEY
    imported = ndjson([line(other, course_id, document["lessons"][0]["id"], user_notes="kept")])
    httpx.post(
        f"{running.base_url}{PREFIX}{IMPORT}", content=imported, headers=headers, verify=False, timeout=PATIENCE
    ).raise_for_status()
    assert tables_that_name(database_url, learner).keys() >= {"lesson_progress", "course_progress", "imports"}
    before = tables_that_name(database_url, other)
    admin.delete(f"/learners/{learner}").raise_for_status()
    after = tables_that_name(database_url, learner)
    # The other's lesson progress says who wrote it: that is the other's to know.
    assert {str(row[0]) for row in after.pop("lesson_progress")} == {other}
    # One event tells that the learner was erased.
    told = [row for table in ("events", "unpublished_events") for row in after.pop(table, ())]
    assert ["learner.erased" in row for row in told] == [True]
    assert after.keys() <= (REMEMBERED if database_url.startswith("postgresql:") else set())
    assert all("completed" not in str(row) for row in after.values())
    assert tables_that_name(database_url, other) == before
    text = "".join(running.log)
    eventually(lambda: "learner_erased" in "".join(running.log))
    [logged] = [one for one in running.log if "learner_erased" in one]
    assert learner in logged
    assert not {"to be forgotten", "secret", "as well"} & set(text.split())
