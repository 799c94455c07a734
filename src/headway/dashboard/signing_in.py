"""Signs browsers in, with a code or an identity provider, and signs them out."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from headway.auth import Failure, IdentityProvider, Session, Sessions, SignInError
from headway.auth.sessions import COOKIE
from headway.dashboard.addresses import below, with_query
from headway.dashboard.cookies import ATTEMPT_COOKIE, CookieJar
from headway.dashboard.forms import read_form
from headway.dashboard.rendering import Renderer
from headway.dashboard.words import marked
from headway.domain.errors import ForgedRequestError, InvalidValueError, UnavailableError
from headway.domain.principal import Principal
from headway.http.engine.requests import read_headers
from headway.logs import get_logger
from headway.service import SignInService

_ATTEMPT: Final = "sign-in"
_ATTEMPT_LIFETIME: Final = timedelta(seconds=600)
"""How long a sign-in at the provider may take."""

_CODE: Final = "code"
_NEXT: Final = "_next"

_log = get_logger("headway.dashboard")

Handler = Callable[[Request], Awaitable[Response]]


class Notice(NamedTuple):
    """A title and a sentence on the sign-in page, both messages to translate, and the response's status."""

    status: int
    title: str
    text: str


NOTICES: Final = {
    _CODE: Notice(
        403,
        marked("This link has been used"),
        marked(
            "A link that signs in works once, and for a short time. Go back to where you came from, and open the page "
            "from there again."
        ),
    ),
    Failure.DENIED.value: Notice(
        403, marked("You were not signed in"), marked("The sign-in was stopped, or you were not let in.")
    ),
    Failure.STATE.value: Notice(
        403,
        marked("This sign-in is over"),
        marked("It took too long, began in another browser, or was used before. Please begin again."),
    ),
    Failure.REFUSED.value: Notice(
        403,
        marked("You could not be signed in"),
        marked(
            "The answer of the identity provider is not valid here. Please try again. If it happens again, tell the "
            "people who run this service. Its log says what was wrong."
        ),
    ),
    Failure.UNAVAILABLE.value: Notice(
        503,
        marked("Signing in is not possible now"),
        marked("A part of the service does not answer. Please try again in a minute."),
    ),
    "signed_out": Notice(
        200, marked("You are signed out"), marked("Your progress is kept. Come back whenever you like.")
    ),
}


