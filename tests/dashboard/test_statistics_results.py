"""The columns of the roster, the grid of results, single lessons, and what is done with selected learners."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Download, Page, expect

from dashboard.taught import TEACHER, Taught, let_time_pass, people, row_heads
from support.browser import barriers, check_looks, choice, cookie_of, visiting
from support.program import forked_headway_serve, headway
from support.running import PATIENCE, Running

NAMES = ["Ada Lovelace", "Grace Hopper", "Linus Torvalds", "Margaret Hamilton", "Tim Berners-Lee"]


@pytest.fixture
def named(taught: Taught) -> Taught:
    """Return the course with learners who have names; the last two have no e-mail address."""
    name_all(taught)
    return taught


def name_all(taught: Taught) -> None:
    with taught.running.client(None, "learners:admin") as admin:
        for number, (learner, name) in enumerate(zip(taught.learners, NAMES, strict=True)):
            profile = {"name": name, "email": f"{name.split()[0].lower()}@example.org" if number < 3 else None}
            admin.put(f"/learners/{learner}/profile", json=profile).raise_for_status()


def rows(page: Page) -> list[list[str]]:
    """The cells of a table's body, as they are read."""
    page.wait_for_load_state()
    lines = people(page).all()
    return [[" ".join(cell.inner_text().split()) for cell in line.locator("td").all()] for line in lines]


def headings(page: Page) -> list[str]:
    page.wait_for_load_state()
    found = page.get_by_role("region", name="Table of learners").get_by_role("columnheader").all_inner_texts()
    return [" ".join(text.replace("▲", "").replace("▼", "").split()) for text in found]


def file_of(download: Download) -> list[list[str]]:
    return list(csv.reader(io.StringIO(download.path().read_text(encoding="utf-8"), newline="")))


def test_the_file_has_the_columns_of_the_table(browser: Browser, running: Running, named: Taught) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(f"{named.page}/learners?status=in_progress")
        expect(page.get_by_text("3 learners match", exact=True)).to_be_visible()
        page.get_by_text("Columns", exact=True).click()
        columns = page.get_by_role("group", name="Columns of the table and of the file")
        for name in ("Lessons completed", "Time", "Due", "Completed"):
            columns.get_by_label(name, exact=True).uncheck()
        columns.get_by_label("E-mail", exact=True).check()
        page.get_by_role("button", name="Show these columns").click()
        expect(page.get_by_role("columnheader", name="E-mail")).to_be_visible()
        assert headings(page) == ["Learner", "E-mail", "At lesson", "Last seen"]
        assert [row[:2] for row in rows(page)] == [
            ["ada@example.org", "Flour and water"],
            ["grace@example.org", named.document["lessons"][1]["title"]],
            ["linus@example.org", "Kneading"],
        ]
        page.get_by_role("link", name="Last seen").click()
        expect(page.get_by_role("columnheader", name="Last seen")).to_have_attribute("aria-sort", "descending")
        assert headings(page)[1] == "E-mail"  # a click on a heading keeps the columns
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as CSV").click()
        heading, *lines = file_of(download.value)
        assert heading == ["user_id", "name", "late", "completed_late", "email", "at_lesson", "last_seen"]
        shown = row_heads(page).all_inner_texts()
        assert [line[1] for line in lines] == shown
        choice(page, "Status").select_option("")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.get_by_text("5 learners", exact=True)).to_be_visible()
        assert headings(page)[1] == "E-mail"


def test_a_grid_shows_each_result_by_a_sign_and_a_word(browser: Browser, running: Running, named: Taught) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(f"{named.page}/learners?status=in_progress")
        page.get_by_role("navigation", name="Views of the learners").get_by_role("link", name="By lesson").click()
        expect(page.get_by_role("region", name="Table of results")).to_be_visible()
        assert rows(page) == [
            ["Completed", "Not started", "Not started", "Not started"],
            ["Completed", "Attempted, not passed 25", "Not started", "Not started"],
            ["Completed", "Attempted, not passed 50", "Completed", "Not started"],
        ]
        completed, failed, again, not_started = [
            sign.inner_html() for sign in people(page).last.locator("td svg").all()
        ]
        assert completed == again
        assert len({completed, failed, not_started}) == 3
        expect(page.get_by_role("link", name="Learners", exact=True)).to_have_attribute("aria-current", "true")
        expect(page.get_by_role("columnheader", name="Beginnings")).to_be_visible()
        choice(page, "Status").select_option("")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(people(page)).to_have_count(5)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as CSV").click()
        heading, *lines = file_of(download.value)
        title = named.document["lessons"][1]["title"]
        assert heading == ["user_id", "name", "Flour and water", title, f"{title} (score)", "Kneading", "More on ovens"]
        assert [line[1] for line in lines] == NAMES
        assert lines[1][2:5] == ["completed", "in_progress", "25"]
        page.get_by_role("link", name="List", exact=True).click()
        expect(page.get_by_role("region", name="Table of learners")).to_be_visible()


