"""Server-sent events as a client of any kind reads them: lines, which an empty one ends."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx


class Event(NamedTuple):
    """An event; a comment is one without a name."""

    name: str
    id: str
    data: Any


class Follower:
    """Reads what comes on a stream, one after the other."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self) -> Event | None:
        """Return what comes next; `None` at the end of the stream."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                return Event(fields.get("event", ""), fields.get("id", ""), json.loads(fields.get("data", "null")))
            name, _, value = line.partition(": ")
            fields[name] = value
        return None

    def next_event(self) -> Event | None:
        """Return the next event; comments are left out."""
        while (event := self.next()) is not None:
            if event.name:
                return event
        return None

    def until(self, **figures: object) -> Event:
        """Return the first event with these figures."""
        while (event := self.next_event()) is not None:
            if figures.items() <= event.data.items():
                return event
        raise AssertionError(f"the stream ended before it had {figures}")


@contextmanager
def following(client: httpx.Client, course_id: str, last: str | None = None) -> Iterator[Follower]:
    """Yield a client on a course's stream; with an event's id, it asks for later events only."""
    headers = {} if last is None else {"Last-Event-ID": last}
    with client.stream("GET", f"/statistics/{course_id}/stream", headers=headers) as response:
        if response.status_code != 200:
            response.read()
        response.raise_for_status()
        yield Follower(response)
