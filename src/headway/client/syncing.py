"""Writes of the own progress that a device made while it was offline."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NotRequired, TypedDict

from headway.client.calls import PREFIX, Call, parts_of, to_json
from headway.client.shapes import LessonProgress, LessonProgressUpdate

_MOST_WRITES: Final = 500
_MOST_BYTES: Final = 1024 * 1024 - 1024
"""Less than the bound, for what stands around the writes."""


class SyncWrite(TypedDict):
    """A write of the learner's own lesson progress. `key` is its name, which is unique among the writes."""

    key: str
    course_id: str
    lesson_id: str
    progress: LessonProgressUpdate
    made_at: NotRequired[str]
    """When the learner did it, by this machine's clock; by default now."""
    run: NotRequired[int]
    """The run of the course that it is for."""


class SyncResult(TypedDict):
    """What came of a write. One that is refused stays refused: give it up."""

    key: str
    status: int
    lesson_progress: LessonProgress | None
    etag: str | None
    kept: list[str]
    """The sent fields whose stored value won."""
    error: Mapping[str, Any] | None
    """`detail` and `code` as of any error; null where the write was stored."""


class SyncAnswer(TypedDict):
    """The results, in the order of the writes."""

    results: list[SyncResult]


def parts_of_writes(writes: Sequence[SyncWrite]) -> Iterator[list[bytes]]:
    """Divide writes into what one request takes."""
    return parts_of(map(to_json, writes), _MOST_WRITES, _MOST_BYTES)


def sync_call(part: list[bytes]) -> Call[SyncAnswer]:
    """Return the call that sends a part. Each attempt says when it was sent: the service corrects the times by it."""
    headers = {"Content-Type": "application/json"}
    return Call("POST", f"{PREFIX}/progress/sync", SyncAnswer, (), headers, lambda: _body(part))


def _body(part: list[bytes]) -> bytes:
    now = datetime.now(UTC).isoformat()
    return b'{"sent_at":%b,"writes":[%b]}' % (to_json(now), b",".join(part))
