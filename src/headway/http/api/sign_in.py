"""Codes for the pages: a platform's back end gives a learner's token in for one, and opens the pages with it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    Field,
)

from headway.http.engine.replies import Reply, json_reply
from headway.http.engine.requests import Call, PagesOffError


class SignInCode(BaseModel):
    """A code that signs a browser in to the pages, once."""

    code: str
    url: Annotated[str, Field(description="The address to open; `&next=` may be appended, a path of the pages'.")]
    expires_at: Annotated[datetime, Field(description="Until when the code is good.")]


# A token may be good for longer than a moment can be told; no session is.
_LONGEST: Final = timedelta(days=366)


async def make_sign_in_code(call: Call) -> Reply:
    """A code that lets a browser in as the caller, once."""
    pages = call.pages
    if pages is None:
        raise PagesOffError
    # By its token, never by a session: a session would beget others, without end.
    principal = await pages.authenticator.authenticate(call.headers.get(b"authorization"))
    pages.sessions.sealed(principal)  # raises where that is more than a browser keeps: here somebody can act on it
    issued = await call.services.sign_in.issue(principal, _moment(principal.expires_at))
    address = sign_in_url(pages.origin(call.scheme, call.headers), pages.path, issued.code)
    body = {"code": issued.code, "url": address, "expires_at": issued.ends_at}
    return json_reply(body, 201, ((b"cache-control", b"no-store"),))


def sign_in_url(origin: str, path: str, code: str, page: str = "") -> str:
    """The address that signs in by a code, and shows a page (by its path below the pages')."""
    wanted = f"&next={path}{page}" if page else ""
    return f"{origin}{path}/sign-in?code={code}{wanted}"


def _moment(seconds: float) -> datetime:
    latest = datetime.now(UTC) + _LONGEST
    return datetime.fromtimestamp(min(seconds, latest.timestamp()), UTC)
