"""Shapes of answers, and their rendering as the JSON of the reference.

A shape is a pydantic model: it describes an answer to clients, and it renders the answer.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import orjson
from pydantic import BaseModel, create_model

Source = str | Callable[[Any], object]
"""The path of an attribute, as in `lesson.id`, or a function of the value."""


def renderer(shape: type[BaseModel], **sources: Source) -> Callable[[Any], dict[str, Any]]:
    """Return a function that renders a value as `shape`: a dictionary with the shape's fields in their order.

    `sources` says where a field's value comes from. By default it is the value's attribute of the same name.
    """
    fields = [(field.alias or name, _reader(sources.get(name, name))) for name, field in shape.model_fields.items()]
    return lambda value: {name: read(value) for name, read in fields}


def _reader(source: Source) -> Callable[[Any], object]:
    return attrgetter(source) if isinstance(source, str) else source


def without(shape: type[BaseModel], *names: str) -> Any:
    """Return a base class with the fields of a shape, except those named."""
    fields: Any = {name: (field.annotation, field) for name, field in shape.model_fields.items() if name not in names}
    return create_model(f"{shape.__name__}Without", **fields)


# Moments are printed as in the reference: to the second, with a Z (RFC 3339 section 5.6).
_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


class Array(NamedTuple):
    """An array in an answer: its values, and the function that renders each."""

    values: Sequence[Any]
    shown: Callable[[Any], object]

    def all(self) -> list[object]:
        """Return the whole array."""
        return [self.shown(value) for value in self.values]

    def some(self, values: Sequence[Any]) -> bytes:
        """Return some of its values as JSON."""
        return to_json([self.shown(value) for value in values])


def to_json(value: object) -> bytes:
    """Return a value as JSON in the form of the reference."""
    return orjson.dumps(value, default=str, option=_OPTIONS)
