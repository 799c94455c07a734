"""What the engine uses of uvicorn beyond its documentation is there, as it is used.

Where a test fails here, uvicorn has changed. Look at `http/engine/protocol.py` and `server/workers.py` before its upper
bound in `pyproject.toml` is raised.
"""

import asyncio
import inspect

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

PROTOCOL = (
    "access_log", "access_logger", "app", "app_state", "connection_lost", "connection_made", "connections", "cycle",
    "data_received", "expect_100_continue", "flow", "headers", "logger", "loop", "on_body", "on_header",
    "on_headers_complete", "on_message_begin", "on_message_complete", "on_response_complete", "on_url", "parser",
    "pause_writing", "pipeline", "root_path", "scope", "server_state", "shutdown", "_start_asgi_task",
    "timeout_keep_alive", "transport", "url",
)  # fmt: skip
CYCLE = (
    "body", "chunked_encoding", "default_headers", "disconnected", "expected_content_length", "flow", "keep_alive",
    "message_event", "more_body", "on_response", "response_complete", "response_started", "run_asgi", "send",
    "transport",
)  # fmt: skip
MADE_WITH = (
    "scope", "transport", "flow", "logger", "access_logger", "access_log", "default_headers", "message_event",
    "expect_100_continue", "keep_alive", "on_response",
)  # fmt: skip


async def no_app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Nobody asks for anything."""


class Transport(asyncio.Transport):
    """Where nothing is written to."""

    def get_extra_info(self, _name: str, default: object = None) -> object:
        return default

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""


async def connected() -> HttpToolsProtocol:
    protocol = HttpToolsProtocol(Config(no_app, lifespan="off", interface="asgi3"), ServerState(), {})
    protocol.connection_made(Transport())
    protocol.on_message_begin()
    return protocol


@pytest.mark.parametrize("name", PROTOCOL)
async def test_uvicorns_protocol_has_the_members_that_headway_uses(name: str) -> None:
    assert hasattr(await connected(), name), f"uvicorn's HttpToolsProtocol has no {name} any more."


@pytest.mark.parametrize("name", ["default_headers", "total_requests"])
async def test_uvicorns_server_state_has_the_members_that_headway_uses(name: str) -> None:
    assert hasattr((await connected()).server_state, name), f"uvicorn's ServerState has no {name} any more."


def test_uvicorns_cycle_takes_the_same_arguments() -> None:
    _self, *parameters = inspect.signature(RequestResponseCycle.__init__).parameters
    assert tuple(parameters) == MADE_WITH, "uvicorn makes a RequestResponseCycle of other parameters now."


@pytest.mark.parametrize("name", CYCLE)
async def test_uvicorns_cycle_has_the_members_that_headway_uses(name: str) -> None:
    flow = FlowControl(Transport())
    made: dict[str, object] = dict.fromkeys(MADE_WITH) | {"scope": {"headers": []}, "flow": flow}
    cycle = RequestResponseCycle(**made)  # type: ignore[arg-type]  # none of them is used
    assert hasattr(cycle, name), f"uvicorn's RequestResponseCycle has no {name} any more."


@pytest.mark.parametrize("name", ["pause_reading", "read_paused", "resume_reading", "write_paused"])
def test_uvicorns_flow_control_has_the_members_that_headway_uses(name: str) -> None:
    assert hasattr(FlowControl(Transport()), name), f"uvicorn's FlowControl has no {name} any more."


def test_uvicorns_status_line_is_complete() -> None:
    assert STATUS_LINE[200] == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("name", ["init_processes", "join_all", "keep_subprocess_alive", "run", "terminate_all"])
def test_uvicorns_supervisor_has_the_members_that_headway_uses(name: str) -> None:
    assert hasattr(Multiprocess, name), f"uvicorn's Multiprocess has no {name} any more."


@pytest.mark.parametrize("name", ["exitcode", "is_ready", "pid", "start"])
def test_uvicorns_worker_has_the_members_that_headway_uses(name: str) -> None:
    assert hasattr(Process, name), f"uvicorn's worker Process has no {name} any more."
