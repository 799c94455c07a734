"""What the pages ask of an identity provider, and why it may let nobody in."""

from enum import StrEnum
from typing import NamedTuple, Protocol

from starlette.requests import Request
from starlette.responses import Response

from headway.domain.principal import Principal


class Failure(StrEnum):
    """Why nobody was signed in."""

    DENIED = "denied"
    STATE = "state"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


class SignInError(Exception):
    """Nobody was signed in: the provider was told no, did not answer, or answered what does not count."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class ProviderSettings(NamedTuple):
    """A provider, what it calls this service, and which claims of its ID tokens say who somebody is.

    Its clock may differ by `leeway` seconds.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    scopes: str
    learner_claim: str
    scopes_claim: str
    courses_claim: str
    leeway: float


class IdentityProvider(Protocol):
    """Knows who somebody is. What a browser has to bring back from it is left in the request's session."""

    @property
    def host(self) -> str:
        """The provider's host, as people know it."""

    async def begin(self, request: Request, redirect_uri: str) -> Response:
        """Send the browser there. Raises `SignInError`."""

    async def finish(self, request: Request) -> Principal:
        """Whom a browser speaks for that comes back. Raises `SignInError`."""
