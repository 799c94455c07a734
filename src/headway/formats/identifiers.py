"""Parses identifiers in paths, arguments and documents."""

import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from pydantic import (
    TypeAdapter,
)

from headway.domain.bounds import MOST_RUNS
from headway.domain.errors import HeadwayError
from headway.domain.identifiers import is_canonical_uuid


class InvalidParameterError(HeadwayError):
    """A parameter in a path has the wrong form. `expected` and `kind` say which one it should have."""

    expected: str
    kind: str
    context: Mapping[str, str] = {}

    def __init__(self, name: str, text: str, reason: str) -> None:
        super().__init__(f"{name} is not {reason}.")
        self.name = name
        self.text = text


class InvalidIdentifierError(InvalidParameterError):
    """An identifier in a path is not a UUID."""

    expected = "Input should be a valid UUID"
    kind = "uuid_parsing"
    context: Mapping[str, str] = {"error": "a UUID is 32 hexadecimal digits in five groups joined by hyphens"}

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, text, "a UUID")


class InvalidNumberError(InvalidParameterError):
    """A number in a path is not a whole number from 1 to `MOST_RUNS`."""

    expected = f"Input should be a whole number from 1 to {MOST_RUNS:,}"
    kind = "int_parsing"

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, text, f"a whole number from 1 to {MOST_RUNS:,}")


NUMBERS: Final = frozenset({"run"})
"""The parameters of paths that are whole numbers from 1 to `MOST_RUNS`. All others are UUIDs."""


def parse_parameter(name: str, text: str) -> str:
    """Return a parameter of a path in canonical form. Raises `InvalidIdentifierError` or `InvalidNumberError`."""
    if name not in NUMBERS:
        return parse_identifier(name, text)
    if not _NUMBER.fullmatch(text):
        raise InvalidNumberError(name, text)
    return text


def parse_identifier(name: str, text: str) -> str:
    """Return a path's identifier in canonical form. Raises `InvalidIdentifierError`."""
    if is_canonical_uuid(text):
        return text
    try:
        return parse_uuid(text)
    except ValueError as error:
        raise InvalidIdentifierError(name, text) from error


_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_UUID: Final[TypeAdapter[UUID]] = TypeAdapter(UUID)


def parse_uuid(text: str) -> str:
    """Return a UUID in its canonical form. Raises pydantic's `ValidationError`."""
    return str(_UUID.validate_python(text))
