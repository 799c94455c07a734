"""Sign-in codes: a platform's back end exchanges a learner's token for a code, which opens the pages in a browser."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    Field,
)

from headway.http.engine.endpoint import Operation
from headway.http.engine.replies import Reply, json_reply
from headway.http.engine.requests import Call, PagesOffError

PAGES_TAG: Final = "Education Pages"
TAGS: Final = ({"name": PAGES_TAG, "description": "Signing a learner's browser in to the pages"},)


class SignInCode(BaseModel):
    """A code that signs a browser in to the pages, once."""

    code: str
    url: Annotated[str, Field(description="The address to open. `&next=` and a path of the pages may be appended.")]
    expires_at: Annotated[datetime, Field(description="When the code expires.")]


# A token may expire later than a `datetime` can hold. No session lasts that long.
_LONGEST: Final = timedelta(days=366)


async def make_sign_in_code(call: Call) -> Reply:
    """Make a code that signs a browser in as the caller, once.

    Raises `PagesOffError` without pages, and `InvalidValueError` where the scopes, courses and groups do not fit a
    cookie.
    """
    pages = call.pages
    if pages is None:
        raise PagesOffError
    # Only a token makes a code. With a session, one could make new sessions without end.
    principal = await pages.authenticator.authenticate(call.headers.get(b"authorization"))
    pages.sessions.sealed(principal)  # raises where that is too long for a cookie: the caller can still act on it
    issued = await call.services.sign_in.issue(principal, _moment(principal.expires_at))
    address = sign_in_url(pages.origin(call.scheme, call.headers), pages.path, issued.code)
    body = {"code": issued.code, "url": address, "expires_at": issued.ends_at}
    return json_reply(body, 201, ((b"cache-control", b"no-store"),))


def sign_in_url(origin: str, path: str, code: str, page: str = "") -> str:
    """Return the address that signs in with a code, and then shows `page` (a path relative to the pages)."""
    wanted = f"&next={path}{page}" if page else ""
    return f"{origin}{path}/sign-in?code={code}{wanted}"


def _moment(seconds: float) -> datetime:
    latest = datetime.now(UTC) + _LONGEST
    return datetime.fromtimestamp(min(seconds, latest.timestamp()), UTC)


OPERATIONS: Final = (
    Operation(
        "POST", "/sign-in-codes", "Make Sign-In Code",
        "A code for the token in `Authorization`. A browser that opens the address with it within a minute is signed "
        "in to the pages as the token's learner, with the token's scopes, until the token expires. It works once.",
        make_sign_in_code, PAGES_TAG, answer=SignInCode, refusals=(404,), status=201,
    ),
)  # fmt: skip
