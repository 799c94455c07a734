"""The types of the fields of documents: their bounds, and how values are rounded before they are checked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from headway.domain import bounds, goals
from headway.domain.bounds import plain, rounded
from headway.domain.text import NOTE_PATTERN, TITLE_PATTERN, note_fault, title_fault

_FINITE: Final = Field(allow_inf_nan=False)
_PLAIN: Final = AfterValidator(plain)
_HIGHEST_SEQUENCE_NUMBER: Final = 2**53 - 1  # the highest whole number to which JavaScript counts


def _rounded(value: object) -> object:
    return rounded(value) if isinstance(value, float) else value


def _rounded_threshold(value: object) -> object:
    """Round to the millionth, unless the result is 0: a number above 0 stays above 0."""
    return _rounded(value) or value


_CLEAN: Final = BeforeValidator(_rounded)


def _whole(value: object) -> object:
    """Return 3.0 as 3, because JSON does not distinguish them (RFC 8259 section 6)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC. Raises `ValueError` where it has no offset (RFC 3339 section 5.6)."""
    if moment.tzinfo is None or not MINYEAR < moment.year < MAXYEAR:
        raise PydanticCustomError("time_invalid", "The time needs an offset from UTC, and a year from 2 to 9998.")
    return moment.astimezone(UTC)


@dataclass(frozen=True)
class _TextRule:
    """The characters that a text may have. `fault` returns the error message; `pattern` is for the schema."""

    fault: Callable[[str], str | None]
    pattern: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"pattern": self.pattern}

    def _checked(self, text: str) -> str:
        fault = self.fault(text)
        if fault:
            raise PydanticCustomError("string_pattern_mismatch", "{fault}", {"fault": fault, "pattern": self.pattern})
        return text


Percentage = Annotated[bounds.Percentage, _FINITE, _PLAIN, _CLEAN]
Threshold = Annotated[bounds.Threshold, _FINITE, _PLAIN, BeforeValidator(_rounded_threshold)]
Seconds = Annotated[bounds.Seconds, _FINITE, _PLAIN, _CLEAN]
Minutes = Annotated[bounds.Minutes, _FINITE, _PLAIN, _CLEAN]
Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[int, Field(ge=0), BeforeValidator(_whole)]
SequenceNumber = Annotated[int, Field(ge=1, le=_HIGHEST_SEQUENCE_NUMBER), BeforeValidator(_whole)]
Attempts = Annotated[bounds.Attempts, BeforeValidator(_whole)]
Notes = Annotated[bounds.Notes, _TextRule(note_fault, NOTE_PATTERN)]
TITLE_RULE: Final = _TextRule(title_fault, TITLE_PATTERN)
Title = Annotated[bounds.Title, TITLE_RULE]
Name = Annotated[bounds.Name, TITLE_RULE]


Days = Annotated[int, Field(ge=1, le=bounds.MOST_DAYS), BeforeValidator(_whole)]
DaysPerWeek = Annotated[int, Field(ge=1, le=goals.MOST_DAYS), BeforeValidator(_whole)]
Run = Annotated[int, Field(ge=1, le=bounds.MOST_RUNS), BeforeValidator(_whole)]
LaterRun = Annotated[int, Field(ge=2, le=bounds.MOST_RUNS), BeforeValidator(_whole)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
