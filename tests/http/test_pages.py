"""What is around the API: pages, probes, metrics, request ids, CORS, and a log without secrets."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.program import forked_headway_serve
from support.running import PATIENCE, PREFIX, Running, authorization, course

ORIGIN = "https://learn.example"
MARK = "tell-nobody"
PREFLIGHT = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,if-match"}


def _elsewhere(page: str) -> set[str]:
    """Return the hosts that a page names."""
    return set(re.findall(r"""(?:https?:)?//([\w.-]+\.\w+)""", page))


def _sample(exposition: str, name: str, **labels: str) -> float:
    """Return one figure of Prometheus' text format; 0 where it was not counted yet."""
    wanted = {f'{label}="{value}"' for label, value in labels.items()}
    for line in exposition.splitlines():
        series, _, figure = line.rpartition(" ")
        if series.partition("{")[0] == name and wanted <= set(series.partition("{")[2].rstrip("}").split(",")):
            return float(figure)
    return 0.0


@pytest.fixture(scope="module")
def allowing(tmp_path_factory: pytest.TempPathFactory, connections: httpx.HTTPTransport) -> Iterator[httpx.Client]:
    """Return a client of a service that allows two origins."""
    folder = tmp_path_factory.mktemp("origins")
    with forked_headway_serve(folder, cors_origins=f"{ORIGIN}, https://other.example") as service:
        yield httpx.Client(base_url=service.base_url, transport=connections, timeout=20)


def _secrets_sent(service: Running, folder: Path) -> set[int]:
    """Send marked notes, tokens and bodies on every way in, and answer the statuses seen."""
    document = course()
    path = f"/progress/{service.put_course(document)}/lessons/{document['lessons'][0]['id']}"
    marked: dict[str, Any] = {"user_notes": f"{MARK} é", "metadata": {MARK: MARK}}
    with service.client() as learner:
        progress = learner.put(path, json=marked)
        requests: list[dict[str, Any]] = [
            {"json": marked, "headers": {"If-Match": progress.headers["etag"], "X-Request-ID": "traced"}},
            {"json": marked, "headers": {"If-Match": f'"{MARK}"'}},
            {"json": marked | {"status": MARK}},
            {"json": marked | {"metadata": {MARK: "x" * 17_000}}},
            {"json": marked | {"metadata": {MARK: 2**64}}},
            {"json": marked | {"metadata": {MARK: "\0"}}},
            {"content": f'{{"user_notes": "{MARK}'.encode()},
            {"content": f'{{"user_notes": "{MARK}\xff"'.encode("latin-1")},
            {"content": MARK.encode() * 10_000},
            {"json": marked, "headers": {"Authorization": f"Bearer {MARK}"}},
            {"json": marked, "headers": {"Authorization": learner.headers["authorization"] + MARK}},
            {"json": marked, "headers": {"Authorization": f"Basic {MARK}"}},
        ]
        answers = [progress, learner.get(path), *(learner.put(path, **request) for request in requests)]
        answers.append(learner.get(f"/progress/{MARK}"))
        answers.append(learner.put(path.replace("/progress/", f"/{MARK}/"), json=marked))
        (folder / "headway.db").rename(folder / "away.db")
        answers += [learner.put(path, json=marked), learner.get(path), learner.get(f"{service.base_url}/readyz")]
    return {answer.status_code for answer in answers if answer.headers["x-request-id"]}


@pytest.fixture(scope="module", params=["json", "console"])
def everything_logged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, list[str]]:
    """The log's format and all its lines."""
    folder = tmp_path_factory.mktemp("logging")
    settings = {"log_requests": "all", "log_level": "debug", "log_format": request.param}
    with forked_headway_serve(folder, **settings) as service:
        assert _secrets_sent(service, folder) >= {200, 401, 404, 412, 413, 422, 503}
        service.stop()
    return request.param, service.log


