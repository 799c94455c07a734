"""Bad input gets a status and a body in one of two forms, and nothing is stored."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from headway.http.api.routes import OPERATIONS
from headway.http.engine.endpoint import Operation
from headway.http.engine.errors import CODES_OF_NO_CLASS, codes_of
from support.program import forked_headway_serve
from support.running import PATIENCE, PREFIX, SECRET, Running, authorization, course, lesson, token

KIB = 1024
BODY_LIMIT = 64 * KIB
COURSE_BODY_LIMIT = 1024 * KIB
METADATA_LIMIT = 16 * KIB
FAULT_FIELDS = ["loc", "msg", "type", "input", "ctx"]

HOUR = timedelta(hours=1)
NUMBERS = ("progress_percentage", "video_position_seconds", "quiz_score", "quiz_attempts", "time_spent_minutes")
FIELDS = ("status", *NUMBERS, "quiz_passed", "user_notes", "is_bookmarked", "metadata")

Stored = Callable[[], list[bytes]]


@contextmanager
def connected(running: Running) -> Iterator[socket.socket]:
    """Yield a connection for HTTP that the test writes itself."""
    host, _, port = running.base_url.removeprefix("http://").rpartition(":")
    with closing(socket.create_connection((host, int(port)), timeout=20)) as connection:
        yield connection


def _faults(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the faults of a refusal, and check that it has the reference's shape."""
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/json"), answer.text
    assert list(answer.json()) == ["detail"]
    faults: list[dict[str, Any]] = answer.json()["detail"]
    assert faults
    for fault in faults:
        assert list(fault) == FAULT_FIELDS
        assert [type(fault[name]) for name in ("loc", "msg", "type", "ctx")] == [list, str, str, dict]
    return faults


def _positions(answer: httpx.Response) -> list[list[str | int]]:
    return [fault["loc"] for fault in _faults(answer)]


