"""The operations as routes: plain, or described by FastAPI for the OpenAPI document. Endpoints answer the requests.

FastAPI needs milliseconds to describe one route, and most processes are never asked for the document. So the service
has plain routes, and describes its operations when the document is asked for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Header, HTTPException, Path, Query, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, WithJsonSchema, create_model
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Lifespan, Receive, Scope, Send

from headway.domain.attention import Reason
from headway.formats.course_document import CourseDocument
from headway.formats.groups import Group
from headway.formats.identifiers import NUMBERS, REASON
from headway.formats.people import ProfileDocument
from headway.formats.progress import DatedProgressUpdate, LessonProgress
from headway.formats.webhooks import Webhook
from headway.http.api.courses import COURSES_TAG
from headway.http.api.groups import GROUPS_TAG
from headway.http.api.people import PEOPLE_TAG
from headway.http.api.webhooks import WEBHOOKS_TAG
from headway.http.engine.endpoint import Endpoint, EventStream, Operation
from headway.http.engine.errors import codes_of, refusal_of_no_class
from headway.http.engine.event_streams import EVENT_STREAM
from headway.http.engine.parameters import IMPORT_KEY
from headway.http.engine.replies import Reply, to_response


class Refusal(BaseModel):
    """Why a request was refused: a sentence for people, and a stable code for programs."""

    detail: str
    code: str


class ValidationError(BaseModel):
    """One fault of a request: where (`loc`), a message, and a stable name of the fault (`type`)."""

    loc: list[str | int]
    msg: str
    type: str
    input: Annotated[Any, WithJsonSchema({})]
    ctx: dict[str, Any]


class HTTPValidationError(BaseModel):
    """All faults found in a request."""

    detail: list[ValidationError]


_CONDITIONAL: Final = {
    COURSES_TAG: "course", GROUPS_TAG: "group", PEOPLE_TAG: "profile", WEBHOOKS_TAG: "webhook",
}  # fmt: skip
"""What a condition is about, by the operation's tag; elsewhere it is lesson progress."""
_ENTITY_TAG_PATTERN: Final = r'^(\*|(W/)?"[!#-~]*"(, (W/)?"[!#-~]*")*)$'
_ETAG_HEADER: Final = {
    "ETag": {"description": "The entity tag of the lesson progress.", "schema": {"type": "string"}},
    "Headway-Written-By": {
        "description": "Who wrote it last on the learner's behalf; absent where the learner did.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "Headway-Completed-By": {
        "description": "Who completed the lesson against its conditions; absent where they are met.",
        "schema": {"type": "string", "format": "uuid"},
    },
}
_PROFILE_ETAG_HEADER: Final = {"ETag": {"description": "The version of the profile.", "schema": {"type": "string"}}}
_COURSE_ETAG_HEADER: Final = {
    "ETag": {"description": "The entity tag of the document's version.", "schema": {"type": "string"}}
}
_ANSWER_ETAG_HEADER: Final = {
    "ETag": {"description": "The answer's entity tag, which changes with the answer.", "schema": {"type": "string"}}
}
_NOT_MODIFIED: Final = {"description": "The current answer has the entity tag in If-None-Match."}
_LINK_HEADER: Final = {
    "Link": {
        "description": "The address of the next page (RFC 8288, `next`), relative to this one; absent at the end.",
        "schema": {"type": "string"},
    }
}
_KEPT_HEADER: Final = {
    "Headway-Kept": {
        "description": "The fields that were not stored as sent, separated by commas; absent if there are none.",
        "schema": {"type": "string"},
    }
}

_IGNORED_HEADER: Final = {
    "Headway-Ignored": {
        "description": "The first 20 fields that were ignored, percent-encoded, separated by commas; absent if none.",
        "schema": {"type": "string"},
    }
}


def _refusal(status: int) -> type[BaseModel]:
    """Return the shape of the refusals with one status, with their codes."""
    code: Any = (Literal[codes_of(status)], ...)
    return create_model(f"Refusal{status}", __base__=Refusal, __doc__=Refusal.__doc__, code=code)


