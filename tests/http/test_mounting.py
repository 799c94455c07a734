"""The API inside another FastAPI application: the same answers there as from the service itself."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from headway import Settings, create_app, create_router
from headway.http.api.openapi import build_router
from support import asgi
from support.asgi import Sent
from support.postgres import Databases
from support.program import forked_headway_serve
from support.running import PATIENCE, PREFIX, SECRET, STORES, authorization, course, lesson
from support.serving import served

pytestmark = pytest.mark.slow

README = Path(__file__).parents[2] / "README.md"

VARYING_HEADERS = {"date", "x-request-id"}
UNKNOWN = "497f6eca-6276-4993-bfeb-53cbbbba6f08"
_PROGRESS_ID = re.compile(r'"id":"[0-9a-f-]{36}"')
_TAG = re.compile(r'"([0-9a-f-]{36}\.|\d+(?="))')
_STAMP = re.compile(r"\d{16}")  # a version of a course, in a list's etag: one in each database
_DIGEST = re.compile(r'^"[0-9a-f]{24}"$')
_MOMENT = re.compile(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"')
_VERSION = re.compile(r'"version":\d+')


def _settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, jwt_secret=SECRET, log_requests="none")


@dataclass
class Host:
    """An application with a route and a lifespan of its own, that includes the API."""

    app: FastAPI
    events: list[str] = field(default_factory=list)


def _host(database_url: str) -> Host:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        host.events.append("started")
        yield
        host.events.append("stopped")

    host = Host(FastAPI(title="A host", lifespan=lifespan))

    @host.app.get("/own/{name}")
    def own(name: str) -> dict[str, str]:
        return {"own": name}

    host.app.include_router(create_router(_settings(database_url)))
    return host


NewDatabase = Callable[[], str]


@pytest.fixture(scope="module", params=STORES)
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    """Answers addresses of empty databases, all of them on one store."""

    def on_sqlite() -> str:
        return f"sqlite:///{tmp_path_factory.mktemp('database')}/headway.db"

    def on_postgres() -> str:
        databases: Databases = request.getfixturevalue("databases")
        return made.enter_context(databases.fresh())

    with ExitStack() as made:
        yield {"sqlite": on_sqlite, "postgres": on_postgres}[request.param]


@pytest.fixture(scope="module")
def mounted(new_database: NewDatabase, connections: httpx.HTTPTransport) -> Iterator[httpx.Client]:
    """Return a client of the host application."""
    with served(_host(new_database()).app) as base_url:
        yield httpx.Client(base_url=base_url, transport=connections, timeout=20)


@pytest.fixture(scope="module")
def direct(
    new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory, connections: httpx.HTTPTransport
) -> Iterator[httpx.Client]:
    """Return a client of a service that is as new as the host application."""
    with forked_headway_serve(tmp_path_factory.mktemp("direct"), database_url=new_database()) as service:
        yield httpx.Client(base_url=service.base_url, transport=connections, timeout=20)


def test_routes_of_the_host_work_beside_the_api(mounted: httpx.Client) -> None:
    assert mounted.get("/own/route").json() == {"own": "route"}
    assert mounted.get(f"{PREFIX}/progress", headers=authorization(str(uuid4()))).json() == []
    assert mounted.get("/healthz").status_code == 404


def test_the_hosts_openapi_document_has_the_same_operations(mounted: httpx.Client, direct: httpx.Client) -> None:
    shown, alone = (client.get("/openapi.json").json() for client in (mounted, direct))
    assert "/own/{name}" in shown["paths"]
    assert {path: shown["paths"].get(path) for path in alone["paths"]} == alone["paths"]
    # FastAPI describes a 422 of the host's own routes under the same two names, with fewer fields required.
    schemas = {name: one for name, one in alone["components"]["schemas"].items() if "ValidationError" not in name}
    assert {name: shown["components"]["schemas"].get(name) for name in schemas} == schemas
    assert mounted.get("/docs").status_code == 200


def test_the_routers_lifespan_keeps_the_hosts_lifespan(database_url: str, connections: httpx.HTTPTransport) -> None:
    document, course_id, learner = course(), uuid4(), authorization(str(uuid4()), "courses:write")
    lesson_path = f"{PREFIX}/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
    host = _host(database_url)
    with served(host.app) as base_url:
        assert host.events == ["started"]
        client = httpx.Client(base_url=base_url, transport=connections, headers=learner, timeout=PATIENCE)
        client.put(f"{PREFIX}/courses/{course_id}", json=document).raise_for_status()
        written = client.put(lesson_path, json={"progress_percentage": 42.5})
    assert host.events == ["started", "stopped"]
    with served(_host(database_url).app) as base_url:
        found = httpx.Client(base_url=base_url, transport=connections, headers=learner, timeout=PATIENCE).get(
            lesson_path
        )
    assert (found.status_code, found.content) == (200, written.content)


def test_two_routers_in_one_process_use_their_own_databases(
    new_database: NewDatabase, connections: httpx.HTTPTransport
) -> None:
    author = authorization(str(uuid4()), "courses:write")
    listed = []
    with (
        served(_host(new_database()).app) as one,
        served(_host(new_database()).app) as other,
    ):
        for base_url in (one, other):
            client = httpx.Client(base_url=base_url + PREFIX, transport=connections, headers=author, timeout=PATIENCE)
            listed.append(client.get("/courses").json())
            client.put(f"/courses/{uuid4()}", json=course()).raise_for_status()
    assert listed == [[], []]


def test_the_readmes_example_serves_the_api(
    folder: Path, connections: httpx.HTTPTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    [example] = [block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "app" in block]
    monkeypatch.setenv("HEADWAY_DATABASE_URL", f"sqlite:///{folder}/headway.db")
    monkeypatch.setenv("HEADWAY_JWT_SECRET", SECRET)
    names: dict[str, Any] = {}
    exec(example, names)
    with served(names["app"]) as base_url:
        client = httpx.Client(
            base_url=base_url, transport=connections, headers=authorization(str(uuid4())), timeout=PATIENCE
        )
        assert client.get(f"{PREFIX}/progress").json() == []


async def test_the_service_answers_below_a_path_of_another_application(folder: Path) -> None:
    host = Starlette(routes=[Mount("/learning", create_app(_settings(f"sqlite:///{folder}/headway.db")))])
    path = f"/learning{PREFIX}/progress/{UNKNOWN}"
    refused, other_method = [await asgi.ask(host, Sent(method, path)) for method in ("GET", "PATCH")]
    assert (refused.status, b"not_authenticated" in refused.body) == (401, True)
    assert (other_method.status, dict(other_method.headers)[b"allow"]) == (405, b"DELETE, GET")


async def test_the_service_describes_its_operations_once_and_not_before_it_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe = Mock(wraps=build_router)
    monkeypatch.setattr("headway.app.build_router", describe)
    service = create_app(_settings(f"sqlite:///{folder}/headway.db"))
    assert (await asgi.ask(service, Sent("GET", "/docs"))).status == 200
    assert not describe.called
    one, other = [await asgi.ask(service, Sent("GET", "/openapi.json")) for _ in range(2)]
    assert (describe.call_count, one.status, other.body) == (1, 200, one.body)


Ask = Callable[..., httpx.Response]


def _asking(client: httpx.Client, headers: dict[str, str]) -> Ask:
    def ask(method: str, path: str, **options: Any) -> httpx.Response:
        return client.request(method, PREFIX + path, **options | {"headers": headers | options.get("headers", {})})

    return ask


def _good_requests(ask: Ask, course_id: str, lesson_id: str) -> Iterator[httpx.Response]:
    """Return a learner's requests, from the first write to starting the course over."""
    course_path = f"/progress/{course_id}"
    lesson_path = f"{course_path}/lessons/{lesson_id}"
    yield ask("GET", course_path)
    yield ask("GET", lesson_path)
    yield ask("PUT", lesson_path, content=b"{}")
    yield ask("PUT", lesson_path, json={"progress_percentage": 42.5, "user_notes": "é", "metadata": {"a": [None]}})
    yield ask("PUT", lesson_path, json={"progress_percentage": 1, "quiz_attempts": 1})
    yield ask("PUT", f"/progress/{course_id.upper()}/lessons/{lesson_id.upper()}", json={})
    yield ask("GET", course_path)
    progress = ask("GET", lesson_path)
    yield progress
    yield ask("PUT", lesson_path, json={"progress_percentage": 7}, headers={"If-Match": progress.headers["etag"]})
    yield ask("PUT", lesson_path, json={"progress_percentage": 8}, headers={"If-Match": progress.headers["etag"]})
    yield ask("PUT", lesson_path, json={"status": "completed"}, headers={"If-None-Match": "*"})
    for path in (f"{course_path}/summary", "/progress", "/courses", f"/courses/{course_id}", "/schemas/course"):
        yield ask("GET", path)
    yield ask("DELETE", lesson_path, headers={"If-Match": '"stale"'})
    yield ask("DELETE", lesson_path)
    yield ask("DELETE", course_path)


