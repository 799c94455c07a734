"""Signs what is sent, as Standard Webhooks says (https://www.standardwebhooks.com)."""

from collections.abc import Iterable
from datetime import datetime

import standardwebhooks

from headway.domain.events import EventId


def signed_headers(secrets: Iterable[str], event_id: EventId, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers by which a receiver knows the event and its sender.

    There is one signature for each secret, so that a receiver may know any of them. `now` is a time in UTC.
    """
    text = body.decode()
    signatures = (standardwebhooks.Webhook(secret).sign(event_id, now, text) for secret in secrets)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
