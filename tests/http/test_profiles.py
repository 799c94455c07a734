"""Learner profiles over HTTP: who may read and write them, and how people are found."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from headway import Settings
from headway.app import Headway
from headway.auth import learner_id as id_of
from headway.domain.people import ProfilesMode
from support.running import PREFIX, SECRET, authorization, eventually
from support.school import token_for_courses
from support.serving import served

EMPTY = {"name": None, "email": None, "external_id": None, "locale": None, "time_zone": None}
WHOLE = {
    "name": "Zoë Müller-Łódź",
    "email": "zoe@example.org",
    "external_id": "47/11",
    "locale": "pt-BR",
    "time_zone": "America/Sao_Paulo",
}

Serve = Callable[..., httpx.Client]


@pytest.fixture
def word() -> str:
    """A word that no other test's people have."""
    return f"w{uuid4().hex}"


@pytest.fixture
def path(learner_id: str) -> str:
    """Where the learner's profile is."""
    return f"/learners/{learner_id}/profile"


@pytest.fixture
def serve(database_url: str, connections: httpx.HTTPTransport) -> Iterator[Serve]:
    """Serves Headway with settings of the test's own, and returns an administrator's client."""
    with ExitStack() as services:

        def begin(**settings: Any) -> httpx.Client:
            headway = Headway(Settings(database_url=database_url, jwt_secret=SECRET, **settings))
            base_url = services.enter_context(served(headway.asgi()))
            headers = authorization(str(uuid4()), "learners:admin", "courses:write", "statistics:read")
            return httpx.Client(base_url=base_url + PREFIX, headers=headers, transport=connections, timeout=20)

        yield begin


def found(client: httpx.Client, query: str = "", **parameters: object) -> list[str | None]:
    """The names of the people that are found."""
    given = {"query": query, **{name: str(value) for name, value in parameters.items()}}
    answer = client.get("/learners", params=given)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["learners"]]


def begin(client_of: Callable[..., httpx.Client], learner: str, lesson_path: str) -> None:
    """Let a learner have progress in the lesson's course."""
    assert client_of(learner).put(lesson_path, json={"progress_percentage": 10}).status_code == 200


class TestProfile:
    def test_a_profile_is_read_as_it_was_put(self, admin: httpx.Client, learner: httpx.Client, path: str) -> None:
        assert learner.get(path).json()["code"] == "profile_not_found"
        put = admin.put(path, json=WHOLE)
        assert (put.status_code, put.json()) == (200, WHOLE)
        for client in (admin, learner):
            got = client.get(path)
            assert (got.status_code, got.json(), got.headers["etag"]) == (200, WHOLE, put.headers["etag"])
        assert learner.get(path, headers={"If-None-Match": put.headers["etag"]}).status_code == 304
        assert admin.put(path, json={"name": None}).json() == EMPTY
        assert [admin.delete(path).status_code for _ in range(2)] == [204, 204]
        assert learner.get(path).status_code == 404

    def test_conditions_hold(self, admin: httpx.Client, path: str) -> None:
        etag = admin.put(path, json=WHOLE, headers={"If-None-Match": "*"}).headers["etag"]
        for headers in ({"If-None-Match": "*"}, {"If-Match": '"1"'}):
            assert admin.put(path, json={}, headers=headers).status_code == 412
            assert admin.delete(path, headers=headers).status_code == 412
        assert admin.get(path).headers["etag"] == etag
        changed = admin.put(path, json={"name": "Zoë"}, headers={"If-Match": etag})
        assert changed.headers["etag"] != etag
        assert admin.delete(path, headers={"If-Match": changed.headers["etag"]}).status_code == 204

    @pytest.mark.parametrize(
        ("body", "location", "kind"),
        [
            ({"name": ""}, ["body", "name"], "string_too_short"),
            ({"name": 1}, ["body", "name"], "string_type"),
            ({"name": "x" * 201}, ["body", "name"], "string_too_long"),
            ({"email": "nobody"}, ["body", "email"], "email_parsing"),
            ({"locale": "de_DE"}, ["body", "locale"], "locale_parsing"),
            ({"time_zone": "Mars"}, ["body", "time_zone"], "unknown_time_zone"),
            ({"phone": "1"}, ["body", "phone"], "extra_forbidden"),
            ([], ["body"], "model_type"),
        ],
    )
    def test_a_wrong_field_is_named_and_changes_nothing(
        self, admin: httpx.Client, path: str, body: object, location: list[str], kind: str
    ) -> None:
        admin.put(path, json=WHOLE)
        answer = admin.put(path, json=body)
        assert answer.status_code == 422
        assert [(fault["loc"], fault["type"]) for fault in answer.json()["detail"]] == [(location, kind)]
        assert admin.get(path).json() == WHOLE

    def test_only_an_administrator_writes_and_only_the_learner_reads_too(
        self, admin: httpx.Client, client_of: Callable[..., httpx.Client], learner: httpx.Client, path: str
    ) -> None:
        admin.put(path, json=WHOLE)
        others = [client_of(str(uuid4()), *scopes) for scopes in ((), ("statistics:read",), ("courses:write",))]
        for client in (learner, *others):
            for answer in (client.put(path, json={}), client.delete(path)):
                assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
        for client in others:
            answer = client.get(path)
            assert answer.status_code == 403
            assert "Zo" not in answer.text
        assert learner.get(path).json() == WHOLE

    def test_an_export_holds_the_profile_and_erasing_removes_it(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, path: str, word: str
    ) -> None:
        assert learner.get(f"/learners/{learner_id}/export").json()["profile"] is None
        admin.put(path, json={"name": word})
        assert learner.get(f"/learners/{learner_id}/export").json()["profile"] == EMPTY | {"name": word}
        assert admin.delete(f"/learners/{learner_id}").status_code == 204
        assert admin.get(path).status_code == 404
        assert found(admin, word) == []


