"""Runs: a learner does a course again; on both stores, as time passes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.running import lesson
from support.school import REGISTRAR, School, Term, limited_token


@pytest.fixture
def term(lasting_school: School) -> Term:
    return Term(lasting_school)


@pytest.fixture
def admin(term: Term) -> httpx.Client:
    return term.school.client(None, "learners:admin")


def begin(term: Term, learner: str, **asked: object) -> httpx.Response:
    """Begin the learner's next run."""
    return term.registrar.post(f"{term.path}/{learner}/runs", json=asked)


def runs(term: Term, learner: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        term.school.client(learner).get(f"{term.path}/{learner}/runs").raise_for_status().json()
    )
    return found


def run(term: Term, learner: str, number: int) -> dict[str, Any]:
    path = f"{term.path}/{learner}/runs/{number}"
    found: dict[str, Any] = term.school.client(learner).get(path).raise_for_status().json()
    return found


def progress(term: Term, learner: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = term.school.client(learner).get(f"/progress/{term.course_id}").json()
    return found


def learner_who_completed(term: Term) -> str:
    learner = term.enrol(due_at=term.in_days(5))
    term.school.write(
        learner, term.course_id, term.lessons[0], status="completed", time_spent_minutes=7, user_notes="Ah"
    )
    term.school.write(learner, term.course_id, term.lessons[1], quiz_score=80, metadata={"page": 3}, status="completed")
    return learner


def test_a_new_run_starts_from_nothing_and_keeps_the_old_one_as_it_was(term: Term) -> None:
    learner = learner_who_completed(term)
    before = progress(term, learner)
    began, completed = term.in_days(0), term.in_days(0)
    term.school.clock.pass_days(10)
    answer = begin(term, learner, due_at=term.in_days(30))
    assert answer.status_code == 201
    told = answer.json()
    assert (told["run"], told["status"], told["completion_percentage"], told["late"]) == (2, "not_started", 0, False)
    assert told["due_at"] == utc(term.in_days(30))
    assert progress(term, learner) == []
    first, second = runs(term, learner)
    assert first == {
        "number": 1, "began_at": utc(began), "started_at": utc(began), "completed_at": utc(completed),
        "ended_at": utc(term.in_days(0)), "due_at": utc(term.in_days(-5)), "late": False, "completed_late": False,
        "status": "completed",
        "course_version": first["course_version"], "total_lessons": 2, "completed_lessons": 2, "in_progress_lessons": 0,
        "completion_percentage": 100, "total_time_spent_minutes": 7, "last_accessed": utc(completed),
    }  # fmt: skip
    assert (second["number"], second["status"], second["began_at"]) == (2, "not_started", utc(term.in_days(0)))
    kept = run(term, learner, 1)
    assert kept.pop("lesson_progress") == [without_content(one) for one in before]
    assert kept == first
    assert run(term, learner, 2) == second | {"lesson_progress": []}


def utc(moment: str) -> str:
    return moment.replace("+00:00", "Z")


def without_content(lesson_progress: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in lesson_progress.items() if name != "content_id"}


def test_statistics_count_the_present_run(term: Term) -> None:
    learner, other = learner_who_completed(term), learner_who_completed(term)
    assert term.figures() == [2, 0, 2, 2, 0]
    assert begin(term, learner).status_code == 201
    assert term.figures() == [2, 1, 1, 1, 0]
    assert term.listed(status="not_started") == {learner}
    assert term.listed(status="completed") == {other}
    term.begin(learner)
    assert term.figures() == [2, 0, 2, 1, 0]
    term.complete(learner)
    assert term.figures() == [2, 0, 2, 2, 0]


def test_every_run_has_its_own_completion(term: Term) -> None:
    learner = learner_who_completed(term)
    term.school.clock.pass_days(1)
    begin(term, learner)
    term.school.clock.pass_days(1)
    term.complete(learner)
    second, first = term.school.client(learner).get("/completions").json()
    assert [first["completed_at"], second["completed_at"]] == [one["completed_at"] for one in runs(term, learner)]
    assert first["score"] == 80
    assert second["score"] is None


def test_a_run_that_has_not_started_does_not_end(term: Term) -> None:
    learner = term.enrol()
    for _ in range(2):
        refused = begin(term, learner)
        assert (refused.status_code, refused.json()["code"]) == (409, "run_conflict")
    assert [one["number"] for one in runs(term, learner)] == [1]


def test_of_requests_at_the_same_time_one_begins_a_run(term: Term) -> None:
    learner = learner_who_completed(term)
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: begin(term, learner).status_code, range(8)))
    assert sorted(statuses) == [201, *[409] * 7]
    assert [one["number"] for one in runs(term, learner)] == [1, 2]


