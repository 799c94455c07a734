"""A service in the tests' own process, whose time is theirs to tell: learners write on one day and on another."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from headway import Settings
from headway.app import Headway
from headway.http.engine.protocol import BoundedHeadProtocol
from headway.service import (
    EnrolmentsService,
    GoalsService,
    LearnersService,
    OverviewService,
    ProgressService,
    StatisticsService,
)
from headway.service.attention import AttentionService
from headway.service.course_list import CourseListService
from headway.storage.postgres import PostgresStore
from headway.storage.sqlite import SqliteStore
from support.running import PREFIX, SECRET, authorization, course, lesson
from support.serving import served

REGISTRAR = "enrolments:write"


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)


class School:
    """A served Headway, and clients of it."""

    def __init__(self, headway: Headway, base_url: str, clock: Clock, transport: httpx.BaseTransport) -> None:
        self.headway = headway
        self.base_url = base_url
        self.clock = clock
        self._transport = transport
        self.teacher = self.client(None, "statistics:read", "courses:write")

    def client(self, learner: str | None, *scopes: str) -> httpx.Client:
        """Return a client for a learner, a new one where none is named, below the API's prefix."""
        return self.client_with(authorization(learner or str(uuid4()), *scopes))

    def client_with(self, headers: dict[str, str]) -> httpx.Client:
        """Return a client that sends these headers."""
        return httpx.Client(
            base_url=self.base_url + PREFIX, headers=headers, transport=self._transport, timeout=20, verify=False
        )

    def put_course(self, document: dict[str, Any], course_id: str | None = None) -> str:
        """Put a course and answer its id."""
        course_id = course_id or str(uuid4())
        self.teacher.put(f"/courses/{course_id}", json=document).raise_for_status()
        return course_id

    def write(self, learner: str, course_id: str, lesson_id: str, **fields: object) -> None:
        """Write a learner's lesson progress."""
        path = f"/progress/{course_id}/lessons/{lesson_id}"
        self.client(learner).put(path, json=fields).raise_for_status()

    def get(self, path: str, **parameters: object) -> Any:
        """Return the answer to the teacher, and check that it is a 200."""
        answer = self.teacher.get(path, params={name: str(value) for name, value in parameters.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()


class Term:
    """A course of two lessons, and who enrols learners in it."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.document = course(lesson(), lesson(), title="A term")
        self.lessons = [one["id"] for one in self.document["lessons"]]
        self.course_id = school.put_course(self.document)
        self.path = f"/courses/{self.course_id}/enrolments"
        self.registrar = school.client(None, REGISTRAR)

    def in_days(self, days: float) -> str:
        return (self.school.clock.now + timedelta(days=days)).isoformat()

    def enrol(self, learner: str | None = None, **dates: object) -> str:
        """Enrol a learner, a new one where none is named, and answer the learner's id."""
        learner = learner or str(uuid4())
        self.registrar.put(f"{self.path}/{learner}", json=dates).raise_for_status()
        return learner

    def end(self, learner: str) -> None:
        assert self.registrar.delete(f"{self.path}/{learner}").status_code == 204

    def complete(self, learner: str) -> None:
        for lesson_id in self.lessons:
            self.school.write(learner, self.course_id, lesson_id, status="completed")

    def begin(self, learner: str) -> None:
        self.school.write(learner, self.course_id, self.lessons[0], progress_percentage=10)

    def figures(self, *names: str) -> list[Any]:
        found = self.school.get(f"/statistics/{self.course_id}")
        return [found[name] for name in names or ("enrolled", "not_started", "started", "completed", "late")]

    def changes(self, **query: object) -> dict[str, Any]:
        """How the figures have changed in a week."""
        changes: dict[str, Any] = self.school.get(f"/statistics/{self.course_id}", **query)["changes"]
        return changes

    def listed(self, **filters: object) -> set[str]:
        """The learners in the roster."""
        page = self.school.get(f"/statistics/{self.course_id}/learners", limit=1000, **filters)
        return {line["user_id"] for line in page["learners"]}


@contextmanager
def told_the_time(clock: Callable[[], datetime]) -> Iterator[None]:
    """Everything that is made meanwhile asks this clock what the time is."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (
            SqliteStore,
            PostgresStore,
            StatisticsService,
            AttentionService,
            CourseListService,
            OverviewService,
            EnrolmentsService,
            GoalsService,
            ProgressService,
            LearnersService,
        ):
            patch.setattr(kind.__init__, "__kwdefaults__", {**(kind.__init__.__kwdefaults__ or {}), "clock": clock})
        yield


@contextmanager
def school(
    database_url: str,
    transport: httpx.BaseTransport,
    http: type[asyncio.Protocol] = BoundedHeadProtocol,
    **settings: Any,
) -> Iterator[School]:
    """Yield a school over an empty database."""
    clock = Clock()
    headway = Headway(Settings(database_url=database_url, jwt_secret=SECRET, log_requests="none", **settings))
    with told_the_time(clock), served(headway.asgi(), http) as base_url:
        yield School(headway, base_url, clock, transport)


def token_for_courses(courses: object, *scopes: str) -> dict[str, str]:
    """Return the header of a user whose scopes are limited by the claim `courses`."""
    return limited_token(*scopes, courses=courses)


def limited_token(*scopes: str, **limits: object) -> dict[str, str]:
    """Return the header of a user whose scopes are limited by claims."""
    expires = datetime.now(UTC) + timedelta(hours=1)
    claims = {"sub": str(uuid4()), "exp": expires, "scope": " ".join(scopes), **limits}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
