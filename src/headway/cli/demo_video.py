"""The demo's page with a video that reports while it plays."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from headway.domain.identifiers import CourseId, LessonId

ADDRESS: Final = "/demo/video/"
_COURSE: Final = CourseId("7b1f0f6e-2c5a-4f0e-9a50-0d5f0d3c1a02")
_LESSON: Final = LessonId("0a6c2f7e-51a4-4a51-8a0b-6b1d52a70205")


def video_routes(new_token: Callable[[], str]) -> list[BaseRoute]:
    """Return the routes of the page, its video, and what the page signs in with: a token, and which lesson it is.

    Pages of other origins can not read the token.
    """

    async def visit(_: Request) -> Response:
        content = {"courseId": _COURSE, "lessonId": _LESSON, "token": new_token()}
        return JSONResponse(content, headers={"Cache-Control": "no-store"})

    folder = StaticFiles(packages=[("headway.cli", "video")], html=True)
    return [Route(f"{ADDRESS}visit", visit), Mount(ADDRESS.rstrip("/"), folder)]
