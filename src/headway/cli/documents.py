"""Reads course documents from JSON and YAML files, one document a file."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from headway.domain.catalogue import Course
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import CourseId
from headway.formats.course_document import parse_course
from headway.formats.course_file import CourseFormat

SUFFIXES: Final = {".json", ".yaml", ".yml"}


def course_files(paths: Iterable[Path]) -> list[Path]:
    """Return the given files, and the JSON and YAML files in the given directories, in order.

    Raises `InvalidValueError` where a path does not exist or a directory has no documents.
    """
    files: list[Path] = []
    for path in paths:
        found = list(_documents_below(path)) if path.is_dir() else [path]
        if not found:
            raise _located(path, [Problem((), "holds no .json, .yaml or .yml file", "no_document")])
        files += found
    for file in files:
        if not file.exists():
            raise _located(file, [Problem((), "does not exist", "no_document")])
    return files


def read_courses(files: Iterable[Path]) -> list[Course]:
    """Read the courses. Raises `InvalidValueError` as `read_course` does, and where two files have the same id."""
    found: dict[CourseId, tuple[Path, Course]] = {}
    for file in files:
        course = read_course(file)
        if course.id in found:
            reason = f"{course.id} is the id of the course in {found[course.id][0]}, too"
            raise _located(file, [Problem(("id",), reason, "duplicate_course")])
        found[course.id] = (file, course)
    return [course for _, course in found.values()]


def read_course(path: Path) -> Course:
    """Read the course in a file. Raises `InvalidValueError` with the file and the location of every error."""
    try:
        return parse_course(_as_json(path))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise _located(path, [Problem(fault["loc"], fault["msg"], fault["type"]) for fault in faults]) from None
    except InvalidValueError as error:
        raise _located(path, error.problems) from None
    except OSError as error:
        raise _located(path, [Problem((), f"can not be read: {error.strerror}", "unreadable")]) from None


def _documents_below(folder: Path) -> Iterator[Path]:
    found = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)
    return (path for path in found if path.is_file() and not path.name.startswith("."))


def _as_json(path: Path) -> bytes:
    course_format = CourseFormat.JSON if path.suffix.lower() == ".json" else CourseFormat.YAML
    return course_format.to_json(path.read_bytes())


def _located(path: Path, problems: Iterable[Problem]) -> InvalidValueError:
    return InvalidValueError([problem._replace(location=(str(path), *problem.location)) for problem in problems])
