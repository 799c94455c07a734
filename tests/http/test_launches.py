"""Content opened by a platform's own player page: launches, commits as scorm-again sends them, and the progress."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

TEXT = {"Content-Type": "text/plain;charset=UTF-8"}
TAKEN = {"result": True, "errorCode": 0}
SUSPENDED = 'slide=7;\\"quoted"\n\u2028 \U0001f600' * 2_909  # 63,998 of JavaScript's characters


@pytest.fixture
def launch(learner: httpx.Client, lesson_path: str) -> dict[str, Any]:
    """Return a launch of the test's first lesson."""
    return opened(learner, lesson_path)


def opened(client: httpx.Client, lesson_path: str, **query: str) -> dict[str, Any]:
    answer = client.post(f"{lesson_path}/launches", params=query)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def cmi12(status: str = "incomplete", **core: object) -> dict[str, Any]:
    """Return a commit of SCORM 1.2 as scorm-again sends it by `dataCommitFormat: json`."""
    suspended = core.pop("suspend_data", "")
    return {"cmi": {"suspend_data": suspended, "core": {"lesson_status": status, "exit": "", "score": {}, **core}}}


def sent(visitor: httpx.Client, launch: dict[str, Any], commit: dict[str, Any], **query: str) -> None:
    answer = visitor.post(launch["commit_url"], json=commit, params=query)
    assert (answer.status_code, answer.json()) == (200, TAKEN), answer.text


def test_content_reports_completes_the_lesson_and_is_resumed_exactly(
    visitor: httpx.Client, learner: httpx.Client, lesson_path: str, launch: dict[str, Any], learner_id: str
) -> None:
    assert launch["cmi"]["entry"] == "ab-initio"  # of no version that is known, so in the form of 2004
    assert (launch["content_url"], launch["play_url"], launch["is_sco"]) == (None, None, None)
    commit = cmi12(
        score={"raw": "83", "min": "", "max": "100"}, session_time="00:05:30", lesson_location="page 7",
        suspend_data=SUSPENDED, exit="suspend", total_time="00:05:30",
    )  # fmt: skip
    sent(visitor, launch, commit)
    progress = learner.get(lesson_path).json()
    assert (progress["status"], progress["quiz_score"], progress["time_spent_minutes"]) == ("in_progress", 83, 5.5)
    again = opened(learner, lesson_path)
    core = again["cmi"]["core"]
    assert (again["scorm"], core["entry"], core["student_id"]) == ("1.2", "resume", learner_id)
    assert (again["cmi"]["suspend_data"], core["lesson_location"]) == (SUSPENDED, "page 7")
    assert core["total_time"] == "0000:05:30.00"
    sent(visitor, again, cmi12("completed", session_time="00:01:00"))
    done = learner.get(lesson_path).json()
    assert (done["status"], done["quiz_attempts"], done["time_spent_minutes"]) == ("completed", 1, 6.5)


def test_a_beacon_is_taken_and_pages_of_any_origin_may_read_the_answer(
    visitor: httpx.Client, learner: httpx.Client, lesson_path: str, launch: dict[str, Any]
) -> None:
    body = json.dumps(cmi12("passed", total_time="00:00:30"))
    answer = visitor.post(launch["commit_url"], content=body, headers={**TEXT, "Origin": "null"})
    assert (answer.status_code, answer.json()) == (200, TAKEN)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"
    assert learner.get(lesson_path).json()["quiz_passed"]


def test_a_late_and_a_repeated_commit_are_answered_alike_and_change_nothing(
    visitor: httpx.Client, learner: httpx.Client, lesson_path: str, launch: dict[str, Any]
) -> None:
    newest = cmi12(session_time="00:02:00", suspend_data="new") | {"commitSequence": 2}
    sent(visitor, launch, newest)
    before = learner.get(lesson_path)
    sent(visitor, launch, newest)
    sent(visitor, launch, cmi12("completed", session_time="00:01:00", suspend_data="old") | {"commitSequence": 1})
    assert learner.get(lesson_path).headers["etag"] == before.headers["etag"]
    assert opened(learner, lesson_path)["cmi"]["suspend_data"] == "new"


