"""One operation of the API as an ASGI application: authenticate, read, call the handler, answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from headway.auth import Authenticator
from headway.domain.errors import HeadwayError, UnavailableError
from headway.domain.principal import Principal
from headway.http.errors import INTERNAL_ERROR, to_reply
from headway.http.lists import RenderedLists
from headway.http.observation import LoggedRequests, Observer, request_id
from headway.http.protocol import break_off, respond
from headway.http.render import Headers, Reply, StreamedReply
from headway.http.requests import Call, Pages, RequestHeaders, parse_identifier, read_body, read_headers
from headway.http.statistics_stream import Streams
from headway.http.streaming import CLIENT_GONE, send_streamed
from headway.logs import REQUEST_ID, get_logger
from headway.metrics import Metrics
from headway.service import Services

_log = get_logger("headway.http")

PROGRESS_BODY_BYTES: Final = 64 * 1024
COURSE_BODY_BYTES: Final = 1024 * 1024

_REFUSED: Final = 400

Handler = Callable[[Call], Awaitable[Reply | StreamedReply]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A line of the route table.

    `path` is below the router's prefix, its parameters all UUIDs; `query`, `body` and `answer` are the shapes shown in
    the OpenAPI document, `other_media` the answer's other forms; of an `is_event_stream` answers are the events' data.
    Where there are `media_types` the body is a file of one of these, else JSON; a `resumable` operation takes an
    Idempotency-Key, one that `is_paged` answers a `Link` to the next page. `refusals` are the statuses that it can be
    refused with beside 401, 422 and 503, which all can. `status` is that of an answer with a body.
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
    answers_tag: bool = False
    query: type[BaseModel] | None = None
    other_media: tuple[str, ...] = ()
    is_event_stream: bool = False
    media_types: tuple[str, ...] = ()
    resumable: bool = False
    is_paged: bool = False
    status: int = 200

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the path's parameters."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every endpoint needs. `pages` are those whose scripts call the API by a session; `None`: there are none."""

    services: Services
    lists: RenderedLists
    authenticator: Authenticator
    pages: Pages | None
    metrics: Metrics
    log_requests: LoggedRequests
    streams: Streams


class Endpoint:
    """Answers one operation's requests, however they were routed here."""

    def __init__(self, operation: Operation, surroundings: Surroundings, prefix: str) -> None:
        self.operation = operation
        self._handler = operation.handler
        self._names = operation.parameters
        self._body_limit = operation.body_limit
        self._services = surroundings.services
        self._lists = surroundings.lists
        self._authenticator = surroundings.authenticator
        self._pages = surroundings.pages
        self._streams = surroundings.streams
        route = prefix + operation.path
        meter = surroundings.metrics.meter(operation.method, route)
        self._observer = Observer(meter, operation.method, route, surroundings.log_requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send, identifiers: Sequence[str]) -> None:
        """Serve one request, whose path gave `identifiers`, unchecked, in the path's order."""
        started = perf_counter()
        headers = read_headers(scope["headers"])
        identity = request_id(headers.get(b"x-request-id"))
        REQUEST_ID.set(identity)
        try:
            reply = await self._answer(headers, receive, identifiers, scope)
        except (HeadwayError, ValidationError) as refusal:
            reply = to_reply(refusal)
        except asyncio.CancelledError:  # the service stops and has waited long enough; nothing was acknowledged
            reply = to_reply(UnavailableError("The service is stopping. Try again in a moment."))
        except Exception:  # noqa: BLE001 - no traceback reaches a client; the log has it
            _log.exception("request_failed")
            reply = INTERNAL_ERROR
        sent_headers = (*reply.headers, (b"x-request-id", identity.encode()))
        if isinstance(reply, StreamedReply):
            await self._stream(reply, sent_headers, receive, send, started)
            return
        status, body, _ = reply
        if status >= _REFUSED or not respond(send, status, sent_headers, body):
            await send({"type": "http.response.start", "status": status, "headers": list(sent_headers)})
            await send({"type": "http.response.body", "body": body})
        self._observer.answered(status, started)

    async def _stream(
        self, reply: StreamedReply, headers: Headers, receive: Receive, send: Send, started: float
    ) -> None:
        status = await send_streamed(reply, headers, receive, send)
        self._observer.answered(status, started)
        if status not in {reply.status, CLIENT_GONE}:
            break_off(send)

    async def _answer(
        self, headers: RequestHeaders, receive: Receive, identifiers: Sequence[str], scope: Scope
    ) -> Reply | StreamedReply:
        authorization = headers.get(b"authorization")
        principal = self._authenticator.known(authorization)
        if principal is None:
            principal = await self._identify(authorization, headers)
        checked = tuple(map(parse_identifier, self._names, identifiers))
        body = await read_body(receive, headers, self._body_limit) if self._body_limit else b""
        query, scheme = scope["query_string"], scope.get("scheme", "http")
        return await self._handler(
            Call(
                self._services,
                self._lists,
                self._streams,
                principal,
                headers,
                checked,
                body,
                query,
                scheme,
                self._pages,
            )
        )

    async def _identify(self, authorization: bytes | None, headers: RequestHeaders) -> Principal:
        """Whom a request speaks for whose token is not known yet, or that has none but a session's cookie.

        A proxy in front may have a password of its own, which it passes on.
        """
        has_token = authorization is not None and authorization[:6].lower() == b"bearer"
        if not has_token and self._pages is not None:
            principal = self._pages.sessions.principal_of_request(self.operation.method, headers)
            if principal is not None:
                return principal
        return await self._authenticator.authenticate(authorization)
