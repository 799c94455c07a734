"""The names and the documents by which packages are stored. What a name stands for never changes.

- `files/<the first two digits>/<digest>`: a file of any package.
- `packages/<digest>.json`: the files of a package.
- `contents/<content id>.json`: what a lesson's content launches.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import orjson

from headway.domain.identifiers import ContentId
from headway.domain.packages import (
    Content,
    FileDigest,
    Package,
    PackagedContent,
    PackageDigest,
    PackageFile,
    PackageIndex,
)
from headway.domain.scorm import ScormVersion

_FIELDS: Final = frozenset(field.name for field in fields(Content))


def file_name(digest: FileDigest) -> str:
    """Return the name of a file."""
    return f"files/{digest[:2]}/{digest}"


def package_name(package: PackageDigest) -> str:
    """Return the name of a package's index."""
    return f"packages/{package}.json"


def content_name(content_id: ContentId) -> str:
    """Return the name of what a lesson's content launches."""
    return f"contents/{content_id}.json"


def describe(package: Package) -> Mapping[str, bytes]:
    """Return the documents of a package by their names: its index, and then what its lessons launch."""
    contents = {content_name(content_id): write_content(content) for content_id, content in package.contents.items()}
    return {package_name(package.digest): write_index(package.index)} | contents


def write_index(index: PackageIndex) -> bytes:
    """Return a package's index as a document."""
    return orjson.dumps({"files": [[file.path, file.digest, file.size] for file in index]})


def read_index(document: bytes) -> PackageIndex:
    """Return the index in a document."""
    files: list[tuple[str, str, int]] = orjson.loads(document)["files"]
    return PackageIndex(PackageFile(path, FileDigest(digest), size) for path, digest, size in files)


def write_content(stored: PackagedContent) -> bytes:
    """Return what a lesson's content launches as a document."""
    return orjson.dumps({"package": stored.package, "content": stored.content})


def read_content(document: bytes) -> PackagedContent:
    """Return what a document says a lesson's content launches. Fields of a newer Headway are ignored."""
    stored: dict[str, Any] = orjson.loads(document)
    content = {name: value for name, value in stored["content"].items() if name in _FIELDS}
    return PackagedContent(
        PackageDigest(stored["package"]), Content(**content | {"scorm": ScormVersion(content["scorm"])})
    )
