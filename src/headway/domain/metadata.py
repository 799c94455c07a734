"""The metadata of lesson progress: a JSON object of the client's own."""

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final

from headway.domain.bounds import METADATA_BYTES, METADATA_DEPTH
from headway.domain.errors import InvalidValueError, Problem

Metadata = Mapping[str, Any]
NO_METADATA: Final[Metadata] = {}


def merged_metadata(stored: Metadata, sent: Metadata | None) -> Metadata:
    """Return the metadata after a merge write: `stored` with the keys of `sent`, or `stored` itself if nothing changes.

    Raises `InvalidValueError` where the result is too large.
    """
    if not sent:
        return stored
    merged = unless_equal(stored, {**stored, **sent})
    if merged is not stored:
        _check_size(merged)
    return merged


def unless_equal(stored: Metadata, other: Metadata) -> Metadata:
    """Return `other`, or `stored` where both are the same JSON. As JSON, because `True == 1` in Python."""
    return stored if other is stored or json.dumps(stored) == json.dumps(other) else other


def check_metadata(metadata: Metadata) -> None:
    """Check that the metadata can be stored and returned unchanged.

    The limits are 16 KiB of UTF-8 JSON, 32 levels (the object itself is the first) and whole numbers of 64 bits.
    U+0000, lone surrogates, NaN and infinity are not allowed (RFC 8259 has no NaN and no infinity).

    Raises `InvalidValueError` where the metadata breaks a limit.
    """
    if not metadata:
        return
    reason = next(_faults(metadata, 1), None)
    if reason is not None:
        raise _error(reason)
    _check_size(metadata)


def _check_size(metadata: Metadata) -> None:
    if len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode()) > METADATA_BYTES:
        raise _error(f"Metadata takes {METADATA_BYTES} bytes at most, as JSON.")


def _error(reason: str) -> InvalidValueError:
    return InvalidValueError([Problem(("metadata",), reason, "metadata_out_of_bounds")])


def _faults(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, dict | list):
        if depth > METADATA_DEPTH:
            yield f"Metadata is at most {METADATA_DEPTH} levels deep."
            return
        for child in (*value.keys(), *value.values()) if isinstance(value, dict) else value:
            yield from _faults(child, depth + 1)
    elif isinstance(value, str):
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
            yield "Text in metadata must not have U+0000 or a lone surrogate."
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            yield "Whole numbers in metadata take 64 bits at most."
    elif isinstance(value, float) and not isfinite(value):
        yield "Numbers in metadata are finite."