def test_a_request_with_a_number_begins_one_run_though_it_is_sent_twice(term: Term) -> None:
    learner = learner_who_completed(term)
    assert begin(term, learner, number=3).status_code == 409
    assert begin(term, learner, number=2).status_code == 201
    term.begin(learner)
    refused = begin(term, learner, number=2)
    assert (refused.status_code, refused.json()["code"]) == (409, "run_conflict")
    assert begin(term, learner).json()["run"] == 3


def test_a_late_write_of_an_ended_run_does_not_enter_the_new_one(term: Term, admin: httpx.Client) -> None:
    learner = learner_who_completed(term)
    client = term.school.client(learner)
    path = f"/progress/{term.course_id}/lessons/{term.lessons[0]}"
    etag = client.get(path).headers["etag"]
    before = term.in_days(0)
    term.school.clock.pass_days(1)
    begin(term, learner)
    term.school.clock.pass_days(1)
    refused = [
        client.put(f"{path}?run=1", json={"status": "completed"}),
        client.delete(f"{path}?run=1"),
        client.delete(f"/progress/{term.course_id}?run=1"),
        admin.delete(f"/learners/{learner}/progress/{term.course_id}?run=3"),
        client.put(f"{path}?run=3", json={"status": "completed"}),
        admin.put(f"/learners/{learner}{path}?run=1", json={"status": "completed"}),
        admin.put(f"/learners/{learner}{path}", json={"status": "completed", "completed_at": before}),
        admin.put(f"/learners/{learner}{path}", json={"created_at": before, "updated_at": term.in_days(0)}),
    ]
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(409, "other_run")] * len(refused)
    assert client.put(path, json={"status": "completed"}, headers={"If-Match": etag}).status_code == 412
    assert progress(term, learner) == []
    assert client.put(f"{path}?run=2", json={"status": "completed"}).status_code == 200
    dated = {"status": "completed", "completed_at": term.in_days(-0.5)}
    assert admin.put(f"/learners/{learner}{path}", json=dated).status_code == 200
    assert len(run(term, learner, 1)["lesson_progress"]) == 2


@pytest.mark.parametrize("how", ["", "atomic=true", "dry_run=true", "atomic=true&dry_run=true"])
@pytest.mark.parametrize("lines", [1, 100])
def test_an_import_refuses_lines_of_an_ended_run(term: Term, admin: httpx.Client, lines: int, how: str) -> None:
    learner = learner_who_completed(term)
    before = term.in_days(0)
    term.school.clock.pass_days(1)
    begin(term, learner)
    others = [f"{uuid4()},{term.course_id},{term.lessons[0]},completed,{before}" for _ in range(lines - 1)]
    late = f"{learner},{term.course_id},{term.lessons[0]},completed,{before}"
    content = "\n".join(["user_id,course_id,lesson_id,status,completed_at", *others, late])
    answer = admin.post(f"/progress/import?{how}", content=content, headers={"Content-Type": "text/csv"})
    if "atomic" in how:
        [fault] = answer.json()["detail"]
        assert (answer.status_code, fault["loc"][1:], fault["type"]) == (422, [lines + 1, "run"], "other_run")
    else:
        report = answer.json()
        assert [(fault["line"], fault["type"]) for fault in report["errors"]] == [(lines + 1, "other_run")]
        assert report["written"] == lines - 1
    assert progress(term, learner) == []


def test_dates_of_the_new_run_count_from_its_begin(term: Term) -> None:
    document = term.document | {"lessons": [lesson(due_after_days=3), lesson()]}
    term.school.put_course(document, term.course_id)
    term.lessons = [one["id"] for one in document["lessons"]]
    learner = str(uuid4())
    term.complete(learner)
    term.school.clock.pass_days(10)
    begin(term, learner)
    outline = term.school.client(learner).get(f"/progress/{term.course_id}/outline").json()
    assert (outline[0]["due_at"], outline[0]["late"]) == (utc(term.in_days(3)), False)


