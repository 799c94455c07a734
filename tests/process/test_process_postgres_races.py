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

from support.load import Player, Written, new_lesson_progress, playing, stored
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
    """One of a learner's devices: leaves a mark of its own in each lesson progress, beside those of the others."""

    def __init__(self, base_url: str, all_progress: Sequence[Written], name: str) -> None:
        super().__init__(base_url, [replace(progress) for progress in all_progress])
        self.name = name

    def body(self, value: int) -> dict[str, Any]:
        return super().body(value) | {"metadata": {self.name: value}}


def devices_on(services: Sequence[Running], all_progress: Sequence[Written]) -> list[Device]:
    """Return a device for each learner on each service."""
    learners = dict.fromkeys(progress.learner for progress in all_progress)
    return [
        Device(
            service.base_url, [progress for progress in all_progress if progress.learner == learner], f"device {number}"
        )
        for number, (service, learner) in enumerate(product(services, learners))
    ]


def have_written(devices: Sequence[Device], times: int) -> bool:
    return all(progress.acknowledged >= times for device in devices for progress in device.all_progress)


def test_devices_on_several_services_lose_no_write(services: Sequence[Running]) -> None:
    all_progress = new_lesson_progress(services[0], learners=2)
    devices = devices_on(services, all_progress)
    with playing(devices):
        eventually(lambda: have_written(devices, 20))
    assert [device.refusals for device in devices] == [[]] * len(devices)
    for service in services:
        found = stored(service, all_progress)
        for progress in all_progress:
            marks = {
                device.name: one.acknowledged
                for device in devices
                for one in device.all_progress
                if (one.learner, one.lesson_id) == (progress.learner, progress.lesson_id)
            }
            kept = found[progress.learner, progress.lesson_id]
            assert kept["metadata"] == marks
            assert (kept["quiz_attempts"], kept["time_spent_minutes"]) == (max(marks.values()), max(marks.values()) / 4)
            assert version(service, progress) == sum(marks.values()), "each write made one version"


def test_a_counter_in_several_services_misses_no_write(services: Sequence[Running]) -> None:
    [progress, *_] = new_lesson_progress(services[0], learners=1)
    write(services[0], progress, {"quiz_attempts": 0})

    def count(service: Running) -> int:
        counted = 0
        with service.client(progress.learner) as client:
            while counted < 15:
                seen = client.get(progress.path)
                body = {"quiz_attempts": seen.json()["quiz_attempts"] + 1}
                answer = client.put(progress.path, json=body, headers={"If-Match": seen.headers["ETag"]})
                assert answer.status_code in {200, 412}, answer.text
                counted += answer.status_code == 200
        return counted

    with ThreadPoolExecutor(2 * SERVICES) as pool:
        counted = sum(pool.map(count, [*services, *services]))
    assert counted == 30 * SERVICES
    for service in services:
        assert stored(service, [progress])[progress.learner, progress.lesson_id]["quiz_attempts"] == counted


def test_starting_over_beside_writes_of_another_service_counts_exactly(
    services: Sequence[Running],
) -> None:
    [progress, *_] = new_lesson_progress(services[0], learners=1)
    course_path = f"/progress/{progress.course_id}"
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
                    (services[one], "PUT", progress.path),
                    (services[one - 1], "DELETE", course_path),
                )
            ]
            for each in asked:
                each.result(20)
            stored(services[0], [replace(progress, learner=learner) for learner in learners])


def test_edits_through_several_services_beside_writes_count_exactly(
    services: Sequence[Running],
) -> None:
    all_progress = new_lesson_progress(services[0])
    written = [lesson(id=progress.lesson_id) for progress in all_progress[:3]]
    course_id = all_progress[0].course_id
    devices = devices_on(services, all_progress)
    with playing(devices):
        for number, service in enumerate(islice(cycle(services), 12)):
            lessons = [*written, lesson()] if number % 2 else list(reversed(written))
            service.put_course(course(*lessons, title=f"Edit {number}"), course_id)
        eventually(lambda: have_written(devices, 10))
    assert [device.refusals for device in devices] == [[]] * len(devices)
    for service in services:
        found = stored(service, all_progress)
        for device in devices:
            for progress in device.all_progress:
                assert found[progress.learner, progress.lesson_id]["metadata"][device.name] == progress.acknowledged


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
            progress = Written(learner, course_id, added["id"])
            assert client.put(progress.path, json={"status": "completed"}).status_code == 200, number
            assert client.get(f"/courses/{course_id}").json()["title"] == f"Edit {number}"
            summary = client.get(f"/progress/{course_id}/summary").json()
            assert (summary["total_lessons"], summary["completed_lessons"]) == (4 + number, 1 + number)
            assert len(client.get(f"/progress/{course_id}").json()) == 1 + number


def write(service: Running, progress: Written, body: object) -> httpx.Response:
    with service.client(progress.learner) as client:
        return client.put(progress.path, content=json.dumps(body))


def version(service: Running, progress: Written) -> int:
    """Return how often the lesson progress has changed, from its etag."""
    with service.client(progress.learner) as client:
        return int(client.get(progress.path).headers["ETag"].strip('"').rpartition(".")[2])
