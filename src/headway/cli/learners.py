"""`headway learners`: a learner's rights, on the database itself."""

import json
import os
from pathlib import Path
from typing import Annotated, Final

import typer

from headway.cli.console import OPERATOR, fail, out, with_service
from headway.domain.identifiers import LearnerId
from headway.domain.text import without_controls
from headway.http.learners import learner_document
from headway.http.render import json_reply
from headway.http.requests import InvalidIdentifierError, parse_identifier

app: Final = typer.Typer(no_args_is_help=True, help="A learner's rights: export and erase what is held.")

LearnerArgument = Annotated[str, typer.Argument(metavar="LEARNER", help="The learner's id, a UUID.")]


@app.command()
def export(
    learner: LearnerArgument,
    output: Annotated[Path | None, typer.Option(help="A file to write to, for this user alone.")] = None,
) -> None:
    """Print all that is held on a learner, as JSON: rows, standings and days.

    Examples:
      headway learners export a169451c-8525-4352-b8ca-070dd449a1a5
      headway learners export a169451c-8525-4352-b8ca-070dd449a1a5 --output ada.json
    """
    learner_id = _learner_id(learner)
    record = with_service(lambda services: services.learners.export(OPERATOR, learner_id))
    document = json.loads(json_reply(learner_document(learner_id, record)).body)
    text = json.dumps(document, indent=2, ensure_ascii=False)
    if output is None:
        typer.echo("\n".join(map(without_controls, text.split("\n"))))
        return
    try:
        _write_private(output, text)
    except OSError as error:
        fail(f"{output} can not be written ({error.strerror}).", 2)
    out.print(f"{learner_id}: {len(record.rows):,} rows in {output}")


@app.command()
def erase(
    learner: LearnerArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove all that is held on a learner, and take it out of the courses' figures. It can not be undone.

    Examples:
      headway learners erase a169451c-8525-4352-b8ca-070dd449a1a5
      headway learners erase a169451c-8525-4352-b8ca-070dd449a1a5 --yes
    """
    learner_id = _learner_id(learner)
    if not yes:
        typer.confirm(f"Erase all that is held on {learner_id}? It can not be undone.", abort=True, err=True)
    with_service(lambda services: services.learners.erase(OPERATOR, learner_id))
    out.print(f"{learner_id}: erased")


def _write_private(path: Path, text: str) -> None:
    """Write a file that is made, where there is none, for this user alone: notes are in it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def _learner_id(text: str) -> LearnerId:
    try:
        return LearnerId(parse_identifier("LEARNER", text))
    except InvalidIdentifierError as error:
        fail(str(error), 2)
