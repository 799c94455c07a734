import json
import re
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from headway.cli.demo_package import zipped_sample
from headway.domain.packages import MANIFEST, course_id_of, lesson_id_of
from headway.domain.scorm import ScormVersion
from headway.formats.package_file import read_package
from support.demo import running_demo
from support.program import headway
from support.running import clean_environment

FOLDER = ".demo"


def test_the_curl_lines_work_as_printed(folder: Path) -> None:
    with running_demo(folder) as demo:
        listed, updated, summary = (in_a_shell(line) for line in demo.curl_lines)
        learner = jwt.decode(demo.token, options={"verify_signature": False})["sub"]
        assert {progress["user_id"] for progress in [*listed, updated]} == {learner}
        assert [progress["status"] for progress in listed] == ["completed"] * 3 + ["in_progress"]
        assert updated["lesson_id"] not in {progress["lesson_id"] for progress in listed}
        assert (updated["progress_percentage"], updated["status"]) == (42.5, "in_progress")
        assert (summary["total_lessons"], summary["completed_lessons"], summary["in_progress_lessons"]) == (6, 3, 2)
        assert summary["completion_percentage"] == 50
        minutes = [progress["time_spent_minutes"] for progress in [*listed, updated]]
        assert summary["total_time_spent_minutes"] == sum(minutes)
        assert [progress["lesson_id"] for progress in in_a_shell(demo.curl_lines[0])][-1] == updated["lesson_id"]


def test_the_demo_has_three_courses_a_handful_of_learners_and_pages(folder: Path) -> None:
    with running_demo(folder) as demo:
        authorization = {"Authorization": f"Bearer {demo.token}"}
        with httpx.Client(base_url=demo.base_url, headers=authorization, timeout=20, verify=False) as client:
            assert len(client.get("/api/v1/education/courses").json()) == 3
            assert [one["title"] for one in client.get("/api/v1/education/groups").json()] == ["Class 7a"]
            assert client.get("/docs").status_code == 200
            [enrolment] = client.get("/api/v1/education/enrolments").json()[:1]
            assert (enrolment["status"], enrolment["late"]) == ("in_progress", False)
    assert learners(folder / FOLDER) == 5
    late = "SELECT count(*) FROM course_progress WHERE due_at < '2026-11' AND completed_at IS NULL"
    assert count(folder / FOLDER, late) == 1
    assert count(folder / FOLDER, "SELECT count(*) FROM course_progress WHERE started_at IS NULL") == 1


def test_the_demo_keeps_its_data_when_it_runs_again(folder: Path) -> None:
    with running_demo(folder) as demo:
        updated = in_a_shell(demo.curl_lines[1])
        before = in_a_shell(demo.curl_lines[0])
    with running_demo(folder) as again:
        after = in_a_shell(again.curl_lines[0])
        assert [unstamped(progress) for progress in after] == [unstamped(progress) for progress in before]
        assert after[-1] == updated
        assert in_a_shell(again.curl_lines[2])["completed_lessons"] == 3
        assert httpx.get(again.base_url + "/readyz", timeout=20, verify=False).status_code == 200
    assert learners(folder / FOLDER) == 5


def test_the_links_of_the_demo_sign_in_any_number_of_times(folder: Path) -> None:
    course_id, lesson_id, *_ = sample_ids()
    first_pages = {
        "a learner": "/dashboard",
        "a learner who plays a SCORM package": f"/dashboard/play/{course_id}/{lesson_id}",
        "a teacher": "/dashboard/statistics",
        "an author": "/dashboard/authoring",
    }
    with running_demo(folder) as demo:
        assert demo.links.keys() == first_pages.keys()
        for title, link in demo.links.items():
            for _ in range(2):
                let_in = httpx.get(link, timeout=20, verify=False)
                assert let_in.headers["location"] == first_pages[title]
                assert "headway_session=" in let_in.headers["set-cookie"]
        with httpx.Client(timeout=20, verify=False, follow_redirects=True) as browser:
            assert "Python" in browser.get(demo.links["a learner"]).text
            assert browser.get(demo.links["an author"]).status_code == 200
        of_before = demo.links["a learner"].partition("/dashboard")[2]
    with running_demo(folder) as again:
        refused = httpx.get(f"{again.base_url}/dashboard{of_before}", timeout=20, verify=False)
        assert "set-cookie" not in refused.headers


def test_the_demo_has_a_video_whose_parts_can_be_fetched(folder: Path) -> None:
    with running_demo(folder) as demo, httpx.Client(base_url=demo.base_url, timeout=20, verify=False) as browser:
        assert demo.video == f"{demo.base_url}/demo/video/"
        assert browser.get(demo.video).headers["content-type"].startswith("text/html")
        part = browser.get("/demo/video/lines.webm", headers={"Range": "bytes=0-3"})
        assert (part.status_code, part.headers["content-type"]) == (206, "video/webm")
        assert part.content == b"\x1aE\xdf\xa3"
        assert int(part.headers["content-range"].partition("/")[2]) < 200 * 1024
        visit = browser.get("/demo/video/visit")
        assert visit.headers["cache-control"] == "no-store"
        path = f"/api/v1/education/courses/{visit.json()['courseId']}"
        course = browser.get(path, headers={"Authorization": f"Bearer {visit.json()['token']}"}).json()
        [lesson] = [one for one in course["lessons"] if one["id"] == visit.json()["lessonId"]]
        assert (lesson["kind"], lesson["duration_seconds"], lesson["required"]) == ("video", 24, False)


