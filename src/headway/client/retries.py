"""When a request is sent again: decided here, without sending or waiting."""

import random
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import httpx2

from headway.client.calls import Answer, Call
from headway.client.errors import code_of

_CONFLICT: Final = 409
_PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses of what passes: 503 is the service's, the others are those of proxies."""
_PERHAPS_DONE: Final = frozenset({None, "unavailable", "store_unavailable"})
"""The codes of a 503 that do not say that nothing was done; `None` is that of a proxy."""
_NOT_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_LOST: Final = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.ProxyError)

_MOST_DOUBLINGS: Final = 30

Outcome = Answer | httpx2.TransportError
"""What came of an attempt."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and for how long a request is sent again.

    `attempts` is the most attempts in all; 1 sends nothing again. No attempt begins later than `total_seconds` after
    the first one has failed. The pauses double from `first_pause` to `longest_pause`, less up to half of it by chance.
    A `Retry-After` is kept.
    """

    attempts: int = 8
    total_seconds: float = 60
    first_pause: float = 0.2
    longest_pause: float = 10


NO_RETRIES: Final = Retries(attempts=1)


@dataclass(slots=True)
class Trial:
    """The attempts of one call."""

    retries: Retries
    _made: int = 0
    _failed_at: float | None = None
    """When the first attempt failed. An import may take longer than all retries of others."""

    def pause_after(self, call: Call[Any], outcome: Outcome) -> float | None:
        """Return for how many seconds to wait before the next attempt; `None`: there is no further attempt."""
        self._made += 1
        self._failed_at = self._failed_at or monotonic()
        if self._made >= self.retries.attempts or not may_repeat(call, outcome):
            return None
        pause = self._pause(outcome)
        return pause if monotonic() - self._failed_at + pause <= self.retries.total_seconds else None

    def _pause(self, outcome: Outcome) -> float:
        doubled: float = self.retries.first_pause * 2 ** min(self._made - 1, _MOST_DOUBLINGS)
        pause = min(self.retries.longest_pause, doubled) * random.uniform(0.5, 1)  # noqa: S311 - protects nothing
        asked = _retry_after(outcome)
        return pause if asked is None else asked + pause


def may_repeat(call: Call[Any], outcome: Outcome) -> bool:
    """Whether the same request may succeed, and does no harm if the first one was done."""
    if isinstance(outcome, _NOT_SENT):
        return True
    if isinstance(outcome, httpx2.TransportError):
        return call.is_repeatable and isinstance(outcome, _LOST)
    if outcome.status == _CONFLICT:
        return "retry-after" in outcome.headers
    if outcome.status not in _PASSING:
        return False
    return call.is_repeatable or code_of(outcome.body) not in _PERHAPS_DONE


def _retry_after(outcome: Outcome) -> float | None:
    if not isinstance(outcome, Answer):
        return None
    asked = outcome.headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() else None
