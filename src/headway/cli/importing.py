"""`headway progress import`: imports many learners' progress from a file, directly into the database."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from headway.cli.console import OPERATOR, count_of, err, fail, out, with_service
from headway.cli.learners import learner_id_of
from headway.domain.errors import ImportUnderWayError, InvalidValueError, Problem
from headway.domain.identifiers import LearnerId
from headway.domain.imports import Fault, Report
from headway.formats.progress_file import FileFormat, digest_of, read_lines, text_form
from headway.service import Services
from headway.service.importing import ImportFile, ImportOptions, NotifyLine

app: Final = typer.Typer(no_args_is_help=True, help="Learners' progress: import it.")

_BY_SUFFIX: Final[Mapping[str, FileFormat]] = {
    ".csv": FileFormat.CSV,
    ".ndjson": FileFormat.NDJSON,
    ".jsonl": FileFormat.NDJSON,
    ".json": FileFormat.EXPORT,
}
_USUAL: Final = {("utf-8", ","), ("utf-8", None)}
_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}
_ATTEMPTS: Final = 3  # to continue an import that was interrupted a moment ago
_PART_BYTES: Final = 1024 * 1024


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV, NDJSON or an export.")
    ],
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="The format of the file, where its name does not show it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every line, and write nothing.")] = False,
    atomic: Annotated[bool, typer.Option("--atomic", help="Write all lines or none; at most 10,000.")] = False,
    learner: Annotated[
        str | None,
        typer.Option(metavar="LEARNER", help="The learner for whom an export is restored; by default its own learner."),
    ] = None,
) -> None:
    """Write many learners' progress from a file. Wrong lines are printed, and the command then ends with 1.

    A line has user_id, course_id, lesson_id, and any of the fields that can be written, with or without their times.
    A file from headway learners export is restored with its progress, its dates and its days.

    Run it again to continue an interrupted import.

    Examples:
      headway progress import progress.csv
      headway progress import progress.ndjson --dry-run
      headway progress import export.txt --format csv --atomic
      headway progress import ada.json --learner 0f0e3f5e-7d0c-4a55-9d0b-3c1d5a8b9e21
    """
    file_format = file_format or _BY_SUFFIX.get(file.suffix.lower())
    if file_format is None:
        fail(f"The format of {file.name} is not known. Name it with --format: csv, ndjson or export.", 2)
    learner_id = learner_id_of(learner) if learner else None
    upload = _Upload(file, file_format, ImportOptions(dry_run, atomic), learner_id)
    try:
        with file.open("rb") as content:
            form = text_form(content, file_format)
        report = _imported(upload)
    except OSError as error:
        fail(f"{file} can not be read ({error.strerror}).", 2)
    if (form.name, form.separator) not in _USUAL:
        out.print(f"Read as {form.name.upper()}, the cells separated by {_SEPARATORS[form.separator or ',']}.")
    _print_report(report, upload.options)


@dataclass(frozen=True)
class _Upload:
    """A file, its format, the import's options, and the learner that an export is restored to, if given."""

    path: Path
    file_format: FileFormat
    options: ImportOptions
    learner_id: LearnerId | None

    def look_through(self) -> tuple[int, str]:
        """Return the approximate number of lines, and the digest."""
        content = hashlib.sha256()
        lines = 0
        with self.path.open("rb") as file:
            while part := file.read(_PART_BYTES):
                content.update(part)
                lines += part.count(b"\n")
        digest = digest_of(content, self.file_format, atomic=self.options.atomic, learner_id=self.learner_id)
        return lines, digest


def _imported(upload: _Upload) -> Report:
    lines, digest = upload.look_through()
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task("Checking" if upload.options.dry_run else "Importing", total=lines)
        return with_service(
            lambda services: _import(services, upload, digest, lambda line: bar.update(task, completed=line))
        )


async def _import(services: Services, upload: _Upload, digest: str, notify: NotifyLine) -> Report:
    """Import the file under a key made of its digest. The key is forgotten when the import is finished."""
    key = f"headway-progress-import-{digest}"
    for _ in range(_ATTEMPTS):
        try:
            report = await _attempt(services, upload, digest, key, notify)
        except ImportUnderWayError as error:
            err.print(f"Another process imports this file, or has just stopped. Waiting {error.seconds} seconds.")
            await asyncio.sleep(error.seconds)
        else:
            await services.learners.forget_import(OPERATOR, key)
            return report
    return await _attempt(services, upload, digest, key, notify)


async def _attempt(services: Services, upload: _Upload, digest: str, key: str, notify: NotifyLine) -> Report:
    with upload.path.open("rb") as content:
        try:
            file = ImportFile(digest, read_lines(content, upload.file_format, upload.learner_id))
            return await services.learners.import_progress(OPERATOR, file, upload.options, key, notify)
        except InvalidValueError as error:
            if not upload.options.atomic or not all(problem.location for problem in error.problems):
                raise
            return _refused(error.problems)


def _refused(problems: Sequence[Problem]) -> Report:
    """Return the report of an atomic import that was refused because of these problems."""
    faults = [Fault(int(location[0]), location[1:], reason, kind) for location, reason, kind in problems]
    return Report(refused=len({fault.line for fault in faults}), faults=tuple(faults))


def _print_report(report: Report, options: ImportOptions) -> None:
    """Print each refused line and the totals. Ends the program with 1 where a line was refused."""
    for fault in report.faults:
        location = f" {'.'.join(map(str, fault.location))}:" if fault.location else ""
        out.print(f"line {fault.line}:{location} {fault.reason}")
    if report.refused > len({fault.line for fault in report.faults}):
        out.print("… and more.")
    if options.atomic and report.refused:
        verb = "would be" if options.dry_run else "was"
        out.print(f"Nothing {verb} written. Wrong lines: {report.refused:,}.")
    else:
        verb = "would be written" if options.dry_run else "written"
        counts = f"{report.written:,} {verb}, {report.unchanged:,} unchanged, {report.refused:,} refused"
        out.print(f"{count_of(report.lines, 'line')}: {counts}.")
    if report.held_back:
        out.print(f"Not completed, because a condition of the lesson is not met: {report.held_back:,}.")
    if report.ignored:
        out.print(f"Ignored: {', '.join(report.ignored)}.")
    if report.refused:
        raise typer.Exit(1)
