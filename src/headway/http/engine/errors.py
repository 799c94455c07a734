"""The error table: the HTTP answer to each refusal."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import orjson
from pydantic import ValidationError

from headway.domain.errors import (
    CourseNotFoundError,
    CourseNotGrantedError,
    CursorExpiredError,
    DeliveryNotFoundError,
    EnrolmentNotFoundError,
    EventsOffError,
    ForgedRequestError,
    GoalNotFoundError,
    GroupNotFoundError,
    GroupNotGrantedError,
    HeadwayError,
    ImportUnderWayError,
    InvalidValueError,
    KeyReusedError,
    KeysUnavailableError,
    LaunchNotFoundError,
    LearnerNotFoundError,
    LessonLockedError,
    LessonNotFoundError,
    MissingScopeError,
    NotAuthenticatedError,
    NotEnrolledError,
    NotFoundError,
    OtherRunError,
    PackagesOffError,
    PackagesUnavailableError,
    PeopleImportUnderWayError,
    PreconditionFailedError,
    ProfileNotFoundError,
    ProfilesOffError,
    ProgressNotFoundError,
    QueueFullError,
    RunConflictError,
    RunNotFoundError,
    StoppingError,
    StoreUnavailableError,
    TooManyStreamsError,
    UnavailableError,
    WebhookNotFoundError,
    WebhookTestUnderWayError,
)
from headway.formats.identifiers import (
    InvalidIdentifierError,
    InvalidNumberError,
    InvalidParameterError,
    InvalidReasonError,
)
from headway.formats.queries import InvalidQueryError
from headway.http.engine.long_answers import TooManyAnswersError
from headway.http.engine.parameters import InvalidEventIdError, InvalidImportKeyError, UnsupportedMediaTypeError
from headway.http.engine.replies import Headers, Reply, json_reply
from headway.http.engine.requests import (
    BodyTooLargeError,
    ClientGoneError,
    InvalidHeaderError,
    NotAcceptableError,
    PagesOffError,
    PlayerOffError,
    TooManyBodiesError,
)


class Refused(NamedTuple):
    """The answer to a class of refusals. `code` is for programs. A 422 has no code: each of its faults has a `type`."""

    status: int
    code: str = ""


REFUSALS: Final[dict[type[HeadwayError], Refused]] = {
    NotAuthenticatedError: Refused(401, "not_authenticated"),
    ForgedRequestError: Refused(403, "forged_request"),
    MissingScopeError: Refused(403, "missing_scope"),
    CourseNotGrantedError: Refused(403, "course_not_granted"),
    NotEnrolledError: Refused(403, "not_enrolled"),
    GroupNotGrantedError: Refused(403, "group_not_granted"),
    NotFoundError: Refused(404, "not_found"),
    CourseNotFoundError: Refused(404, "course_not_found"),
    LessonNotFoundError: Refused(404, "lesson_not_found"),
    ProgressNotFoundError: Refused(404, "progress_not_found"),
    LearnerNotFoundError: Refused(404, "learner_not_found"),
    GroupNotFoundError: Refused(404, "group_not_found"),
    EnrolmentNotFoundError: Refused(404, "enrolment_not_found"),
    RunNotFoundError: Refused(404, "run_not_found"),
    ProfileNotFoundError: Refused(404, "profile_not_found"),
    GoalNotFoundError: Refused(404, "goal_not_found"),
    ProfilesOffError: Refused(404, "profiles_off"),
    EventsOffError: Refused(404, "events_off"),
    PackagesOffError: Refused(404, "packages_off"),
    WebhookNotFoundError: Refused(404, "webhook_not_found"),
    DeliveryNotFoundError: Refused(404, "delivery_not_found"),
    PagesOffError: Refused(404, "pages_off"),
    PlayerOffError: Refused(404, "player_off"),
    LaunchNotFoundError: Refused(404, "launch_not_found"),
    NotAcceptableError: Refused(406, "not_acceptable"),
    ImportUnderWayError: Refused(409, "import_under_way"),
    PeopleImportUnderWayError: Refused(409, "people_import_under_way"),
    LessonLockedError: Refused(409, "lesson_locked"),
    OtherRunError: Refused(409, "other_run"),
    RunConflictError: Refused(409, "run_conflict"),
    WebhookTestUnderWayError: Refused(409, "webhook_test_under_way"),
    CursorExpiredError: Refused(410, "cursor_expired"),
    PreconditionFailedError: Refused(412, "precondition_failed"),
    BodyTooLargeError: Refused(413, "body_too_large"),
    UnsupportedMediaTypeError: Refused(415, "unsupported_media_type"),
    InvalidHeaderError: Refused(422),
    InvalidParameterError: Refused(422),
    InvalidIdentifierError: Refused(422),
    InvalidNumberError: Refused(422),
    InvalidReasonError: Refused(422),
    InvalidQueryError: Refused(422),
    InvalidImportKeyError: Refused(422),
    InvalidEventIdError: Refused(422),
    InvalidValueError: Refused(422),
    KeyReusedError: Refused(422),
    ClientGoneError: Refused(499, "client_gone"),
    UnavailableError: Refused(503, "unavailable"),
    QueueFullError: Refused(503, "queue_full"),
    StoreUnavailableError: Refused(503, "store_unavailable"),
    PackagesUnavailableError: Refused(503, "packages_unavailable"),
    TooManyStreamsError: Refused(503, "too_many_streams"),
    TooManyBodiesError: Refused(503, "too_many_bodies"),
    TooManyAnswersError: Refused(503, "too_many_answers"),
    KeysUnavailableError: Refused(503, "keys_unavailable"),
    StoppingError: Refused(503, "stopping"),
}
CODES_OF_NO_CLASS: Final = {
    400: "invalid_request",
    404: "unknown_path",
    405: "method_not_allowed",
    408: "request_timeout",
    431: "head_too_large",
    500: "internal_error",
    501: "method_not_implemented",
    503: "too_many_connections",
}
"""The codes, by status, of refusals that no operation makes: before a request is routed, or by the framework."""

MOST_FAULTS: Final = 100
"""How many faults of a request are listed."""
MOST_LOOKED_THROUGH: Final = 10_000
"""With more faults than this, none is listed: listing takes longer than finding them, and blocks other requests."""
LONGEST_ECHO: Final = 200
"""How many characters of a text from the request are repeated in the answer."""

# A body that was not read to its end leaves the connection in the middle of a request.
_CLOSE: Final = (b"connection", b"close")


def refusal(detail: str, status: int, code: str, headers: Headers = ()) -> Reply:
    """Return a refusal in the shape of every status but 422: a sentence for people, and a code for programs."""
    return json_reply({"detail": detail, "code": code}, status, headers)


def refusal_of_no_class(detail: str, status: int, headers: Headers = ()) -> Reply:
    """Return a refusal that no operation makes. Its status gives its code."""
    return refusal(detail, status, CODES_OF_NO_CLASS.get(status, "refused"), headers)


INTERNAL_ERROR: Final = refusal_of_no_class("Internal error. The log has the details under this request's id.", 500)

# These close the connection: no request can be passed to the application.
NO_REQUEST: Final = refusal_of_no_class("This is not an HTTP request.", 400)
NOT_ONE_HOST: Final = refusal_of_no_class("A request must have exactly one Host header.", 400)
REQUEST_LATE: Final = refusal_of_no_class("The request took too long to arrive.", 408)
HEAD_TOO_LARGE: Final = refusal_of_no_class("The request line and headers are over 64 KiB.", 431)
NO_TUNNEL: Final = refusal_of_no_class("This server does not support CONNECT.", 501)
TOO_MANY_CONNECTIONS: Final = refusal_of_no_class(
    "Too many connections. Try again in a moment.", 503, ((b"retry-after", b"1"),)
)


def codes_of(status: int) -> tuple[str, ...]:
    """Return the codes of an operation's refusals with this status."""
    return tuple(refused.code for refused in REFUSALS.values() if refused.status == status)