def _sentence(answer: httpx.Response, status: int) -> str:
    """Return the text of a refusal in the other shape, and check that it is one sentence or two."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    assert list(answer.json()) == ["detail", "code"]
    assert answer.json()["code"] in (*codes_of(status), CODES_OF_NO_CLASS.get(status))
    sentence = answer.json()["detail"]
    assert isinstance(sentence, str)
    assert sentence
    return sentence


def _nested(depth: int) -> dict[str, Any]:
    """Metadata of so many levels, objects and lists in turn, itself the first."""
    value: Any = {} if depth % 2 else []
    for level in range(depth - 1, 0, -1):
        value = {"a": value} if level % 2 else [value]
    return {"metadata": value}


def _metadata_of(size: int) -> dict[str, Any]:
    """Metadata that takes so many bytes as JSON."""
    return {"metadata": {"a": "x" * (size - len('{"a":""}'))}}


@pytest.fixture
def stored(learner: httpx.Client, course_path: str, lesson_path: str) -> Stored:
    """Answers, as bytes, all that is stored for the learner, who has progress in one lesson."""
    learner.put(lesson_path, json={"progress_percentage": 20, "user_notes": "Here.", "metadata": {"a": 1}})
    return lambda: [learner.get(path).content for path in (course_path, lesson_path, "/progress")]


class TestTokens:
    @staticmethod
    def _signed(claims: dict[str, Any], key: Any = SECRET, algorithm: str = "HS256") -> str:
        return jwt.encode(claims, key, algorithm)

    @staticmethod
    def _unsigned(claims: dict[str, Any]) -> str:
        parts = ({"alg": "none", "typ": "JWT"}, claims)
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        return ".".join([*encoded, ""])

    def _bad_headers(self, learner_id: str) -> dict[str, str]:
        """Headers that name the learner and have to be refused, by what is wrong with them."""
        claims = {"sub": learner_id, "exp": int((datetime.now(UTC) + HOUR).timestamp())}
        good = token(learner_id)
        return {
            "malformed": "Bearer not-a-token",
            "expired": f"Bearer {token(learner_id, lifetime=-HOUR)}",
            "signed with another secret": f"Bearer {token(learner_id, secret='another secret, just as long as that')}",
            "signature cut off": f"Bearer {good.rpartition('.')[0]}.",
            "signature of another token": f"Bearer {good.rpartition('.')[0]}.{token('another').rpartition('.')[2]}",
            "unsigned": f"Bearer {self._unsigned(claims)}",
            "another algorithm": f"Bearer {self._signed(claims, SECRET * 2, 'HS512')}",
            "never expiring": f"Bearer {self._signed({'sub': learner_id})}",
            "not valid yet": f"Bearer {self._signed(claims | {'nbf': claims['exp']})}",
            "of nobody": f"Bearer {self._signed({'exp': claims['exp']})}",
            "two tokens": f"Bearer {good} {good}",
        }

    def test_no_token_is_refused_by_every_operation(
        self, visitor: httpx.Client, course_path: str, lesson_path: str
    ) -> None:
        paths = visitor.get("/openapi.json").json()["paths"]
        lesson_id = lesson_path.rpartition("/")[2]
        ids = {"course_id": course_path.split("/")[2], "run": "1", "delivery_id": "1", "reason": "late", "launch": "x"}
        ids |= dict.fromkeys(("lesson_id", "user_id", "group_id", "webhook_id"), lesson_id)
        needing = [(method, path) for path in paths for method in paths[path] if "security" in paths[path][method]]
        answers = [visitor.request(method, path.format(**ids)) for method, path in needing]
        assert len(answers) == len([one for one in OPERATIONS if not one.is_public]) > 10
        for answer in answers:
            assert _sentence(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"

    @pytest.mark.parametrize("authorization", ["", "Bearer", "Basic dTpw", "Token abc"])
    def test_another_authorization_scheme_is_refused(
        self, visitor: httpx.Client, lesson_path: str, authorization: str
    ) -> None:
        answer = visitor.put(PREFIX + lesson_path, json={}, headers={"Authorization": authorization})
        assert _sentence(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"

    def test_a_token_that_does_not_verify_is_refused_and_nothing_is_stored(
        self, visitor: httpx.Client, course_path: str, lesson_path: str
    ) -> None:
        learner_id = str(uuid4())
        for fault, header in self._bad_headers(learner_id).items():
            answer = visitor.put(PREFIX + lesson_path, json={}, headers={"Authorization": header})
            assert _sentence(answer, 401), fault
            challenge = answer.headers["www-authenticate"]
            assert challenge.startswith('Bearer error="invalid_token", error_description="'), fault
            assert header.removeprefix("Bearer ") not in answer.text + challenge, fault
        own = visitor.get(PREFIX + course_path, headers=authorization(learner_id))
        assert (own.status_code, own.json()) == (200, [])

    def test_the_scheme_may_be_written_in_any_letter_case(self, visitor: httpx.Client, course_path: str) -> None:
        header = authorization(str(uuid4()))["Authorization"].replace("Bearer", "bEARER")
        assert visitor.get(PREFIX + course_path, headers={"Authorization": header}).status_code == 200

    @pytest.mark.slow
    def test_issuer_audience_and_key_type_are_checked_if_configured(
        self, folder: Path, connections: httpx.HTTPTransport
    ) -> None:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        configured = {"jwt_secret": "", "jwt_public_key": public, "jwt_issuer": "us", "jwt_audience": "headway"}
        claims = {"sub": "ana", "exp": int((datetime.now(UTC) + HOUR).timestamp()), "iss": "us", "aud": "headway"}
        header, body, _ = self._signed(claims).split(".")
        of_public_key = jwt.get_algorithm_by_name("HS256").sign(f"{header}.{body}".encode(), public.encode())
        encoded = base64.urlsafe_b64encode(of_public_key).rstrip(b"=").decode()
        refused = [
            self._signed(claims | {"iss": "them"}, private, "EdDSA"),
            self._signed(claims | {"aud": "others"}, private, "EdDSA"),
            self._signed({name: claims[name] for name in ("sub", "exp")}, private, "EdDSA"),
            self._signed(claims),
            f"{header}.{body}.{encoded}",
        ]
        with forked_headway_serve(folder, **configured) as service:
            visitor = httpx.Client(base_url=service.base_url + PREFIX, transport=connections, timeout=PATIENCE)
            tokens = [*refused, self._signed(claims, private, "EdDSA")]
            answers = [visitor.get("/progress", headers={"Authorization": f"Bearer {one}"}) for one in tokens]
        assert [answer.status_code for answer in answers] == [401] * len(refused) + [200]


class TestScopes:
    @pytest.mark.parametrize("scopes", [(), ("courses:read",), ("courses", "write")], ids=["none", "another", "parts"])
    def test_a_missing_scope_is_named_and_nothing_changes(
        self, visitor: httpx.Client, catalogued_path: str, scopes: tuple[str, ...]
    ) -> None:
        headers = authorization(str(uuid4()), *scopes)
        before = visitor.get(PREFIX + catalogued_path, headers=headers).content
        answers = [
            visitor.put(PREFIX + catalogued_path, json=course(), headers=headers),
            visitor.put(PREFIX + catalogued_path, content=b"no JSON", headers=headers),
            visitor.put(f"{PREFIX}/courses/{uuid4()}", json=course(), headers=headers),
            visitor.delete(PREFIX + catalogued_path, headers=headers),
        ]
        for answer in answers:
            assert "courses:write" in _sentence(answer, 403)
            assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="courses:write"'
        assert visitor.get(PREFIX + catalogued_path, headers=headers).content == before

    @pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.scope], ids=lambda one: one.title)
    def test_the_scope_is_checked_before_the_rest_of_the_request(self, running: Running, operation: Operation) -> None:
        assert 403 in operation.refusals
        path = operation.path.replace("{user_id}", str(uuid4()))
        for name in operation.parameters:
            given = {"run": "1", "delivery_id": "1", "reason": "late"}.get(name, str(uuid4()))
            path = path.replace(f"{{{name}}}", given if operation.waived_for_oneself else "none")
        lines = (
            f"{operation.method} {PREFIX}{path}?dry_run=7&explain=7&limit=0 HTTP/1.1",
            *("Host: test", f"Authorization: Bearer {token(str(uuid4()), 'nothing:at-all')}"),
            *("Content-Type: text/plain", "Content-Length: 1000000000", "If-Match: none"),
        )
        with connected(running) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert f'scope="{operation.scope}"'.encode() in answer

    @pytest.mark.parametrize(
        "operation", [one for one in OPERATIONS if one.is_limited_to_courses], ids=lambda one: one.title
    )
    def test_the_claim_courses_is_checked_before_the_query(self, visitor: httpx.Client, operation: Operation) -> None:
        path = operation.path.replace("{course_id}", str(uuid4())).replace("{user_id}", str(uuid4()))
        exp = int((datetime.now(UTC) + HOUR).timestamp())
        claims = {"sub": "ada", "exp": exp, "scope": "statistics:read", "courses": []}
        headers = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
        answer = visitor.get(f"{PREFIX}{path}?limit=0&from=x&explain=7", headers=headers)
        assert "courses" in _sentence(answer, 403)

    def test_the_document_names_each_scope(self, visitor: httpx.Client) -> None:
        paths = visitor.get("/openapi.json").json()["paths"]
        for one in OPERATIONS:
            described = paths[PREFIX + one.path][one.method.lower()]
            assert ("security" in described) is not one.is_public
            [requirement] = described.get("security", [{"HTTPBearer": []}])
            named = one.scope is not None and one.or_scope is None and not one.waived_for_oneself
            assert requirement == {"HTTPBearer": [one.scope] if named else []}


class TestCodes:
    def test_refusals_outside_operations_have_codes(self, visitor: httpx.Client, course_path: str) -> None:
        answers = {
            "unknown_path": [visitor.get(PREFIX + "/none"), visitor.get("/none"), visitor.post(PREFIX)],
            "method_not_allowed": [
                visitor.patch(PREFIX + course_path), visitor.post("/healthz"), visitor.delete("/openapi.json"),
            ],
        }  # fmt: skip
        for code, refused in answers.items():
            for answer in refused:
                assert _sentence(answer, 404 if code == "unknown_path" else 405)
                assert answer.json()["code"] == code
                assert code == "unknown_path" or answer.headers["allow"]

    def test_a_head_too_large_has_a_code(self, running: Running) -> None:
        with connected(running) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx-long: " + b"x" * 65_537)
            assert connection.recv(65_536).endswith(b'"code":"head_too_large"}')


class TestPaths:
    @pytest.mark.parametrize(
        "text", ["1", "none", "{course_id}", "%20", "%00", "%F0%9F", "é", "497f6eca-6276-4993-bfeb-53cbbbba6f080"]
    )
    def test_a_malformed_id_in_a_path_is_refused(
        self, learner: httpx.Client, course_path: str, lesson_path: str, stored: Stored, text: str
    ) -> None:
        before = stored()
        course_id, lesson_id = course_path.split("/")[2], lesson_path.split("/")[4]
        wrong_course = [
            ("GET", f"/progress/{text}"),
            ("DELETE", f"/progress/{text}"),
            ("GET", f"/progress/{text}/summary"),
            ("GET", f"/courses/{text}"),
            ("PUT", f"/progress/{text}/lessons/{lesson_id}"),
        ]
        wrong_lesson = [(method, f"/progress/{course_id}/lessons/{text}") for method in ("GET", "PUT", "DELETE")]
        for name, wrong in (("course_id", wrong_course), ("lesson_id", wrong_lesson)):
            for method, path in wrong:
                body = b"{}" if method == "PUT" else None
                assert _positions(learner.request(method, path, content=body)) == [["path", name]]
        assert stored() == before

    def test_an_unknown_course_is_not_found_by_any_operation(self, learner: httpx.Client, lesson_path: str) -> None:
        course_id, lesson_id = uuid4(), lesson_path.split("/")[4]
        requests = [
            ("GET", f"/progress/{course_id}"),
            ("DELETE", f"/progress/{course_id}"),
            ("GET", f"/progress/{course_id}/summary"),
            ("GET", f"/courses/{course_id}"),
            *((method, f"/progress/{course_id}/lessons/{lesson_id}") for method in ("GET", "PUT", "DELETE")),
        ]
        for method, path in requests:
            answer = learner.request(method, path, content=b"{}" if method == "PUT" else None)
            assert str(course_id) in _sentence(answer, 404)
        assert learner.get("/progress").json() == []

    def test_a_lesson_that_is_not_in_the_course_is_not_found(
        self, learner: httpx.Client, course_path: str, stored: Stored, publish: Callable[..., str]
    ) -> None:
        elsewhere = course()
        publish(elsewhere)
        before = stored()
        for lesson_id in (uuid4(), elsewhere["lessons"][0]["id"], course_path.split("/")[2]):
            path = f"{course_path}/lessons/{lesson_id}"
            for answer in (learner.get(path), learner.put(path, json={}), learner.delete(path)):
                assert str(lesson_id) in _sentence(answer, 404)
        assert stored() == before

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/api",
            PREFIX,
            f"{PREFIX}/",
            f"{PREFIX}/progress/",
            f"{PREFIX}//progress",
            f"{PREFIX}/lessons",
            "/API/v1",
        ],
    )
    def test_an_unknown_path_is_not_found(self, visitor: httpx.Client, path: str) -> None:
        assert _sentence(visitor.get(path, headers=authorization(str(uuid4()))), 404) == "Not Found"

    @pytest.mark.slow
    def test_another_method_is_refused_with_allow(
        self, visitor: httpx.Client, course_path: str, lesson_path: str
    ) -> None:
        paths = visitor.get("/openapi.json").json()["paths"]
        lesson_id = lesson_path.split("/")[4]
        ids = {"course_id": course_path.split("/")[2], "run": "1", "delivery_id": "1", "reason": "late", "launch": "x"}
        ids |= dict.fromkeys(("lesson_id", "user_id", "group_id", "webhook_id"), lesson_id)
        for named in ("progress/import", "progress/sync", "courses/validate"):
            del paths[f"{PREFIX}/{named}"]  # a course's path, to other methods: with no id where one should be
        for path, operations in paths.items():
            allowed = {method.upper() for method in operations}
            for method in {"GET", "PUT", "DELETE", "POST", "PATCH", "OPTIONS"} - allowed:
                answer = visitor.request(method, path.format(**ids), headers=authorization(str(uuid4())))
                assert _sentence(answer, 405) == "Method Not Allowed"
                assert set(answer.headers["allow"].split(", ")) == allowed, f"{method} {path}"


WRONG_TYPES: dict[str, list[str]] = {
    "status": ['"COMPLETED"', '"done"', '""', "1", "true", "[]", "{}"],
    **{field: ['"5"', '""', "true", "false", "[5]", "{}"] for field in NUMBERS},
    "quiz_attempts": ['"5"', "true", "3.5", "[5]", "{}", "1e400"],
    "quiz_passed": ['"true"', '"yes"', "1", "0", "[]"],
    "is_bookmarked": ['"false"', "1", "0", "{}"],
    "user_notes": ["5", "true", "[]", '{"text": "a"}'],
    "metadata": ['"{}"', "5", "true", "[]", '[["a", 1]]'],
}
OUT_OF_RANGE: dict[str, list[str]] = {
    "progress_percentage": ["-1", "-0.1", "100.1", "101"],
    "video_position_seconds": ["-1", "10000000.5", "10000001"],
    "quiz_score": ["-1", "100.1", "1000"],
    "quiz_attempts": ["-1", str(2**31), str(2**63), str(2**64)],
    "time_spent_minutes": ["-0.5", "10000000.5", "10000001"],
    "user_notes": [json.dumps("x" * 10_001), json.dumps("é" * 10_001)],
}
NOT_FINITE = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"]
HUGE = ["9" * 30, "9" * 400, f"-{'9' * 400}", "9" * 5_000]
UNSTORABLE_TEXT = {
    "U+0000": r'"a\u0000b"',
    "a lone high": r'"\ud800"',
    "a lone low": r'"\udc00x"',
    "half": r'"\ud83d\ud83d"',
}


def _cases(values: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(field, value) for field, given in values.items() for value in given]


def _brief(value: object) -> str | None:
    return f"{value[:20]}..." if isinstance(value, str) and len(value) > 30 else None


class TestProgressBodies:
    @staticmethod
    def _put(learner: httpx.Client, lesson_paths: list[str], content: bytes | str) -> list[httpx.Response]:
        """Send a body to a lesson that has progress and to one that has none."""
        return [learner.put(path, content=content) for path in lesson_paths[:2]]

    @pytest.mark.parametrize(("field", "value"), _cases(WRONG_TYPES) + _cases(OUT_OF_RANGE), ids=_brief)
    def test_a_value_of_a_wrong_type_or_out_of_range_is_refused_naming_its_field(
        self, learner: httpx.Client, lesson_paths: list[str], stored: Stored, field: str, value: str
    ) -> None:
        before = stored()
        for answer in self._put(learner, lesson_paths, f'{{"is_bookmarked": true, "{field}": {value}}}'):
            [position] = _positions(answer)
            assert position == ["body", field]
        assert stored() == before

    @pytest.mark.parametrize("field", FIELDS)
    def test_a_number_outside_json_or_its_bounds_is_refused(
        self, learner: httpx.Client, lesson_paths: list[str], stored: Stored, field: str
    ) -> None:
        before = stored()
        for value in [*NOT_FINITE, *HUGE]:
            for answer in self._put(learner, lesson_paths, f'{{"{field}": {value}}}'):
                assert all(position[:1] == ["body"] for position in _positions(answer)), value
        assert stored() == before

    @pytest.mark.parametrize("value", [*NOT_FINITE, *HUGE, str(2**64), str(-(2**63) - 1)], ids=_brief)
    @pytest.mark.parametrize("around", ['{"a": %s}', '{"a": [{"b": [1, %s]}]}'], ids=["outside", "deep inside"])
    def test_a_number_that_metadata_can_not_store_exactly_is_refused(
        self, learner: httpx.Client, lesson_paths: list[str], stored: Stored, value: str, around: str
    ) -> None:
        before = stored()
        for answer in self._put(learner, lesson_paths, f'{{"metadata": {around % value}}}'):
            assert all(position[:1] == ["body"] for position in _positions(answer))
        assert stored() == before

    @pytest.mark.parametrize("text", UNSTORABLE_TEXT.values(), ids=UNSTORABLE_TEXT)
    @pytest.mark.parametrize(
        "around",
        ['{"user_notes": %s}', '{"metadata": {"a": %s}}', '{"metadata": {%s: 1}}', '{"metadata": {"a": [{%s: [%s]}]}}'],
        ids=["notes", "metadata value", "metadata key", "deep inside"],
    )
    def test_text_that_can_not_be_stored_is_refused(
        self, learner: httpx.Client, lesson_paths: list[str], stored: Stored, text: str, around: str
    ) -> None:
        before = stored()
        for answer in self._put(learner, lesson_paths, around.replace("%s", text)):
            assert all(position[:1] == ["body"] for position in _positions(answer))
        assert stored() == before

    @pytest.mark.parametrize(
        "body",
        [_metadata_of(METADATA_LIMIT + 1), {"metadata": {"x" * METADATA_LIMIT: 1}}, _nested(33), _nested(100)],
        ids=["a byte too large", "a large key", "a level too deep", "much too deep"],
    )
    def test_metadata_that_is_too_large_or_too_deep_is_refused(
        self, learner: httpx.Client, lesson_paths: list[str], stored: Stored, body: dict[str, Any]
    ) -> None:
        before = stored()
        for answer in self._put(learner, lesson_paths, json.dumps(body)):
            assert _positions(answer) == [["body", "metadata"]]
        assert stored() == before

    @pytest.mark.parametrize(
        "body",
        [
            *(_metadata_of(METADATA_LIMIT + 1), _nested(33), {"metadata": {"a": 2**64}}),
            *({"metadata": {"a": "\0"}}, {"metadata": {"\0": 1}}, {"metadata": {"a": float("nan")}}),
        ],
        ids=["large", "deep", "64 bits", "U+0000", "U+0000 in a key", "NaN"],
    )
    def test_a_conditional_write_has_the_same_bounds(
        self, learner: httpx.Client, lesson_path: str, stored: Stored, body: dict[str, Any]
    ) -> None:
        before = stored()
        headers = {"If-Match": learner.get(lesson_path).headers["etag"]}
        _faults(learner.put(lesson_path, content=json.dumps(body), headers=headers))
        assert stored() == before

    def test_metadata_that_grows_too_large_by_merging_is_refused(
        self, learner: httpx.Client, lesson_paths: list[str], stored: Stored
    ) -> None:
        half = {"metadata": {"half": "x" * (METADATA_LIMIT // 2)}}
        other_half = {"metadata": {"other half": "x" * (METADATA_LIMIT // 2)}, "time_spent_minutes": 9}
        assert learner.put(lesson_paths[0], json=half).status_code == 200
        before = stored()
        assert _positions(learner.put(lesson_paths[0], json=other_half)) == [["body", "metadata"]]
        assert stored() == before
        assert learner.put(lesson_paths[1], json=other_half).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            _metadata_of(METADATA_LIMIT),
            _nested(32),
            {"metadata": {"": [True, None, -(2**63), 2**63 - 1, 0.1, "é \U0001f600 \u2028"]}},
            {"user_notes": "é" * 10_000},
            {"user_notes": "\U0001f600\n\t\u202e\u200b"},
            {"quiz_attempts": 2**31 - 1, "video_position_seconds": 10_000_000, "time_spent_minutes": 10_000_000},
        ],
        ids=["16 KiB", "32 levels", "values", "10,000 characters", "odd characters", "the largest numbers"],
    )
    def test_values_at_the_bounds_are_stored_unchanged(
        self, learner: httpx.Client, lesson_path: str, body: dict[str, Any]
    ) -> None:
        written = learner.put(lesson_path, json=body)
        assert written.status_code == 200, written.text
        assert {name: written.json()[name] for name in body} == body
        assert learner.get(lesson_path).content == written.content

    @pytest.mark.parametrize(
        "content",
        [
            *(b"", b" ", b"{", b"}", b"{'status': 1}", b'{"status"}', b"{} {}", b"{},", b"<a/>", b"status=completed"),
            *(b"null", b"true", b"5", b'"completed"', b"[]", b'[{"status": "completed"}]', b"NaN"),
            *(b'{"user_notes": "\xff"}', b'{"user_notes": "\xed\xa0\x80"}', b'\xef\xbb\xbf{"user_notes": "a"}'),
            *('{"user_notes": "a"}'.encode("utf-16"), b'{"user_notes": "a\nb"}', b'{"user_notes": "a'),
            *(b"[" * 10_000, b'{"metadata":' * 5_000, b'{"metadata": {"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}}"),
        ],
        ids=lambda content: ascii(content[:24]),
    )
    def test_a_body_that_is_no_json_object_is_refused(
        self, learner: httpx.Client, lesson_paths: list[str], stored: Stored, content: bytes
    ) -> None:
        before = stored()
        for answer in self._put(learner, lesson_paths, content):
            assert _positions(answer) == [["body"]]
        assert stored() == before

    def test_the_last_of_duplicate_keys_counts(self, learner: httpx.Client, lesson_path: str) -> None:
        content = '{"quiz_attempts": 7, "metadata": {"a": 1, "a": 2}, "quiz_attempts": 3}'
        progress = learner.put(lesson_path, content=content).json()
        assert (progress["quiz_attempts"], progress["metadata"]) == (3, {"a": 2})

    def test_every_fault_of_a_body_is_named(
        self, learner: httpx.Client, lesson_paths: list[str], stored: Stored
    ) -> None:
        before = stored()
        body = {"status": "gone", "quiz_score": 101, "quiz_passed": 1, "user_notes": "This one is fine."}
        for answer in self._put(learner, lesson_paths, json.dumps(body)):
            assert _positions(answer) == [["body", field] for field in ("status", "quiz_score", "quiz_passed")]
            assert [fault["input"] for fault in _faults(answer)] == ["gone", 101, 1]
        assert stored() == before


def _refusal_of(author: httpx.Client, content: str) -> tuple[list[dict[str, Any]], int]:
    """Return the faults of a course document, and the size of that answer in bytes."""
    answer = author.put(f"/courses/{uuid4()}", content=content.encode())
    return _faults(answer), len(answer.content)


class TestManyFaults:
    @pytest.mark.slow
    @pytest.mark.parametrize(("keys", "listed"), [(100, 100), (101, 100), (10_001, 0), (80_000, 0)])
    def test_the_first_faults_are_listed_and_the_others_are_counted(
        self, author: httpx.Client, keys: int, listed: int
    ) -> None:
        document = course() | {f"{number:x}": number for number in range(keys)}
        faults, size = _refusal_of(author, json.dumps(document, separators=(",", ":")))
        assert size < 20_000
        assert [fault["input"] for fault in faults[:listed]] == list(range(listed))
        if keys > listed:
            assert faults[listed:] == [
                {
                    "loc": ["body"],
                    "msg": f"Listed are the first {listed} faults; there are {keys}.",
                    "type": "too_many_faults",
                    "input": None,
                    "ctx": {"listed": listed, "found": keys},
                }
            ]

    def test_faults_of_the_domain_are_limited_too(self, author: httpx.Client) -> None:
        twice = lesson()
        faults, size = _refusal_of(author, json.dumps(course(*[twice] * 5_000)))
        assert size < 20_000
        assert {fault["type"] for fault in faults[:100]} == {"duplicate_lesson"}
        assert [fault["type"] for fault in faults[100:]] == ["too_many_faults"]

    @pytest.mark.parametrize(
        ("bad", "loc", "given"),
        [
            ({"title": "x" * 1_000_000}, ["body", "title"], "x" * 200 + "…"),
            ({"title": ["x"] * 200_000}, ["body", "title"], None),
            ({"title": {"x" * 1_000_000: 1}}, ["body", "title"], None),
            ({"title": 10**4_000}, ["body", "title"], "1" + "0" * 199 + "…"),
            ({"x" * 1_000_000: 1}, ["body", "x" * 200 + "…"], 1),
            ({"time_zone": "é" * 500_000}, ["body", "time_zone"], "é" * 200 + "…"),
            ({"title": "x" * 200, "on_edit": "y" * 200}, ["body", "on_edit"], "y" * 200),
        ],
        ids=["text", "list", "key", "digits", "place", "letters of two bytes", "just short enough"],
    )
    def test_long_input_is_not_repeated(
        self, author: httpx.Client, bad: dict[str, Any], loc: list[str], given: object
    ) -> None:
        faults, size = _refusal_of(author, json.dumps(course() | bad, ensure_ascii=False))
        assert size < 2_000
        assert [(fault["loc"], fault["input"]) for fault in faults] == [(loc, given)]

    def test_a_long_path_and_query_are_not_repeated(self, learner: httpx.Client, teacher: httpx.Client) -> None:
        for answer in (
            learner.get(f"/progress/{'x' * 50_000}"),
            teacher.get(f"/statistics/{uuid4()}/learners?cursor={'x' * 50_000}&limit={'y' * 10_000}"),
            learner.put(f"/progress/{uuid4()}/lessons/{uuid4()}", json={}, headers={"If-Match": "x" * 50_000}),
        ):
            assert _faults(answer)
            assert len(answer.content) < 2_000


class TestWholeNumbers:
    @pytest.mark.parametrize("text", ["3", "3.0", "3e0", "0.3e1", "30e-1"])
    def test_a_whole_number_is_one_however_it_is_written(
        self, learner: httpx.Client, lesson_path: str, admin: httpx.Client, text: str
    ) -> None:
        written = learner.put(lesson_path, content=f'{{"quiz_attempts": {text}}}')
        assert (written.status_code, written.json()["quiz_attempts"]) == (200, 3)
        assert b'"quiz_attempts":3,' in written.content
        _, _, course_id, _, lesson_id = lesson_path.split("/")
        file = f"user_id,course_id,lesson_id,quiz_attempts\n{uuid4()},{course_id},{lesson_id},{text}\n"
        report = admin.post("/progress/import", content=file, headers={"Content-Type": "text/csv"}).json()
        assert (report["written"], report["errors"]) == (1, [])

    @pytest.mark.parametrize("text", ["3.5", "3.0000001", "1e400", "1e10", '"3"'])
    def test_an_invalid_whole_number_is_refused(self, learner: httpx.Client, lesson_path: str, text: str) -> None:
        assert _positions(learner.put(lesson_path, content=f'{{"quiz_attempts": {text}}}')) == [
            ["body", "quiz_attempts"]
        ]

    def test_a_version_may_be_written_with_a_zero_fraction(self, author: httpx.Client) -> None:
        text = json.dumps(course() | {"version": 1, "recalculation": {"learners": 2, "done": 1}})
        decimal = text.replace('"version": 1', '"version": 1.0').replace(": 2,", ": 2.0,")
        assert author.put(f"/courses/{uuid4()}", content=decimal).status_code == 200


class TestBodySizes:
    @pytest.fixture
    def connection(self, running: Running) -> Iterator[socket.socket]:
        """Yield a connection of the test's own, for HTTP that the test writes itself."""
        with connected(running) as connection:
            yield connection

    @staticmethod
    def _head(path: str, learner: httpx.Client, *lines: str) -> bytes:
        opening = (f"PUT {PREFIX}{path} HTTP/1.1", "Host: test", f"Authorization: {learner.headers['authorization']}")
        return "\r\n".join([*opening, *lines, "", ""]).encode()

    @staticmethod
    def _all_received(connection: socket.socket) -> bytes:
        """Return all bytes that arrive until the other side closes the connection."""
        return b"".join(iter(lambda: connection.recv(65_536), b""))

    def test_a_body_of_64_kib_is_read(self, learner: httpx.Client, lesson_path: str) -> None:
        content = b'{"progress_percentage": 5}'.ljust(BODY_LIMIT)
        assert learner.put(lesson_path, content=content).json()["progress_percentage"] == 5

    def test_a_chunked_body_of_64_kib_is_read(self, learner: httpx.Client, lesson_path: str) -> None:
        content = b'{"progress_percentage": 5}'.ljust(BODY_LIMIT)
        chunks = (content[start : start + 1_000] for start in range(0, BODY_LIMIT, 1_000))
        assert learner.put(lesson_path, content=chunks).json()["progress_percentage"] == 5

    def test_a_body_of_64_kib_and_a_byte_is_refused(
        self, learner: httpx.Client, lesson_paths: list[str], stored: Stored
    ) -> None:
        before = stored()
        content = b'{"progress_percentage": 55}'.ljust(BODY_LIMIT + 1)
        for path in lesson_paths:
            answer = learner.put(path, content=content)
            assert "64 KiB" in _sentence(answer, 413)
            assert answer.headers["connection"] == "close"
        assert stored() == before

    def test_a_chunked_body_of_64_kib_and_a_byte_is_refused(
        self, learner: httpx.Client, lesson_path: str, stored: Stored
    ) -> None:
        before = stored()
        content = b'{"progress_percentage": 55}'.ljust(BODY_LIMIT + 1)
        chunks = (content[start : start + 1_000] for start in range(0, len(content), 1_000))
        assert _sentence(learner.put(lesson_path, content=chunks), 413)
        assert stored() == before

    def test_an_announced_body_that_is_too_large_is_refused_before_it_arrives(
        self, learner: httpx.Client, lesson_path: str, connection: socket.socket
    ) -> None:
        connection.sendall(self._head(lesson_path, learner, "Content-Length: 1000000000000"))
        assert self._all_received(connection).startswith(b"HTTP/1.1 413 ")

    def test_a_chunked_body_that_never_ends_is_refused_as_soon_as_it_is_too_large(
        self, learner: httpx.Client, lesson_path: str, connection: socket.socket, stored: Stored
    ) -> None:
        before = stored()
        connection.sendall(self._head(lesson_path, learner, "Transfer-Encoding: chunked"))
        chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
        connection.sendall(chunk * (BODY_LIMIT // 0x1000 + 1))
        assert self._all_received(connection).startswith(b"HTTP/1.1 413 ")
        assert stored() == before

    def test_a_body_that_breaks_off_is_not_stored(
        self, learner: httpx.Client, lesson_path: str, connection: socket.socket, stored: Stored
    ) -> None:
        before = stored()
        connection.sendall(self._head(lesson_path, learner, "Content-Length: 100") + b'{"progress_percentage": 55}')
        connection.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 200" not in self._all_received(connection)
        assert stored() == before

    def test_a_course_document_has_a_limit_of_its_own(
        self, author: httpx.Client, catalogued_path: str, document: dict[str, Any]
    ) -> None:
        content = json.dumps(document | {"title": "Renamed"}).encode()
        before = author.get(catalogued_path).content
        assert "1024 KiB" in _sentence(author.put(catalogued_path, content=content.ljust(COURSE_BODY_LIMIT + 1)), 413)
        assert author.get(catalogued_path).content == before
        assert author.put(catalogued_path, content=content.ljust(COURSE_BODY_LIMIT)).json()["renamed"] is True


def _repeated_lesson() -> dict[str, Any]:
    first, second = lesson(), lesson()
    return course(first, second, second | {"title": "Again"}, first)


BAD_DOCUMENTS: dict[str, tuple[dict[str, Any], list[list[str | int]]]] = {
    "duplicate lessons": (_repeated_lesson(), [["lessons", 2, "id"], ["lessons", 3, "id"]]),
    "no lessons": (course() | {"lessons": []}, [["lessons"]]),
    "lessons missing": ({"title": "A course"}, [["lessons"]]),
    "title missing": ({"lessons": [lesson()]}, [["title"]]),
    "nothing": ({}, [["title"], ["lessons"]]),
    "pass mark on no quiz": (course(lesson(), lesson(kind="video", pass_mark=50)), [["lessons", 1, "pass_mark"]]),
    "unknown field": (course(colour="red"), [["colour"]]),
    "unknown field of a lesson": (course(lesson(), lesson(colour="red")), [["lessons", 1, "colour"]]),
    "empty title": (course(title=""), [["title"]]),
    "blank title": (course(title=" \t"), [["title"]]),
    "long title": (course(title="x" * 501), [["title"]]),
    "U+0000 in a title": (course(title="a\0"), [["title"]]),
    "title of another type": (course(title=5), [["title"]]),
    "title null": (course(title=None), [["title"]]),
    "empty lesson title": (course(lesson(title="")), [["lessons", 0, "title"]]),
    "empty section": (course(lesson(section="")), [["lessons", 0, "section"]]),
    "lesson without an id": (course({"title": "A lesson"}), [["lessons", 0, "id"]]),
    "lesson id no UUID": (course(lesson(id="1")), [["lessons", 0, "id"]]),
    "content id no UUID": (course(lesson(content_id="1")), [["lessons", 0, "content_id"]]),
    "unknown zone": (course(time_zone="Mars/Olympus"), [["time_zone"]]),
    "zone with a lesson twice": (
        course(*[lesson(id=str(uuid4()))] * 2, time_zone=""),
        [["lessons", 1, "id"], ["time_zone"]],
    ),
    "zone null": (course(time_zone=None), [["time_zone"]]),
    "unknown effect of edits": (course(on_edit="forget"), [["on_edit"]]),
    "version as text": (course(version="1"), [["version"]]),
    "unknown kind": (course(lesson(kind="Quiz")), [["lessons", 0, "kind"]]),
    "kind null": (course(lesson(kind=None)), [["lessons", 0, "kind"]]),
    "duration as text": (course(lesson(duration_seconds="60")), [["lessons", 0, "duration_seconds"]]),
    "negative duration": (course(lesson(duration_seconds=-1)), [["lessons", 0, "duration_seconds"]]),
    "endless duration": (course(lesson(duration_seconds=10_000_001)), [["lessons", 0, "duration_seconds"]]),
    "required as a number": (course(lesson(required=1)), [["lessons", 0, "required"]]),
    "pass mark over 100": (course(lesson(kind="quiz", pass_mark=101)), [["lessons", 0, "pass_mark"]]),
    "complete at zero": (course(lesson(complete_at=0)), [["lessons", 0, "complete_at"]]),
    "complete at NaN": (course(lesson(complete_at=float("nan"))), [["lessons", 0, "complete_at"]]),
    "lessons as an object": (course() | {"lessons": {}}, [["lessons"]]),
    "lesson as text": (course() | {"lessons": [lesson(), "a"]}, [["lessons", 1]]),
    "another id": (course(id=str(uuid4())), [["id"]]),
    "id no UUID": (course(id="1"), [["id"]]),
    "several": (
        course(lesson(title=""), lesson(kind="?"), title=""),
        [["title"], ["lessons", 0, "title"], ["lessons", 1, "kind"]],
    ),
}


class TestCourseDocuments:
    @pytest.mark.parametrize(("bad", "positions"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
    def test_a_wrong_document_is_refused_with_locations_and_nothing_is_stored(
        self, author: httpx.Client, catalogued_path: str, bad: dict[str, Any], positions: list[list[str | int]]
    ) -> None:
        before, unused_path = author.get(catalogued_path).content, f"/courses/{uuid4()}"
        for path in (catalogued_path, unused_path):
            assert _positions(author.put(path, content=json.dumps(bad))) == [
                ["body", *position] for position in positions
            ]
        assert author.get(catalogued_path).content == before
        assert author.get(unused_path).status_code == 404

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"title": "\\ud800"}', b"[" * 10_000], ids=ascii)
    def test_a_body_that_is_no_document_is_refused(
        self, author: httpx.Client, catalogued_path: str, content: bytes
    ) -> None:
        before = author.get(catalogued_path).content
        assert _positions(author.put(catalogued_path, content=content)) == [["body"]]
        assert author.get(catalogued_path).content == before

    def test_more_lessons_than_a_course_may_have_are_refused(self, author: httpx.Client) -> None:
        path = f"/courses/{uuid4()}"
        lessons = [{"id": uuid4().hex, "title": "A"} for _ in range(5_001)]
        assert _positions(author.put(path, json={"title": "A course", "lessons": lessons})) == [["body", "lessons"]]
        assert author.get(path).status_code == 404
