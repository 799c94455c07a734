"""Types and faults of query parameters."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
from pydantic import BaseModel, Field, PlainValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from headway.domain.errors import HeadwayError, InvalidValueError

_POSITION: Final[TypeAdapter[tuple[str, UUID]]] = TypeAdapter(tuple[str, UUID])


class QueryFault(NamedTuple):
    """A fault of one query parameter: its name, the reason as a sentence, a stable name for its kind, and the value."""

    name: str
    reason: str
    kind: str
    given: object = None
    context: dict[str, Any] | None = None


class InvalidQueryError(HeadwayError):
    """Some query parameters have a wrong form or are out of bounds."""

    def __init__(self, faults: Sequence[QueryFault]) -> None:
        super().__init__("; ".join(f"{fault.name}: {fault.reason}" for fault in faults))
        self.faults = tuple(faults)


QueryModel = TypeVar("QueryModel", bound=BaseModel)


def parse_query(kind: type[QueryModel], query: bytes, lists: Collection[str] = ()) -> QueryModel:
    """Parse a query. The last value of each name counts, unknown names are ignored. Raises `InvalidQueryError`.

    The values of `lists` are lists with commas. Where one is repeated, as in a form, its values are put together.
    """
    given: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        given[name] = f"{given[name]},{value}" if name in lists and name in given else value
    return query_of(kind, given)


def query_of(kind: type[QueryModel], given: Mapping[str, str]) -> QueryModel:
    """Parse parameters that are given by name. Raises `InvalidQueryError`."""
    try:
        return kind.model_validate_strings(dict(given))
    except ValidationError as error:
        raise InvalidQueryError(list(_query_faults(error))) from error


def _query_faults(error: ValidationError) -> Iterator[QueryFault]:
    for fault in error.errors(include_url=False):
        if fault["type"] != "none_required":  # pydantic also reports that the value is not `None`
            yield QueryFault(str(fault["loc"][0]), fault["msg"], fault["type"], fault["input"], fault.get("ctx"))


@contextmanager
def as_query_faults() -> Iterator[None]:
    """Turn `InvalidValueError` into `InvalidQueryError`, where the values come from the query."""
    try:
        yield
    except InvalidValueError as error:
        faults = [QueryFault(str(problem.location[0]), problem.reason, problem.kind) for problem in error.problems]
        raise InvalidQueryError(faults) from error


def parse_repeated(kind: type[QueryModel], query: bytes) -> QueryModel:
    """Parse a query whose parameters may be repeated: each is a list. Raises `InvalidQueryError`."""
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        given.setdefault(name, []).append(value)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise InvalidQueryError(list(_query_faults(error))) from error


def next_by_title(limit: int, sort_key: bytes, identifier: str) -> str:
    """Return the relative address of the page after a position in a list by title."""
    content = orjson.dumps([sort_key.hex(), identifier])
    return f"?limit={limit}&cursor={urlsafe_b64encode(content).rstrip(b'=').decode()}"


def position_by_title(cursor: str, what: str) -> tuple[bytes, str]:
    """Return the sort key and the id in a cursor of a list of `what`. Raises `InvalidQueryError`."""
    try:
        content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key, identifier = _POSITION.validate_json(content, strict=True)
        return bytes.fromhex(key), str(identifier)
    except ValueError:  # also pydantic's own errors
        reason = f"This is not a cursor of a list of {what}. Send the address in 'Link' as it was answered."
        raise InvalidQueryError([QueryFault("cursor", reason, "cursor_parsing", cursor)]) from None


_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FLAGS: Final = {"true": True, "false": False}


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise PydanticCustomError("date_parsing", "Input should be a date such as 2026-11-23") from None


def _flag(text: str) -> bool:
    if text not in _FLAGS:
        raise PydanticCustomError("bool_parsing", "Input should be true or false")
    return _FLAGS[text]


def without_default(schema: JsonDict) -> None:
    """Remove the default from the schema of an optional parameter."""
    schema.pop("default", None)


def optional(description: str, **keywords: Any) -> Any:
    """Return the field of an optional parameter. Its schema has no `null` and no default."""
    return Field(description=description, json_schema_extra=without_default, **keywords)


Date = Annotated[date, PlainValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
Flag = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})]
Nothing = SkipJsonSchema[None]
