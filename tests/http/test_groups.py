"""Groups: who may read and change them, what bad input gets, and the figures of their members."""

import csv
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from headway.auth import learner_id as id_of
from headway.domain.groups import MOST_MEMBERS
from headway.formats.statistics import CourseStatistics
from support.events import Follower
from support.running import course, lesson

EDITOR = "groups:write"


@pytest.fixture
def registrar(client_of: Callable[..., httpx.Client]) -> httpx.Client:
    """A client that may write groups."""
    return client_of(str(uuid4()), EDITOR)


@pytest.fixture
def group_path() -> str:
    """Where a group of the test's own is, which is not there yet."""
    return f"/groups/{uuid4()}"


def group_of(*members: str, title: str = "Class 7b") -> dict[str, Any]:
    return {"title": title, "members": list(members)}


def code_of(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["code"])


def faults_of(answer: httpx.Response) -> list[tuple[list[str | int], str]]:
    assert answer.status_code == 422, answer.text
    return [(fault["loc"], fault["type"]) for fault in answer.json()["detail"]]


class TestReadingAndWriting:
    def test_a_group_has_members_by_id_and_by_name(
        self, registrar: httpx.Client, group_path: str, learner_id: str
    ) -> None:
        put = registrar.put(group_path, json=group_of(learner_id.upper(), "ada@example.org", learner_id))
        assert put.status_code == 200
        found = put.json()
        assert found["members"] == sorted([learner_id, id_of("ada@example.org", None)])
        assert (found["id"], found["title"]) == (group_path.rpartition("/")[2], "Class 7b")
        assert put.headers["etag"] == f'"{found["version"]}"'
        read = registrar.get(group_path)
        assert (read.json(), read.headers["etag"]) == (found, put.headers["etag"])

    def test_an_answer_can_be_put_again_and_changes_nothing(self, registrar: httpx.Client, group_path: str) -> None:
        put = registrar.put(group_path, json=group_of("ada", "grace"))
        again = registrar.put(group_path, json=put.json(), headers={"If-Match": put.headers["etag"]})
        assert (again.status_code, again.content) == (200, put.content)

    def test_a_stale_etag_changes_nothing(self, registrar: httpx.Client, group_path: str) -> None:
        stale = registrar.put(group_path, json=group_of("ada")).headers["etag"]
        present = registrar.put(group_path, json=group_of("grace")).json()
        refused = registrar.put(group_path, json=group_of("tim"), headers={"If-Match": stale})
        assert code_of(refused, 412) == "precondition_failed"
        assert registrar.get(group_path).json() == present

    def test_members_join_and_leave(self, registrar: httpx.Client, group_path: str, learner_id: str) -> None:
        registrar.put(group_path, json=group_of())
        member = f"{group_path}/members/{learner_id}"
        for _ in range(2):
            assert registrar.put(member).status_code == 204
            assert registrar.get(group_path).json()["members"] == [learner_id]
        for _ in range(2):
            assert registrar.delete(member).status_code == 204
            assert registrar.get(group_path).json()["members"] == []

    def test_a_removed_group_is_gone(self, registrar: httpx.Client, group_path: str, learner_id: str) -> None:
        registrar.put(group_path, json=group_of(learner_id))
        assert registrar.delete(group_path).status_code == 204
        member = f"{group_path}/members/{learner_id}"
        for answer in (
            registrar.get(group_path), registrar.delete(group_path), registrar.put(member), registrar.delete(member),
        ):  # fmt: skip
            assert code_of(answer, 404) == "group_not_found"

    def test_groups_are_listed_by_title_with_their_sizes(
        self, client_of: Callable[..., httpx.Client], registrar: httpx.Client
    ) -> None:
        titles = ["B", "Ábaco", "a 10", "a 2"]
        paths = [f"/groups/{uuid4()}" for _ in titles]
        for path, title in zip(paths, titles, strict=True):
            registrar.put(path, json=group_of(*title, title=title)).raise_for_status()
        mine = {path.rpartition("/")[2] for path in paths}
        listed: list[dict[str, Any]] = []
        address = "/groups?limit=2"
        while address:
            answer = registrar.get(address)
            assert len(answer.json()) <= 2
            listed += answer.json()
            address = f"/groups{answer.links['next']['url']}" if "next" in answer.links else ""
        assert [(one["title"], one["members"]) for one in listed if one["id"] in mine] == [
            ("a 2", 3), ("a 10", 4), ("Ábaco", 5), ("B", 1)
        ]  # fmt: skip
        teacher = client_of(str(uuid4()), "statistics:read")
        assert [one for one in teacher.get("/groups").json() if one["id"] in mine] == [
            one for one in listed if one["id"] in mine
        ]

    def test_a_learner_reads_the_titles_of_their_own_groups_alone(
        self, registrar: httpx.Client, learner: httpx.Client, learner_id: str, group_path: str
    ) -> None:
        other_path = f"/groups/{uuid4()}"
        registrar.put(group_path, json=group_of(learner_id, "ada"))
        registrar.put(other_path, json=group_of("ada", title="Class 8"))
        group_id = group_path.rpartition("/")[2]
        assert learner.get("/groups").json() == [{"id": group_id, "title": "Class 7b", "members": None}]
        for path in (group_path, other_path):
            assert code_of(learner.get(path), 403) == "missing_scope"

    def test_an_export_names_the_groups_and_erasing_ends_them(
        self, registrar: httpx.Client, admin: httpx.Client, learner: httpx.Client, learner_id: str, group_path: str
    ) -> None:
        registrar.put(group_path, json=group_of(learner_id))
        exported = learner.get(f"/learners/{learner_id}/export").json()
        assert exported["groups"] == [{"id": group_path.rpartition("/")[2], "title": "Class 7b"}]
        admin.delete(f"/learners/{learner_id}").raise_for_status()
        assert learner.get(f"/learners/{learner_id}/export").json()["groups"] == []
        assert registrar.get(group_path).json()["members"] == []
        assert learner.get("/groups").json() == []


