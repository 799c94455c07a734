"""Keeps what was searched for out of the log: httpx2 logs the address of each request at the level INFO."""

import logging
from typing import Any

import httpx2

from headway.client.calls import PREFIX


def without_query(record: logging.LogRecord) -> bool:
    """Take the query from the addresses of this API: it may hold a person's name. Every record is logged."""
    if isinstance(record.args, tuple):
        record.args = tuple(map(_shortened, record.args))
    return True


def _shortened(argument: Any) -> Any:
    is_ours = isinstance(argument, httpx2.URL) and PREFIX in argument.path
    return argument.copy_with(query=None) if is_ours else argument


logging.getLogger("httpx2").addFilter(without_query)