class TestPages:
    def test_the_docs_page_loads_everything_from_the_service_itself(self, visitor: httpx.Client) -> None:
        page = visitor.get("/docs")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert _elsewhere(page.text) == set()
        loaded = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
        assert {Path(path).suffix for path in loaded} >= {".js", ".css"}
        for path in loaded:
            answer = visitor.get(path)
            assert (answer.status_code, len(answer.content) > 500) == (200, True), path

    def test_the_docs_page_shows_the_services_document(self, visitor: httpx.Client) -> None:
        [address] = re.findall(r"url: '([^']+)'", visitor.get("/docs").text)
        document = visitor.get(address).json()
        assert document["openapi"].startswith("3.")
        assert document["info"]["title"] == "Headway"
        assert document == visitor.get("/openapi.json").json()

    def test_the_document_lists_the_api_alone(self, visitor: httpx.Client) -> None:
        assert all(path.startswith(PREFIX) for path in visitor.get("/openapi.json").json()["paths"])

    def test_the_probes_answer_without_a_token(self, visitor: httpx.Client) -> None:
        health, readiness = visitor.get("/healthz"), visitor.get("/readyz")
        assert (health.status_code, health.json()["status"]) == (200, "ok")
        assert (readiness.status_code, readiness.json()) == (200, {"status": "ready"})

    def test_the_course_schema_is_served_to_learners(self, learner: httpx.Client) -> None:
        schema = learner.get("/schemas/course").json()
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert set(schema["required"]) == {"title", "lessons"}


class TestMetrics:
    ROUTE = f"{PREFIX}/progress/{{course_id}}/lessons/{{lesson_id}}"

    @pytest.fixture
    def figures(self, visitor: httpx.Client) -> Any:
        def read() -> str:
            answer = visitor.get("/metrics")
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            return answer.text

        return read

    def test_every_metric_is_there(self, learner: httpx.Client, lesson_path: str, figures: Any) -> None:
        learner.put(lesson_path, json={})
        described = dict(re.findall(r"^# TYPE (headway_\w+) (\w+)$", figures(), re.MULTILINE))
        assert (
            described.items()
            >= {
                "headway_requests_total": "counter",
                "headway_request_seconds": "histogram",
                "headway_batch_writes": "histogram",
                "headway_queue_writes": "gauge",
                "headway_commit_seconds": "histogram",
            }.items()
        )

    def test_a_write_moves_requests_latency_batches_and_commits(
        self, learner: httpx.Client, lesson_path: str, figures: Any
    ) -> None:
        learner.put(lesson_path, json={})
        before = figures()
        for minutes in range(1, 4):
            learner.put(lesson_path, json={"time_spent_minutes": minutes})
        learner.put(lesson_path, json={"quiz_score": 101})
        after = figures()

        def moved(name: str, **labels: str) -> float:
            return _sample(after, name, **labels) - _sample(before, name, **labels)

        route = {"method": "PUT", "route": self.ROUTE}
        assert moved("headway_requests_total", **route, status="200") == 3
        assert moved("headway_requests_total", **route, status="422") == 1
        assert moved("headway_request_seconds_count", **route) == 4
        assert 0 < moved("headway_request_seconds_sum", **route) < 20
        assert moved("headway_batch_writes_sum") == moved("headway_batch_writes_count") == 3
        assert moved("headway_commit_seconds_count") == 3
        assert _sample(after, "headway_queue_writes") == 0

    def test_unknown_paths_are_counted_under_one_label(self, visitor: httpx.Client, figures: Any) -> None:
        before = figures()
        paths = [f"/{uuid4()}" for _ in range(3)]
        for path in paths:
            visitor.get(path)
        visitor.get("/healthz")
        after = figures()
        unknown = {"method": "other", "route": "other", "status": "404"}
        counted = [_sample(text, "headway_requests_total", **unknown) for text in (before, after)]
        assert counted[1] - counted[0] == 3
        assert _sample(after, "headway_requests_total", method="GET", route="/healthz", status="200") > 0
        assert not any(path in after for path in paths)


