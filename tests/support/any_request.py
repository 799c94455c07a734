"""Conversations with the API as clients of every kind may have them: requests that are fine, odd, broken and hostile.

Requests are drawn with names in angle brackets where their world fills something in (`World.fill`): ids and tokens,
which are new in each world, and what was answered before.
"""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from hypothesis import strategies as st

from domain.values import UPDATABLE, UPDATES
from headway.auth import learner_id
from headway.http.api.groups import GROUPS_TAG
from headway.http.api.learners import LEARNERS_TAG
from headway.http.api.routes import OPERATIONS
from headway.http.engine.endpoint import Operation
from support.asgi import HeaderLines, Sent
from support.running import PREFIX, token

_NAME: Final = re.compile(rb"<([A-Za-z0-9 ]+)>")

COURSE: Final = {
    "title": "A course",
    "lessons": [
        {"id": "<lesson>", "title": "A lesson"},
        {"id": "<quiz>", "title": "A quiz", "kind": "quiz", "pass_mark": 60},
        {"id": "<extra>", "title": "More", "required": False, "complete_at": 80, "section": "Ends"},
    ],
}
_COURSES: Final = [
    COURSE,
    COURSE | {"title": "Another title", "id": "<course>"},
    COURSE | {"lessons": list(reversed(COURSE["lessons"]))},
    COURSE | {"lessons": COURSE["lessons"][:1]},
    COURSE | {"time_zone": "Pacific/Auckland", "on_edit": "reopen", "version": 1, "recalculation": None},
]
_BROKEN_COURSES: Final = [
    COURSE | {"title": " "},
    COURSE | {"lessons": []},
    COURSE | {"lessons": [COURSE["lessons"][0]] * 2},
    COURSE | {"lessons": [{"id": "<lesson>", "title": "Not a quiz", "pass_mark": 1}]},
    COURSE | {"lessons": [{"id": "<lesson>", "title": 3, "colour": "red", "complete_at": 0}]},
    COURSE | {"id": "<lesson>"},
    COURSE | {"more": 1},
    COURSE | {"time_zone": "Mars/Olympus", "on_edit": "forget"},
    COURSE | {"time_zone": "Mars/Olympus"},
]
_GROUPS: Final = [
    {"title": "A class", "members": ["<somebody>", "ada", "<somebody>"]},
    {"title": "Another class", "members": [], "id": "<group>", "version": 1},
]
_BROKEN_GROUPS: Final = [
    {"title": " ", "members": []},
    {"title": "A class"},
    {"title": "A class", "members": [""]},
    {"title": "A class", "members": [7], "more": 1},
    {"title": "A class", "members": [], "id": "<lesson>"},
]
# Signed once: a token that does not verify is refused before anything is asked of its world.
_EXPIRED: Final = token("somebody", lifetime=timedelta(hours=-1)).encode()
_FOREIGN: Final = token("somebody", secret="another secret, just as long as that").encode()
_PEOPLE: Final = (
    ("learner",), ("other",), ("author", "courses:write"), ("reader", "courses:read"), ("teacher", "statistics:read"),
    ("admin", "learners:admin"), ("registrar", "groups:write"),
)  # fmt: skip


class World:
    """The ids and tokens that one conversation is about, nobody else's, and the etags heard in it."""

    def __init__(self, number: int) -> None:
        self._names: dict[bytes, bytes] = {b"64 KiB": b" " * 2**16, b"1 MiB": b" " * 2**20}
        for name in ("course", "lesson", "quiz", "extra", "unknown", "somebody", "group"):
            identifier = str(uuid5(NAMESPACE_OID, f"{number} {name}"))
            forms = {
                name: identifier,
                f"{name} upper": identifier.upper(),
                f"{name} bare": identifier.replace("-", ""),
                f"{name} percent": "".join(f"%{ord(character):02X}" for character in identifier),
            }
            self._names |= {form.encode(): text.encode() for form, text in forms.items()}
        for name, *scopes in _PEOPLE:
            self._names[name.encode()] = token(f"{number} {name}", *scopes).encode()
            self._names[f"{name} id".encode()] = learner_id(f"{number} {name}", None).encode()
        self._etags: dict[str, list[bytes]] = {}

    def hear(self, path: str, etag: bytes) -> None:
        """Remember an etag of the lesson progress at this path, as drawn."""
        etags = self._etags.setdefault(path, [])
        if etag not in etags:
            etags.append(etag)

    def fill(self, sent: Sent) -> Sent:
        """Replace the names in angle brackets in a request by what they stand for."""
        etags = self._etags.get(sent.path, [])
        body = self.text(sent.body)
        names = {b"etag": b"".join(etags[-1:]), b"old etag": b"".join(etags[-2:-1]), b"length": b"%d" % len(body)}
        return sent._replace(
            path=self.text(sent.path.encode()).decode(),
            headers=tuple((name, self.text(value, names)) for name, value in sent.headers),
            body=body,
            query=self.text(sent.query),
        )

    def text(self, text: bytes, names: dict[bytes, bytes] | None = None) -> bytes:
        """Replace the names in a text by what they stand for. Unknown names stay."""
        known = self._names | (names or {})
        return _NAME.sub(lambda found: known.get(found[1], found[0]), text)


