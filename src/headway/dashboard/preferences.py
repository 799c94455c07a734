"""Keeps in cookies what readers prefer: the colours and the language of the pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from headway.auth import Session
from headway.auth.sessions import FORGERY_FIELD, Sessions, check_forgery
from headway.dashboard.addresses import below
from headway.dashboard.cookies import CookieJar
from headway.dashboard.forms import form_of
from headway.dashboard.rendering import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from headway.dashboard.words import LANGUAGES
from headway.domain.errors import ForgedRequestError
from headway.http.engine.requests import read_headers

PATH: Final = "/preferences"

_SYSTEM: Final = "system"  # the colours of the reader's system: no cookie
_YEAR: Final = 365 * 24 * 60 * 60
_OWN: Final = ("same-origin", None)  # `None`: an older browser, or a page without https


@dataclass(frozen=True)
class Preferences:
    """Handles the form in the menu of all pages, also before signing in. `path` is the path of the pages."""

    path: str
    sessions: Sessions
    cookies: CookieJar

    async def keep(self, request: Request) -> Response:
        """Keep what the form says, and lead back to its page. A value that is not one of the choices changes nothing.

        Raises `ForgedRequestError` where the form does not come from a page of this session. Without a session, the
        browser must not say that it comes from another site.
        """
        form = await form_of(request)
        _check(request, self.sessions.of_headers(read_headers(request.scope["headers"])), form)
        response = RedirectResponse(self._page_of(request, form), 303)
        theme, language = form.get("theme"), form.get("language")
        if theme in THEMES or theme == _SYSTEM:
            self._put(request, response, THEME_COOKIE, "" if theme == _SYSTEM else theme)
        if language in LANGUAGES:
            self._put(request, response, LANGUAGE_COOKIE, language)
        return response

    def _put(self, request: Request, response: Response, name: str, value: str) -> None:
        self.cookies.put(request, response, name, value, _YEAR if value else 0, self.path)

    def _page_of(self, request: Request, form: Mapping[str, str]) -> str:
        """Return the page with the form. Its address is in `Referer`: scripts may have changed it since it was sent."""
        if "next" in form:  # the sign-in page, whose address no request tells
            return below(self.path, form["next"])
        try:
            shown = urlsplit(request.headers.get("referer", ""))
        except ValueError:  # not a valid address
            return self.path
        return below(self.path, f"{shown.path}?{shown.query}" if shown.query else shown.path)


def _check(request: Request, session: Session | None, form: Mapping[str, str]) -> None:
    if session is not None:
        check_forgery(session, form.get(FORGERY_FIELD, ""))
    elif request.headers.get("sec-fetch-site") not in _OWN:
        raise ForgedRequestError
