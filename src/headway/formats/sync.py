"""Formats of writes that were made on a device: many in one request, and a result for each."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, Required, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

from headway.domain.identifiers import CourseId, LessonId
from headway.domain.progress import ProgressUpdate
from headway.formats.fields import Moment, Run
from headway.formats.progress import UPDATE, LessonProgress, LessonProgressUpdate
from headway.service import DeviceWrite

MOST_WRITES: Final = 500
"""In one request."""
LONGEST_KEY: Final = 64


class SyncedWrite(TypedDict, total=False):
    """One write that was made on a device."""

    __pydantic_config__ = ConfigDict(strict=True, title="SyncedWrite")  # type: ignore[misc]

    key: Required[
        Annotated[str, Field(min_length=1, max_length=LONGEST_KEY, description="The client's name of the write.")]
    ]
    course_id: Required[UUID]
    lesson_id: Required[UUID]
    made_at: Annotated[Moment | None, Field(description="When it was made, by the device's clock; null: now.")]
    run: Annotated[Run | None, Field(description="The run of the course that it is for; null: the present one.")]
    progress: Required[Annotated[LessonProgressUpdate, Field(description="As the body of a `PUT`.")]]


class Sync(TypedDict, total=False):
    """Writes that were made on a device, and the time by its clock."""

    __pydantic_config__ = ConfigDict(strict=True, title="Sync")  # type: ignore[misc]

    sent_at: Annotated[
        Moment | None, Field(description="When this request is sent, by the device's clock; null: its header `Date`.")
    ]
    writes: Required[Annotated[list[SyncedWrite], Field(min_length=1, max_length=MOST_WRITES)]]


class SyncResult(BaseModel):
    """What became of one write."""

    key: str
    status: Annotated[Literal[200, 403, 404, 409, 422], Field(description="As the `PUT` would have answered.")]
    lesson_progress: Annotated[
        LessonProgress | None,
        Field(description="As it is now; null where the write was refused, and where the progress was removed since."),
    ]
    etag: str | None
    kept: Annotated[list[str], Field(description="The fields that were not stored as sent.")]
    error: Annotated[dict[str, Any] | None, Field(description="Where it was refused: the body of the `PUT`'s answer.")]


class SyncResults(BaseModel):
    """The results, in the order of the writes."""

    results: list[SyncResult]


class ParsedSync(NamedTuple):
    """A request: the writes' keys, and of each the write, or the faults of its progress."""

    keys: list[str]
    writes: list[DeviceWrite | ValidationError]
    sent_at: datetime | None


_SYNC: Final[TypeAdapter[Sync]] = TypeAdapter(Sync)
_PROGRESS_AT: Final = 2  # in ("writes", position, "progress", …)


def parse_sync(body: bytes) -> ParsedSync:
    """Parse a request. Faults in the progress of one write are that write's alone.

    Raises pydantic's `ValidationError` for any other fault.
    """
    faulty: dict[int, ValidationError] = {}
    try:
        asked = _SYNC.validate_json(body)
    except ValidationError as error:
        asked, faulty = _without_faulty(body, error)
    keys = [one["key"] for one in asked["writes"]]
    writes = [faulty.get(position) or _to_write(one) for position, one in enumerate(asked["writes"])]
    return ParsedSync(keys, writes, asked.get("sent_at"))


def _without_faulty(body: bytes, error: ValidationError) -> tuple[Sync, dict[int, ValidationError]]:
    """Return the request without the progress of faulty writes, and their faults by position."""
    at = [fault["loc"] for fault in error.errors(include_url=False, include_context=False, include_input=False)]
    if not all(loc[_PROGRESS_AT : _PROGRESS_AT + 1] == ("progress",) for loc in at):
        raise error
    document = from_json(body)
    faulty: dict[int, ValidationError] = {}
    for position in {cast("int", loc[1]) for loc in at}:
        fault = _fault_of(document["writes"][position].pop("progress", None))
        if fault is None:
            raise error
        faulty[position] = fault
        document["writes"][position]["progress"] = {}
    return _SYNC.validate_json(to_json(document)), faulty


def _fault_of(progress: object) -> ValidationError | None:
    try:
        UPDATE.validate_json(to_json(progress))
    except ValidationError as error:
        return error
    return None


def _to_write(one: SyncedWrite) -> DeviceWrite:
    return DeviceWrite(
        CourseId(str(one["course_id"])),
        LessonId(str(one["lesson_id"])),
        cast("ProgressUpdate", one["progress"]),
        one.get("made_at"),
        one.get("run"),
    )