def _mostly(good: Any, *others: Any, share: int = 5) -> st.SearchStrategy[Any]:
    """Draw the good value `share` times for each time that one of the others is drawn."""
    return st.sampled_from([good] * share * len(others) + list(others))


def _mostly_drawn(good: st.SearchStrategy[Any], *others: st.SearchStrategy[Any], share: int) -> st.SearchStrategy[Any]:
    """Draw as `_mostly` does, from strategies. (`one_of` counts a strategy once, however often it is named.)"""
    return _mostly(good, *others, share=share).flatmap(lambda chosen: chosen)


def _identifier(name: str) -> st.SearchStrategy[str]:
    right = st.sampled_from([f"<{name}>", f"<{name} upper>", f"<{name} bare>", f"<{name} percent>"])
    odd = st.sampled_from(
        [
            "<unknown>", f"{{<{name}>}}", f"%7B<{name}>%7D", f"urn:uuid:<{name}>", f"<{name}>0", f"<{name}>%20",
            f"%09<{name}>", f"<{name}>%0A", f"%0A<{name}>", f"<{name}>%00", f"<{name}>%2F", f"<{name}>;a=b",
            f"<{name}>%2Fsummary", "none", "%00", "%C3%A9", "%FF", "%F0%9F%98%80", "%D9%A1", "%2E%2E", "..", ".",
            "%252D", "summary", "lessons", "{course_id}", "-" * 36, "0" * 32, "g" * 32, "", "%2F", "%", "%u0041",
        ]
    )  # fmt: skip
    return _mostly_drawn(st.just(f"<{name}>"), right, odd, share=3)


_LESSONS: Final = _mostly("lesson", "quiz", "extra", "unknown", share=2)


@st.composite
def _paths(draw: st.DrawFn, template: str) -> str:
    """Draw the path of an operation, with ids of all kinds in it."""
    path = template
    if "{user_id}" in path:
        path = path.replace("{user_id}", draw(_identifier("somebody")))
    if "{course_id}" in path:
        path = path.replace("{course_id}", draw(_identifier("course")))
    if "{group_id}" in path:
        path = path.replace("{group_id}", draw(_identifier("group")))
    if "{lesson_id}" in path:
        path = path.replace("{lesson_id}", draw(_identifier(draw(_LESSONS))))
    if "{user_id}" in path:
        path = path.replace("{user_id}", draw(_mostly("<learner id>", "<other id>", "<unknown>", "<lesson>", share=4)))
    return PREFIX + path


# No path of these is an operation's, but for the last three, which are one's in other bytes.
ODD_PATHS: Final = [
    "/", "/api", PREFIX, f"{PREFIX}/", f"/{PREFIX}/progress", f"{PREFIX}/progress/", f"{PREFIX}//progress",
    f"{PREFIX}/progress//", f"{PREFIX}/progress/<course>/", f"{PREFIX}/progress/<course>/summary/",
    f"{PREFIX}/progress//summary", f"{PREFIX}/progress/<course>//lessons/<lesson>", f"{PREFIX}/courses/a/b",
    f"{PREFIX}/progress/<course>/lessons/", f"{PREFIX}/progress/<course>/lessons", f"{PREFIX}/progress;a",
    f"{PREFIX}/progress/<course>/lessons/<lesson>/more", f"{PREFIX}/progress/<course>/Summary", f"{PREFIX}/schemas",
    f"{PREFIX}/progress/../progress", f"{PREFIX}/./progress", f"{PREFIX.upper()}/progress", f"{PREFIX}/progress%00",
    f"{PREFIX}/progress%20", f"{PREFIX}%2Fprogress", f"{PREFIX}/progres%73",
    "/%61pi/v1/education/progress/<course>/%73ummary",
]  # fmt: skip


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _sampled_documents(documents: Sequence[object]) -> st.SearchStrategy[bytes]:
    return st.sampled_from([_json(document) for document in documents])


