"""Requests and answers as values, without anything that sends them: both clients send the same."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from http import HTTPStatus
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import parse_qsl, quote
from uuid import NAMESPACE_URL, UUID, uuid5

from headway.client.errors import HeadwayError

PREFIX: Final = "/api/v1/education"
ME: Final = "me"
"""In place of a learner's id: the learner of the token, who needs no scope."""
Id = UUID | str
Moment = date | str
"""A date, a time with an offset, or either as the API writes it."""
Parameter = bool | int | Id | Moment | Sequence[Id] | None
Body = bytes | Callable[[], bytes]
"""What is sent. A function makes it anew for each attempt."""
T = TypeVar("T")
_JSON: Final = "application/json"
_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_LONG_SECONDS: Final = 300
"""A file of the longest size may take minutes beside other work."""


class Tagged(NamedTuple, Generic[T]):
    """A value with its `ETag`, for a conditional change."""

    value: T
    etag: str


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request whose answer has a shape.

    `is_repeatable` says whether it may be sent again if nobody knows whether it was done. `patience` are the seconds
    that the answer may take longer than that of others.
    """

    method: str
    path: str
    shape: type[T]
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    is_repeatable: bool = True
    patience: float = 0

    def content(self) -> bytes | None:
        """Return the body of an attempt."""
        return self.body() if callable(self.body) else self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the call is done."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def value(self) -> Any:
        """Return what the body holds; `None` where it is empty. Raises `HeadwayError` where it is not JSON."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            raise HeadwayError(
                self.status, None, "The answer is not JSON: the address may be another service's."
            ) from None


def get(shape: type[T], *parts: Id | int, **query: Parameter) -> Call[T]:
    """Return the call that reads what a path names. The parameters that are `None` are left out."""
    return Call("GET", _path(parts), shape, _query(query))


def put(shape: type[T], body: object, *parts: Id | int, **query: Parameter) -> Call[T]:
    """Return the call that stores something under a path."""
    return Call("PUT", _path(parts), shape, _query(query), {"Content-Type": _JSON}, to_json(body))


def delete(*parts: Id | int, **query: Parameter) -> Call[None]:
    """Return the call that removes what a path names."""
    return Call("DELETE", _path(parts), type(None), _query(query))


def post(
    shape: type[T], *parts: Id | int, body: object = None, is_repeatable: bool = False, **query: Parameter
) -> Call[T]:
    """Return the call that does what a path names."""
    headers = {} if body is None else {"Content-Type": _JSON}
    content = None if body is None else to_json(body)
    return Call("POST", _path(parts), shape, _query(query), headers, content, is_repeatable)


def post_file(shape: type[T], content: bytes, content_type: str, *parts: Id, **query: Parameter) -> Call[T]:
    """Return the call that sends a file whose lines may be sent again."""
    headers = {"Content-Type": content_type}
    return Call("POST", _path(parts), shape, _query(query), headers, content, patience=_LONG_SECONDS)


def on_condition(call: Call[T], if_match: str | None, if_none_match: str | None) -> Call[T]:
    """Return a call that holds on a condition. A repeated one would meet what the first has stored."""
    conditions = {"If-Match": if_match, "If-None-Match": if_none_match}
    given = {name: value for name, value in conditions.items() if value is not None}
    return replace(call, headers={**call.headers, **given}, is_repeatable=False) if given else call


def next_page(call: Call[T], answer: Answer, page: object) -> Call[T] | None:
    """Return the call for the page after this one, by the header `Link` or by `next`; `None` on the last page."""
    if link := _linked(answer.headers.get("link", "")):
        return replace(call, query=_with(call.query, link))
    cursor = page.get("next") if isinstance(page, Mapping) else None
    return None if cursor is None else replace(call, query=_with(call.query, [("cursor", cursor)]))


def parts_of(items: Iterable[bytes], most: int, most_bytes: int) -> Iterator[list[bytes]]:
    """Divide what is sent into parts of at most so many items and bytes, with one byte between two items.

    An item that is too large has a part of its own, so that the service says what is wrong with it.
    """
    part: list[bytes] = []
    size = 0
    for item in items:
        if part and (len(part) == most or size + len(item) + 1 > most_bytes):
            yield part
            part, size = [], 0
        part.append(item)
        size += len(item) + 1
    if part:
        yield part


def address_of(service: str) -> str:
    """Return the address of a service without what each path begins with."""
    return service.rstrip("/").removesuffix(PREFIX)


def authorization(token: str) -> str:
    """Return the header with a token. Raises `ValueError` where no token has such characters; it does not say which."""
    bare = token.strip()
    if not bare.isascii() or not bare.isprintable():
        raise ValueError("The token has characters that no header may have.")
    return f"Bearer {bare}"


def to_json(value: object) -> bytes:
    """Return a value as JSON; ids and times may be objects. Raises `ValueError` for a number that is not finite."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_text).encode()


def learner_id(subject: str, issuer: str = "") -> str:
    """Return the id of the learner whose tokens have this `sub`, and this `iss` if they have one."""
    if _UUID.fullmatch(subject):
        return subject.lower()
    return str(uuid5(uuid5(NAMESPACE_URL, issuer), subject))


def _path(parts: Iterable[Id | int]) -> str:
    return PREFIX + "".join(f"/{quote(str(part), safe='')}" for part in parts)


def _query(parameters: Mapping[str, Parameter]) -> list[tuple[str, str]]:
    """Return the parameters as texts. A list is repeated; a trailing `_` of a name keeps it from being a keyword."""
    return [
        (name.rstrip("_"), _text(value))
        for name, given in parameters.items()
        for value in (given if isinstance(given, list | tuple) else [given])
        if value is not None
    ]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID | str | int):
        return str(value)
    raise TypeError(f"{type(value).__name__} can not be sent")


def _linked(link: str) -> list[tuple[str, str]]:
    """Return the parameters of the address of the next page in a header `Link`; none where there is no next page."""
    address, _, relation = link.partition(">")
    return parse_qsl(address.partition("?")[2]) if 'rel="next"' in relation else []


def _with(query: Iterable[tuple[str, str]], changes: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    names = {name for name, _ in changes}
    return [(name, value) for name, value in query if name not in names] + list(changes)
