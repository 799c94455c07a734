"""A platform's own player page, at an origin of its own, with scorm-again as it comes from npm."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from headway.domain.scorm import ScormVersion
from player.conftest import Installation
from player.content import V12, V2004
from support.documentation import examples
from support.running import PATIENCE, Running, course, eventually, lesson

_ROOT: Final = Path(__file__).resolve().parents[2]
_DIST: Final = _ROOT / "node_modules/scorm-again/dist"
DOCUMENT: Final = _ROOT / "docs/scorm.md"
SUSPENDED: Final = 'page=7;\\"quoted"\u2028\U0001f600' * 300
# The names of what content says, by version.
NAMES: Final = {
    V12: {"status": "cmi.core.lesson_status", "score": "cmi.core.score.raw", "time": "cmi.core.session_time",
          "place": "cmi.core.lesson_location", "entry": "cmi.core.entry", "total": "cmi.core.total_time"},
    V2004: {"status": "cmi.completion_status", "score": "cmi.score.scaled", "time": "cmi.session_time",
            "place": "cmi.location", "entry": "cmi.entry", "total": "cmi.total_time"},
}  # fmt: skip
SAID: Final = {V12: {"score": "83", "time": "00:05:30"}, V2004: {"score": "0.83", "time": "PT5M30S"}}
PAGE: Final = """() => {
    window.begin = ({ settings, cmi, isOld }) => {
        const api = new (isOld ? Scorm12API : Scorm2004API)(settings);
        const [first, other] = isOld ? ["LMS", "LMSFinish"] : ["", "Terminate"];
        api.loadFromJSON(cmi);
        window.call = (name, ...given) => api[name === "Terminate" ? other : first + name](...given);
        window.addEventListener("pagehide", () => { if (window.endsOnLeaving) call("Terminate", ""); });
        return call("Initialize", "");
    };
}"""


class _Quiet(SimpleHTTPRequestHandler):
    """Serves scorm-again, and the platform's page."""

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A platform</title><script src=/scorm-again.min.js></script>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def platform() -> Iterator[str]:
    """Yield the address of a platform."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=_DIST))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE)


class Lesson:
    """A lesson whose content is on the platform, and its learner."""

    def __init__(self, running: Running) -> None:
        self.running, self.learner = running, str(uuid4())
        document = course(lesson(kind="quiz"))
        self.path = f"/progress/{running.put_course(document)}/lessons/{document['lessons'][0]['id']}"

    def launch(self, version: ScormVersion) -> dict[str, Any]:
        """Open the lesson, as the platform's server does for the learner."""
        with self.running.client(self.learner) as platform:
            launch: dict[str, Any] = platform.post(f"{self.path}/launches", params={"scorm": version}).json()
        return launch

    def progress(self) -> dict[str, Any]:
        """Return the stored lesson progress; empty where there is none."""
        with self.running.client(self.learner) as reader:
            answer = reader.get(self.path)
        return answer.json() if answer.status_code == 200 else {}

    def opened(self, context: BrowserContext, platform: str, version: ScormVersion, **settings: object) -> Page:
        """Open the platform's page, with a launch of its own."""
        page, launch = context.new_page(), self.launch(version)
        page.goto(platform)
        page.evaluate(PAGE)
        address = urljoin(self.running.base_url, launch["commit_url"])
        given = {"lmsCommitUrl": address, "includeCommitSequence": True, "logLevel": 5, **settings}
        begun = page.evaluate(
            "(given) => begin(given)", {"settings": given, "cmi": launch["cmi"], "isOld": version is V12}
        )
        assert begun == "true"
        return page


def says(page: Page, version: ScormVersion, **values: str) -> None:
    """Let content say something."""
    for name, value in values.items():
        element = NAMES[version].get(name, f"cmi.{name}")
        assert page.evaluate("(given) => call('SetValue', ...given)", [element, value]) == "true", name