class TestRequestIds:
    @pytest.mark.parametrize(
        "path",
        ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/nowhere", f"{PREFIX}/progress", f"{PREFIX}/no"],
    )
    def test_every_answer_has_a_new_request_id(self, visitor: httpx.Client, path: str) -> None:
        ids = [visitor.get(path).headers.get_list("x-request-id") for _ in range(2)]
        assert all(len(one) == 1 and re.fullmatch(r"[!-~]{8,64}", one[0]) for one in ids)
        assert ids[0] != ids[1]

    @pytest.mark.parametrize("given", ["a", "trace-1234/5:6", "x" * 128])
    @pytest.mark.parametrize("path", ["/healthz", "/nowhere", f"{PREFIX}/progress"])
    def test_a_valid_request_id_is_answered(self, visitor: httpx.Client, path: str, given: str) -> None:
        assert visitor.get(path, headers={"X-Request-ID": given}).headers["x-request-id"] == given

    @pytest.mark.parametrize("given", [b"", b"x" * 129, b"a b", "é".encode(), b"a\tb", b"\xff"], ids=ascii)
    @pytest.mark.parametrize("path", ["/healthz", "/nowhere", f"{PREFIX}/progress"])
    def test_an_invalid_request_id_is_replaced(self, visitor: httpx.Client, path: str, given: bytes) -> None:
        answered = visitor.get(path, headers={b"X-Request-ID": given}).headers["x-request-id"]
        assert re.fullmatch(r"[!-~]{8,64}", answered)
        assert answered.encode() != given

    @pytest.mark.parametrize("given", [None, "mine"])
    def test_every_kind_of_answer_has_a_request_id(
        self, learner: httpx.Client, lesson_path: str, course_path: str, given: str | None
    ) -> None:
        headers = {"X-Request-ID": given} if given else {}
        answers = {
            200: learner.put(lesson_path, json={}, headers=headers),
            204: learner.delete(course_path, headers=headers),
            401: learner.get(lesson_path, headers=headers | {"Authorization": ""}),
            403: learner.delete(f"/courses/{uuid4()}", headers=headers),
            404: learner.get(lesson_path, headers=headers),
            405: learner.post(lesson_path, headers=headers),
            412: learner.put(lesson_path, json={}, headers=headers | {"If-Match": '"a"'}),
            413: learner.put(lesson_path, content=b" " * 65_537, headers=headers),
            422: learner.put(lesson_path, json=[], headers=headers),
        }
        assert [answer.status_code for answer in answers.values()] == list(answers)
        ids = [answer.headers["x-request-id"] for answer in answers.values()]
        assert len(set(ids)) == (1 if given else len(ids))


