"""The routes of the pages. Adds the sign-in check, the security headers, and the error pages."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from headway.auth import IdentityProvider, Sessions
from headway.dashboard import (
    authoring,
    learner,
    learner_home,
    notes,
    one_learner,
    playing,
    search,
    statistics,
    teacher_home,
)
from headway.dashboard.addresses import page_of, with_query
from headway.dashboard.compression import compressed
from headway.dashboard.cookies import CookieJar
from headway.dashboard.forms import NO_FORM, read_form
from headway.dashboard.page import Page, PageNotFoundError, Visit
from headway.dashboard.preferences import PATH as PREFERENCES
from headway.dashboard.preferences import Preferences
from headway.dashboard.refusals import FAULT, NO_PAGE, sentence_of
from headway.dashboard.rendering import Renderer
from headway.dashboard.signing_in import SignInFlow
from headway.dashboard.words import word_scripts
from headway.domain.errors import HeadwayError
from headway.http.engine.errors import to_reply
from headway.http.engine.static_files import StaticFiles, files_of
from headway.logs import get_logger
from headway.player import SANDBOXED, Framing
from headway.service import Services

_READ: Final = ["GET", "HEAD"]
_SEND: Final = ["POST"]
_NOT_FOUND: Final = 404
_UNAVAILABLE: Final = 503
_FAULT: Final = 500

_log = get_logger("headway.dashboard")

PAGES: Final = (
    Page("", learner_home.home),
    Page("/goal", learner_home.set_goal, takes_form=True),
    Page("/catalogue", learner_home.catalogue),
    Page("/catalogue/{course_id}", learner_home.enrol, takes_form=True),
    Page("/search", search.search),
    Page("/notes", notes.notes),
    Page("/notes/download", notes.download),
    Page("/courses/{course_id}", learner.course),
    Page("/courses/{course_id}/lessons/{lesson_id}/done", learner.mark_done, takes_form=True),
    Page("/play/{course_id}/{lesson_id}", playing.play),
    Page("/statistics", teacher_home.home),
    Page("/statistics/attention/{reason}", teacher_home.attention),
    Page("/statistics/{course_id}", statistics.overview),
    Page("/statistics/{course_id}/lessons", statistics.lessons),
    Page("/statistics/{course_id}/lessons/{lesson_id}", statistics.lesson),
    Page("/statistics/{course_id}/learners", statistics.roster),
    Page("/statistics/{course_id}/learners/grid", statistics.grid),
    Page("/statistics/{course_id}/activity", statistics.activity),
    Page("/statistics/learners/{user_id}", one_learner.learner),
    Page("/statistics/{course_id}/learners/{user_id}", one_learner.learner_in_course),
    Page("/authoring", authoring.courses),
    Page("/authoring/new", authoring.new_course),
    Page("/authoring/{course_id}", authoring.course),
    Page("/authoring/{course_id}/preview", authoring.preview),
    Page("/authoring/{course_id}/course.{ending}", authoring.document),
)
"""The table of pages. A request goes to the first entry whose path matches."""


@dataclass(frozen=True)
class Dashboard:
    """The pages below `path`. `api` is the path of the API. `frame_ancestors` are the origins that may frame the pages.

    `lesson_url` is the platform's address of a lesson, and `message_url` its address that takes selected learners.
    `public_url` is the origin that browsers see; `None` means the request's own. `provider` is the identity provider,
    if there is one. `framing` is how the content of lessons is framed.
    """

    path: str
    api: str
    services: Services
    sessions: Sessions
    frame_ancestors: Sequence[str]
    lesson_url: str | None = None
    public_url: str | None = None
    provider: IdentityProvider | None = None
    message_url: str | None = None
    framing: Framing = SANDBOXED

    @cached_property
    def static(self) -> StaticFiles:
        """The pages' styles, scripts, fonts and pictures, and the sentences of their scripts in each language."""
        return StaticFiles(f"{self.path}/static", lambda: files_of("headway.dashboard") | word_scripts())

    @cached_property
    def renderer(self) -> Renderer:
        """The renderer of the templates."""
        return Renderer(self.path, self.api, self.static, self.framing, self.lesson_url, self.message_url)

    def router(self) -> APIRouter:
        """Return a router with all pages."""
        router = APIRouter(prefix=self.path, include_in_schema=False)
        for page in PAGES:
            methods = _SEND if page.takes_form else _READ
            router.add_api_route(page.path, self._endpoint(page), methods=methods)
        router.add_api_route("/static/{name}", self._served(self.static.serve), methods=_READ)
        for method, path, handler in self.sign_in_flow.routes():
            router.add_api_route(path, self._served(self._refusing(handler)), methods=[method])
        preferences = Preferences(self.path, self.sessions, self._cookies)
        router.add_api_route(PREFERENCES, self._served(self._refusing(preferences.keep)), methods=["POST"])
        router.add_api_route("/", self._served(self._to_first_page), methods=_READ)
        unknown = Page("/{rest:path}", _no_page)
        router.add_api_route(unknown.path, self._endpoint(unknown), methods=_READ)
        return router

    @cached_property
    def sign_in_flow(self) -> SignInFlow:
        """The handlers that sign in and out."""
        return SignInFlow(self.path, self.services.sign_in, self.sessions, self.renderer, self._cookies, self.provider)

    @cached_property
    def _cookies(self) -> CookieJar:
        return CookieJar(self.public_url, framed=bool(self.frame_ancestors))

    def _endpoint(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            session = self.sign_in_flow.session_of(request)
            if session is None:
                return self._to_sign_in(request)
            form = await read_form(request, session) if page.takes_form else NO_FORM
            return await page.handler(Visit(request, self.services, session, self.renderer, form))

        return self._served(self._refusing(answer))

    def _refusing(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Return a handler that answers with a page where the given one raises, and compresses what it answers."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except PageNotFoundError:
                return await self._refused(request, _NOT_FOUND, NO_PAGE)
            except HeadwayError as refusal:
                return await self._refused(request, to_reply(refusal).status, sentence_of(refusal))
            except Exception:  # noqa: BLE001 - no traceback reaches a browser; the log has it
                _log.exception("page_failed")
                return await self._refused(request, _FAULT, FAULT)

        async def compressed_answer(request: Request) -> Response:
            return await compressed(request, await answer(request))

        return compressed_answer

    def _served(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            response = await handler(request)
            for name, value in self._security_headers.items():
                response.headers.setdefault(name, value)
            return response

        return answer

    @cached_property
    def _security_headers(self) -> dict[str, str]:
        """The headers of every response. They allow only the pages' own files, this host and the allowed frames."""
        policy = {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "font-src": "'self'",
            "frame-src": self.framing.origin or "'self'",
            "img-src": "'self' data:",
            "connect-src": "'self'",
            "form-action": " ".join(["'self'", *self._form_origins]),
            "base-uri": "'none'",
            "frame-ancestors": " ".join(self.frame_ancestors) or "'none'",
        }
        return {
            "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-store",
        }

    @property
    def _form_origins(self) -> Sequence[str]:
        """The other origins to which a form may be sent."""
        if self.message_url is None:
            return ()
        address = urlsplit(self.message_url)
        return (f"{address.scheme}://{address.netloc}",)

    async def _to_first_page(self, _request: Request) -> Response:
        """Redirect an address with a slash at its end to the first page."""
        return RedirectResponse(self.path, 308)

    def _to_sign_in(self, request: Request) -> Response:
        """Redirect to the sign-in page, which leads back. A request for part of a page redirects the whole page."""
        address = with_query(f"{self.path}/sign-in", {"next": page_of(request, self.path)})
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": address})
        return RedirectResponse(address, 303)

    async def _refused(self, request: Request, status: int, reason: str) -> Response:
        session, again = self.sign_in_flow.session_of(request), page_of(request, self.path)
        page = await self.renderer.show(
            request, "refused.html", session, status, reason=reason, code=status, again=again,
            sent_form=request.method in _SEND,
        )  # fmt: skip
        if status == _UNAVAILABLE:
            page.headers["Retry-After"] = "1"
        return page


async def _no_page(_visit: Visit) -> Response:
    """Handle every address below the pages' path that no other route matches. Raises `PageNotFoundError`."""
    raise PageNotFoundError