def test_a_groups_due_date_that_has_passed_is_not_one_of_the_new_run(term: Term) -> None:
    learner, group = str(uuid4()), str(uuid4())
    clerk = term.school.client(None, "groups:write")
    clerk.put(f"/groups/{group}", json={"title": "Class 7a", "members": [learner]}).raise_for_status()
    term.registrar.put(f"/courses/{term.course_id}/groups/{group}", json={"due_at": term.in_days(2)}).raise_for_status()
    term.complete(learner)
    term.school.clock.pass_days(1)
    told = begin(term, learner).json()
    assert (told["due_at"], told["groups"]) == (utc(term.in_days(1)), [group])
    term.complete(learner)
    term.school.clock.pass_days(2)
    told = begin(term, learner).json()
    assert (told["due_at"], told["late"], told["groups"]) == (None, False, [group])
    assert term.figures("late") == [0]


def test_a_groups_due_date_from_before_the_run_stays_out_of_it_when_it_is_sent_again(term: Term) -> None:
    learner, group = str(uuid4()), str(uuid4())
    clerk = term.school.client(None, "groups:write")
    clerk.put(f"/groups/{group}", json={"title": "Class 7a", "members": [learner]}).raise_for_status()
    path, dates = f"/courses/{term.course_id}/groups/{group}", {"due_at": term.in_days(1)}
    term.registrar.put(path, json=dates).raise_for_status()
    term.complete(learner)
    term.school.clock.pass_days(2)
    begin(term, learner)
    term.registrar.put(path, json=dates).raise_for_status()
    [told] = term.school.client(learner).get("/enrolments").json()
    assert (told["due_at"], told["late"], told["groups"]) == (None, False, [group])
    clerk.put(f"/groups/{group}", json={"title": "Class 7a", "members": []}).raise_for_status()
    clerk.put(f"/groups/{group}", json={"title": "Class 7a", "members": [learner]}).raise_for_status()
    [told] = term.school.client(learner).get("/enrolments").json()
    assert (told["due_at"], told["late"], told["run"]) == (None, False, 2)
    term.registrar.put(path, json={"due_at": term.in_days(3)}).raise_for_status()
    assert term.school.client(learner).get("/enrolments").json()[0]["due_at"] == utc(term.in_days(3))


def test_what_was_read_in_the_second_in_which_a_run_began_can_be_sent_back(term: Term, admin: httpx.Client) -> None:
    learner = learner_who_completed(term)
    term.school.clock.now += timedelta(days=1, milliseconds=200)
    begin(term, learner)
    term.school.clock.now += timedelta(milliseconds=300)
    term.begin(learner)
    [read] = progress(term, learner)
    sent = {name: read[name] for name in ("created_at", "updated_at", "user_notes")}
    path = f"/learners/{learner}/progress/{term.course_id}/lessons/{term.lessons[0]}"
    assert admin.put(path, json=sent | {"user_notes": "Ah"}).status_code == 200


def test_a_learner_who_is_not_enrolled_has_no_run(term: Term, admin: httpx.Client) -> None:
    ended = learner_who_completed(term)
    term.end(ended)
    for learner in (str(uuid4()), ended):
        refused = begin(term, learner)
        assert (refused.status_code, refused.json()["code"]) == (404, "enrolment_not_found")
    assert [one["number"] for one in runs(term, ended)] == [1]
    nobody = admin.get(f"{term.path}/{uuid4()}/runs")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "enrolment_not_found")
    for number in (2, 999_999_999):
        missing = admin.get(f"{term.path}/{ended}/runs/{number}")
        assert (missing.status_code, missing.json()["code"]) == (404, "run_not_found")
    unknown = term.path.replace(term.course_id, str(uuid4()))
    for answer in (
        term.registrar.post(f"{unknown}/{ended}/runs", json={}),
        admin.get(f"{unknown}/{ended}/runs"),
        admin.get(f"{unknown}/{ended}/runs/1"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "course_not_found")


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ({"number": 1}, ["body", "number"]),
        ({"number": "2"}, ["body", "number"]),
        ({"due_at": "2026-11-23"}, ["body", "due_at"]),
        ({"starts_at": "2026-12-01T00:00:00Z", "due_at": "2026-11-30T00:00:00Z"}, ["body", "due_at"]),
        ({"due": None}, ["body", "due"]),
    ],
)
def test_a_wrong_request_begins_no_run(term: Term, asked: dict[str, object], location: list[str]) -> None:
    learner = learner_who_completed(term)
    refused = begin(term, learner, **asked)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, location)
    assert [one["number"] for one in runs(term, learner)] == [1]


