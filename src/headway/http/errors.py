"""The error table: what each refusal becomes over HTTP."""

from collections.abc import Iterable
from typing import Any, Final

import orjson
from pydantic import ValidationError

from headway.domain.errors import (
    CourseNotGrantedError,
    ForgedRequestError,
    HeadwayError,
    ImportUnderWayError,
    InvalidValueError,
    KeyReusedError,
    MissingScopeError,
    NotAuthenticatedError,
    NotFoundError,
    PreconditionFailedError,
    UnavailableError,
)
from headway.http.parameters import InvalidImportKeyError, UnsupportedMediaTypeError
from headway.http.render import Headers, Reply, json_reply
from headway.http.requests import (
    BodyTooLargeError,
    ClientGoneError,
    InvalidHeaderError,
    InvalidIdentifierError,
    InvalidQueryError,
    NotAcceptableError,
)

_STATUS: Final[dict[type[HeadwayError], int]] = {
    NotAuthenticatedError: 401,
    ForgedRequestError: 403,
    MissingScopeError: 403,
    CourseNotGrantedError: 403,
    NotFoundError: 404,
    NotAcceptableError: 406,
    ImportUnderWayError: 409,
    PreconditionFailedError: 412,
    BodyTooLargeError: 413,
    UnsupportedMediaTypeError: 415,
    InvalidHeaderError: 422,
    InvalidIdentifierError: 422,
    InvalidQueryError: 422,
    InvalidImportKeyError: 422,
    InvalidValueError: 422,
    KeyReusedError: 422,
    ClientGoneError: 499,
    UnavailableError: 503,
}
# A request whose body was not read to the end leaves the connection in the middle of it.
_CLOSE: Final = (b"connection", b"close")

INTERNAL_ERROR: Final = json_reply({"detail": "Something went wrong here. The request id names it in the log."}, 500)


def to_reply(error: HeadwayError | ValidationError) -> Reply:
    """The answer that a refusal gets."""
    if isinstance(error, ValidationError):
        return _unprocessable(_body_faults(error))
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    if status == 422:  # noqa: PLR2004 - the one status with a shape of its own
        return _unprocessable(_faults(error))
    return json_reply({"detail": str(error)}, status, _headers(error))


def _headers(error: HeadwayError) -> Headers:
    match error:
        case NotAuthenticatedError() | MissingScopeError() | CourseNotGrantedError():
            return ((b"www-authenticate", _challenge(error).encode()),)
        case BodyTooLargeError():
            return (_CLOSE,)
        case UnavailableError() | ImportUnderWayError():
            seconds = error.seconds if isinstance(error, ImportUnderWayError) else 1
            return ((b"retry-after", b"%d" % seconds),)
    return ()


def _challenge(error: NotAuthenticatedError | MissingScopeError | CourseNotGrantedError) -> str:
    """RFC 6750 section 3: the reason, where a token was sent."""
    match error:
        case NotAuthenticatedError(token_sent=False):
            return "Bearer"
        case NotAuthenticatedError():
            reason = str(error).replace("\\", "").replace('"', "'")
            return f'Bearer error="invalid_token", error_description="{reason}"'
        case MissingScopeError(scope=scope):
            return f'Bearer error="insufficient_scope", scope="{scope}"'
        case CourseNotGrantedError():
            return f'Bearer error="insufficient_scope", error_description="{error}"'


def _faults(error: HeadwayError) -> list[dict[str, Any]]:
    match error:
        case InvalidIdentifierError(name=name, text=text):
            context = {"error": "a UUID is 32 hexadecimal digits in five groups joined by hyphens"}
            return [_fault(("path", name), "Input should be a valid UUID", "uuid_parsing", text, context)]
        case InvalidHeaderError(name=name, text=text):
            return [_fault(("header", name), str(error), "entity_tag_parsing", text)]
        case InvalidQueryError(faults=faults):
            return [_fault(("query", one.name), one.reason, one.kind, one.given, one.context) for one in faults]
        case InvalidImportKeyError():
            return [_fault(("header", "Idempotency-Key"), str(error), "idempotency_key_parsing", None)]
        case KeyReusedError():
            return [_fault(("header", "Idempotency-Key"), str(error), "idempotency_key_reused", None)]
        case InvalidValueError(problems=problems):
            return [_fault(("body", *problem.place), problem.reason, problem.kind, None) for problem in problems]
    raise TypeError(error)


def _body_faults(error: ValidationError) -> list[dict[str, Any]]:
    return [
        _fault(
            ("body", *fault["loc"]),
            fault["msg"],
            fault["type"],
            None if fault["type"] == "json_invalid" else fault["input"],
            fault.get("ctx"),
        )
        for fault in error.errors(include_url=False)
    ]


def _fault(
    location: tuple[str | int, ...], message: str, kind: str, given: object, context: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One entry of `detail`, in the reference's shape and order."""
    return {"loc": location, "msg": message, "type": kind, "input": _printable(given), "ctx": context or {}}


def _printable(given: object) -> object:
    """What was sent, or its text where JSON readers commonly can not hold it (a whole number over 64 bits)."""
    try:
        orjson.dumps(given)
    except TypeError:
        return str(given)
    return given


def _unprocessable(faults: Iterable[dict[str, Any]]) -> Reply:
    return json_reply({"detail": list(faults)}, 422)
