"""The answer to the import of a package, and its query."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from headway.domain.catalogue import LessonKind
from headway.domain.scorm import ScormVersion
from headway.formats.course_document import CourseChange, CourseImpact, impact_document
from headway.formats.queries import Flag, Nothing, optional
from headway.service import ImportedPackage


class PackageParameters(BaseModel):
    """How to import a package."""

    course_id: Annotated[
        UUID | Nothing, optional("The course that the package becomes; by default it follows from the manifest.")
    ] = None
    dry_run: Annotated[Flag, Field(description="Answer what the import would change, and store nothing.")] = False


class PackageLesson(BaseModel):
    """A lesson that an item of the package has become. `identifier` is the item's in the manifest."""

    id: UUID
    identifier: str
    title: str
    section: str | None
    kind: LessonKind
    pass_mark: float | None
    is_sco: Annotated[bool, Field(description="Whether its content reports what the learner does.")]


class PackageReport(BaseModel):
    """What a package has become, and what was in it that is not used."""

    course_id: UUID
    title: str
    scorm: ScormVersion
    package: Annotated[str, Field(description="The SHA-256 of the package's content.")]
    files: Annotated[int, Field(ge=1)]
    bytes: Annotated[int, Field(ge=1, description="The size of all files, unpacked.")]
    lessons: list[PackageLesson]
    warnings: list[str]
    change: Annotated[CourseImpact | CourseChange, Field(description="As the answer to Put Course.")]


def package_report(imported: ImportedPackage) -> dict[str, Any]:
    """Return the report of an import, as JSON values."""
    package, course = imported.package, imported.course
    return {
        "course_id": course.id,
        "title": course.title,
        "scorm": package.scorm,
        "package": package.digest,
        "files": len(package.index),
        "bytes": package.index.size,
        "lessons": [
            {
                "id": lesson.id,
                "identifier": item.content.identifier,
                "title": lesson.title,
                "section": lesson.section,
                "kind": lesson.kind,
                "pass_mark": lesson.pass_mark,
                "is_sco": item.content.is_sco,
            }
            for lesson, item in zip(course.lessons, package.items, strict=True)
        ],
        "warnings": package.warnings,
        "change": impact_document(imported.impact) if imported.impact else imported.change,
    }