_TEXT: Final = st.text('a0 "\0\u00e9\u2028\U0001f600', max_size=4)
_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(_TEXT, values, max_size=3),
    max_leaves=5,
)
_GOOD_UPDATES: Final = UPDATES.map(_json)
_ODD_UPDATES: Final = st.dictionaries(st.sampled_from([*UPDATABLE, "id", "version"]), _JSON, max_size=3).map(_json)
_BROKEN: Final = st.one_of(
    st.sampled_from(
        [
            b"", b" ", b"[]", b"null", b"0", b"NaN", b'"{}"', b"{", b"{}{}", b"{'a': 1}", b"\xef\xbb\xbf{}", b"\xff",
            b'{"user_notes": "\xff"}', b'{"user_notes": "\\ud800"}', b'{"user_notes": "a\\u0000"}', b"[" * 10_000,
            b'{"progress_percentage": NaN}', b'{"video_position_seconds": Infinity}', b'{"quiz_score": 1e999}',
            b'{"progress_percentage": 100.0001}', b'{"quiz_score": -1, "status": "gone", "quiz_passed": 1}',
            b'{"quiz_attempts": ' + b"9" * 400 + b"}", b'{"quiz_attempts": 1, "quiz_attempts": 2}',
            b'{"metadata": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}", b'{"metadata": {"a": 18446744073709551616}}',
            b'{"metadata": {"a": "' + b"x" * 16_384 + b'"}}', b"{}<64 KiB>", b"<1 MiB>{}",
        ]
    ),
    st.binary(max_size=20),
)  # fmt: skip
_UPDATES: Final = _mostly_drawn(_GOOD_UPDATES, _ODD_UPDATES, _BROKEN, share=2)
_GROUP_DOCUMENTS: Final = _mostly_drawn(
    _sampled_documents(_GROUPS), _sampled_documents(_BROKEN_GROUPS), _BROKEN, share=2
)
_DOCUMENTS: Final = _mostly_drawn(_sampled_documents(_COURSES), _sampled_documents(_BROKEN_COURSES), _BROKEN, share=2)

_AUTHORIZATIONS: Final = _mostly(
    (b"Bearer <learner>",),
    (), (b"",), (b"Bearer",), (b"Bearer ",), (b"Basic dTpw",), (b"bEARER <learner>",), (b"Bearer  <learner> ",),
    (b"Bearer\t<learner>",), (b"Bearer <learner>x",), (b"Bearer <learner>", b"Bearer <learner>"),
    (b"Bearer " + _EXPIRED,), (b"Bearer " + _FOREIGN,), (b"Bearer not.a.token",), (b"Bearer a\xe9",),
    (b"Bearer " + b"x" * 17_000,), (b"Bearer <other>",), (b"Bearer <author>",), (b"Bearer <reader>",),
)  # fmt: skip
_AUTHORS: Final = _mostly((b"Bearer <author>",), (b"Bearer <reader>",), (b"Bearer <learner>",), (), share=3)
_REGISTRARS: Final = _mostly((b"Bearer <registrar>",), (b"Bearer <teacher>",), (b"Bearer <learner>",), (), share=3)
_TEACHERS: Final = _mostly((b"Bearer <teacher>",), (b"Bearer <reader>",), (b"Bearer <learner>",), (), share=4)
_PARAMETERS: Final = st.sampled_from(
    [
        b"explain=true", b"explain=false", b"explain=1", b"from=2026-01-01", b"to=2026-01-31", b"from=2024-01-01",
        b"from=x", b"sort=progress", b"sort=completed", b"sort=x", b"order=asc", b"limit=1", b"limit=0", b"cursor=x",
        b"completed=true", b"completed=false", b"stalled_days=1", b"at_lesson=<lesson>", b"at_lesson=<unknown>",
        b"incomplete_lesson=<lesson>", b"incomplete_lesson=<unknown>", b"failed_at_least=1", b"failed_at_least=x",
        b"format=csv", b"format=csv", b"format=json", b"format=x", b"limit", b"&&", b"%FF=%", b"\xe9=\xe9", b"a=b",
        b"group=<group>", b"group=<unknown>", b"group=x", b"course=<course>", b"course=<unknown>",
    ]
)  # fmt: skip
_QUERIES: Final = st.just(b"") | st.lists(_PARAMETERS, min_size=1, max_size=3).map(b"&".join)
_ADMINS: Final = _mostly((b"Bearer <admin>",), (b"Bearer <author>",), (b"Bearer <learner>",), (), share=3)
_ODD_ETAGS: Final = [
    (b"<old etag>",), (b"W/<etag>",), (b" * ",), (b"*, *",), (b'"none"',), (b'"none", <etag>',), (b'"none"', b"<etag>"),
    (b"<etag>", b"<etag>"), (b"*", b"<etag>"), (b'""',), (b"",), (b",",), (b"none",), (b'"a',), (b'w/"a"',),
    (b'"\xe9"',), (b'"a" "b"',), (b", <etag> ,",),
]  # fmt: skip


