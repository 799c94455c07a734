"""SCORM packages: their files by content, what each item launches, and the course that a package becomes."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final, NamedTuple, NewType
from uuid import UUID, uuid5

from headway.domain.bounds import plain, rounded
from headway.domain.catalogue import Course, Lesson, LessonKind, default_complete_at
from headway.domain.identifiers import ContentId, CourseId, LessonId
from headway.domain.scorm import ScormVersion

PackageDigest = NewType("PackageDigest", str)
"""The SHA-256 of a package's content, in hexadecimal digits: of all its paths and files, in the order of the paths."""
FileDigest = NewType("FileDigest", str)
"""The SHA-256 of a file's bytes, in hexadecimal digits."""

MANIFEST: Final = "imsmanifest.xml"
"""The file that describes a package, at its root."""

_PACKAGES: Final = UUID("9f3c2a1e-7b64-5d0f-8c15-2e6a90b7d4c3")  # the namespace of the ids of packages' contents
_COURSES: Final = UUID("1d7e5b90-34c8-5a2b-9e61-c0f8a3d26b57")  # the namespace of the ids of packages' courses
_VERSION_AT: Final = 14
_VERSION: Final = "8"


@dataclass(frozen=True, slots=True)
class Content:
    """What an item of a package opens, and what its content is told.

    - `identifier` and `title` are the item's.
    - `path` is the path of the file in the package. `query` is empty or begins with `?`; it has the `parameters` of the
      item. `fragment` is empty or begins with `#`.
    - `is_sco`: the content reports what the learner does. An asset reports nothing.
    - `launch_data` is `adlcp:dataFromLMS`; empty where there is none.
    - `mastery_score` (0 to 100) is `cmi.student_data.mastery_score` of SCORM 1.2.
    - `passing_score` (-1 to 1) is `cmi.scaled_passing_score` of SCORM 2004.
    - `completion_threshold` (0 to 1) is `cmi.completion_threshold` of SCORM 2004.
    - `max_time` and `time_limit_action` are texts as the manifest has them.
    """

    identifier: str
    title: str
    path: str
    query: str = ""
    fragment: str = ""
    is_sco: bool = True
    scorm: ScormVersion = ScormVersion.SCORM_12
    launch_data: str = ""
    mastery_score: float | None = None
    passing_score: float | None = None
    completion_threshold: float | None = None
    max_time: str | None = None
    time_limit_action: str | None = None

    @property
    def pass_mark(self) -> float | None:
        """The lowest score that passes, above 0 and up to 100; `None` where there is none, or every score passes."""
        score = self.mastery_score
        if self.scorm is ScormVersion.SCORM_2004:
            score = None if self.passing_score is None else rounded(self.passing_score * 100)
        return plain(score) if score is not None and score > 0 else None


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A file of a package. `path` has `/` between its parts and is in Unicode's form NFC. `size` is in bytes."""

    path: str
    digest: FileDigest
    size: int


def plain_path(path: str) -> str:
    """Return a path in the form in which the index has it: Unicode's form NFC."""
    return unicodedata.normalize("NFC", path)


def folded_path(path: str) -> str:
    """Return what two paths have in common that are the same file on Windows and macOS."""
    return plain_path(plain_path(path).casefold())


class PackageIndex:
    """The files of a package by path. No two paths differ in capitals alone."""

    def __init__(self, files: Iterable[PackageFile]) -> None:
        self._files = {file.path: file for file in sorted(files, key=lambda file: file.path)}

    def __iter__(self) -> Iterator[PackageFile]:
        """Yield the files in the order of their paths."""
        return iter(self._files.values())

    def __len__(self) -> int:
        return len(self._files)

    def find(self, path: str) -> PackageFile | None:
        """Return the file at a path, or else the one whose path differs in capitals alone, or `None`.

        Authors work on machines on which capitals in paths do not count.
        """
        return self._files.get(plain_path(path)) or self._by_folded_path.get(folded_path(path))

    @cached_property
    def digest(self) -> PackageDigest:
        """The digest of the whole content. The same files in another zip file are the same package."""
        content = sha256()
        for file in self:
            content.update(f"{file.digest} {file.size} {file.path}\n".encode())
        return PackageDigest(content.hexdigest())

    @cached_property
    def size(self) -> int:
        """The bytes of all files together."""
        return sum(file.size for file in self)

    @cached_property
    def _by_folded_path(self) -> Mapping[str, PackageFile]:
        return {folded_path(path): file for path, file in self._files.items()}


