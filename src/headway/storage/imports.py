"""Converts lines of an import to JSON, as they are stored until they are written, and back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from headway.domain.dating import NO_TIMES, Times
from headway.domain.progress import Status
from headway.domain.writes import UNCONDITIONAL, LessonWrite


def from_writes(writes: Sequence[LessonWrite]) -> str:
    """Return writes as JSON. They must have no precondition and restore nothing from an export."""
    return orjson.dumps([_from_write(write) for write in writes]).decode()


def to_writes(text: str) -> list[LessonWrite]:
    """Return the writes from their JSON."""
    return [_to_write(*fields) for fields in orjson.loads(text)]


def _from_write(write: LessonWrite) -> list[Any]:
    times = None if write.times == NO_TIMES else list(write.times)
    return [*write[:3], write.update, write.written_by, times]


def _to_write(learner: Any, course: Any, lesson: Any, update: Any, written_by: Any, times: Any, /) -> LessonWrite:
    if update and update.get("status"):
        update["status"] = Status(update["status"])
    moments = Times._make(time and datetime.fromisoformat(time) for time in times) if times else NO_TIMES
    return LessonWrite(learner, course, lesson, update, UNCONDITIONAL, written_by, moments)
