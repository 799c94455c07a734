"""Serves files that come with the package: styles, scripts, fonts and pictures. None comes from another host."""

import gzip
import hashlib
import re
from asyncio import to_thread
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import PurePath
from typing import Final, NamedTuple, Self

from starlette.requests import Request
from starlette.responses import Response

from headway.http.engine.parameters import takes_gzip

ANY_ORIGIN: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""The headers of files that pages of every origin may read: those hold nothing of anybody."""

_FOREVER: Final = "public, max-age=31536000, immutable"
_FONT: Final = "font/woff2"
# Not from the tables of the machine, which differ.
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": _FONT,
}
# A module that a module imports, or a font that a style sheet uses, in the same folder. No imports form a cycle.
_USED: Final = re.compile(rb'(?:(?:\bfrom |\bimport |\bimport\()"\./|\burl\(")(?P<name>[\w.-]+\.(?:js|woff2))')
_NOT_MODIFIED: Final = 304


class StaticFile(NamedTuple):
    """A file, plain and compressed; `None` for a font, which is compressed already. `mark` is a hash of its content."""

    content: bytes
    compressed: bytes | None
    media_type: str
    mark: str

    @classmethod
    def of(cls, name: str, content: bytes) -> Self:
        """Return a file with a media type by the end of its name."""
        media_type = _MEDIA_TYPES[PurePath(name).suffix]
        compressed = None if media_type == _FONT else gzip.compress(content, mtime=0)
        return cls(content, compressed, media_type, hashlib.sha256(content).hexdigest()[:12])

    def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Answer with the file and these headers, or that it is what the caller has."""
        etag = f'"{self.mark}"'
        fixed = {"ETag": etag, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff", **headers}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=_NOT_MODIFIED, headers=fixed)
        if self.compressed is not None and takes_gzip(request.headers.get("accept-encoding", "")):
            packed = fixed | {"Content-Encoding": "gzip"}
            return Response(self.compressed, headers=packed, media_type=self.media_type)
        return Response(self.content, headers=fixed, media_type=self.media_type)


class StaticFiles:
    """Serves files at `path`, with `headers`. A file's address changes with its content: browsers keep it for ever.

    `contents` returns the files by their names. It is called when a file is needed for the first time.
    """

    def __init__(
        self, path: str, contents: Callable[[], Mapping[str, bytes]], headers: Mapping[str, str] | None = None
    ) -> None:
        self._path = path
        self._contents = contents
        self._headers = headers or {}

    @cached_property
    def _files(self) -> Mapping[str, StaticFile]:
        contents = self._contents()
        found: dict[str, StaticFile] = {}
        for name in contents:
            _add(found, name, contents)
        return found

    def address(self, name: str) -> str:
        """Return the address of a file."""
        return f"{self._path}/{name}?{self._files[name].mark}"

    async def serve(self, request: Request) -> Response:
        """Answer with a file. An address without the file's current mark is asked for again each time."""
        found = await to_thread(lambda: self._files)  # the first call reads and compresses them
        file = found.get(request.path_params["name"])
        if file is None:
            return Response(status_code=404)
        kept = _FOREVER if request.url.query == file.mark else "no-cache"
        return file.answer(request, {"Cache-Control": kept, **self._headers})


def files_of(package: str) -> dict[str, bytes]:
    """Return the static files of a package, without those that only its tools read."""
    folder = files(package) / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir() if PurePath(file.name).suffix in _MEDIA_TYPES}


def _add(found: dict[str, StaticFile], name: str, contents: Mapping[str, bytes]) -> StaticFile:
    """Add a file and return it. The names of other files in it get the marks of those, so browsers cache them."""

    def marked(used: re.Match[bytes]) -> bytes:
        other = used["name"].decode()
        mark = f"?{_add(found, other, contents).mark}" if other in contents else ""
        return used[0] + mark.encode()

    if name not in found:
        found[name] = StaticFile.of(name, _USED.sub(marked, contents[name]))
    return found[name]
