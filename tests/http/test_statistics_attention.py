"""Who needs attention, over HTTP: counts, pages, files, filters and refusals."""

import csv
import io
from typing import Any
from uuid import uuid4

import httpx
import pytest

from headway.domain.attention import MOST_COUNTED, Reason
from headway.service import attention as service
from support.running import course, lesson
from support.school import School, limited_token

FIELDS = [
    "user_id", "name", "course_id", "course_title", "lesson_id", "lesson_title", "reason", "since", "attempts",
]  # fmt: skip
REASONS = [reason.value for reason in Reason]


class Lost:
    """A course with one learner for each reason, and one who is fine."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.document = course(lesson(title="First"), lesson(title="A quiz", kind="quiz", pass_mark=60), title="Lost")
        self.first, self.quiz = (one["id"] for one in self.document["lessons"])
        self.course_id = school.put_course(self.document)
        self.registrar = school.client(None, "enrolments:write")
        self.who = {reason: str(uuid4()) for reason in REASONS}
        self.fine = str(uuid4())
        self.work(self.who["inactive"], self.first, status="completed")
        school.clock.pass_days(14)
        self.enrol(self.who["not_started"])
        self.enrol(self.who["late"], due_at=school.clock.now.isoformat())
        self.work(self.who["late"], self.first, progress_percentage=10)
        self.work(self.who["failing"], self.quiz, quiz_score=10, quiz_attempts=3)
        self.work(self.fine, self.quiz, quiz_score=10, quiz_attempts=1)
        school.clock.pass_days(0.01)
        self.now = school.clock.now

    def work(self, learner: str, lesson_id: str, **fields: object) -> None:
        self.school.write(learner, self.course_id, lesson_id, **fields)

    def enrol(self, learner: str, **dates: object) -> None:
        self.registrar.put(f"/courses/{self.course_id}/enrolments/{learner}", json=dates).raise_for_status()

    def get(self, reason: str = "", **query: object) -> Any:
        path = f"/statistics/attention/{reason}" if reason else "/statistics/attention"
        return self.school.get(path, **{"course": self.course_id} | query)


@pytest.fixture
def lost(lasting_school: School) -> Lost:
    return Lost(lasting_school)


def test_each_reason_has_its_learner(lost: Lost) -> None:
    lost.school.client(None, "learners:admin").put(
        f"/learners/{lost.who['failing']}/profile", json={"name": "Zoë Zuse", "email": "zoe@example.org"}
    ).raise_for_status()
    assert lost.get() == {key: {"count": 1, "has_more": False} for key in REASONS}
    lines = {}
    for reason in REASONS:
        [lines[reason]] = lost.get(reason)["learners"]
        assert list(lines[reason]) == FIELDS
        told = (lines[reason]["user_id"], lines[reason]["reason"], lines[reason]["course_title"])
        assert told == (lost.who[reason], reason, "Lost")
    at = {reason: (line["lesson_id"], line["lesson_title"], line["attempts"]) for reason, line in lines.items()}
    assert at == {
        "inactive": (lost.first, "First", 0),
        "late": (lost.first, "First", 0),
        "failing": (lost.quiz, "A quiz", 3),
        "not_started": (None, None, 0),
    }
    assert lines["failing"]["name"] == "Zoë Zuse"
    [roster] = [
        line
        for line in lost.school.get(f"/statistics/{lost.course_id}/learners")["learners"]
        if line["user_id"] == lost.who["late"]
    ]
    assert lines["late"]["since"] == roster["due_at"]


def test_days_of_inactivity_are_those_that_are_asked_for(lost: Lost) -> None:
    assert lost.get("inactive", inactive_days=15)["learners"] == []
    assert lost.get(inactive_days=15)["inactive"]["count"] == 0
    assert lost.get("inactive", inactive_days=14)["learners"] != []


def test_a_file_has_the_same_lines(lost: Lost) -> None:
    for reason in REASONS:
        path = f"/statistics/attention/{reason}?course={lost.course_id}"
        asked = [
            lost.school.teacher.get(path, headers={"accept": "text/csv"}),
            lost.school.teacher.get(f"{path}&format=csv"),
        ]
        for answer in asked:
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
            assert answer.headers["content-disposition"] == f'attachment; filename="attention-{reason}.csv"'
            [line] = csv.DictReader(io.StringIO(answer.text))
            assert list(line) == [*FIELDS, "email", "external_id"]
            [expected] = lost.get(reason)["learners"]
            assert line["user_id"] == expected["user_id"]
            assert line["since"] == expected["since"]


def test_pages_follow_each_other(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        lost.enrol(str(uuid4()))
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = lost.get("not_started", limit=2, **cursor)
        found += page["learners"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len({line["user_id"] for line in found}) == len(found) == 5
    assert [line["since"] for line in found] == sorted(line["since"] for line in found)
    before: list[Any] = page["learners"]
    while page["previous"] is not None:
        page = lost.get("not_started", limit=2, before=page["previous"])
        assert page["next"] is not None
        before = page["learners"] + before
    assert before == found
    monkeypatch.setattr(service, "PAGE_OF_A_FILE", 2)
    path = f"/statistics/attention/not_started?course={lost.course_id}&format=csv"
    lines = list(csv.DictReader(io.StringIO(lost.school.teacher.get(path).text)))
    assert [line["user_id"] for line in lines] == [line["user_id"] for line in found]


def test_a_list_and_its_counts_are_of_the_learners_who_are_asked_for(lost: Lost) -> None:
    lost.enrol(str(uuid4()))
    one, fine = lost.who["not_started"], lost.fine
    assert [line["user_id"] for line in lost.get("not_started", user_ids=f"{fine},{one}")["learners"]] == [one]
    assert lost.get("not_started", user_ids="")["learners"] == []
    assert {reason: counted["count"] for reason, counted in lost.get(user_ids=one).items()} == {
        reason: int(reason == "not_started") for reason in REASONS
    }
    path = f"/statistics/attention/not_started?course={lost.course_id}&format=csv&user_ids="
    text = lost.school.teacher.get(f"{path}&user_ids={one}&user_ids={fine}").text  # as a form sends it
    assert [line["user_id"] for line in csv.DictReader(io.StringIO(text))] == [one]


def test_counting_stops(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.domain.attention.MOST_COUNTED", 2)
    monkeypatch.setattr(service, "MOST_COUNTED", 2)
    lost.enrol(str(uuid4()))
    assert lost.get()["not_started"] == {"count": 2, "has_more": False}
    lost.enrol(str(uuid4()))
    assert lost.get()["not_started"] == {"count": 2, "has_more": True}
    assert MOST_COUNTED == 1_000


def test_a_token_for_another_course_sees_nobody(lost: Lost) -> None:
    other_id = lost.school.put_course(course())
    client = lost.school.client_with(limited_token("statistics:read", courses=[other_id]))
    assert client.get("/statistics/attention").json() == {key: {"count": 0, "has_more": False} for key in REASONS}
    for reason in REASONS:
        assert client.get(f"/statistics/attention/{reason}").json() == {
            "learners": [],
            "next": None,
            "previous": None,
        }
        refused = client.get(f"/statistics/attention/{reason}", params={"course": lost.course_id})
        assert (refused.status_code, refused.json()["code"]) == (403, "course_not_granted")


@pytest.mark.parametrize(
    ("path", "location", "kind"),
    [
        ("/statistics/attention/lazy", ["path", "reason"], "enum"),
        ("/statistics/attention?inactive_days=0", ["query", "inactive_days"], "greater_than_equal"),
        ("/statistics/attention/late?limit=0", ["query", "limit"], "greater_than_equal"),
        ("/statistics/attention/late?course=7", ["query", "course"], "uuid_parsing"),
        ("/statistics/attention/late?format=parquet", ["query", "format"], "literal_error"),
        ("/statistics/attention/late?cursor=nonsense", ["query", "cursor"], "cursor_parsing"),
        ("/statistics/attention/late?before=nonsense", ["query", "before"], "cursor_parsing"),
        ("/statistics/attention/late?cursor=a&before=b", ["query", "before"], "two_cursors"),
        ("/statistics/attention/late?user_ids=a", ["query", "user_ids"], "uuid_parsing"),
    ],
)
def test_what_can_not_be_understood_is_refused(
    lasting_school: School, path: str, location: list[str], kind: str
) -> None:
    refused = lasting_school.teacher.get(path)
    assert refused.status_code == 422, refused.text
    assert [(fault["loc"], fault["type"]) for fault in refused.json()["detail"]] == [(location, kind)]


def test_a_cursor_of_another_reason_is_refused(lost: Lost) -> None:
    lost.enrol(str(uuid4()))
    cursor = lost.get("not_started", limit=1)["next"]
    for name in ("cursor", "before"):
        refused = lost.school.teacher.get("/statistics/attention/late", params={name: cursor})
        assert refused.status_code == 422


@pytest.mark.parametrize("name", ["course", "group"])
def test_what_is_not_there_is_not_found(lasting_school: School, name: str) -> None:
    for path in ("/statistics/attention", "/statistics/attention/late"):
        answer: httpx.Response = lasting_school.teacher.get(path, params={name: str(uuid4())})
        assert (answer.status_code, answer.json()["code"]) == (404, f"{name}_not_found")
