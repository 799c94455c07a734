"""How this client waits. It is the only module of this folder that is written by hand."""

import time
from collections.abc import Callable
from typing import Final

import httpx2

Http = httpx2.Client
Token = str | Callable[[], str]
"""A token, or a function that returns one. It is called for the first request, and when a token is refused."""
sleep: Final = time.sleep


def made(source: Callable[[], str]) -> str:
    """Return the token that a function makes."""
    return source()
