"""Reads `imsmanifest.xml`, the manifest of a SCORM package: versions 1.2 and 2004 (2nd to 4th edition).

It follows the SCORM Content Aggregation Model (CAM), and is tolerant where authoring tools are not exact: names of
elements and attributes are known by their local part, and capitals in paths do not count.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn
from xml.etree.ElementTree import Element

from headway.domain.bounds import COURSE_LESSONS
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.packages import MANIFEST, Content, Package, PackageIndex, PackageItem
from headway.domain.scorm import ScormVersion
from headway.domain.text import title_fault, without_controls
from headway.formats.manifest_xml import read_xml
from headway.formats.package_links import Link, UnusableLinkError, join_bases, resolve

_LONGEST_TITLE: Final = 500
_LONGEST_IDENTIFIER: Final = 4_000  # SCORM CAM asks for no more
_MOST_NAMED: Final = 5
_LONGEST_NAMED: Final = 100
_BETWEEN_HEADINGS: Final = " \u203a "
_LONGEST_LAUNCH_DATA: Final = 64_000
_CLOCK: Final = re.compile(r"\d{2,4}:\d{2}:\d{2}(\.\d{1,2})?")
_DURATION: Final = re.compile(r"P(?=.)(\d{1,9}[YMWD]){0,4}(T(\d{1,9}[HM]){0,2}(\d{1,9}(\.\d{1,2})?S)?)?")
_TIME_LIMIT_ACTIONS: Final = frozenset({"exit,message", "exit,no message", "continue,message", "continue,no message"})
_HIGHEST_SCORE: Final = 100

_RULES: Final = frozenset(
    {
        "sequencingRules", "limitConditions", "rollupRules", "randomizationControls", "rollupConsiderations",
        "constrainedChoiceConsiderations", "auxiliaryResources",
    }
)  # fmt: skip
"""Parts of SCORM 2004's sequencing that Headway does not enforce."""


class _Resource(NamedTuple):
    """A resource of the manifest: what an item launches. `href` is `None` where it launches nothing."""

    href: str | None
    bases: Sequence[str]
    kind: str | None


def read_manifest(content: bytes, index: PackageIndex) -> Package:
    """Return the package that a manifest describes; `index` has the files. Raises `InvalidValueError`."""
    root, warnings = read_xml(content)
    if _local(root) != "manifest":
        _refuse(f"begins with <{_local(root)}>, not with <manifest>", "no_manifest")
    _refuse_others(root)
    return _Reader(root, index, warnings).package()


def _refuse_others(root: Element) -> None:
    """Refuse manifests with the same name of other kinds of packages."""
    schema = _text_of(_child(_child(root, "metadata"), "schema")) or ""
    namespace = root.tag.partition("}")[0].lower()
    if "imscc" in namespace or "common cartridge" in schema.lower():
        _refuse("is of an IMS Common Cartridge. Common Cartridges are not supported yet", "common_cartridge")


def _version(root: Element) -> ScormVersion | None:
    """Return the version that a manifest says, or that its namespaces show; `None` where neither does."""
    said = (_text_of(_child(_child(root, "metadata"), "schemaversion")) or "").lower()
    if said.startswith("1.2"):
        return ScormVersion.SCORM_12
    if "2004" in said or said.startswith(("cam", "1.3")):
        return ScormVersion.SCORM_2004
    names = {name for element in root.iter() for name in (element.tag, *element.attrib)}
    if any("adlcp_rootv1p2" in name or "imscp_rootv1p1p2" in name for name in names):
        return ScormVersion.SCORM_12
    return ScormVersion.SCORM_2004 if any("adlcp_v1p3" in name for name in names) else None


