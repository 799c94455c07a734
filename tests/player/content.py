"""Content that does what a test says, in a package of its own; and the pages that play it."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, Frame, Page

from headway.domain.scorm import ScormVersion
from support.packages import Item, scorm12_package, scorm2004_package
from support.running import Running, eventually

V12, V2004 = ScormVersion.SCORM_12, ScormVersion.SCORM_2004
COMMITS: Final = "**/launches/*/commits"


class Place(StrEnum):
    """Where content runs."""

    OWN_ORIGIN = "own-origin"
    SANDBOX = "sandbox"


ON_ITS_OWN_ORIGIN: Final = pytest.mark.parametrize("place", [Place.OWN_ORIGIN], indirect=True)
"""For what content can do there alone."""
IN_A_SANDBOX: Final = pytest.mark.parametrize("place", [Place.SANDBOX], indirect=True)


# As content finds the interface: in its own window, or in those above. The calls have the names of SCORM 2004 here.
SCRIPT: Final = """
const NAMES = { Initialize: "LMSInitialize", Terminate: "LMSFinish", GetValue: "LMSGetValue", SetValue: "LMSSetValue",
                Commit: "LMSCommit", GetLastError: "LMSGetLastError" };
function found(start) {
    for (let one = start, steps = 0; one && steps < 9; one = one.parent === one ? null : one.parent, steps += 1) {
        if (one.API_1484_11 || one.API) return one;
    }
    return null;
}
const holder = found(window.parent) ?? found(window);
const api = holder && (holder.API_1484_11 ?? holder.API);
function call(name, ...given) {
    return holder.API_1484_11 ? api[name](...given) : api[NAMES[name]](...given);
}
window.answers = [];
window.did = (...calls) => calls.map(([name, ...given]) => call(name, ...(given.length ? given : [""])));
if (holder) window.answers.push(call("Initialize", ""));
"""


def page(script: str = "", body: str = "") -> str:
    """Return a page of content. `script` runs after the content has begun."""
    return f"<!doctype html><title>Content</title><script>{SCRIPT}{script}</script><p>Content</p>{body}"


class Course:
    """A course made of a package, with a learner. `files` replace pages of the items."""

    def __init__(
        self,
        running: Running,
        items: Iterable[Item] = (Item(),),
        files: Mapping[str, str | bytes] | None = None,
        version: ScormVersion = V2004,
    ) -> None:
        self.running, self.version = running, version
        self.learner = str(uuid4())
        make = scorm12_package if version is V12 else scorm2004_package
        content = {"index.html": page(), **(files or {})}
        package = make(tuple(items), content, identifier=str(uuid4()))
        with running.client(None, "courses:write") as author:
            answer = author.post("/packages", content=package, headers={"Content-Type": "application/zip"})
        self.imported = answer.raise_for_status().json()
        self.course_id = self.imported["course_id"]
        self.lesson_ids: list[str] = [lesson["id"] for lesson in self.imported["lessons"]]

    def path(self, index: int = 0) -> str:
        """Return the path of a lesson's progress."""
        return f"/progress/{self.course_id}/lessons/{self.lesson_ids[index]}"

    def progress(self, index: int = 0, learner: str | None = None) -> dict[str, Any]:
        """Return the stored lesson progress; empty where there is none."""
        with self.running.client(learner or self.learner) as reader:
            answer = reader.get(self.path(index))
        return {} if answer.status_code == 404 else answer.json()

    def cmi(self, learner: str | None = None) -> dict[str, Any]:
        """Return the state that the content would resume now."""
        with self.running.client(learner or self.learner) as reader:
            cmi: dict[str, Any] = reader.post(f"{self.path()}/launches").raise_for_status().json()["cmi"]
        return cmi

    def open(self, context: BrowserContext, index: int = 0) -> "Played":
        """Open a lesson on Headway's page."""
        opened = context.new_page()
        opened.goto(f"/dashboard/play/{self.course_id}/{self.lesson_ids[index]}")
        return Played(opened)


class Played:
    """A page of Headway that plays content."""

    def __init__(self, opened: Page) -> None:
        self.page = opened
        self.wait()

    def wait(self) -> None:
        """Wait until the content has begun."""
        self.content.wait_for_function("() => 'did' in window")

    @property
    def content(self) -> Frame:
        """The window of the content."""
        window = self.page.frame_locator("#frame iframe").locator("iframe").element_handle().content_frame()
        assert window is not None
        return window

    def do(self, *calls: tuple[str, ...]) -> list[str]:
        """Call the interface as content does, and return its answers."""
        answers: list[str] = self.content.evaluate("(calls) => did(...calls)", calls)
        return answers

    def set(self, **values: str) -> list[str]:
        """Set elements below `cmi`, with __ for a full stop, and commit."""
        calls = [("SetValue", f"cmi.{name.replace('__', '.')}", value) for name, value in values.items()]
        return self.do(*calls, ("Commit",))

    def get(self, *names: str) -> list[str]:
        """Return elements below `cmi`."""
        return self.do(*(("GetValue", f"cmi.{name}") for name in names))


def eventually_seen(page: Page, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, while the page goes on."""
    eventually(lambda: bool(page.evaluate("() => true")) and condition())
