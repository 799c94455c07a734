"""`headway learners`: exports and erases a learner's data directly in the database."""

import json
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Final

import typer

from headway.auth import learner_id
from headway.cli.console import OPERATOR, count_of, fail, load_settings, out, with_service
from headway.domain.identifiers import LearnerId
from headway.domain.text import without_controls
from headway.formats.learner_export import learner_document
from headway.formats.shapes import to_json

app: Final = typer.Typer(no_args_is_help=True, help="Export or erase everything about a learner.")

LearnerArgument = Annotated[
    str, typer.Argument(metavar="LEARNER", help="The learner: a UUID, or any other name from your platform.")
]


@app.command()
def export(
    learner: LearnerArgument,
    output: Annotated[Path | None, typer.Option(help="A file to write to, which only you can read.")] = None,
) -> None:
    """Print everything that is stored about a learner, as JSON: lesson progress, course progress and days.

    Examples:
      headway learners export a169451c-8525-4352-b8ca-070dd449a1a5
      headway learners export ada@example.org --output ada.json
    """
    of = learner_id_of(learner)
    record = with_service(lambda services: services.learners.export(OPERATOR, of))
    document = json.loads(to_json(learner_document(of, record)))
    text = json.dumps(document, indent=2, ensure_ascii=False)
    if output is None:
        typer.echo("\n".join(map(without_controls, text.split("\n"))))
        return
    try:
        _write_private(output, text)
    except OSError as error:
        fail(f"{output} can not be written ({error.strerror}).", 2)
    out.print(f"{of}: progress in {count_of(len(record.lesson_progress), 'lesson')}, written to {output}")


@app.command()
def erase(
    learner: LearnerArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove everything that is stored about a learner, also from the statistics. It can not be undone.

    Examples:
      headway learners erase a169451c-8525-4352-b8ca-070dd449a1a5
      headway learners erase ada@example.org --yes
    """
    of = learner_id_of(learner)
    if not yes:
        typer.confirm(f"Erase everything about {of}? It can not be undone.", abort=True, err=True)
    with_service(lambda services: services.learners.erase(OPERATOR, of))
    out.print(f"{of}: erased")


def _write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, because it contains notes. It replaces an existing file.

    The text first goes to a temporary file in the same folder. So the new file does not keep the permissions of the
    old one, and the old one stays whole where writing fails. A pipe or a device is written to directly.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_text(text + "\n", encoding="utf-8")
        return
    with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            file.write(text + "\n")
            file.flush()
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink()
            raise


def learner_id_of(name: str) -> LearnerId:
    """Return the learner id for an argument LEARNER, as for a token's `sub`. Ends the program where it is empty."""
    if not name:
        fail("LEARNER must not be empty.", 2)
    return learner_id(name, load_settings().jwt_issuer)