@dataclass
class _Reader:
    """Reads one manifest. `unenforced` counts what of its rules Headway does not enforce."""

    root: Element
    index: PackageIndex
    warnings: list[str]
    unenforced: Counter[str] = field(default_factory=Counter)

    def package(self) -> Package:
        """Return the package."""
        self.scorm = self._known_version()
        self.resources = self._all_resources()
        self.sequencings = self._collected_sequencings()
        organization = self._organization()
        found = list(self._items(organization, ()))
        self._check_identifiers(found)
        items = tuple(PackageItem(content, section) for content, section in map(self._item, self._shown(found)))
        self._check_number(items)
        self._warn_of_rules()
        identifier = _attribute(self.root, "identifier") or _attribute(organization, "identifier")
        if not identifier:
            _refuse("has no identifier, by which its next version would be known", "no_identifier")
        title = _title(_text_of(_child(organization, "title")) or identifier, "SCORM")
        return Package(identifier[:_LONGEST_IDENTIFIER], title, self.scorm, items, self.index, tuple(self.warnings))

    def _known_version(self) -> ScormVersion:
        version = _version(self.root)
        if version is None:
            self.warnings.append(f"{MANIFEST} does not say its version of SCORM. It was read as 1.2.")
        return version or ScormVersion.SCORM_12

    def _all_resources(self) -> dict[str, _Resource]:
        """Return the resources by their identifiers, each with the bases of its href from the outside in."""
        found = {}
        parent = _child(self.root, "resources")
        for element in _children(parent, "resource"):
            bases = [_attribute(one, "base") or "" for one in (self.root, parent, element) if one is not None]
            identifier = _attribute(element, "identifier") or ""
            found[identifier] = _Resource(_attribute(element, "href"), bases, _attribute(element, "scormtype"))
        return found

    def _collected_sequencings(self) -> dict[str, Element]:
        """Return what items may refer to by `IDRef`."""
        collection = _child(self.root, "sequencingCollection")
        return {_attribute(one, "id") or "": one for one in _children(collection, "sequencing")}

    def _organization(self) -> Element:
        """Return the default organization, or else the first one."""
        parent = _child(self.root, "organizations")
        found = list(_children(parent, "organization"))
        if not found:
            _refuse("has no organization, so it does not say what learners open", "no_organization")
        if len(found) > 1:
            self.warnings.append(f"{MANIFEST} has {len(found)} organizations. Only the default one was read.")
        wanted = _attribute(parent, "default")
        for organization in found:
            if wanted is not None and _attribute(organization, "identifier") == wanted:
                return organization
        if wanted is not None:
            self.warnings.append(f"There is no organization {_named(wanted)}, the default one. The first one was read.")
        return found[0]

    def _items(self, parent: Element, headings: tuple[str, ...]) -> Iterator["_Found"]:
        """Yield the items below an element that launch something, with the headings above them."""
        self._count_rules(parent)
        for item in _children(parent, "item"):
            yield _Found(item, headings)
            title = _text_of(_child(item, "title"))
            below = (*headings, title) if title and _is_visible(item) else headings
            yield from self._items(item, below)

    def _check_identifiers(self, found: Iterable["_Found"]) -> None:
        counts = Counter(_attribute(item.element, "identifier") or "" for item in found)
        if counts[""]:
            _refuse(f"has {counts['']} items without an identifier, which progress is kept by", "no_identifier")
        twice = [_named(identifier) for identifier, count in counts.items() if count > 1]
        if twice:
            _refuse(f"has several items with the same identifier: {_some(twice)}", "duplicate_identifier")

    def _shown(self, found: Iterable["_Found"]) -> list["_Found"]:
        """Return the items that become lessons: those that launch something, without hidden ones where others are."""
        launching = []
        for one in found:
            if _attribute(one.element, "identifierref"):
                launching.append(one)
            elif _child(one.element, "item") is None:
                self.warnings.append(f"The item {one.name} launches nothing. It was left out.")
        visible = [one for one in launching if _is_visible(one.element)]
        if not visible:
            return launching
        hidden = [one.name for one in launching if not _is_visible(one.element)]
        if hidden:
            self.warnings.append(f"Hidden items were left out: {_some(hidden)}.")
        return visible

    def _check_number(self, items: Sequence[PackageItem]) -> None:
        if not items:
            _refuse("has no item that launches something", "no_items")
        if len(items) > COURSE_LESSONS:
            _refuse(
                f"has {len(items):,} items that launch something; a course has at most {COURSE_LESSONS:,}",
                "too_many_items",
            )

    def _item(self, found: "_Found") -> tuple[Content, str | None]:
        """Return what an item launches, and the heading above it."""
        item = found.element
        identifier = _attribute(item, "identifier") or ""
        reference = _attribute(item, "identifierref") or ""
        resource = self.resources.get(reference)
        if resource is None:
            _refuse(f"has no resource {_named(reference)}, which its item {found.name} launches", "no_resource")
        link = self._link(found, resource)
        content = Content(
            identifier,
            _title(_text_of(_child(item, "title")) or identifier, "Untitled"),
            link.path,
            link.query,
            link.fragment,
            self._is_sco(resource, found.name),
            self.scorm,
            self._launch_data(item, found.name),
            self._mastery_score(item, found.name),
            self._passing_score(item),
            self._completion_threshold(item, found.name),
            self._max_time(item, found.name),
            self._time_limit_action(item, found.name),
        )
        headings = _BETWEEN_HEADINGS.join(found.headings)
        return content, _title(headings, "") if headings else None

    def _link(self, found: "_Found", resource: _Resource) -> Link:
        if not resource.href:
            _refuse(f"has no href in the resource that its item {found.name} launches", "no_href")
        parameters = _attribute(found.element, "parameters") or ""
        try:
            return resolve(resource.href, join_bases(resource.bases), parameters, self.index)
        except UnusableLinkError as error:
            _refuse(f"launches {_named(resource.href)} by its item {found.name}: {error}", error.kind)

    def _is_sco(self, resource: _Resource, name: str) -> bool:
        """Whether a resource reports. Where the manifest does not say it, it is taken as one that does."""
        if resource.kind is None:
            self.warnings.append(
                f"The manifest does not say whether {name} is a SCO or an asset. It was read as a SCO."
            )
        return resource.kind is None or resource.kind.lower() != "asset"

    def _launch_data(self, item: Element, name: str) -> str:
        """Return what content is told when it starts."""
        text = _text_of(_child(item, "dataFromLMS")) or ""
        if len(text) <= _LONGEST_LAUNCH_DATA:
            return text
        self.warnings.append(f"What {name} is to be told when it starts is too long. It was left out.")
        return ""

    def _max_time(self, item: Element, name: str) -> str | None:
        """Return the time that a learner may take: HHHH:MM:SS in SCORM 1.2, a duration of ISO 8601 in 2004."""
        text = _text_of(_child(item, "maxtimeallowed")) or _text_of(_limit(item))
        form = _CLOCK if self.scorm is ScormVersion.SCORM_12 else _DURATION
        if text is None or form.fullmatch(text):
            return text
        self.warnings.append(f"The time limit of {name} can not be read. It was left out.")
        return None

    def _time_limit_action(self, item: Element, name: str) -> str | None:
        """Return what content is to do after that time."""
        text = _text_of(_child(item, "timelimitaction"))
        if text is None or text in _TIME_LIMIT_ACTIONS:
            return text
        self.warnings.append(f"The time limit action of {name} is none of SCORM's. It was left out.")
        return None

    def _mastery_score(self, item: Element, name: str) -> float | None:
        """Return the mastery score of SCORM 1.2: a number from 0 to 100."""
        text = _text_of(_child(item, "masteryscore"))
        return None if text is None else self._number(text, 0, _HIGHEST_SCORE, f"The mastery score of {name}")

    def _completion_threshold(self, item: Element, name: str) -> float | None:
        """Return the progress measure that completes an item of SCORM 2004, 4th edition; in earlier ones a text."""
        element = _child(item, "completionThreshold")
        if element is None or self.scorm is not ScormVersion.SCORM_2004:
            return None
        by_measure = _attribute(element, "completedByMeasure")
        text = _attribute(element, "minProgressMeasure") or _text_of(element)
        if by_measure is not None and not _is_true(by_measure):
            return None
        if text is None:
            return 1.0 if by_measure is not None else None  # CAM: its default
        return self._number(text, 0, 1, f"The completion threshold of {name}")

    def _passing_score(self, item: Element) -> float | None:
        """Return the score of the primary objective of an item: its own one, or that of the sequencing it refers to."""
        own = _child(item, "sequencing")
        referred = self.sequencings.get(_attribute(own, "IDRef") or "")
        for sequencing in (own, referred):
            primary = _child(_child(sequencing, "objectives"), "primaryObjective")
            if primary is None:
                continue
            if not _is_true(_attribute(primary, "satisfiedByMeasure") or ""):
                return None
            text = _text_of(_child(primary, "minNormalizedMeasure"))
            name = _named(_attribute(item, "identifier") or "")
            return 1.0 if text is None else self._number(text, -1, 1, f"The passing score of {name}")
        return None

    def _number(self, text: str, lowest: float, highest: float, what: str) -> float | None:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if lowest <= number <= highest:
            return number
        self.warnings.append(f"{what} is {_named(text)}, not a number from {lowest} to {highest}. It was left out.")
        return None

    def _count_rules(self, element: Element) -> None:
        """Count the rules of an item or the organization that are not enforced."""
        own = _child(element, "sequencing")
        for sequencing in (own, self.sequencings.get(_attribute(own, "IDRef") or "")):
            rules = map(_local, [] if sequencing is None else sequencing)
            self.unenforced.update(rule for rule in rules if rule in _RULES)
        if _child(element, "prerequisites") is not None:
            self.unenforced["prerequisites"] += 1

    def _warn_of_rules(self) -> None:
        if self.unenforced:
            named = ", ".join(f"{name} ({count})" for name, count in sorted(self.unenforced.items()))
            self.warnings.append(f"These rules are not enforced, learners open the lessons in any order: {named}.")


