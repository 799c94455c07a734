"""Whole lists of learners as files: CSV, and of rosters Parquet where pyarrow is installed."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import datetime
from importlib import import_module
from itertools import chain
from typing import Any, Final, TypeVar

from headway.domain.catalogue import MARKED_KINDS, Course, Lesson
from headway.domain.identifiers import CourseId
from headway.formats.roster_query import Format
from headway.formats.spreadsheets import harmless
from headway.formats.statistics import RosterFileLine, roster_file_line
from headway.http.engine.parameters import accepted
from headway.http.engine.replies import Chunks, StreamedReply
from headway.http.engine.requests import NotAcceptableError
from headway.http.engine.streaming import begun
from headway.service import GridLine, GridPage, RosterLine

# A roster has several forms under one address (RFC 9110 section 12.5.5).
VARIES: Final = (b"vary", b"Accept")
MEDIA: Final = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
}
GRID_FORMATS: Final = (Format.JSON, Format.CSV)
FILE_MEDIA: Final = (MEDIA[Format.CSV], MEDIA[Format.PARQUET])
_CSV: Final = "text/csv; charset=utf-8; header=present"
_COLUMNS: Final = tuple(RosterFileLine.model_fields)
# Lines in a row group: the most in memory at once, and the least that a reader of the file has to read.
_ROW_GROUP: Final = 10_000

Line = TypeVar("Line")
Pages = AsyncGenerator[Sequence[RosterLine], None]


def negotiated(given: Format | None, accept: bytes | None, among: Collection[Format] = MEDIA) -> Format:
    """Return the form of the answer: `given`, or the one with the highest weight in Accept; JSON wins a tie.

    Where Accept names none of the forms in `among`, it is JSON.
    """
    if given is not None or accept is None:
        return given or Format.JSON
    wanted = accepted(accept.decode("latin-1"))
    any_other = wanted.get("*/*", 0.0)

    def weight(form: Format) -> float:
        kind = MEDIA[form].partition("/")[0]
        return wanted.get(MEDIA[form], wanted.get(f"{kind}/*", any_other))

    return max(among, key=weight)


async def streamed(
    form: Format, course_id: CourseId, pages: Pages, columns: Sequence[str] | None = None
) -> StreamedReply:
    """Return a roster as a file, with these columns or with all.

    Its first chunk is built here, so that an error is raised before anything is sent.

    Raises what `pages` raises, and `NotAcceptableError` for Parquet where pyarrow is not installed.
    """
    name = f"learners-{course_id}"
    if form is Format.CSV:
        return await streamed_csv(name, columns or _COLUMNS, roster_file_line, pages)
    # The first import takes as long as hundreds of requests.
    arrow = await asyncio.to_thread(_pyarrow)
    return await _file(_as_parquet(pages, arrow, columns or _COLUMNS), MEDIA[form], f"{name}.{form}")


async def streamed_csv(
    name: str,
    columns: Sequence[str],
    shown: Callable[[Line], dict[str, Any]],
    pages: AsyncGenerator[Sequence[Line], None],
) -> StreamedReply:
    """Return a list as a CSV file with this name. Raises what `pages` raises before anything is sent."""
    return await _file(_as_csv(columns, shown, pages), _CSV, f"{name}.csv")


async def streamed_grid(course_id: CourseId, pages: AsyncGenerator[GridPage, None]) -> StreamedReply:
    """Return a grid as a CSV file. Raises what `pages` raises, before anything is sent."""
    return await _file(_grid_as_csv(pages), _CSV, f"results-{course_id}.csv")


async def _file(chunks: Chunks, content_type: str, name: str) -> StreamedReply:
    disposition = f'attachment; filename="{name}"'
    headers = ((b"content-type", content_type.encode()), (b"content-disposition", disposition.encode()), VARIES)
    return StreamedReply(200, await begun(chunks), headers)


async def _as_csv(
    columns: Sequence[str], shown: Callable[[Line], dict[str, Any]], pages: AsyncGenerator[Sequence[Line], None]
) -> Chunks:
    """Yield these columns of a list as CSV (RFC 4180) with a header."""
    head: list[Sequence[object]] = [columns]
    async with aclosing(pages):
        async for page in pages:
            lines = [[_cell(line[name]) for name in columns] for line in map(shown, page)]
            yield _csv_lines([*head, *lines])
            head = []


async def _grid_as_csv(pages: AsyncGenerator[GridPage, None]) -> Chunks:
    """Yield the grid as CSV with a header: a column for each lesson, and another one where it can have a score."""
    is_begun = False
    async with aclosing(pages):
        async for page in pages:
            head = [] if is_begun else [_grid_head(page.course)]
            is_begun = True
            yield _csv_lines([*head, *(_grid_cells(page.course, line) for line in page.lines)])


def _grid_head(course: Course) -> Sequence[object]:
    titles = ((lesson.title, f"{lesson.title} (score)")[: _columns_of(lesson)] for lesson in course.lessons)
    return ["user_id", "name", *map(harmless, chain.from_iterable(titles))]


def _grid_cells(course: Course, line: GridLine) -> Sequence[object]:
    results = (
        (result and result.status.value, result and result.score)[: _columns_of(lesson)]
        for lesson, result in zip(course.lessons, line.results, strict=True)
    )
    profile = line.learner.profile
    return [line.learner.course_progress.learner_id, harmless(profile.name), *chain.from_iterable(results)]


def _columns_of(lesson: Lesson) -> int:
    """Return the number of a lesson's columns: its status, and its score where it can have one."""
    return 2 if lesson.kind in MARKED_KINDS else 1


