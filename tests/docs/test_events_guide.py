"""The receivers in docs/events.md run as they stand there: a real server delivers to them, and forgers are refused."""

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
import standardwebhooks

from headway.domain.events import EventType
from headway.domain.webhooks import new_secret
from headway.formats.events import EventDocument
from support.probes import free_port
from support.program import Program
from support.running import clean_environment, course, eventually, lesson

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = ROOT / "docs" / "events.md"
NODE: Final = shutil.which("node")
A_WHILE: Final = 60


def block(language: str, having: str) -> str:
    """Return the guide's one example in a language that has this text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), flags=re.DOTALL | re.MULTILINE)
    [found] = [block for block in blocks if having in block]
    return str(found)


def test_every_type_of_event_has_its_line() -> None:
    assert re.findall(r"^\| `([a-z.]+)` \|", GUIDE.read_text(), flags=re.MULTILINE) == list(EventType)


def test_the_example_is_an_event() -> None:
    example = block("json", '"specversion"')
    assert json.loads(EventDocument.model_validate_json(example).model_dump_json()) == json.loads(example)


class Example:
    """A receiver of the guide that runs in a folder, with a secret."""

    def __init__(self, folder: Path, secret: str, events: Callable[[Path], list[dict[str, Any]]]) -> None:
        self.folder = folder
        self.secret = secret
        self._events = events
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def completions(self) -> list[dict[str, Any]]:
        """Return the completions of courses that it has made something of: learner and course."""
        return self._events(self.folder)

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        return httpx.post(self.address, content=body, headers=headers, timeout=20, verify=False).status_code

    def signed(self, body: bytes, secret: str | None = None, at: datetime | None = None) -> dict[str, str]:
        """Return the headers of a request that is signed with a secret, its own where none is given."""
        name, at = json.loads(body)["id"], at or datetime.now(UTC)
        return {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": name,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": standardwebhooks.Webhook(secret or self.secret).sign(name, at, body.decode()),
        }


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running_example(example: Example, command: list[str]) -> Iterator[Example]:
    environment = clean_environment() | {"WEBHOOK_SECRET": example.secret, "PORT": str(example.port)}
    with (example.folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=example.folder, env=environment, stdout=log, stderr=log)
    try:
        eventually(lambda: answers(example.port) or process.poll() is not None, A_WHILE)
        assert process.poll() is None, (example.folder / "log").read_text()
        yield example
    finally:
        process.terminate()
        process.wait(20)


def of_python(folder: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "receiver.db")) as connection:
        rows = connection.execute("SELECT user_id, course_id FROM certificates").fetchall()
    return [{"user_id": user, "course_id": course} for user, course in rows]


def of_javascript(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "events.ndjson").read_text().splitlines() if (folder / "events.ndjson").exists() else []
    data = [event["data"] for event in map(json.loads, lines) if event["type"] == "course.completed"]
    return [{name: one[name] for name in ("user_id", "course_id")} for one in data]


def python_receiver(example: Example) -> list[str]:
    (example.folder / "receiver.py").write_text(block("python", "FastAPI"))
    return [sys.executable, "-m", "uvicorn", "receiver:app", "--port", str(example.port)]


def javascript_receiver(example: Example) -> list[str]:
    if NODE is None or not (ROOT / "node_modules" / "cloudevents").exists():
        assert os.environ.get("CI") != "true", "node or its packages are missing"
        pytest.skip("node or its packages are missing: make install")
    (example.folder / "receiver.mjs").write_text(block("js", "createServer"))
    (example.folder / "node_modules").symlink_to(ROOT / "node_modules")
    return [NODE, "receiver.mjs"]


RECEIVERS: Final = {"python": (of_python, python_receiver), "javascript": (of_javascript, javascript_receiver)}


@pytest.fixture(params=RECEIVERS)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def example(language: str, folder: Path) -> Iterator[Example]:
    """Yield each receiver of the guide, running."""
    completions, prepare = RECEIVERS[language]
    example = Example(folder, new_secret().text, completions)
    with running_example(example, prepare(example)):
        yield example


def test_the_receiver_takes_what_the_service_sends(folder: Path, language: str) -> None:
    program, learner, document = Program(folder, f"sqlite:///{folder}/headway.db"), str(uuid4()), course(lesson())
    completions, prepare = RECEIVERS[language]
    example = Example(folder, "", completions)
    asked = {"address": example.address, "types": ["course.completed", "learner.erased"]}
    with (
        program.serve(webhooks_allow="127.0.0.0/8") as running,
        running.client(None, "webhooks:write") as platform,
        running.client(learner) as client,
    ):
        course_id = running.put_course(document)
        webhook = f"/webhooks/{uuid4()}"
        example.secret = platform.put(webhook, json=asked).json()["secret"]
        with running_example(example, prepare(example)):
            assert platform.post(f"{webhook}/test").json() == {"outcome": "answered", "status": 204, "taken": True}
            path = f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
            client.put(path, json={"status": "completed"}).raise_for_status()
            eventually(lambda: example.completions() == [{"user_id": learner, "course_id": course_id}], A_WHILE)


def event() -> bytes:
    document = json.loads(block("json", '"specversion"')) | {"id": str(uuid4())}
    return json.dumps(document).encode()


def test_the_receiver_does_the_work_once(example: Example) -> None:
    body = event()
    assert [example.post(body, example.signed(body)) for _ in range(3)] == [204, 204, 204]
    assert len(example.completions()) == 1


def test_the_receiver_refuses_what_is_forged(example: Example) -> None:
    body = event()
    good = example.signed(body)
    an_hour = timedelta(hours=1)
    refused = [
        (body, example.signed(body, new_secret().text)),
        (body.replace(b'"run": 1', b'"run": 2'), good),
        (body, good | {"webhook-id": str(uuid4())}),
        (body, good | {"webhook-signature": "no signature"}),
        (body, good | {"webhook-signature": "v1,"}),
        (body, {name: value for name, value in good.items() if name != "webhook-signature"}),
        (body, example.signed(body, at=datetime.now(UTC) - an_hour)),
        (body, example.signed(body, at=datetime.now(UTC) + an_hour)),
        (b"\xff" + body, good),
        (b"", good),
    ]
    assert [example.post(*one) for one in refused] == [401] * len(refused)
    assert example.completions() == []
    assert example.post(body, good) == 204
    assert len(example.completions()) == 1


def test_the_receiver_takes_both_secrets_of_a_rotation(example: Example) -> None:
    body = event()
    good = example.signed(body)
    other = example.signed(body, new_secret().text)["webhook-signature"]
    assert example.post(body, good | {"webhook-signature": f"{other} {good['webhook-signature']}"}) == 204
    assert len(example.completions()) == 1
