"""Clients of both kinds, and what most tests need: a learner and a course of the test's own."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest

from headway.client import AsyncClient
from support.clients import KINDS, made
from support.running import PATIENCE, Running, course, lesson, token

SCOPES = (
    "learners:admin", "courses:write", "enrolments:write", "groups:write", "statistics:read", "events:read",
    "webhooks:write",
)  # fmt: skip


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Return which of the two clients it is."""
    return str(request.param)


@pytest.fixture
async def client_of(running: Running, kind: str) -> AsyncIterator[Callable[..., AsyncClient]]:
    """Makes clients of the running service by the learner's id and the scopes."""
    clients: list[AsyncClient] = []

    def make(learner: str | None = None, *scopes: str, **options: Any) -> AsyncClient:
        bearer = token(learner or str(uuid4()), *scopes)
        clients.append(made(kind, running.base_url, bearer, **{"timeout": PATIENCE} | options))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def client(client_of: Callable[..., AsyncClient]) -> AsyncClient:
    """Return a client with all scopes, as a platform's back end has it."""
    return client_of("backend@example.org", *SCOPES)


@pytest.fixture
def learner() -> str:
    """Return the id of a learner of the test's own."""
    return str(uuid4())


@pytest.fixture
def document() -> dict[str, Any]:
    """Return the document of the test's own course: a plain lesson, a quiz, and an optional lesson."""
    quiz = lesson(title="A quiz", kind="quiz", pass_mark=50)
    return course(lesson(), quiz, lesson(required=False), title=f"Course {uuid4()}")


@pytest.fixture
def lessons(document: dict[str, Any]) -> list[str]:
    """Return the ids of its lessons."""
    return [one["id"] for one in document["lessons"]]


@pytest.fixture
async def course_id(client: AsyncClient, document: Any) -> str:
    """Return the id of the test's own course, which is in the catalogue."""
    name = str(uuid4())
    await client.courses.put(name, document)
    return name