def test_two_windows_add_their_time_and_a_launch_is_read_again_with_its_token(
    visitor: httpx.Client, learner: httpx.Client, lesson_path: str, launch: dict[str, Any]
) -> None:
    other = opened(learner, lesson_path, scorm="1.2")
    for one, minutes in ((launch, 2), (other, 3), (launch, 4)):
        sent(visitor, one, cmi12(session_time=f"00:0{minutes}:00", suspend_data=f"{minutes}"))
    assert learner.get(lesson_path).json()["time_spent_minutes"] == 7
    again = visitor.get(other["commit_url"].removesuffix("/commits"))
    assert again.headers["access-control-allow-origin"] == "*"
    assert again.json()["cmi"]["suspend_data"] == "3"
    assert again.json()["launch"] == other["launch"]


def test_a_launch_is_for_its_learner_and_lesson_alone(
    visitor: httpx.Client,
    learner: httpx.Client,
    other_learner: httpx.Client,
    lesson_paths: list[str],
    launch: dict[str, Any],
) -> None:
    sent(visitor, launch, cmi12("completed"))
    assert [learner.get(path).status_code for path in lesson_paths] == [200, 404, 404]
    assert other_learner.get(lesson_paths[0]).status_code == 404
    headers = {"Authorization": f"Bearer {launch['launch']}"}
    assert visitor.get(f"/api/education{lesson_paths[0]}", headers=headers).status_code in {401, 404}


@pytest.mark.parametrize(
    "change", [lambda token: token[:-2] + "xx", lambda _: "none", lambda token: token.split(".")[0]]
)
def test_a_token_that_was_not_made_here_is_refused(
    visitor: httpx.Client, launch: dict[str, Any], change: Callable[[str], str]
) -> None:
    forged = launch["commit_url"].replace(launch["launch"], change(launch["launch"]))
    answer = visitor.post(forged, json=cmi12("completed"))
    assert (answer.status_code, answer.json()["code"]) == (404, "launch_not_found")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b'{"cmi": 1}', b'{"cmi": {"suspend_data": "%s"}}' % (b"x" * 64_001),
        b'{"cmi": {"core": {"session_time": {"a": 1}}}}',
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_refused_and_changes_nothing(
    visitor: httpx.Client, learner: httpx.Client, lesson_path: str, launch: dict[str, Any], body: bytes
) -> None:
    answer = visitor.post(launch["commit_url"], content=body)
    assert answer.status_code == 422, answer.text
    assert learner.get(lesson_path).status_code == 404


