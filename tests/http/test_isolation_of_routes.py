"""Every operation of the OpenAPI document, asked by somebody who may know nothing of a certain learner.

A new operation has to be added to one of the tables: the tests fail where they do not know one.
"""

import io
import json
from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import uuid4

import httpx
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from support.feed import Reader
from support.running import PREFIX, course, lesson

Operation = tuple[str, str]
Limited = Callable[..., httpx.Client]

_OF_NOBODY: Final = {
    ("GET", "/courses"), ("GET", "/courses/{course_id}"), ("GET", "/schemas/course"), ("GET", "/schemas/events"),
}  # fmt: skip
"""Operations that tell of no learner."""
_OF_ONESELF: Final = {
    ("GET", "/progress"), ("GET", "/progress/{course_id}"), ("DELETE", "/progress/{course_id}"),
    ("GET", "/progress/{course_id}/summary"), ("GET", "/progress/{course_id}/outline"),
    ("GET", "/progress/{course_id}/lessons/{lesson_id}"), ("PUT", "/progress/{course_id}/lessons/{lesson_id}"),
    ("DELETE", "/progress/{course_id}/lessons/{lesson_id}"), ("GET", "/enrolments"), ("GET", "/completions"),
    ("GET", "/groups"), ("POST", "/sign-in-codes"), ("POST", "/progress/sync"),
    ("POST", "/progress/{course_id}/lessons/{lesson_id}/launches"),
    ("GET", "/launches/{launch}"), ("POST", "/launches/{launch}/commits"),
}  # fmt: skip
"""Operations that tell of the caller only. `GET /groups` also tells the titles of the groups that a token grants."""
_WITH_A_SCOPE: Final = {
    ("GET", "/learners/{user_id}/export"), ("DELETE", "/learners/{user_id}"),
    ("GET", "/learners/{user_id}/progress"), ("GET", "/learners/{user_id}/progress/{course_id}"),
    ("DELETE", "/learners/{user_id}/progress/{course_id}"),
    ("GET", "/learners/{user_id}/progress/{course_id}/summary"),
    ("GET", "/learners/{user_id}/progress/{course_id}/outline"),
    ("GET", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}"),
    ("PUT", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}"),
    ("POST", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}/launches"),
    ("DELETE", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}"),
    ("GET", "/learners/{user_id}/profile"), ("PUT", "/learners/{user_id}/profile"),
    ("DELETE", "/learners/{user_id}/profile"), ("GET", "/learners/{user_id}/completions"),
    ("GET", "/learners/{user_id}/goal"), ("PUT", "/learners/{user_id}/goal"), ("DELETE", "/learners/{user_id}/goal"),
    ("POST", "/progress/import"), ("POST", "/people/import"),
    ("PUT", "/courses/{course_id}"), ("DELETE", "/courses/{course_id}"), ("POST", "/courses/validate"),
    ("POST", "/packages"),
    ("GET", "/courses/{course_id}/enrolments"), ("PUT", "/courses/{course_id}/enrolments/{user_id}"),
    ("DELETE", "/courses/{course_id}/enrolments/{user_id}"), ("PUT", "/courses/{course_id}/groups/{group_id}"),
    ("DELETE", "/courses/{course_id}/groups/{group_id}"), ("PUT", "/groups/{group_id}"),
    ("DELETE", "/groups/{group_id}"), ("PUT", "/groups/{group_id}/members/{user_id}"),
    ("DELETE", "/groups/{group_id}/members/{user_id}"),
    ("POST", "/courses/{course_id}/enrolments/{user_id}/runs"),
    ("GET", "/courses/{course_id}/enrolments/{user_id}/runs"),
    ("GET", "/courses/{course_id}/enrolments/{user_id}/runs/{run}"),
    ("GET", "/webhooks"), ("GET", "/webhooks/{webhook_id}"), ("PUT", "/webhooks/{webhook_id}"),
    ("DELETE", "/webhooks/{webhook_id}"), ("POST", "/webhooks/{webhook_id}/secret"),
    ("POST", "/webhooks/{webhook_id}/test"), ("GET", "/webhooks/{webhook_id}/deliveries"),
    ("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"),
}  # fmt: skip
"""Operations for which nobody here has the scope."""
_FORMS: Final = (
    "",
    "format=csv",
    "format=parquet",
    "sort=name",
    "query=zebedee",
    "learner={user_id}",
    "user_ids={user_id}",
    "total=true",
    "status=completed",
)
_EVENTS: Final = ("GET", "/events")
_FIGURES: Final[dict[Operation, tuple[str, ...]]] = {
    ("GET", "/statistics"): ("",),
    ("GET", "/statistics/attention"): ("", "course={third_id}"),
    ("GET", "/statistics/attention/{reason}"): ("", "format=csv", "course={third_id}", "user_ids={user_id}", "limit=1"),
    ("GET", "/statistics/{course_id}"): ("",),
    ("GET", "/statistics/{course_id}/compare"): ("course={second_id}",),
    ("GET", "/statistics/{course_id}/stream"): ("",),
    ("GET", "/statistics/{course_id}/activity"): ("",),
    ("GET", "/statistics/{course_id}/silent-launches"): ("",),
    ("GET", "/statistics/{course_id}/learners"): _FORMS,
    ("GET", "/statistics/{course_id}/grid"): ("", "format=csv", "query=zebedee", "user_ids={user_id}"),
    ("GET", "/statistics/{course_id}/learners/{user_id}"): ("", "explain=true"),
    ("GET", "/learners"): ("", "query=zebedee", "query={user_id}", "query=S-4711", "course={course_id}"),
    ("GET", "/groups/{group_id}"): ("",),
    _EVENTS: ("after={after}&limit=1000", "after={after}&limit=1000&course={course_id}"),
}
"""Operations with `statistics:read` or `events:read`, and the queries with which they tell something."""
_WITH_GROUP: Final = [
    one for one in _FIGURES if "{user_id}" not in one[1] and "{group_id}" not in one[1] and one != _EVENTS
]
"""Those of them that take `group=`."""


