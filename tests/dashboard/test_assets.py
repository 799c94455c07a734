"""The pages' own files: where they come from, and how they are sent."""

import json
import re
from pathlib import Path

import httpx
import pytest

from support.browser import DASHBOARD
from support.running import Running

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "src/headway/dashboard/static"


@pytest.mark.parametrize(("file", "package"), [("plot.js", "@observablehq/plot"), ("htmx.js", "htmx.org")])
def test_copies_of_others_scripts_are_of_the_pinned_versions_with_their_licence(file: str, package: str) -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"][f"node_modules/{package}"]
    assert (STATIC / file).read_text().startswith(f"/* {package} {locked['version']}, {locked['license']};")
    assert re.search(
        rf"^{package} {re.escape(locked['version'])}$", (STATIC / "LICENSES.txt").read_text(), re.MULTILINE
    )


def test_the_lock_file_names_no_host() -> None:
    assert "://" not in (ROOT / "package-lock.json").read_text()


def test_files_are_sent_compressed_and_kept_for_as_long_as_their_address(running: Running) -> None:
    with httpx.Client(base_url=running.base_url) as browser:
        page = browser.get("/dashboard/sign-in").text
        [address] = re.findall(r'href="(/dashboard/static/headway\.css\?\w+)"', page)
        answer = browser.get(address)
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert answer.headers["content-encoding"] == "gzip"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.text == (STATIC / "headway.css").read_text()
        plain = browser.get(address, headers={"Accept-Encoding": "identity"})
        assert plain.content == answer.content
        assert "immutable" not in browser.get(address.partition("?")[0]).headers["cache-control"]
        assert browser.get("/dashboard/static/none.css").status_code == 404


def test_modules_import_each_other_under_the_addresses_that_are_kept(running: Running) -> None:
    with httpx.Client(base_url=f"{running.base_url}{DASHBOARD}/static/") as browser:
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
    assert modules >= {"headway.js", "notes.js", "rows.js", "service.js"}
    assert len(modules) == len(seen)