class TestFinding:
    @pytest.fixture
    def people(self, admin: httpx.Client, word: str) -> Sequence[str]:
        """Three learners: two with names, one with an e-mail only."""
        learners = [str(uuid4()) for _ in range(3)]
        for learner, profile in zip(
            learners,
            ({"name": f"Olga {word}"}, {"name": f"Ábaco {word}"}, {"email": f"{word}@example.org"}),
            strict=True,
        ):
            assert admin.put(f"/learners/{learner}/profile", json=profile).status_code == 200
        return learners

    def test_people_are_found_by_words_in_the_order_of_names(
        self, admin: httpx.Client, people: Sequence[str], word: str
    ) -> None:
        assert found(admin, word) == [f"Ábaco {word}", f"Olga {word}", None]
        assert found(admin, f"OLG {word[:9].upper()}") == [f"Olga {word}"]
        assert found(admin, f"abaco, {word}") == [f"Ábaco {word}"]
        assert found(admin, f"{word}@example.org") == [None]
        first = admin.get("/learners", params={"query": word, "limit": 2}).json()
        rest = admin.get("/learners", params={"query": word, "limit": 2, "cursor": first["next"]}).json()
        assert rest["next"] is None
        assert [one["user_id"] for one in first["learners"] + rest["learners"]] == [people[1], people[0], people[2]]
        assert rest["learners"] == [{**EMPTY, "email": f"{word}@example.org", "user_id": people[2]}]

    def test_a_learner_is_found_by_id_and_by_sub(
        self, admin: httpx.Client, client_of: Callable[..., httpx.Client], lesson_path: str, word: str
    ) -> None:
        named, without_profile = id_of(word, None), f"{word}-other"
        admin.put(f"/learners/{named}/profile", json={"name": "Olga"})
        begin(client_of, without_profile, lesson_path)
        assert found(admin, word) == found(admin, named) == found(admin, named.upper()) == ["Olga"]
        for query in (without_profile, id_of(without_profile, None)):
            listed = admin.get("/learners", params={"query": query}).json()["learners"]
            assert listed == [{**EMPTY, "user_id": id_of(without_profile, None)}]
        assert found(admin, str(uuid4())) == []

    def test_who_is_found_by_sub_comes_first_and_once(self, admin: httpx.Client, word: str) -> None:
        for subject, name in ((word, f"Zoe {word}"), (f"{word}-1", f"Ada {word}"), (f"{word}-2", f"Bea {word}")):
            admin.put(f"/learners/{id_of(subject, None)}/profile", json={"name": name})
        names: list[str | None] = []
        cursor: str | None = None
        while True:
            parameters = {"query": word, "limit": "1"} | ({"cursor": cursor} if cursor else {})
            page = admin.get("/learners", params=parameters).json()
            names += [one["name"] for one in page["learners"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert names == [f"Zoe {word}", f"Ada {word}", f"Bea {word}"]

    @pytest.mark.parametrize("few", [True, False])
    def test_a_teacher_finds_learners_of_the_tokens_courses_alone(
        self,
        admin: httpx.Client,
        learner: httpx.Client,
        client_of: Callable[..., httpx.Client],
        people: Sequence[str],
        lesson_path: str,
        word: str,
        few: bool,
    ) -> None:
        begin(client_of, people[0], lesson_path)
        course = lesson_path.split("/")[2]
        teacher = client_of(str(uuid4()), "statistics:read")
        limited, elsewhere, nowhere = [
            httpx.Client(
                base_url=teacher.base_url,
                headers=token_for_courses(courses, "statistics:read"),
                transport=teacher._transport,
                timeout=20,
            )
            for courses in ([course], [str(uuid4())], [])
        ]
        query = word if few else ""
        assert found(limited, query) == [f"Olga {word}"]
        assert found(elsewhere, query) == found(nowhere, query) == []
        assert found(limited, people[0]) == [f"Olga {word}"]
        assert found(limited, people[1]) == found(elsewhere, people[0]) == []
        assert found(teacher, word) == found(admin, word)
        for client in (limited, teacher, admin):
            assert found(client, query, course=course) == [f"Olga {word}"]
        for client in (elsewhere, nowhere):
            answer = client.get("/learners", params={"query": word, "course": course})
            assert (answer.status_code, answer.json()["code"]) == (403, "course_not_granted")
        for client in (learner, client_of(str(uuid4()), "courses:write")):
            answer = client.get("/learners", params={"query": word})
            assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")

    @pytest.mark.parametrize(
        ("query", "name"),
        [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("course=1", "course"),
            ("cursor=1", "cursor"),
            ("cursor=WyJ6eiIsICIxIl0", "cursor"),
            ("query=a%20b%20c%20d%20e%20f%20g", "query"),
            (f"query={'x' * 501}", "query"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, admin: httpx.Client, query: str, name: str) -> None:
        answer = admin.get(f"/learners?{query}")
        assert answer.status_code == 422
        assert [fault["loc"] for fault in answer.json()["detail"]] == [["query", name]]


class TestRosters:
    def test_rosters_name_people_sort_by_name_and_find_them(
        self,
        admin: httpx.Client,
        teacher: httpx.Client,
        client_of: Callable[..., httpx.Client],
        course_path: str,
        lesson_path: str,
    ) -> None:
        names = {str(uuid4()): name for name in ("Zebra", "Ábaco", "abanico", "=1+1", None)}
        for learner, name in names.items():
            begin(client_of, learner, lesson_path)
            if name is not None:
                profile = {"name": name, "email": "someone@example.org", "external_id": "7"}
                admin.put(f"/learners/{learner}/profile", json=profile)
        roster = course_path.replace("/progress/", "/statistics/") + "/learners"

        def listed(**parameters: object) -> list[str | None]:
            pages, cursor = [], None
            while True:
                given = {**parameters, "limit": 2} | ({"cursor": cursor} if cursor else {})
                page = teacher.get(roster, params={name: str(value) for name, value in given.items()}).json()
                pages += page["learners"]
                cursor = page["next"]
                if cursor is None:
                    assert {one["user_id"]: one["name"] for one in pages}.items() <= names.items()
                    return [one["name"] for one in pages]

        assert listed(sort="name", order="asc") == ["=1+1", "Ábaco", "abanico", "Zebra", None]
        assert listed(sort="name", order="desc") == ["Zebra", "abanico", "Ábaco", "=1+1", None]
        assert listed(sort="name", order="asc", query="aba") == ["Ábaco", "abanico"]
        assert sorted(map(str, listed(query="someone@ z"))) == ["Zebra"]
        assert listed(query="zebra\0") == ["Zebra"]
        csv = teacher.get(roster, params={"format": "csv", "sort": "name", "order": "asc"}).text.splitlines()
        assert csv[0].startswith("user_id,name,")
        assert csv[0].endswith(",email,external_id,at_lesson")
        assert [line.split(",")[1] for line in csv[1:]] == ["'=1+1", "Ábaco", "abanico", "Zebra", ""]
        assert [line.split(",")[-3:-1] for line in csv[1:]] == [["someone@example.org", "7"]] * 4 + [["", ""]]
        for learner, name in names.items():
            assert teacher.get(f"{roster}/{learner}").json()["name"] == name
        answer = teacher.get(roster, params={"query": "a b c d e f g"})
        assert [fault["loc"] for fault in answer.json()["detail"]] == [["query", "query"]]


class TestSettings:
    def test_off_keeps_and_shows_nothing(self, serve: Serve) -> None:
        learner = str(uuid4())
        path = f"/learners/{learner}/profile"
        on, off = serve(), serve(profiles="off")
        course, lesson = str(uuid4()), str(uuid4())
        on.put(f"/courses/{course}", json={"title": "A course", "lessons": [{"id": lesson, "title": "One"}]})
        on.put(f"/learners/{learner}/progress/{course}/lessons/{lesson}", json={}).raise_for_status()
        on.put(path, json=WHOLE).raise_for_status()
        for answer in (
            off.get(path),
            off.put(path, json={}),
            off.delete(path),
            off.get("/learners"),
            off.get(f"/statistics/{course}/learners", params={"sort": "name"}),
            off.get(f"/statistics/{course}/learners", params={"query": "zoe"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "profiles_off")
        assert [one["name"] for one in off.get(f"/statistics/{course}/learners").json()["learners"]] == [None]
        assert off.get(f"/statistics/{course}/learners/{learner}").json()["name"] is None
        assert off.get(f"/learners/{learner}/export").json()["profile"] == WHOLE
        assert off.delete(f"/learners/{learner}").status_code == 204
        # Another process on the same file may read a snapshot that is 10 ms old.
        eventually(lambda: on.get(path).status_code == 404)
        assert on.get(f"/learners/{learner}/export").json()["profile"] is None

    def test_claims_are_kept_without_asking_and_never_replace_what_was_put(self, serve: Serve) -> None:
        client = serve(profiles="claims")
        learner, named = str(uuid4()), str(uuid4())
        client.put(f"/learners/{named}/profile", json={"name": "Ada Lovelace"}).raise_for_status()
        claims = {"name": "ada99", "email": "ada@example.org", "locale": "en_GB", "zoneinfo": "Mars"}
        for subject in (learner, named):
            assert client.get("/progress", headers=token_with(sub=subject, **claims)).status_code == 200
        eventually(lambda: client.get(f"/learners/{learner}/profile").status_code == 200)
        taken = EMPTY | {"name": "ada99", "email": "ada@example.org", "locale": "en-GB"}
        assert client.get(f"/learners/{learner}/profile").json() == taken
        eventually(lambda: client.get(f"/learners/{named}/profile").json()["email"] is not None)
        assert client.get(f"/learners/{named}/profile").json() == taken | {"name": "Ada Lovelace"}

    @pytest.mark.parametrize("profiles", ["off", "admin"])
    def test_claims_are_not_kept_where_the_operator_does_not_want_them(
        self, database_url: str, profiles: ProfilesMode
    ) -> None:
        headway = Headway(Settings(database_url=database_url, jwt_secret=SECRET, profiles=profiles))
        assert headway.access.on_verified is None
        assert headway.claims_keeper not in headway.jobs._jobs


def token_with(**claims: object) -> dict[str, str]:
    """The header of somebody whose token says more about them."""
    expires = datetime.now(UTC) + timedelta(hours=1)
    return {"Authorization": f"Bearer {jwt.encode({'sub': str(uuid4()), 'exp': expires, **claims}, SECRET, 'HS256')}"}
