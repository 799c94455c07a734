"""What an import's request says beside its path, query and body: its key, and the kind of its file."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from headway.domain.errors import HeadwayError

IMPORT_KEY: Final = re.compile(r"[!-~]{1,255}")


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
