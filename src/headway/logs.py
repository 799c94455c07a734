"""Structured logs, each line with the id of the request that it belongs to.

Everything goes through the standard library's logging, so that an application that Headway is mounted in decides
what becomes of it; `configure` decides for a process of Headway's own.
"""

import contextlib
import logging
import select
import sys
from collections import Counter
from collections.abc import MutableMapping
from contextvars import ContextVar
from threading import Timer
from time import monotonic
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import Processor

REQUEST_ID: Final[ContextVar[str | None]] = ContextVar("headway_request_id", default=None)

LINES_A_SECOND: Final = 100
"""The most lines of one event in a second; of all events, ten times as many. Further lines are only counted."""

# Libraries whose lines for developers hold addresses and secrets of a sign-in.
_CHATTY: Final = ("authlib", "httpx2", "httpcore2")
_SECOND: Final = 1.0
_REFUSED: Final = 400
# The most bytes that a ready pipe takes without blocking (POSIX, PIPE_BUF; 4,096 on Linux).
_AT_ONCE: Final = 4096
_OTHERS: Final = "(others)"
_UNWRITTEN_EVENT = "lines_not_written"
_PATIENCE: Final = 0.25  # seconds for a reader that is slow; none for one that was too slow before


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger whose events take their facts as keyword arguments."""
    logger = structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[structlog.stdlib.filter_by_level, _add_request_id, structlog.stdlib.render_to_log_kwargs],
        cache_logger_on_first_use=True,
    )
    return cast("structlog.stdlib.BoundLogger", logger)


def configure(*, json: bool, level: str) -> None:
    """Write this process's log lines, uvicorn's too, to standard error, as far as `_Lines` says.

    Tracebacks are printed without the values of local variables: those may be tokens or notes.
    """
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    lines = _Lines(sys.stderr) if sys.stderr else logging.NullHandler()
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(handlers=[lines], level=level.upper(), force=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Lines(logging.Handler):
    """Writes log lines, limits their number, and never blocks the program for long.

    Clients could fill the log with refused requests. So LINES_A_SECOND lines of an event are written, and the others
    are counted. Lines about requests that succeeded have no limit. Where nobody reads the stream, lines are lost, and
    counted too.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._poll = select.poll()
        self._poll.register(stream.fileno(), select.POLLOUT)
        self._window = monotonic()
        self._written: Counter[str] = Counter()
        self._unwritten: Counter[str] = Counter()
        self._patience = _PATIENCE

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        try:
            if monotonic() - self._window >= _SECOND:
                self._window = monotonic()
                self._written.clear()
            event = str(record.msg)
            if self._may_be_written(record, event) and self._write(record):
                self._written[event] += 1
            else:
                self._count(event)
        except Exception:  # noqa: BLE001 - as the standard library's handlers do: a log line breaks nothing
            self.handleError(record)

    def _may_be_written(self, record: logging.LogRecord, event: str) -> bool:
        if record.levelno < logging.WARNING and getattr(record, "status", _REFUSED) < _REFUSED:
            return True
        return self._written[event] < LINES_A_SECOND and self._written.total() < 10 * LINES_A_SECOND

    def _count(self, event: str) -> None:
        """Count a line that is not written. A second later, the count is logged."""
        if not self._unwritten:
            self._say_later()
        self._unwritten[event if len(self._unwritten) < LINES_A_SECOND else _OTHERS] += 1

    def _say_later(self) -> None:
        timer = Timer(_SECOND, self._say_what_was_not_written)
        timer.daemon = True
        timer.start()

    def _say_what_was_not_written(self) -> None:
        with self.lock or contextlib.nullcontext():
            for event, lines in list(self._unwritten.items()):
                record = logging.LogRecord("headway.logs", logging.WARNING, "", 0, _UNWRITTEN_EVENT, None, None)
                record.__dict__.update(of=event, lines=lines)
                if not self._write(record):
                    self._say_later()
                    return
                del self._unwritten[event]

    def _write(self, record: logging.LogRecord) -> bool:
        """Write a line, as far as the reader takes it. Return whether all of it was written."""
        line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        for start in range(0, len(line), _AT_ONCE):
            if not self._poll.poll(self._patience * 1000):
                self._patience = 0.0
                return False
            self._stream.buffer.write(line[start : start + _AT_ONCE])
            self._stream.buffer.flush()
        self._patience = _PATIENCE
        return True


def _add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event
