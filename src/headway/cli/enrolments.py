"""`headway enrolments` and `headway completions`: enrols learners and shows how far they are, in the database."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Column, Table
from rich.text import Text

from headway.cli.console import OPERATOR, course_id_of, fail, out, with_service
from headway.cli.courses import CourseArgument
from headway.cli.learners import LearnerArgument, learner_id_of
from headway.domain.course_progress import EnrolmentSource
from headway.domain.enrolments import LONGEST_PAGE
from headway.domain.identifiers import CourseId, LearnerId
from headway.formats.enrolments import completion, enrolment
from headway.formats.fields import Moment
from headway.formats.shapes import to_json
from headway.service import Services
from headway.service.enrolments import Enrolled

app: Final = typer.Typer(no_args_is_help=True, help="Enrol learners in courses: list, put and end enrolments.")
completions_app: Final = typer.Typer(no_args_is_help=True, help="The completions of courses, which are kept.")

_MOMENT: Final[TypeAdapter[datetime]] = TypeAdapter(Moment)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
        due_at = _shown(one.progress.due_at)
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
    starts: Annotated[str | None, typer.Option(help="From when the learner may begin: a time with an offset.")] = None,
    due: Annotated[str | None, typer.Option(help="Until when the course is to be completed.")] = None,
) -> None:
    """Enrol a learner in a course, with these dates in place of earlier ones.

    Examples:
      headway enrolments put 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org
      headway enrolments put 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org --due 2027-06-30T22:00:00Z
    """
    course_id, learner_id = course_id_of(course), learner_id_of(learner)
    source = EnrolmentSource(None, _moment("--starts", starts), _moment("--due", due))
    found = with_service(lambda services: services.enrolments.enrol(OPERATOR, course_id, learner_id, source))
    due_at = _shown(found.progress.due_at)
    out.print(f"{learner_id}: enrolled in {course_id}{f', due {due_at}' if due_at else ''}")


@app.command()
def end(course: CourseArgument, learner: LearnerArgument) -> None:
    """End a learner's enrolment in a course. The learner's progress is kept.

    Example:
      headway enrolments end 5e757794-c815-4ccc-bf16-1010d8ef2347 ada@example.org
    """
    course_id, learner_id = course_id_of(course), learner_id_of(learner)
    with_service(lambda services: services.enrolments.end(OPERATOR, course_id, learner_id))
    out.print(f"{learner_id}: not enrolled in {course_id} any more")


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
        table.add_row(_shown(one.completed_at), one.course_id, score, Text(_shown(one.expires_at)))
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


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return _MOMENT.validate_python(text)
    except ValidationError:
        fail(f"{option} {text} is not a time with an offset from UTC, such as 2027-06-30T22:00:00Z.", 2)


def _shown(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
