"""The routes of the player: its page, its scripts, and the files of packages."""

from asyncio import to_thread
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from headway.auth import LaunchTokens
from headway.domain.errors import HeadwayError
from headway.domain.packages import PackageDigest, PackageFile, PackageIndex
from headway.http.engine.errors import refusal, refusal_of_no_class, to_reply
from headway.http.engine.replies import to_response
from headway.http.engine.requests import CONTENT_PATH
from headway.http.engine.static_files import StaticFiles
from headway.player.files import is_page, media_type_of, range_of
from headway.player.framing import Framing
from headway.player.pages import MOST_CHANGED_BYTES, player_page, static_files, with_interface

_READ: Final = ["GET", "HEAD"]
# For a week: as long as the address of a package stays the same. Only the learner's own browser may keep a file.
_KEPT: Final = "private, max-age=604800, immutable"
# One would stay in the browser, and answer in place of this service.
_NO_WORKERS: Final = refusal_of_no_class("Packages may have no service workers.", 403)
_NOT_MODIFIED: Final = 304
_PARTIAL: Final = 206
_NO_SUCH_RANGE: Final = 416


class Packages(Protocol):
    """The packages that were imported."""

    async def index(self, package: PackageDigest) -> PackageIndex:
        """Return the files of a package."""

    def read(self, file: PackageFile, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes of a file from `start` up to `stop`."""


@dataclass(frozen=True)
class PlayerSite:
    """The player. `api` is the path of the API."""

    tokens: LaunchTokens
    packages: Packages
    framing: Framing
    api: str
    static: StaticFiles = field(default_factory=static_files)

    def router(self) -> APIRouter:
        """Return a router with everything below the path of content."""
        router = APIRouter(prefix=CONTENT_PATH, include_in_schema=False)
        router.add_api_route("/play/{launch}", self._served(self._play, self.framing.page_policy), methods=_READ)
        router.add_api_route("/static/{name}", self.static.serve, methods=_READ)
        router.add_api_route(
            "/files/{package}/{path:path}", self._served(self._file, self.framing.file_policy), methods=_READ
        )
        return router

    def _served(
        self, handler: Callable[[Request], Awaitable[Response]], policy: str
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return a handler whose answers have this Content-Security-Policy, refusals too."""

        async def answer(request: Request) -> Response:
            try:
                is_worker = "service-worker" in request.headers
                response = to_response(_NO_WORKERS) if is_worker else await handler(request)
            except HeadwayError as refused:
                response = to_response(to_reply(refused))
            response.headers["Content-Security-Policy"] = policy
            response.headers["Referrer-Policy"] = "no-referrer"  # the address has a token
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            return response

        return answer

    async def _play(self, request: Request) -> Response:
        token = request.path_params["launch"]
        self.tokens.launch_in(token)
        address, sandboxed = f"{self.api}/launches/{token}", self.framing.is_sandboxed
        page = await to_thread(player_page, self.static, address, sandboxed=sandboxed)  # the first compresses files
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})

    async def _file(self, request: Request) -> Response:
        index = await self.packages.index(self.tokens.package_in(request.path_params["package"]))
        file = index.find(request.path_params["path"])
        if file is None:
            return to_response(refusal("The package has no such file.", 404, "not_found"))
        is_changed = self.framing.is_sandboxed and is_page(file.path) and file.size <= MOST_CHANGED_BYTES
        etag = f'"{file.digest[:32]}{"-s" if is_changed else ""}"'
        headers = {"Cache-Control": _KEPT, "ETag": etag, "Accept-Ranges": "bytes"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=_NOT_MODIFIED, headers=headers)
        if is_changed:
            return await self._page_with_interface(file, headers)
        return self._file_or_part(request, file, headers)

    async def _page_with_interface(self, file: PackageFile, headers: Mapping[str, str]) -> Response:
        content = b"".join([piece async for piece in self.packages.read(file)])
        page = await to_thread(with_interface, content, self.static)  # a large page takes long to look through
        return _typed(Response(page, headers=headers), file)

    def _file_or_part(self, request: Request, file: PackageFile, headers: Mapping[str, str]) -> Response:
        try:
            asked = range_of(request.headers.get("range"), request.headers.get("if-range"), headers["ETag"], file)
        except ValueError:
            return Response(status_code=_NO_SUCH_RANGE, headers={"Content-Range": f"bytes */{file.size}"})
        start, stop = asked or (0, file.size)
        sized = {**headers, "Content-Length": str(stop - start)}
        if asked is not None:
            sized["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
        status = 200 if asked is None else _PARTIAL
        if request.method == "HEAD":
            return _typed(Response(status_code=status, headers=sized), file)
        return _typed(StreamingResponse(self.packages.read(file, start, stop), status, sized), file)


def _typed(response: Response, file: PackageFile) -> Response:
    """Return the response with the media type of the file, and no character set that Starlette would add."""
    response.headers["Content-Type"] = media_type_of(file.path)
    return response
