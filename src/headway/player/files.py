"""Answers with a file of a package: the whole of it, or a range of it, as videos ask for (RFC 9110 section 14)."""

import re
from mimetypes import guess_type
from typing import Final, NamedTuple

from headway.domain.packages import PackageFile

_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
# What the tables of Python 3.11 lack, or have as no browser knows it.
_TYPES: Final = {
    ".avif": "image/avif",
    ".htm": "text/html",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".otf": "font/otf",
    ".ttf": "font/ttf",
    ".vtt": "text/vtt",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xhtml": "application/xhtml+xml",
}
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_LONGEST_NUMBER: Final = 18


class Range(NamedTuple):
    """The part of a file from `start` up to `stop`."""

    start: int
    stop: int


def media_type_of(path: str) -> str:
    """Return the media type of a file by the end of its name.

    It names no character set, so that the file itself may: not all packages are in UTF-8.
    """
    ending = f".{path.rpartition('.')[2].lower()}"
    # Not of the path: one that begins with `data:` would say its media type itself.
    return _TYPES.get(ending) or guess_type(f"file{ending}")[0] or "application/octet-stream"


def is_page(path: str) -> bool:
    """Whether a file is an HTML page."""
    return media_type_of(path) in _HTML


def range_of(header: str | None, if_range: str | None, etag: str, file: PackageFile) -> Range | None:
    """Return the range of a file that a request asks for; `None`: the whole file.

    A request for several ranges gets the whole file, as does one whose `If-Range` names another version. Raises
    `ValueError` where the range is outside of the file: that is answered 416.
    """
    if header is None or (if_range is not None and if_range != etag):
        return None
    found = _RANGE.fullmatch(header.strip())
    if not found or not (found[1] or found[2]) or max(len(found[1]), len(found[2])) > _LONGEST_NUMBER:
        return None
    if not found[1]:
        asked = Range(max(file.size - int(found[2]), 0), file.size)
    else:
        stop = min(int(found[2]) + 1, file.size) if found[2] else file.size
        asked = Range(int(found[1]), stop)
        if found[2] and int(found[2]) < int(found[1]):
            return None
    if asked.start >= asked.stop:
        raise ValueError(header)
    return asked
