"""A site with players: its pages import the client from the service, which has another address."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, Page
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from support.postgres import Databases
from support.running import PREFIX, STORES, Running, course, eventually, headway_serve, lesson, token
from support.serving import served

LONG: Final = 30
Row = dict[str, Any]

PAGE: Final = """<!doctype html>
<meta charset="utf-8">
<title>A player</title>
<link rel="icon" href="data:,">
{body}
<script type="module">
  import * as headway from "{service}/client/headway-client.js";
  const {{ createClient, bindVideo, bindH5P }} = headway;
  const {{ token, courseId, lessonIds }} = {visit};
  window.problems = [];
  const onProblem = (problem) => window.problems.push(problem.kind);
  window.client = createClient({{ baseUrl: "{service}{prefix}", token, onProblem }});
  window.lessons = lessonIds.map((lessonId) => client.lesson(courseId, lessonId));
  window.lesson = window.lessons[0];
  {script}
  window.isReady = true;
</script>
"""


@dataclass(frozen=True)
class Site:
    """A folder of pages that is served, and the service that they report to."""

    url: str
    folder: Path
    running: Running

    def write(self, name: str, text: str) -> str:
        """Write a page, and return its address."""
        (self.folder / name).write_text(text)
        return f"{self.url}/{name}"


@contextmanager
def site_in(folder: Path, **settings: object) -> Iterator[Site]:
    """Serve a new folder, and a service whose API this site's pages may call."""
    public = folder / "public"
    public.mkdir()
    pages = Starlette(routes=[Mount("/", StaticFiles(directory=public, follow_symlink=True))])
    with served(pages) as url, headway_serve(folder, cors_origins=url, **settings) as running:
        yield Site(url, public, running)


@contextmanager
def site_of(request: pytest.FixtureRequest, folder: Path) -> Iterator[Site]:
    """Serve a site whose service is on SQLite, or on the store that a test asks for (`SITES_ON_BOTH_STORES`)."""
    if getattr(request, "param", "sqlite") == "sqlite":
        with site_in(folder) as site:
            yield site
        return
    databases: Databases = request.getfixturevalue("databases")
    with databases.fresh() as url, site_in(folder, database_url=url) as site:
        yield site


SITES_ON_BOTH_STORES: Final = pytest.mark.parametrize("site", STORES, indirect=True)


class Learner:
    """A learner of a course of the test's own, whose lessons are videos or H5P contents."""

    def __init__(self, site: Site, *lessons: Mapping[str, Any]) -> None:
        self.site = site
        self.id = str(uuid4())
        self.document = course(*(lesson(**one) for one in lessons or [{"kind": "video", "complete_at": 90}]))
        self.course_id = site.running.put_course(self.document)
        self.lesson_ids: list[str] = [one["id"] for one in self.document["lessons"]]

    def page(self, body: str, script: str) -> str:
        """Make a page with a player, and return its address. `script` binds the player."""
        visit = {"token": token(self.id), "courseId": self.course_id, "lessonIds": self.lesson_ids}
        text = PAGE.format(
            body=body, service=self.site.running.base_url, prefix=PREFIX, visit=json.dumps(visit), script=script
        )
        return self.site.write(f"{uuid4()}.html", text)

    def path(self, lesson: int = 0) -> str:
        return f"/progress/{self.course_id}/lessons/{self.lesson_ids[lesson]}"

    def row(self, lesson: int = 0) -> Row:
        """Return what is stored; nothing where there is no progress."""
        with self.site.running.client(self.id) as client:
            answer = client.get(self.path(lesson))
        return dict(answer.json()) if answer.status_code == 200 else {}

    def put(self, lesson: int = 0, **fields: object) -> None:
        with self.site.running.client(self.id) as client:
            client.put(self.path(lesson), json=fields).raise_for_status()

    def remove(self, lesson: int = 0) -> None:
        with self.site.running.client(self.id) as client:
            client.delete(self.path(lesson)).raise_for_status()

    def soon(self, condition: Callable[[Row], bool], lesson: int = 0) -> Row:
        """Wait until what is stored is as the condition says, and return it."""
        found: list[Row] = [{}]

        def holds() -> bool:
            found[0] = self.row(lesson)
            return bool(found[0]) and condition(found[0])

        try:
            eventually(holds, LONG)
        except AssertionError as late:
            raise AssertionError(f"stored is: {found[0]}") from late
        return found[0]


def opened(context: BrowserContext, address: str) -> Page:
    """Open a page of the site, and wait for its script."""
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("() => window.isReady")
    return page


def open_again(page: Page) -> None:
    page.reload()
    page.wait_for_function("() => window.isReady")