@pytest.mark.parametrize("number", ["0", "-1", "01", "x", "1.0", "9999999999"])
def test_a_run_has_a_whole_number(term: Term, admin: httpx.Client, number: str) -> None:
    refused = admin.get(f"{term.path}/{uuid4()}/runs/{number}")
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["path", "run"])


def test_runs_of_others_need_a_scope(term: Term, admin: httpx.Client) -> None:
    learner = learner_who_completed(term)
    assert begin(term, learner).status_code == 201
    limited = limited_token("statistics:read", REGISTRAR, courses=[term.course_id])
    for client in (term.school.client(None), term.school.teacher, term.school.client_with(limited)):
        for path in (f"{term.path}/{learner}/runs", f"{term.path}/{learner}/runs/1"):
            refused = client.get(path)
            assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    for client in (term.school.client(learner), admin, term.school.teacher):
        assert client.post(f"{term.path}/{learner}/runs", json={}).status_code == 403
    assert admin.get(f"{term.path}/{learner}/runs/1").json() == run(term, learner, 1)
    assert len(runs(term, learner)) == 2


def test_an_export_holds_the_runs_and_restores_them(term: Term, admin: httpx.Client) -> None:
    learner, other = learner_who_completed(term), str(uuid4())
    term.school.clock.pass_days(1)
    begin(term, learner)
    term.begin(learner)
    export = term.school.client(learner).get(f"/learners/{learner}/export")
    assert [one["number"] for one in export.json()["runs"]] == [1]
    json = {"Content-Type": "application/json"}
    written = []
    for _ in range(2):
        answer = admin.post(
            f"/progress/import?user_id={other}", content=export.content, headers=json
        ).raise_for_status()
        assert answer.json()["errors"] == []
        written.append(answer.json()["written"])
        assert for_anybody(runs(term, other)) == for_anybody(runs(term, learner))
        restored = run(term, other, 1)["lesson_progress"]
        assert {one["user_id"] for one in restored} == {other}
        assert for_anybody(restored) == for_anybody(run(term, learner, 1)["lesson_progress"])
    assert written == [3, 0]  # lesson progress, course progress, a completion


def for_anybody(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name not in {"user_id", "id"}} for one in values]


def export_of(term: Term, learner: str) -> dict[str, Any]:
    found: dict[str, Any] = term.school.client(learner).get(f"/learners/{learner}/export").json()
    return found


def restore(admin: httpx.Client, export: dict[str, Any], learner: str, how: str = "") -> dict[str, Any]:
    answer = admin.post(f"/progress/import?user_id={learner}&{how}", json=export)
    report: dict[str, Any] = answer.json()
    return report


def test_an_export_of_a_later_run_ends_the_present_run_and_keeps_it(term: Term, admin: httpx.Client) -> None:
    learner, other = learner_who_completed(term), term.enrol()
    first = export_of(term, learner)
    term.school.clock.pass_days(1)
    begin(term, learner)
    term.school.clock.pass_days(1)
    term.school.write(learner, term.course_id, term.lessons[0], progress_percentage=10, user_notes="Again")
    second = export_of(term, learner)
    assert restore(admin, first, other)["errors"] == []
    assert [one["status"] for one in runs(term, other)] == ["completed"]
    assert restore(admin, second, other, "dry_run=true")["written"] > 0
    assert restore(admin, second, other)["errors"] == []
    for one in (learner, other):
        kept, present = runs(term, one)
        assert (kept["status"], kept["completion_percentage"]) == ("completed", 100)
        assert (present["status"], present["completion_percentage"], present["completed_at"]) == (
            "in_progress",
            0,
            None,
        )
    assert for_anybody(run(term, other, 2)["lesson_progress"]) == for_anybody(run(term, learner, 2)["lesson_progress"])
    assert for_anybody(run(term, other, 1)["lesson_progress"]) == for_anybody(run(term, learner, 1)["lesson_progress"])
    assert term.figures() == [2, 0, 2, 0, 0]
    assert restore(admin, second, other)["written"] == 0
    late = restore(admin, first, other)
    assert {fault["type"] for fault in late["errors"]} == {"other_run"}
    assert runs(term, other)[1] == runs(term, other)[1] | {"status": "in_progress", "number": 2}


