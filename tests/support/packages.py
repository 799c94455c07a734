"""Small SCORM packages that the tests write themselves."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

_NAMESPACES_12: Final = (
    'xmlns="http://www.imsproject.org/xsd/imscp_rootv1p1p2" xmlns:adlcp="http://www.adlnet.org/xsd/adlcp_rootv1p2"'
)
_NAMESPACES_2004: Final = (
    'xmlns="http://www.imsglobal.org/xsd/imscp_v1p1" xmlns:adlcp="http://www.adlnet.org/xsd/adlcp_v1p3" '
    'xmlns:imsss="http://www.imsglobal.org/xsd/imsss"'
)
PAGE: Final = "<!doctype html><title>A page</title><p>Hello.</p>"


@dataclass(frozen=True)
class Item:
    """An item of a package. Without `href` it is a heading.

    `resource` has attributes of its resource, `attributes` those of the item, as XML; `inside` is XML in the item.
    `measure` is the passing measure of SCORM 2004 (0 to 1), `threshold` its completion threshold.
    """

    identifier: str = "item"
    title: str = "An item"
    href: str | None = "index.html"
    is_sco: bool = True
    mastery_score: float | None = None
    measure: float | None = None
    threshold: float | None = None
    children: tuple["Item", ...] = ()
    attributes: str = ""
    resource: str = ""
    inside: str = ""


ONE_ITEM: Final = (Item(),)


def scorm12_package(items: Iterable[Item] = ONE_ITEM, files: Mapping[str, str | bytes] = {}, **manifest: str) -> bytes:
    """Return a package of SCORM 1.2. Items whose file is not in `files` get a small page."""
    items = tuple(items)
    return zipped({"imsmanifest.xml": scorm12_manifest(items, **manifest), **_pages(items), **files})


def scorm2004_package(
    items: Iterable[Item] = ONE_ITEM, files: Mapping[str, str | bytes] = {}, **manifest: str
) -> bytes:
    """Return a package of SCORM 2004. Items whose file is not in `files` get a small page."""
    items = tuple(items)
    return zipped({"imsmanifest.xml": scorm2004_manifest(items, **manifest), **_pages(items), **files})


def scorm12_manifest(items: Iterable[Item] = ONE_ITEM, **manifest: str) -> str:
    """Return a manifest of SCORM 1.2; `manifest` as for `manifest_of`."""
    return manifest_of(items, "1.2", **manifest)


def scorm2004_manifest(items: Iterable[Item] = ONE_ITEM, edition: str = "2004 4th Edition", **manifest: str) -> str:
    """Return a manifest of SCORM 2004; `manifest` as for `manifest_of`."""
    return manifest_of(items, edition, **manifest)


def manifest_of(  # noqa: PLR0913 - each is a part of the document
    items: Iterable[Item],
    version: str,
    *,
    identifier: str = "org.example.course",
    title: str = "A course",
    encoding: str = "UTF-8",
    base: str = "",
    resources_base: str = "",
    inside: str = "",
    organizations: str = "",
) -> str:
    """Return a manifest. `inside` is XML at its end; `organizations` is XML beside the default organization."""
    items = tuple(items)
    is_12 = version == "1.2"
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>\n'
        f'<manifest identifier={quoteattr(identifier)} version="1" {_NAMESPACES_12 if is_12 else _NAMESPACES_2004}'
        f"{_base(base)}>\n"
        f"<metadata><schema>ADL SCORM</schema><schemaversion>{version}</schemaversion></metadata>\n"
        f'<organizations default="org">{organizations}<organization identifier="org"><title>{escape(title)}</title>'
        f"{''.join(_item(item, is_12=is_12) for item in items)}</organization></organizations>\n"
        f"<resources{_base(resources_base)}>{''.join(_resource(item, is_12=is_12) for item in _each(items))}"
        f"</resources>{inside}\n"
        "</manifest>"
    )


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """Return a zip file with these files by their names."""
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def _item(item: Item, *, is_12: bool) -> str:
    reference = f' identifierref="resource-{escape(item.identifier)}"' if item.href is not None else ""
    parts = [f"<title>{escape(item.title)}</title>", item.inside]
    parts += [_item(child, is_12=is_12) for child in item.children]
    if item.mastery_score is not None:
        parts.append(f"<adlcp:masteryscore>{item.mastery_score:g}</adlcp:masteryscore>")
    if item.threshold is not None:
        parts.append(f'<adlcp:completionThreshold completedByMeasure="true" minProgressMeasure="{item.threshold:g}"/>')
    if item.measure is not None:
        parts.append(
            '<imsss:sequencing><imsss:objectives><imsss:primaryObjective satisfiedByMeasure="true">'
            f"<imsss:minNormalizedMeasure>{item.measure:g}</imsss:minNormalizedMeasure></imsss:primaryObjective>"
            "</imsss:objectives></imsss:sequencing>"
        )
    identifier = f" identifier={quoteattr(item.identifier)}" if item.identifier else ""
    return f"<item{identifier}{reference} {item.attributes}>{''.join(parts)}</item>"


def _resource(item: Item, *, is_12: bool) -> str:
    if item.href is None:
        return ""
    kind = f'adlcp:{"scormtype" if is_12 else "scormType"}="{"sco" if item.is_sco else "asset"}"'
    return (
        f'<resource identifier="resource-{escape(item.identifier)}" type="webcontent" {kind} '
        f"href={quoteattr(item.href)} {item.resource}/>"
    )


def _each(items: Iterable[Item]) -> Iterable[Item]:
    for item in items:
        yield item
        yield from _each(item.children)


def _pages(items: Iterable[Item]) -> dict[str, str]:
    hrefs = (item.href.partition("?")[0].partition("#")[0] for item in _each(items) if item.href)
    return {href: PAGE for href in hrefs if "%" not in href and "\\" not in href and ":" not in href}


def _base(base: str) -> str:
    return f" xml:base={quoteattr(base)}" if base else ""
