"""Fetches keys from a JSON Web Key Set (RFC 7517) at a URL, and fetches them again as the provider rotates them."""

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
"""The timeout of one fetch."""

FRESH_SECONDS: Final = 300.0
"""The age at which keys are fetched again, in the background."""

PAUSE_SECONDS: Final = 10.0
"""The shortest time between two fetches for unknown key ids, and after a failed fetch while there are keys."""

FIRST_PAUSE_SECONDS: Final = 1.0
"""The shortest time between two fetches before the first that succeeds."""

_log = get_logger("headway.auth")

_ALGORITHMS: Final = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}


class _PublishedKey(NamedTuple):
    key_id: object
    pinned: PinnedKey


class JwksUrl:
    """The keys at a URL, by key id. The first token starts the first fetch.

    Keys are used until a fetch returns other usable keys. So a provider that is down, or whose answer has no usable
    key, locks nobody out. `clock` returns seconds and never goes back.
    Raises `ConfigurationError` where `url` is not an http or https URL.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        if not _is_web_address(url):
            raise ConfigurationError("The JWKS URL must be one of http or https: https://id.example/jwks.json.")
        self._url = url
        # The firewalls of some providers refuse the default User-Agent of urllib.
        self._client = jwt.PyJWKClient(
            url, cache_jwk_set=False, headers={"User-Agent": "headway"}, timeout=FETCH_SECONDS
        )
        self._clock = clock
        self._keys: tuple[_PublishedKey, ...] = ()
        self._fetch: asyncio.Task[None] | None = None
        self._next_fetch = self._next_question = float("-inf")

    async def key_for(self, header: Mapping[str, object]) -> PinnedKey:
        """Return the key with the header's `kid`. Without a `kid`, return the only key for its `alg`.

        Raises `NotAuthenticatedError` where there is no such key, and `UnavailableError` until a first fetch succeeds.
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
        """Wait for the first keys. Old keys stay in use while new ones are fetched in the background."""
        if self._clock() >= self._next_fetch:
            fetch = self._start_fetch()
            if not self._keys:
                await asyncio.shield(fetch)
        if not self._keys:
            raise KeysUnavailableError

    async def _ask_again(self) -> None:
        """Fetch the keys again for an unknown key id, and wait for them.

        A fetch starts only after a pause, so that tokens with random key ids do not cause a flood of requests.
        """
        now = self._clock()
        if now >= self._next_question:
            self._next_question = now + PAUSE_SECONDS
            self._start_fetch()
        if self._fetch is not None:
            await asyncio.shield(self._fetch)

    def _start_fetch(self) -> asyncio.Task[None]:
        """Return the running fetch, or start one.

        Wait for it with `asyncio.shield`: a request that is cancelled must not cancel the fetch for the others.
        """
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
    """Return the keys of the set that can verify tokens. Raises where it is not a key set, or has no such key."""
    published = (_published_key(jwk) for jwk in document["keys"])
    keys = tuple(key for key in published if key is not None)
    if not keys:
        raise ValueError("The key set holds no key of RS256, ES256 or EdDSA.")
    return keys


def _published_key(jwk: dict[str, Any]) -> _PublishedKey | None:
    """Return the key, or `None` where it can not verify tokens, such as a secret or a key for encryption."""
    algorithm = _ALGORITHMS.get(jwk.get("kty", ""))
    if algorithm is None or jwk.get("use") not in (None, "sig") or jwk.get("alg") not in (None, algorithm):
        return None
    try:
        key = pinned(jwt.PyJWK(jwk, algorithm).key)
    except jwt.PyJWTError:
        return None
    return None if key is None else _PublishedKey(jwk.get("kid"), key)
