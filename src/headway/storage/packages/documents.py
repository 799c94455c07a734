"""The names and the documents by which packages are stored. What a name stands for never changes.

- `files/<the first two digits>/<digest>`: a file of any package.
- `packages/<digest>.json`: the files of a package.
- `launches/<content id>.json`: what a lesson's content launches.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import orjson

from headway.domain.identifiers import ContentId
from headway.domain.packages import (
    FileDigest,
    Launch,
    Package,
    PackageDigest,
    PackageFile,
    PackageIndex,
    StoredLaunch,
)
from headway.domain.scorm import ScormVersion

_FIELDS: Final = frozenset(field.name for field in fields(Launch))


def file_name(digest: FileDigest) -> str:
    """Return the name of a file."""
    return f"files/{digest[:2]}/{digest}"


def package_name(package: PackageDigest) -> str:
    """Return the name of a package's index."""
    return f"packages/{package}.json"


def launch_name(content_id: ContentId) -> str:
    """Return the name of what a lesson's content launches."""
    return f"launches/{content_id}.json"


def describe(package: Package) -> Mapping[str, bytes]:
    """Return the documents of a package by their names: its index, and then what its lessons launch."""
    launches = {launch_name(content_id): write_launch(launch) for content_id, launch in package.launches.items()}
    return {package_name(package.digest): write_index(package.index)} | launches


def write_index(index: PackageIndex) -> bytes:
    """Return a package's index as a document."""
    return orjson.dumps({"files": [[file.path, file.digest, file.size] for file in index]})


def read_index(document: bytes) -> PackageIndex:
    """Return the index in a document."""
    files: list[tuple[str, str, int]] = orjson.loads(document)["files"]
    return PackageIndex(PackageFile(path, FileDigest(digest), size) for path, digest, size in files)


def write_launch(stored: StoredLaunch) -> bytes:
    """Return what a lesson's content launches as a document."""
    return orjson.dumps({"package": stored.package, "launch": stored.launch})


def read_launch(document: bytes) -> StoredLaunch:
    """Return what a document says a lesson's content launches. Fields of a newer Headway are ignored."""
    stored: dict[str, Any] = orjson.loads(document)
    launch = {name: value for name, value in stored["launch"].items() if name in _FIELDS}
    return StoredLaunch(PackageDigest(stored["package"]), Launch(**launch | {"scorm": ScormVersion(launch["scorm"])}))
