"""Parses identifiers in paths, arguments and documents."""

from typing import Final
from uuid import UUID

from pydantic import (
    TypeAdapter,
)

from headway.domain.errors import HeadwayError
from headway.domain.identifiers import is_canonical_uuid


class InvalidIdentifierError(HeadwayError):
    """An identifier in a path is not a UUID."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name} is not a UUID.")
        self.name = name
        self.text = text


def parse_identifier(name: str, text: str) -> str:
    """Return a path's identifier in canonical form. Raises `InvalidIdentifierError`."""
    if is_canonical_uuid(text):
        return text
    try:
        return parse_uuid(text)
    except ValueError as error:
        raise InvalidIdentifierError(name, text) from error


_UUID: Final[TypeAdapter[UUID]] = TypeAdapter(UUID)


def parse_uuid(text: str) -> str:
    """Return a UUID in its canonical form. Raises pydantic's `ValidationError`."""
    return str(_UUID.validate_python(text))
