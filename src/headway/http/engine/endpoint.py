"""One operation of the API as an ASGI application: authenticate, read, call the handler, answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from headway.auth import Authenticator
from headway.domain.errors import HeadwayError, StoppingError
from headway.domain.identifiers import CourseId
from headway.domain.principal import NOBODY, STATISTICS_READ, Principal
from headway.formats.identifiers import parse_parameter
from headway.http.engine.errors import INTERNAL_ERROR, to_reply
from headway.http.engine.event_streams import Streams
from headway.http.engine.long_answers import LongAnswers, TooManyAnswersError
from headway.http.engine.observation import LoggedRequests, Observer, request_id
from headway.http.engine.parameters import parse_media_type
from headway.http.engine.replies import (
    PIECE_BYTES,
    Headers,
    RenderedLists,
    Reply,
    StreamedReply,
    etag_of,
    not_modified,
    with_etag,
)
from headway.http.engine.requests import (
    BodyBudget,
    Call,
    HeldBody,
    Pages,
    Player,
    RequestHeaders,
    Upload,
    is_known,
    parse_precondition,
    read_body,
    read_headers,
)
from headway.http.engine.responder import break_off, respond
from headway.http.engine.streaming import CLIENT_GONE, CLIENT_SLOW, send_in_pieces, send_streamed
from headway.logs import REQUEST_ID, get_logger
from headway.metrics import Metrics
from headway.service import Services

_log = get_logger("headway.http")

ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")
COURSE_BODY_BYTES: Final = 1024 * 1024

_LONG_BYTES: Final = 1024 * 1024
"""The entity tag of a longer answer is computed in a thread, since that takes more than a millisecond."""

Handler = Callable[[Call], Awaitable[Reply | StreamedReply]]


class Request(NamedTuple):
    """A request as an endpoint gets it. `identifiers` are not yet checked.

    `body` is the whole body, of at most `UNCOUNTED_BODY_BYTES`; `None` where it is to be read by ASGI's `receive`.
    """

    headers: RequestHeaders
    identifiers: Sequence[str]
    query: bytes
    scheme: str
    receive: Receive
    body: bytes | None = None


class EventStream(NamedTuple):
    """The names of a stream's events, and the shape of their data."""

    names: tuple[str, ...]
    data: type[BaseModel]


