"""The interface of identity providers that the pages use, and the reasons why a sign-in fails."""

from enum import StrEnum
from typing import NamedTuple, Protocol

from starlette.requests import Request
from starlette.responses import Response

from headway.domain.principal import Principal


class Failure(StrEnum):
    """Why a sign-in failed."""

    DENIED = "denied"
    STATE = "state"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


class SignInError(Exception):
    """A sign-in failed. `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class ProviderSettings(NamedTuple):
    """A provider, the client id and secret of this service, and the claims of an ID token that are used.

    The provider's clock may differ by `leeway` seconds.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    scopes: str
    learner_claim: str
    scopes_claim: str
    courses_claim: str
    groups_claim: str
    leeway: float


class IdentityProvider(Protocol):
    """Signs people in. Between `begin` and `finish`, the state of a sign-in is in the request's session."""

    @property
    def host(self) -> str:
        """The provider's host name, for display."""

    async def begin(self, request: Request, redirect_uri: str) -> Response:
        """Redirect the browser to the provider. Raises `SignInError`."""

    async def finish(self, request: Request) -> Principal:
        """Return the principal of a browser that comes back from the provider. Raises `SignInError`."""
