"""Answers of many megabytes: bounds on the memory that they take together, and how they are built piece by piece."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from typing import Final, TypeVar

from headway.domain.errors import UnavailableError

_TURN_WAIT_SECONDS: Final = 5.0
_MIDDLING_BYTES: Final = 1024 * 1024
"""An answer of at most this size may use the memory that is reserved from longer ones."""
_AT_ONCE: Final = 16
"""How many values are rendered at once. Each may take tens of kilobytes."""
_TURN_BYTES: Final = 256 * 1024
"""Other requests are served after this many bytes: a few milliseconds of work."""

T = TypeVar("T")


class TooManyAnswersError(UnavailableError):
    """The long answers in progress take all the memory that they may take together."""

    def __init__(self) -> None:
        super().__init__("Too many long answers are being sent. Try again in a moment.")


class LongAnswers:
    """Bounds the memory of long answers to `most_bytes`, and lets one of them be built at a time.

    A quarter is reserved for answers of at most 1 MiB. The last answer that is let in may be longer than what is left,
    so that an answer of any length can be sent. A body that is sent to several clients is counted once.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._most_of_medium = most_bytes // 4
        self._most_of_long = most_bytes - self._most_of_medium
        self._clients: Counter[int] = Counter()
        self._turn = asyncio.Lock()
        self._held_of_medium = 0
        self.held = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Build a long answer inside this block: it lets in one request at a time.

        Raises `TooManyAnswersError` where there is no memory left, or after five seconds of waiting.
        """
        self._require_room(self._most_of_long)
        try:
            async with asyncio.timeout(_TURN_WAIT_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise TooManyAnswersError from None
        try:
            self._require_room(self._most_of_long)
            yield
        finally:
            self._turn.release()

    @contextmanager
    def holding(self, body: bytes) -> Iterator[None]:
        """Count an answer's body until the block ends. Raises `TooManyAnswersError` where there is no memory left."""
        key, size = id(body), len(body)
        if not self._clients[key]:
            self._hold(size, 1)
        self._clients[key] += 1
        try:
            yield
        finally:
            self._clients[key] -= 1
            if not self._clients[key]:
                del self._clients[key]
                self._hold(size, -1)

    def _hold(self, size: int, sign: int) -> None:
        if size > _MIDDLING_BYTES:
            if sign > 0:
                self._require_room(self._most_of_long)
        else:
            if sign > 0 and self._held_of_medium >= self._most_of_medium:
                self._require_room(self._most)
            self._held_of_medium += sign * size
        self.held += sign * size

    def _require_room(self, most: int) -> None:
        if self.held >= most:
            raise TooManyAnswersError


async def write_array(text: BytesIO, values: Sequence[T], to_json: Callable[[Sequence[T]], bytes]) -> None:
    """Append `values` to `text` as a JSON array. Other requests are served in between.

    `to_json` renders some of the values as an array.
    """
    turn_at = text.tell() + _TURN_BYTES
    text.write(b"[")
    for at in range(0, len(values), _AT_ONCE):
        if at:
            text.write(b",")
        text.write(memoryview(to_json(values[at : at + _AT_ONCE]))[1:-1])
        if text.tell() >= turn_at:
            turn_at = text.tell() + _TURN_BYTES
            await asyncio.sleep(0)
    text.write(b"]")
