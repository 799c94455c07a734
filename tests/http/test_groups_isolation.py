"""A token that names groups is told of their members only, by every operation that tells anything of learners."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import pytest

from headway.domain.attention import Reason
from headway.domain.principal import EVENTS_READ, LEARNERS_ADMIN, STATISTICS_READ, WEBHOOKS_WRITE
from headway.http.api.routes import OPERATIONS
from headway.http.engine.endpoint import Operation
from support.events import Follower
from support.running import PREFIX, Running, course, lesson
from support.school import limited_token

# What a token may always ask for: the progress of its own learner, and the catalogue.
_OF_ONESELF_OR_NOBODY: Final = ("/progress", "/courses", "/enrolments", "/completions", "/schemas")
# Events have tests of their own (test_events.py).
OF_OTHERS: Final = [
    one
    for one in OPERATIONS
    if one.scope == STATISTICS_READ
    or (
        one.method == "GET"
        and not one.is_public
        and one.scope not in {LEARNERS_ADMIN, EVENTS_READ, WEBHOOKS_WRITE}
        and not one.path.startswith(_OF_ONESELF_OR_NOBODY)
    )
]
TAKES_A_GROUP: Final = {
    "Get Course Statistics", "Compare Course Statistics", "Stream Course Statistics", "Get Course Activity",
    "Get Course Grid",
    "List Course Learners", "List Statistics", "List Silent Launches",
}  # fmt: skip
"""Operations that need `group=` from such a token."""
TAKES_NO_GROUP: Final = {
    "Get Course Learner", "List Groups", "Get Group", "Find People", "Count Attention", "List Attention",
}  # fmt: skip
"""Operations with a test of their own below."""


class Town:
    """A course with three learners: one in the group that the token names, one in another group, one in none."""

    def __init__(self, author: httpx.Client, registrar: httpx.Client, client_of: Callable[..., httpx.Client]) -> None:
        self.document = course(lesson(), lesson(kind="quiz"))
        self.course_id, self.group_id, self.other_id = (str(uuid4()) for _ in range(3))
        self.second_id = str(uuid4())  # a course to compare with
        for course_id, document in ((self.course_id, self.document), (self.second_id, course())):
            author.put(f"/courses/{course_id}", json=document).raise_for_status()
        self.member, self.neighbour, self.stranger = (str(uuid4()) for _ in range(3))
        for group_id, learner in ((self.group_id, self.member), (self.other_id, self.neighbour)):
            registrar.put(f"/groups/{group_id}", json={"title": f"Of {group_id}", "members": [learner]})
        self._client_of = client_of
        for learner in (self.member, *self.others):
            self.work(learner, 10)

    @property
    def others(self) -> tuple[str, str]:
        return self.neighbour, self.stranger

    def work(self, learner: str, score: int) -> None:
        """A learner goes on."""
        client = self._client_of(learner)
        for one in self.document["lessons"]:
            written = {"quiz_score": score, "quiz_attempts": score, "time_spent_minutes": score}
            path = f"/progress/{self.course_id}/lessons/{one['id']}"
            client.put(path, json=written | {"is_bookmarked": score % 20 > 0}).raise_for_status()
        self._open_silently(learner, self.document["lessons"][int(score > 10)]["id"])

    def _open_silently(self, learner: str, lesson_id: str) -> None:
        """A learner has opened a lesson's content long ago, which has reported nothing."""
        state = {
            "course_id": self.course_id, "lesson_id": lesson_id, "run": 1, "opened_at": "2020-01-01T00:00:00Z",
            "reported_at": None, "time_spent_seconds": 0, "attempts": 0, "is_counted": False, "is_over": False,
            "made_at": None, "scorm": None, "cmi": None,
        }  # fmt: skip
        export = {"user_id": learner, "lesson_progress": [], "content_states": [state]}
        self._client_of(str(uuid4()), "learners:admin").post("/progress/import", json=export).raise_for_status()

    def address(self, operation: Operation, **query: str) -> str:
        """Where an operation of the course is."""
        query |= {"course": self.second_id} if operation.title.startswith("Compare") else {}
        return f"{operation.path.format(course_id=self.course_id)}?{urlencode(query)}"