def to_reply(error: HeadwayError | ValidationError) -> Reply:
    """Return the answer to a refusal."""
    if isinstance(error, ValidationError):
        return _unprocessable(_body_faults(error))
    status, code = next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS)
    if status == 422:  # noqa: PLR2004 - the one status with a shape of its own
        return _unprocessable(_faults(error))
    return refusal(str(error), status, code, _headers(error))


def _headers(error: HeadwayError) -> Headers:
    match error:
        case NotAuthenticatedError() | MissingScopeError() | CourseNotGrantedError() | GroupNotGrantedError():
            return ((b"www-authenticate", _challenge(error).encode()),)
        case BodyTooLargeError():
            return (_CLOSE,)
        case TooManyBodiesError():
            return (_CLOSE, (b"retry-after", b"1"))
        case UnavailableError() | ImportUnderWayError():
            seconds = error.seconds if isinstance(error, ImportUnderWayError) else 1
            return ((b"retry-after", b"%d" % seconds),)
    return ()


def _challenge(
    error: NotAuthenticatedError | MissingScopeError | CourseNotGrantedError | GroupNotGrantedError,
) -> str:
    """Return the value of `WWW-Authenticate` (RFC 6750 section 3), with the reason where a token was sent."""
    match error:
        case NotAuthenticatedError(token_sent=False):
            return "Bearer"
        case NotAuthenticatedError():
            reason = str(error).replace("\\", "").replace('"', "'")
            return f'Bearer error="invalid_token", error_description="{reason}"'
        case MissingScopeError(scope=scope):
            return f'Bearer error="insufficient_scope", scope="{scope}"'
        case CourseNotGrantedError() | GroupNotGrantedError():
            return f'Bearer error="insufficient_scope", error_description="{error}"'


