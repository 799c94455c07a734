"""Answers of many megabytes: how many bytes of them are held at once, whose turn it is to be made, and how they are."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from typing import Final, TypeVar

from headway.domain.errors import UnavailableError

_TURN_WAIT_SECONDS: Final = 5.0
_MIDDLING_BYTES: Final = 1024 * 1024
"""Up to here an answer has the room that is kept from longer ones."""
_AT_ONCE: Final = 16
"""Values that are rendered at once: each may have tens of kilobytes."""
_TURN_BYTES: Final = 256 * 1024
"""After so much others have their turn: some milliseconds' work at most lie between."""

T = TypeVar("T")


class TooManyAnswersError(UnavailableError):
    """The long answers under way take all the memory that they may take together."""

    def __init__(self) -> None:
        super().__init__("Too many long answers are under way at once. Try again in a moment.")


class LongAnswers:
    """Bounds the bytes of long answers that are held for their clients, and has them made one at a time.

    A quarter is for answers of at most a mebibyte. An answer may be longer than the room that is left, so that one of
    any length can be answered; the next one has none. What several clients are sent is counted once.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._most_of_middling = most_bytes // 4
        self._most_of_long = most_bytes - self._most_of_middling
        self._clients: Counter[int] = Counter()
        self._turn = asyncio.Lock()
        self._held_of_middling = 0
        self.held = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Nobody else makes a long answer meanwhile.

        Raises `TooManyAnswersError` where there is no room for one, or others make theirs for too long.
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
        """Count an answer's body until the block is left. Raises `TooManyAnswersError`."""
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
            if sign > 0 and self._held_of_middling >= self._most_of_middling:
                self._require_room(self._most)
            self._held_of_middling += sign * size
        self.held += sign * size

    def _require_room(self, most: int) -> None:
        if self.held >= most:
            raise TooManyAnswersError


async def write_array(text: BytesIO, values: Sequence[T], to_json: Callable[[Sequence[T]], bytes]) -> None:
    """Append a JSON array, some values at a time, with others' turns between. `to_json` makes an array of some."""
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
