"""Learners' players that go on writing until they are told to stop or the service is gone."""

import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from support.running import PREFIX, Running, authorization, course


@dataclass
class Written:
    """What was sent to one lesson progress, and what was acknowledged of it; both only rise."""

    learner: str
    course_id: str
    lesson_id: str
    sent: int = 0
    acknowledged: int = 0

    @property
    def path(self) -> str:
        return f"/progress/{self.course_id}/lessons/{self.lesson_id}"


def new_lesson_progress(running: Running, learners: int = 3) -> list[Written]:
    """Return lesson progress to write: of new learners in all the lessons of a new course."""
    document = course()
    course_id = running.put_course(document)
    return [
        Written(learner, course_id, lesson["id"])
        for learner in (str(uuid4()) for _ in range(learners))
        for lesson in document["lessons"]
    ]


class Player(threading.Thread):
    """Writes rising values to its learner's lessons in turn, over one connection that is kept open."""

    def __init__(self, base_url: str, all_progress: Sequence[Written]) -> None:
        super().__init__(daemon=True)
        self._address = urlsplit(base_url).netloc
        self.all_progress = all_progress
        self._headers = authorization(all_progress[0].learner)
        self._stopped = threading.Event()
        self.refusals: list[tuple[int, bytes]] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=20)
        try:
            while not self._stopped.is_set():
                for progress in self.all_progress:
                    self._write(connection, progress)
        except (OSError, http.client.HTTPException):
            pass  # the service is gone: what was acknowledged until then counts
        finally:
            connection.close()

    def stop(self) -> None:
        self._stopped.set()

    def body(self, value: int) -> dict[str, Any]:
        """Return the body of a write."""
        return {"quiz_attempts": value, "time_spent_minutes": value / 4, "progress_percentage": min(value, 100)}

    def _write(self, connection: http.client.HTTPConnection, progress: Written) -> None:
        value = progress.sent = progress.sent + 1
        connection.request("PUT", PREFIX + progress.path, json.dumps(self.body(value)), self._headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status == 200:
            progress.acknowledged = value
        else:
            self.refusals.append((answer.status, content))
            self._stopped.wait(0.01)  # nobody who is told to come again does so at once


AnyPlayer = TypeVar("AnyPlayer", bound=Player)


@contextmanager
def players(running: Running, all_progress: Sequence[Written]) -> Iterator[Sequence[Player]]:
    """Start one player for each learner. All have ended when the block is left."""
    learners = dict.fromkeys(progress.learner for progress in all_progress)
    with playing(
        [
            Player(running.base_url, [progress for progress in all_progress if progress.learner == learner])
            for learner in learners
        ]
    ) as started:
        yield started


@contextmanager
def playing(started: Sequence[AnyPlayer]) -> Iterator[Sequence[AnyPlayer]]:
    """Start the players. All have ended when the block is left."""
    for player in started:
        player.start()
    try:
        yield started
    finally:
        for player in started:
            player.stop()
            player.join(20)


def write(running: Running, progress: Written, value: int = 1) -> httpx.Response:
    """Send a value to one lesson progress, and return the answer, whatever it is."""
    with running.client(progress.learner) as client:
        return client.put(progress.path, json={"quiz_attempts": value})


def stored(running: Running, all_progress: Sequence[Written]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the listed lesson progress by learner and lesson, and check each summary against a recount."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for learner, course_id in dict.fromkeys((progress.learner, progress.course_id) for progress in all_progress):
        with running.client(learner) as client:
            listed = client.get(f"/progress/{course_id}").json()
            summary = client.get(f"/progress/{course_id}/summary").json()
            assert client.get("/progress").json() == ([summary] if listed else [])
        assert summary | recount(listed, summary["total_lessons"]) == summary
        found |= {(learner, progress["lesson_id"]): progress for progress in listed}
    return found


def recount(listed: Sequence[dict[str, Any]], total_lessons: int) -> dict[str, Any]:
    """Return the figures of a summary, counted from the listed lesson progress of a course without optional lessons."""
    completed = sum(progress["status"] == "completed" for progress in listed)
    return {
        "completed_lessons": completed,
        "in_progress_lessons": sum(progress["status"] == "in_progress" for progress in listed),
        "completion_percentage": round(100 * completed / total_lessons, 2),
        "total_time_spent_minutes": sum(progress["time_spent_minutes"] for progress in listed),
    }