def _faults(error: HeadwayError) -> list[dict[str, Any]]:
    match error:
        case InvalidParameterError():
            return [_fault(("path", error.name), error.expected, error.kind, error.text, dict(error.context))]
        case InvalidHeaderError(name=name, text=text):
            return [_fault(("header", name), str(error), "entity_tag_parsing", text)]
        case InvalidQueryError(faults=faults):
            return [_fault(("query", one.name), one.reason, one.kind, one.given, one.context) for one in faults]
        case InvalidEventIdError(given=given):
            return [_fault(("header", "Last-Event-ID"), str(error), "cursor_parsing", given)]
        case InvalidImportKeyError() | KeyReusedError():
            kind = "reused" if isinstance(error, KeyReusedError) else "parsing"
            return [_fault(("header", "Idempotency-Key"), str(error), f"idempotency_key_{kind}", None)]
        case InvalidValueError(problems=problems):
            some = problems[:MOST_FAULTS]
            listed = [_fault(("body", *problem.location), problem.reason, problem.kind, None) for problem in some]
            return listed + _more_than(listed, len(problems), "body")
    raise TypeError(error)


def _body_faults(error: ValidationError) -> list[dict[str, Any]]:
    found = error.error_count()
    faults = error.errors(include_url=False)[:MOST_FAULTS] if found <= MOST_LOOKED_THROUGH else []
    listed = [
        _fault(
            ("body", *fault["loc"]),
            fault["msg"],
            fault["type"],
            None if fault["type"] == "json_invalid" else fault["input"],
            fault.get("ctx"),
        )
        for fault in faults
    ]
    return listed + _more_than(listed, found, "body")


def _more_than(listed: Sequence[dict[str, Any]], found: int, part: str) -> list[dict[str, Any]]:
    """Return the last entry of a list that is not complete: how many faults were found. Empty where all are listed."""
    if found <= len(listed):
        return []
    message = f"Listed are the first {len(listed)} faults; there are {found}."
    return [_fault((part,), message, "too_many_faults", None, {"listed": len(listed), "found": found})]


def _fault(
    location: tuple[str | int, ...], message: str, kind: str, given: object, context: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return one entry of `detail`, with the reference's fields in the reference's order."""
    where = [_shortened(part) if isinstance(part, str) else part for part in location]
    return {"loc": where, "msg": message, "type": kind, "input": _printable(given), "ctx": context or {}}


def _printable(given: object) -> object:
    """Return a value of the request as the answer shows it: a long text is cut, a long object or list becomes `None`.

    A whole number of more than 64 bits becomes its text, since most JSON readers can not hold it.
    """
    if isinstance(given, str):
        return _shortened(given)
    try:
        is_long = len(orjson.dumps(given)) > LONGEST_ECHO
    except TypeError:
        return _shortened(str(given))
    return None if is_long else given


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_ECHO else f"{text[:LONGEST_ECHO]}…"


def _unprocessable(faults: Iterable[dict[str, Any]]) -> Reply:
    return json_reply({"detail": list(faults)}, 422)
