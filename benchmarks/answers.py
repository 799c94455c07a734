"""Headway's own answers, one for each endpoint: recorded by filling.py, served by ceiling.py."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

ENDPOINTS: Final = ("put", "list", "summary")


class Answer(NamedTuple):
    """A recorded answer, without what the server would add to it again."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    server_header: bool


def answers_file(folder: Path) -> Path:
    """Where the answers are in the run's folder."""
    return folder / "answers.json"


def write(folder: Path, answers: Mapping[str, Answer]) -> None:
    """Write the answers as JSON, bodies in base64."""
    plain = {
        endpoint: {**answer._asdict(), "body": base64.b64encode(answer.body).decode()}
        for endpoint, answer in answers.items()
    }
    answers_file(folder).write_text(json.dumps(plain))


def read(path: Path) -> dict[str, Answer]:
    """The answers that `write` wrote."""
    return {
        endpoint: Answer(
            status=plain["status"],
            headers=tuple((name, value) for name, value in plain["headers"]),
            body=base64.b64decode(plain["body"]),
            server_header=plain["server_header"],
        )
        for endpoint, plain in json.loads(path.read_text()).items()
    }