class TestRefusals:
    def test_a_group_is_written_with_its_scope_only(
        self, client_of: Callable[..., httpx.Client], registrar: httpx.Client, group_path: str, learner_id: str
    ) -> None:
        registrar.put(group_path, json=group_of("ada"))
        before = registrar.get(group_path).json()
        for client in (client_of(learner_id), client_of(learner_id, "statistics:read", "learners:admin")):
            for answer in (
                client.put(group_path, json=group_of(learner_id)),
                client.delete(group_path),
                client.put(f"{group_path}/members/{learner_id}"),
                client.delete(f"{group_path}/members/{id_of('ada', None)}"),
            ):
                assert code_of(answer, 403) == "missing_scope"
                assert EDITOR in answer.json()["detail"]
        assert registrar.get(group_path).json() == before

    @pytest.mark.parametrize(
        ("body", "location", "kind"),
        [
            ({"members": []}, ["body", "title"], "missing"),
            ({"title": "A class"}, ["body", "members"], "missing"),
            (group_of(title=""), ["body", "title"], "string_too_short"),
            (group_of(title=" \u200b"), ["body", "title"], "string_pattern_mismatch"),
            (group_of(title="x" * 201), ["body", "title"], "string_too_long"),
            (group_of("ada", ""), ["body", "members", 1], "string_too_short"),
            (group_of("x" * 256), ["body", "members", 0], "string_too_long"),
            (group_of() | {"members": "ada"}, ["body", "members"], "list_type"),
            (group_of() | {"members": [7]}, ["body", "members", 0], "string_type"),
            (group_of() | {"colour": "red"}, ["body", "colour"], "extra_forbidden"),
            (group_of() | {"id": str(uuid4())}, ["body", "id"], "id_mismatch"),
            (group_of(*map(str, range(MOST_MEMBERS + 1))), ["body", "members"], "too_long"),
        ],
    )
    def test_a_wrong_document_is_refused_and_nothing_changes(
        self, registrar: httpx.Client, group_path: str, body: Any, location: list[str | int], kind: str
    ) -> None:
        before = registrar.put(group_path, json=group_of("ada")).json()
        assert faults_of(registrar.put(group_path, json=body)) == [(location, kind)]
        assert registrar.get(group_path).json() == before

    def test_one_member_too_many_is_refused(self, registrar: httpx.Client, group_path: str, learner_id: str) -> None:
        full = registrar.put(group_path, json=group_of(*map(str, range(MOST_MEMBERS))))
        assert len(full.json()["members"]) == MOST_MEMBERS
        refused = registrar.put(f"{group_path}/members/{learner_id}")
        assert faults_of(refused) == [(["body", "members"], "too_many_members")]

    @pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=W10"])
    def test_a_wrong_page_is_refused(self, registrar: httpx.Client, query: str) -> None:
        [(location, _)] = faults_of(registrar.get(f"/groups?{query}"))
        assert location == ["query", query.partition("=")[0]]

    @pytest.mark.parametrize("below", ["", "/stream", "/activity", "/learners", "/learners?format=csv"])
    def test_an_unknown_group_is_named(self, teacher: httpx.Client, course_path: str, below: str) -> None:
        path = course_path.replace("/progress/", "/statistics/") + below
        unknown = str(uuid4())
        refused = teacher.get(path, params={**httpx.URL(path).params, "group": unknown})
        assert code_of(refused, 404) == "group_not_found"
        assert unknown in refused.json()["detail"]
        assert faults_of(teacher.get(path, params={"group": "none"})) == [(["query", "group"], "uuid_parsing")]


