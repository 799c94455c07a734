"""Who learns what: the learners, their tokens, the course, and the heartbeats they send. The same in every run."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import jwt

SECRET: Final = "a secret for the benchmark's tokens, which protect nothing"
TOKENS_FILE: Final = "tokens.txt"
LESSONS_FILE: Final = "lessons.txt"
COURSES_FILE: Final = "courses.txt"

PROGRESS_PATH: Final = "/api/v1/education/progress/"

LARGE_GROUP: Final = "A large group"
LARGE_GROUP_MEMBERS: Final = 1_000
_GIVEN_NAMES: Final = (
    "Ada",
    "Zoë",
    "Ángel",
    "Björn",
    "Chloé",
    "Dmitri",
    "Émile",
    "Fatima",
    "Grace",
    "Håkon",
    "İpek",
    "Jürgen",
    "Łucja",
    "Mei",
    "Noor",
    "Ørjan",
)
_FAMILY_NAMES: Final = (
    "Ábaco",
    "Abanico",
    "Brown",
    "Çelik",
    "Dvořák",
    "Eriksen",
    "Fernández",
    "García",
    "Hopper",
    "Ivanov",
    "Jansen",
    "Ōno",
    "Zhang",
)

_HEARTBEAT_SECONDS: Final = 15
_LESSON_SECONDS: Final = 1800
_DAY: Final = 86_400


@dataclass(frozen=True)
class Population:
    """The learners, each in one of the courses, and the lessons, which every course has."""

    courses: tuple[str, ...]
    lessons: tuple[str, ...]
    learners: tuple[str, ...]
    tokens: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows there are once every learner has begun every lesson."""
        return len(self.learners) * len(self.lessons)

    def course_path(self, learner: int) -> str:
        """The path of the progress in the course of the learner at a place in `learners`."""
        return PROGRESS_PATH + self.courses[learner % len(self.courses)]

    def write_files(self, folder: Path) -> None:
        """Write what wrk's scripts read."""
        for name, values in ((TOKENS_FILE, self.tokens), (LESSONS_FILE, self.lessons), (COURSES_FILE, self.courses)):
            (folder / name).write_text("\n".join(values) + "\n")


def make_population(learners: Sequence[int], lessons: int, courses: int = 1) -> Population:
    """The learners of these numbers, with the same ids in every run, and tokens that are good for a day."""
    learner_ids = tuple(numbered_id("learner", number) for number in learners)
    expires = int(time.time()) + _DAY
    return Population(
        courses=tuple(numbered_id("course", number) for number in range(1, courses + 1)),
        lessons=tuple(numbered_id("lesson", number) for number in range(1, lessons + 1)),
        learners=learner_ids,
        tokens=tuple(jwt.encode({"sub": learner, "exp": expires}, SECRET, "HS256") for learner in learner_ids),
    )


def write_people(file: Path, population: Population, groups: int) -> None:
    """Write the learners as a file of people: all are in the first course, in another one, and in one of the groups.

    The first thousand are in a large group as well.
    """
    others = population.courses[1:]
    with file.open("w", encoding="utf-8") as lines:
        lines.write("user_id,name,email,external_id,groups,courses\n")
        for number, learner in enumerate(population.learners):
            given = _GIVEN_NAMES[number % len(_GIVEN_NAMES)]
            family = _FAMILY_NAMES[number // len(_GIVEN_NAMES) % len(_FAMILY_NAMES)]
            enrolled = f"{population.courses[0]}|{others[number % len(others)]}"
            member = f"Class {number % groups}" + (f"|{LARGE_GROUP}" if number < LARGE_GROUP_MEMBERS else "")
            lines.write(
                f"{learner},{given} {family}-{number},p{number}@school.example,S-{number},{member},{enrolled}\n"
            )


def course_author(population: Population) -> str:
    """A token that may put courses into the catalogue."""
    return _token(population, "courses:write")


def statistics_reader(population: Population) -> str:
    """A token that may read courses' figures."""
    return _token(population, "statistics:read")


def groups_writer(population: Population) -> str:
    """A token that may put groups."""
    return _token(population, "groups:write")


def learners_admin(population: Population) -> str:
    """A token that may write for other learners."""
    return _token(population, "learners:admin")


def _token(population: Population, scope: str) -> str:
    claims = {"sub": population.learners[0], "exp": int(time.time()) + _DAY, "scope": scope}
    return jwt.encode(claims, SECRET, "HS256")


def numbered_id(kind: str, number: int) -> str:
    """A UUID out of a number: SQL can tell it, too, as `md5('learner ' || 7)::uuid`."""
    return str(UUID(md5(f"{kind} {number}".encode(), usedforsecurity=False).hexdigest()))


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
        "video_position_seconds": round(seconds, 6),
        "time_spent_minutes": round(seconds / 60, 2),
    }