class PackagedContent(NamedTuple):
    """What a lesson's content launches, and the package in which it is."""

    package: PackageDigest
    content: Content


@dataclass(frozen=True, slots=True)
class PackageItem:
    """An item of a package that becomes a lesson. `section` is the heading above it."""

    content: Content
    section: str | None = None


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was read and checked.

    `identifier` is the manifest's. `warnings` are sentences about what is in the package, but is not used.
    """

    identifier: str
    title: str
    scorm: ScormVersion
    items: tuple[PackageItem, ...]
    index: PackageIndex
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> PackageDigest:
        """The digest of the package's content."""
        return self.index.digest

    @property
    def contents(self) -> Mapping[ContentId, PackagedContent]:
        """What its lessons launch, by the id of their content."""
        return {
            content_id_of(self.digest, item.content.identifier): PackagedContent(self.digest, item.content)
            for item in self.items
        }


def course_id_of(identifier: str) -> CourseId:
    """Return the id of the course of a package whose manifest has this identifier."""
    return CourseId(str(uuid5(_COURSES, identifier)))


def lesson_id_of(course_id: CourseId, identifier: str) -> LessonId:
    """Return the id of an item's lesson. It is the same in every version of the package, so progress is kept."""
    return LessonId(str(uuid5(UUID(course_id), identifier)))


def content_id_of(package: PackageDigest, identifier: str) -> ContentId:
    """Return the id of what an item launches. It names this version of the package, so it never means another file.

    It is a UUID of version 8 (RFC 9562 section 5.8), by which `is_packaged` knows it.
    """
    found = str(uuid5(uuid5(_PACKAGES, package), identifier))
    return ContentId(f"{found[:_VERSION_AT]}{_VERSION}{found[_VERSION_AT + 1 :]}")


def is_packaged(content_id: ContentId) -> bool:
    """Whether an id is one of the content of a package."""
    return content_id[_VERSION_AT] == _VERSION


def course_of(package: Package, course_id: CourseId, before: Course | None) -> Course:
    """Return the course of a package. What the package does not say is as in `before`, the course that there is.

    Raises `InvalidValueError` where the course breaks a rule.
    """
    lessons = tuple(_lesson(package, item, course_id) for item in package.items)
    if before is None:
        return Course(course_id, package.title, lessons)
    kept = tuple(_as_before(lesson, before.lessons_by_id.get(lesson.id), lessons) for lesson in lessons)
    return Course(course_id, package.title, kept, before.time_zone, before.on_edit, before.valid_for_days)


def _lesson(package: Package, item: PackageItem, course_id: CourseId) -> Lesson:
    content = item.content
    threshold = content.completion_threshold
    return Lesson(
        lesson_id_of(course_id, content.identifier),
        content.title,
        content_id_of(package.digest, content.identifier),
        item.section,
        LessonKind.OTHER if content.pass_mark is None else LessonKind.QUIZ,
        pass_mark=content.pass_mark,
        complete_at=plain(rounded(threshold * 100)) if threshold else default_complete_at(content.pass_mark),
    )


def _as_before(lesson: Lesson, before: Lesson | None, lessons: Iterable[Lesson]) -> Lesson:
    """Return the lesson with what only an author can have said of it."""
    if before is None:
        return lesson
    known = {one.id for one in lessons}
    return Lesson(
        lesson.id,
        lesson.title,
        lesson.content_id,
        lesson.section,
        lesson.kind,
        before.duration_seconds,
        before.required,
        lesson.pass_mark,
        lesson.complete_at,
        tuple(required for required in before.requires if required in known),
        before.due_at,
        before.due_after_days,
    )
