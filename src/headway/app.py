"""The composition root: connects settings, store, services, tokens and HTTP."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from headway.access import Access
from headway.auth import LaunchTokens, learner_id
from headway.domain.enrolments import NOT_ENFORCED, Enforcement
from headway.domain.events import Recording
from headway.domain.package_ports import PackageStore
from headway.domain.people import ProfilesMode
from headway.domain.sign_in import SignIn
from headway.formats.events import event_json
from headway.http.api.client_script import client_router
from headway.http.api.openapi import build_router, plain_routes
from headway.http.api.probes import failed, probes_router, refused_by_framework
from headway.http.api.routes import OPERATIONS, PREFIX, TAGS
from headway.http.engine.arrivals import Arrivals
from headway.http.engine.direct import DIRECT, Direct
from headway.http.engine.dispatcher import Dispatcher, Preflights, Routes
from headway.http.engine.endpoint import Dependencies, Endpoint
from headway.http.engine.event_streams import Streams
from headway.http.engine.long_answers import LongAnswers
from headway.http.engine.observation import Observed
from headway.http.engine.protocol import CUT_OFF, STOPPING
from headway.http.engine.replies import RenderedLists
from headway.http.engine.requests import BodyBudget, Pages, Player
from headway.jobs.claims import ClaimsKeeper
from headway.jobs.runner import Job, Runner
from headway.jobs.upkeep import Enroller, Finisher, Publisher, Recalculator, Sweeper
from headway.jobs.webhooks import Deliverer
from headway.logs import get_logger
from headway.metrics import Metrics
from headway.player import Framing, Hosts, PlayerSite, host_of
from headway.service import Services
from headway.settings import Settings
from headway.storage.committer import CommitObserver
from headway.webhooks import WebhookSender

if TYPE_CHECKING:
    from headway.dashboard import Dashboard
    from headway.storage.postgres import PostgresStore
    from headway.storage.sqlite import SqliteStore

VERSION: Final = version("headway")

_TITLES: Final[Mapping[str, Any]] = {
    "title": "Headway",
    "version": VERSION,
    "summary": "Learners' progress in courses, and statistics for their teachers.",
    "openapi_tags": TAGS,
}
"""What the OpenAPI document says of the service as a whole."""

_REQUEST_HEADERS: Final = (
    "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "X-Request-ID",
)  # fmt: skip
"""The headers that a page of another origin may send (HEADWAY_CORS_ORIGINS)."""
_ANSWER_HEADERS: Final = (
    "Content-Disposition", "ETag", "Headway-Completed-By", "Headway-Ignored", "Headway-Kept", "Headway-Written-By",
    "Link", "Retry-After", "X-Request-ID",
)  # fmt: skip
"""The headers of answers that such a page may read."""

_UPLOADS: Final = 4
"""The budget of uploads, in packages of the largest size. A quarter of a budget is for small bodies: three remain."""

_log = get_logger("headway")


@dataclass(frozen=True)
class Headway:
    """The parts of the service, made from settings. `lifespan`, `opened` and `store.open` open the database.

    `permanent_codes` sign browsers in any number of times, until this process ends. `more_routes` are served, too.
    """

    settings: Settings
    permanent_codes: Mapping[str, SignIn] = field(default_factory=dict)
    more_routes: Sequence[BaseRoute] = ()

    @cached_property
    def metrics(self) -> Metrics:
        """The metrics of this instance."""
        return Metrics()

    @cached_property
    def store(self) -> "SqliteStore | PostgresStore":
        """The store that HEADWAY_DATABASE_URL names. Raises `ConfigurationError`."""
        store = (
            _postgres_store(self.settings, self.metrics)
            if self.settings.uses_postgres
            else _sqlite_store(self.settings, self.metrics)
        )
        self.metrics.watch_queue(lambda: store.waiting)
        return store

    @cached_property
    def package_store(self) -> PackageStore | None:
        """The store of SCORM packages; `None` where no setting names one. Raises `ConfigurationError`."""
        if self.settings.packages_dir:
            from headway.storage.packages.folder import FolderPackageStore  # noqa: PLC0415 - where there are packages

            return FolderPackageStore(Path(self.settings.packages_dir))
        if self.settings.packages_url:
            from headway.storage.packages.s3 import S3PackageStore  # noqa: PLC0415 - needs the extra s3

            return S3PackageStore(self.settings.packages_url)
        return None

    @cached_property
    def services(self) -> Services:
        """The use cases, over the store."""
        learner_of = partial(learner_id, issuer=self.settings.jwt_issuer)
        return Services.over(
            self.store,
            partial(self.jobs.wake, Recalculator.name),
            learner_of,
            self.permanent_codes,
            self.webhook_sender.send,
            self.settings.webhook_networks,
            keeps_profiles=self.settings.profiles is not ProfilesMode.OFF,
            offline=timedelta(days=self.settings.offline_days),
            launch_lifetime=timedelta(hours=self.settings.launch_hours),
            packages=self.package_store,
            largest_package=self.settings.package_mib * 1024 * 1024,
        )

    @cached_property
    def jobs(self) -> Runner:
        """The jobs in the background. They run while `lifespan` lasts."""
        jobs: list[Job] = [Recalculator(self.store), Finisher(self.store), Enroller(self.store), Sweeper(self.store)]
        if self._takes_claims:
            jobs.append(self.claims_keeper)
        if self.store.events.recording.is_on:
            deliverer = Deliverer(self.store, self.webhook_sender.send, self.metrics)
            self.metrics.watch_webhooks(lambda: deliverer.failing)
            jobs += [Publisher(self.store), deliverer]
        return Runner(jobs)

    @cached_property
    def webhook_sender(self) -> WebhookSender:
        """Sends events to webhooks."""
        return WebhookSender(self.settings.webhook_networks, VERSION, event_json)

    @cached_property
    def claims_keeper(self) -> ClaimsKeeper:
        """Keeps what tokens say about learners."""
        return ClaimsKeeper(self.store)

    @property
    def _takes_claims(self) -> bool:
        return self.settings.profiles is ProfilesMode.CLAIMS

    @cached_property
    def access(self) -> Access:
        """The parts that verify callers."""
        return Access(self.settings, self.claims_keeper.add if self._takes_claims else None)

    @cached_property
    def dashboard(self) -> "Dashboard | None":
        """The pages; `None` where they are turned off. Raises `ConfigurationError`."""
        settings = self.settings
        if self.access.sessions is None:
            return None
        from headway.dashboard import Dashboard  # noqa: PLC0415 - commands, and services without pages, do not need it

        return Dashboard(
            settings.dashboard_path, PREFIX, self.services, self.access.sessions, settings.frame_ancestors,
            settings.lesson_url, settings.public_url, self.access.provider(), settings.message_url, self._framing,
        )  # fmt: skip

    @cached_property
    def _framing(self) -> Framing:
        settings = self.settings
        return Framing(settings.content_origin or "", settings.public_url, settings.frame_ancestors)

    @cached_property
    def streams(self) -> Streams:
        """The open streams, of statistics and of events."""
        streams = Streams(self.settings.stream_limit)
        self.metrics.watch_streams(lambda: streams.open)
        return streams

    def _endpoints(self, pages: Pages | None, *, shows_content: bool) -> list[Endpoint]:
        """Return the API's endpoints. They accept tokens, and the pages' sessions where there are pages.

        `shows_content`: the content of packages is served beside the API.
        """
        dependencies = Dependencies(
            self.services,
            RenderedLists(),
            LongAnswers(self.settings.answer_mib * 1024 * 1024),
            self.access.authenticator,
            pages,
            self._player(shows_content=shows_content),
            self.metrics,
            self.settings.log_requests,
            self.streams,
            BodyBudget(self.settings.body_mib * 1024 * 1024),
            BodyBudget(_UPLOADS * self.settings.package_mib * 1024 * 1024),
        )
        return [Endpoint(operation, dependencies, PREFIX) for operation in OPERATIONS]

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: object, *, direct: Direct | None = None) -> AsyncIterator[Mapping[str, object]]:
        """Open the store and run the jobs in the background until the block is left. Then close the store.

        Yields the functions that the server calls when it begins to stop, and when it cuts off a connection; and what
        connections may answer directly.
        """
        self.streams.begin()
        self.store.events.on_stored = partial(self.jobs.wake, Publisher.name)
        async with self.opened(), self.jobs.working():
            yield {STOPPING: self.streams.end, CUT_OFF: self.metrics.connection_cut_off, DIRECT: direct}

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the store until the block is left. Then commit the queued writes and close it.

        Also closes the connections to webhooks.
        """
        await self.store.open()
        try:
            async with contextlib.aclosing(self.webhook_sender):
                yield
        finally:
            await self.store.close()

    def router(self) -> APIRouter:
        """Return the API as a router with its own lifespan."""
        return build_router(self._endpoints(None, shows_content=False), PREFIX, self.lifespan)

    def asgi(self) -> ASGIApp:
        """Return the whole service. The dispatcher answers the API; FastAPI answers the rest: pages and probes."""
        self.access.authenticator  # noqa: B018 - reports a wrong key before any error that it causes
        if self.settings.dashboard_path and self.access.sessions is None:
            _log.warning("pages_off", set="HEADWAY_SESSION_SECRET")
        endpoints = self._endpoints(self._pages_address(), shows_content=True)
        routes = Routes({(one.operation.method, PREFIX + one.operation.path): one for one in endpoints})
        content_host = host_of(self.settings.content_origin) if self.settings.content_origin else None
        pages = self._pages(endpoints, Direct(routes.find, bool(self.settings.cors_origins), Arrivals(), content_host))
        service: ASGIApp = Dispatcher(routes, Observed(pages, self.metrics, self.settings.log_requests))
        if content_host is not None:
            service = Hosts(service, content_host, f"{PREFIX}/launches")
        if self.settings.cors_origins:
            service = CORSMiddleware(
                service,
                allow_origins=self.settings.cors_origins,
                allow_methods=["GET", "PUT", "POST", "DELETE"],
                allow_headers=_REQUEST_HEADERS,
                expose_headers=_ANSWER_HEADERS,
            )
        return Preflights(routes, service)

    def _player(self, *, shows_content: bool) -> Player | None:
        tokens = self.access.launch_tokens
        if tokens is None:
            return None
        return Player(tokens, PREFIX, self.settings.content_origin or "", shows_content=shows_content)

    def _player_site(self, tokens: LaunchTokens) -> PlayerSite:
        return PlayerSite(tokens, self.services.packages, self._framing, PREFIX)

    def _pages_address(self) -> Pages | None:
        if self.access.sessions is None:
            return None
        return Pages(
            self.settings.dashboard_path, self.settings.public_url, self.access.authenticator, self.access.sessions
        )

    def _pages(self, endpoints: Sequence[Endpoint], direct: Direct) -> FastAPI:
        lifespan = partial(self.lifespan, direct=direct)
        app: FastAPI = FastAPIOffline(**_TITLES, redoc_url=None, redirect_slashes=False, lifespan=lifespan)
        app.router.routes.extend(plain_routes(endpoints, PREFIX))
        app.openapi = cache(lambda: _document(endpoints))  # type: ignore[method-assign]
        if self.dashboard is not None:
            app.include_router(self.dashboard.router())
        if self.services.packages.is_on and self.access.launch_tokens is not None:
            app.include_router(self._player_site(self.access.launch_tokens).router())
        app.add_exception_handler(HTTPException, refused_by_framework)
        app.add_exception_handler(Exception, failed)
        app.include_router(client_router())
        app.include_router(probes_router(VERSION, self.store.probe, self.metrics))
        app.router.routes.extend(self.more_routes)
        return app


