# Made by `make client` from the module of the same name in `aio/`: do not edit.
"""The client of a service, with one attribute for each subject of the API."""

from types import TracebackType
from typing import Final, Self

from headway.client.blocking.courses import Courses
from headway.client.blocking.enrolments import CourseEnrolments
from headway.client.blocking.events import Events
from headway.client.blocking.groups import Groups
from headway.client.blocking.people import Persons
from headway.client.blocking.progress import Progress
from headway.client.blocking.sending import Sender
from headway.client.blocking.statistics import Statistics
from headway.client.blocking.waiting import Http, Token
from headway.client.blocking.webhooks import Webhooks
from headway.client.calls import address_of, post
from headway.client.retries import Retries
from headway.client.shapes import SignInCode

_RETRIES: Final = Retries()


class Client:
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

    def sign_in_code(self) -> SignInCode:
        """Return a code that opens the pages once, as the token's learner: `with_token(…).sign_in_code()`."""
        return self._sender.value(post(SignInCode, "sign-in-codes", is_repeatable=True))

    def close(self) -> None:
        """Close the connections."""
        if self._closes:
            self._sender.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