def test_a_lesson_opens_to_who_is_at_it_and_who_failed_it(browser: Browser, running: Running, named: Taught) -> None:
    first, quiz, *_ = named.document["lessons"]
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(f"{named.page}/lessons")
        page.get_by_role("link", name=quiz["title"], exact=True).click()
        expect(page).to_have_url(re.compile(f"/lessons/{quiz['id']}$"))
        expect(page.get_by_role("heading", level=2, name=quiz["title"])).to_be_visible()
        expect(page.get_by_role("slider", name="Learners by their best score in")).to_be_visible()
        failed = page.get_by_role("region", name="Attempted, not passed").locator("tbody tr")
        expect(failed).to_have_count(2)
        expect(failed.filter(has_text="Linus Torvalds")).to_contain_text("50")
        expect(failed.filter(has_text="Linus Torvalds").locator("td").nth(2)).to_have_text("2")
        page.get_by_role("link", name="Show all 2 learners").click()
        expect(row_heads(page)).to_contain_text(["Grace", "Linus"])
        page.go_back()
        expect(page.get_by_role("region", name="At this lesson now")).to_contain_text("Grace Hopper")
        page.get_by_role("link", name=re.compile("^Previous: Flour")).click()
        expect(page.get_by_role("heading", level=2, name=first["title"])).to_be_visible()
        expect(page.get_by_role("heading", name="Attempted, not passed")).to_have_count(0)
        expect(page.get_by_role("region", name="At this lesson now")).to_contain_text("Ada Lovelace")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        named.write(named.learners[0], quiz["id"], quiz_score=10, quiz_attempts=1)
        let_time_pass(page)
        expect(page.get_by_text("Nobody is at this lesson now.")).to_be_visible()


def test_learners_are_selected_and_their_addresses_copied(browser: Browser, running: Running, named: Taught) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(f"{named.page}/learners")
        bar = page.get_by_role("form", name="Selected learners")
        expect(bar).to_be_hidden()
        page.get_by_label("Select all learners on this page").check()
        expect(bar).to_contain_text("5 selected")
        page.get_by_label("Select Tim Berners-Lee").uncheck()
        expect(bar).to_contain_text("4 selected")
        bar.get_by_role("button", name="Copy e-mail addresses").click()
        expect(bar.get_by_role("status")).to_have_text("3 addresses copied. 1 of the selected has no address.")
        copied = page.evaluate("() => navigator.clipboard.readText()")
        assert copied == "ada@example.org, grace@example.org, linus@example.org"
        assert barriers(page) == []
        with page.expect_download() as download:
            bar.get_by_role("button", name="Download selected as CSV").click()
        assert [line[1] for line in file_of(download.value)[1:]] == NAMES[:4]
        page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        bar.get_by_role("button", name="Copy e-mail addresses").click()
        expect(bar.get_by_label("E-mail addresses to copy")).to_have_value(copied)
        bar.get_by_role("button", name="Select nobody").click()
        expect(bar).to_be_hidden()
        expect(page.get_by_label("Select all learners on this page")).to_be_focused()
        expect(page.get_by_role("button", name="Write a message")).to_have_count(0)


def test_learners_who_need_attention_are_selected_too(browser: Browser, running: Running, named: Taught) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(f"/dashboard/statistics/attention/failing?course={named.course_id}")
        page.get_by_label("Select Linus Torvalds").check()
        bar = page.get_by_role("form", name="Selected learners")
        bar.get_by_role("button", name="Copy e-mail addresses").click()
        expect(bar.get_by_role("status")).to_have_text("1 address copied.")
        assert page.evaluate("() => navigator.clipboard.readText()") == "linus@example.org"
        assert barriers(page) == []
        with page.expect_download() as download:
            bar.get_by_role("button", name="Download selected as CSV").click()
        heading, *lines = file_of(download.value)
        assert [line[heading.index("name")] for line in lines] == ["Linus Torvalds"]


def test_all_lines_of_a_learner_are_selected_together(browser: Browser, running: Running, named: Taught) -> None:
    other = Taught(running)
    linus = named.learners[2]
    other.write(linus, other.document["lessons"][1]["id"], quiz_score=10, quiz_attempts=2)
    group_id = named.grouped("Class 7c", named.learners[1:3])
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(f"/dashboard/statistics/attention/failing?group={group_id}")
        lines = page.get_by_label("Select Linus Torvalds")
        expect(lines).to_have_count(2)
        lines.first.check()
        expect(lines.last).to_be_checked()
        bar = page.get_by_role("form", name="Selected learners")
        expect(bar).to_contain_text("1 selected")
        with page.expect_download() as download:
            bar.get_by_role("button", name="Download selected as CSV").click()
        heading, *found = file_of(download.value)
        assert {line[heading.index("course_id")] for line in found} == {named.course_id, other.course_id}
        assert {line[heading.index("user_id")] for line in found} == {linus}


