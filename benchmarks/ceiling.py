"""The ceiling: what is left when nothing is done. A bare ASGI function with Headway's own answers, recorded.

No service behind this server and this parser can be faster than this one. The answers are in the file named by
CEILING_ANSWERS, which the runner writes.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import answers

Message = MutableMapping[str, Any]
Messages = tuple[Message, Message]


def _load() -> dict[str, Messages]:
    return {
        endpoint: (
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers],
            },
            {"type": "http.response.body", "body": answer.body},
        )
        for endpoint, answer in answers.read(Path(os.environ["CEILING_ANSWERS"])).items()
    }


_ANSWERS = _load()
_PUT, _LIST, _SUMMARY = _ANSWERS["put"], _ANSWERS["list"], _ANSWERS["summary"]


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["method"] == "PUT":
        while (await receive()).get("more_body", False):
            pass
        start, body = _PUT
    else:
        start, body = _SUMMARY if scope["path"].endswith("/summary") else _LIST
    await send(start)
    await send(body)
