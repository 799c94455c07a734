"""The pages' own files: where they come from, and how they are sent."""

import json
import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from headway.auth.sessions import COOKIE
from support.browser import DASHBOARD, cookie_of
from support.running import PATIENCE, PREFIX, Running, course, lesson

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "src/headway/dashboard/static"
PLAYER = ROOT / "src/headway/player/static"
OTHERS = {"htmx.js", "LICENSES.txt", "inter.woff2", "vazirmatn.woff2"}
OLDER_WORDS = re.compile(r"\b(standings?|(re)?deriv\w+|forecasts?|(data-|dataset\.|draft\.)tag)\b", re.IGNORECASE)


@pytest.mark.parametrize(
    ("file", "package"),
    [
        (STATIC / "htmx.js", "htmx.org"),
        (PLAYER / "scorm12.min.js", "scorm-again"),
        (PLAYER / "scorm2004.min.js", "scorm-again"),
    ],
)
def test_copies_of_others_scripts_are_of_the_pinned_versions_with_their_licence(file: Path, package: str) -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"][f"node_modules/{package}"]
    script = file.read_text()
    assert script.startswith(f"/* {package} {locked['version']}, {locked['license']};")
    assert "sourceMappingURL" not in script  # browsers would ask for a file that is not there
    licences = file.with_name("LICENSES.txt").read_text()
    assert re.search(rf"^{package} {re.escape(locked['version'])}$", licences, re.MULTILINE)


def test_the_lock_file_names_no_host_to_fetch_from() -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    fetched = [{name: value for name, value in package.items() if name != "funding"} for package in locked.values()]
    assert "://" not in json.dumps(fetched)
    assert not any("resolved" in package for package in fetched)


def test_files_are_compressed_and_cached_by_their_address(running: Running) -> None:
    with httpx.Client(base_url=running.base_url, timeout=PATIENCE) as browser:
        page = browser.get("/dashboard/sign-in").text
        [address] = re.findall(r'href="(/dashboard/static/headway\.css\?\w+)"', page)
        answer = browser.get(address)
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert answer.headers["content-encoding"] == "gzip"
        assert "immutable" in answer.headers["cache-control"]
        fonts = r'(?<=\.woff2)\?\w+(?="\))'  # their addresses have marks
        assert re.sub(fonts, "", answer.text) == (STATIC / "headway.css").read_text()
        plain = browser.get(address, headers={"Accept-Encoding": "identity"})
        assert plain.content == answer.content
        same = browser.get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["cache-control"] == answer.headers["cache-control"]
        assert browser.get(address.partition("?")[0]).headers["cache-control"] == "no-cache"
        assert browser.get(f"{address}0").headers["cache-control"] == "no-cache"
        for name in ("none.css", "htmx.d.ts"):
            assert browser.get(f"/dashboard/static/{name}").status_code == 404


def test_the_font_is_fetched_early_once_and_cached_for_ever(running: Running) -> None:
    with httpx.Client(base_url=running.base_url, timeout=PATIENCE) as browser:
        page = browser.get("/dashboard/sign-in")
        assert "font-src 'self';" in page.headers["content-security-policy"]
        [early] = re.findall(r'<link rel="preload" href="([^"]+)" as="font" type="font/woff2" crossorigin>', page.text)
        [styles] = re.findall(r'href="(/dashboard/static/headway\.css\?\w+)"', page.text)
        used = [f"/dashboard/static/{name}" for name in re.findall(r'url\("([^"]+)"\)', browser.get(styles).text)]
        assert early in used
        for address in used:
            font = browser.get(address)
            assert font.headers["content-type"] == "font/woff2"
            assert "content-encoding" not in font.headers
            assert "immutable" in font.headers["cache-control"]
            assert font.content.startswith(b"wOF2")
            assert len(font.content) < 50_000


@pytest.mark.parametrize("package", ["inter-ui", "@fontsource-variable/vazirmatn"])
def test_the_fonts_have_an_open_licence_that_comes_with_them(package: str) -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"][f"node_modules/{package}"]
    assert locked["license"] == "OFL-1.1"
    texts = (STATIC / "LICENSES.txt").read_text()
    licence = re.search(
        rf"^{package} {re.escape(locked['version'])}\n=+\n\n(.*?)(?:\n\n\n|\n\Z)", texts, re.MULTILINE | re.DOTALL
    )
    assert licence
    assert "licensed under the SIL Open Font License, Version 1.1" in licence[1]


