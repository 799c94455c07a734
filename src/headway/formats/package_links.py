"""Resolves the hrefs of a package's manifest to files of the package."""

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote

from headway.domain.packages import PackageIndex

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class UnusableLinkError(Exception):
    """An href does not lead to a file of the package. The message is the end of a sentence."""

    def __init__(self, reason: str, kind: str) -> None:
        super().__init__(reason)
        self.kind = kind


class Link(NamedTuple):
    """A file of the package, with the query (`?…`) and the fragment (`#…`) of its address, or empty texts."""

    path: str
    query: str
    fragment: str


def join_bases(bases: Iterable[str]) -> str:
    """Return the folder that several `xml:base` lead to, from the outside in."""
    joined = ""
    for base in bases:
        joined = _slashed(base) if _SCHEME.match(base) else joined + _folder(base)
    return joined


def resolve(href: str, base: str, parameters: str, index: PackageIndex) -> Link:
    """Return what an href leads to, with the `parameters` of its item. Raises `UnusableLinkError`."""
    address = base + _slashed(href.strip()) if not _SCHEME.match(href.strip()) else _slashed(href.strip())
    if _SCHEME.match(address) or address.startswith("//"):
        raise UnusableLinkError("it is not in the package. Only files of the package can be played", "outside_package")
    path, query, fragment = _parts(address)
    for candidate in _candidates(path):
        file = index.find(candidate)
        if file is not None:
            return Link(file.path, *_with_parameters(query, fragment, parameters))
    raise UnusableLinkError("there is no such file in the package", "no_file")


def _parts(address: str) -> tuple[str, str, str]:
    rest, hash_sign, fragment = address.partition("#")
    path, question_mark, query = rest.partition("?")
    return path, (question_mark + query if query else ""), (hash_sign + fragment if fragment else "")


def _candidates(path: str) -> Iterator[str]:
    """Yield the paths that may be meant: decoded as an address should be, as it stands, or by an older encoding.

    Raises `UnusableLinkError` where the path leads out of the package.
    """
    for text in (unquote(path), path, unquote(path, "cp1252", "replace")):
        normal = posixpath.normpath(_slashed(text).lstrip("/"))
        if normal == ".." or normal.startswith("../"):
            raise UnusableLinkError("it leads out of the package", "outside_package")
        yield normal


def _with_parameters(query: str, fragment: str, parameters: str) -> tuple[str, str]:
    """Return a query and a fragment with the parameters of an item added (SCORM CAM section 3.4.1)."""
    added = parameters.strip().lstrip("?&")
    if added.startswith("#"):
        return query, fragment or added
    added, hash_sign, more = added.partition("#")
    if added:
        query = f"{query}&{added}" if query else f"?{added}"
    return query, fragment or (hash_sign + more if more else "")


def _folder(base: str) -> str:
    slashed = _slashed(base)
    return slashed if not slashed or slashed.endswith("/") else f"{slashed}/"


def _slashed(text: str) -> str:
    return text.replace("\\", "/")
