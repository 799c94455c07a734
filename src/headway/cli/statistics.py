"""`headway stats`: prints courses' statistics as tables, JSON or CSV."""

import csv
import io
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from headway.cli.console import OPERATOR, AsJson, course_id_of, fail, group_id_of, out, with_service
from headway.domain.bounds import Number, shown
from headway.domain.identifiers import CourseId, GroupId
from headway.domain.statistics import CourseStatistics
from headway.domain.text import isolated
from headway.formats import statistics as formats
from headway.formats.shapes import to_json
from headway.formats.spreadsheets import harmless
from headway.service import Services
from headway.service.catalogue import every_course

_WIDE: Final = 110  # a terminal with this many columns has room for every figure
_NARROW: Final = 80  # a terminal with fewer columns has no room for ids
_LONGEST_BAR: Final = 30
_SHORTEST_BAR: Final = 6


def stats(
    course: Annotated[
        str | None, typer.Argument(metavar="[COURSE]", help="The id of a course, a UUID; by default all courses.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="The id of a group, a UUID: only its members are counted.")] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a line for each lesson, or for each course.")] = False,
) -> None:
    """Print the statistics of a course, lesson by lesson, or a line for each course of the catalogue.

    Examples:
      headway stats
      headway stats 5e757794-c815-4ccc-bf16-1010d8ef2347
      headway stats 5e757794-c815-4ccc-bf16-1010d8ef2347 --group 5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b
      headway stats 5e757794-c815-4ccc-bf16-1010d8ef2347 --csv > lessons.csv
    """
    if as_json and as_csv:
        fail("Use only one of --json and --csv.", 2)
    group_id = group_id_of(group) if group else None
    if course is None:
        _print_all(with_service(_all(group_id)), as_json, as_csv)
    else:
        _print_one(with_service(_reading(course_id_of(course), group_id)), as_json, as_csv)


def _all(group_id: GroupId | None) -> Callable[[Services], Awaitable[list[CourseStatistics]]]:
    return lambda services: every_course(partial(services.statistics.courses, OPERATOR, group_id=group_id))


def _reading(course_id: CourseId, group_id: GroupId | None) -> Callable[[Services], Awaitable[CourseStatistics]]:
    return lambda services: services.statistics.course(OPERATOR, course_id, group_id)


def _print_all(found: Sequence[CourseStatistics], as_json: bool, as_csv: bool) -> None:
    body = to_json(formats.courses(found))
    if as_json:
        out.out(body.decode(), highlight=False)
    elif as_csv:
        _print_csv(orjson.loads(body))
    elif found:
        out.print(_courses(found), soft_wrap=False)
    else:
        out.print("The catalogue is empty. Put a course with: headway courses put FILE")


def _print_one(found: CourseStatistics, as_json: bool, as_csv: bool) -> None:
    body = to_json(formats.course(found))
    if as_json:
        out.out(body.decode(), highlight=False)
    elif as_csv:
        _print_csv(orjson.loads(body)["lessons"])
    else:
        out.print(Text(isolated(found.course.title), style="bold"))
        out.print(_figures(found), soft_wrap=False)
        out.print()
        out.print(_funnel(found), soft_wrap=False)


def _print_csv(lines: Sequence[Mapping[str, Any]]) -> None:
    """Print the API's fields as CSV, without fields that are lists. Prints nothing where there are no lines."""
    text = io.StringIO()
    names = [name for name, value in lines[0].items() if not isinstance(value, list)] if lines else []
    writer = csv.writer(text, lineterminator="\n")
    if names:
        writer.writerow(names)
    writer.writerows([_cell(line[name]) for name in names] for line in lines)
    out.out(text.getvalue(), end="", highlight=False)


def _cell(value: object) -> object:
    """Return a value for a CSV cell: booleans as in the API, texts that look like a formula with a ' before."""
    if isinstance(value, bool):
        return str(value).lower()
    return harmless(value)


