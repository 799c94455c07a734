"""The pages' own files: styles, scripts, pictures. All are in the package; none comes from another host."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from mimetypes import guess_type
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

_FOREVER: Final = "public, max-age=31536000, immutable"
_FOLDER: Final = "static"
_IMPORT: Final = re.compile(rb'(\bfrom |\bimport )"\./([\w.-]+)"')


class Asset(NamedTuple):
    """One file, as it is and compressed; `mark` changes with what is in it."""

    content: bytes
    compressed: bytes
    media_type: str
    mark: str


class Assets:
    """Serves the files below `path`, under addresses that change with what is in them."""

    def __init__(self, path: str) -> None:
        self._path = path

    @cached_property
    def _files(self) -> Mapping[str, Asset]:
        folder = files("headway.dashboard") / _FOLDER
        contents = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        return {name: _asset(name, _with_marks(name, contents)) for name in contents}

    def address(self, name: str) -> str:
        """Where a file is."""
        return f"{self._path}/static/{name}?{self._files[name].mark}"

    async def serve(self, request: Request) -> Response:
        """Answer with a file. Whoever asks for its present content need not ask again."""
        asset = self._files.get(request.path_params["name"])
        if asset is None:
            return Response(status_code=404)
        headers = {"Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
        if request.url.query == asset.mark:
            headers["Cache-Control"] = _FOREVER
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                asset.compressed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type
            )
        return Response(asset.content, headers=headers, media_type=asset.media_type)


def _with_marks(name: str, contents: Mapping[str, bytes]) -> bytes:
    """A file whose imports name others by the addresses that change with what is in those; none imports itself."""
    if not name.endswith(".js"):
        return contents[name]

    def marked(found: re.Match[bytes]) -> bytes:
        imported = found[2].decode()
        return b'%b"./%b?%b"' % (found[1], found[2], _mark(_with_marks(imported, contents)).encode())

    return _IMPORT.sub(marked, contents[name])


def _asset(name: str, content: bytes) -> Asset:
    media_type, _ = guess_type(name)
    compressed = gzip.compress(content, mtime=0)
    return Asset(content, compressed, media_type or "application/octet-stream", _mark(content))


def _mark(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
