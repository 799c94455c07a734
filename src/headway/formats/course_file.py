"""Course documents as files: JSON and YAML."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import orjson
import yaml

from headway.domain.catalogue import Course
from headway.domain.errors import InvalidValueError, Problem
from headway.formats.course_document import definition
from headway.formats.shapes import to_json

_MOST_VALUES: Final = 1_000_000
# What the parser, and orjson, raise for a file that is not right: `!!timestamp x` has no attribute, for example.
_FAULTS: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


class CourseFormat(StrEnum):
    """How a course document is written, by the end of the file's name."""

    JSON = "json"
    YAML = "yaml"

    def to_json(self, content: bytes) -> bytes:
        """Return a file as JSON. Raises `InvalidValueError` where it is not YAML, or JSON can not hold it."""
        return content if self is CourseFormat.JSON else _yaml_to_json(content)

    def write(self, course: Course) -> bytes:
        """Return a course's document, with defaults filled in."""
        written = to_json(definition(course))
        if self is CourseFormat.JSON:
            return orjson.dumps(orjson.loads(written), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        document: dict[str, Any] = orjson.loads(written)
        return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120).encode()


COURSE_FORMATS: Final[Mapping[str, CourseFormat]] = {
    "application/json": CourseFormat.JSON,
    "application/yaml": CourseFormat.YAML,
}
"""The formats by their media types (YAML: RFC 9512)."""


def _yaml_to_json(content: bytes) -> bytes:
    try:
        if _expanded_size(yaml.compose(content, yaml.SafeLoader), {}) > _MOST_VALUES:
            raise ValueError(f"its aliases stand for more than {_MOST_VALUES} values")
        document = yaml.safe_load(content)
        orjson.dumps(document)  # raises for what JSON can not hold: keys that are not text, integers over 64 bits
    except (yaml.YAMLError, *_FAULTS) as error:
        reason = " ".join(str(error).split())
        raise InvalidValueError([Problem((), f"is not a YAML document: {reason}", "syntax")]) from None
    # orjson turns NaN into null, and then nothing would refuse it. So the standard library writes the JSON.
    return json.dumps(document, default=str).encode()


def _expanded_size(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Count the values of a document with every alias expanded, without expanding them."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = _MOST_VALUES + 1  # for a node that contains itself, which has no end
        values = [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(_expanded_size(value, known) for value in values)
    return known[id(node)]
