"""The file of the JavaScript client: what it is built from, how it is served, and the package for npm."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from headway.http.api.client_script import PATH
from headway.http.api.routes import OPERATIONS
from support.program import forked_headway_serve
from support.running import PATIENCE, Running

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients/javascript"
SERVED = ROOT / "src/headway/http/api/headway-client.js"
MOST_BYTES = 8000
PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
_OF_PLAYERS = {"/progress/{}/lessons/{}/launches", "/launches/{}", "/launches/{}/commits"}  # scorm-again reports there
NOT_OF_LEARNERS = {"/groups", "/groups/{}", "/schemas/events", *_OF_PLAYERS}
"""Operations without one scope of their own that no learner's token may use, or that only other programs need."""


def run(*command: str | Path, folder: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_file_that_is_served_is_what_the_sources_build_to(tmp_path: Path) -> None:
    run("node", "tools/client.mjs", tmp_path)
    assert (tmp_path / SERVED.name).read_bytes() == SERVED.read_bytes(), "run `make client`"


def test_the_file_is_small() -> None:
    assert len(gzip.compress(SERVED.read_bytes(), mtime=0)) < MOST_BYTES


def test_pages_of_any_origin_may_import_it_and_browsers_keep_it(running: Running) -> None:
    with httpx.Client(base_url=running.base_url, timeout=PATIENCE) as browser:
        answer = browser.get(PATH)
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "public, max-age=3600"
        assert answer.content == SERVED.read_bytes()
        plain = browser.get(PATH, headers={"Accept-Encoding": "identity"})
        assert plain.content == answer.content
        assert "content-encoding" not in plain.headers
        for known in (answer.headers["etag"], f"W/{answer.headers['etag']}", f'"other", {answer.headers["etag"]}'):
            same = browser.get(PATH, headers={"If-None-Match": known})
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["cache-control"] == answer.headers["cache-control"]
        assert browser.get(PATH, headers={"If-None-Match": '"other", malformed'}).status_code == 200


def test_it_is_served_where_there_are_no_pages_and_where_other_origins_may_call(tmp_path: Path) -> None:
    settings = {"jwt_secret": None, "jwt_public_key": PUBLIC_KEY, "cors_origins": "https://learn.example"}
    with forked_headway_serve(tmp_path, dashboard_path="", **settings) as running:
        for origin in ("https://learn.example", "https://other.example"):
            answer = httpx.get(running.base_url + PATH, headers={"Origin": origin}, timeout=PATIENCE)
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] in {"*", origin}


def test_every_operation_of_a_learner_has_a_method() -> None:
    source = "".join((CLIENT / f"src/{name}.ts").read_text() for name in ("client", "lesson", "sender"))
    paths = (re.sub(r"\$?\{[^}]*\}", "{}", path) for path in re.findall(r"[\"`](/[^\"`?]*)", source))
    called = {re.sub(r"(?<!/)\{\}", "", path) for path in paths}
    operations = [one for one in OPERATIONS if one.scope is None or one.waived_for_oneself]
    wanted = {re.sub(r"\{[^}]*\}", "{}", one.path) for one in operations}
    assert wanted - called == NOT_OF_LEARNERS


SHAPES = {
    "LessonProgress": "LessonProgress",
    "Summary": "CourseSummary",
    "OutlineLesson": "OutlineLesson",
    "CourseLine": "CourseLine",
    "CourseLesson": "LessonDocument",
    "Course": "CourseDocument",
    "Enrolment": "OwnEnrolment",
    "Run": "Run",
    "Completion": "Completion",
    "Goal": "Goal",
    "Profile": "ProfileDocument",
    "SignInCode": "SignInCode",
    "ProgressFields": "LessonProgressUpdate",
}
"""The types of answers, and the shapes of the OpenAPI document that they are of."""


def test_the_types_have_the_fields_of_the_api(running: Running) -> None:
    source = (CLIENT / "src/types.ts").read_text()
    declared = re.findall(r"^export interface (\w+)(?: extends (\w+))? \{\n(.*?)^\}", source, re.DOTALL | re.MULTILINE)
    own = {name: set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE)) for name, _, body in declared}
    fields = {name: own[name] | own.get(parent, set()) for name, parent, _ in declared}
    fields["ProgressFields"] = fields["ProgressValues"]
    schemas = httpx.get(f"{running.base_url}/openapi.json", timeout=PATIENCE).json()["components"]["schemas"]
    answered = {name: set(schemas[shape]["properties"]) for name, shape in SHAPES.items()}
    assert {name: fields[name] - {"explanation"} for name in SHAPES} == answered


@pytest.mark.slow
def test_the_package_can_be_installed_imported_and_type_checked(tmp_path: Path) -> None:
    [packed] = json.loads(run("npm", "pack", "--json", "--pack-destination", tmp_path, folder=CLIENT))
    names = {file["path"] for file in packed["files"]}
    assert names >= {"LICENSE", "README.md", "package.json", "dist/headway-client.js", "dist/index.d.ts"}
    assert not any(name.startswith(("src/", "node_modules/")) for name in names)
    (tmp_path / "package.json").write_text('{"type": "module", "private": true}')
    run("npm", "install", "--offline", "--no-audit", "--no-fund", tmp_path / packed["filename"], folder=tmp_path)
    script = 'import("headway-client").then(({ createClient }) => console.log(typeof createClient));'
    assert run("node", "-e", script, folder=tmp_path) == "function\n"
    (tmp_path / "page.ts").write_text(
        'import { createClient, HeadwayError, type Lesson } from "headway-client";\n'
        'const lesson: Lesson = createClient({ baseUrl: "/api/v1/education", token: "t" }).lesson("c", "l");\n'
        "void lesson.report({ quiz_score: null }).catch((error: HeadwayError) => error.code);\n"
        "// @ts-expect-error: there is no such field\n"
        "void lesson.report({ percentage: 50 });\n"
    )
    for resolution, module in (("bundler", "es2022"), ("nodenext", "nodenext")):
        options = ["--strict", "--noEmit", "--target", "es2022", "--module", module, "--moduleResolution", resolution]
        run(ROOT / "node_modules/.bin/tsc", *options, "--lib", "es2022,dom", "page.ts", folder=tmp_path)