@dataclass(frozen=True)
class SignInFlow:
    """Signs browsers in to the pages below `path`, and signs them out."""

    path: str
    codes: SignInService
    sessions: Sessions
    renderer: Renderer
    cookies: CookieJar
    provider: IdentityProvider | None

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        """Return the routes: method, path below `path`, and handler."""
        return (
            ("GET", "/sign-in", self.sign_in),
            ("GET", "/sign-in/start", self.start),
            ("GET", "/sign-in/callback", self.come_back),
            ("POST", "/sign-out", self.sign_out),
        )

    async def sign_in(self, request: Request) -> Response:
        """Sign in with a code. Without a code, show how to sign in, or redirect a browser that has a session.

        With a notice, a browser that has a session is not redirected. A code that failed may belong to another person
        than the session, and that person must not see the session's pages.
        """
        wanted = self._wanted(request)
        if "prefetch" in request.headers.get("sec-purpose", ""):  # a code works once, so a prefetch must not use it
            return Response(status_code=503)
        if _CODE in request.query_params:
            return await self._by_code(request, request.query_params[_CODE], wanted)
        session = self.session_of(request)
        notice = NOTICES.get(request.query_params.get("notice", ""))
        if session is not None and notice is None:
            return _to(wanted)
        start = with_query(f"{self.path}/sign-in/start", {"next": wanted})
        provider = self.provider.host if self.provider else None
        response = await self.renderer.show(
            request, "sign_in.html", None, notice.status if notice else 200, notice=notice, provider=provider,
            start=start, wanted=wanted, present=session.principal.learner_id if session else None,
        )  # fmt: skip
        return _unreferred(response)

    async def start(self, request: Request) -> Response:
        """Redirect the browser to the identity provider."""
        wanted = self._wanted(request)
        if self.provider is None:
            return self._back(None, wanted)
        request.scope["session"] = {}
        try:
            response = await self.provider.begin(request, self._callback(request))
        except SignInError as error:
            return self._back(error.failure.value, wanted)
        state = parse_qs(urlsplit(response.headers["location"]).query)["state"][0]
        attempt = self.sessions.seal(_ATTEMPT, request.session | {_NEXT: wanted}, _ATTEMPT_LIFETIME)
        self._keep_attempt(request, response, state, attempt, int(_ATTEMPT_LIFETIME.total_seconds()))
        return _unreferred(response)

    async def come_back(self, request: Request) -> Response:
        """Sign in a browser that comes back from the identity provider. An attempt works once, even where it fails.

        Attempts in other tabs stay valid. A forged link with an unknown `state` ends no attempt.
        """
        state = request.query_params.get("state", "")
        attempt = self.sessions.unseal(_ATTEMPT, request.cookies.get(ATTEMPT_COOKIE + state, ""))
        is_known = bool(attempt)
        wanted = below(self.path, str(attempt.pop(_NEXT, self.path)))
        if self.provider is None:
            return self._back(None, wanted)
        request.scope["session"] = attempt
        try:
            response = self._let_in(request, await self.provider.finish(request), None, wanted)
        except SignInError as error:
            response = self._back(error.failure.value, wanted)
        if is_known:
            self._keep_attempt(request, response, state, "", 0)
        return response

    async def sign_out(self, request: Request) -> Response:
        """Remove the session's cookie where the form has the session's forgery token; otherwise ask for confirmation.

        A page from an earlier session has the forgery token of that session, so it leads to the question too.
        """
        session = self.session_of(request)
        if session is None:  # the cookie stays: another site's page can not send it, and must not remove it
            return self._back(None, self.path)
        try:
            await read_form(request, session)
        except ForgedRequestError:
            return await self.renderer.show(request, "sign_out.html", session, 403)
        response = self._back("signed_out", self.path)
        self.cookies.put(request, response, COOKIE, "", 0)
        return response

    async def _by_code(self, request: Request, code: str, wanted: str) -> Response:
        try:
            found = await self.codes.take(code)
        except UnavailableError:
            return self._back(Failure.UNAVAILABLE.value, wanted)
        if found is None:
            return self._back(_CODE, wanted)
        return self._let_in(request, found.principal, found.ends_at, wanted)

    def _let_in(self, request: Request, principal: Principal, ends_at: datetime | None, wanted: str) -> Response:
        try:
            cookie = self.sessions.sealed(principal, ends_at)
        except InvalidValueError as error:  # only with a provider: a code for such a principal is never issued
            _log.warning("sign_in_failed", failure=Failure.REFUSED.value, error=error.problems[0].kind)
            return self._back(Failure.REFUSED.value, wanted)
        session = self.sessions.opened(cookie)
        if session is None:  # the session's end is already past
            return self._back(_CODE, wanted)
        response = _to(wanted)
        self.cookies.put(request, response, COOKIE, cookie, max(1, int(session.principal.expires_at - time.time())))
        return response

    def _back(self, notice: str | None, wanted: str) -> Response:
        """Redirect to the sign-in page. Its address contains no secret."""
        query = {"next": wanted} | ({"notice": notice} if notice else {})
        return _to(with_query(f"{self.path}/sign-in", query))

    def _wanted(self, request: Request) -> str:
        return below(self.path, request.query_params.get("next", self.path))

    def _callback(self, request: Request) -> str:
        return f"{self.cookies.origin(request)}{self.path}/sign-in/callback"

    def session_of(self, request: Request) -> Session | None:
        """Return the valid session of a request, or `None`."""
        return self.sessions.of_headers(read_headers(request.scope["headers"]))

    def _keep_attempt(self, request: Request, response: Response, state: str, attempt: str, seconds: int) -> None:
        self.cookies.put(request, response, ATTEMPT_COOKIE + state, attempt, seconds, f"{self.path}/sign-in")


def _to(address: str) -> Response:
    return _unreferred(RedirectResponse(address, 303))


def _unreferred(response: Response) -> Response:
    """Set `Referrer-Policy`, so that no other site learns the address, which may contain a code."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
