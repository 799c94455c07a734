"""What the engine uses of uvicorn beyond its documentation is there, as it is used.

Where a test fails here, uvicorn has changed. Look at `http/engine/protocol.py` and `server/workers.py` before its upper
bound in `pyproject.toml` is raised.
"""

import ast
import asyncio
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from headway.http.engine import protocol
from headway.http.engine.direct import DirectAnswer
from headway.http.engine.protocol import BoundedHeadProtocol
from support.connection import ADDRESSES

PROTOCOL = (
    "access_log", "access_logger", "app", "app_state", "asgi_version", "client", "connection_lost", "connection_made",
    "connections", "cycle", "data_received", "expect_100_continue", "flow", "headers", "logger", "loop", "on_body",
    "on_header", "on_headers_complete", "on_message_begin", "on_message_complete", "on_response_complete", "on_url",
    "parser", "pause_writing", "pipeline", "root_path", "scheme", "server", "server_state", "shutdown",
    "_start_asgi_task", "tasks", "timeout_keep_alive", "transport", "url",
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

    def write(self, _data: object) -> None:
        """Nobody reads it."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """The test ends the connection."""

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


def test_all_that_headway_uses_of_uvicorns_protocol_is_listed() -> None:
    """What the class uses of itself and does not define is uvicorn's. So are the methods that it replaces."""
    [kind] = [
        node
        for node in ast.parse(Path(protocol.__file__).read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == BoundedHeadProtocol.__name__
    ]
    used, set_here = set[str](), set[str]()
    for node in ast.walk(kind):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            (used if isinstance(node.ctx, ast.Load) else set_here).add(node.attr)
    own = {name for name in set_here if name.startswith("_")}
    replaced = {name for name in vars(BoundedHeadProtocol) if hasattr(HttpToolsProtocol, name) and name[:2] != "__"}
    methods = set(vars(BoundedHeadProtocol)) - replaced
    assert (used | set_here | replaced) - own - methods == set(PROTOCOL)


@pytest.mark.parametrize("method", [HttpToolsProtocol.connection_lost, HttpToolsProtocol.shutdown])
def test_a_direct_answer_has_what_uvicorns_protocol_uses_of_its_cycle(method: Callable[..., None]) -> None:
    used = set(re.findall(r"self\.cycle\.(\w+)", inspect.getsource(method)))
    assert used
    assert {name for name in used if not hasattr(DirectAnswer, name)} == set()


class Scopes:
    """Remembers each request's scope, and answers nothing."""

    def __init__(self) -> None:
        self.seen: list[Scope] = []

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.seen.append(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


async def scope_of(make: Callable[..., HttpToolsProtocol], raw: bytes, root_path: str) -> Scope:
    app = Scopes()
    config = Config(app, lifespan="off", interface="asgi3", ws="none", proxy_headers=False, root_path=root_path)
    made = make(config, ServerState(), {"a": "state", "b": ["that", "is", "shared"]})
    made.connection_made(Transport(ADDRESSES))
    made.data_received(raw)
    await asyncio.gather(*made.tasks)
    made.connection_lost(None)
    [scope] = app.seen
    return scope


@pytest.mark.parametrize("root_path", ["", "/below"])
@pytest.mark.parametrize(
    "raw",
    [
        b"GET /a/path HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /?a=b&c HTTP/1.1\r\nHOST: x\r\nX-One: 1\r\nx-one:  \xe9 \r\nConnection: close\r\n\r\n",
        b"PUT /caf%C3%A9/%2F%FF?%FF#part HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
        b"OPTIONS /a? HTTP/1.0\r\n\r\n",
        b"POST http://elsewhere/a%20b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_headways_scope_is_uvicorns(raw: bytes, root_path: str) -> None:
    of_uvicorn = await scope_of(HttpToolsProtocol, raw, root_path)
    of_headway = await scope_of(BoundedHeadProtocol, raw, root_path)
    assert of_headway == of_uvicorn
    assert {name: type(value) for name, value in of_headway.items()} == {
        name: type(value) for name, value in of_uvicorn.items()
    }


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
