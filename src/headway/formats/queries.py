"""Types and faults of query parameters."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from headway.domain.errors import HeadwayError, InvalidValueError


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


def parse_query(kind: type[QueryModel], query: bytes) -> QueryModel:
    """Parse a query. The last value of each name counts, unknown names are ignored. Raises `InvalidQueryError`."""
    return query_of(kind, dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)))


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