def test_a_commit_over_a_mebibyte_is_refused(visitor: httpx.Client, launch: dict[str, Any]) -> None:
    answer = visitor.post(launch["commit_url"], content=b" " * (1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_learner_who_starts_over_begins_the_content_anew(
    visitor: httpx.Client, learner: httpx.Client, lesson_path: str, launch: dict[str, Any]
) -> None:
    sent(visitor, launch, cmi12(suspend_data="page 7", session_time="00:05:00"))
    learner.delete(lesson_path).raise_for_status()
    anew = opened(learner, lesson_path, scorm="1.2")
    assert (anew["cmi"]["core"]["entry"], anew["cmi"].get("suspend_data")) == ("ab-initio", None)
    assert anew["cmi"]["core"]["total_time"] == "0000:00:00.00"


def test_an_administrator_opens_content_for_a_learner(
    visitor: httpx.Client, admin: httpx.Client, learner: httpx.Client, lesson_path: str, learner_id: str
) -> None:
    path = f"/learners/{learner_id}{lesson_path}/launches"
    assert learner.post(path).status_code == 403
    launch = admin.post(path, params={"scorm": "1.2"}).raise_for_status().json()
    assert launch["cmi"]["core"]["student_id"] == learner_id
    sent(visitor, launch, cmi12("completed"))
    assert learner.get(lesson_path).json()["status"] == "completed"


def test_content_is_told_the_learners_name_and_the_pass_mark_of_the_lesson(
    admin: httpx.Client, learner: httpx.Client, learner_id: str, publish: Callable[..., str]
) -> None:
    admin.put(f"/learners/{learner_id}/profile", json={"name": "Zoë Ø"}).raise_for_status()
    quiz = {"id": str(uuid4()), "title": "Quiz", "kind": "quiz", "pass_mark": 70.5}
    path = f"{publish({'title': 'Course', 'lessons': [quiz]})}/lessons/{quiz['id']}"
    cmi = opened(learner, path, scorm="1.2")["cmi"]
    assert (cmi["core"]["student_name"], cmi["student_data"]["mastery_score"]) == ("Zoë Ø", "70.5")
    assert opened(learner, path, scorm="2004")["cmi"]["scaled_passing_score"] == "0.705"


def test_what_was_stored_is_exported_restored_and_erased(
    visitor: httpx.Client, learner: httpx.Client, admin: httpx.Client, learner_id: str, lesson_path: str,
    launch: dict[str, Any],
) -> None:  # fmt: skip
    sent(visitor, launch, cmi12(suspend_data=SUSPENDED, session_time="00:05:30", score={"raw": "50"}))
    export = learner.get(f"/learners/{learner_id}/export").json()
    [held] = export["content_states"]
    assert (held["scorm"], held["time_spent_seconds"], held["attempts"]) == ("1.2", 330, 1)
    assert held["cmi"]["suspend_data"] == SUSPENDED
    twin = str(uuid4())
    for written in (3, 0):  # its lesson progress, its course progress and its content
        report = admin.post("/progress/import", params={"user_id": twin}, json=export).raise_for_status().json()
        assert report["written"] == written
    assert admin.get(f"/learners/{twin}/export").json()["content_states"] == [held]
    path = f"/learners/{twin}{lesson_path}/launches"
    assert admin.post(path).json()["cmi"]["suspend_data"] == SUSPENDED
    admin.delete(f"/learners/{twin}").raise_for_status()
    assert admin.get(f"/learners/{twin}/export").json()["content_states"] == []


@pytest.mark.parametrize(
    "cmi", ['{"a": 1%s}' % ("0" * 30), '{"%s": "x"}' % ("1" * 5_000), '{"__proto__": {"a": "b"}}', '{"core": ["a"]}']
)
def test_a_state_that_no_content_can_have_stored_is_not_imported(
    cmi: str, learner: httpx.Client, admin: httpx.Client, learner_id: str, lesson_path: str
) -> None:
    opened(learner, lesson_path)
    export = learner.get(f"/learners/{learner_id}/export").json()
    assert len(export["content_states"]) == 1
    export["content_states"][0]["cmi"] = "CMI"
    twin = str(uuid4())
    answer = admin.post(
        "/progress/import",
        params={"user_id": twin},
        content=json.dumps(export).replace('"CMI"', cmi),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, [one["type"] for one in answer.json()["detail"]]) == (422, ["cmi"]), answer.text
    assert admin.get(f"/learners/{twin}/export").json()["content_states"] == []


def test_an_unknown_lesson_or_course_is_not_opened(learner: httpx.Client, course_path: str) -> None:
    answer = learner.post(f"{course_path}/lessons/{uuid4()}/launches")
    assert (answer.status_code, answer.json()["code"]) == (404, "lesson_not_found")
    answer = learner.post(f"/progress/{uuid4()}/lessons/{uuid4()}/launches")
    assert (answer.status_code, answer.json()["code"]) == (404, "course_not_found")


def test_a_commit_that_shows_no_version_is_of_the_one_that_the_launch_has(
    visitor: httpx.Client, learner: httpx.Client, lesson_path: str
) -> None:
    unknown = opened(learner, lesson_path)
    answer = visitor.post(unknown["commit_url"], json={"cmi": {"suspend_data": "a"}})
    assert answer.status_code == 422
    known = opened(learner, lesson_path, scorm="1.2")
    sent(visitor, known, {"cmi": {"suspend_data": "a"}})
    assert opened(learner, lesson_path)["cmi"]["suspend_data"] == "a"


def test_a_commit_at_the_end_may_say_so_in_its_address(
    visitor: httpx.Client, learner: httpx.Client, lesson_path: str, launch: dict[str, Any]
) -> None:
    done = {"cmi": {"completion_status": "completed", "suspend_data": "end", "session_time": "PT1S"}}
    sent(visitor, launch, done)
    assert opened(learner, lesson_path)["cmi"]["suspend_data"] == "end"
    sent(visitor, launch, done, terminate="true")
    assert opened(learner, lesson_path)["cmi"].get("suspend_data") is None  # the next attempt


def opened_before(admin: httpx.Client, lesson_path: str, opened_at: str, reported_at: str | None = None) -> str:
    """Make a learner who has opened a lesson's content in the past, and return the learner's id."""
    learner_id, (_, course_id, _, lesson_id) = str(uuid4()), lesson_path.strip("/").split("/")
    state = {
        "course_id": course_id, "lesson_id": lesson_id, "run": 1, "opened_at": opened_at, "reported_at": reported_at,
        "time_spent_seconds": 0, "attempts": 0, "is_counted": False, "is_over": False, "made_at": None, "scorm": None,
        "cmi": None,
    }  # fmt: skip
    export = {"user_id": learner_id, "lesson_progress": [], "content_states": [state]}
    admin.post("/progress/import", json=export).raise_for_status()
    return learner_id


def test_teachers_see_who_opened_content_that_reported_nothing(
    visitor: httpx.Client, admin: httpx.Client, teacher: httpx.Client, learner: httpx.Client,
    client_of: Callable[..., httpx.Client], lesson_paths: list[str], launch: dict[str, Any],
) -> None:  # fmt: skip
    path = f"/statistics/{launch['course_id']}/silent-launches"
    assert teacher.get(path).json() == []  # five minutes have not passed
    long_ago = opened_before(admin, lesson_paths[1], "2020-01-01T00:00:00Z")
    lately = opened_before(admin, lesson_paths[0], "2020-01-02T00:00:00Z")
    opened_before(admin, lesson_paths[0], "2020-01-02T00:00:00Z", "2020-01-02T00:01:00Z")
    admin.put(f"/learners/{lately}/profile", json={"name": "Ada"}).raise_for_status()
    found = teacher.get(path).json()
    assert [(one["user_id"], one["name"], one["opened_at"]) for one in found] == [
        (lately, "Ada", "2020-01-02T00:00:00Z"), (long_ago, None, "2020-01-01T00:00:00Z"),
    ]  # fmt: skip
    assert [one["lesson_id"] for one in found] == [lesson_paths[0].split("/")[4], lesson_paths[1].split("/")[4]]
    group = str(uuid4())
    staff = client_of(str(uuid4()), "groups:write")
    staff.put(f"/groups/{group}", json={"title": "A class", "members": [long_ago]}).raise_for_status()
    assert [one["user_id"] for one in teacher.get(path, params={"group": group}).json()] == [long_ago]
    report = admin.post(f"/learners/{lately}{lesson_paths[0]}/launches").raise_for_status().json()
    sent(visitor, report, cmi12())
    assert [one["user_id"] for one in teacher.get(path).json()] == [long_ago]
    assert learner.get(path).status_code == 403


def test_what_was_open_before_the_learner_started_over_brings_nothing_back(
    visitor: httpx.Client, learner: httpx.Client, lesson_path: str, course_path: str, launch: dict[str, Any]
) -> None:
    sent(visitor, launch, cmi12("completed", session_time="01:00:00", suspend_data="page 9"))
    learner.delete(lesson_path).raise_for_status()
    answer = visitor.post(launch["commit_url"], json=cmi12("completed", session_time="01:00:10"))
    assert (answer.status_code, answer.json()["code"]) == (409, "other_run")
    assert learner.get(lesson_path).status_code == 404
    again = opened(learner, lesson_path)
    sent(visitor, again, cmi12(session_time="00:00:30"))
    assert learner.get(lesson_path).json()["time_spent_minutes"] == 0.5
    learner.delete(course_path).raise_for_status()
    assert visitor.post(again["commit_url"], json=cmi12("completed")).status_code == 409


def test_what_is_open_while_a_learner_is_erased_writes_nothing(
    visitor: httpx.Client, admin: httpx.Client, learner: httpx.Client, learner_id: str, lesson_path: str,
    launch: dict[str, Any],
) -> None:  # fmt: skip
    sent(visitor, launch, cmi12("completed"))
    admin.delete(f"/learners/{learner_id}").raise_for_status()
    answer = visitor.post(launch["commit_url"], json=cmi12("completed"))
    assert (answer.status_code, answer.json()["code"]) == (404, "launch_not_found")
    assert learner.get(lesson_path).status_code == 404


def test_content_with_another_interface_begins_anew(
    visitor: httpx.Client, learner: httpx.Client, lesson_path: str, launch: dict[str, Any]
) -> None:
    sent(visitor, launch, cmi12(suspend_data="of 1.2"))
    newer = opened(learner, lesson_path, scorm="2004")
    assert (newer["cmi"]["entry"], newer["cmi"].get("suspend_data")) == ("ab-initio", None)
    assert "core" not in newer["cmi"]
