"""The client of a service, with one attribute for each subject of the API."""

from types import TracebackType
from typing import Final, Self

from headway.client.aio.courses import Courses
from headway.client.aio.enrolments import CourseEnrolments
from headway.client.aio.events import Events
from headway.client.aio.groups import Groups
from headway.client.aio.people import Persons
from headway.client.aio.progress import Progress
from headway.client.aio.sending import Sender
from headway.client.aio.statistics import Statistics
from headway.client.aio.waiting import Http, Token
from headway.client.aio.webhooks import Webhooks
from headway.client.calls import address_of, post
from headway.client.retries import Retries
from headway.client.shapes import SignInCode

_RETRIES: Final = Retries()


class AsyncClient:
    """A client of the service at an address, such as `https://headway.example`.

    `token` is a bearer token, or a function that returns one. The function is called before the first request, and once
    more when its token is refused because it has expired. `timeout` is how many seconds to wait for a connection, and
    for an answer to begin or to go on. `http` is an HTTP client of your own, for example with a certificate; you close
    it yourself.
    """

    def __init__(
        self, address: str, token: Token, *, retries: Retries = _RETRIES, timeout: float = 30, http: Http | None = None
    ) -> None:
        self._closes = http is None
        self._sender = sender = Sender(http or Http(), address_of(address), token, retries, timeout)
        self.progress = Progress(sender)
        self.people = Persons(sender)
        self.enrolments = CourseEnrolments(sender)
        self.groups = Groups(sender)
        self.courses = Courses(sender)
        self.statistics = Statistics(sender)
        self.events = Events(sender)
        self.webhooks = Webhooks(sender)

    def with_token(self, token: Token) -> Self:
        """Return a client with another token, such as a learner's, over the same connections. Do not close it."""
        sender = self._sender
        return type(self)(sender.address, token, retries=sender.retries, timeout=sender.timeout, http=sender.http)

    async def sign_in_code(self) -> SignInCode:
        """Return a code that opens the pages once, as the token's learner: `with_token(…).sign_in_code()`."""
        return await self._sender.value(post(SignInCode, "sign-in-codes", is_repeatable=True))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._closes:
            await self._sender.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
