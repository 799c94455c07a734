"""Reads three request headers: Content-Type, Idempotency-Key, and Accept with headers like it."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from headway.domain.errors import HeadwayError

IMPORT_KEY: Final = re.compile(r"[!-~]{1,255}")
_WEIGHT: Final = re.compile(r"q=(0(\.[0-9]{0,3})?|1(\.0{0,3})?)")


class InvalidImportKeyError(HeadwayError):
    """The value of Idempotency-Key does not follow its grammar."""

    def __init__(self) -> None:
        super().__init__("Idempotency-Key must be 1 to 255 printable ASCII characters without spaces.")


class InvalidEventIdError(HeadwayError):
    """The value of Last-Event-ID is not the id of an event of the feed."""

    def __init__(self, given: str) -> None:
        super().__init__("Last-Event-ID must be the id of an event of this feed, as it was sent.")
        self.given = given


class UnsupportedMediaTypeError(HeadwayError):
    """The operation does not read bodies of this media type."""

    def __init__(self, given: str, known: Iterable[str]) -> None:
        super().__init__(f"Content-Type is {given or 'missing'}. It must be {' or '.join(known)}.")


def parse_media_type(headers: Mapping[bytes, bytes], known: Collection[str]) -> str:
    """Return the media type of the body, in lower case, without parameters.

    Raises `UnsupportedMediaTypeError` where it is not one of `known`.
    """
    media_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if media_type not in known:
        raise UnsupportedMediaTypeError(media_type, known)
    return media_type


def parse_import_key(value: bytes | None) -> str | None:
    """Return the key in an Idempotency-Key header; `None` without the header.

    Raises `InvalidImportKeyError` where it is not 1 to 255 printable ASCII characters.
    """
    if value is None:
        return None
    key = value.decode("latin-1")
    if not IMPORT_KEY.fullmatch(key):
        raise InvalidImportKeyError
    return key


def accepted(header: str) -> dict[str, float]:
    """Return the values of a header such as Accept, in lower case, each with its weight (RFC 9110 section 12.4.2).

    A missing or malformed weight counts as 1. Where a value is repeated, the first counts.
    """
    found: dict[str, float] = {}
    for one in header.lower().split(","):
        name, *parameters = (part.strip() for part in one.split(";"))
        weights = [weight[1] for weight in map(_WEIGHT.fullmatch, parameters) if weight]
        found.setdefault(name, float(weights[0]) if weights else 1.0)
    return found


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a request with this Accept-Encoding accepts gzip (RFC 9110 section 12.5.3)."""
    return accepted(accept_encoding).get("gzip", 0) > 0
