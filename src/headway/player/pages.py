"""The player page, and the script that content in a sandbox gets into its first page."""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from html import escape
from typing import Final

from headway.http.engine.requests import CONTENT_PATH
from headway.http.engine.static_files import ANY_ORIGIN, StaticFiles, files_of

MOST_CHANGED_BYTES: Final = 8 * 1024 * 1024
"""A larger page of content stays as it is: no page of content is so large."""

# What may stand before the first script of a page. Comments may have tags in them that are none. What `*+` and `++`
# have read is not tried in another way: to remember all other ways, a page of spaces would take a gigabyte.
_BEGINNING: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?"
    rb"(?:\s++|<!--(?:-?>|.*?--!?>)|<\?[^>]*+>|<!(?!--)[^>]*+>"
    rb"|<(?:html|head)(?:\s(?:\"[^\"]*+\"|'[^']*+'|[^>\"']++)*+)?/?>)*+",
    re.IGNORECASE | re.DOTALL,
)
_UTF_16: Final = {BOM_UTF16_LE: "utf-16-le", BOM_UTF16_BE: "utf-16-be"}


def static_files() -> StaticFiles:
    """Return the player's own files, and scorm-again. Pages in a sandbox read them: those have no origin."""
    return StaticFiles(f"{CONTENT_PATH}/static", lambda: files_of("headway.player"), ANY_ORIGIN)


def player_page(static: StaticFiles, launch_address: str, *, sandboxed: bool) -> str:
    """Return the page that plays a launch."""
    script = _script(static, launch=launch_address, sandboxed="true" if sandboxed else "false")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Headway</title>'
        f'<link rel="stylesheet" href="{escape(static.address("player.css"))}">{script}</head><body></body></html>'
    )


def with_interface(page: bytes, static: StaticFiles) -> bytes:
    """Return a page of content with the script that makes the interface, before all other scripts."""
    script = _script(static)
    encoding = _UTF_16.get(page[:2])
    if encoding is not None:
        text = page[2:].decode(encoding, "surrogatepass")
        return page[:2] + _with(text.encode("utf-8", "surrogatepass"), script).decode("utf-8", "surrogatepass").encode(
            encoding, "surrogatepass"
        )
    return _with(page, script)


def _with(page: bytes, script: str) -> bytes:
    found = _BEGINNING.match(page)
    at = found.end() if found else 0
    return page[:at] + script.encode() + page[at:]


def _script(static: StaticFiles, **data: str) -> str:
    data |= {version: static.address(f"{version}.min.js") for version in ("scorm12", "scorm2004")}
    attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    return f'<script src="{escape(static.address("player.js"))}" {attributes}></script>'