@pytest.mark.slow  # a service of its own
class TestOrigins:
    @staticmethod
    def _cors_headers(answer: httpx.Response) -> list[str]:
        return [name for name in answer.headers if name.startswith("access-control-")]

    def test_no_origin_is_allowed_by_default(self, visitor: httpx.Client, lesson_path: str) -> None:
        from_a_page = {"Origin": ORIGIN}
        preflight = visitor.options(PREFIX + lesson_path, headers=from_a_page | PREFLIGHT)
        answer = visitor.get(f"{PREFIX}/progress", headers=from_a_page | authorization(str(uuid4())))
        assert (preflight.status_code, answer.status_code) == (405, 200)
        assert self._cors_headers(preflight) == self._cors_headers(answer) == []

    @pytest.mark.parametrize("origin", [ORIGIN, "https://other.example"])
    def test_a_configured_origin_may_send_what_a_player_needs(self, allowing: httpx.Client, origin: str) -> None:
        for method in ("GET", "PUT", "POST", "DELETE"):
            asked = PREFLIGHT | {"Origin": origin, "Access-Control-Request-Method": method}
            answer = allowing.options(f"{PREFIX}/progress/{uuid4()}/lessons/{uuid4()}", headers=asked)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
            assert method in answer.headers["access-control-allow-methods"].split(", ")
            needed = {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "x-request-id"}
            assert needed <= set(answer.headers["access-control-allow-headers"].lower().split(", "))

    def test_a_configured_origin_may_read_the_exposed_headers(self, allowing: httpx.Client) -> None:
        learner = authorization(str(uuid4()), "courses:write")
        document, course_id = course(), uuid4()
        allowing.put(f"{PREFIX}/courses/{course_id}", json=document, headers=learner).raise_for_status()
        path = f"{PREFIX}/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
        for headers in (learner, {}):
            answer = allowing.put(path, json={}, headers=headers | {"Origin": ORIGIN})
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            exposed = set(answer.headers["access-control-expose-headers"].lower().split(", "))
            assert exposed >= {
                "content-disposition",
                "etag",
                "headway-kept",
                "headway-written-by",
                "retry-after",
                "x-request-id",
            }
            assert "origin" in answer.headers["vary"].lower()
            paths = allowing.get("/openapi.json").json()["paths"].values()
            answers = [one for path in paths for operation in path.values() for one in operation["responses"].values()]
            named = {name.lower() for one in answers for name in one.get("headers", {})}
            assert {name for name in named if name.startswith("headway-")} <= exposed

    def test_another_origin_is_not_allowed(self, allowing: httpx.Client) -> None:
        stranger = {"Origin": "https://learn.example.evil"}
        preflight = allowing.options(f"{PREFIX}/progress", headers=stranger | PREFLIGHT)
        answer = allowing.get(f"{PREFIX}/progress", headers=stranger | authorization(str(uuid4())))
        assert preflight.status_code == 400
        assert "access-control-allow-origin" not in preflight.headers
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.slow  # two services of its own
class TestLog:
    def test_neither_token_nor_note_nor_refused_body_is_logged(self, everything_logged: tuple[str, list[str]]) -> None:
        _, lines = everything_logged
        assert sum("PUT" in line for line in lines) > 10
        assert [line for line in lines if MARK in line or "eyJ" in line] == []

    def test_the_log_line_of_a_request_has_its_id(self, everything_logged: tuple[str, list[str]]) -> None:
        log_format, lines = everything_logged
        [line] = [line for line in lines if "traced" in line]
        assert f"{PREFIX}/progress/{{course_id}}/lessons/{{lesson_id}}" in line
        if log_format == "json":
            entry = json.loads(line)
            assert (entry["event"], entry["request_id"], entry["method"]) == ("request", "traced", "PUT")
            assert (entry["status"], entry["level"]) == (200, "info")
            assert 0 < entry["milliseconds"] < 20_000

    def test_every_line_of_a_json_log_is_json(self, everything_logged: tuple[str, list[str]]) -> None:
        log_format, lines = everything_logged
        structured = [line for line in lines if line.startswith("{")]
        assert bool(structured) == (log_format == "json")
        assert all("event" in json.loads(line) for line in structured)


@pytest.mark.slow
def test_a_service_without_its_database_answers_503_with_retry_after(
    folder: Path, connections: httpx.HTTPTransport
) -> None:
    headers = authorization(str(uuid4()), "courses:write")
    with forked_headway_serve(folder) as service:
        client = httpx.Client(base_url=service.base_url, headers=headers, transport=connections, timeout=PATIENCE)
        document, course_id = course(), uuid4()
        client.put(f"{PREFIX}/courses/{course_id}", json=document).raise_for_status()
        path = f"{PREFIX}/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
        written = client.put(path, json={"progress_percentage": 5})
        (folder / "headway.db").rename(folder / "away.db")
        refused = [client.put(path, json={}), client.get(path), client.get("/readyz"), client.delete(path)]
        (folder / "away.db").rename(folder / "headway.db")
        found, ready = client.get(path), client.get("/readyz")
    assert [answer.status_code for answer in refused] == [503] * 4
    assert all(int(answer.headers["retry-after"]) > 0 and answer.headers["x-request-id"] for answer in refused)
    assert all(
        (list(answer.json()), answer.json()["code"]) == (["detail", "code"], "store_unavailable") for answer in refused
    )
    assert (found.content, ready.status_code) == (written.content, 200)
