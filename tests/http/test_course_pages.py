"""Pages of the lists of courses and statistics, on a service whose catalogue has only these courses."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from support.documents import course_document
from support.program import Program
from support.running import Running
from support.school import token_for_courses

pytestmark = pytest.mark.slow

TITLES = ["!", "10 lessons", "Ábaco", "abanico", "apple", "apple", "Banana", "Lesson 2", "Lesson 10", "zebra", "Zebra"]
NEXT = re.compile(r'<(\?limit=\d+&cursor=[\w-]+)>; rel="next"')


@pytest.fixture(scope="module")
def courses() -> list[dict[str, Any]]:
    """Return the courses, in no order."""
    documents = [course_document(title=title) for title in TITLES]
    return sorted(documents, key=lambda document: str(document["id"]))


@pytest.fixture
def own(folder: Path, database_url: str, courses: list[dict[str, Any]]) -> Iterator[Running]:
    with Program(folder, database_url).serve() as running:
        for document in courses:
            running.put_course(document, document["id"])
        yield running


def pages(client: httpx.Client, path: str) -> list[list[dict[str, Any]]]:
    """Yield all pages from this one on."""
    found = []
    while True:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        link = NEXT.fullmatch(answer.headers.get("link", ""))
        if link is None:
            assert "link" not in answer.headers
            return found
        path = urljoin(path, link[1])


def test_links_lead_through_all_pages(own: Running) -> None:
    with own.client(None, "statistics:read") as teacher:
        for path in ("/courses", "/statistics"):
            whole = teacher.get(path)
            assert "link" not in whole.headers
            assert [line["title"] for line in whole.json()] == TITLES
            for limit in (1, 4, len(TITLES) - 1):
                walked = pages(teacher, f"{path}?limit={limit}")
                assert [line for page in walked for line in page] == whole.json()
                assert all(len(page) == limit for page in walked[:-1])
                assert walked[-1]


def test_a_page_begins_after_the_one_before_despite_changes(own: Running) -> None:
    with own.client() as learner:
        following = NEXT.fullmatch(learner.get("/courses?limit=4").headers["link"])
        early = course_document(title="aa")
        own.put_course(early, early["id"])
        assert following
        assert [line["title"] for line in learner.get(f"/courses{following[1]}").json()] == TITLES[4:8]


def test_pages_list_only_the_courses_that_the_token_grants(own: Running, courses: list[dict[str, Any]]) -> None:
    granted = [document["id"] for document in courses if document["title"] in {"Ábaco", "Zebra"}]
    with own.client() as teacher:
        teacher.headers.update(token_for_courses(granted, "statistics:read"))
        walked = pages(teacher, "/statistics?limit=1")
        assert [[line["title"] for line in page] for page in walked] == [["Ábaco"], ["Zebra"]]
        teacher.headers.update(token_for_courses([], "statistics:read"))
        assert pages(teacher, "/statistics?limit=1") == [[]]


def test_the_pages_of_the_catalogue_link_to_the_next_page(own: Running) -> None:
    with own.client(None, "courses:write") as author:
        author.get(author.post("/sign-in-codes").json()["url"])
        position = f"{own.base_url}/dashboard/authoring"
        page = author.get(f"{position}?limit=10").text
        following = re.search(r'href="([^"]*)" rel="next"', page)
        assert following
        assert "First page" not in page
        last = author.get(own.base_url + html.unescape(following[1])).text
        assert "This is the last page." in last
        assert "First page" in last
        assert last.count(">Zebra<") == 1
        assert page.count(">Zebra<") == 0
        assert author.get(f"{position}?cursor=no").status_code == 200
