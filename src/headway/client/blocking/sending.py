# Made by `make client` from the module of the same name in `aio/`: do not edit.
"""Sends calls, again where that may help, and returns what was answered."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, TypeVar, cast

import httpx2

from headway.client.blocking.waiting import Http, Token, made, sleep
from headway.client.calls import Answer, Call, Tagged, authorization, next_page
from headway.client.errors import NoAnswerError, refusal
from headway.client.retries import Outcome, Retries, Trial

T = TypeVar("T")


class Sender:
    """Sends calls to one service with one token."""

    def __init__(self, http: Http, address: str, token: Token, retries: Retries, timeout: float) -> None:
        self.http = http
        self.address = address
        self.retries = retries
        self.timeout = timeout
        self._source = token
        self._token = token if isinstance(token, str) else None

    def value(self, call: Call[T]) -> T:
        """Return what the answer holds. Raises `HeadwayError`."""
        answer = self.answer(call)
        return cast("T", answer.value())

    def done(self, call: Call[None]) -> None:
        """Wait until the call is done. Raises `HeadwayError`."""
        self.answer(call)

    def tagged(self, call: Call[T]) -> Tagged[T]:
        """Return what the answer holds with its `ETag`. Raises `HeadwayError`."""
        answer = self.answer(call)
        return Tagged(cast("T", answer.value()), answer.headers.get("etag", ""))

    def pages(self, call: Call[T]) -> Iterator[T]:
        """Yield the pages of a list. Raises `HeadwayError`."""
        following: Call[T] | None = call
        while following is not None:
            answer = self.answer(following)
            page = answer.value()
            yield page
            following = next_page(following, answer, page)

    def answer(self, call: Call[Any]) -> Answer:
        """Return the answer to a call that is done. Raises `HeadwayError`."""
        trial = Trial(self.retries)
        while True:
            outcome = self._attempt(call)
            if isinstance(outcome, Answer) and outcome.is_success:
                return outcome
            pause = trial.pause_after(call, outcome)
            if pause is None:
                raise _error(call, outcome)
            sleep(pause)

    def _attempt(self, call: Call[Any]) -> Outcome:
        """Send a call; if its token is refused, once more with a new one."""
        try:
            answer = self._sent(call, self._present_token())
            if answer.status == HTTPStatus.UNAUTHORIZED and not isinstance(self._source, str):
                self._token = made(self._source)
                answer = self._sent(call, self._token)
        except httpx2.TransportError as error:
            return error
        return answer

    def _present_token(self) -> str:
        if self._token is None and not isinstance(self._source, str):
            self._token = made(self._source)
        return self._token or ""

    def _sent(self, call: Call[Any], token: str) -> Answer:
        sent = self.http.request(
            call.method,
            self.address + call.path,
            params=list(call.query) or None,
            headers={**call.headers, "Authorization": authorization(token)},
            content=call.content(),
            timeout=self.timeout + call.patience,
        )
        headers = {name.lower(): value for name, value in sent.headers.items()}
        return Answer(sent.status_code, headers, sent.content)


def _error(call: Call[Any], outcome: Outcome) -> Exception:
    if isinstance(outcome, Answer):
        return refusal(outcome.status, outcome.body)
    error = NoAnswerError(None, None, f"No answer to {call.method} {call.path}: {type(outcome).__name__}.")
    error.__cause__ = outcome
    return error
