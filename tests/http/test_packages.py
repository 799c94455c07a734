"""The import of SCORM packages over HTTP."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.packages import Item, scorm12_package, scorm2004_package, zipped
from support.program import forked_headway_serve
from support.running import PREFIX, Running, eventually

ZIP = {"Content-Type": "application/zip"}
QUIZ = Item("quiz", "A quiz", "quiz.html", mastery_score=80)
PART = Item("part", "Part one", None, children=(Item("intro", "Introduction", "intro/index.html"), QUIZ))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the service's packages."""
    return tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[Running]:
    """Yield a service that keeps packages."""
    with forked_headway_serve(tmp_path_factory.mktemp("service"), packages_dir=packages, package_mib=1) as running:
        yield running


@pytest.fixture
def author(service: Running) -> Iterator[httpx.Client]:
    """Yield a client that may write courses."""
    with service.client(None, "courses:write") as client:
        yield client


def sent(author: httpx.Client, package: bytes, **query: str) -> httpx.Response:
    return author.post("/packages", content=package, headers=ZIP, params=query)


def identifier() -> str:
    return f"org.example.{uuid4()}"


def files_of(packages: Path) -> list[Path]:
    return [path for path in packages.rglob("*") if path.is_file()]


def test_a_package_becomes_a_course(author: httpx.Client) -> None:
    answer = sent(author, scorm12_package([PART], identifier=identifier(), title="Safety"))
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert (report["title"], report["scorm"], report["files"], report["warnings"]) == ("Safety", "1.2", 3, [])
    assert report["change"]["created"] is True
    intro, quiz = author.get(f"/courses/{report['course_id']}").json()["lessons"]
    assert [lesson["id"] for lesson in report["lessons"]] == [intro["id"], quiz["id"]]
    assert (intro["title"], intro["section"], intro["kind"], intro["complete_at"]) == (
        "Introduction", "Part one", "other", 100,
    )  # fmt: skip
    assert (quiz["kind"], quiz["pass_mark"], quiz["complete_at"]) == ("quiz", 80, None)


def test_the_same_package_again_changes_nothing(author: httpx.Client, packages: Path) -> None:
    package = scorm2004_package(identifier=identifier())
    first = sent(author, package).json()
    before = files_of(packages)
    again = sent(author, package).json()
    assert (again["course_id"], again["package"], again["lessons"]) == (
        first["course_id"], first["package"], first["lessons"],
    )  # fmt: skip
    assert (again["change"]["created"], again["change"]["changed"]) == (False, [])
    assert files_of(packages) == before


def test_a_new_version_keeps_progress_by_identifier(service: Running, author: httpx.Client) -> None:
    name = identifier()
    old = sent(author, scorm12_package([PART], {"quiz.html": "old"}, identifier=name)).json()
    quiz = old["lessons"][1]["id"]
    with service.client() as learner:
        path = f"/progress/{old['course_id']}/lessons/{quiz}"
        learner.put(path, json={"progress_percentage": 40}).raise_for_status()
        document = author.get(f"/courses/{old['course_id']}").json()
        document["lessons"][1] |= {"required": False, "due_after_days": 7}
        author.put(f"/courses/{old['course_id']}", json=document | {"time_zone": "Europe/Berlin"}).raise_for_status()

        new = sent(author, scorm12_package([QUIZ], {"quiz.html": "new"}, identifier=name)).json()
        assert new["course_id"] == old["course_id"]
        assert (new["change"]["changed"], len(new["change"]["removed"])) == ([quiz], 1)
        assert learner.get(path).json()["progress_percentage"] == 40
    course = author.get(f"/courses/{old['course_id']}").json()
    assert course["time_zone"] == "Europe/Berlin"
    assert (course["lessons"][0]["required"], course["lessons"][0]["due_after_days"]) == (False, 7)
    assert course["lessons"][0]["content_id"] != document["lessons"][1]["content_id"]


def test_a_dry_run_stores_nothing(author: httpx.Client, packages: Path) -> None:
    before = files_of(packages)
    report = sent(author, scorm12_package([PART], {"x.bin": uuid4().bytes}, identifier=identifier()), dry_run="true")
    assert report.status_code == 200
    assert (report.json()["change"]["created"], report.json()["change"]["learners"]) == (True, 0)
    assert author.get(f"/courses/{report.json()['course_id']}").status_code == 404
    assert files_of(packages) == before


def test_the_course_may_be_named(author: httpx.Client) -> None:
    course_id = str(uuid4())
    report = sent(author, scorm12_package(), course_id=course_id).json()
    assert report["course_id"] == course_id
    assert author.get(f"/courses/{course_id}").json()["title"] == "A course"


