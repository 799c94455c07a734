"""Serves the pages' styles, scripts, fonts, pictures and sentences: all from the package, none from another host."""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from mimetypes import add_type, guess_type
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from headway.dashboard.compression import VARIES, takes_gzip
from headway.dashboard.words import LANGUAGES, words_of

_FOREVER: Final = "public, max-age=31536000, immutable"
_FOLDER: Final = "static"
# A module that a module imports, or a font that a style sheet uses, in the same folder. No imports form a cycle.
_USED: Final = re.compile(rb'(?:(?:\bfrom |\bimport |\bimport\()"\./|\burl\(")(?P<name>[\w.-]+\.(?:js|woff2))')
_FONT: Final = "font/woff2"
add_type(_FONT, ".woff2")  # not in the tables of Python 3.13 and older


class Asset(NamedTuple):
    """A file, plain and compressed; `None` for a font, which is compressed already. `mark` is a hash of its content."""

    content: bytes
    compressed: bytes | None
    media_type: str
    mark: str


class Assets:
    """Serves the files below `path`. A file's address changes with its content."""

    def __init__(self, path: str) -> None:
        self._path = path

    @cached_property
    def _files(self) -> Mapping[str, Asset]:
        folder = files("headway.dashboard") / _FOLDER
        contents = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        contents |= {f"words-{language}.js": words_of(language).script for language in LANGUAGES}
        found: dict[str, Asset] = {}
        for name in contents:
            _add(found, name, contents)
        return found

    def address(self, name: str) -> str:
        """Return the address of a file."""
        return f"{self._path}/static/{name}?{self._files[name].mark}"

    async def serve(self, request: Request) -> Response:
        """Answer with a file. Where the address has the file's current mark, browsers may cache it for ever."""
        assets = await asyncio.to_thread(lambda: self._files)  # the first call reads and compresses them
        asset = assets.get(request.path_params["name"])
        if asset is None:
            return Response(status_code=404)
        headers = VARIES | {"X-Content-Type-Options": "nosniff"}
        if request.url.query == asset.mark:
            headers["Cache-Control"] = _FOREVER
        if asset.compressed is not None and takes_gzip(request):
            return Response(
                asset.compressed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type
            )
        return Response(asset.content, headers=headers, media_type=asset.media_type)


def _add(found: dict[str, Asset], name: str, contents: Mapping[str, bytes]) -> Asset:
    """Add a file and return it. The names of other files in it get the marks of those, so browsers cache them."""

    def marked(used: re.Match[bytes]) -> bytes:
        other = used["name"].decode()
        mark = f"?{_add(found, other, contents).mark}" if other in contents else ""
        return used[0] + mark.encode()

    if name not in found:
        found[name] = _asset(name, _USED.sub(marked, contents[name]))
    return found[name]


def _asset(name: str, content: bytes) -> Asset:
    media_type, _ = guess_type(name)
    compressed = None if media_type == _FONT else gzip.compress(content, mtime=0)
    return Asset(content, compressed, media_type or "application/octet-stream", _mark(content))


def _mark(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