def name_of(operation: object) -> str:
    return " ".join(operation) if isinstance(operation, tuple) else str(operation)


class Zebedee:
    """A learner with everything that a learner can have, in a course and a group, and what nobody else may know."""

    def __init__(self, client_of: Callable[..., httpx.Client]) -> None:
        self.staff = client_of(
            str(uuid4()), "courses:write", "learners:admin", "enrolments:write", "groups:write", "statistics:read",
            "events:read",
        )  # fmt: skip
        self.after = Reader(self.staff).after
        self.id, self.neighbour, self.stranger = (str(uuid4()) for _ in range(3))
        document = course(lesson(), title="Zebedee's course")
        self.course_id, self.second_id, self.third_id = (str(uuid4()) for _ in range(3))
        self.group_id, self.other_id = str(uuid4()), str(uuid4())
        self.webhook_id, self.delivery_id = str(uuid4()), "1"
        self.lesson_id = document["lessons"][0]["id"]
        for course_id in (self.course_id, self.second_id, self.third_id):
            self._put(f"/courses/{course_id}", document)
        self.mark = uuid4().hex
        profile = {"name": f"Zebedee {self.mark}", "email": f"{self.mark}@example.org", "external_id": "S-4711"}
        self._put(f"/learners/{self.id}/profile", profile)
        self._put(f"/groups/{self.group_id}", {"title": "Zebedee's class", "members": [self.id]})
        self._put(f"/groups/{self.other_id}", {"title": "Of others", "members": [self.neighbour]})
        for course_id in (self.course_id, self.third_id):
            self._put(f"/courses/{course_id}/enrolments/{self.id}", {"due_at": "2001-01-01T00:00:00Z"})
        work = {"status": "completed", "user_notes": self.mark, "metadata": {"mine": self.mark}}
        self._put(f"/learners/{self.id}/goal", {"days_per_week": 3})
        self.client = client_of(self.id)
        for learner in (self.client, client_of(self.neighbour)):
            path = f"/progress/{self.course_id}/lessons/{self.lesson_id}"
            learner.put(path, json=work if learner is self.client else {"status": "completed"}).raise_for_status()
        Reader(self.staff, self.after, course=self.course_id, types="course.completed").next(2)

    def _put(self, path: str, body: dict[str, Any]) -> None:
        self.staff.put(path, json=body).raise_for_status()

    def path(self, operation: Operation, query: str = "") -> str:
        """The path of an operation, as if it were about Zebedee."""
        ids = {name: value for name, value in vars(self).items() if name.endswith("_id")}
        ids |= {"user_id": self.id, "run": "1", "reason": "late", "after": self.after, "launch": "forged"}
        return f"{operation[1]}?{query}".format(**ids)

    def everything(self) -> dict[str, Any]:
        """All that is kept of Zebedee, of the groups, and of the course."""
        export = self.client.get(f"/learners/{self.id}/export").json()
        export.pop("exported_at", None)
        enrolments = self.staff.get(f"/courses/{self.course_id}/enrolments").json()["enrolments"]
        own = [enrolment for enrolment in enrolments if enrolment["user_id"] == self.id]
        more = [self.staff.get(path).json() for path in (f"/groups/{self.group_id}", f"/courses/{self.course_id}")]
        return {"export": export, "enrolments": own, "more": more}

    def secrets(self, path: str) -> list[str]:
        """What nobody else may be told. Who names the id in the path may read it again."""
        return [self.mark] if self.id in path else [self.mark, self.id]