def _bad_requests(ask: Ask, course_id: str, lesson_id: str) -> Iterator[httpx.Response]:
    """Requests that are refused, each at another point of its way."""
    course_path, catalogued_path = f"/progress/{course_id}", f"/courses/{course_id}"
    lesson_path = f"{course_path}/lessons/{lesson_id}"
    for authorization_sent in ("", "Bearer none", "Basic dTpw"):
        yield ask("PUT", lesson_path, json={}, headers={"Authorization": authorization_sent})
    for body in (b"", b"[]", b'{"quiz_score": 101, "status": "gone"}', b'{"user_notes": "\xff"}', b"[" * 10_000):
        yield ask("PUT", lesson_path, content=body)
        yield ask("PUT", catalogued_path, content=body)
    yield ask("PUT", lesson_path, content=b" " * 65_537)
    yield ask("PUT", lesson_path, content=iter([b" " * 40_000, b" " * 40_000]))
    for value in ("abc", '"a', "*, *"):
        yield ask("DELETE", lesson_path, headers={"If-Match": value})
    for identifier in (
        "none",
        "NONE",
        "%00",
        "%C3%A9",
        "{course_id}",
        UNKNOWN,
        UNKNOWN.upper(),
        UNKNOWN.replace("-", ""),
    ):
        yield ask("GET", f"/progress/{identifier}")
        yield ask("PUT", f"{course_path}/lessons/{identifier}", json={})
    for method in ("POST", "PATCH", "OPTIONS", "HEAD", "PUT"):
        yield ask(method, course_path)
        yield ask(method, f"{course_path}/summary")
    for path in ("", "/nothing", "/progress//summary", "/courses/a/b"):
        yield ask("GET", path)
    for method in ("PUT", "DELETE"):
        yield ask(method, catalogued_path, headers=authorization(str(uuid4())))
    yield ask("PUT", catalogued_path, json=course(lesson(id=UNKNOWN, pass_mark=50)))
    yield ask("DELETE", catalogued_path)
    yield ask("GET", course_path)


