"""Keeps in cookies what readers prefer: the colours and the language of the pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from headway.auth import Session
from headway.auth.sessions import FORGERY_FIELD, Sessions, check_forgery
from headway.dashboard.addresses import below, page_at
from headway.dashboard.cookies import CookieJar
from headway.dashboard.forms import form_of
from headway.dashboard.rendering import LANGUAGE_COOKIE, THEME_COOKIE
from headway.dashboard.words import LANGUAGES
from headway.domain.errors import ForgedRequestError
from headway.http.engine.requests import read_headers

PATH: Final = "/preferences"

# For each field of the form: its cookie, and the cookie's value for each choice. An empty value removes the cookie.
_CHOICES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "theme": (THEME_COOKIE, {"system": "", "light": "light", "dark": "dark"}),
    "language": (LANGUAGE_COOKIE, {language: language for language in LANGUAGES}),
}
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
        for field, (cookie, values) in _CHOICES.items():
            value = values.get(form.get(field, ""))
            if value is not None:
                self.cookies.put(request, response, cookie, value, _YEAR if value else 0, self.path)
        return response

    def _page_of(self, request: Request, form: Mapping[str, str]) -> str:
        """Return the page with the form. Its address is in `Referer`: scripts may have changed it since it was sent."""
        if "next" in form:  # the sign-in page, whose address no request tells
            return below(self.path, form["next"])
        return page_at(request.headers.get("referer", ""), self.path)


def _check(request: Request, session: Session | None, form: Mapping[str, str]) -> None:
    if session is not None:
        check_forgery(session, form.get(FORGERY_FIELD, ""))
    elif request.headers.get("sec-fetch-site") not in _OWN:
        raise ForgedRequestError