_REFUSALS: Final[Mapping[int, tuple[Any, str]]] = {
    401: (_refusal(401), "There is no bearer token, or it is not valid."),
    403: (
        _refusal(403),
        "The token does not grant the scope that this needs, or is limited to other courses or groups.",
    ),
    404: (
        _refusal(404),
        "There is no such thing, or this installation has no pages, no profiles or no events.",
    ),
    406: (_refusal(406), "This installation can not answer in the form that Accept or `format` asks for."),
    409: (_refusal(409), "Such an import or test is running, or was a moment ago; or the lesson is locked."),
    410: (_refusal(410), "Events after the cursor are no longer kept. Go on from the oldest, or from the newest."),
    412: (
        _refusal(412),
        "What is stored is not in the state that If-Match or If-None-Match asks for. Nothing changed.",
    ),
    413: (_refusal(413), "The body is too large."),
    415: (_refusal(415), "The operation does not read bodies of this media type."),
    422: (HTTPValidationError, "Validation Error"),
    503: (_refusal(503), "The service is busy or has no database at the moment. Nothing was stored. Send it again."),
}
_FILE: Final = {"type": "string", "format": "binary"}
_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_CHALLENGE: Final = {"WWW-Authenticate": {"description": "RFC 6750.", "schema": {"type": "string"}}}


def _method_not_allowed(allowed: str) -> Reply:
    return refusal_of_no_class("Method Not Allowed", 405, ((b"allow", allowed.encode()),))


@dataclass(frozen=True, slots=True)
class _Served:
    """The ASGI application of a route: its endpoint, and the methods of its path, as the header `Allow` has them."""

    endpoint: Endpoint
    allowed: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request whose path matches the route's path."""
        operation = self.endpoint.operation
        if scope["path"].endswith("\n") and not operation.path.endswith("}"):
            raise HTTPException(404)  # the framework's path pattern ends in $, which also matches before a line break
        if scope["method"] != operation.method:
            await to_response(_method_not_allowed(self.allowed))(scope, receive, send)
            return
        path_parameters = scope["path_params"]
        await self.endpoint(scope, receive, send, [str(path_parameters[name]) for name in operation.parameters])


class DescribedRoute(APIRoute):
    """A route that FastAPI describes in the OpenAPI document, and that passes its requests to an endpoint."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        served: _Served = self.endpoint.served  # type: ignore[attr-defined]
        await served(scope, receive, send)


class PlainRoute(Route):
    """A route that passes its requests to an endpoint, and that no document describes."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how a request matches, and what to add to its scope: also the route, which metrics are named after."""
        match, found = super().matches(scope)
        return match, found if match is Match.NONE else {**found, "route": self}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.app(scope, receive, send)


def plain_routes(endpoints: Sequence[Endpoint], prefix: str) -> list[PlainRoute]:
    """Return a route below `prefix` for each endpoint."""
    return [
        PlainRoute(prefix + served.endpoint.operation.path, served, methods=[served.endpoint.operation.method])
        for served in _served(endpoints)
    ]


def build_router(endpoints: Sequence[Endpoint], prefix: str, lifespan: Lifespan[Any] | None = None) -> APIRouter:
    """Build a router for the endpoints. `lifespan` runs with the application that includes the router."""
    router = APIRouter(prefix=prefix, route_class=DescribedRoute, lifespan=lifespan)
    for served in _served(endpoints):
        operation = served.endpoint.operation
        router.add_api_route(
            operation.path,
            _declaration(served),
            methods=[operation.method],
            summary=operation.title,
            description=operation.description,
            name=operation.title,
            operation_id=operation.handler.__name__,
            tags=[operation.tag],
            status_code=204 if operation.answer is None and operation.event_stream is None else operation.status,
            response_class=Response if operation.answer is None and operation.event_stream else JSONResponse,
            response_model=operation.answer,
            responses=_responses(operation),
            dependencies=[] if operation.is_public else [Security(HTTPBearer(), scopes=_scopes(operation))],
            openapi_extra=_file_body(operation) if operation.media_types else None,
        )
    return router


def _served(endpoints: Sequence[Endpoint]) -> Iterator[_Served]:
    methods: dict[str, list[str]] = {}
    for endpoint in endpoints:
        methods.setdefault(endpoint.operation.path, []).append(endpoint.operation.method)
    for endpoint in endpoints:
        yield _Served(endpoint, ", ".join(sorted(methods[endpoint.operation.path])))


def _scopes(operation: Operation) -> Sequence[str]:
    """Return the scopes that a token must grant: the roles of a security requirement (OpenAPI 3.1, section 4.8.30)."""
    if operation.scope is None or operation.waived_for_oneself or operation.or_scope is not None:
        return ()
    return (operation.scope,)


