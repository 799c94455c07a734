"""Conditions of course documents: two authors do not overwrite each other."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.running import course


@pytest.fixture
def path() -> str:
    return f"/courses/{uuid4()}"


def etag_of(author: httpx.Client, path: str) -> str:
    etag: str = author.get(path).headers["ETag"]
    return etag


def put(author: httpx.Client, path: str, document: dict[str, Any], **conditions: str) -> int:
    headers = {name.replace("_", "-"): value for name, value in conditions.items()}
    return author.put(path, json=document, headers=headers).status_code


def test_the_etag_of_a_course_names_its_version(author: httpx.Client, path: str) -> None:
    author.put(path, json=course()).raise_for_status()
    read = author.get(path)
    assert read.headers["ETag"] == f'"{read.json()["version"]}"'


def test_the_etag_of_a_course_allows_one_change(author: httpx.Client, path: str) -> None:
    document = course()
    author.put(path, json=document).raise_for_status()
    etag = etag_of(author, path)
    assert put(author, path, document | {"title": "One"}, If_Match=etag) == 200
    assert put(author, path, document | {"title": "Two"}, If_Match=etag) == 412
    assert author.get(path).json()["title"] == "One"
    assert put(author, path, document | {"title": "Two"}, If_Match=f'"other", {etag_of(author, path)}') == 200


def test_the_etag_of_the_answer_allows_the_next_change(author: httpx.Client, path: str) -> None:
    document = course()
    etag = author.put(path, json=document).headers["ETag"]
    assert etag == etag_of(author, path)
    assert author.put(path, json=document).headers["ETag"] == etag
    assert "ETag" not in author.put(f"{path}?dry_run=true", json=document | {"title": "One"}).headers
    edited = author.put(path, json=document | {"title": "One"}, headers={"If-Match": etag})
    assert edited.headers["ETag"] == etag_of(author, path) != etag


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_a_condition_that_does_not_hold_changes_nothing(author: httpx.Client, path: str, query: str) -> None:
    document = course()
    assert put(author, path + query, document, If_Match="*") == 412
    assert put(author, path + query, document, If_Match='"1"') == 412
    assert author.get(path).status_code == 404
    author.put(path, json=document).raise_for_status()
    etag = etag_of(author, path)
    assert put(author, path + query, document | {"title": "Changed"}, If_None_Match="*") == 412
    assert put(author, path + query, document | {"title": "Changed"}, If_None_Match=etag) == 412
    assert put(author, path + query, document | {"title": "Changed"}, If_Match=f"W/{etag}") == 412
    assert put(author, path + query, document | {"title": "Changed"}, If_Match="no tag") == 422
    assert (author.get(path).json()["title"], etag_of(author, path)) == (document["title"], etag)


def test_one_of_many_concurrent_creations_of_a_course_succeeds(author: httpx.Client, path: str) -> None:
    def make(number: int) -> int:
        return put(author, path, course(title=f"Course {number}"), If_None_Match="*")

    with ThreadPoolExecutor(8) as authors:
        answers = sorted(authors.map(make, range(8)))
    assert answers == [200, *[412] * 7]


def test_one_of_many_concurrent_changes_of_a_version_succeeds(author: httpx.Client, path: str) -> None:
    document = course()
    author.put(path, json=document).raise_for_status()
    etag = etag_of(author, path)

    def change(number: int) -> int:
        return put(author, path, document | {"title": f"Edit {number}"}, If_Match=etag)

    with ThreadPoolExecutor(8) as authors:
        assert sorted(authors.map(change, range(8))) == [200, *[412] * 7]


def test_an_edit_that_changes_nothing_keeps_the_etag(author: httpx.Client, path: str) -> None:
    document = course()
    author.put(path, json=document).raise_for_status()
    etag = etag_of(author, path)
    assert put(author, path, document, If_Match=etag) == 200
    assert etag_of(author, path) == etag


def test_a_missing_scope_is_refused_before_the_condition(learner: httpx.Client, path: str) -> None:
    assert put(learner, path, course(), If_Match='"1"') == 403
