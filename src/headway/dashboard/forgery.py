"""Whether a change that a browser asks for comes from one of the session's own pages."""

from typing import Final

from starlette.requests import Request

from headway.auth import Session
from headway.auth.sessions import FORGERY_FIELD, FORGERY_HEADER, check_forgery

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


async def check_request(request: Request, session: Session) -> None:
    """Raise `ForgedRequestError` where a request changes something and does not come from one of our pages."""
    if request.method in SAFE_METHODS:
        return
    sent = request.headers.get(FORGERY_HEADER)
    if sent is None:
        sent = str((await request.form()).get(FORGERY_FIELD, ""))
    check_forgery(session, sent)