def reads(page: Page, version: ScormVersion, name: str) -> str:
    """Let content read something."""
    read: str = page.evaluate("(name) => call('GetValue', name)", NAMES[version].get(name, f"cmi.{name}"))
    return read


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Yield a browser that is not signed in to Headway."""
    context = browser.new_context()
    yield context
    context.close()


def test_the_page_of_the_documents_reports(context: BrowserContext, platform: str, running: Running) -> None:
    [example] = examples(DOCUMENT, "js", "lmsCommitUrl")
    on_platform, page = Lesson(running), context.new_page()
    page.goto(platform)
    page.evaluate(
        f"(launch) => {{ {example.replace('https://headway.example', running.base_url)} }}", on_platform.launch(V12)
    )
    page.evaluate("""() => {
        API.LMSInitialize("");
        API.LMSSetValue("cmi.core.lesson_status", "passed");
        API.LMSFinish("");
    }""")
    eventually(lambda: on_platform.progress().get("quiz_passed") is True)


@pytest.mark.parametrize("common", [False, True], ids=["whole", "common fields"])
@pytest.mark.parametrize("form", ["json", "flattened"])
@pytest.mark.parametrize("version", [V12, V2004])
def test_scorm_again_commits_ends_and_resumes(
    version: ScormVersion, form: str, *, common: bool, context: BrowserContext, platform: str, running: Running
) -> None:
    on_platform = Lesson(running)
    settings = {"dataCommitFormat": form, "renderCommonCommitFields": common}
    page = on_platform.opened(context, platform, version, **settings)
    assert reads(page, version, "entry") == "ab-initio"
    says(page, version, status="incomplete", place="page 7", suspend_data=SUSPENDED, **SAID[version])
    assert page.evaluate("() => call('Commit', '')") == "true"
    stored = on_platform.progress()
    assert [stored[name] for name in ("status", "quiz_score", "time_spent_minutes")] == ["in_progress", 83, 5.5]
    says(page, version, status="completed")
    page.evaluate("() => { window.endsOnLeaving = true; }")
    page.goto("about:blank")
    eventually(lambda: on_platform.progress()["status"] == "completed")
    again = on_platform.opened(context, platform, version, **settings)
    assert reads(again, version, "total") in {"00:05:30", "0000:05:30.00", "PT5M30S"}
    assert on_platform.progress()["time_spent_minutes"] == 5.5


@pytest.mark.parametrize("version", [V12, V2004])
def test_scorm_again_resumes_what_was_suspended(
    version: ScormVersion, context: BrowserContext, platform: str, running: Running
) -> None:
    on_platform = Lesson(running)
    page = on_platform.opened(context, platform, version)
    exit_of = "core.exit" if version is V12 else "exit"
    says(page, version, status="incomplete", place="page 7", suspend_data=SUSPENDED, **{exit_of: "suspend"})
    assert page.evaluate("() => call('Terminate', '')") == "true"
    eventually(lambda: on_platform.progress().get("status") == "in_progress")
    again = on_platform.opened(context, platform, version)
    assert reads(again, version, "entry") == "resume"
    assert [reads(again, version, name) for name in ("place", "suspend_data")] == ["page 7", SUSPENDED]


def test_scorm_again_is_told_that_a_launch_is_refused(context: BrowserContext, platform: str, running: Running) -> None:
    on_platform = Lesson(running)
    page = on_platform.opened(context, platform, V2004, lmsCommitUrl=f"{running.base_url}{_NO_LAUNCH}")
    says(page, V2004, status="completed")
    assert page.evaluate("() => call('Commit', '')") == "false"
    answered = "(address) => fetch(address, { method: 'POST', body: '{}' }).then((found) => found.json())"
    assert page.evaluate(answered, f"{running.base_url}{_NO_LAUNCH}")["code"] == "launch_not_found"


_NO_LAUNCH: Final = "/api/v1/education/launches/none/commits"


@pytest.mark.parametrize("origins", [None, "https://elsewhere.example", "the platform's"])
def test_a_platform_needs_no_setting_and_gets_nothing_else(
    origins: str | None, context: BrowserContext, platform: str, installation: Installation
) -> None:
    """The address of a launch is for pages of every origin; all the rest of the API is as HEADWAY_CORS_ORIGINS says."""
    allowed = platform.rstrip("/") if origins == "the platform's" else origins
    with installation.started(cors_origins=allowed) as running:
        on_platform = Lesson(running)
        page = on_platform.opened(context, platform, V2004)
        says(page, V2004, status="completed")
        assert page.evaluate("() => call('Commit', '')") == "true"
        assert on_platform.progress()["status"] == "completed"
        ask = """([address, method]) => fetch(address, { method, headers: { "content-type": "application/json" },
            body: method === "GET" ? undefined : "{}" }).then((found) => found.status, () => "refused")"""
        for method, path in (("GET", "/progress"), ("PUT", on_platform.path), ("POST", f"{on_platform.path}/launches")):
            got = page.evaluate(ask, [f"{running.base_url}/api/v1/education{path}", method])
            assert got == (401 if origins == "the platform's" else "refused"), path
