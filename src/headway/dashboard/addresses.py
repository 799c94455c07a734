"""Addresses of the pages: where one may be sent on to."""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from starlette.requests import Request

_PRINTABLE: Final = re.compile(r"[!-\[\]-~]{1,1000}")  # ASCII without spaces, and without \, which browsers take for /
_UP: Final = frozenset({".", ".."})


def below(path: str, wanted: str) -> str:
    """`wanted` where that is a page below `path`, on this very host; else `path`."""
    location = wanted.partition("?")[0].partition("#")[0]
    segments = unquote(location).split("/")
    is_page = (
        _PRINTABLE.fullmatch(wanted)
        and (location == path or location.startswith(f"{path}/"))
        and not location.startswith((f"{path}/sign-", f"{path}/static/"))
        and not _UP & set(segments)
    )
    return wanted if is_page else path


def page_of(request: Request, path: str) -> str:
    """The page that a browser is to come back to that sent this request: for a part of one, the whole one."""
    if "hx-request" in request.headers:
        try:
            shown = urlsplit(request.headers.get("hx-current-url", ""))
        except ValueError:  # no address at all
            return path
        return below(path, f"{shown.path}?{shown.query}" if shown.query else shown.path)
    query = f"?{request.url.query}" if request.url.query else ""
    return below(path, request.url.path + query)
