"""JSON as the reference prints it, and arrays of which some values are rendered at a time."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import orjson

# Moments are printed as in the reference: to the second, with a Z (RFC 3339 section 5.6).
_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


class Array(NamedTuple):
    """An array of an answer: its values, and what each of them becomes."""

    values: Sequence[Any]
    shown: Callable[[Any], object]

    def all(self) -> list[object]:
        """The whole array."""
        return [self.shown(value) for value in self.values]

    def some(self, values: Sequence[Any]) -> bytes:
        """Some of its values as JSON."""
        return to_json([self.shown(value) for value in values])


def to_json(value: object) -> bytes:
    """Any value as the reference's JSON."""
    return orjson.dumps(value, default=str, option=_OPTIONS)
