"""`headway people`: finds people, shows one, and imports many, directly in the database."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.table import Column, Table
from rich.text import Text

from headway.cli.console import (
    OPERATOR,
    AsJson,
    count_of,
    course_id_of,
    fail,
    group_id_of,
    out,
    print_json,
    stage_shown,
    with_service,
)
from headway.cli.learners import LearnerArgument, learner_id_of
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import CourseId, GroupId
from headway.domain.imports import MOST_FAULTS
from headway.domain.people import LONGEST_PAGE_OF_PEOPLE, PeopleQuery
from headway.domain.people_import import PeopleFile, PeoplePlan
from headway.domain.text import isolated
from headway.formats import people as formats
from headway.formats.oneroster import read_bundle, read_files
from headway.formats.people_file import read_people
from headway.service import PeopleImportService, Person, Services

app: Final = typer.Typer(no_args_is_help=True, help="Find people, show one, and import many.")


@app.command("list")
def list_people(
    query: Annotated[
        str,
        typer.Option(help="Beginnings of words of the name, e-mail or external id; or a sub, or an id."),
    ] = "",
    course: Annotated[str | None, typer.Option(help="Only learners of this course, a UUID.")] = None,
    group: Annotated[str | None, typer.Option(help="Only members of this group, a UUID.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON of the API, all pages in one.")] = False,
) -> None:
    """List the learners who have a profile, by name.

    Examples:
      headway people list
      headway people list --query "ada love"
      headway people list --course 5e757794-c815-4ccc-bf16-1010d8ef2347 --json
      headway people list --group 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b
    """
    course_id = None if course is None else course_id_of(course)
    group_id = None if group is None else group_id_of(group)
    found = with_service(_all(query, course_id, group_id))
    if as_json:
        print_json(formats.people(found, None))
        return
    if not found:
        out.print("Nobody was found.")
        return
    table = Table(Column("id", no_wrap=True), "name", "e-mail", "external id", box=None, pad_edge=False)
    for learner_id, profile in found:
        table.add_row(learner_id, *map(_shown, (profile.name, profile.email, profile.external_id)))
    out.print(table, soft_wrap=False)
    out.print(count_of(len(found), "learner"))


@app.command()
def show(learner: LearnerArgument, as_json: AsJson = False) -> None:
    """Show a learner's profile.

    Examples:
      headway people show a169451c-8525-4352-b8ca-070dd449a1a5
      headway people show ada@example.org --json
    """
    of = learner_id_of(learner)
    stored = with_service(lambda services: services.people.profile(OPERATOR, of))
    if as_json:
        print_json(formats.profile(stored.profile))
        return
    table = Table("", "", box=None, pad_edge=False, show_header=False)
    table.add_row("id", of)
    for field, value in stored.profile._asdict().items():
        table.add_row(field.replace("_", " "), _shown(value))
    out.print(table, soft_wrap=False)


@app.command("import")
def import_people(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, help="CSV, or a OneRoster bundle: a .zip file or a directory."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say who is new, changed or missing. Store nothing.")
    ] = False,
) -> None:
    """Store people, their groups and their enrolments from a file. Ends with 1 if a line is wrong; nothing is stored.

    A line has sub or user_id, and any of name, email, external_id, groups, courses and due_at.
    What a line does not give stays as it is.

    Examples:
      headway people import people.csv --dry-run
      headway people import people.csv
      headway people import oneroster.zip
      headway people import oneroster/
    """
    try:
        found = _read(file)
    except OSError as error:
        fail(f"{file} can not be read ({error.strerror}).", 2)
    except InvalidValueError as error:
        _refuse(error.problems)
    plan = with_service(_imported(found, dry_run=dry_run))
    if not isinstance(plan, PeoplePlan):
        _refuse(plan)
    _print_plan(plan, dry_run=dry_run)


def _read(path: Path) -> PeopleFile:
    """Read a file or a directory of people. Raises `InvalidValueError` and `OSError`."""
    if path.is_dir():
        return read_files({file.name: file.read_bytes() for file in path.glob("*.csv")})
    with path.open("rb") as content:
        return read_bundle(content) if path.suffix.lower() == ".zip" else read_people(content)


def _imported(file: PeopleFile, *, dry_run: bool) -> Callable[[Services], Awaitable[PeoplePlan | Sequence[Problem]]]:
    """Return an action that plans an import, and carries it out unless it is a dry run. It may return problems."""

    async def planned(service: PeopleImportService) -> PeoplePlan:
        with stage_shown("Checking", len(file.lines)) as notify:
            return await service.plan(OPERATOR, file, notify)

    async def run(services: Services) -> PeoplePlan | Sequence[Problem]:
        service = services.people_import
        try:
            if dry_run:
                return await planned(service)
            async with service.alone() as lease:
                plan = await planned(service)
                if plan.size:
                    with stage_shown("Importing", plan.size) as notify:
                        await service.carry_out(OPERATOR, plan, lease, notify)
                return plan
        except InvalidValueError as error:
            return error.problems

    return run


def _refuse(problems: Sequence[Problem]) -> NoReturn:
    """Print the problems of a file, and end the program with 1."""
    for location, reason, _kind in problems[:MOST_FAULTS]:
        file = [part for part in location[:1] if isinstance(part, str)]
        line = [f"line {part}" for part in location[len(file) : len(file) + 1]]
        rest = ".".join(map(str, location[len(file) + 1 :]))
        out.print(f"{' '.join((*file, *line))}:{f' {rest}:' if rest else ''} {reason}")
    if len(problems) > MOST_FAULTS:
        out.print("… and more.")
    out.print(f"Nothing was written. Faults: {len(problems):,}.")
    raise typer.Exit(1)


def _print_plan(plan: PeoplePlan, *, dry_run: bool) -> None:
    """Print what an import has changed, and who is missing; for a dry run, also who is new or changed."""
    report = plan.report
    if dry_run:
        out.print("This was a dry run: nothing is stored. The import would make these changes:")
    for word, learners in (("new", report.new), ("changed", report.changed)) if dry_run else ():
        _print_lines(
            f"{word} {learner_id} {isolated(plan.profiles[learner_id].name or '-')}" for learner_id in learners
        )
    _print_lines(f"missing {learner_id}" for learner_id in report.missing)
    out.print(
        f"People: {len(report.new):,} new, {len(report.changed):,} changed, "
        f"{report.unchanged:,} unchanged, {len(report.missing):,} missing."
    )
    out.print(
        f"Groups: {report.groups_added:,} added, {report.groups_renamed:,} renamed; memberships: "
        f"{report.memberships_added:,} added, {report.memberships_ended:,} ended."
    )
    out.print(f"Enrolments: {report.enrolments_added:,} added, {report.enrolments_changed:,} changed.")
    if report.group_enrolments_added or report.group_enrolments_changed or report.courses_unknown:
        out.print(
            f"Enrolments of groups: {report.group_enrolments_added:,} added, {report.group_enrolments_changed:,} "
            f"changed. Courses that are not in the catalogue: {report.courses_unknown:,}."
        )


def _print_lines(lines: Iterable[str]) -> None:
    """Print many lines at once, which takes a fraction of the time."""
    text = "\n".join(lines)
    if text:
        out.print(text)


def _all(
    query: str, course_id: CourseId | None, group_id: GroupId | None
) -> Callable[[Services], Awaitable[list[Person]]]:
    """Return an action that reads all pages."""

    async def read(services: Services) -> list[Person]:
        page_of = partial(services.people.search, OPERATOR, query, course_id=course_id, group_id=group_id)
        wanted = PeopleQuery(limit=LONGEST_PAGE_OF_PEOPLE)
        page = await page_of(wanted)
        found = list(page.people)
        while page.last is not None:
            page = await page_of(replace(wanted, after=page.last))
            found += page.people
        return found

    return read


def _shown(value: str | None) -> Text:
    return Text("-" if value is None else isolated(value), overflow="fold")
