"""Reads the forms that the pages send."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request

from headway.auth import Session
from headway.auth.sessions import FORGERY_FIELD, check_forgery
from headway.http.engine.requests import HeldBody, read_body, read_headers

Form = Mapping[str, str]
NO_FORM: Final[Form] = {}

_FORM_BYTES: Final = 4096


async def form_of(request: Request) -> Form:
    """Return the fields of a request's form; of a field that is there twice, the first value.

    Raises `BodyTooLargeError` and `ClientGoneError`.
    """
    body = await read_body(request.receive, read_headers(request.scope["headers"]), HeldBody(None, _FORM_BYTES))
    return {name: values[0] for name, values in parse_qs(body.decode("latin-1"), keep_blank_values=True).items()}


async def read_form(request: Request, session: Session) -> Form:
    """Return the fields of a form of a page of this session.

    Raises `ForgedRequestError` where the form has not the session's forgery token, and as `form_of` does.
    """
    fields = await form_of(request)
    check_forgery(session, fields.get(FORGERY_FIELD, ""))
    return fields
