import json
import os
import socket
import threading
import time
from pathlib import Path
from uuid import uuid4

import jwt
import pytest

from support.load import Written
from support.probes import address, free_port, get, refuses_connections
from support.program import ForkedProgram, drain, forked_headway_serve, open_memory_file
from support.running import SECRET, Running, eventually, service_environment

NOTE = "what a learner noted for herself"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: headway\r\n\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: headway\r\nConnection: close\r\n\r\n"


def test_the_printed_ipv6_address_can_be_used(folder: Path) -> None:
    with forked_headway_serve(folder, "--host", "::1") as running:
        assert running.base_url.startswith("http://[::1]:")
        assert get(running, "/healthz").status_code == 200


def test_the_address_is_printed_at_any_log_level(folder: Path) -> None:
    port = free_port()
    printed = open_memory_file("printed")
    environment = service_environment(folder, log_level="error")
    program = ForkedProgram(("serve", "--port", str(port)), folder, environment, out=printed, err=printed)
    try:
        running = Running(program, f"http://127.0.0.1:{port}")
        eventually(lambda: not refuses_connections(running))
        assert get(running, "/healthz").status_code == 200
    finally:
        program.kill()
        said = drain(printed)
    assert f"answers at http://127.0.0.1:{port} " in said


def test_json_logs_are_one_object_a_line(folder: Path, all_progress: list[Written]) -> None:
    with forked_headway_serve(folder, log_format="json", log_requests="all") as running:
        requests(running, all_progress[0])
        running.stop()
    events = [json.loads(line) for line in running.log]
    assert all({"event", "level", "timestamp"} <= set(event) for event in events)
    logged = {(event["route"], event["status"]) for event in events if event["event"] == "request"}
    assert {("/api/v1/education/progress/{course_id}", status) for status in (200, 401)} <= logged
    assert "request-of-the-test" in {event.get("request_id") for event in events}


def test_no_name_and_no_email_is_logged(folder: Path) -> None:
    profile = {"name": "Secretname", "email": "secret@example.org", "external_id": "secret-4711"}
    reported = {"sub": str(uuid4()), "exp": time.time() + 3600, "name": profile["name"], "email": profile["email"]}
    claims = {"Authorization": f"Bearer {jwt.encode(reported, SECRET, 'HS256')}"}
    with (
        forked_headway_serve(folder, profiles="claims", log_requests="all", log_level="debug") as running,
        running.client(None, "learners:admin") as admin,
    ):
        admin.get("/progress", headers=claims).raise_for_status()
        eventually(lambda: admin.get(f"/learners/{reported['sub']}/profile").status_code == 200)
        path = f"/learners/{uuid4()}/profile"
        answers = [
            admin.put(path, json=profile),
            admin.put(path, json=profile | {"time_zone": profile["name"]}),
            admin.put(path, json=profile, headers={"If-None-Match": "*"}),
            admin.get("/learners", params={"query": profile["name"]}),
            admin.get("/learners", params={"query": profile["email"], "course": profile["name"]}),
            admin.delete(path.removesuffix("/profile")),
        ]
        assert [answer.status_code for answer in answers] == [200, 422, 412, 200, 422, 204]
        running.stop()
    log = "".join(running.log)
    assert log.count("/profile") >= 4
    assert "learner_erased" in log
    assert "secret" not in log.lower()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_token_and_no_note_is_logged(folder: Path, all_progress: list[Written], log_format: str) -> None:
    with forked_headway_serve(folder, "--log-format", log_format, log_requests="all", log_level="debug") as running:
        sent_token = requests(running, all_progress[0])
        running.stop()
    log = "".join(running.log)
    assert "PUT" in log
    for secret in (NOTE, "not.a.token", *sent_token.split(".")):
        assert secret not in log