@pytest.fixture
def zebedee(client_of: Callable[..., httpx.Client]) -> Zebedee:
    return Zebedee(client_of)


@pytest.fixture
def strangers(zebedee: Zebedee, client_of: Callable[..., httpx.Client], limited: Limited) -> dict[str, httpx.Client]:
    """Those who may know nothing of Zebedee."""
    return {
        "a learner": client_of(zebedee.stranger),
        "of another course": limited(courses=[zebedee.second_id]),
        "of another group": limited(groups=[zebedee.other_id]),
        "of another group in the course": limited(
            courses=[zebedee.course_id, zebedee.third_id], groups=[zebedee.other_id]
        ),
        "of the group in another course": limited(courses=[zebedee.second_id], groups=[zebedee.group_id]),
        "of nothing": limited(courses=[], groups=[]),
    }


def asked(client: httpx.Client, operation: Operation, path: str) -> tuple[int, str, str]:
    """The status of an answer, its code, and all that it says."""
    body = None if operation[0] in {"GET", "DELETE"} else {"status": "completed", "title": "Mine", "members": []}
    with client.stream(operation[0], path, json=body) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, "", next(line for line in answer.iter_lines() if line.startswith("data"))
        content = answer.read()
        said = answer.text + str(answer.headers)
        if answer.headers.get("content-type", "").endswith("parquet"):
            said = json.dumps(pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist(), default=str)
        is_refused = answer.status_code >= 400
        return answer.status_code, answer.json().get("code", "") if is_refused else "", said


def check_silence(zebedee: Zebedee, path: str, said: str) -> None:
    for secret in zebedee.secrets(path):
        assert secret not in said, path


def every_operation(document: dict[str, Any]) -> set[Operation]:
    return {
        (method.upper(), path.removeprefix(PREFIX)) for path, methods in document["paths"].items() for method in methods
    }


def test_every_operation_is_in_one_table(visitor: httpx.Client) -> None:
    tables: list[Iterable[Operation]] = [_OF_NOBODY, _OF_ONESELF, _WITH_A_SCOPE, _FIGURES]
    known = [operation for table in tables for operation in table]
    assert len(known) == len(set(known))
    assert set(known) == every_operation(visitor.get("/openapi.json").json())


