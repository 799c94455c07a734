"""Reads the XML of a package's manifest: in any usual encoding, without entities, and within bounds."""

import codecs
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Final, NoReturn
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, EntitiesForbidden
from defusedxml.ElementTree import iterparse

from headway.domain.errors import InvalidValueError, Problem
from headway.domain.packages import MANIFEST

_MOST_ELEMENTS: Final = 250_000
_DEEPEST: Final = 100

# A declaration is ASCII in every encoding but UTF-16, which is told by its first bytes.
_DECLARATION: Final = re.compile(r"\s*<\?xml\b[^>]*?\?>")
_DECLARED: Final = re.compile(rb"""\s*<\?xml\b[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_MARKED: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_USUAL: Final = re.compile(r"utf-8|ascii|iso8859-\d+|cp125\d|cp932|koi8-[ru]|mac-\w+|gb\w+|big5|shift_jis|euc_\w+")
"""The encodings that are read, by Python's names: each of them has the characters of ASCII in ASCII's bytes."""
_UTF_16: Final = re.compile(r"utf-16(-[lb]e)?")


def read_xml(content: bytes) -> tuple[Element, list[str]]:
    """Return the root of a manifest, and warnings about its encoding.

    Raises `InvalidValueError` where the manifest is not XML, has entities, or is too large or too deep.
    """
    text, warnings = _text(content)
    try:
        return _parse(_DECLARATION.sub("", text, count=1).encode()), warnings
    except EntitiesForbidden:
        _refuse("defines entities, which are not read", "xml_entities")
    except DefusedXmlException:
        _refuse("refers to something outside the package in its DTD, which is not read", "xml_entities")
    except ParseError as error:
        _refuse(f"is not XML: {error}", "xml_invalid")


def _parse(content: bytes) -> Element:
    """Parse XML, and stop as soon as it is too large or too deep."""
    root: Element | None = None
    depth = found = 0
    for event, element in _events(content):
        if event == "end":
            depth -= 1
            continue
        root = element if root is None else root
        depth, found = depth + 1, found + 1
        if depth > _DEEPEST:
            _refuse(f"has elements in each other, more than {_DEEPEST} deep", "xml_too_deep")
        if found > _MOST_ELEMENTS:
            _refuse(f"has more than {_MOST_ELEMENTS:,} elements", "manifest_too_large")
    if root is None:
        _refuse("is empty", "xml_invalid")
    return root


def _events(content: bytes) -> Iterator[tuple[str, Element]]:
    return iterparse(BytesIO(content), ("start", "end"))


def _text(content: bytes) -> tuple[str, list[str]]:
    """Return the text of a manifest, and warnings where its bytes show another encoding than it declares."""
    encoding, warnings = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        _refuse(
            f"says that its encoding is {encoding.removesuffix('-sig').upper()}, but byte {error.start + 1} of it is "
            "not. Save it in the encoding that its first line declares, best UTF-8",
            "wrong_encoding",
        )
    try:
        text.encode()  # a lone surrogate of UTF-16
    except UnicodeEncodeError:
        _refuse("has characters that no text can have", "wrong_encoding")
    return text, warnings


def _encoding(content: bytes) -> tuple[str, list[str]]:
    for mark, encoding in _MARKED:
        if content.startswith(mark):
            return encoding, []
    declared = _DECLARED.match(content)
    if declared is None:
        return "utf-8", []
    name = declared[1].decode()
    try:
        encoding = codecs.lookup(name).name
    except LookupError:
        encoding = ""
    if _UTF_16.fullmatch(encoding):  # the bytes of the declaration show that it is not true
        return "utf-8", [f"{MANIFEST} declares {name}, but is UTF-8. It was read as UTF-8."]
    if not _USUAL.fullmatch(encoding):
        _refuse(f"declares the encoding {name}, which is not read. Save it as UTF-8", "unknown_encoding")
    return encoding, []


def _refuse(reason: str, kind: str) -> NoReturn:
    raise InvalidValueError([Problem((MANIFEST,), f"The manifest {reason}.", kind)])
