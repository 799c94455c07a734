"""The composition root: the one place that wires settings, store, service, tokens and HTTP together."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, FastAPI, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from headway.auth import (
    Authenticator,
    IdentityProvider,
    JwksUrl,
    KeySource,
    ProviderSettings,
    PublicKey,
    Sessions,
    SharedSecret,
    load_or_make_secret,
)
from headway.domain.errors import ConfigurationError, UnavailableError
from headway.domain.sign_in import SignIn
from headway.http.dispatcher import Dispatcher
from headway.http.endpoint import Endpoint, Surroundings
from headway.http.errors import INTERNAL_ERROR, refusal_of_no_class, to_reply
from headway.http.lists import RenderedLists
from headway.http.long_answers import LongAnswers
from headway.http.observation import Observed
from headway.http.openapi import TAGS, build_router
from headway.http.protocol import CUT_OFF, STOPPING
from headway.http.render import to_response
from headway.http.requests import BodyBudget, Pages
from headway.http.routes import OPERATIONS, PREFIX
from headway.http.statistics_stream import Streams
from headway.logs import get_logger
from headway.metrics import Metrics
from headway.service import Rederiver, Services
from headway.settings import Settings
from headway.storage.committer import CommitObserver
from headway.storage.postgres import PostgresStore
from headway.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from headway.dashboard import Dashboard

VERSION: Final = version("headway")

_log = get_logger("headway")


@dataclass(frozen=True)
class Headway:
    """The service's parts, made from settings; nothing is opened before `lifespan`, `opened` or `store.open`.

    `standing_codes` sign a browser in as long as this process runs, and any number of times.
    """

    settings: Settings
    standing_codes: Mapping[str, SignIn] = field(default_factory=dict)

    @cached_property
    def metrics(self) -> Metrics:
        """The figures of this instance."""
        return Metrics()

    @cached_property
    def store(self) -> SqliteStore | PostgresStore:
        """The store that HEADWAY_DATABASE_URL names. Raises `ConfigurationError`."""
        store = (
            _postgres_store(self.settings, self.metrics)
            if self.settings.uses_postgres
            else _sqlite_store(self.settings, self.metrics)
        )
        self.metrics.watch_queue(lambda: store.committer.waiting)
        return store

    @cached_property
    def services(self) -> Services:
        """The use cases over the store."""
        return Services.over(self.store, self.rederiver.wake, self.standing_codes)

    @cached_property
    def rederiver(self) -> Rederiver:
        """What derives what follows from courses' edits, while `lifespan` lasts."""
        return Rederiver(self.store)

    @cached_property
    def secret(self) -> str:
        """The shared secret: the configured one, or one kept beside the database. Raises `ConfigurationError`."""
        if self.settings.jwt_secret is not None:
            return self.settings.jwt_secret.get_secret_value()
        path = Path("headway") if self.settings.uses_postgres else self.settings.database_path
        return load_or_make_secret(path.with_name(f"{path.name}.jwt-secret"))

    @cached_property
    def authenticator(self) -> Authenticator:
        """Verifies tokens as configured. Raises `ConfigurationError`."""
        settings = self.settings
        return Authenticator(
            self._keys(), issuer=settings.jwt_issuer, audience=settings.jwt_audience, leeway=settings.jwt_leeway
        )

    @cached_property
    def sessions(self) -> Sessions | None:
        """Seals the pages' sessions; `None` where there are no pages. Raises `ConfigurationError`."""
        secret = self._session_secret() if self.settings.dashboard_path else None
        return None if secret is None else Sessions(secret, timedelta(hours=self.settings.session_hours))

    @cached_property
    def dashboard(self) -> "Dashboard | None":
        """The pages, where there are any. Raises `ConfigurationError`."""
        settings = self.settings
        if self.sessions is None:
            return None
        from headway.dashboard import Dashboard  # noqa: PLC0415 - commands, and services without pages, do without

        return Dashboard(
            settings.dashboard_path, PREFIX, self.services, self.sessions, settings.frame_ancestors,
            settings.lesson_url, settings.public_url, self._provider(),
        )  # fmt: skip

    @cached_property
    def streams(self) -> Streams:
        """Who follows courses' figures."""
        streams = Streams(self.settings.stream_limit)
        self.metrics.watch_streams(lambda: streams.open)
        return streams

    def _session_secret(self) -> str | None:
        """What the sessions' key is made from; `None` where there is nothing that nobody else knows.

        Somebody else's public key is no secret. To make one for each machine would end a session on the next, and to
        refuse to start would end a service that did well without pages: it goes on without, and says so.
        """
        settings = self.settings
        if settings.session_secret is not None:
            return settings.session_secret.get_secret_value()
        if not (settings.jwt_public_key or settings.jwt_jwks_url):
            return self.secret
        if settings.oidc_issuer:
            raise ConfigurationError(
                "To sign in to the pages needs HEADWAY_SESSION_SECRET. Make one with: openssl rand -base64 48"
            )
        return None

    def _provider(self) -> IdentityProvider | None:
        settings = self.settings
        if settings.oidc_issuer is None or settings.oidc_client_id is None:
            return None
        from headway.auth.openid import OpenIdProvider  # noqa: PLC0415 - half as much again as all else to import

        secret = settings.oidc_client_secret
        return OpenIdProvider(
            ProviderSettings(
                settings.oidc_issuer,
                settings.oidc_client_id,
                secret.get_secret_value() if secret is not None else None,
                settings.oidc_scopes,
                settings.oidc_learner_claim,
                settings.oidc_scopes_claim,
                settings.oidc_courses_claim,
                settings.jwt_leeway,
            )
        )

    def _endpoints(self, pages: Pages | None) -> list[Endpoint]:
        """The API's operations, ready to answer: to tokens, and to the pages' sessions where there are any."""
        surroundings = Surroundings(
            self.services,
            RenderedLists(),
            LongAnswers(self.settings.answer_mib * 1024 * 1024),
            self.authenticator,
            pages,
            self.metrics,
            self.settings.log_requests,
            self.streams,
            BodyBudget(self.settings.body_mib * 1024 * 1024),
        )
        return [Endpoint(operation, surroundings, PREFIX) for operation in OPERATIONS]

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[Mapping[str, Callable[..., None]]]:
        """Open the store, and derive in the background what follows from courses' edits; at the end close it.

        Tells the server what to call when it begins to stop, and when it cuts a connection off.
        """
        self.streams.begin()
        async with self.opened(), self.rederiver.working():
            yield {STOPPING: self.streams.end, CUT_OFF: self.metrics.connection_cut_off}

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the store; at the end commit what is queued and close it."""
        await self.store.open()
        try:
            yield
        finally:
            await self.store.close()

    def router(self) -> APIRouter:
        """The API as a router, which brings its own lifespan."""
        return build_router(self._endpoints(None), PREFIX, self.lifespan)

    def asgi(self) -> ASGIApp:
        """The whole service: the API the short way, pages and probes by FastAPI."""
        self.authenticator  # noqa: B018 - what is wrong with a key is told before what follows from it
        if self.settings.dashboard_path and self.sessions is None:
            _log.warning("pages_off", set="HEADWAY_SESSION_SECRET")
        endpoints = self._endpoints(self._pages_address())
        pages = self._pages(endpoints)
        observed = Observed(pages, self.metrics, self.settings.log_requests)
        by_route = {(one.operation.method, PREFIX + one.operation.path): one for one in endpoints}
        dispatcher = Dispatcher(by_route, observed)
        if not self.settings.cors_origins:
            return dispatcher
        return CORSMiddleware(
            dispatcher,
            allow_origins=self.settings.cors_origins,
            allow_methods=["GET", "PUT", "POST", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-Match",
                "If-None-Match",
                "Last-Event-ID",
                "X-Request-ID",
            ],
            expose_headers=[
                "Content-Disposition",
                "ETag",
                "Headway-Completed-By",
                "Headway-Kept",
                "Headway-Written-By",
                "Link",
                "Retry-After",
                "X-Request-ID",
            ],
        )

    def _pages_address(self) -> Pages | None:
        if self.sessions is None:
            return None
        return Pages(self.settings.dashboard_path, self.settings.public_url, self.authenticator, self.sessions)

    def _keys(self) -> KeySource:
        settings = self.settings
        if settings.jwt_jwks_url:
            return JwksUrl(settings.jwt_jwks_url)
        if settings.jwt_public_key:
            return PublicKey(_pem(settings.jwt_public_key))
        return SharedSecret(self.secret)

    def _pages(self, endpoints: Sequence[Endpoint]) -> FastAPI:
        app: FastAPI = FastAPIOffline(
            title="Headway",
            version=VERSION,
            summary="Where a learner stands, and how the course is doing.",
            openapi_tags=TAGS,
            redoc_url=None,
            redirect_slashes=False,
        )
        app.include_router(build_router(endpoints, PREFIX, self.lifespan))
        if self.dashboard is not None:
            app.include_router(self.dashboard.router())
        app.add_exception_handler(HTTPException, _refused)
        app.add_exception_handler(Exception, _failed)
        app.add_api_route("/healthz", self._health, include_in_schema=False)
        app.add_api_route("/readyz", self._readiness, include_in_schema=False)
        app.add_api_route("/metrics", self._exposition, include_in_schema=False)
        return app

    async def _health(self) -> dict[str, str]:
        """The process answers."""
        return {"status": "ok", "version": VERSION}

    async def _readiness(self) -> Response:
        """The store answers."""
        try:
            await self.services.progress.probe()
        except UnavailableError as error:
            return to_response(to_reply(error))
        return JSONResponse({"status": "ready"})

    async def _exposition(self) -> Response:
        """Prometheus' text format."""
        return Response(await self.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


def create_app(settings: Settings | None = None) -> ASGIApp:
    """Headway as an ASGI application of its own, as `headway serve` runs it. Raises `ConfigurationError`."""
    return Headway(settings or Settings()).asgi()


def create_router(settings: Settings | None = None) -> APIRouter:
    """Headway's API as a router, for `app.include_router(create_router())` in another FastAPI application.

    The router opens and closes the store with the application's lifespan. Raises `ConfigurationError`.
    """
    return Headway(settings or Settings()).router()


async def _refused(_request: Request, error: Exception) -> Response:
    """What the framework refuses: paths that it does not know, and methods that they do not take."""
    if not isinstance(error, HTTPException):
        raise error
    headers = tuple((name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items())
    return to_response(refusal_of_no_class(error.detail, error.status_code, headers))


async def _failed(_request: Request, _error: Exception) -> Response:
    """A fault: the server writes it to the log."""
    return to_response(INTERNAL_ERROR)


def _sqlite_store(settings: Settings, observer: CommitObserver) -> SqliteStore:
    return SqliteStore(
        settings.database_path,
        lock_seconds=settings.lock_seconds,
        queue_limit=settings.queue_limit,
        batch_limit=settings.batch_limit,
        observer=observer,
    )


def _postgres_store(settings: Settings, observer: CommitObserver) -> PostgresStore:
    return PostgresStore(
        settings.database_url,
        connections=settings.postgres_connections,
        timeout_seconds=settings.postgres_timeout_seconds,
        transaction_pooler=settings.transaction_pooler,
        queue_limit=settings.queue_limit,
        batch_limit=settings.batch_limit,
        observer=observer,
    )


def _pem(text_or_path: str) -> str:
    if "-----BEGIN" in text_or_path:
        return text_or_path
    try:
        return Path(text_or_path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "HEADWAY_JWT_PUBLIC_KEY is neither PEM text nor the path of a PEM file that can be read."
        ) from error
