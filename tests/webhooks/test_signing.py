"""Receivers verify what is sent with the library of Standard Webhooks for Node.js."""

import asyncio
import json
import logging
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headway.domain.events import EventFilter, EventId
from headway.domain.identifiers import ConsumerId, WebhookId
from headway.domain.webhooks import ROTATION_TIME, Webhook, new_secret, rotated, valid_secrets
from headway.webhooks.sender import Sender
from headway.webhooks.signing import signed_headers
from support.receivers import Received, closing, raw_receiver, receiver, status

ROOT = Path(__file__).parents[2]
EVENT = EventId("3f0d5a44-6a4b-4a33-a8ad-0e3a8a2f9a51")
BODY = '{"type":"lesson.completed","data":{"title":"Größe & <Größe> 😀"}}'.encode()

VERIFY = """
const { Webhook } = require("standardwebhooks");
const { body, headers, secrets } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
function verified(secret) {
  try {
    return new Webhook(secret).verify(body, headers).type;
  } catch (error) {
    return error.message;
  }
}
console.log(JSON.stringify(secrets.map(verified)));
"""
VERIFIED, NOT_VERIFIED = "lesson.completed", "No matching signature found"


async def verify(request: Received, *secrets: str, body: bytes | None = None) -> list[str]:
    """Return what a receiver with each of the secrets finds: the type of the event, or why it is not verified."""
    given = {"body": (body or request.body).decode(), "headers": request.headers, "secrets": secrets}
    node = await asyncio.create_subprocess_exec(
        "node", "-e", VERIFY, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await node.communicate(json.dumps(given).encode())
    found: list[str] = json.loads(printed)
    return found


async def sent(sender: Sender, webhook: Webhook, now: datetime) -> Received:
    """Send an event with the webhook's secrets that are valid at `now`. Return what a receiver gets."""
    async with receiver(status(204)) as found:
        headers = signed_headers(valid_secrets(webhook, now), EVENT, datetime.now(UTC), BODY)
        assert (await sender.send(found.url, headers, BODY)).is_success
        await sender.aclose()
    return found.requests[0]


def webhook_with(secret: str) -> Webhook:
    given = new_secret()._replace(text=secret)
    return Webhook(WebhookId(ConsumerId("w")), "https://lms.example/hooks", EventFilter(), (given,), datetime.now(UTC))


async def test_a_receiver_verifies_what_was_sent(sender: Sender) -> None:
    secret, another = new_secret().text, new_secret().text
    request = await sent(sender, webhook_with(secret), datetime.now(UTC))
    assert request.headers["webhook-id"] == EVENT
    assert await verify(request, secret, another) == [VERIFIED, NOT_VERIFIED]
    assert await verify(request, secret, body=BODY + b" ") == [NOT_VERIFIED]


async def test_either_secret_verifies_for_a_day_after_a_rotation(sender: Sender) -> None:
    now = datetime.now(UTC)
    old, new = new_secret().text, new_secret()
    webhook = rotated(webhook_with(old), new, now)
    within = await sent(sender, webhook, now + ROTATION_TIME - timedelta(seconds=1))
    assert await verify(within, old, new.text) == [VERIFIED, VERIFIED]


async def test_the_old_secret_verifies_nothing_a_day_later(sender: Sender) -> None:
    now = datetime.now(UTC)
    old, new = new_secret().text, new_secret()
    after = await sent(sender, rotated(webhook_with(old), new, now), now + ROTATION_TIME)
    assert await verify(after, old, new.text) == [NOT_VERIFIED, VERIFIED]


def test_a_later_attempt_has_the_same_id_and_a_new_time() -> None:
    secret = new_secret().text
    first, later = (
        signed_headers([secret], EVENT, datetime(2027, 3, 1, 12, minute, 0, 999_999, tzinfo=UTC), BODY)
        for minute in (0, 1)
    )
    assert first["webhook-id"] == later["webhook-id"] == EVENT
    assert int(later["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 60
    assert first["webhook-signature"] != later["webhook-signature"]


async def test_no_secret_is_in_a_log_line_or_an_error(sender: Sender, caplog: pytest.LogCaptureFixture) -> None:
    """Addresses often have a secret in their path, as those of chat programs do."""
    secret, token = new_secret().text, "a-token-in-the-path"
    headers = signed_headers([secret], EVENT, datetime.now(UTC), BODY)
    caplog.set_level(logging.DEBUG)
    async with receiver(status(204)) as good, receiver(closing(b"")) as bad, raw_receiver(closing(b"400")) as plain:
        for origin in (
            f"http://127.0.0.1:{good.port}", f"http://127.0.0.1:{bad.port}", f"https://127.0.0.1:{plain.port}",
            "http://127.0.0.1:1", "http://10.0.0.1", "http://absent.invalid",
        ):  # fmt: skip
            await sender.send(f"{origin}/{token}", headers, BODY)
        await sender.aclose()
    with pytest.raises(Exception) as failed:  # noqa: PT011 - whatever it is
        signed_headers([secret[:-1] + "é"], EVENT, datetime.now(UTC), BODY)
    said = caplog.text + "".join(traceback.format_exception(failed.value)) + repr(sender)
    assert "httpcore2" in caplog.text
    for hidden in (secret.removeprefix("whsec_")[:20], token, headers["webhook-signature"]):
        assert hidden not in said
