"""Writes of the own progress that a device made while it was offline."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from headway.client.calls import PREFIX, Call, parts_of, to_json
from headway.client.shapes import SyncedWrite, SyncResults

_MOST_WRITES: Final = 500
_MOST_BYTES: Final = 1024 * 1024 - 1024
"""Less than the bound, for what stands around the writes."""


def parts_of_writes(writes: Iterable[SyncedWrite]) -> Iterator[list[bytes]]:
    """Divide writes into what one request takes."""
    return parts_of(map(to_json, writes), _MOST_WRITES, _MOST_BYTES)


def sync_call(part: list[bytes]) -> Call[SyncResults]:
    """Return the call that sends a part. Each attempt says when it was sent: the service corrects the times by it."""
    headers = {"Content-Type": "application/json"}
    return Call("POST", f"{PREFIX}/progress/sync", SyncResults, (), headers, lambda: _body(part))


def _body(part: list[bytes]) -> bytes:
    now = datetime.now(UTC).isoformat()
    return b'{"sent_at":%b,"writes":[%b]}' % (to_json(now), b",".join(part))
