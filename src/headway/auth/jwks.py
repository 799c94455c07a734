"""Keys published at a URL as a JSON Web Key Set (RFC 7517), followed as the identity provider rotates them."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import jwt

from headway.auth.keys import PinnedKey, pinned
from headway.domain.errors import ConfigurationError, KeysUnavailableError, NotAuthenticatedError
from headway.logs import get_logger

FETCH_SECONDS: Final = 5.0
"""How long one fetch may take."""

FRESH_SECONDS: Final = 300.0
"""How old the keys may be before they are fetched anew, in the background."""

PAUSE_SECONDS: Final = 10.0
"""The least time between two fetches for unknown key ids, and after a failed one while there are keys."""

FIRST_PAUSE_SECONDS: Final = 1.0
"""The least time between two fetches while there have never been keys."""

_log = get_logger("headway.auth")

_ALGORITHMS: Final = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}


class _PublishedKey(NamedTuple):
    key_id: object
    pinned: PinnedKey


class JwksUrl:
    """The keys at a URL, by key id; nothing is fetched before the first token.

    Once there are keys they are honoured until the URL answers others: a provider that is down, or answers rubbish or
    no usable key, locks nobody out. `clock` counts seconds and never goes back. Raises `ConfigurationError` where
    `url` is not one of http or https.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        if not _is_web_address(url):
            raise ConfigurationError("The JWKS URL must be one of http or https: https://id.example/jwks.json.")
        self._url = url
        # Some providers' firewalls turn away urllib's own name.
        self._client = jwt.PyJWKClient(
            url, cache_jwk_set=False, headers={"User-Agent": "headway"}, timeout=FETCH_SECONDS
        )
        self._clock = clock
        self._keys: tuple[_PublishedKey, ...] = ()
        self._fetch: asyncio.Task[None] | None = None
        self._next_fetch = self._next_question = float("-inf")

    async def key_for(self, header: Mapping[str, object]) -> PinnedKey:
        """The key that the header's `kid` names; without a `kid`, the only key that fits its `alg`.

        Raises `NotAuthenticatedError` where there is none, `UnavailableError` while no keys could ever be fetched.
        """
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in _ALGORITHMS.values():
            raise NotAuthenticatedError("The token is not signed with RS256, ES256 or EdDSA.")
        keys_were_there = bool(self._keys)
        await self._have_keys()
        found = self._find(key_id, algorithm)
        if found is None and key_id is not None and keys_were_there:
            await self._ask_again()
            found = self._find(key_id, algorithm)
        if found is None:
            raise NotAuthenticatedError("The identity provider publishes no key that fits the token.")
        return found

    def _find(self, key_id: object, algorithm: object) -> PinnedKey | None:
        fitting = [key.pinned for key in self._keys if key.pinned.algorithm == algorithm]
        if key_id is None:
            return fitting[0] if len(fitting) == 1 else None
        named = (key.pinned for key in self._keys if key.key_id == key_id and key.pinned.algorithm == algorithm)
        return next(named, None)

    async def _have_keys(self) -> None:
        """Wait for the first keys. Keys that are there but old are used, and fetched anew in the background."""
        if self._clock() >= self._next_fetch:
            fetch = self._start_fetch()
            if not self._keys:
                await asyncio.shield(fetch)
        if not self._keys:
            raise KeysUnavailableError

    async def _ask_again(self) -> None:
        """Wait for keys newer than these, for an unknown key id; strangers' random ids must not become a flood."""
        now = self._clock()
        if now >= self._next_question:
            self._next_question = now + PAUSE_SECONDS
            self._start_fetch()
        if self._fetch is not None:
            await asyncio.shield(self._fetch)

    def _start_fetch(self) -> asyncio.Task[None]:
        """The fetch under way, or a new one. Waiting needs a shield: who gives up must not end it for the others."""
        if self._fetch is None:
            self._fetch = asyncio.create_task(self._load())
        return self._fetch

    async def _load(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                self._keys = _usable_keys(await asyncio.to_thread(self._client.fetch_data))
            pause = FRESH_SECONDS
        except Exception as error:  # noqa: BLE001 - whatever a foreign host answers, the keys last seen stay
            pause = PAUSE_SECONDS if self._keys else FIRST_PAUSE_SECONDS
            _log.warning("jwks_fetch_failed", url=self._url, error=repr(error))
        finally:
            self._fetch = None
        self._next_fetch = self._clock() + pause


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _usable_keys(document: Mapping[str, Any]) -> tuple[_PublishedKey, ...]:
    """The set's keys that verify tokens. Raises where the document is no key set, or there is no such key."""
    published = (_published_key(jwk) for jwk in document["keys"])
    keys = tuple(key for key in published if key is not None)
    if not keys:
        raise ValueError("The key set holds no key of RS256, ES256 or EdDSA.")
    return keys


def _published_key(jwk: dict[str, Any]) -> _PublishedKey | None:
    """The key, or `None` where it is not for verifying tokens: secrets, private keys, keys for encryption."""
    algorithm = _ALGORITHMS.get(jwk.get("kty", ""))
    if algorithm is None or jwk.get("use") not in (None, "sig") or jwk.get("alg") not in (None, algorithm):
        return None
    try:
        key = pinned(jwt.PyJWK(jwk, algorithm).key)
    except jwt.PyJWTError:
        return None
    return None if key is None else _PublishedKey(jwk.get("kid"), key)