def _comparable(answer: httpx.Response) -> tuple[str, int, list[tuple[str, str]], str]:
    """Return an answer without what differs between two services: ids, courses' versions, and times."""
    request = f"{answer.request.method} {answer.request.url.raw_path.decode()}"
    if '"detail":"Not Found"' in answer.text:  # said by whoever routes: the host in its own words
        return request, answer.status_code, [], ""
    headers = [(name, value) for name, value in answer.headers.multi_items() if name not in VARYING_HEADERS]
    body = _VERSION.sub('"version":1', _MOMENT.sub('"then"', _PROGRESS_ID.sub('"id":"one"', answer.text)))
    headers = [(name, _STAMP.sub("version", _TAG.sub('"one.', value))) for name, value in headers]
    if body != answer.text:  # an etag that is made of the body's bytes says when it was, too
        headers = [(name, _DIGEST.sub('"digest"', value) if name == "etag" else value) for name, value in headers]
    return request, answer.status_code, headers, body


@pytest.mark.parametrize("requests", [_good_requests, _bad_requests], ids=["good requests", "bad requests"])
def test_the_service_and_the_mounted_router_answer_alike(
    direct: httpx.Client, mounted: httpx.Client, requests: Callable[..., Iterator[httpx.Response]]
) -> None:
    document, course_id, headers = course(), str(uuid4()), authorization(str(uuid4()), "courses:write")
    heard = []
    for ask in (_asking(direct, headers), _asking(mounted, headers)):
        ask("PUT", f"/courses/{course_id}", json=document).raise_for_status()
        heard.append([_comparable(answer) for answer in requests(ask, course_id, document["lessons"][0]["id"])])
    assert len(heard[0]) > 15
    for direct_answer, mounted_answer in zip(*heard, strict=True):
        assert mounted_answer == direct_answer
