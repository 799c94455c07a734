"""The player's own files, and scorm-again: served from the package, none from another host."""

import gzip
import hashlib
from asyncio import to_thread
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from headway.http.engine.parameters import takes_gzip
from headway.http.engine.requests import CONTENT_PATH

_FOREVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


class Script(NamedTuple):
    """A file, plain and compressed. `mark` is a hash of its content."""

    content: bytes
    compressed: bytes
    media_type: str
    mark: str


class Scripts:
    """Serves the files. A file's address changes with its content."""

    @cached_property
    def _files(self) -> Mapping[str, Script]:
        folder = files("headway.player") / "static"
        return {
            file.name: _script(file.read_bytes(), media_type)
            for file in folder.iterdir()
            for ending, media_type in _TYPES.items()
            if file.name.endswith(ending)
        }

    def address(self, name: str) -> str:
        """Return the address of a file."""
        return f"{CONTENT_PATH}/static/{name}?{self._files[name].mark}"

    async def serve(self, request: Request) -> Response:
        """Answer with a file. Pages of every origin may read it: those in a sandbox have none."""
        scripts = await to_thread(lambda: self._files)  # the first call reads and compresses them
        script = scripts.get(request.path_params["name"])
        if script is None:
            return Response(status_code=404)
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Cache-Control": _FOREVER if request.url.query == script.mark else "no-cache",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if takes_gzip(request.headers.get("accept-encoding", "")):
            packed = headers | {"Content-Encoding": "gzip"}
            return Response(script.compressed, headers=packed, media_type=script.media_type)
        return Response(script.content, headers=headers, media_type=script.media_type)


def _script(content: bytes, media_type: str) -> Script:
    return Script(content, gzip.compress(content, mtime=0), media_type, hashlib.sha256(content).hexdigest()[:12])
