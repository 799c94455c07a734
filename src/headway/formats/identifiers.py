"""Parses identifiers in paths, arguments and documents."""

import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from pydantic import (
    TypeAdapter,
)

from headway.domain.attention import Reason
from headway.domain.bounds import MOST_RUNS
from headway.domain.deliveries import HIGHEST_NUMBER
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
    """A number in a path is not a whole number from 1 to the highest one."""

    kind = "int_parsing"

    def __init__(self, name: str, text: str) -> None:
        form = f"a whole number from 1 to {NUMBERS[name]:,}"
        super().__init__(name, text, form)
        self.expected = f"Input should be {form}"


class InvalidReasonError(InvalidParameterError):
    """A reason in a path is none of those for which learners need attention."""

    expected = f"Input should be {', '.join(repr(reason.value) for reason in Reason)}"
    kind = "enum"

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, text, f"one of {', '.join(Reason)}")


NUMBERS: Final[Mapping[str, int]] = {"run": MOST_RUNS, "delivery_id": HIGHEST_NUMBER}
"""The parameters of paths that are whole numbers from 1, with the highest number of each."""
REASON: Final = "reason"
"""The parameter of paths that is a reason."""
LAUNCH: Final = "launch"
"""The parameter of paths that is the token of a launch. All others are UUIDs."""


def parse_parameter(name: str, text: str) -> str:
    """Return a parameter of a path in canonical form. Raises one of the errors above."""
    if name == REASON:
        return parse_reason(text)
    if name == LAUNCH:
        return text
    if name not in NUMBERS:
        return parse_identifier(name, text)
    if not _NUMBER.fullmatch(text) or int(text) > NUMBERS[name]:
        raise InvalidNumberError(name, text)
    return text


def parse_reason(text: str) -> Reason:
    """Return the reason that a path names. Raises `InvalidReasonError`."""
    try:
        return Reason(text)
    except ValueError as error:
        raise InvalidReasonError(REASON, text) from error


def parse_identifier(name: str, text: str) -> str:
    """Return a path's identifier in canonical form. Raises `InvalidIdentifierError`."""
    if is_canonical_uuid(text):
        return text
    try:
        return parse_uuid(text)
    except ValueError as error:
        raise InvalidIdentifierError(name, text) from error


_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")
_UUID: Final[TypeAdapter[UUID]] = TypeAdapter(UUID)


def parse_uuid(text: str) -> str:
    """Return a UUID in its canonical form. Raises pydantic's `ValidationError`."""
    return str(_UUID.validate_python(text))
