"""Writes that were made on a device: its operation, and how the results are rendered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson
from pydantic import ValidationError

from headway.domain.errors import HeadwayError
from headway.domain.writes import Written
from headway.formats.progress import lesson_progress
from headway.formats.sync import Sync, SyncResults, parse_sync
from headway.http.api.progress import MORE_PROGRESS_TAG, progress_headers
from headway.http.engine.endpoint import Operation
from headway.http.engine.errors import to_reply
from headway.http.engine.replies import Reply, json_reply
from headway.http.engine.requests import Call, RequestHeaders
from headway.service import DeviceWrite

TAGS: Final = ()  # it is among those of `progress`
SYNC_BODY_BYTES: Final = 1024 * 1024
"""The largest body: 500 writes with more than the usual of notes and metadata."""


async def sync_progress(call: Call) -> Reply:
    """Write the caller's progress in many lessons, each write as of the time at which it was made."""
    asked = parse_sync(call.body)
    writes = [one for one in asked.writes if isinstance(one, DeviceWrite)]
    sent_at = asked.sent_at or _date_of(call.headers)
    synced = iter(await call.services.progress.sync(call.principal, writes, sent_at))
    outcomes = [next(synced) if isinstance(one, DeviceWrite) else one for one in asked.writes]
    return json_reply({"results": list(map(_result, asked.keys, outcomes))})


def _date_of(headers: RequestHeaders) -> datetime | None:
    """Return the time in the header `Date`, by the client's clock; `None` where it has none that can be read."""
    try:
        found = parsedate_to_datetime(headers.get(b"date", b"").decode("latin-1"))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _result(key: str, outcome: Written | HeadwayError | ValidationError) -> Mapping[str, Any]:
    if not isinstance(outcome, Written):
        refused = to_reply(outcome)
        return {"key": key, "status": refused.status, **_NOTHING, "error": orjson.loads(refused.body)}
    if outcome.after is None:  # it was removed after the write was made
        return {"key": key, "status": 200, **_NOTHING, "kept": outcome.kept}
    [(_, etag), *_] = progress_headers(outcome.after, outcome.lesson)
    stored = {"lesson_progress": lesson_progress(outcome.after, outcome.lesson), "etag": etag.decode()}
    return {"key": key, "status": 200, **stored, "kept": outcome.kept, "error": None}


_NOTHING: Final[Mapping[str, Any]] = {"lesson_progress": None, "etag": None, "kept": (), "error": None}

OPERATIONS: Final = (
    Operation(
        "POST", "/progress/sync", "Sync Progress",
        "Write the caller's progress in many lessons at once, as it was made on a device, with a result for each "
        "write. All are merge writes. The same writes in any order, and repeated, end in the same progress.",
        sync_progress, MORE_PROGRESS_TAG, answer=SyncResults, body=Sync, body_limit=SYNC_BODY_BYTES, refusals=(413,),
    ),
)  # fmt: skip
