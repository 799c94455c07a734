"""Signs people in with an OpenID Connect provider: the authorization code flow with PKCE, through Authlib."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

import httpx2
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.integrations.base_client import MismatchingStateError  # type: ignore[import-untyped]
from authlib.integrations.starlette_client import (  # type: ignore[import-untyped]
    StarletteIntegration,
    StarletteOAuth2App,
)
from joserfc.errors import ClaimError, JoseError
from starlette.requests import Request
from starlette.responses import Response

from headway.auth.claims import OnVerified, principal_of, profile_of
from headway.auth.provider import Failure, ProviderSettings, SignInError
from headway.domain.errors import NotAuthenticatedError
from headway.domain.principal import Principal
from headway.logs import get_logger

_log = get_logger("headway.auth")

_NAME: Final = "headway"
_ALGORITHMS: Final = ["RS256", "ES256", "EdDSA"]
_SECONDS: Final = 5.0  # for each of the requests to the provider
_KNOWN_SECONDS: Final = 60.0


class OpenIdProvider:
    """An OpenID Connect provider. `finish` fetches its metadata and keys each time, so withdrawn keys do not count."""

    def __init__(self, settings: ProviderSettings, on_verified: OnVerified | None = None) -> None:
        self._settings = settings
        self._on_verified = on_verified
        self._known: Any = None
        self._known_until = 0.0
        self._asking = asyncio.Lock()

    @property
    def host(self) -> str:
        """The provider's host name, for display."""
        return self._settings.issuer.partition("://")[2].partition("/")[0]

    async def begin(self, request: Request, redirect_uri: str) -> Response:
        """Redirect the browser to the provider. The request's session then holds what `finish` needs.

        Raises `SignInError`.
        """
        with _failures_translated():
            client = await self._recently_discovered()
            answer: Response = await client.authorize_redirect(request, redirect_uri)
        for kept in request.session.values():
            kept["data"].pop("url", None)  # the browser already has it, and it may be long
        return answer

    async def finish(self, request: Request) -> Principal:
        """Return the principal of a browser that comes back from the provider. Raises `SignInError`."""
        if f"_state_{_NAME}_{request.query_params.get('state', '')}" not in request.session:
            raise SignInError(Failure.STATE)
        with _failures_translated():
            client = await self._discovered()
            token = await client.authorize_access_token(
                request, claims_options=self._expected_claims(), leeway=self._settings.leeway
            )
            return self._principal(token.get("userinfo") or {})

    async def _recently_discovered(self) -> Any:
        """Return a client that is at most a minute old. Anybody may begin to sign in, as often as they like."""
        async with asyncio.timeout(_SECONDS), self._asking:
            if time.monotonic() >= self._known_until:
                self._known = await self._discovered()
                self._known_until = time.monotonic() + _KNOWN_SECONDS
            return self._known

    async def _discovered(self) -> Any:
        """Return a client with the provider's metadata. It accepts the same signature algorithms as the API."""
        client = self._client()
        metadata = await client.load_server_metadata()
        if metadata["issuer"] != self._settings.issuer:  # OpenID Connect Discovery section 4.3
            raise ValueError("The provider says that it is another issuer.")
        metadata["id_token_signing_alg_values_supported"] = _ALGORITHMS
        return client

    def _client(self) -> Any:
        return StarletteOAuth2App(
            StarletteIntegration(_NAME),
            name=_NAME,
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret,
            server_metadata_url=f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": self._settings.scopes,
                "code_challenge_method": "S256",
                "timeout": _SECONDS,
                "verify": self._certificates,
            },
        )

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        """The system's certificates. They are read once, because that takes longer than a request."""
        return httpx2.create_ssl_context()

    def _expected_claims(self) -> dict[str, dict[str, Any]]:
        """Return the claims that an ID token must have. Authlib itself checks the times, the nonce and `azp`."""
        return {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }

    def _principal(self, claims: dict[str, Any]) -> Principal:
        """Return the principal that a bearer token of the same issuer would give."""
        named = {"iss": claims.get("iss", ""), "sub": claims.get(self._settings.learner_claim, "")}
        named["scope"] = claims.get(self._settings.scopes_claim)
        if self._settings.courses_claim in claims:
            named["courses"] = claims[self._settings.courses_claim]
        if self._settings.groups_claim in claims:
            named["groups"] = claims[self._settings.groups_claim]
        principal = principal_of(named)
        if self._on_verified is not None:
            self._on_verified(principal.learner_id, profile_of(claims))
        return principal


@contextmanager
def _failures_translated() -> Iterator[None]:
    """Turn errors into `SignInError`, and log them without anything that was sent."""
    try:
        yield
    except MismatchingStateError as error:
        raise _reported(Failure.STATE, error) from None
    except AuthlibBaseError as error:
        raise _reported(Failure.DENIED if error.error == "access_denied" else Failure.REFUSED, error) from None
    except (JoseError, NotAuthenticatedError) as error:
        raise _reported(Failure.REFUSED, error) from None
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _reported(Failure.UNAVAILABLE, error) from None


def _reported(failure: Failure, error: Exception) -> SignInError:
    """Log the error's class and the claim that is missing or wrong. Its message may quote what was sent."""
    claim = error.claim if isinstance(error, ClaimError) else None
    _log.warning("sign_in_failed", failure=failure.value, error=type(error).__name__, claim=claim)
    return SignInError(failure)
