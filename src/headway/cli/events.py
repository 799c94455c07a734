"""`headway events`: prints what happens, from the database."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from shlex import quote
from typing import Annotated, Final

import typer
from rich.text import Text

from headway.cli.console import OPERATOR, course_id_of, err, fail, out, with_service
from headway.domain.catalogue import Course
from headway.domain.errors import CourseNotFoundError
from headway.domain.events import NEWEST, PAGE, ActorKind, Event, EventFilter
from headway.domain.identifiers import CourseId
from headway.domain.text import isolated
from headway.formats.event_query import Cursor, parse_cursor, parse_types
from headway.formats.events import event_json
from headway.service import EventQuery, Services

app: Final = typer.Typer(no_args_is_help=True, help="What happened, for those who follow along.")

_LOOK_SECONDS: Final = 1.0
_LONGEST_TYPE: Final = 17


@app.command()
def tail(
    after: Annotated[
        str | None,
        typer.Option(help="The cursor to go on from. By default: from now on; with --no-follow: from the first event."),
    ] = None,
    types: Annotated[str | None, typer.Option(help="Only these types, with commas between them.")] = None,
    course: Annotated[str | None, typer.Option(help="Only events of this course, and learner.erased.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many events.")] = None,
    no_follow: Annotated[bool, typer.Option("--no-follow", help="End where there are no more events.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print CloudEvents documents, one a line.")] = False,
) -> None:
    """Print events as they come, until Ctrl-C. Then print the command to go on with, with the same options.

    Examples:
      headway events tail
      headway events tail --types lesson.completed,course.completed --json
      headway events tail --after 4711 --limit 100 --no-follow
    """
    reading = _Tail(_filter(types, course), limit, as_json=json, follows=not no_follow)
    cursor = _cursor(after, None if no_follow else NEWEST)
    with suppress(KeyboardInterrupt):
        with_service(lambda services: reading.run(services, cursor))
    if reading.after is not None:
        options = _options(after=reading.after, types=types, course=course, limit=limit, no_follow=no_follow, json=json)
        err.print("Go on with: headway events tail", *options)


def _options(**given: str | int | None) -> Iterator[str]:
    """Yield options as a shell reads them, without those that are `None` or `False`: they were not given."""
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            yield option
        elif value is not None and value is not False:
            yield f"{option} {quote(str(value))}"


def _filter(types: str | None, course: str | None) -> EventFilter:
    courses = None if course is None else frozenset([course_id_of(course)])
    try:
        return EventFilter(None if types is None else parse_types(types), courses)
    except ValueError as error:
        fail(f"--types {types}: {error}.", 2)


def _cursor(text: str | None, default: Cursor | None) -> Cursor | None:
    try:
        return default if text is None else parse_cursor(text)
    except ValueError:
        fail(f"--after {text} is not a cursor. It takes a number that was printed before, or {NEWEST}.", 2)


class _Tail:
    """Prints the events that pass a filter. `after` is the cursor behind the last one."""

    def __init__(self, only: EventFilter, limit: int | None, *, as_json: bool, follows: bool) -> None:
        self.follows = follows
        self.after: int | None = None
        self._only = only
        self._left = limit
        self._as_json = as_json
        self._courses: dict[CourseId, Course | None] = {}

    async def run(self, services: Services, cursor: Cursor | None) -> None:
        """Print events until there are no more, or until enough are printed."""
        events = services.events
        await events.publish()
        self.after = await events.newest(OPERATOR) if cursor == NEWEST else cursor
        while True:
            await events.publish()
            query = EventQuery(self.after, min(PAGE, self._left or PAGE), self._only)
            found = await events.page(OPERATOR, query)
            for one in found.events:
                await self._print(services, one.event)
            self.after = found.after
            if self._is_done(len(found.events)) or (found.is_last and not self.follows):
                return
            if found.is_last:
                await events.newer(found.after, _LOOK_SECONDS)

    def _is_done(self, printed: int) -> bool:
        if self._left is not None:
            self._left -= printed
        return self._left == 0

    async def _print(self, services: Services, event: Event) -> None:
        if self._as_json:
            out.out(event_json(event).decode(), highlight=False)
        else:
            out.print(Text("  ".join(_parts(event, await self._course(services, event)))))

    async def _course(self, services: Services, event: Event) -> Course | None:
        """Return the event's course as it is now. It is read again after an event of its document."""
        course_id = event.course_id
        if course_id is None:
            return None
        if course_id not in self._courses or event.learner_id is None:
            self._courses[course_id] = None
            with suppress(CourseNotFoundError):
                self._courses[course_id] = (await services.catalogue.course(course_id)).course
        return self._courses[course_id]


def _parts(event: Event, course: Course | None) -> Iterable[str]:
    """Return the parts of a line: time, type, learner, titles, and who acted where that was not the learner."""
    yield f"{event.at:%Y-%m-%d %H:%M:%S}Z"
    yield f"{event.type:<{_LONGEST_TYPE}}"
    yield event.learner_id or "-" * 36
    if event.course_id is not None:
        yield isolated(course.title) if course else event.course_id
    if event.lesson_id is not None:
        lesson = course.lessons_by_id.get(event.lesson_id) if course else None
        yield isolated(lesson.title) if lesson else event.lesson_id
    if event.actor.kind is not ActorKind.LEARNER and event.learner_id is not None:
        who = f" {event.actor.user_id}" if event.actor.user_id else ""
        yield f"({event.actor.kind.replace('_', ' ')}{who})"
