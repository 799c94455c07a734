"""Answers about one lesson progress, and lines of an import."""

from dataclasses import dataclass
from typing import NotRequired

from headway.client.calls import Answer
from headway.client.shapes import DatedProgressUpdate, LessonProgress


class ProgressLine(DatedProgressUpdate):
    """A merge write of one learner's lesson progress, among many."""

    user_id: str
    course_id: str
    lesson_id: str
    run: NotRequired[int]
    """The run of the course that it is for."""


@dataclass(frozen=True, slots=True)
class LessonAnswer:
    """One lesson progress with what its answer says beside it.

    `etag` is for a conditional write. `kept` names the sent fields whose stored value won, and `ignored` those that no
    write has. `written_by` is who wrote it last for the learner, and `completed_by` who completed it against its
    conditions; `None`: nobody.
    """

    progress: LessonProgress
    etag: str
    kept: tuple[str, ...]
    ignored: tuple[str, ...]
    written_by: str | None
    completed_by: str | None


def lesson_answer(answer: Answer) -> LessonAnswer:
    """Return the lesson progress in an answer."""
    headers = answer.headers
    return LessonAnswer(
        answer.value(),
        headers.get("etag", ""),
        _names(headers.get("headway-kept", "")),
        _names(headers.get("headway-ignored", "")),
        headers.get("headway-written-by"),
        headers.get("headway-completed-by"),
    )


def _names(header: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in header.split(",") if name.strip())
