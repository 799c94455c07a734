"""Packages: imports them as courses, and reads what their lessons launch."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, TypeVar

from headway.domain.catalogue import Course, CourseChange, VersionedCourse
from headway.domain.edits import Impact
from headway.domain.errors import CourseNotFoundError, InvalidValueError, PackagesOffError, Problem
from headway.domain.identifiers import ContentId, CourseId
from headway.domain.package_ports import PackageContent, PackageStore
from headway.domain.packages import (
    Package,
    PackagedContent,
    PackageDigest,
    PackageFile,
    PackageIndex,
    course_id_of,
    course_of,
)
from headway.domain.ports import Store
from headway.domain.principal import COURSES_WRITE, Principal
from headway.domain.text import isolated
from headway.domain.writes import Precondition
from headway.service.catalogue import CatalogueService

Key = TypeVar("Key")
Value = TypeVar("Value")

_AT_A_TIME: Final = 2
_KEPT_INDEXES: Final = 16
_KEPT_CONTENTS: Final = 1_000


class ImportedPackage(NamedTuple):
    """A package and the course that it has become. `impact` is what would change, where nothing was stored."""

    package: Package
    course: Course
    change: CourseChange
    impact: Impact | None = None


class PackagesService:
    """Packages. Every method may raise `PackagesOffError` and `PackagesUnavailableError`.

    What is stored never changes, so indexes and contents are kept in memory, as many as were used last.
    `largest_bytes` is the size of the largest zip file that may be sent.
    """

    def __init__(
        self, store: Store, catalogue: CatalogueService, packages: PackageStore | None, largest_bytes: int
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._found_packages = packages
        self.largest_bytes = largest_bytes
        self._turns = asyncio.Semaphore(_AT_A_TIME)
        self._indexes: dict[PackageDigest, PackageIndex] = {}
        self._contents: dict[ContentId, PackagedContent] = {}

    @property
    def is_on(self) -> bool:
        """Whether this installation keeps packages."""
        return self._found_packages is not None

    def check_on(self) -> None:
        """Raise `PackagesOffError` unless this installation keeps packages."""
        self._packages  # noqa: B018 - its error is what is asked for

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Wait until a package may be checked and stored. Only a few are at a time: each keeps threads busy."""
        return self._turns

    def spool(self) -> Path | None:
        """The folder in which uploads wait; `None`: the system's folder of temporary files."""
        return self._packages.spool()

    @property
    def _packages(self) -> PackageStore:
        if self._found_packages is None:
            raise PackagesOffError
        return self._found_packages

    async def content(self, content_id: ContentId) -> PackagedContent | None:
        """Return what a lesson's content launches; `None` where the content is not of a package here."""
        if self._found_packages is None:
            return None
        found = self._contents.get(content_id) or await self._packages.content(content_id)
        return found and _kept(self._contents, content_id, found, _KEPT_CONTENTS)

    async def index(self, package: PackageDigest) -> PackageIndex:
        """Return the files of a package."""
        found = self._indexes.get(package)
        if found is None:
            found = await self._packages.index(package)
        return _kept(self._indexes, package, found, _KEPT_INDEXES)

    def read(self, file: PackageFile, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes of a file from `start` up to `stop` (`None`: its end), in pieces of at most 256 KiB."""
        return self._packages.read(file, start, stop)

    async def import_package(
        self,
        principal: Principal,
        package: Package,
        content: PackageContent,
        course_id: CourseId | None = None,
        *,
        dry_run: bool = False,
        stored: Callable[[int], None] = lambda _: None,
    ) -> ImportedPackage:
        """Store a package and its course, or with `dry_run` return what would change. Needs `courses:write`.

        Without a course id, it follows from the identifier of the package's manifest. `stored` is called as
        `PackageStore.put` says. Raises `InvalidValueError` where the course breaks a rule or is another package's, and
        `PreconditionFailedError` where the course is changed meanwhile.
        """
        principal.require(COURSES_WRITE)
        packages = self._packages
        known_id = course_id or course_id_of(package.identifier)
        before = await self._before(known_id)
        course = course_of(package, known_id, before and before.course)
        precondition = Precondition(frozenset({before.etag})) if before else Precondition(none_match_any=True)
        impact = await self._catalogue.impact_of_course(principal, course, precondition)
        if course_id is None and before is not None and len(impact.change.added) == len(course.lessons):
            _refuse_other_course(before.course)
        if dry_run:
            return ImportedPackage(package, course, impact.change, impact)
        await packages.put(package, content, stored)
        put = await self._catalogue.put_course(principal, course, precondition)
        return ImportedPackage(package, course, put.change)

    async def _before(self, course_id: CourseId) -> VersionedCourse | None:
        try:
            return await self._store.course(course_id)
        except CourseNotFoundError:
            return None


def _kept(kept: dict[Key, Value], key: Key, value: Value, most: int) -> Value:
    """Keep a value as the one that was used last, and drop the one that was not used for the longest time."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > most:
        del kept[next(iter(kept))]
    return value


def _refuse_other_course(before: Course) -> NoReturn:
    """Refuse to put a package over a course with which it shares no lesson: authors often copy a manifest."""
    reason = (
        f"The catalogue has a course for the identifier of this manifest, {isolated(before.title)}, and none of its "
        f"lessons is in this package. If the package is a new version of it, name the course: {before.id}. If it is "
        "another course, name a new id."
    )
    raise InvalidValueError([Problem((), reason, "other_course")])