def test_the_sample_is_a_small_package_that_names_each_of_its_files() -> None:
    zipped = zipped_sample()
    package, content = read_package(zipped, lambda _: None)
    assert package.warnings == ()
    assert package.scorm is ScormVersion.SCORM_2004
    assert package.index.size < 80 * 1024
    assert [(item.content.is_sco, item.content.pass_mark) for item in package.items] == [
        (True, None), (True, 80), (False, None),
    ]  # fmt: skip
    files = {file.path: file for file in package.index}
    manifest = b"".join(content.pieces(files.pop(MANIFEST))).decode()
    assert sorted(re.findall(r'<file href="(.+?)"/>', manifest)) == sorted(files)


def test_learners_of_the_demo_have_played_the_package(folder: Path) -> None:
    course_id, lesson_id, quiz_id, _ = sample_ids()
    with running_demo(folder):
        pass
    rows = rows_of(
        folder / FOLDER,
        "SELECT lesson_id, status, quiz_score, quiz_attempts, time_spent_minutes > 0 FROM lesson_progress "
        f"WHERE course_id = '{course_id}' ORDER BY lesson_id = '{quiz_id}', status, quiz_score",
    )
    assert rows == [
        (lesson_id, "completed", None, 0, 1),
        (lesson_id, "completed", None, 0, 1),
        (lesson_id, "in_progress", None, 0, 1),
        (quiz_id, "completed", 100, 1, 1),
        (quiz_id, "in_progress", 60, 2, 1),
    ]
    assert count(folder / FOLDER, "SELECT count(*) FROM content_states WHERE reported_at IS NULL") == 1


def test_the_demo_imports_and_plays_its_package_once(folder: Path) -> None:
    course_id, *_ = sample_ids()
    stored = "SELECT user_id, lesson_id, opened_at, version FROM content_states ORDER BY user_id, lesson_id"
    tags, states = [], []
    for _ in range(2):
        with running_demo(folder) as demo:
            headers = {"Authorization": f"Bearer {demo.token}"}
            course = httpx.get(f"{demo.base_url}/api/v1/education/courses/{course_id}", headers=headers, timeout=20)
            tags.append(course.headers["etag"])
        states.append(rows_of(folder / FOLDER, stored))
    assert tags[0] == tags[1]
    assert states[0] == states[1] != []


def test_the_demo_keeps_packages_where_the_user_says(folder: Path) -> None:
    with running_demo(folder, packages_dir=str(folder / "kept")):
        assert (folder / "kept" / "files").is_dir()
        assert not (folder / FOLDER / "packages").exists()


@pytest.mark.parametrize("own_origin", [True, False], ids=["own origin", "sandboxed"])
def test_content_has_an_origin_of_its_own_unless_the_user_says_what_browsers_see(
    folder: Path, *, own_origin: bool
) -> None:
    course_id, lesson_id, *_ = sample_ids()
    settings = {} if own_origin else {"public_url": "https://learn.example"}
    with running_demo(folder, **settings) as demo:
        path = f"/api/v1/education/progress/{course_id}/lessons/{lesson_id}/launches"
        headers = {"Authorization": f"Bearer {demo.token}"}
        launch = httpx.post(demo.base_url + path, headers=headers, timeout=20).json()
        other_name = f"http://localhost:{demo.base_url.rpartition(':')[2]}"
        assert launch["content_url"].startswith(other_name if own_origin else "/")


def test_the_demo_without_pages_has_no_links(folder: Path) -> None:
    with running_demo(folder, dashboard_path="") as demo:
        assert demo.links == {}
        assert httpx.get(demo.video, timeout=20, verify=False).status_code == 200


@pytest.mark.parametrize("precious", ["sqlite:///precious.db", "postgresql://headway@absent.invalid/precious"])
def test_the_demo_writes_only_in_its_folder(folder: Path, precious: str) -> None:
    with running_demo(folder, "--folder", "elsewhere/demo", database_url=precious, host="0.0.0.0") as demo:
        assert demo.base_url.startswith("http://127.0.0.1:")
        assert (folder / "elsewhere" / "demo" / "headway.db").exists()
    assert [path.name for path in folder.iterdir()] == ["elsewhere"]


@pytest.mark.parametrize("name", ["demo #1", "what?", "100%41"])
def test_the_demos_folder_may_have_any_name(folder: Path, name: str) -> None:
    with running_demo(folder, "--folder", name):
        assert (folder / name / "headway.db").exists()


def test_the_demo_refuses_wrong_settings(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = headway(folder, "demo", "--port", port)
    assert refused.code == 1
    assert port in refused.err
    refused = headway(folder, "demo", "--port", "0", jwt_secret=None, jwt_jwks_url="https://id.example/keys")
    assert refused.code == 2
    assert "HEADWAY_JWT_JWKS_URL" in refused.err


def in_a_shell(line: str) -> Any:
    """Run a printed line in a shell without any change, and return the JSON that it prints."""
    environment = clean_environment() | {"no_proxy": "*"}
    pasted = subprocess.run(
        ["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert pasted.returncode == 0, pasted.stderr
    return json.loads(pasted.stdout)


def unstamped(progress: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in progress.items() if name != "updated_at"}


def sample_ids() -> list[str]:
    """Return the id of the packaged course, and those of its lessons."""
    package, _ = read_package(zipped_sample(), lambda _: None)
    course_id = course_id_of(package.identifier)
    return [course_id, *(lesson_id_of(course_id, item.content.identifier) for item in package.items)]


def learners(folder: Path) -> int:
    return count(folder, "SELECT count(DISTINCT user_id) FROM lesson_progress")


def count(folder: Path, query: str) -> int:
    [[found]] = rows_of(folder, query)
    return int(found)


def rows_of(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{folder}/headway.db?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