def test_another_course_with_a_copied_identifier_does_not_replace_the_first(author: httpx.Client) -> None:
    name = identifier()
    first = sent(author, scorm12_package([PART], identifier=name, title="Safety")).json()
    other = scorm12_package([Item("other")], identifier=name, title="Cooking")
    refused = sent(author, other)
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["type"] == "other_course"
    assert author.get(f"/courses/{first['course_id']}").json()["title"] == "Safety"
    assert sent(author, other, course_id=first["course_id"]).json()["change"]["renamed"] is True


@pytest.mark.parametrize(
    ("package", "loc", "kind"),
    [
        (b"not a zip", ["body"], "not_a_zip"),
        (zipped({"a.html": "a"}), ["body"], "no_manifest"),
        (scorm12_package(files={"../a.html": "a"}), ["body", "../a.html"], "path"),
        (scorm12_package([Item(href="http://example.org/")]), ["body", "imsmanifest.xml"], "outside_package"),
    ],
)
def test_what_is_wrong_with_a_package_is_said_and_nothing_stored(
    author: httpx.Client, packages: Path, package: bytes, loc: list[Any], kind: str
) -> None:
    before = files_of(packages)
    answer = sent(author, package)
    assert answer.status_code == 422
    assert (answer.json()["detail"][0]["loc"], answer.json()["detail"][0]["type"]) == (loc, kind)
    assert files_of(packages) == before


def test_a_package_over_the_limit_is_refused_by_its_length_and_by_its_bytes(
    author: httpx.Client, packages: Path
) -> None:
    large = bytes(1024 * 1024 + 1)
    assert sent(author, large).status_code == 413
    pieces = (large[:65536] for _ in range(17))
    assert author.post("/packages", content=pieces, headers=ZIP).status_code == 413
    assert author.get(f"/courses/{uuid4()}").status_code == 404
    assert list((packages / "incoming").iterdir()) == []


def test_only_authors_import_and_only_zip_files(service: Running, author: httpx.Client) -> None:
    with service.client() as learner:
        assert sent(learner, scorm12_package()).status_code == 403
    assert author.post("/packages", content=b"a", headers={"Content-Type": "text/plain"}).status_code == 415
    refused = sent(author, scorm12_package(), course_id="a")
    assert refused.json()["detail"][0]["loc"] == ["query", "course_id"]


def test_the_same_package_sent_many_times_at_once_is_stored_whole(service: Running, author: httpx.Client) -> None:
    package = scorm12_package([PART], {"a.bin": uuid4().bytes * 10_000}, identifier=identifier())
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: sent(author, package), range(6)))
    statuses = {answer.status_code for answer in answers}
    assert 200 in statuses
    assert statuses <= {200, 412}  # of two that find no course, the second is refused
    report = sent(author, package).json()
    assert (report["change"]["created"], report["change"]["changed"]) == (False, [])
    assert service.process.poll() is None


@contextmanager
def begun(service: Running, author: httpx.Client, size: int) -> Iterator[None]:
    """Begin to send a package of so many bytes, which the service awaits, and break off when the block ends."""
    host, port = service.base_url.removeprefix("http://").split(":")
    head = (
        f"POST {PREFIX}/packages HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/zip\r\n"
        f"Content-Length: {size}\r\nExpect: 100-continue\r\nAuthorization: {author.headers['Authorization']}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(scorm12_package()[:200])
        yield


def test_an_upload_that_breaks_off_leaves_nothing(service: Running, author: httpx.Client, packages: Path) -> None:
    before = files_of(packages)
    with begun(service, author, 500_000):
        pass
    assert sent(author, scorm12_package(identifier=identifier()), dry_run="true").status_code == 200
    assert files_of(packages) == before


def test_uploads_take_three_of_the_largest_packages_at_the_most(service: Running, author: httpx.Client) -> None:
    package = scorm12_package(files={"a.bin": token_bytes(5_000)}, identifier=identifier())

    def status() -> int:
        return sent(author, package, dry_run="true").status_code

    with begun(service, author, 1024 * 1024), begun(service, author, 1024 * 1024):
        assert status() == 200
        with begun(service, author, 1024 * 1024):
            refused = sent(author, package)
            assert (refused.status_code, refused.json()["code"]) == (503, "too_many_bodies")
            assert (refused.headers["connection"], refused.headers["retry-after"]) == ("close", "1")
            with service.client() as learner:
                learner.get("/courses").raise_for_status()
        eventually(lambda: status() == 200)


def test_without_a_setting_packages_are_off(running: Running) -> None:
    with running.client(None, "courses:write") as author:
        refused = sent(author, scorm12_package())
    assert (refused.status_code, refused.json()["code"]) == (404, "packages_off")
    assert "HEADWAY_PACKAGES_DIR" in refused.json()["detail"]