@pytest.fixture
def town(author: httpx.Client, client_of: Callable[..., httpx.Client]) -> Town:
    return Town(author, client_of(str(uuid4()), "groups:write"), client_of)


@pytest.fixture
def tutor(town: Town, limited: Callable[..., httpx.Client]) -> httpx.Client:
    """One whose token names the group."""
    return limited(groups=[town.group_id])


with_a_group = pytest.mark.parametrize(
    "operation", [one for one in OF_OTHERS if one.title in TAKES_A_GROUP], ids=lambda one: one.title
)


def check_refusal(answer: httpx.Response, *said: str) -> None:
    answer.read()
    assert (answer.status_code, answer.json()["code"]) == (403, "group_not_granted"), answer.text
    for text in ("'groups'", *said):
        assert text in answer.json()["detail"]
        assert text in answer.headers["www-authenticate"]


def answer_to(client: httpx.Client, path: str) -> str:
    """What an operation answers. A stream has to come to the figures that are answered without a stream."""
    if "/stream" not in path:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text
    figures = client.get(path.replace("/stream", "")).json()
    with client.stream("GET", path) as stream:
        assert stream.status_code == 200
        return str(Follower(stream).until(**figures))


def test_every_operation_that_tells_of_others_is_considered() -> None:
    """Add a new operation to one of the two, and show here what it tells a token that names groups."""
    assert {one.title for one in OF_OTHERS} == TAKES_A_GROUP | TAKES_NO_GROUP


@with_a_group
@pytest.mark.parametrize("more", [{}, {"format": "csv"}], ids=["json", "csv"])
def test_without_a_group_or_with_another_one_it_is_refused(
    town: Town, tutor: httpx.Client, operation: Operation, more: dict[str, str]
) -> None:
    check_refusal(tutor.get(town.address(operation, **more)), "Add group=")
    for group_id in (town.other_id, str(uuid4())):
        check_refusal(tutor.get(town.address(operation, group=group_id, **more)), group_id)


def test_a_roster_as_parquet_is_refused_without_the_group(town: Town, tutor: httpx.Client) -> None:
    path = f"/statistics/{town.course_id}/learners"
    check_refusal(tutor.get(path, params={"format": "parquet"}), "Add group=")
    check_refusal(tutor.get(path, params={"format": "parquet", "group": town.other_id}), town.other_id)


def test_a_comparison_with_another_group_is_refused(town: Town, tutor: httpx.Client) -> None:
    for groups in ([town.group_id, town.other_id], [town.other_id, town.group_id]):
        refused = tutor.get(f"/statistics/{town.course_id}/compare", params={"group": groups})
        check_refusal(refused, town.other_id)


@with_a_group
@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_is_told_does_not_depend_on_others(
    town: Town, tutor: httpx.Client, operation: Operation, form: str
) -> None:
    path = town.address(operation, group=town.group_id, format=form)
    before = answer_to(tutor, path)
    for learner in town.others:
        assert learner not in before
        town.work(learner, 90)
    assert answer_to(tutor, path) == before
    town.work(town.member, 50)
    assert answer_to(tutor, path) != before


def test_one_learner_is_shown_where_the_learner_is_a_member(town: Town, tutor: httpx.Client) -> None:
    path = f"/statistics/{town.course_id}/learners"
    assert tutor.get(f"{path}/{town.member}").json()["user_id"] == town.member
    for learner in (*town.others, str(uuid4())):
        check_refusal(tutor.get(f"{path}/{learner}"), "no group that this learner is in")


def test_groups_that_the_token_names_are_shown(town: Town, tutor: httpx.Client) -> None:
    assert [one["id"] for one in tutor.get("/groups").json()] == [town.group_id]
    assert tutor.get(f"/groups/{town.group_id}").json()["members"] == [town.member]
    check_refusal(tutor.get(f"/groups/{town.other_id}"), town.other_id)