class _Found(NamedTuple):
    """An item of the organization, and the headings above it."""

    element: Element
    headings: tuple[str, ...]

    @property
    def name(self) -> str:
        """The item's identifier, for a sentence."""
        return _named(_attribute(self.element, "identifier") or "")


def _limit(item: Element) -> Element | None:
    """Return the element with the time limit of SCORM 2004."""
    return _child(_child(_child(item, "sequencing"), "limitConditions"), "attemptAbsoluteDurationLimit")


def _is_visible(item: Element) -> bool:
    return (_attribute(item, "isvisible") or "true").lower() not in {"false", "0"}


def _is_true(text: str) -> bool:
    return text.strip().lower() in {"true", "1"}


def _title(text: str, otherwise: str) -> str:
    """Return a text as a title: on one line, without control characters, and not too long."""
    title = without_controls(" ".join(text.split()))[:_LONGEST_TITLE].strip()
    return otherwise if title_fault(title) else title


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(parent: Element | None, name: str) -> Iterator[Element]:
    """Yield the children with this local name, whatever capitals it has."""
    if parent is not None:
        yield from (child for child in parent if _local(child).lower() == name.lower())


def _child(parent: Element | None, name: str) -> Element | None:
    return next(_children(parent, name), None)


def _attribute(element: Element | None, name: str) -> str | None:
    """Return the attribute with this local name, whatever capitals it has."""
    if element is None:
        return None
    found = (value for key, value in element.attrib.items() if key.rpartition("}")[2].lower() == name.lower())
    return next(found, None)


def _text_of(element: Element | None) -> str | None:
    """Return the text of an element; `None` where it has none."""
    return None if element is None else (element.text or "").strip() or None


def _named(text: str) -> str:
    """Return a text of the manifest for a sentence."""
    shown = without_controls(text)
    return f"“{shown if len(shown) <= _LONGEST_NAMED else shown[:_LONGEST_NAMED] + '…'}”"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _refuse(reason: str, kind: str) -> NoReturn:
    raise InvalidValueError([Problem((MANIFEST,), f"The manifest {reason}.", kind)])
