"""Addresses of pages: with parameters, and those to which a browser may be redirected."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlencode, urlsplit

from starlette.requests import Request

_PRINTABLE: Final = re.compile(r"[!-\[\]-~]{1,1000}")  # ASCII without spaces and without \, which browsers read as /
_UP: Final = frozenset({".", ".."})


def with_query(path: str, query: Mapping[str, str]) -> str:
    """Return an address with these parameters."""
    return f"{path}?{urlencode(query)}" if query else path


@dataclass(frozen=True)
class Address:
    """A page's address. It makes addresses of the same page with other parameters."""

    path: str
    query: Mapping[str, str]

    def other(self, **changes: str | None) -> str:
        """Return the address with these parameters changed. `None` removes a parameter."""
        query = {name: value for name, value in {**self.query, **changes}.items() if value is not None}
        return with_query(self.path, query)

    def without(self, *names: str) -> Mapping[str, str]:
        """Return the query without some parameters, for a form that has fields for those."""
        return {name: value for name, value in self.query.items() if name not in names}


def below(path: str, wanted: str) -> str:
    """Return `wanted` where it is a page below `path` on this host, else `path`."""
    location = wanted.partition("?")[0].partition("#")[0]
    segments = unquote(location).split("/")
    is_page = (
        _PRINTABLE.fullmatch(wanted)
        and (location == path or location.startswith(f"{path}/"))
        and not location.startswith((f"{path}/sign-", f"{path}/static/"))
        and not _UP & set(segments)
    )
    return wanted if is_page else path


def page_at(address: str, path: str) -> str:
    """Return the page below `path` at an address with a host, else `path`. The host is not looked at."""
    try:
        shown = urlsplit(address)
    except ValueError:  # not a valid address
        return path
    return below(path, f"{shown.path}?{shown.query}" if shown.query else shown.path)


def page_of(request: Request, path: str) -> str:
    """Return the page to come back to after a request.

    For a request for part of a page, that is the whole page. For a form, that is the page with the form.
    """
    if "hx-request" in request.headers or request.method == "POST":
        return page_at(request.headers.get("hx-current-url") or request.headers.get("referer", ""), path)
    query = f"?{request.url.query}" if request.url.query else ""
    return below(path, request.url.path + query)
