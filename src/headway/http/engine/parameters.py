"""What a request's headers say beside conditions: the kind of its body, what it accepts, the key of an import."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from headway.domain.errors import HeadwayError

IMPORT_KEY: Final = re.compile(r"[!-~]{1,255}")
_WEIGHT: Final = re.compile(r"q=(0(\.[0-9]{0,3})?|1(\.0{0,3})?)")


class InvalidImportKeyError(HeadwayError):
    """An Idempotency-Key that is none."""

    def __init__(self) -> None:
        super().__init__("Idempotency-Key takes 1 to 255 printable ASCII characters without spaces.")


class UnsupportedMediaTypeError(HeadwayError):
    """The body is of a kind that this operation does not read."""

    def __init__(self, given: str, known: Iterable[str]) -> None:
        super().__init__(f"Content-Type is {given or 'missing'}; this takes {' or '.join(known)}.")


def parse_media_type(headers: Mapping[bytes, bytes], known: Collection[str]) -> str:
    """The kind of the body, which is one of the known ones. Raises `UnsupportedMediaTypeError`."""
    media_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if media_type not in known:
        raise UnsupportedMediaTypeError(media_type, known)
    return media_type


def parse_import_key(value: bytes | None) -> str | None:
    """The key of Idempotency-Key. Raises `InvalidImportKeyError`."""
    if value is None:
        return None
    key = value.decode("latin-1")
    if not IMPORT_KEY.fullmatch(key):
        raise InvalidImportKeyError
    return key


def accepted(header: str) -> dict[str, float]:
    """What a header such as Accept names, in lower case, each with its weight (RFC 9110 section 12.4.2).

    The weight is 1 where none is given, or none that can be read. Of a name that is there twice, the first counts.
    """
    found: dict[str, float] = {}
    for one in header.lower().split(","):
        name, *parameters = (part.strip() for part in one.split(";"))
        weights = [weight[1] for weight in map(_WEIGHT.fullmatch, parameters) if weight]
        found.setdefault(name, float(weights[0]) if weights else 1.0)
    return found
