"""Structured logs, each line with the id of the request that it belongs to.

Everything goes through the standard library's logging, so that an application that Headway is mounted in decides
what becomes of it; `configure` decides for a process of Headway's own.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final, cast

import structlog
from structlog.typing import Processor

REQUEST_ID: Final[ContextVar[str | None]] = ContextVar("headway_request_id", default=None)


# Libraries whose lines for developers hold addresses and secrets of a sign-in.
_CHATTY: Final = ("authlib", "httpx2", "httpcore2")


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose events carry their facts as keywords."""
    logger = structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[structlog.stdlib.filter_by_level, _add_request_id, structlog.stdlib.render_to_log_kwargs],
        cache_logger_on_first_use=True,
    )
    return cast("structlog.stdlib.BoundLogger", logger)


def configure(*, json: bool, level: str) -> None:
    """Write this process's log lines, uvicorn's too, to standard error.

    Tracebacks are printed without the values of local variables: those may be tokens or notes.
    """
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event