def _declaration(served: _Served) -> Callable[..., None]:
    """Return a function whose signature declares the operation's parameters to FastAPI. It is never called."""

    def declared() -> None:
        raise NotImplementedError

    declared.__signature__ = Signature(_parameters(served.endpoint.operation))  # type: ignore[attr-defined]
    declared.served = served  # type: ignore[attr-defined]
    return declared


def _in_path(name: str) -> Any:
    if name == REASON:
        return Annotated[Reason, Path()]
    return Annotated[int, Path(ge=1, le=NUMBERS[name])] if name in NUMBERS else Annotated[UUID, Path()]


def _parameters(operation: Operation) -> list[Parameter]:
    declared: dict[str, Any] = {name: _in_path(name) for name in operation.parameters}
    defaults: dict[str, Any] = {}
    if operation.conditional:
        defaults |= {"if_match": None, "if_none_match": None}
        what = _CONDITIONAL.get(operation.tag, "progress")
        declared["if_match"] = _header("If-Match", f"Only if the {what} still has this entity tag.")
        declared["if_none_match"] = _header("If-None-Match", f"`*`: only if there is no {what} yet.")
    if operation.is_revalidated:
        defaults["if_none_match"] = None
        declared["if_none_match"] = _header("If-None-Match", "An answer's entity tag: 304 if the answer is current.")
    if operation.query is not None:
        declared["query"] = Annotated[operation.query, Query()]
    if operation.resumable:
        declared["idempotency_key"] = Annotated[
            str,
            Header(alias="Idempotency-Key", description="A name for this import.", pattern=f"^{IMPORT_KEY.pattern}$"),
        ]
        defaults["idempotency_key"] = None
    if operation.event_stream is not None:
        declared["last_event_id"] = Annotated[
            str, Header(alias="Last-Event-ID", description="The id of the last event received. It is not sent again.")
        ]
        defaults["last_event_id"] = None
    if operation.body is not None:
        declared["body"] = Annotated[operation.body, Body()]
    return [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            annotation=annotation,
            default=defaults.get(name, Parameter.empty),
        )
        for name, annotation in declared.items()
    ]


def _header(alias: str, description: str) -> Any:
    return Annotated[str, Header(alias=alias, description=description, pattern=_ENTITY_TAG_PATTERN)]


def _file_body(operation: Operation) -> dict[str, Any]:
    kinds = {media_type: {"schema": {"type": "string"}} for media_type in operation.media_types}
    return {"requestBody": {"required": True, "content": kinds}}


def _responses(operation: Operation) -> dict[int | str, dict[str, Any]]:
    responses: dict[int | str, dict[str, Any]] = {
        status: {"model": model, "description": description}
        for status, (model, description) in _REFUSALS.items()
        if status in {422, 503, *operation.refusals} or (status == 401 and not operation.is_public)  # noqa: PLR2004
    }
    if not operation.is_public:
        responses[401]["headers"] = _CHALLENGE
    for status in {409, 503} & responses.keys():
        responses[status]["headers"] = _RETRY_AFTER
    if operation.answers_etag:
        responses[200] = {"headers": _etag_headers(operation) | (_LINK_HEADER if operation.is_paged else {})}
    if operation.is_revalidated:
        responses[304] = _NOT_MODIFIED
    if operation.event_stream is not None:
        responses[200] = {"content": {EVENT_STREAM: {"itemSchema": _event(operation.event_stream)}}}
    if operation.other_media:
        responses[200]["content"] = {media: {"schema": _FILE} for media in operation.other_media}
    return responses


def _etag_headers(operation: Operation) -> dict[str, Any]:
    if operation.answer is LessonProgress:
        ignored = _IGNORED_HEADER if operation.body is DatedProgressUpdate else {}
        return _ETAG_HEADER | (_KEPT_HEADER if operation.conditional else {}) | ignored
    if operation.answer is ProfileDocument:
        return _PROFILE_ETAG_HEADER
    is_of_a_document = operation.conditional or operation.answer in (CourseDocument, Group, Webhook)
    return _COURSE_ETAG_HEADER if is_of_a_document else _ANSWER_ETAG_HEADER


def _event(stream: EventStream) -> dict[str, Any]:
    """Return the shape of an event, as OpenAPI 3.2 and FastAPI describe it."""
    content = {"$ref": f"#/components/schemas/{stream.data.__name__}"}
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": content}
    names = {"event": {"type": "string", "enum": [*stream.names]}, "id": {"type": "string"}, "data": data}
    return {"type": "object", "properties": names, "required": list(names)}
