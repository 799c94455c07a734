"""Enrolments: who is in a course, until when, and who is late; on both stores, as time passes."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.postgres import Databases
from support.running import course, lesson
from support.school import REGISTRAR, School, Term, school, token_for_courses


@pytest.fixture
def term(lasting_school: School) -> Term:
    return Term(lasting_school)


@pytest.fixture(params=["sqlite", "postgres"])
def closed_term(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, connections: httpx.HTTPTransport
) -> Iterator[Term]:
    """The same where only learners who are enrolled may write."""
    with ExitStack() as made:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('closed')}/headway.db"
        else:
            databases: Databases = request.getfixturevalue("databases")
            url = made.enter_context(databases.fresh())
        yield Term(made.enter_context(school(url, connections, enrolment="closed")))


def test_enrolled_learners_are_counted_before_they_start(term: Term) -> None:
    absent, begun, done = term.enrol(), term.enrol(), term.enrol()
    term.begin(begun)
    term.complete(done)
    assert term.figures() == [3, 1, 2, 1, 0]
    assert term.figures("learners", "completion_rate", "enrolled_completion_rate") == [2, 50, 33.33]
    assert term.listed() == {absent, begun, done}
    assert term.listed(status="not_started") == {absent}
    assert term.listed(status="in_progress") == {begun}
    assert term.listed(status="completed") == {done}


def test_the_roster_by_name_has_who_has_not_started(term: Term) -> None:
    named, begun, nameless = term.enrol(), term.enrol(), term.enrol()
    term.begin(begun)
    admin = term.school.client(None, "learners:admin")
    for learner, name in ((named, "Grace"), (begun, "Ada")):
        admin.put(f"/learners/{learner}/profile", json={"name": name}).raise_for_status()
    page = term.school.get(f"/statistics/{term.course_id}/learners", sort="name", order="asc")
    assert [line["user_id"] for line in page["learners"]] == [begun, named, nameless]


def test_the_first_write_enrols(term: Term) -> None:
    learner = str(uuid4())
    term.begin(learner)
    [found] = term.registrar.get(term.path).json()["enrolments"]
    assert (found["user_id"], found["status"], found["due_at"]) == (learner, "in_progress", None)
    assert found["enrolled_at"] == "2026-11-23T12:00:00Z"


def test_an_enrolment_answers_its_dates(term: Term) -> None:
    learner = str(uuid4())
    dates = {"starts_at": "2026-12-01T09:00:00+01:00", "due_at": "2999-01-31T00:00:00Z"}
    answer = term.registrar.put(f"{term.path}/{learner.upper()}", json=dates)
    expected = {
        "user_id": learner, "course_id": term.course_id, "starts_at": "2026-12-01T08:00:00Z",
        "due_at": "2999-01-31T00:00:00Z", "groups": [], "run": 1, "status": "not_started", "completion_percentage": 0,
        "completed_at": None, "late": False, "completed_late": False, "expires_at": None,
    }  # fmt: skip
    assert {name: value for name, value in answer.json().items() if name != "enrolled_at"} == expected
    assert term.registrar.put(f"{term.path}/{learner}", json={}).json()["due_at"] is None


def test_who_has_not_completed_the_course_by_the_due_date_is_late(term: Term) -> None:
    late, in_time, done = (term.enrol(due_at=term.in_days(days)) for days in (1, 3, 1))
    term.complete(done)
    free = term.enrol()
    assert term.figures("late") == [0]
    term.school.clock.pass_days(2)
    assert term.figures("late") == [1]
    assert term.listed(late="true") == {late}
    assert term.listed(late="false") == {in_time, done, free}
    assert term.listed(due_before=term.in_days(0)) == {late, done}
    term.complete(late)
    assert term.figures("late") == [0]
    expected = {late: (False, True), in_time: (False, False), done: (False, False), free: (False, False)}
    enrolments = term.registrar.get(term.path).json()["enrolments"]
    roster = term.school.get(f"/statistics/{term.course_id}/learners")["learners"]
    for lines in (enrolments, roster):
        assert {one["user_id"]: (one["late"], one["completed_late"]) for one in lines} == expected
    term.school.clock.pass_days(2)
    lines = {
        one["user_id"]: one["late"] for one in term.school.get(f"/statistics/{term.course_id}/learners")["learners"]
    }
    assert lines == {late: False, in_time: True, done: False, free: False}
    assert [one["completed_late"] for one in term.school.client(late).get("/enrolments").json()] == [True]


def test_figures_say_how_they_changed_in_a_week(term: Term) -> None:
    slow, quick, gone, idle = (term.enrol(due_at=term.in_days(days)) for days in (7.5, 7.5, 7.5, 1))
    term.begin(gone)
    term.school.clock.now += timedelta(days=9)
    new, _ = term.enrol(), term.enrol()
    term.begin(slow)
    term.begin(new)
    members = term.school.client(None, "groups:write")
    group = str(uuid4())
    members.put(f"/groups/{group}", json={"title": "A class", "members": [slow, idle]}).raise_for_status()
    assert term.changes() == {
        "enrolled": {"now": 2, "before": 4}, "started": {"now": 2, "before": 1}, "completed": {"now": 0, "before": 0},
        "late": {"now": 4, "before": 1}, "active": {"now": 0.3, "before": 0.1},
    }  # fmt: skip
    assert term.changes(group=group) == {
        "enrolled": {"now": 0, "before": 2}, "started": {"now": 1, "before": 0}, "completed": {"now": 0, "before": 0},
        "late": {"now": 2, "before": 1}, "active": {"now": 0.1, "before": 0},
    }  # fmt: skip
    term.end(gone)
    term.complete(quick)
    term.school.clock.now += timedelta(days=6)
    term.complete(idle)
    assert term.changes() == {
        "enrolled": {"now": 2, "before": 0}, "started": {"now": 4, "before": 0}, "completed": {"now": 2, "before": 0},
        "late": {"now": 1, "before": 3}, "active": {"now": 0.6, "before": 0},
    }  # fmt: skip


def test_one_learner_shows_which_lessons_are_late_and_were_completed_late(term: Term) -> None:
    quick, slow, free = (lesson(**due) for due in ({"due_after_days": 1}, {"due_at": term.in_days(5)}, {}))
    term.school.put_course(course(quick, slow, free), term.course_id)
    learner = term.enrol()
    path = f"/statistics/{term.course_id}/learners/{learner}"
    term.school.write(learner, term.course_id, free["id"], progress_percentage=5)
    assert term.school.get(path)["late_lessons"] == []
    term.school.clock.pass_days(2)
    assert term.school.get(path)["late_lessons"] == [quick["id"]]
    term.school.write(learner, term.course_id, quick["id"], status="completed")
    found = term.school.get(path)
    lateness = ("lesson_id", "due_at", "late", "completed_late")
    assert found["late_lessons"] == []
    assert [[one[name] for name in lateness] for one in found["lessons"]] == [
        [quick["id"], term.in_days(-1).replace("+00:00", "Z"), False, True],
        [free["id"], None, False, False],
    ]


def test_an_ended_enrolment_keeps_progress_and_leaves_the_counts(term: Term) -> None:
    absent, begun = term.enrol(due_at=term.in_days(-1)), term.enrol(due_at=term.in_days(-1))
    term.begin(begun)
    assert term.figures() == [2, 1, 1, 0, 2]
    term.end(absent)
    term.end(begun)
    term.end(str(uuid4()))  # who never was enrolled
    assert term.figures() == [0, 0, 0, 0, 0]
    assert term.figures("learners") == [1]
    assert term.listed() == {begun}
    term.begin(begun)
    assert term.figures("enrolled") == [0]
    term.enrol(begun)
    assert term.figures() == [1, 0, 1, 0, 0]


def test_who_starts_over_stays_enrolled(term: Term) -> None:
    learner = term.enrol()
    term.complete(learner)
    term.school.client(learner).delete(f"/progress/{term.course_id}").raise_for_status()
    assert term.figures() == [1, 1, 0, 0, 0]
    assert term.listed(status="not_started") == {learner}


def test_erasing_a_learner_ends_the_enrolment(term: Term) -> None:
    learner = term.enrol(due_at=term.in_days(-1))
    exported = term.school.client(learner).get(f"/learners/{learner}/export").json()["course_progress"]
    assert [one["due_at"] for one in exported] == [term.in_days(-1).replace("+00:00", "Z")]
    term.school.client(None, "learners:admin").delete(f"/learners/{learner}").raise_for_status()
    assert term.figures() == [0, 0, 0, 0, 0]
    assert term.registrar.get(term.path).json() == {"enrolments": [], "next": None}


def test_an_export_restores_the_enrolment(term: Term) -> None:
    learner, other = term.enrol(due_at=term.in_days(3)), str(uuid4())
    export = term.school.client(learner).get(f"/learners/{learner}/export").content
    admin = term.school.client(None, "learners:admin")
    json = {"Content-Type": "application/json"}
    for _ in range(2):
        admin.post(f"/progress/import?user_id={other}", content=export, headers=json).raise_for_status()
        [first, second] = term.registrar.get(term.path).json()["enrolments"]
        assert first | {"user_id": ""} == second | {"user_id": ""}
    assert term.figures() == [2, 2, 0, 0, 0]


def test_learners_see_their_own_enrolments_by_due_date(term: Term) -> None:
    learner = str(uuid4())
    courses = [term.school.put_course(course(title=title)) for title in ("First", "Second", "Third", "Removed")]
    for course_id, days in zip(courses, (None, 9, 2, 1), strict=True):
        dates = {} if days is None else {"due_at": term.in_days(days)}
        term.registrar.put(f"/courses/{course_id}/enrolments/{learner}", json=dates).raise_for_status()
    term.school.teacher.delete(f"/courses/{courses[3]}").raise_for_status()
    found = term.school.client(learner).get("/enrolments").json()
    assert [one["title"] for one in found] == ["Third", "Second", "First"]
    assert term.school.client(None).get("/enrolments").json() == []


def test_enrolments_come_in_pages(term: Term) -> None:
    learners = sorted(term.enrol() for _ in range(5))
    found: list[str] = []
    page = term.registrar.get(term.path, params={"limit": 2}).json()
    while True:
        found += [one["user_id"] for one in page["enrolments"]]
        if page["next"] is None:
            break
        page = term.registrar.get(term.path, params={"limit": 2, "cursor": page["next"]}).json()
    assert found == learners


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({"due_at": "2026-11-23"}, ["body", "due_at"]),
        ({"due_at": "2026-11-23T10:00:00"}, ["body", "due_at"]),
        ({"starts_at": "2026-12-01T00:00:00Z", "due_at": "2026-11-30T00:00:00Z"}, ["body", "due_at"]),
        ({"due": "2026-11-23T10:00:00Z"}, ["body", "due"]),
        ([], ["body"]),
    ],
)
def test_wrong_dates_are_refused_and_enrol_nobody(term: Term, body: object, location: list[str]) -> None:
    refused = term.registrar.put(f"{term.path}/{uuid4()}", json=body)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, location)
    assert term.figures("enrolled") == [0]


def test_an_unknown_course_has_no_enrolments(term: Term) -> None:
    unknown = f"/courses/{uuid4()}/enrolments"
    answers = [
        term.registrar.get(unknown),
        term.registrar.put(f"{unknown}/{uuid4()}", json={}),
        term.registrar.delete(f"{unknown}/{uuid4()}"),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(404, "course_not_found")] * 3


def test_enrolments_of_others_need_the_scope(term: Term) -> None:
    learner = term.enrol()
    for client in (
        term.school.client(learner),
        term.school.teacher,
        term.school.client_with(token_for_courses([term.course_id], "statistics:read")),
    ):
        for refused in (
            client.get(term.path),
            client.put(f"{term.path}/{learner}", json={"due_at": term.in_days(1)}),
            client.delete(f"{term.path}/{learner}"),
        ):
            assert refused.status_code == 403
            assert f"'{REGISTRAR}'" in refused.json()["detail"]
    [found] = term.registrar.get(term.path).json()["enrolments"]
    assert found["due_at"] is None


def test_learners_enrol_themselves_where_it_is_open(term: Term) -> None:
    learner = str(uuid4())
    client, path = term.school.client(learner), f"{term.path}/{learner}"
    enrolled = client.put(path, json={}).raise_for_status().json()
    assert (enrolled["status"], enrolled["due_at"], enrolled["groups"]) == ("not_started", None, [])
    assert term.figures("enrolled") == [1]
    dated = term.registrar.put(path, json={"due_at": term.in_days(9)}).json()
    assert client.put(path, json={}).json() == dated
    assert term.figures("enrolled") == [1]


@pytest.mark.parametrize("name", ["starts_at", "due_at"])
def test_learners_set_no_dates_of_their_own(term: Term, name: str) -> None:
    learner = str(uuid4())
    refused = term.school.client(learner).put(f"{term.path}/{learner}", json={name: term.in_days(1)})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert term.figures("enrolled") == [0]


def test_learners_enrol_themselves_after_an_enrolment_that_came_to_nothing(term: Term) -> None:
    learner = term.enrol(due_at=term.in_days(9))
    term.end(learner)
    again = term.school.client(learner).put(f"{term.path}/{learner}", json={}).raise_for_status().json()
    assert (again["status"], again["due_at"]) == ("not_started", None)


def test_learners_do_not_enrol_themselves_again_or_others(term: Term) -> None:
    learner = term.enrol()
    term.begin(learner)
    term.end(learner)
    again = term.school.client(learner).put(f"{term.path}/{learner}", json={})
    assert (again.status_code, again.json()["code"]) == (403, "not_enrolled")
    for_another = term.school.client(str(uuid4())).put(f"{term.path}/{learner}", json={})
    assert (for_another.status_code, for_another.json()["code"]) == (403, "missing_scope")
    assert term.figures("enrolled") == [0]
    assert term.registrar.put(f"{term.path}/{learner}", json={}).status_code == 200


def test_learners_do_not_enrol_themselves_where_it_is_closed(closed_term: Term) -> None:
    learner = str(uuid4())
    refused = closed_term.school.client(learner).put(f"{closed_term.path}/{learner}", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert closed_term.figures("enrolled") == [0]


def test_only_enrolled_learners_write_where_enrolment_is_closed(closed_term: Term) -> None:
    learner = str(uuid4())
    client = closed_term.school.client(learner)
    path = f"/progress/{closed_term.course_id}/lessons/{closed_term.lessons[0]}"

    def write() -> tuple[int, str | None]:
        answer = client.put(path, json={"progress_percentage": 10})
        return answer.status_code, answer.json().get("code")

    assert write() == (403, "not_enrolled")
    closed_term.enrol(learner, starts_at=closed_term.in_days(1))
    assert write() == (403, "not_enrolled")
    closed_term.school.clock.pass_days(1)
    assert write() == (200, None)
    closed_term.end(learner)
    assert write() == (403, "not_enrolled")
    assert client.get(path).json()["progress_percentage"] == 10
    admin = closed_term.school.client(None, "learners:admin")
    assert admin.put(f"/learners/{learner}{path}", json={"status": "completed"}).status_code == 403
    assert closed_term.figures("enrolled", "learners") == [0, 1]


@pytest.mark.parametrize("how", ["", "atomic=true", "dry_run=true", "atomic=true&dry_run=true"])
@pytest.mark.parametrize("enrolled", [0, 100])
def test_an_import_refuses_lines_of_learners_who_are_not_enrolled(closed_term: Term, enrolled: int, how: str) -> None:
    learners = [closed_term.enrol() for _ in range(enrolled)]
    lines = [
        f"{learner},{closed_term.course_id},{closed_term.lessons[0]},completed" for learner in (*learners, uuid4())
    ]
    content = "\n".join(["user_id,course_id,lesson_id,status", *lines])
    admin = closed_term.school.client(None, "learners:admin")
    answer = admin.post(f"/progress/import?{how}", content=content, headers={"Content-Type": "text/csv"}).json()
    if "atomic" in how:
        [fault] = answer["detail"]
        assert (fault["loc"][1:], fault["type"]) == ([enrolled + 2, "user_id"], "not_enrolled")
    else:
        assert [(fault["loc"], fault["type"]) for fault in answer["errors"]] == [(["user_id"], "not_enrolled")]
        assert answer["written"] == enrolled
    assert closed_term.figures("started") == [enrolled if how == "" else 0]


def completions(term: Term, learner: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = term.school.client(learner).get("/completions").json()
    return found


def test_every_completion_is_kept(term: Term) -> None:
    learner = str(uuid4())
    quiz = lesson(kind="quiz", pass_mark=50)
    term.school.put_course(term.document | {"lessons": [*term.document["lessons"], quiz]}, term.course_id)
    term.school.write(learner, term.course_id, quiz["id"], quiz_score=70)
    term.complete(learner)
    version = term.school.teacher.get(f"/courses/{term.course_id}").json()["version"]
    first = {
        "course_id": term.course_id, "completed_at": term.in_days(0).replace("+00:00", "Z"), "course_version": version,
        "completion_percentage": 100, "score": 70, "expires_at": None,
    }  # fmt: skip
    [found] = completions(term, learner)
    assert found == first
    term.complete(learner)  # nothing changes
    term.school.client(learner).delete(f"/progress/{term.course_id}").raise_for_status()
    assert completions(term, learner) == [found]
    term.school.clock.pass_days(30)
    term.school.put_course(term.document | {"valid_for_days": 365, "on_edit": "reopen"}, term.course_id)
    term.complete(learner)
    second, again = completions(term, learner)
    assert again == found
    assert second["score"] is None
    assert second["course_version"] > version
    assert datetime.fromisoformat(second["expires_at"]) - datetime.fromisoformat(second["completed_at"]) == timedelta(
        days=365
    )
    admin = term.school.client(None, "learners:admin")
    assert admin.get(f"/learners/{learner}/completions").json() == [second, again]
    assert term.school.client(learner).get(f"/learners/{learner}/completions").status_code == 403
    assert admin.get(f"/learners/{learner}/export").json()["completions"] == [second, again]
    admin.delete(f"/learners/{learner}").raise_for_status()
    assert completions(term, learner) == []


def test_a_completion_that_is_taken_back_stays_in_the_list(term: Term) -> None:
    learner = str(uuid4())
    term.complete(learner)
    client = term.school.client(learner)
    path = f"/progress/{term.course_id}/lessons/{term.lessons[0]}"
    etag = client.get(path).headers["etag"]
    client.put(path, json={"status": "in_progress"}, headers={"If-Match": etag}).raise_for_status()
    assert term.figures("completed") == [0]
    assert len(completions(term, learner)) == 1


def test_completions_expire_after_the_days_of_the_document(term: Term) -> None:
    term.school.put_course(term.document | {"valid_for_days": 10}, term.course_id)
    early, late, never = str(uuid4()), str(uuid4()), str(uuid4())
    term.complete(early)
    term.begin(never)
    term.school.clock.pass_days(5)
    term.complete(late)
    assert term.listed(expiring_within_days=4) == set()
    assert term.listed(expiring_within_days=6) == {early}
    assert term.listed(expiring_within_days=11) == {early, late}
    [own] = term.school.client(early).get("/enrolments").json()
    assert datetime.fromisoformat(own["expires_at"]) - datetime.fromisoformat(own["completed_at"]) == timedelta(days=10)
    term.school.put_course(term.document, term.course_id)
    assert term.listed(expiring_within_days=36_500) == set()


class Class:
    """A group of two learners, and who may change it."""

    def __init__(self, term: Term) -> None:
        self.group_id = str(uuid4())
        self.first, self.second = sorted(str(uuid4()) for _ in range(2))
        self.path = f"/courses/{term.course_id}/groups/{self.group_id}"
        self.clerk = term.school.client(None, "groups:write")
        self.put(self.first)

    def put(self, *members: str) -> None:
        document = {"title": "Class 7a", "members": members}
        self.clerk.put(f"/groups/{self.group_id}", json=document).raise_for_status()


@pytest.fixture
def a_class(term: Term) -> Class:
    return Class(term)


def test_a_group_enrols_its_present_and_future_members(term: Term, a_class: Class) -> None:
    due_at = term.in_days(3)
    answer = term.registrar.put(a_class.path, json={"due_at": due_at})
    enrolment = {"course_id": term.course_id, "starts_at": None, "due_at": due_at.replace("+00:00", "Z")}
    assert answer.json() == enrolment
    assert a_class.clerk.get(f"/groups/{a_class.group_id}").json()["courses"] == [enrolment]
    a_class.put(a_class.first, a_class.second)
    assert term.figures() == [2, 2, 0, 0, 0]
    found = term.registrar.get(term.path).json()["enrolments"]
    assert [(one["user_id"], one["groups"], one["due_at"]) for one in found] == [
        (learner, [a_class.group_id], enrolment["due_at"]) for learner in (a_class.first, a_class.second)
    ]
    term.school.clock.pass_days(4)
    group = term.school.get(f"/statistics/{term.course_id}", group=a_class.group_id)
    assert [group[name] for name in ("enrolled", "not_started", "late")] == [2, 2, 2]
    assert term.listed(group=a_class.group_id, late="true") == {a_class.first, a_class.second}
    a_class.put(a_class.second)
    assert term.figures("enrolled") == [1]
    assert term.registrar.delete(a_class.path).status_code == 204
    assert term.figures("enrolled") == [0]


def test_a_groups_enrolment_is_refused_without_scope_course_or_group(term: Term, a_class: Class) -> None:
    unknown = str(uuid4())
    for client in (term.school.client(None), term.school.teacher, a_class.clerk):
        for refused in (client.put(a_class.path, json={}), client.delete(a_class.path)):
            assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    for path, code in (
        (a_class.path.replace(a_class.group_id, unknown), "group_not_found"),
        (a_class.path.replace(term.course_id, unknown), "course_not_found"),
    ):
        for refused in (term.registrar.put(path, json={}), term.registrar.delete(path)):
            assert (refused.status_code, refused.json()["code"]) == (404, code)
    dates = {"starts_at": term.in_days(2), "due_at": term.in_days(1)}
    assert term.registrar.put(a_class.path, json=dates).status_code == 422
    assert term.figures("enrolled") == [0]