def _lines(name: bytes, values: Sequence[bytes]) -> HeaderLines:
    return tuple((name, value) for value in values)


_CONDITIONS: Final = _mostly_drawn(
    st.just(()),
    st.just(_lines(b"if-match", [b"<etag>"])),
    st.just(_lines(b"if-match", [b"*"])),
    st.just(_lines(b"if-none-match", [b"*"])),
    st.sampled_from([_lines(b"if-match", values) for values in _ODD_ETAGS]),
    st.sampled_from([_lines(b"if-none-match", values) for values in [(b"<etag>",), *_ODD_ETAGS]]),
    st.just((*_lines(b"if-match", [b"<etag>"]), *_lines(b"if-none-match", [b"*"]))),
    share=1,
)
_HOST: Final = (b"host", b"headway.example")
_ID: Final = (b"x-request-id", b"an-id")
_BY_LEARNER: Final = (_HOST, (b"authorization", b"Bearer <learner>"))
_PROGRESS: Final = f"{PREFIX}/progress/<course>/lessons/<lesson>"
_FILES: Final = st.sampled_from(
    [
        b'{"user_id": "<somebody>", "course_id": "<course>", "lesson_id": "<lesson>", "quiz_score": 7}\n{}\n',
        b"user_id,course_id,lesson_id,quiz_score\n<somebody>,<course>,<quiz>,70\nada,<course>,<quiz>,\n",
        b"user_id,course_id,lesson_id\n<somebody>,<course>,<unknown>\n", b"user_id,colour\n", b"", b"\xff\n{", b'"',
    ]
)  # fmt: skip
_KINDS: Final = _mostly(
    ((b"content-type", b"application/x-ndjson"),),
    ((b"content-type", b"text/csv"),),
    (),
    ((b"content-type", b"text/csv"), (b"idempotency-key", b"a-key")),
    ((b"content-type", b"application/x-ndjson"), (b"idempotency-key", b"a key")),
    share=1,
)
_LENGTH: Final = (b"content-length", b"<length>")
_TYPE: Final = (b"content-type", b"application/json")
_ODD_IDS: Final = [(), (b"",), (b"a b",), (b"a", b"b"), (b"x" * 128,), (b"x" * 129,), (b"\xe9",), (b"a\t",)]
_ODD_LENGTHS: Final = [
    (), (b"0",), (b"000<length>",), (b"65536",), (b"65537",), (b"1048577",), (b"9" * 30,), (b"-1",), (b"x",), (b"",),
    (b"<length>", b"<length>"), (b"+2",), ("²".encode(),),
]  # fmt: skip
_ODD_TYPES: Final = [(), (b"text/plain",), (b"application/x-www-form-urlencoded",), (b"a", b"b")]
_REST: Final = _mostly(
    (_ID, _LENGTH, _TYPE),
    *[(*_lines(b"x-request-id", values), _LENGTH, _TYPE) for values in _ODD_IDS],
    *[(_ID, *_lines(b"content-length", values), _TYPE) for values in _ODD_LENGTHS],
    *[(_ID, _LENGTH, *_lines(b"content-type", values)) for values in _ODD_TYPES],
    share=1,
)
_DELIVERIES: Final = _mostly(
    {},
    {"cuts": (1,)}, {"cuts": (0, 5, 5)}, {"cuts": (10**6, 7)}, {"hangs_up": True}, {"hangs_up": True, "cuts": (2,)},
    {"query": b"a=b"}, {"query": b"%"},
    share=3,
)  # fmt: skip
_METHODS: Final = ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "POST", "PATCH", "TRACE", "get", "BREW"]