def test_an_export_does_not_replace_runs_that_are_kept(term: Term, admin: httpx.Client) -> None:
    learner, other = learner_who_completed(term), learner_who_completed(term)
    for one in (learner, other):
        term.school.clock.pass_days(1)
        begin(term, one)
        term.school.write(one, term.course_id, term.lessons[1], quiz_score=33)
    begin(term, learner)
    term.begin(learner)
    kept = [run(term, other, number) for number in (1, 2)]
    restore(admin, export_of(term, learner), other)
    assert [one["number"] for one in runs(term, other)] == [1, 2, 3]
    assert run(term, other, 1) == kept[0]
    assert run(term, other, 2)["lesson_progress"] == kept[1]["lesson_progress"]


def test_an_own_export_changes_nothing(term: Term, admin: httpx.Client) -> None:
    learner = learner_who_completed(term)
    term.school.clock.pass_days(1 + 0.4321 / 86_400)  # a part of a second, which an export does not have
    begin(term, learner)
    term.complete(learner)
    before = export_of(term, learner)
    assert restore(admin, before, learner)["written"] == 0
    after = export_of(term, learner)
    before["course_progress"][0]["revision"] = after["course_progress"][0]["revision"]  # which counts every write
    assert after == before
    admin_path = f"/learners/{learner}/progress/{term.course_id}/lessons/{term.lessons[0]}"
    dated = {"created_at": before["lesson_progress"][0]["created_at"], "user_notes": "Now"}
    assert admin.put(admin_path, json=dated).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"runs": [{"number": 2}]},
        {"runs": [{"number": 1}, {"number": 1}]},
        {"runs": [{"ended_at": None}]},
        {"runs": [{"ended_at": "2999-01-01T00:00:00Z"}]},
        {"run": 1_000_000_000},
        {"run": 2, "run_began_at": "2999-01-01T00:00:00Z"},
        {"run": 2, "run_began_at": None},
    ],
)
def test_impossible_runs_of_an_export_are_refused(term: Term, admin: httpx.Client, wrong: dict[str, Any]) -> None:
    learner, other = learner_who_completed(term), term.enrol()
    term.school.clock.pass_days(1)
    begin(term, learner)
    export = export_of(term, learner)
    [of_export] = export["runs"]
    if "runs" in wrong:
        export["runs"] = [of_export | one for one in wrong["runs"]]
    else:
        export["course_progress"][0] |= wrong
    report = restore(admin, export, other)
    assert report.get("errors") or report["detail"]
    assert [one["number"] for one in runs(term, other)] == [1]
    assert term.figures("not_started") == [2]


def test_runs_alone_are_restored(term: Term, admin: httpx.Client) -> None:
    learner, other = learner_who_completed(term), str(uuid4())
    begin(term, learner)
    export = export_of(term, learner) | {"course_progress": [], "days": [], "completions": []}
    assert restore(admin, export, other)["errors"] == []
    assert for_anybody(run(term, other, 1)["lesson_progress"]) == for_anybody(run(term, learner, 1)["lesson_progress"])


def test_a_line_of_an_import_may_name_its_run(term: Term, admin: httpx.Client) -> None:
    learner = learner_who_completed(term)
    begin(term, learner)
    head = "user_id,course_id,lesson_id,status,run"
    for number, written in ((1, 0), (2, 1), (3, 0)):
        line = f"{learner},{term.course_id},{term.lessons[0]},completed,{number}"
        answer = admin.post("/progress/import", content=f"{head}\n{line}", headers={"Content-Type": "text/csv"}).json()
        assert (answer["written"], answer["ignored"]) == (written, [])
        assert [(fault["loc"], fault["type"]) for fault in answer["errors"]] == [(["run"], "other_run")] * (1 - written)


