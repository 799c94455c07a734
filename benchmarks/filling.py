"""Filling the servers with the population's rows, checking that they are there, recording Headway's answers."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Final, NamedTuple
from uuid import UUID

import uvloop
from sqlalchemy import insert

from answers import Answer
from messages import END_OF_HEAD, SUCCESS, content_length, heartbeat_request, read_request
from population import (
    LARGE_GROUP,
    Population,
    course_author,
    groups_writer,
    heartbeat,
    heartbeat_values,
    numbered_id,
)
from servers import HOST
from straightforward import Base, Lesson, LessonProgress, make_engine

_LOADERS: Final = 32
_ROWS_IN_AN_INSERT: Final = 10_000
_CHECKED_LEARNERS: Final = 20
_GOOD_STATUS: Final = range(200, 300)

# The server adds these to every answer itself, the ceiling's as well as Headway's.
_ADDED_BY_THE_SERVER: Final = frozenset({"date", "server", "connection"})


def fill_headway(port: int, population: Population) -> None:
    """Put the courses, then one heartbeat from every learner in every lesson, over HTTP."""
    put_courses(port, population)
    uvloop.run(_send_all(port, _first_heartbeats(population)))


def ask_lists(port: int, population: Population) -> None:
    """Let every learner ask for the list of the course once."""
    lists = (read_request(population, learner, "list") for learner in range(len(population.learners)))
    uvloop.run(_send_all(port, lists))


def put_courses(port: int, population: Population) -> None:
    """Put the courses, all with the same lessons, over HTTP."""
    lessons = [
        {"id": lesson_id, "title": f"Lesson {position}", "kind": "video"}
        for position, lesson_id in enumerate(population.lessons, start=1)
    ]
    document = json.dumps({"title": "The measured course", "lessons": lessons}).encode()
    author = course_author(population)
    for course_id in population.courses:
        _ask(port, "PUT", f"/api/v1/education/courses/{course_id}", author, document)


def put_group(port: int, population: Population, members: list[str]) -> str:
    """Put a group over HTTP. Returns its id."""
    group_id = numbered_id("group", 1)
    document = json.dumps({"title": LARGE_GROUP, "members": members}).encode()
    _ask(port, "PUT", f"/api/v1/education/groups/{group_id}", groups_writer(population), document)
    return group_id


async def _send_all(port: int, requests: Iterator[bytes]) -> None:
    await asyncio.gather(*(_send_each(port, requests) for _ in range(_LOADERS)))


def _first_heartbeats(population: Population) -> Iterator[bytes]:
    beat = 0
    for learner in range(len(population.learners)):
        for lesson in range(len(population.lessons)):
            yield heartbeat_request(population, learner, lesson, beat)
            beat += 1


async def _send_each(port: int, requests: Iterator[bytes]) -> None:
    """Send what is left in `requests`, which other connections take from too, one after the other."""
    reader, writer = await asyncio.open_connection(HOST, port)
    with closing(writer):
        for request in requests:
            writer.write(request)
            head = await reader.readuntil(END_OF_HEAD)
            body = await reader.readexactly(content_length(head))
            if not head.startswith(SUCCESS):
                raise RuntimeError(f"A request was refused: {head[:60]!r} {body[:300]!r}")


def fill_straightforward(url: str, population: Population) -> None:
    """The same rows, inserted in bulk: a commit for each of them would take this peer minutes."""
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    [course_id] = map(UUID, population.courses)
    lesson_ids = [UUID(lesson_id) for lesson_id in population.lessons]
    lessons = [
        {"course_id": course_id, "id": lesson_id, "title": f"Lesson {position}", "content_id": lesson_id}
        for position, lesson_id in enumerate(lesson_ids, start=1)
    ]
    now = datetime.now(UTC)
    rows = [
        {
            "user_id": UUID(learner_id),
            "course_id": course_id,
            "lesson_id": lesson_id,
            "content_id": lesson_id,
            "created_at": now,
            "updated_at": now,
            **heartbeat_values(learner * len(lesson_ids) + position, population.rows),
        }
        for learner, learner_id in enumerate(population.learners)
        for position, lesson_id in enumerate(lesson_ids)
    ]
    with engine.begin() as connection:
        connection.execute(insert(Lesson), lessons)
        for start in range(0, len(rows), _ROWS_IN_AN_INSERT):
            connection.execute(insert(LessonProgress), rows[start : start + _ROWS_IN_AN_INSERT])
    engine.dispose()


def check_filled(port: int, population: Population) -> None:
    """Raise `RuntimeError` unless a score of learners, spread over all of them, have all their rows."""
    expected = {len(population.lessons)}
    last = len(population.tokens) - 1
    for learner in (*range(0, last, max(1, last // _CHECKED_LEARNERS)), last):
        token, path = population.tokens[learner], population.course_path(learner)
        rows = json.loads(_ask(port, "GET", path, token).body)
        summary = json.loads(_ask(port, "GET", f"{path}/summary", token).body)
        found = {len(rows), summary["total_lessons"], summary["in_progress_lessons"]}
        if found != expected:
            raise RuntimeError(f"A learner has not begun every lesson: {expected} expected, {found} found.")


def record_answers(port: int, population: Population) -> dict[str, Answer]:
    """One real answer for each endpoint, to a learner who has a row in every lesson.

    Without the headers that the server would add to it again.
    """
    token, path = population.tokens[0], population.course_path(0)
    body = heartbeat(population.rows, population.rows)
    replies = {
        "put": _ask(port, "PUT", f"{path}/lessons/{population.lessons[0]}", token, body),
        "list": _ask(port, "GET", path, token),
        "summary": _ask(port, "GET", f"{path}/summary", token),
    }
    return {
        endpoint: Answer(
            status=reply.status,
            headers=tuple((name, value) for name, value in reply.headers if name.lower() not in _ADDED_BY_THE_SERVER),
            body=reply.body,
            server_header=any(name.lower() == "server" for name, _ in reply.headers),
        )
        for endpoint, reply in replies.items()
    }


class _Reply(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


def _ask(port: int, method: str, path: str, token: str, body: bytes | None = None) -> _Reply:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with closing(HTTPConnection(HOST, port, timeout=30)) as connection:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        reply = _Reply(response.status, response.getheaders(), response.read())
    if reply.status not in _GOOD_STATUS:
        raise RuntimeError(f"{method} {path}: status {reply.status}, {reply.body[:300]!r}")
    return reply
