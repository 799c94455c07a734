"""JSON as the reference prints it, and arrays that are rendered in parts."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import orjson

# Moments are printed as in the reference: to the second, with a Z (RFC 3339 section 5.6).
_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


class Array(NamedTuple):
    """An array in an answer: its values, and the function that renders each."""

    values: Sequence[Any]
    shown: Callable[[Any], object]

    def all(self) -> list[object]:
        """Return the whole array."""
        return [self.shown(value) for value in self.values]

    def some(self, values: Sequence[Any]) -> bytes:
        """Return some of its values as JSON."""
        return to_json([self.shown(value) for value in values])


def to_json(value: object) -> bytes:
    """Return a value as JSON in the form of the reference."""
    return orjson.dumps(value, default=str, option=_OPTIONS)
