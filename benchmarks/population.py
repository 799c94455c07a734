"""Who learns what: the learners, their tokens, the course, and the heartbeats they send. The same in every run."""

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import jwt

SECRET: Final = "a secret for the benchmark's tokens, which protect nothing"
TOKENS_FILE: Final = "tokens.txt"
LESSONS_FILE: Final = "lessons.txt"

_HEARTBEAT_SECONDS: Final = 15
_LESSON_SECONDS: Final = 1800
_DAY: Final = 86_400


@dataclass(frozen=True)
class Population:
    """The learners and the one course that all of them take."""

    course_id: str
    lessons: tuple[str, ...]
    learners: tuple[str, ...]
    tokens: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows there are once every learner has begun every lesson."""
        return len(self.learners) * len(self.lessons)

    @property
    def course_path(self) -> str:
        """The path of a learner's progress in the course."""
        return f"/api/v1/education/progress/{self.course_id}"

    def write_files(self, folder: Path) -> None:
        """Write what wrk's scripts read."""
        (folder / TOKENS_FILE).write_text("\n".join(self.tokens) + "\n")
        (folder / LESSONS_FILE).write_text("\n".join(self.lessons) + "\n")


def make_population(learners: int, lessons: int) -> Population:
    """People and a course with the same ids in every run, and tokens that are good for a day."""
    chance = random.Random(1)
    learner_ids = tuple(_uuid(chance) for _ in range(learners))
    expires = int(time.time()) + _DAY
    return Population(
        course_id=_uuid(chance),
        lessons=tuple(_uuid(chance) for _ in range(lessons)),
        learners=learner_ids,
        tokens=tuple(jwt.encode({"sub": learner, "exp": expires}, SECRET, "HS256") for learner in learner_ids),
    )


def course_author(population: Population) -> str:
    """A token that may put the course into the catalogue."""
    claims = {"sub": population.learners[0], "exp": int(time.time()) + _DAY, "scope": "courses:write"}
    return jwt.encode(claims, SECRET, "HS256")


def _uuid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


def heartbeat(beat: int, rows: int) -> bytes:
    """The body of heartbeat number `beat` of all: heartbeat.lua has the same lines.

    Over the whole population a lesson's player moves on by fifteen seconds with each of its heartbeats, so that
    every one changes its row.
    """
    return json.dumps(heartbeat_values(beat, rows), separators=(",", ":")).encode()


def heartbeat_values(beat: int, rows: int) -> dict[str, Any]:
    """The fields of heartbeat number `beat`."""
    seconds = _HEARTBEAT_SECONDS * beat / rows
    return {
        "status": "in_progress",
        "progress_percentage": round(min(99.0, 100 * seconds / _LESSON_SECONDS), 2),
        "video_position_seconds": round(seconds, 3),
        "time_spent_minutes": round(seconds / 60, 2),
    }