def _document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI document. This takes a fifth of a second of processor time."""
    described = FastAPI(**_TITLES)
    described.include_router(build_router(endpoints, PREFIX))
    return described.openapi()


def create_app(settings: Settings | None = None) -> ASGIApp:
    """Return Headway as a separate ASGI application, as `headway serve` runs it. Raises `ConfigurationError`."""
    return Headway(settings or Settings()).asgi()


def create_router(settings: Settings | None = None) -> APIRouter:
    """Return the API as a router, for `app.include_router(create_router())` in another FastAPI application.

    The router opens and closes the store with the application's lifespan. Raises `ConfigurationError`.
    """
    return Headway(settings or Settings()).router()


# A store takes a tenth of a second to load, so only the one that is used is.


def _sqlite_store(settings: Settings, observer: CommitObserver) -> "SqliteStore":
    from headway.storage.sqlite import SqliteStore  # noqa: PLC0415 - see above

    return SqliteStore(
        settings.database_path,
        lock_seconds=settings.lock_seconds,
        queue_limit=settings.queue_limit,
        batch_limit=settings.batch_limit,
        observer=observer,
        enforced=_enforced(settings),
        recording=_recording(settings),
    )


def _postgres_store(settings: Settings, observer: CommitObserver) -> "PostgresStore":
    from headway.storage.postgres import PostgresStore  # noqa: PLC0415 - see above

    return PostgresStore(
        settings.database_url,
        connections=settings.postgres_connections,
        timeout_seconds=settings.postgres_timeout_seconds,
        transaction_pooler=settings.transaction_pooler,
        queue_limit=settings.queue_limit,
        batch_limit=settings.batch_limit,
        observer=observer,
        enforced=_enforced(settings),
        recording=_recording(settings),
    )


def _recording(settings: Settings) -> Recording:
    return Recording(settings.events_days, settings.events_progress)


def _enforced(settings: Settings) -> Enforcement:
    asked = Enforcement(settings.enrolment, settings.enforce_prerequisites)
    return NOT_ENFORCED if asked == NOT_ENFORCED else asked
