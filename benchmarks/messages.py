"""Requests as bytes, and what has to be known of the answers."""

from typing import Final

from population import Population, heartbeat
from servers import HOST

BELOW_THE_COURSE: Final = {"put": "/lessons/", "list": "", "summary": "/summary"}
SUCCESS: Final = (b"HTTP/1.1 200", b"HTTP/1.1 201")
END_OF_HEAD: Final = b"\r\n\r\n"


def heartbeat_request(population: Population, learner: int, lesson: int, beat: int) -> bytes:
    """A learner's heartbeat in a lesson, by their places in the population: heartbeat.lua makes the same."""
    body = heartbeat(beat, population.rows)
    path = population.course_path(learner) + BELOW_THE_COURSE["put"] + population.lessons[lesson]
    head = f"{_head('PUT', path, population.tokens[learner])}Content-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


def read_request(population: Population, learner: int, endpoint: str) -> bytes:
    """A learner's reading: read.lua makes the same."""
    path = population.course_path(learner) + BELOW_THE_COURSE[endpoint]
    return f"{_head('GET', path, population.tokens[learner])}\r\n".encode()


def content_length(head: bytes) -> int:
    """How many bytes come after the head, its end included."""
    _, _, after = head.lower().partition(b"\r\ncontent-length:")
    return int(after.partition(b"\r\n")[0])


def _head(method: str, path: str, token: str) -> str:
    return f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
