"""How long a client may take: for a request's head, in its body, between requests, and to read an answer."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

_BODY_PAUSES: Final = 10
"""A whole body may take this many times `body_seconds`."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections a process accepts, and how many seconds a client has.

    The seconds are for a request's head, for a pause in its body, and for reading nothing of an answer.
    """

    connections: int = 10_000
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    patience_seconds: float = 10.0


class Phase(Enum):
    """What a connection waits for."""

    HEAD = auto()
    """The rest of a request's head, or the first request."""
    BODY = auto()
    """The rest of a request's body."""
    ANSWER = auto()
    """The answer, which is the server's part."""
    NEXT = auto()
    """The next request."""
    END = auto()
    """The client's end of the connection; what it sends is discarded."""


class Deadlines:
    """When a client's time for its next step ends. All times are seconds of the event loop's clock."""

    def __init__(self, limits: ConnectionLimits, keep_alive_seconds: float, now: float) -> None:
        self._limits = limits
        self._keep_alive_seconds = keep_alive_seconds
        self.shortest = min(limits.head_seconds, limits.body_seconds, limits.patience_seconds, keep_alive_seconds)
        self._begun = self._heard = now
        self._unsent = 0
        self._stuck_since = 0.0

    def begin(self, now: float) -> None:
        """Note that a request begins, or that its answer is complete."""
        self._begun = self._heard = now

    def hear(self, now: float) -> None:
        """Note that a part of a body arrived, or that the server does not read, so that the client can not be late."""
        self._heard = now

    def stall(self, unsent: int, now: float) -> None:
        """Note that the client reads more slowly than the server writes, with `unsent` bytes in the buffer."""
        self._unsent, self._stuck_since = unsent, now

    def due(self, phase: Phase, unsent: int, now: float) -> float:
        """Return when the client's time ends, if it does nothing until then.

        Also notes `unsent`, the size of the buffer now.
        """
        limits = self._limits
        if unsent:
            if unsent != self._unsent:
                self.stall(unsent, now)
            return self._stuck_since + limits.patience_seconds
        self._unsent = 0
        if phase is Phase.HEAD:
            return self._heard + limits.head_seconds
        if phase is Phase.BODY:
            return min(self._heard, self._begun + (_BODY_PAUSES - 1) * limits.body_seconds) + limits.body_seconds
        return self._heard + self._keep_alive_seconds if phase is Phase.NEXT else now + self.shortest
