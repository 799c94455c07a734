"""Shapes of answers. A shape is a pydantic model: it describes an answer to clients, and it renders the answer."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

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
