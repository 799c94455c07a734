"""The two clients as one, so that each test runs with both."""

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from headway.client import AsyncClient, Client

KINDS: Final = ("blocking", "aio")


class Awaited:
    """Lets a test await what `Client` returns, as if it were an `AsyncClient`."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._wrapped, name)
        return _awaited(found) if inspect.ismethod(found) else Awaited(found)

    async def aclose(self) -> None:
        self._wrapped.close()


def _awaited(method: Any) -> Any:
    if inspect.isgeneratorfunction(method):
        return lambda *arguments, **named: _iterated(method(*arguments, **named))
    if method.__name__ == "with_token":
        return lambda token: Awaited(method(token))

    async def call(*arguments: Any, **named: Any) -> Any:
        return method(*arguments, **named)

    return call


async def _iterated(values: Iterator[Any]) -> AsyncIterator[Any]:
    for value in values:
        yield value


def made(kind: str, address: str, token: Any, **options: Any) -> AsyncClient:
    """Return a client of a kind. The type checker sees an `AsyncClient` in each of them."""
    if kind == "aio":
        return AsyncClient(address, token, **options)
    wrapped: Any = Awaited(Client(address, token, **options))
    return wrapped  # type: ignore[no-any-return]  # it can do what the tests ask for
