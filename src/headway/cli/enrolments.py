"""`headway enrolments`, `runs` and `completions`: enrols learners and shows how far they are, in the database."""

from datetime import datetime
from typing import Annotated, Final

import typer
from rich.table import Column, Table
from rich.text import Text

from headway.cli.console import OPERATOR, course_id_of, moment_of, out, shown_moment, with_service
from headway.cli.courses import CourseArgument
from headway.cli.learners import LearnerArgument, learner_id_of
from headway.domain.course_progress import EnrolmentSource
from headway.domain.enrolments import LONGEST_PAGE
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.runs import RunStart
from headway.formats.enrolments import completion, enrolment, run_document, run_outline
from headway.formats.shapes import to_json
from headway.service import Services
from headway.service.enrolments import Enrolled

app: Final = typer.Typer(no_args_is_help=True, help="Enrol learners in courses: list, put and end enrolments.")
completions_app: Final = typer.Typer(no_args_is_help=True, help="The completions of courses, which are kept.")

runs_app: Final = typer.Typer(no_args_is_help=True, help="Do a course again: list, show and begin runs.")

StartsOption = Annotated[
    str | None, typer.Option(help="From when learners may begin: a time with an offset, such as 2027-02-01T08:00:00Z.")
]
DueOption = Annotated[str | None, typer.Option(help="Until when the course is to be completed.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RunArgument = Annotated[int, typer.Argument(metavar="NUMBER", help="The number of the run, from 1.", min=1)]


@app.command("list")
def list_enrolments(course: CourseArgument, json: JsonOption = False) -> None:
    """List the learners who are enrolled in a course, by id.

    Examples:
      headway enrolments list 5e757794-c815-4ccc-bf16-1010d8ef2347
      headway enrolments list 5e757794-c815-4ccc-bf16-1010d8ef2347 --json
    """
    course_id = course_id_of(course)
    found = with_service(lambda services: _all_of(services, course_id))
    if json:
        out.print_json(to_json(list(map(enrolment, found))).decode())
        return
    table = Table(Column("learner", no_wrap=True, min_width=36), "status", "due", "late", box=None, pad_edge=False)
    for one in found:
        due_at = shown_moment(one.progress.due_at)
        late = "late" if one.late else "completed late" if one.completed_late else ""
        table.add_row(one.progress.learner_id, one.status.replace("_", " "), due_at, late)
    if not table.row_count:
        out.print("Nobody is enrolled. Enrol a learner with: headway enrolments put COURSE LEARNER")
        return
    out.print(table, soft_wrap=False)


@app.command()
def put(
    course: CourseArgument,
    learner: LearnerArgument,
    starts: StartsOption = None,
    due: DueOption = None,
) -> None:
    """Enrol a learner in a course, with these dates in place of earlier ones.

    Examples:
      headway enrolments put 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org
      headway enrolments put 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org --due 2027-06-30T22:00:00Z
    """
    course_id, learner_id = course_id_of(course), learner_id_of(learner)
    source = source_of(None, starts, due)
    found = with_service(lambda services: services.enrolments.enrol(OPERATOR, course_id, learner_id, source))
    out.print(f"{learner_id}: enrolled in {course_id}{shown_due(found.progress.due_at)}")


@app.command()
def end(course: CourseArgument, learner: LearnerArgument) -> None:
    """End a learner's enrolment in a course. The learner's progress is kept.

    Example:
      headway enrolments end 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org
    """
    course_id, learner_id = course_id_of(course), learner_id_of(learner)
    with_service(lambda services: services.enrolments.end(OPERATOR, course_id, learner_id))
    out.print(f"{learner_id}: not enrolled in {course_id} any more")


@runs_app.command("list")
def list_runs(course: CourseArgument, learner: LearnerArgument, json: JsonOption = False) -> None:
    """List the runs of a course by a learner, the present one last.

    Examples:
      headway runs list 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org
      headway runs list 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org --json
    """
    course_id, learner_id = course_id_of(course), learner_id_of(learner)
    found = with_service(lambda services: services.enrolments.runs(OPERATOR, learner_id, course_id))
    if json:
        out.print_json(to_json(list(map(run_outline, found))).decode())
        return
    table = Table("run", "status", "%", "began", "completed", "ended", box=None, pad_edge=False)
    for run, *_ in found:
        moments = map(shown_moment, (run.began_at, run.completed_at, run.ended_at))
        table.add_row(str(run.number), run.status.replace("_", " "), str(run.completion_percentage), *moments)
    out.print(table, soft_wrap=False)


@runs_app.command("show")
def show_run(course: CourseArgument, learner: LearnerArgument, number: RunArgument) -> None:
    """Print one run of a course by a learner as JSON, with its lesson progress.

    Example:
      headway runs show 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org 1
    """
    course_id, learner_id = course_id_of(course), learner_id_of(learner)
    found = with_service(lambda services: services.enrolments.run(OPERATOR, learner_id, course_id, number))
    out.print_json(to_json(run_document(found)).decode())


@runs_app.command("begin")
def begin_run(
    course: CourseArgument,
    learner: LearnerArgument,
    starts: StartsOption = None,
    due: DueOption = None,
) -> None:
    """Begin the learner's next run of a course. The present run is kept as it is.

    Examples:
      headway runs begin 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org
      headway runs begin 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org --due 2027-06-30T22:00:00Z
    """
    course_id, learner_id = course_id_of(course), learner_id_of(learner)
    asked = RunStart(learner_id, course_id, source_of(None, starts, due))
    found = with_service(lambda services: services.enrolments.begin_run(OPERATOR, asked))
    out.print(f"{learner_id}: run {found.progress.run} of {course_id}{shown_due(found.progress.due_at)}")


@completions_app.command("list")
def list_completions(learner: LearnerArgument, json: JsonOption = False) -> None:
    """List all completions of a learner, the last one first.

    Examples:
      headway completions list ada@example.org
      headway completions list ada@example.org --json
    """
    learner_id = learner_id_of(learner)
    principal = OPERATOR.on_behalf_of(learner_id)
    found = with_service(lambda services: services.enrolments.completions(principal))
    if json:
        out.print_json(to_json(list(map(completion, found))).decode())
        return
    table = Table(
        "completed", Column("course", no_wrap=True, min_width=36), "score", "expires", box=None, pad_edge=False
    )
    for one in found:
        score = "" if one.score is None else str(one.score)
        table.add_row(shown_moment(one.completed_at), one.course_id, score, Text(shown_moment(one.expires_at)))
    if not table.row_count:
        out.print(f"{learner_id} has not completed a course.")
        return
    out.print(table, soft_wrap=False)


async def _all_of(services: Services, course_id: CourseId) -> list[Enrolled]:
    found: list[Enrolled] = []
    after: LearnerId | None = None
    while True:
        page = await services.enrolments.of_course(OPERATOR, course_id, after, LONGEST_PAGE)
        found += page.enrolments
        after = page.last
        if after is None:
            return found


def source_of(group_id: GroupId | None, starts: str | None, due: str | None) -> EnrolmentSource:
    """Return what enrols learners, with the dates of the options. Ends the program where one is not valid."""
    return EnrolmentSource(group_id, moment_of("--starts", starts), moment_of("--due", due))


def shown_due(due_at: datetime | None) -> str:
    """Return the end of a sentence about an enrolment: its due date, if it has one."""
    return f", due {shown_moment(due_at)}" if due_at else ""