def _has_room(columns: int = _WIDE) -> bool:
    return not out.is_terminal or out.width >= columns


def _table(*columns: Column | str) -> Table:
    return Table(*columns, box=None, pad_edge=False)


def _numbers(*names: str) -> Iterable[Column]:
    return (Column(name, justify="right", no_wrap=True) for name in names)


def _courses(found: Sequence[CourseStatistics]) -> Table:
    """Return a table with a line for each course. Ids are shown whole or not at all: people copy them."""
    room, room_for_ids = _has_room(), _has_room(_NARROW)
    ids = (Column("id", no_wrap=True),) if room_for_ids else ()
    more = ("7 days", "30 days") if room else ()
    rates = ("rate", "mean completion") if room else ("rate",)
    table = _table(*ids, "title", *_numbers("learners", *more, "completed", *rates))
    for one in found:
        active = (one.active_last_7_days, one.active_last_30_days) if room else ()
        counts = (f"{count:,}" for count in (one.learners, *active, one.completed))
        shares = (one.completion_rate, one.mean_completion) if room else (one.completion_rate,)
        named = (one.course.id,) if room_for_ids else ()
        table.add_row(*named, _title(one.course.title), *counts, *map(_percent, shares))
    return table


def _figures(found: CourseStatistics) -> Table:
    table = Table("", *_numbers(""), box=None, pad_edge=False, show_header=False)
    table.add_row("learners", f"{found.learners:,}")
    table.add_row("active in the last 7 days", f"{found.active_last_7_days:,}")
    table.add_row("active in the last 30 days", f"{found.active_last_30_days:,}")
    table.add_row("completed", f"{found.completed:,}")
    table.add_row("completion rate", _percent(found.completion_rate))
    table.add_row("mean completion", _percent(found.mean_completion))
    table.add_row("minutes in all", f"{found.total_minutes:,}")
    table.add_row("minutes a learner", _number(found.mean_minutes))
    return table


def _funnel(found: CourseStatistics) -> Table:
    room = _has_room()
    more = ("pass rate", "median score", "minutes") if room else ()
    stopped = ("stopped here",) if room else ()
    table = _table("lesson", "", *_numbers("started", "completed", *stopped, "drop-off", *more))
    most = max((one.started for one in found.lessons), default=0)
    for one in found.lessons:
        counts = (f"{count:,}" for count in (one.started, one.completed, *((one.stopped_here,) if room else ())))
        others = (_percent(one.pass_rate), _number(one.median_score), _number(one.mean_minutes)) if room else ()
        table.add_row(
            _title(one.lesson.title, "" if one.lesson.required else " (optional)"),
            _Bar(one.completed, one.started, most),
            *counts,
            _percent(one.drop_off),
            *others,
        )
    return table


def _title(title: str, remark: str = "") -> Text:
    """Return a title that is cut where there is no room. The columns of titles and bars shrink before the figures."""
    return Text(isolated(title) + remark, no_wrap=True, overflow="ellipsis")


def _percent(rate: Number | None) -> str:
    return "-" if rate is None else f"{rate} %"


def _number(number: Number | None) -> str:
    return "-" if number is None else f"{number:,}"


class _Bar:
    """A bar of the learners who completed a lesson and who only started it. It takes the width that there is.

    Its scale is the number of learners in the lesson that most learners started.
    """

    def __init__(self, completed: int, started: int, most: int) -> None:
        self._shares = [count / most if most else 0 for count in (completed, started)]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        full, begun = ("#", ".") if options.ascii_only else ("█", "░")
        width = min(options.max_width, _LONGEST_BAR)
        completed, started = (int(shown(width * share, marks=(width,))) for share in self._shares)
        yield Text.assemble((full * completed, "green"), (begun * (started - completed), "dim"))

    def __rich_measure__(self, _console: Console, _options: ConsoleOptions) -> Measurement:
        return Measurement(_SHORTEST_BAR, _LONGEST_BAR)
