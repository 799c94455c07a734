"""What a request says beside its path and body: the query, and an import's key."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from headway.domain.errors import HeadwayError, Problem

IMPORT_KEY: Final = re.compile(r"[!-~]{1,255}")

Q = TypeVar("Q", bound=BaseModel)


class InvalidParameterError(HeadwayError):
    """A parameter in the query, or in a header, that does not have its form or bounds; places name which."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, p.place))}: {p.reason}" for p in problems))
        self.problems = tuple(problems)


class UnsupportedMediaTypeError(HeadwayError):
    """The body is of a kind that this operation does not read."""

    def __init__(self, given: str, known: Iterable[str]) -> None:
        super().__init__(f"Content-Type is {given or 'missing'}; this takes {' or '.join(known)}.")


def parse_query(model: type[Q], query: bytes) -> Q:
    """The parameters that a query names; the last one counts, unknown ones do not. Raises `InvalidParameterError`."""
    if not query:
        return model()
    given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        problems = [Problem(("query", *fault["loc"]), fault["msg"], fault["type"]) for fault in faults]
        raise InvalidParameterError(problems) from None


def parse_import_key(value: bytes | None) -> str | None:
    """The key of Idempotency-Key. Raises `InvalidParameterError`."""
    if value is None:
        return None
    key = value.decode("latin-1")
    if not IMPORT_KEY.fullmatch(key):
        reason = "Idempotency-Key takes 1 to 255 printable ASCII characters without spaces."
        raise InvalidParameterError([Problem(("header", "Idempotency-Key"), reason, "idempotency_key_parsing")])
    return key