@pytest.mark.parametrize("reason", Reason)
def test_only_members_need_attention(
    town: Town, tutor: httpx.Client, client_of: Callable[..., httpx.Client], reason: Reason
) -> None:
    quiz = town.document["lessons"][1]["id"]
    registrar = client_of(str(uuid4()), "enrolments:write")
    for learner in (town.member, *town.others):
        registrar.put(f"/courses/{town.course_id}/enrolments/{learner}", json={"due_at": "2001-01-01T00:00:00Z"})
        registrar.put(f"/courses/{town.second_id}/enrolments/{learner}", json={})
        failed = {"status": "in_progress", "quiz_attempts": 20, "quiz_score": 10}
        client_of(learner).put(f"/progress/{town.course_id}/lessons/{quiz}", json=failed).raise_for_status()
    path = f"/statistics/attention/{reason}"
    who = set() if reason is Reason.INACTIVE else {town.member}
    for query in ({}, {"group": town.group_id}):
        found = tutor.get(path, params=query).json()["learners"]
        assert {one["user_id"] for one in found} == who
        assert tutor.get("/statistics/attention", params=query).json()[reason.value]["count"] == len(found)
        assert not any(learner in tutor.get(path, params=query | {"format": "csv"}).text for learner in town.others)
    for asked in (path, "/statistics/attention"):
        check_refusal(tutor.get(asked, params={"group": town.other_id}), town.other_id)


@pytest.mark.parametrize("claim", [[], "", "none", None])
def test_a_claim_without_a_group_grants_nobody(town: Town, limited: Callable[..., httpx.Client], claim: object) -> None:
    nobody = limited(groups=claim)
    assert nobody.get("/groups").json() == []
    for learner in (town.member, *town.others):
        check_refusal(nobody.get(f"/statistics/{town.course_id}/learners/{learner}"))
    for path in ("/statistics/attention", "/statistics/attention/late"):
        check_refusal(nobody.get(path))
    for path in ("", "/activity", "/learners", "/stream"):
        for query in ({}, {"group": town.group_id}):
            check_refusal(nobody.get(f"/statistics/{town.course_id}{path}", params=query))


@with_a_group
def test_both_claims_limit_to_the_members_in_the_courses(
    town: Town, limited: Callable[..., httpx.Client], operation: Operation
) -> None:
    path = town.address(operation, group=town.group_id)
    for courses in ([], [town.second_id]):
        answer = limited(groups=[town.group_id], courses=courses).get(path)
        if operation.title == "List Statistics":
            assert [(one["course_id"], one["learners"]) for one in answer.json()] == [(one, 0) for one in courses]
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "course_not_granted")
    both = limited(groups=[town.group_id], courses=[town.course_id, town.second_id])
    check_refusal(both.get(town.address(operation, group=town.other_id)), town.other_id)
    assert answer_to(both, path)


def test_the_claims_limit_no_other_scope_and_not_the_learners_own_progress(
    running: Running, connections: httpx.HTTPTransport, town: Town
) -> None:
    headers = limited_token("groups:write", groups=[])
    client = httpx.Client(base_url=running.base_url + PREFIX, headers=headers, transport=connections, timeout=20)
    assert client.get("/progress").json() == []
    assert client.get(f"/groups/{town.other_id}").json()["members"] == [town.neighbour]


def test_people_are_found_among_the_members_only(
    town: Town, tutor: httpx.Client, limited: Callable[..., httpx.Client], admin: httpx.Client
) -> None:
    everybody = {learner: f"Person {uuid4()}" for learner in (town.member, *town.others)}
    for learner, name in everybody.items():
        admin.put(f"/learners/{learner}/profile", json={"name": name}).raise_for_status()
    for query in ("", "?query=person", f"?query={town.member}", f"?course={town.course_id}"):
        check_refusal(tutor.get(f"/learners{query}"), "Add group=")
    check_refusal(tutor.get("/learners", params={"group": town.other_id}), town.other_id)
    for query in ("", "person", town.member):
        found = tutor.get("/learners", params={"group": town.group_id, "query": query}).json()["learners"]
        assert [one["user_id"] for one in found] == [town.member]
    for stranger in town.others:
        asked = {"group": town.group_id, "query": stranger}
        assert tutor.get("/learners", params=asked).json()["learners"] == []
    elsewhere = limited(groups=[town.group_id], courses=[town.second_id])
    assert elsewhere.get("/learners", params={"group": town.group_id}).json()["learners"] == []