@st.composite
def _requests(draw: st.DrawFn, operations: Sequence[Operation]) -> Sent:
    """Any request: mostly of one of the operations, often with a fault or two."""
    operation = draw(st.sampled_from(operations))
    path = draw(_mostly_drawn(_paths(operation.path), st.sampled_from(ODD_PATHS), share=5))
    method = draw(_mostly(operation.method, *_METHODS, share=7))
    is_authors = operation.path.startswith("/courses/") and operation.method != "GET"
    token_lines = _lines(b"authorization", draw(_tokens(operation)))
    conditions = draw(_CONDITIONS) if operation.conditional else ()
    if operation.media_types:
        kinds = (_HOST, *token_lines, *draw(_KINDS), _ID, _LENGTH)
        query = draw(_mostly(b"", b"dry_run=true", b"atomic=1", b"atomic="))
        return Sent(method, path, kinds, draw(_FILES), query=query)
    bodies = _GROUP_DOCUMENTS if operation.tag == GROUPS_TAG else _DOCUMENTS if is_authors else _UPDATES
    body = draw(bodies) if operation.body_limit else b""
    delivery = draw(_DELIVERIES)
    if operation.query is not None and "query" not in delivery:
        delivery = delivery | {"query": draw(_QUERIES)}
    return Sent(method, path, (_HOST, *token_lines, *conditions, *draw(_REST)), body, **delivery)


def _tokens(operation: Operation) -> st.SearchStrategy[Any]:
    if operation.tag == LEARNERS_TAG:
        return _ADMINS
    if operation.tag == GROUPS_TAG:
        return _REGISTRARS
    if operation.path.startswith("/statistics"):
        return _TEACHERS
    return _AUTHORS if operation.path.startswith("/courses/") and operation.method != "GET" else _AUTHORIZATIONS


@st.composite
def _progress_requests(draw: st.DrawFn) -> Sent:
    """Draw a request for the one lesson progress that a conversation returns to. Only its conditions may fail."""
    method = draw(st.sampled_from(["PUT", "PUT", "PUT", "GET", "DELETE"]))
    conditions = () if method == "GET" else draw(_CONDITIONS)
    body = draw(_GOOD_UPDATES) if method == "PUT" else b""
    return Sent(method, _PROGRESS, (*_BY_LEARNER, *conditions, _ID), body)


_BY_AUTHOR: Final = (_HOST, (b"authorization", b"Bearer <author>"), _ID)
PUBLISHED: Final = Sent("PUT", f"{PREFIX}/courses/<course>", _BY_AUTHOR, _json(COURSE))
# The catalogue is all that a world shares with others, so a conversation leaves nothing there.
REMOVED: Final = Sent("DELETE", f"{PREFIX}/courses/<course>", _BY_AUTHOR)
# Not streams: they do not end while one waits for it.
_ENDING: Final = [one for one in OPERATIONS if one.event_stream is None]
_ANY: Final = _requests(_ENDING) | _requests([one for one in _ENDING if one.body_limit]) | _progress_requests()
conversations: Final = st.lists(_ANY, min_size=1, max_size=20).map(lambda sent: [PUBLISHED, *sent, REMOVED])
# What is drawn more seldom than a run can count on.
RARITIES: Final = [
    PUBLISHED,
    Sent("PUT", f"{PREFIX}/courses/<course>", _BY_LEARNER, _json(COURSE)),
    Sent("PUT", _PROGRESS, (*_BY_LEARNER, (b"if-match", b'"stale"')), b"{}"),
    Sent("PUT", _PROGRESS, _BY_LEARNER, b"{}<64 KiB>", cuts=(9, 2**16)),
    Sent("PUT", _PROGRESS, _BY_LEARNER, b'{"is_bookmarked": true}', cuts=(7,), hangs_up=True),
    REMOVED,
]
