"""`headway people`: finds people, and shows one, directly in the database."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

import typer
from rich.table import Column, Table
from rich.text import Text

from headway.cli.console import OPERATOR, count_of, course_id_of, out, with_service
from headway.cli.learners import LearnerArgument, learner_id_of
from headway.domain.identifiers import CourseId
from headway.domain.people import LONGEST_PAGE_OF_PEOPLE, PeopleQuery
from headway.domain.text import isolated
from headway.formats import people as formats
from headway.formats.shapes import to_json
from headway.service import Person, Services

app: Final = typer.Typer(no_args_is_help=True, help="Find people, and show one.")


@app.command("list")
def list_people(
    query: Annotated[
        str,
        typer.Option(help="Beginnings of words of the name, e-mail or external id; or a sub, or an id."),
    ] = "",
    course: Annotated[str | None, typer.Option(help="Only learners of this course, a UUID.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON of the API, all pages in one.")] = False,
) -> None:
    """List the learners who have a profile, by name.

    Examples:
      headway people list
      headway people list --query "ada love"
      headway people list --course 5e757794-c815-4ccc-bf16-1010d8ef2347 --json
    """
    found = with_service(_all(query, None if course is None else course_id_of(course)))
    if as_json:
        out.out(to_json(formats.people(found, None)).decode(), highlight=False)
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
def show(
    learner: LearnerArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON of the API.")] = False,
) -> None:
    """Show a learner's profile.

    Examples:
      headway people show a169451c-8525-4352-b8ca-070dd449a1a5
      headway people show ada@example.org --json
    """
    of = learner_id_of(learner)
    stored = with_service(lambda services: services.people.profile(OPERATOR, of))
    if as_json:
        out.out(to_json(formats.profile(stored.profile)).decode(), highlight=False)
        return
    table = Table("", "", box=None, pad_edge=False, show_header=False)
    table.add_row("id", of)
    for field, value in stored.profile._asdict().items():
        table.add_row(field.replace("_", " "), _shown(value))
    out.print(table, soft_wrap=False)


def _all(query: str, course_id: CourseId | None) -> Callable[[Services], Awaitable[list[Person]]]:
    """Return an action that reads all pages."""

    async def read(services: Services) -> list[Person]:
        page_of = partial(services.people.search, OPERATOR, query, course_id=course_id)
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