def test_selected_learners_are_downloaded_without_scripts(browser: Browser, running: Running, named: Taught) -> None:
    group_id = named.grouped("Class 7b", named.learners[:3])
    with visiting(browser, running, str(uuid4()), TEACHER, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{named.page}/learners?group={group_id}")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download selected as CSV").click()
        assert len(file_of(download.value)) == 1  # nobody is selected
        page.get_by_label("Select Grace Hopper").check()
        page.get_by_label("Select Linus Torvalds").check()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download selected as CSV").click()
        assert [line[1] for line in file_of(download.value)[1:]] == ["Grace Hopper", "Linus Torvalds"]
        page.goto(f"/dashboard/statistics/attention/failing?group={group_id}")
        page.get_by_label("Select Linus Torvalds").check()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download selected as CSV").click()
        assert [line[1] for line in file_of(download.value)[1:]] == ["Linus Torvalds"]


class Platform(HTTPServer):
    """A platform that takes a form, and keeps its fields and its headers."""

    fields: list[tuple[str, str]]
    headers: dict[str, str | None]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            platform = self.server
            assert isinstance(platform, Platform)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            platform.fields = parse_qsl(body, keep_blank_values=True)
            platform.headers = {name: self.headers.get(name) for name in ("origin", "referer", "cookie")}
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<h1>Write to them</h1>")

        def log_message(self, *_: object) -> None:
            pass


@contextmanager
def platform() -> Iterator[Platform]:
    with Platform(("127.0.0.1", 0), Platform.Handler) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])  # so often it looks whether it is to end
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_selected_learners_are_handed_to_the_platform(browser: Browser, folder: Path) -> None:
    with platform() as other:
        url = f"http://localhost:{other.server_port}/write?from=headway"
        with forked_headway_serve(folder, message_url=url) as running:
            taught = Taught(running)
            name_all(taught)
            with visiting(browser, running, str(uuid4()), TEACHER) as context:
                page = context.new_page()
                page.goto(f"{taught.page}/learners")
                page.get_by_label("Select Ada Lovelace").check()
                page.get_by_label("Select Tim Berners-Lee").check()
                with context.expect_page() as opened:
                    page.get_by_role("button", name="Write a message").click()
                expect(opened.value.get_by_role("heading", name="Write to them")).to_be_visible()
    sent = [value for name, value in other.fields if name == "user_ids"]
    assert sorted(sent) == ["", taught.learners[0], taught.learners[4]]
    assert ("course_id", taught.course_id) in other.fields
    assert not [value for _, value in other.fields if "@" in value or "Ada" in value]
    assert (other.headers["cookie"], other.headers["referer"]) == (None, None)


def test_forms_may_be_sent_to_the_platform_only_where_there_is_one(folder: Path) -> None:
    for setting, sources in ((None, "'self'"), ("https://school.example/a/b?c=d", "'self' https://school.example")):
        with forked_headway_serve(folder, **({"message_url": setting} if setting else {})) as running:
            policy = httpx.get(f"{running.base_url}/dashboard/sign-in", timeout=PATIENCE).headers[
                "content-security-policy"
            ]
            assert f"form-action {sources};" in policy


@pytest.mark.parametrize(
    "address",
    ["http://school.example/write", "school.example", "https://", "https://a.example/#b", "javascript:alert(1)"],
)
def test_an_address_that_takes_no_form_is_refused(folder: Path, address: str) -> None:
    refused = headway(folder, "settings", message_url=address)
    assert refused.code != 0
    assert "HEADWAY_MESSAGE_URL" in refused.err
    assert "https://" in refused.err


def test_the_grid_and_a_lesson_pass_the_accessibility_checks(browser: Browser, running: Running, named: Taught) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        for below in ("learners/grid", f"lessons/{named.document['lessons'][1]['id']}"):
            page.goto(f"{named.page}/{below}")
            expect(page.get_by_role("rowheader", name="Linus Torvalds").first).to_be_visible()
            check_looks(page)


def test_what_a_teacher_of_a_class_sees_is_of_that_class(running: Running, named: Taught) -> None:
    own, other = (named.grouped(f"Class {uuid4()}", members) for members in (named.learners[:2], named.learners[2:]))
    quiz = named.document["lessons"][1]["id"]
    cookie = cookie_of(running, str(uuid4()), TEACHER, groups=[own])
    with httpx.Client(base_url=running.base_url, cookies={cookie["name"]: cookie["value"]}, timeout=PATIENCE) as client:
        for below in ("learners/grid", f"lessons/{quiz}"):
            page = client.get(f"{named.page}/{below}", follow_redirects=True)
            assert parse_qs(urlsplit(str(page.url)).query)["group"] == [own]
            assert page.status_code == 200
            assert "Grace" in page.text
            assert "Linus" not in page.text
            assert client.get(f"{named.page}/{below}?group={other}").status_code == 403
        assert client.get(f"{named.page}/lessons/{uuid4()}?group={own}").status_code == 404
