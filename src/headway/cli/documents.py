"""Course documents in files: JSON or YAML, one a file, directories of them."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import orjson
import yaml
from pydantic import ValidationError

from headway.domain.catalogue import Course
from headway.domain.errors import InvalidValueError, Problem
from headway.http.wire import parse_course

SUFFIXES: Final = {".json", ".yaml", ".yml"}
_MOST_VALUES: Final = 1_000_000


def course_files(paths: Iterable[Path]) -> list[Path]:
    """The files named, and those with a document's suffix below the directories named, in order.

    Raises `InvalidValueError` for a path that does not exist and a directory without documents.
    """
    files: list[Path] = []
    for path in paths:
        found = list(_documents_below(path)) if path.is_dir() else [path]
        if not found or not all(file.is_file() for file in found):
            reason = "holds no .json, .yaml or .yml file" if path.is_dir() else "does not exist"
            raise InvalidValueError([Problem((str(path),), reason, "no_document")])
        files += found
    return files


def read_course(path: Path) -> Course:
    """The course in a file. Raises `InvalidValueError`, naming the file and every place that is wrong."""
    try:
        return parse_course(_as_json(path))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise _located(path, [Problem(fault["loc"], fault["msg"], fault["type"]) for fault in faults]) from None
    except InvalidValueError as error:
        raise _located(path, error.problems) from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise _located(path, [Problem((), f"is no {path.suffix[1:].upper()} document: {reason}", "syntax")]) from None
    except OSError as error:
        raise _located(path, [Problem((), f"can not be read: {error.strerror}", "unreadable")]) from None


def _documents_below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES)


def _as_json(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".json":
        return content
    document = yaml.safe_load(content)
    if _expanded_size(document, {}) > _MOST_VALUES:
        raise ValueError(f"its aliases stand for more than {_MOST_VALUES} values")
    orjson.dumps(document)  # refuses what JSON has not: keys that are no text, whole numbers over 64 bits
    # But it makes null of NaN, which then would be refused nowhere.
    return json.dumps(document, default=str).encode()


def _expanded_size(value: object, known: dict[int, int]) -> int:
    """How many values a document has with every alias written out, counted without writing them out."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = _MOST_VALUES + 1  # what holds itself has no end
        children = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_expanded_size(child, known) for child in children)
    return known[id(value)]


def _located(path: Path, problems: Iterable[Problem]) -> InvalidValueError:
    return InvalidValueError([problem._replace(place=(str(path), *problem.place)) for problem in problems])