def test_a_groups_enrolment_that_is_put_again_does_not_bring_a_past_due_date_back(term: Term) -> None:
    learner, group = str(uuid4()), str(uuid4())
    clerk = term.school.client(None, "groups:write")
    clerk.put(f"/groups/{group}", json={"title": "Class 7a", "members": [learner]}).raise_for_status()
    due = {"due_at": term.in_days(2)}
    for days in (0, 3):
        term.school.clock.pass_days(days)
        term.registrar.put(f"/courses/{term.course_id}/groups/{group}", json=due).raise_for_status()
        if not days:
            term.complete(learner)
            term.school.clock.pass_days(3)
            begin(term, learner)
    assert term.figures("late") == [0]
    assert runs(term, learner)[1]["due_at"] is None


def test_completions_without_course_progress_are_erased(term: Term, admin: httpx.Client) -> None:
    learner, other = learner_who_completed(term), str(uuid4())
    export = export_of(term, learner)
    only = {"user_id": other, "lesson_progress": [], "completions": export["completions"]}
    assert restore(admin, only, other)["written"] == 1
    admin.delete(f"/learners/{other}").raise_for_status()
    assert admin.get(f"/learners/{other}/completions").json() == []


def test_a_completion_that_is_taken_back_at_once_is_kept(term: Term) -> None:
    learners = [str(uuid4()) for _ in range(20)]
    path = f"/progress/{term.course_id}/lessons/{term.lessons[1]}"
    for learner in learners:
        term.begin(learner)
        term.school.write(learner, term.course_id, term.lessons[0], status="completed")

    def complete_and_remove(learner: str) -> None:
        with ThreadPoolExecutor(2) as threads:
            done = threads.submit(term.school.client(learner).put, path, json={"status": "completed"})
            threads.submit(term.school.client(learner).delete, path)
        assert done.result().status_code == 200

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(complete_and_remove, learners))
    assert [len(term.school.client(one).get("/completions").json()) for one in learners] == [1] * len(learners)


def test_a_restored_run_has_no_due_date_from_before_it(term: Term, admin: httpx.Client) -> None:
    learner, other, group = str(uuid4()), str(uuid4()), str(uuid4())
    clerk = term.school.client(None, "groups:write")
    clerk.put(f"/groups/{group}", json={"title": "Class 7a", "members": [learner]}).raise_for_status()
    term.registrar.put(f"/courses/{term.course_id}/groups/{group}", json={"due_at": term.in_days(1)}).raise_for_status()
    term.complete(learner)
    term.school.clock.pass_days(2)
    begin(term, learner)
    export = term.school.client(learner).get(f"/learners/{learner}/export")
    json = {"Content-Type": "application/json"}
    admin.post(f"/progress/import?user_id={other}", content=export.content, headers=json).raise_for_status()
    [told] = term.school.client(other).get("/enrolments").json()
    assert (told["run"], told["due_at"], told["late"]) == (2, None, False)


def test_erasing_a_learner_erases_the_runs(term: Term, admin: httpx.Client) -> None:
    learner = learner_who_completed(term)
    begin(term, learner)
    admin.delete(f"/learners/{learner}").raise_for_status()
    assert admin.get(f"{term.path}/{learner}/runs/1").status_code == 404
    assert admin.get(f"/learners/{learner}/export").json()["runs"] == []
    term.begin(learner)
    assert [one["number"] for one in runs(term, learner)] == [1]


def test_a_run_outlives_its_lessons(term: Term) -> None:
    learner = learner_who_completed(term)
    begin(term, learner)
    first, second = term.lessons
    term.school.put_course(term.document | {"lessons": [lesson(), term.document["lessons"][1]]}, term.course_id)
    kept = run(term, learner, 1)
    assert [one["lesson_id"] for one in kept["lesson_progress"]] == [second, first]
    assert (kept["total_lessons"], kept["completion_percentage"]) == (2, 100)


def test_a_run_without_progress_is_of_the_present_course(term: Term) -> None:
    learner = term.enrol()
    term.school.put_course(term.document | {"lessons": [lesson()]}, term.course_id)
    version = term.school.get(f"/courses/{term.course_id}")["version"]
    [listed] = runs(term, learner)
    assert (listed["course_version"], listed["total_lessons"]) == (version, 1)
    assert run(term, learner, 1) == listed | {"lesson_progress": []}
