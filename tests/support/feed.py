"""A reader of the feed of events: pages by cursor, and a stream of server-sent events."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx

from headway.domain.events import FEED_TYPES, EventType
from support.events import Follower
from support.running import course

BUT_ERASURES = ",".join(kind for kind in FEED_TYPES if kind is not EventType.LEARNER_ERASED)
"""All types but `learner.erased`: other tests erase learners on the same server, and everybody is told of that."""

PATIENCE = 30
"""Requests that wait a second each, until a test gives up."""


class Reader:
    """Reads the feed with one filter, from one cursor to the next."""

    def __init__(self, client: httpx.Client, after: str = "newest", **query: str | int) -> None:
        self._client = client
        self._query = query
        self.after = after
        self.after = self.page()["next"] if after == "newest" else after

    def page(self, **query: str | int) -> Any:
        """Return the next page, and go on behind it."""
        answer = self._client.get("/events", params={"after": self.after, **self._query, **query})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        self.after = page["next"]
        return page

    def next(self, count: int) -> list[Any]:
        """Return the next events, and wait until there are so many."""
        found: list[Any] = []
        for _ in range(PATIENCE):
            found += self.page(wait=1)["events"]
            if len(found) >= count:
                return found
        raise AssertionError(f"{count} events did not come, only {found}")

    def types(self, count: int) -> list[str]:
        """Return the types of the next events, and wait until there are so many."""
        return [event["type"] for event in self.next(count)]


@contextmanager
def following_events(client: httpx.Client, last: str | None = None, **query: str | int) -> Iterator[Follower]:
    """Yield a client on the stream of the feed; with an event's id, it asks for later events only."""
    headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": last})
    with client.stream("GET", "/events", headers=headers, params=query) as response:
        if response.status_code != 200:
            response.read()
        response.raise_for_status()
        yield Follower(response)


class Taught:
    """A course of the test's own, and learners who write in it."""

    def __init__(self, author: httpx.Client, learner: httpx.Client) -> None:
        self._author = author
        self.learner = learner
        self.document = course()
        self.course_id = str(uuid4())
        self.lessons = [lesson["id"] for lesson in self.document["lessons"]]
        self.put()

    def feed(self, client: httpx.Client, **query: str | int) -> Reader:
        """Return a reader of the course's events who has read that the course was published."""
        reader = Reader(client, "0", course=self.course_id, types="course.published")
        reader.next(1)
        return Reader(client, reader.after, course=self.course_id, **query)

    def put(self, **fields: object) -> None:
        """Put the course, with these fields changed."""
        self._author.put(f"/courses/{self.course_id}", json=self.document | fields).raise_for_status()

    def complete(self, lesson: int = 0, client: httpx.Client | None = None) -> None:
        """Complete a lesson."""
        path = f"/progress/{self.course_id}/lessons/{self.lessons[lesson]}"
        (client or self.learner).put(path, json={"status": "completed"}).raise_for_status()