@dataclass(frozen=True, slots=True)
class Operation:
    """A line of the route table.

    - `path` is relative to the router's prefix. Its parameters are UUIDs, numbers or a reason (`parse_parameter`).
    - `scope` is the scope that the token must grant; `or_scope` is another one that is enough. With
      `waived_for_oneself`, the learner in the path needs no scope.
    - `is_public`: it needs no token.
    - `query`, `body` and `answer` are the shapes for the OpenAPI document. `other_media` are other forms of the answer.
    - `event_stream` describes the server-sent events that it answers; with `answer`, only where `Accept` asks for them.
    - `media_types` are the types of the file that the body holds. Without them, the body is JSON.
    - `is_upload`: the file is too large for the memory, and the handler receives it (`Call.upload`).
    - `resumable`: the operation takes an Idempotency-Key. `is_paged`: it answers a `Link` to the next page.
    - `refusals` are the statuses of its refusals, besides 401, 422 and 503, which every operation can answer.
    - `status` is the status of an answer with a body.
    - `is_of_any_origin`: pages of every origin may call it and read the answer. Its path has a token; no cookie counts.
    - `is_direct`: the connection runs the handler below ASGI (`direct.py`), because it is asked for often.
    - `answers_etag`: the answer has an `ETag`. A GET then answers 304 to a client that has the current answer.
    """

    method: str
    path: str
    title: str
    description: str
    handler: Handler
    tag: str
    answer: Any = None
    body: Any = None
    body_limit: int = 0
    refusals: tuple[int, ...] = ()
    conditional: bool = False
    answers_etag: bool = False
    query: type[BaseModel] | None = None
    other_media: tuple[str, ...] = ()
    event_stream: EventStream | None = None
    media_types: tuple[str, ...] = ()
    is_upload: bool = False
    resumable: bool = False
    is_paged: bool = False
    status: int = 200
    scope: str | None = None
    or_scope: str | None = None
    waived_for_oneself: bool = False
    is_public: bool = False
    is_of_any_origin: bool = False
    is_direct: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the path's parameters."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def is_revalidated(self) -> bool:
        """Whether it answers 304 to a client that has the current answer."""
        return self.method == "GET" and self.answers_etag

    @property
    def is_limited_to_courses(self) -> bool:
        """Whether the token's claim `courses` limits it: the path's first parameter is the course."""
        return self.scope == STATISTICS_READ and self.parameters[:1] == ("course_id",)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What every endpoint needs. `pages` and `player` are `None` where the installation has none."""

    services: Services
    lists: RenderedLists
    long_answers: LongAnswers
    authenticator: Authenticator
    pages: Pages | None
    player: Player | None
    metrics: Metrics
    log_requests: LoggedRequests
    streams: Streams
    bodies: BodyBudget
    uploads: BodyBudget


class Endpoint:
    """Answers the requests of one operation."""

    def __init__(self, operation: Operation, dependencies: Dependencies, prefix: str) -> None:
        self.operation = operation
        self._handler = operation.handler
        self._names = operation.parameters
        self._is_revalidated = operation.is_revalidated
        self._is_limited_to_courses = operation.is_limited_to_courses
        self._body_limit = operation.body_limit
        self._services = dependencies.services
        self._lists = dependencies.lists
        self._long_answers = dependencies.long_answers
        self._authenticator = dependencies.authenticator
        self._pages = dependencies.pages
        self._player = dependencies.player
        self._streams = dependencies.streams
        self._bodies = dependencies.bodies
        self._uploads = dependencies.uploads
        route = prefix + operation.path
        meter = dependencies.metrics.meter(operation.method, route)
        self.observer = Observer(meter, operation.method, route, dependencies.log_requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send, identifiers: Sequence[str]) -> None:
        """Serve one request by ASGI. `identifiers` are the path's parameters, in the path's order, not yet checked."""
        started = perf_counter()
        headers = read_headers(scope["headers"])
        query, scheme = scope["query_string"], scope.get("scheme", "http")
        reply = await self.reply(Request(headers, identifiers, query, scheme, receive))
        await self.send(reply, receive, send, started)

    async def reply(self, request: Request) -> Reply | StreamedReply:
        """Return the answer to a request, with the request's id among its headers."""
        headers = request.headers
        identity = request_id(headers.get(b"x-request-id"))
        REQUEST_ID.set(identity)
        try:
            reply = await self._answer(request)
            if self._is_revalidated and isinstance(reply, Reply):
                is_long = len(reply.body) > _LONG_BYTES
                reply = await asyncio.to_thread(with_etag, reply) if is_long else with_etag(reply)
                if b"if-none-match" in headers and is_known(headers, etag_of(reply)):
                    reply = not_modified(reply)
        except (HeadwayError, ValidationError) as refusal:
            reply = to_reply(refusal)
        except asyncio.CancelledError:  # the service stops and has waited long enough; nothing was acknowledged
            reply = to_reply(StoppingError())
        except Exception:  # noqa: BLE001 - the traceback goes to the log, never to a client
            _log.exception("request_failed")
            reply = INTERNAL_ERROR
        if self.operation.is_of_any_origin:
            reply = reply.with_more((ANY_ORIGIN,))
        return reply.named(identity)

    async def send(self, reply: Reply | StreamedReply, receive: Receive, send: Send, started: float) -> None:
        """Send an answer by ASGI. The request began at `started` (seconds, of `perf_counter`)."""
        if isinstance(reply, StreamedReply):
            await self._stream(reply, receive, send, started)
            return
        status, body, headers = reply
        if len(body) > PIECE_BYTES:
            status = await self._send_long(reply, receive, send)
        elif not reply.is_plain or not respond(send, status, headers, body):
            await _send(send, status, headers, body)
        self.observer.answered(status, started)

    async def _send_long(self, reply: Reply, receive: Receive, send: Send) -> int:
        """Send a long answer in pieces, or 503 where there is no memory left for it. Returns the status for the log."""
        try:
            with self._long_answers.holding(reply.body):
                taken = await send_in_pieces(reply, receive, send)
                if taken == CLIENT_SLOW:
                    break_off(send)
                return taken
        except TooManyAnswersError as refusal:
            status, body, headers = to_reply(refusal)
        await _send(send, status, (*headers, reply.headers[-1]), body)
        return status

    async def _stream(self, reply: StreamedReply, receive: Receive, send: Send, started: float) -> None:
        status = await send_streamed(reply, receive, send)
        self.observer.answered(status, started)
        if status not in {reply.status, CLIENT_GONE}:
            break_off(send)

    async def _answer(self, request: Request) -> Reply | StreamedReply:
        headers = request.headers
        authorization = headers.get(b"authorization")
        principal = NOBODY if self.operation.is_public else self._authenticator.known(authorization)
        if principal is None:
            principal = await self._identify(authorization, headers)
        checked = self._permitted(principal, request.identifiers)
        if self._is_revalidated and b"if-none-match" in headers:
            parse_precondition(headers)  # refuse a malformed header also where the answer has no entity tag
        if not self._body_limit and not self.operation.is_upload:
            return await self._handler(self._call(principal, request, checked, b""))
        if self.operation.media_types:
            parse_media_type(headers, self.operation.media_types)  # before the body is read
        if self.operation.is_upload:
            call = self._call(principal, request, checked, b"")
            return await self._handler(call._replace(upload=Upload(request.receive, headers, self._uploads)))
        if request.body is not None:
            return await self._handler(self._call(principal, request, checked, request.body))
        with HeldBody(self._bodies, self._body_limit) as held:
            body = await read_body(request.receive, headers, held)
            return await self._handler(self._call(principal, request, checked, body))

    def _call(self, principal: Principal, request: Request, checked: tuple[str, ...], body: bytes) -> Call:
        return Call(
            self._services, self._lists, self._long_answers, self._streams, principal, request.headers, checked, body,
            request.query, request.scheme, self._pages, self._player,
        )  # fmt: skip

    def _permitted(self, principal: Principal, identifiers: Sequence[str]) -> tuple[str, ...]:
        """Check the principal's rights and the path's identifiers, before the body is read. Returns the identifiers.

        Raises `MissingScopeError`, `CourseNotGrantedError` or `InvalidParameterError`.
        """
        operation = self.operation
        scope = operation.scope
        if scope is not None and not operation.waived_for_oneself and operation.or_scope not in principal.scopes:
            principal.require(scope)
        checked = tuple(map(parse_parameter, self._names, identifiers))
        if (
            scope is not None
            and operation.waived_for_oneself
            and principal.learner_id != checked[self._names.index("user_id")]
        ):
            principal.require(scope)
        if self._is_limited_to_courses:
            principal.require_course(CourseId(checked[0]))
        return checked

    async def _identify(self, authorization: bytes | None, headers: RequestHeaders) -> Principal:
        """Authenticate a request by its session cookie, or by a bearer token that is not cached.

        A cookie counts where no bearer token is sent. Another kind of `Authorization` does not matter: a proxy in front
        may pass on its own password. Raises `NotAuthenticatedError`.
        """
        has_token = authorization is not None and authorization[:6].lower() == b"bearer"
        if not has_token and self._pages is not None:
            principal = self._pages.sessions.principal_of_request(self.operation.method, headers)
            if principal is not None:
                return principal
        return await self._authenticator.authenticate(authorization)


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body, "more_body": False})
