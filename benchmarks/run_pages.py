"""Measure how soon a browser paints something of a page: `benchmarks/run_pages.py [directory]`.

Each page is loaded some times over, of which the quickest counts: what else the machine does is not the page's. Ends
with 1 where a page is later than it may be.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import BrowserContext, sync_playwright

from headway.auth import Sessions
from headway.auth.sessions import COOKIE
from headway.domain.identifiers import LearnerId
from headway.domain.principal import Principal
from population import PROGRESS_PATH, SECRET, Population, course_author, make_population
from servers import HOST, all_cores, headway, running, sqlite_url

_LOADS: Final = 5
_LESSONS: Final = 500
_BROWSERS: Final = ("chromium-headless-shell", "chromium")
_MOST_MILLISECONDS: Final = {
    "a learner's first page": 1000,
    "a teacher's first page": 1000,
    f"a course of {_LESSONS} lessons": 2000,
}
_PAINTED: Final = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def main() -> int:
    """Measure, print, and answer the exit status."""
    people = make_population([1], _LESSONS)
    with (
        tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name,
        running(headway(sqlite_url(Path(name))), all_cores(), Path(name)) as server,
        sync_playwright() as playwright,
    ):
        _fill(server.port, people)
        browser = playwright.chromium.launch(executable_path=_browser(), args=["--no-sandbox"])
        context = browser.new_context(base_url=f"http://{HOST}:{server.port}")
        context.add_cookies([_cookie(people)])
        paths = ("/dashboard", "/dashboard/statistics", f"/dashboard/courses/{people.courses[0]}")
        pages = dict(zip(_MOST_MILLISECONDS, paths, strict=True))
        found = {what: _first_paint(context, path) for what, path in pages.items()}
        browser.close()
    return _report(found)


def _report(found: Mapping[str, float]) -> int:
    for what, milliseconds in found.items():
        print(f"{what}: painted after {milliseconds:.0f} ms, at most {_MOST_MILLISECONDS[what]}")
    return int(any(milliseconds > _MOST_MILLISECONDS[what] for what, milliseconds in found.items()))


def _browser() -> str:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        sys.exit("The benchmark needs Chromium. On Debian and Ubuntu: apt-get install chromium-headless-shell")
    return found


def _fill(port: int, people: Population) -> None:
    """One course, in which the one learner is half way."""
    course, half = people.courses[0], people.lessons[_LESSONS // 2]
    document = {"title": "A long course", "lessons": [{"id": one, "title": "A lesson"} for one in people.lessons]}
    _put(port, f"{PROGRESS_PATH.replace('progress', 'courses')}{course}", course_author(people), document)
    _put(port, f"{PROGRESS_PATH}{course}/lessons/{half}", people.tokens[0], {"progress_percentage": 40})


def _put(port: int, path: str, token: str, body: Mapping[str, Any]) -> None:
    connection = HTTPConnection(HOST, port, timeout=20)
    connection.request("PUT", path, json.dumps(body), {"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    if answer.status >= 300:  # noqa: PLR2004 - the first status that is no success
        sys.exit(f"{path}: {answer.status} {answer.read()!r}")
    connection.close()


def _cookie(people: Population) -> Any:
    principal = Principal(LearnerId(people.learners[0]), frozenset({"statistics:read"}))
    value = Sessions(SECRET, timedelta(hours=1)).sealed(principal)
    return {"name": COOKIE, "value": value, "domain": HOST, "path": "/"}


def _first_paint(context: BrowserContext, path: str) -> float:
    page = context.new_page()
    page.goto(path, wait_until="load")
    paints = []
    for _ in range(_LOADS):
        page.reload(wait_until="load")
        page.wait_for_function(_PAINTED)
        paints.append(float(page.evaluate(_PAINTED)))
    page.close()
    return min(paints)


if __name__ == "__main__":
    sys.exit(main())