@pytest.mark.parametrize(("logged", "statuses"), [("all", {200, 401, 422}), ("refused", {401, 422}), ("none", set())])
def test_a_setting_decides_which_requests_are_logged(
    folder: Path, all_progress: list[Written], logged: str, statuses: set[int]
) -> None:
    with forked_headway_serve(folder, "--log-format", "json", log_requests=logged) as running:
        requests(running, all_progress[0])
        running.stop()
    events = [json.loads(line) for line in running.log]
    assert {event["status"] for event in events if event["event"] == "request"} == statuses


def requests(running: Running, progress: Written) -> str:
    """Send requests with values that must not be logged; some are refused. Return their token."""
    path = f"/progress/{progress.course_id}"
    with running.client(progress.learner) as client:
        assert client.put(progress.path, json={"user_notes": NOTE}).status_code == 200
        assert client.put(progress.path, json={"user_notes": [NOTE]}).status_code == 422
        assert client.get(path, headers={"X-Request-ID": "request-of-the-test"}).status_code == 200
        assert client.get(path, headers={"Authorization": "Bearer not.a.token"}).status_code == 401
        return client.headers["Authorization"].removeprefix("Bearer ")


def test_log_lines_over_the_limit_are_counted_and_not_written(folder: Path) -> None:
    refused, last = (request.replace(b"/healthz", b"/api/v1/education/progress") for request in (HEALTH, LAST))
    refusals = 1_500

    def reported() -> tuple[int, int]:
        events = [json.loads(line) for line in list(running.log)]
        counts = [event["lines"] for event in events if event["event"] == "lines_not_written"]
        assert {event["of"] for event in events if event["event"] == "lines_not_written"} <= {"request"}
        return sum(event["event"] == "request" for event in events), sum(counts)

    with forked_headway_serve(folder, "--log-format", "json", log_requests="refused") as running:
        with socket.create_connection(address(running)) as connection, connection.makefile("rb") as answers:
            connection.sendall(refused * (refusals - 1) + last)
            assert answers.read().count(b"HTTP/1.1 401") == refusals
        eventually(lambda: sum(reported()) == refusals)
        written, counted = reported()
    assert written > 0
    assert counted > 0


def test_requested_log_lines_are_all_written(folder: Path) -> None:
    with forked_headway_serve(folder, "--log-format", "json", log_requests="all") as running:
        with socket.create_connection(address(running)) as connection, connection.makefile("rb") as answers:
            for sent in range(100, 501, 100):  # not more lines at a time than a pipe holds
                connection.sendall(HEALTH * 100)
                eventually(lambda sent=sent: len(running.log) > sent)  # type: ignore[misc]
            connection.sendall(LAST)
            assert answers.read().count(b"HTTP/1.1 200") == 501
        running.stop()
    assert sum(json.loads(line)["event"] == "request" for line in running.log) == 501


def test_a_log_pipe_without_a_reader_does_not_stop_the_service(folder: Path) -> None:
    port = free_port()
    reading, writing = os.pipe()
    environment = service_environment(folder, log_format="json", log_requests="all")
    program = ForkedProgram(("serve", "--port", str(port)), folder, environment, out=writing, err=writing)
    os.close(writing)
    try:
        running = Running(program, f"http://127.0.0.1:{port}")
        eventually(lambda: not refuses_connections(running))
        for _ in range(3):  # more lines than a pipe holds
            with socket.create_connection(address(running)) as connection, connection.makefile("rb") as answers:
                connection.sendall(HEALTH * 1_000 + LAST)
                assert answers.read().count(b"HTTP/1.1 200") == 1_001
        with os.fdopen(reading, encoding="utf-8") as log:
            lines: list[str] = []
            threading.Thread(target=lines.extend, args=(log,), daemon=True).start()
            eventually(lambda: get(running, "/healthz").is_success and "lines_not_written" in "".join(lines))
            program.terminate()
            program.wait(20)
            eventually(lambda: "Finished server process" in "".join(lines))
        assert all(json.loads(line) for line in lines)
    finally:
        program.kill()
