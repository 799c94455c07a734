"""How this client waits. It is the only module that `blocking/` does not get from here."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import httpx2

Http = httpx2.AsyncClient
Token = str | Callable[[], str | Awaitable[str]]
"""A token, or a function that returns one. It is called for the first request, and when a token is refused."""
sleep: Final = asyncio.sleep


async def made(source: Callable[[], str | Awaitable[str]]) -> str:
    """Return the token that a function makes."""
    token = source()
    return token if isinstance(token, str) else await token
