"""Several services on one database that get the same requests at once."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import cycle, islice, product
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.load import Player, Written, new_rows, playing, stored
from support.postgres import Databases, Server
from support.program import forked_headway_serve
from support.running import Running, course, eventually, lesson

SERVICES = 3


@pytest.fixture(scope="module")
def database(own_server: Server) -> Iterator[str]:
    with closing(Databases(own_server.url)) as databases, databases.empty() as url:
        yield url


@pytest.fixture(scope="module")
def shared_services(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Running]]:
    with ExitStack() as started:
        folders = (tmp_path_factory.mktemp("service") for _ in range(SERVICES))
        yield [started.enter_context(forked_headway_serve(one, database_url=database)) for one in folders]


@pytest.fixture
def services(shared_services: Sequence[Running], own_server: Server, database: str) -> Iterator[Sequence[Running]]:
    """Services on one database; when the test ends, nothing must have gone wrong in any of them, nor in the server."""
    yield shared_services
    assert own_server.complaints(database) == []
    for service in shared_services:
        assert "error" not in "".join(service.log)


class Device(Player):
    """One of a learner's devices: leaves a mark of its own on each row, beside those of the others."""

    def __init__(self, base_url: str, rows: Sequence[Written], name: str) -> None:
        super().__init__(base_url, [replace(row) for row in rows])
        self.name = name

    def body(self, value: int) -> dict[str, Any]:
        return super().body(value) | {"metadata": {self.name: value}}


def devices_on(services: Sequence[Running], rows: Sequence[Written]) -> list[Device]:
    """Return a device for each learner on each service."""
    learners = dict.fromkeys(row.learner for row in rows)
    return [
        Device(service.base_url, [row for row in rows if row.learner == learner], f"device {number}")
        for number, (service, learner) in enumerate(product(services, learners))
    ]


def have_written(devices: Sequence[Device], times: int) -> bool:
    return all(row.acknowledged >= times for device in devices for row in device.rows)


def test_devices_on_several_services_lose_no_write(services: Sequence[Running]) -> None:
    rows = new_rows(services[0], learners=2)
    devices = devices_on(services, rows)
    with playing(devices):
        eventually(lambda: have_written(devices, 20))
    assert [device.refusals for device in devices] == [[]] * len(devices)
    for service in services:
        found = stored(service, rows)
        for row in rows:
            marks = {
                device.name: one.acknowledged
                for device in devices
                for one in device.rows
                if (one.learner, one.lesson_id) == (row.learner, row.lesson_id)
            }
            kept = found[row.learner, row.lesson_id]
            assert kept["metadata"] == marks
            assert (kept["quiz_attempts"], kept["time_spent_minutes"]) == (max(marks.values()), max(marks.values()) / 4)
            assert version(service, row) == sum(marks.values()), "each write made one version"


def test_a_counter_in_several_services_misses_no_write(services: Sequence[Running]) -> None:
    [row, *_] = new_rows(services[0], learners=1)
    write(services[0], row, {"quiz_attempts": 0})

    def count(service: Running) -> int:
        counted = 0
        with service.client(row.learner) as client:
            while counted < 15:
                seen = client.get(row.path)
                body = {"quiz_attempts": seen.json()["quiz_attempts"] + 1}
                answer = client.put(row.path, json=body, headers={"If-Match": seen.headers["ETag"]})
                assert answer.status_code in {200, 412}, answer.text
                counted += answer.status_code == 200
        return counted

    with ThreadPoolExecutor(2 * SERVICES) as pool:
        counted = sum(pool.map(count, [*services, *services]))
    assert counted == 30 * SERVICES
    for service in services:
        assert stored(service, [row])[row.learner, row.lesson_id]["quiz_attempts"] == counted


def test_starting_over_beside_writes_of_another_service_counts_exactly(
    services: Sequence[Running],
) -> None:
    [row, *_] = new_rows(services[0], learners=1)
    course_path = f"/progress/{row.course_id}"
    at_once = Barrier(2 * SERVICES)

    def ask(service: Running, learner: str, method: str, path: str) -> None:
        with service.client(learner) as client:
            at_once.wait(20)
            client.request(method, path, json={"time_spent_minutes": 1}).raise_for_status()

    with ThreadPoolExecutor(2 * SERVICES) as pool:
        for _ in range(20):
            learners = [str(uuid4()) for _ in services]
            asked = [
                pool.submit(ask, service, learner, method, path)
                for one, learner in enumerate(learners)
                for service, method, path in (
                    (services[one], "PUT", row.path),
                    (services[one - 1], "DELETE", course_path),
                )
            ]
            for each in asked:
                each.result(20)
            stored(services[0], [replace(row, learner=learner) for learner in learners])


def test_edits_through_several_services_beside_writes_count_exactly(
    services: Sequence[Running],
) -> None:
    rows = new_rows(services[0])
    written = [lesson(id=row.lesson_id) for row in rows[:3]]
    course_id = rows[0].course_id
    devices = devices_on(services, rows)
    with playing(devices):
        for number, service in enumerate(islice(cycle(services), 12)):
            lessons = [*written, lesson()] if number % 2 else list(reversed(written))
            service.put_course(course(*lessons, title=f"Edit {number}"), course_id)
        eventually(lambda: have_written(devices, 10))
    assert [device.refusals for device in devices] == [[]] * len(devices)
    for service in services:
        found = stored(service, rows)
        for device in devices:
            for row in device.rows:
                assert found[row.learner, row.lesson_id]["metadata"][device.name] == row.acknowledged


def test_a_course_put_through_one_service_is_seen_through_another_at_once(services: Sequence[Running]) -> None:
    one, other, *_ = services
    document = course()
    course_id = one.put_course(document)
    learner = str(uuid4())
    with other.client(learner) as client:
        for number in range(20):
            added = lesson()
            document["lessons"].append(added)
            one.put_course(document | {"title": f"Edit {number}"}, course_id)
            row = Written(learner, course_id, added["id"])
            assert client.put(row.path, json={"status": "completed"}).status_code == 200, number
            assert client.get(f"/courses/{course_id}").json()["title"] == f"Edit {number}"
            summary = client.get(f"/progress/{course_id}/summary").json()
            assert (summary["total_lessons"], summary["completed_lessons"]) == (4 + number, 1 + number)
            assert len(client.get(f"/progress/{course_id}").json()) == 1 + number


def write(service: Running, row: Written, body: object) -> httpx.Response:
    with service.client(row.learner) as client:
        return client.put(row.path, content=json.dumps(body))


def version(service: Running, row: Written) -> int:
    """Return how often the lesson progress has changed, from its etag."""
    with service.client(row.learner) as client:
        return int(client.get(row.path).headers["ETag"].strip('"').rpartition(".")[2])
