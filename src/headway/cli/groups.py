"""`headway groups`: manages groups of learners directly in the database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

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
    refusals_end_the_program,
    shown_moment,
    with_service,
)
from headway.cli.courses import CourseArgument
from headway.cli.enrolments import DueOption, StartsOption, shown_due, source_of
from headway.domain.identifiers import GroupId, LearnerId
from headway.domain.text import isolated
from headway.formats import groups as formats
from headway.formats.groups import group_document
from headway.service import Services
from headway.service.groups import every_group

app: Final = typer.Typer(no_args_is_help=True, help="Groups of learners: classes and cohorts.")

GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="The group's id, a UUID.")]
LearnersArgument = Annotated[
    list[str],
    typer.Argument(metavar="LEARNER...", help="Learners: UUIDs, or any other names from your platform."),
]


@app.command("list")
def list_groups(as_json: AsJson = False) -> None:
    """List the groups by title.

    Examples:
      headway groups list
      headway groups list --json
    """
    found = with_service(lambda services: every_group(services.groups, OPERATOR))
    if as_json:
        print_json(formats.groups(found))
        return
    if not found:
        out.print("There are no groups. Put one with: headway groups put GROUP --title TITLE")
        return
    table = Table(Column("id", no_wrap=True, min_width=36), "title", "members", box=None, pad_edge=False)
    for group in found:
        table.add_row(group.id, Text(isolated(group.title)), f"{group.members:,}")
    out.print(table, soft_wrap=False)


@app.command()
def show(group: GroupArgument, as_json: AsJson = False) -> None:
    """Print a group, the courses in which it enrols its members, and the ids of the members, one in a line.

    Examples:
      headway groups show 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b
      headway groups show 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b --json
    """
    group_id = group_id_of(group)
    found = with_service(lambda services: services.groups.group(OPERATOR, group_id))
    if as_json:
        print_json(formats.group(found))
        return
    out.print(Text(f"{isolated(found.title)}, {count_of(len(found.members), 'member')}", style="bold"))
    for enrolment in found.enrolments:
        out.print(f"enrolled in {enrolment.course_id} {shown_moment(enrolment.due_at)}".rstrip())
    for member in found.members:
        out.print(member)


@app.command()
def put(
    group: GroupArgument,
    title: Annotated[str, typer.Option(help="The group's title.")],
    member: Annotated[
        list[str] | None, typer.Option(help="A member: a UUID, or any other name; may be repeated.")
    ] = None,
    members: Annotated[Path | None, typer.Option(help="A file with a member in each line.")] = None,
) -> None:
    """Store a group with its members, new or in place of what is stored. Who is not named leaves the group.

    Examples:
      headway groups put 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b --title "Class 7b" --member ada@example.org
      headway groups put 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b --title "Class 7b" --members class-7b.txt
    """
    group_id = group_id_of(group)
    with refusals_end_the_program():
        document = group_document(title, [*(member or ()), *(_names_in(members) if members else ())])
    stored = with_service(lambda services: services.groups.put(OPERATOR, group_id, document.title, document.members))
    out.print(f"{group_id}  {isolated(stored.title)}: {count_of(len(stored.members), 'member')}")


@app.command()
def remove(group: GroupArgument) -> None:
    """Remove a group. The progress of its members is kept.

    Example:
      headway groups remove 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b
    """
    group_id = group_id_of(group)
    with_service(lambda services: services.groups.remove(OPERATOR, group_id))
    out.print(f"{group_id}: removed")


@app.command()
def add(group: GroupArgument, learners: LearnersArgument) -> None:
    """Make learners members of a group. Who is a member already stays one.

    Example:
      headway groups add 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b ada@example.org grace@example.org
    """
    _change_members(group_id_of(group), learners, joins=True)


@app.command()
def drop(group: GroupArgument, learners: LearnersArgument) -> None:
    """Take learners out of a group. Their progress is kept.

    Example:
      headway groups drop 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b ada@example.org
    """
    _change_members(group_id_of(group), learners, joins=False)


@app.command()
def enrol(
    group: GroupArgument,
    course: CourseArgument,
    starts: StartsOption = None,
    due: DueOption = None,
) -> None:
    """Enrol all present and future members of a group in a course, with these dates in place of earlier ones.

    Examples:
      headway groups enrol 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b 5e757794-c815-4ccc-bf16-1010d8ef2347
      headway groups enrol --due 2027-06-30T22:00:00Z GROUP COURSE
    """
    group_id, course_id = group_id_of(group), course_id_of(course)
    source = source_of(group_id, starts, due)
    with_service(lambda services: services.enrolments.enrol_group(OPERATOR, course_id, group_id, source))
    out.print(f"{group_id}: enrols its members in {course_id}{shown_due(source.due_at)}")


@app.command()
def end(group: GroupArgument, course: CourseArgument) -> None:
    """End what enrols the members of a group in a course. Their progress is kept.

    Example:
      headway groups end 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b 5e757794-c815-4ccc-bf16-1010d8ef2347
    """
    group_id, course_id = group_id_of(group), course_id_of(course)
    with_service(lambda services: services.enrolments.end_group(OPERATOR, course_id, group_id))
    out.print(f"{group_id}: enrols nobody in {course_id} any more")


def _change_members(group_id: GroupId, learners: Sequence[str], *, joins: bool) -> None:
    async def change_all(services: Services) -> list[LearnerId]:
        change = services.groups.add_member if joins else services.groups.remove_member
        return [await change(OPERATOR, group_id, learner) for learner in learners]

    for learner_id in with_service(change_all):
        out.print(f"{learner_id}: {'is a member' if joins else 'is no member'}")


def _names_in(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        fail(f"{file} can not be read ({error.strerror}).", 2)
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8 text.", 2)
    return [line.strip() for line in lines if line.strip()]