class Class:
    """A course, a group of two of its learners, and the two who are in no group."""

    def __init__(self, registrar: httpx.Client, author: httpx.Client, client_of: Callable[..., httpx.Client]) -> None:
        self.document = course(lesson(), lesson(kind="quiz"))
        self.course_id, self.group_id = str(uuid4()), str(uuid4())
        author.put(f"/courses/{self.course_id}", json=self.document).raise_for_status()
        self.members, self.others = [str(uuid4()) for _ in range(2)], [str(uuid4()) for _ in range(2)]
        registrar.put(f"/groups/{self.group_id}", json=group_of(*self.members, "not yet")).raise_for_status()
        first, second = (one["id"] for one in self.document["lessons"])
        for number, learner in enumerate([*self.members, *self.others]):
            client = client_of(learner)
            progress = f"/progress/{self.course_id}/lessons"
            client.put(f"{progress}/{first}", json={"status": "completed", "time_spent_minutes": number + 1})
            client.put(f"{progress}/{second}", json={"quiz_score": 60 + 10 * number, "quiz_attempts": 1})

    @property
    def path(self) -> str:
        return f"/statistics/{self.course_id}"


@pytest.fixture
def school_class(registrar: httpx.Client, author: httpx.Client, client_of: Callable[..., httpx.Client]) -> Class:
    return Class(registrar, author, client_of)


