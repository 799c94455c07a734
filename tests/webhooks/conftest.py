"""Senders that may reach this machine, and names that resolve to what a test says."""

import socket
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from headway.domain.networks import read_network
from headway.webhooks.sender import Sender

LOOPBACK = (read_network("127.0.0.0/8"), read_network("::1/128"))


class Names:
    """What some names resolve to, and how often each was resolved. The last answer of a name stays.

    Other names are resolved as always.
    """

    def __init__(self) -> None:
        self.resolved = Counter[str]()
        self._answers: dict[str, list[tuple[str, ...]]] = {}
        self._really = socket.getaddrinfo

    def resolve(self, host: str, *answers: tuple[str, ...]) -> None:
        """Resolve a host to these addresses: the first time to the first answer, then to the next one."""
        self._answers[host] = list(answers)

    def __call__(self, host: str, port: int, *arguments: Any, **named: Any) -> list[tuple[Any, ...]]:
        self.resolved[host] += 1
        if host not in self._answers:
            return list(self._really(host, port, *arguments, **named))
        answers = self._answers[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Return the names that a test sets."""
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made)
    return made


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """Yield a sender that may reach this machine, also without TLS."""
    async with Sender(LOOPBACK, "1.2.3") as made:
        yield made


@pytest.fixture
async def strict_sender() -> AsyncIterator[Sender]:
    """Yield a sender that reaches public addresses alone."""
    async with Sender((), "1.2.3") as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make attempts short. What the receivers of such a test are waited for never happens."""
    monkeypatch.setattr("headway.webhooks.sender.ATTEMPT_SECONDS", 0.2)
