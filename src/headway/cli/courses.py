"""`headway courses`: manages the catalogue directly in the database."""

from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer
from rich.progress import track
from rich.table import Column, Table
from rich.text import Text

from headway.cli.console import (
    OPERATOR,
    count_of,
    course_id_of,
    err,
    fail,
    out,
    refusals_end_the_program,
    stage_shown,
    with_service,
)
from headway.cli.documents import course_files, read_courses
from headway.domain.catalogue import Course, CourseChange
from headway.domain.edits import Impact
from headway.domain.text import isolated
from headway.formats.course_document import course_document, course_schema
from headway.formats.package_file import read_package
from headway.formats.shapes import to_json
from headway.service import ImportedPackage, Services
from headway.service.catalogue import every_course

app: Final = typer.Typer(no_args_is_help=True, help="The catalogue: put, import, list, show and remove courses.")

_MANY: Final = 3
_OF_THE_COURSE: Final = {
    "created": "created",
    "reordered": "reordered",
    "renamed": "renamed",
    "time_zone_changed": "time zone changed",
    "on_edit_changed": "on_edit changed",
}

CourseArgument = Annotated[str, typer.Argument(metavar="COURSE", help="The course's id, a UUID.")]


@app.command()
def put(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="JSON or YAML documents, or directories of them.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Store nothing; print what would change, and for how many learners.")
    ] = False,
) -> None:
    """Store courses from their documents. Nothing is stored where one of the documents is wrong.

    Examples:
      headway courses put course.yaml
      headway courses put courses/
      headway courses put --dry-run course.yaml
    """
    with refusals_end_the_program():
        documents = course_files(files)
        quiet = len(documents) < _MANY or not err.is_terminal
        courses = read_courses(track(documents, "Reading", console=err, disable=quiet))

    async def put_all(services: Services) -> list[str]:
        return [
            f"{course.id}  {isolated(course.title)}: {await _put(services, course, dry_run=dry_run)}"
            for course in track(courses, "Checking" if dry_run else "Putting", console=err, disable=quiet)
        ]

    for line in with_service(put_all):
        out.print(line)


@app.command("list")
def list_courses() -> None:
    """List the catalogue by title.

    Example:
      headway courses list
    """
    table = Table(Column("id", no_wrap=True, min_width=36), "title", "lessons", "required", box=None, pad_edge=False)
    for course in with_service(lambda services: every_course(services.catalogue.courses)):
        table.add_row(course.id, Text(isolated(course.title)), str(course.lessons), str(course.required_lessons))
    if not table.row_count:
        out.print("The catalogue is empty. Put a course with: headway courses put FILE")
        return
    out.print(table, soft_wrap=False)


@app.command()
def show(course: CourseArgument) -> None:
    """Print the document of a course as JSON, for example to edit it and put it again.

    Example:
      headway courses show 5e757794-c815-4ccc-bf16-1010d8ef2347 > course.json
    """
    course_id = course_id_of(course)
    document = to_json(course_document(with_service(lambda services: services.catalogue.course(course_id))))
    out.print_json(document.decode())


@app.command()
def remove(course: CourseArgument) -> None:
    """Remove a course from the catalogue. The progress of its learners is kept, in case the course comes back.

    Example:
      headway courses remove 5e757794-c815-4ccc-bf16-1010d8ef2347
    """
    course_id = course_id_of(course)
    with_service(lambda services: services.catalogue.remove_course(OPERATOR, course_id))
    out.print(f"{course_id}: removed")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a course document.

    Example:
      headway courses schema > course.schema.json
    """
    out.print_json(to_json(course_schema()).decode())


@app.command("import")
def import_package(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE", exists=True, dir_okay=False, help="The zip file.")],
    course: Annotated[
        str | None,
        typer.Option(metavar="COURSE", help="The id of the course; by default it follows from the manifest."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Store nothing; print what would change, and for how many learners.")
    ] = False,
) -> None:
    """Import a SCORM package (1.2 or 2004) as a course. Nothing is stored where something in it is not right.

    A new version of the package replaces the course. Progress is kept by the identifiers of the package's items.

    Examples:
      headway courses import safety.zip
      headway courses import safety.zip --dry-run
      headway courses import safety.zip --course 5e757794-c815-4ccc-bf16-1010d8ef2347
    """
    course_id = course_id_of(course) if course else None

    async def store(services: Services) -> ImportedPackage:
        services.packages.check_on()
        with _opened(package) as file:
            with stage_shown("Checking", package.stat().st_size, in_bytes=True) as checked:
                found, content = read_package(file, checked)
            importing = partial(services.packages.import_package, OPERATOR, found, content, course_id)
            if dry_run:
                return await importing(dry_run=True)
            with stage_shown("Storing", found.index.size, in_bytes=True) as stored:
                return await importing(stored=stored)

    _print_imported(with_service(store))


def _opened(package: Path) -> BinaryIO:
    """Open a file to read. Ends the program where it can not be read."""
    try:
        return package.open("rb")
    except OSError as error:
        fail(f"{package} can not be read ({error.strerror}).", 2)


def _print_imported(imported: ImportedPackage) -> None:
    course, package = imported.course, imported.package
    change = _described_impact(imported.impact) if imported.impact else _described(imported.change)
    out.print(f"{course.id}  {isolated(course.title)}: {change}")
    scorm = f"SCORM {package.scorm.value}"
    out.print(f"{scorm}, {count_of(len(package.index), 'file')}, {count_of(len(course.lessons), 'lesson')}:")
    for lesson in course.lessons:
        mark = f"  (pass mark {lesson.pass_mark:g})" if lesson.pass_mark is not None else ""
        section = f"{isolated(lesson.section)}: " if lesson.section else ""
        out.print(f"  {lesson.id}  {section}{isolated(lesson.title)}{mark}")
    for warning in package.warnings:
        err.print(f"warning: {warning}")


async def _put(services: Services, course: Course, *, dry_run: bool) -> str:
    """Store a course, or only compute what that would change, and return the change in words."""
    if dry_run:
        return _described_impact(await services.catalogue.impact_of_course(OPERATOR, course))
    return _described((await services.catalogue.put_course(OPERATOR, course)).change)


def _described_impact(impact: Impact) -> str:
    change, learners, gain, lose = impact
    return (
        f"{_described(change)}; of {count_of(learners, 'learner')} {gain:,} would gain the course's completion, "
        f"{lose:,} would lose it"
    )


def _described(change: CourseChange) -> str:
    if change.is_empty:
        return "unchanged"
    lessons = [
        f"{len(ids)} {what}"
        for what, ids in (("added", change.added), ("removed", change.removed), ("changed", change.changed))
        if ids
    ]
    return ", ".join([what for field, what in _OF_THE_COURSE.items() if getattr(change, field)] + lessons)