def test_modules_import_each_other_by_cached_addresses(running: Running) -> None:
    with httpx.Client(base_url=f"{running.base_url}{DASHBOARD}/static/", timeout=PATIENCE) as browser:
        wanted = ["learner.js"]
        seen: set[str] = set()
        while wanted:
            name = wanted.pop()
            answer = browser.get(name)
            assert answer.status_code == 200
            assert ("immutable" in answer.headers.get("cache-control", "")) is ("?" in name)
            imported = re.findall(r'^import .*"\./(.+)";$', answer.text, re.MULTILINE)
            wanted += set(imported) - seen
            seen |= set(imported)
    modules = {address.partition("?")[0] for address in seen}
    assert modules >= {"headway.js", "notes.js", "progress.js", "service.js"}
    assert len(modules) == len(seen)


def test_pages_are_compressed_for_clients_that_accept_it(running: Running) -> None:
    learner_id = str(uuid4())
    document = course(*(lesson(title=f"Lesson {number}") for number in range(100)))
    course_id = running.put_course(document)
    with running.client(learner_id) as learner:
        path = f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
        learner.put(path, json={"status": "completed"}).raise_for_status()
    cookie = cookie_of(running, learner_id, "statistics:read", "courses:write")["value"]
    pages = [f"/courses/{course_id}", f"/statistics/{course_id}/lessons", f"/authoring/{course_id}"]
    addresses = [DASHBOARD + page for page in pages]
    with httpx.Client(base_url=running.base_url, cookies={COOKIE: cookie}, timeout=PATIENCE) as browser:
        for address in [*addresses, f"{addresses[0]}?show=open"]:
            packed = browser.get(address, headers={"Accept-Encoding": "br, GZIP;q=0.5"})
            assert packed.headers["content-encoding"] == "gzip"
            for accepted in ("identity", "gzip;q=0", "br", ""):
                plain = browser.get(address, headers={"Accept-Encoding": accepted})
                assert "content-encoding" not in plain.headers
                assert _without_tokens(plain.text) == _without_tokens(packed.text)
                assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
                assert plain.headers.get("etag") == packed.headers.get("etag")
            assert int(packed.headers["content-length"]) * 5 < len(packed.content)


def _without_tokens(page: str) -> str:
    return re.sub(r'"[0-9a-f]{128}"', "", page)


def test_the_length_of_a_page_with_text_of_the_request_tells_nothing(running: Running) -> None:
    course_id = running.put_course(course())
    cookie = cookie_of(running, str(uuid4()), "statistics:read")["value"]
    with httpx.Client(base_url=running.base_url, cookies={COOKIE: cookie}, timeout=PATIENCE) as browser:
        address = f"{DASHBOARD}/statistics/{course_id}/learners?learner=0123abcd"
        pages = [browser.get(address) for _ in range(8)]
        assert all("0123abcd" in page.text for page in pages)
        assert {page.headers["content-encoding"] for page in pages} == {"gzip"}
        lengths = {int(page.headers["content-length"]) for page in pages}
        assert len(lengths) > 1
        assert max(lengths) - min(lengths) < 300  # the names in the gzip header, and the masks of the forgery token
        assert browser.get(f"{DASHBOARD}/nowhere").headers["content-encoding"] == "gzip"
    signing_in = httpx.get(f"{running.base_url}{DASHBOARD}/sign-in?next={DASHBOARD}/{'x' * 900}", timeout=PATIENCE)
    assert signing_in.headers["content-encoding"] == "gzip"


def test_each_page_has_another_text_for_the_forgery_token_and_each_is_valid(running: Running) -> None:
    cookie = cookie_of(running, str(uuid4()))["value"]
    with httpx.Client(base_url=running.base_url, cookies={COOKIE: cookie}, timeout=PATIENCE) as browser:
        pages = [browser.get(DASHBOARD).text for _ in range(2)]
        found = [re.findall(r'forgery.token" (?:content|value)="([0-9a-f]+)"', page) for page in pages]
        assert len({token for tokens in found for token in tokens}) == sum(map(len, found)) > len(found)
        for [token, *_] in found:
            code = browser.post(f"{PREFIX}/sign-in-codes", headers={"X-Headway-Forgery-Token": token})
            assert code.status_code != 403


def test_no_file_of_the_pages_uses_an_older_word_of_the_glossary() -> None:
    files = [*STATIC.iterdir(), *(STATIC.parent / "templates").rglob("*.html")]
    found = {file.name: OLDER_WORDS.findall(file.read_text()) for file in files if file.name not in OTHERS}
    assert {name: words for name, words in found.items() if words} == {}