def _csv_lines(lines: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    """Return a cell's value. Times, which are UTC, and yes or no are written as in JSON. A text is no formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='seconds')[:19]}Z"
    return harmless(value)


def _pyarrow() -> Any:
    try:
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ImportError as error:
        reason = "Parquet needs pyarrow, which is not installed: install 'headway[parquet]'."
        raise NotAcceptableError(reason) from error


class _Sink(io.RawIOBase):
    """A file that keeps what was written since the last `take`. `tell` is the number of all bytes written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        self._position += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


async def _as_parquet(pages: Pages, arrow: Any, columns: Sequence[str]) -> Chunks:
    """Yield the roster as Parquet, in row groups of about 10,000 lines. A thread builds them."""
    sink = _Sink()
    schema = _schema(arrow, columns)

    def write(lines: Sequence[RosterLine]) -> bytes:
        writer.write_table(arrow.Table.from_pylist([_values(line) for line in lines], schema=schema))
        return sink.take()

    loop = asyncio.get_running_loop()
    # The thread ends before the writer is closed, also where this task is cancelled while the thread writes.
    with arrow.parquet.ParquetWriter(sink, schema) as writer, ThreadPoolExecutor(1) as beside:
        gathered: list[RosterLine] = []
        async with aclosing(pages):
            async for page in pages:
                gathered += page
                if len(gathered) >= _ROW_GROUP:
                    yield await loop.run_in_executor(beside, write, gathered)
                    gathered = []
        if gathered:
            yield await loop.run_in_executor(beside, write, gathered)
    yield sink.take()  # Parquet's index, which stands at the end of the file


def _values(line: RosterLine) -> dict[str, Any]:
    return {
        name: value.replace(microsecond=0) if isinstance(value, datetime) else value
        for name, value in roster_file_line(line).items()
    }


def _schema(arrow: Any, columns: Sequence[str]) -> Any:
    count, number, moment = arrow.int32(), arrow.float64(), arrow.timestamp("ms", tz="UTC")
    types = {
        "user_id": arrow.string(),
        "name": arrow.string(),
        "total_lessons": count,
        "completed_lessons": count,
        "in_progress_lessons": count,
        "completion_percentage": number,
        "total_time_spent_minutes": number,
        "last_accessed": moment,
        "started_at": moment,
        "last_seen": arrow.date32(),
        "completed_at": moment,
        "enrolled_at": moment,
        "ended_at": moment,
        "due_at": moment,
        "late": arrow.bool_(),
        "completed_late": arrow.bool_(),
        "email": arrow.string(),
        "external_id": arrow.string(),
        "at_lesson": arrow.string(),
    }
    return arrow.schema([(name, types[name]) for name in columns])