@pytest.mark.parametrize("operation", sorted(_OF_NOBODY | _OF_ONESELF), ids=name_of)
def test_what_tells_of_oneself_or_of_nobody_is_silent_about_others(
    zebedee: Zebedee, strangers: dict[str, httpx.Client], operation: Operation
) -> None:
    before, path = zebedee.everything(), zebedee.path(operation)
    for who, client in strangers.items():
        status, _, said = asked(client, operation, path)
        assert status in {200, 201, 204, 404, 422}, who
        check_silence(zebedee, path, said)
    assert zebedee.everything() == before


@pytest.mark.parametrize("operation", sorted(_WITH_A_SCOPE), ids=name_of)
def test_what_needs_a_scope_is_refused(
    zebedee: Zebedee, strangers: dict[str, httpx.Client], operation: Operation
) -> None:
    before, path = zebedee.everything(), zebedee.path(operation)
    for who, client in strangers.items():
        status, code, said = asked(client, operation, path)
        assert (status, code) == (403, "missing_scope"), who
        check_silence(zebedee, path, said)
    assert zebedee.everything() == before


@pytest.mark.parametrize("operation", _FIGURES, ids=name_of)
def test_figures_are_silent_about_learners_who_are_not_granted(
    zebedee: Zebedee, strangers: dict[str, httpx.Client], operation: Operation
) -> None:
    groups = ("", f"group={zebedee.group_id}", f"group={zebedee.other_id}") if operation in _WITH_GROUP else ("",)
    for query in _FIGURES[operation]:
        for group in groups:
            path = zebedee.path(operation, "&".join(filter(None, (query, group))))
            for who, client in strangers.items():
                status, code, said = asked(client, operation, path)
                allowed = ALLOWED[who] | ({_ANSWERED} if operation == _EVENTS and who == "of nothing" else set())
                assert (status, code) in allowed, (who, path, said)
                assert who != "a learner" or status == 403
                check_silence(zebedee, path, said)


_ANSWERED: Final = (200, "")
_NO_COURSE, _NO_GROUP = (403, "course_not_granted"), (403, "group_not_granted")
ALLOWED: Final = {
    "a learner": {(403, "missing_scope")},
    "of another course": {_ANSWERED, _NO_COURSE},
    "of another group": {_ANSWERED, _NO_GROUP},
    "of another group in the course": {_ANSWERED, _NO_GROUP, _NO_COURSE},
    "of the group in another course": {_ANSWERED, _NO_GROUP, _NO_COURSE},
    "of nothing": {_NO_GROUP, _NO_COURSE},
}
"""What each of them may be answered. An answer is looked through for what is secret."""


@pytest.mark.parametrize(
    "operation",
    [one for one in _FIGURES if one[1].endswith(("learners", "grid", "{user_id}", "{group_id}", "{reason}", "events"))],
    ids=name_of,
)
def test_who_is_granted_is_told(zebedee: Zebedee, limited: Limited, operation: Operation) -> None:
    """Otherwise the other tests would show nothing."""
    teacher = limited(courses=[zebedee.course_id, zebedee.third_id], groups=[zebedee.group_id])
    group = f"group={zebedee.group_id}" if operation in _WITH_GROUP else ""
    for query in _FIGURES[operation]:
        status, _, said = asked(teacher, operation, zebedee.path(operation, "&".join(filter(None, (query, group)))))
        assert status == 200
        assert zebedee.id in said


def test_the_others_of_a_group_are_not_shown_to_a_token_for_another_course(zebedee: Zebedee, limited: Limited) -> None:
    path = f"/groups/{zebedee.group_id}"
    assert limited(courses=[zebedee.second_id]).get(path).json()["members"] == []
    zebedee.staff.put(f"/courses/{zebedee.second_id}/enrolments/{zebedee.id}", json={}).raise_for_status()
    assert limited(courses=[zebedee.second_id]).get(path).json()["members"] == [zebedee.id]