class TestFigures:
    def test_the_figures_are_those_of_the_members(self, teacher: httpx.Client, school_class: Class) -> None:
        whole = teacher.get(school_class.path).json()
        among = teacher.get(school_class.path, params={"group": school_class.group_id}).json()
        assert (whole["learners"], among["learners"]) == (4, 2)
        assert (whole["total_time_spent_minutes"], among["total_time_spent_minutes"]) == (10, 3)
        assert among["active_last_7_days"] == among["active_last_30_days"] == 2
        _, scores = among["lessons"]
        assert scores["score_distribution"] == [{"score": 60, "learners": 1}, {"score": 70, "learners": 1}]
        assert (scores["median_score"], scores["mean_score"]) == (65, 65)
        assert list(among) == list(CourseStatistics.model_fields)

    def test_the_list_of_all_courses_has_the_figures_of_the_members(
        self,
        author: httpx.Client,
        school_class: Class,
        client_of: Callable[..., httpx.Client],
        limited: Callable[..., httpx.Client],
    ) -> None:
        second_id, without_members = str(uuid4()), str(uuid4())
        for course_id, title in ((second_id, "B course"), (without_members, "C course")):
            author.put(f"/courses/{course_id}", json=school_class.document | {"title": title}).raise_for_status()
        client_of(school_class.members[1]).put(
            f"/progress/{second_id}/lessons/{school_class.document['lessons'][0]['id']}", json={"status": "completed"}
        ).raise_for_status()
        teacher = limited(courses=[school_class.course_id, second_id, without_members])
        group = {"group": school_class.group_id}
        lines = teacher.get("/statistics", params=group).json()
        assert [(one["course_id"], one["learners"], one["enrolled"]) for one in lines] == [
            (school_class.course_id, 2, 2), (second_id, 1, 1), (without_members, 0, 0)
        ]  # fmt: skip
        for line in lines:
            whole = teacher.get(f"/statistics/{line['course_id']}", params=group).json()
            assert line == {name: whole[name] for name in line}
        found, address = [], f"?limit=2&group={school_class.group_id}"
        while address:
            page = teacher.get(f"/statistics{address}")
            found += page.json()
            address = page.links.get("next", {}).get("url", "")
        assert found == lines
        unknown = teacher.get("/statistics", params={"group": str(uuid4())})
        assert code_of(unknown, 404) == "group_not_found"
        assert faults_of(teacher.get("/statistics?group=none")) == [(["query", "group"], "uuid_parsing")]

    def test_the_activity_is_that_of_the_members(self, teacher: httpx.Client, school_class: Class) -> None:
        days = teacher.get(f"{school_class.path}/activity", params={"group": school_class.group_id}).json()["days"]
        assert (len(days), sum(day["active_learners"] for day in days)) == (30, 2)
        sums = [sum(day[name] for day in days) for name in ("lessons_completed", "time_spent_minutes")]
        assert sums == [2, 3]

    def test_the_roster_has_the_members_only(self, teacher: httpx.Client, school_class: Class) -> None:
        address = {"group": school_class.group_id, "limit": "1"}
        found = []
        while True:
            page = teacher.get(f"{school_class.path}/learners", params=address).json()
            found += [line["user_id"] for line in page["learners"]]
            if page["next"] is None:
                break
            address["cursor"] = page["next"]
        assert sorted(found) == sorted(school_class.members)

    @pytest.mark.parametrize("form", ["csv", "parquet"])
    def test_a_roster_in_a_file_has_the_members_only(
        self, teacher: httpx.Client, school_class: Class, form: str
    ) -> None:
        query = {"group": school_class.group_id, "format": form}
        answer = teacher.get(f"{school_class.path}/learners", params=query)
        assert answer.status_code == 200
        assert sorted(learners_in(answer, form)) == sorted(school_class.members)

    def test_the_stream_has_the_figures_of_the_members(self, teacher: httpx.Client, school_class: Class) -> None:
        among = teacher.get(school_class.path, params={"group": school_class.group_id}).json()
        whole = teacher.get(school_class.path).json()
        for query, figures in (({"group": school_class.group_id}, among), ({}, whole)):
            with teacher.stream("GET", f"{school_class.path}/stream", params=query) as stream:
                event = Follower(stream).next_event()
                assert event is not None
                assert event.data == figures

    def test_groups_are_compared_in_a_course(
        self, teacher: httpx.Client, registrar: httpx.Client, school_class: Class
    ) -> None:
        other_id = str(uuid4())
        registrar.put(f"/groups/{other_id}", json=group_of(*school_class.others, title="The others"))
        groups = [other_id, school_class.group_id, other_id]
        entries = teacher.get(f"{school_class.path}/compare", params={"group": groups}).json()
        assert [entry.pop("group") for entry in entries] == [
            {"id": other_id, "title": "The others"}, {"id": school_class.group_id, "title": "Class 7b"}
        ]  # fmt: skip
        for entry, group_id in zip(entries, groups, strict=False):
            assert entry == teacher.get(school_class.path, params={"group": group_id}).json()

    @pytest.mark.parametrize("of_a_group", [False, True])
    def test_courses_are_compared(
        self, teacher: httpx.Client, author: httpx.Client, school_class: Class, of_a_group: bool
    ) -> None:
        other_id = str(uuid4())
        author.put(f"/courses/{other_id}", json=course()).raise_for_status()
        group = {"group": school_class.group_id} if of_a_group else {}
        query = group | {"course": [school_class.course_id, other_id]}
        entries = teacher.get(f"{school_class.path}/compare", params=query).json()
        assert [entry["course_id"] for entry in entries] == [school_class.course_id, other_id]
        for entry in entries:
            named = entry.pop("group")
            assert named == ({"id": school_class.group_id, "title": "Class 7b"} if of_a_group else None)
            assert entry == teacher.get(f"/statistics/{entry['course_id']}", params=group).json()

    @pytest.mark.parametrize(
        ("groups", "courses", "fault"),
        [
            (0, 0, (["query", "group"], "nothing_compared")),
            (1, 0, (["query", "group"], "nothing_compared")),
            (0, 10, (["query", "group"], "nothing_compared")),
            (2, 1, (["query", "course"], "too_many_compared")),
            (11, 0, (["query", "group"], "too_long")),
            (0, 11, (["query", "course"], "too_long")),
        ],
    )
    def test_too_few_or_too_many_are_not_compared(
        self, teacher: httpx.Client, course_path: str, groups: int, courses: int, fault: tuple[list[str], str]
    ) -> None:
        path = course_path.replace("/progress/", "/statistics/")
        query = {"group": [str(uuid4()) for _ in range(groups)], "course": [str(uuid4()) for _ in range(courses)]}
        assert faults_of(teacher.get(f"{path}/compare", params=query)) == [fault]


def learners_in(answer: httpx.Response, form: str) -> Iterator[str]:
    """The learners in a roster's file."""
    if form == "csv":
        yield from (line["user_id"] for line in csv.DictReader(answer.text.splitlines()))
        return
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    yield from parquet.read_table(arrow.BufferReader(answer.content))["user_id"].to_pylist()
