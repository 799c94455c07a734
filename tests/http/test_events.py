"""The feed of events in pages: cursors, filters, waiting, and who may read what. Real services, both stores."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

from support.feed import BUT_ERASURES, Reader, Taught
from support.program import forked_headway_serve
from support.running import PREFIX

FIRST = ["enrolment.created", "course.started", "lesson.started", "lesson.completed"]
"""What the first lesson of a course tells that a learner completes."""


@pytest.fixture
def reader(client_of: Callable[..., httpx.Client]) -> httpx.Client:
    return client_of(str(uuid4()), "events:read")


@pytest.fixture
def taught(author: httpx.Client, learner: httpx.Client) -> Taught:
    return Taught(author, learner)


def test_pages_have_every_event_once_and_in_order(reader: httpx.Client, taught: Taught) -> None:
    feed = taught.feed(reader)
    for lesson in range(3):
        taught.complete(lesson)
    whole = feed.next(9)
    assert [event["type"] for event in whole] == [
        *FIRST, "lesson.started", "lesson.completed", "lesson.started", "lesson.completed", "course.completed",
    ]  # fmt: skip
    again = Reader(reader, "0", course=taught.course_id, types=BUT_ERASURES)
    pages = [again.page(limit=4) for _ in range(3)]
    listed = [event for page in pages for event in page["events"]]
    assert [len(page["events"]) for page in pages] == [4, 4, 2]
    assert listed[1:] == whole
    assert len({event["id"] for event in listed}) == 10
    assert again.page()["events"] == []


def test_an_event_is_a_document_of_the_published_schema(
    reader: httpx.Client, taught: Taught, learner_id: str, visitor: httpx.Client
) -> None:
    feed = taught.feed(reader)
    taught.complete()
    [event] = [one for one in feed.next(4) if one["type"] == "lesson.completed"]
    assert list(event) == ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"]
    course_id, lesson_id = taught.course_id, taught.lessons[0]
    assert event["source"] == PREFIX
    assert event["subject"] == f"learners/{learner_id}/courses/{course_id}/lessons/{lesson_id}"
    assert event["data"]["by"] == {"kind": "learner", "user_id": None}
    named = {name: event["data"][name] for name in ("user_id", "course_id", "lesson_id")}
    assert named == {"user_id": learner_id, "course_id": course_id, "lesson_id": lesson_id}
    assert event["data"]["old"]["status"] is None
    assert event["data"]["new"]["status"] == "completed"
    schema = visitor.get(f"{event['source']}/schemas/events")
    assert schema.status_code == 200
    jsonschema.Draft202012Validator(schema.json()).validate(event)


def test_types_and_a_course_select(reader: httpx.Client, taught: Taught, author: httpx.Client) -> None:
    other = Taught(author, taught.learner)
    feed = taught.feed(reader, types="lesson.completed,course.edited")
    other.complete()
    taught.complete()
    taught.put(title="Edited")
    assert feed.types(2) == ["lesson.completed", "course.edited"]
    repeated = Reader(reader, "0", course=other.course_id, types=BUT_ERASURES)
    assert "lesson.completed" in [event["type"] for event in repeated.next(4)]
    page = reader.get(f"/events?types=course.edited&types=lesson.started&course={taught.course_id}&after=0&wait=9")
    assert {event["type"] for event in page.json()["events"]} == {"course.edited", "lesson.started"}


def test_a_page_always_has_a_cursor_also_behind_what_was_left_out(reader: httpx.Client, taught: Taught) -> None:
    seen = taught.feed(reader)
    others = Reader(reader, course=str(uuid4()))
    before = int(others.after)
    taught.complete()
    seen.next(4)
    page = others.page()
    assert page["events"] == []
    assert page["more"] is False
    assert int(page["next"]) >= before + 4


def test_waiting_ends_with_an_event_or_with_the_time(reader: httpx.Client, taught: Taught) -> None:
    feed = taught.feed(reader)
    empty = feed.page(wait=1)
    assert (empty["events"], empty["more"]) == ([], False)
    taught.complete()
    assert feed.page(wait=30)["events"]


@pytest.mark.parametrize(
    ("query", "name", "kind"),
    [
        ("after=", "after", "cursor_parsing"), ("after=-1", "after", "cursor_parsing"),
        ("after=oldest", "after", "cursor_parsing"), ("after=1e3", "after", "cursor_parsing"),
        (f"after={10**18}", "after", "cursor_parsing"), ("after=%D9%A1", "after", "cursor_parsing"),
        ("types=", "types", "unknown_type"), ("types=lesson.started,lesson", "types", "unknown_type"),
        ("types=webhook.test", "types", "unknown_type"),
        ("course=1", "course", "uuid_parsing"), ("limit=0", "limit", "greater_than_equal"),
        ("limit=1001", "limit", "less_than_equal"), ("wait=31", "wait", "less_than_equal"),
        ("wait=-1", "wait", "greater_than_equal"), ("wait=soon", "wait", "int_parsing"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(reader: httpx.Client, query: str, name: str, kind: str) -> None:
    answer = reader.get(f"/events?{query}")
    assert answer.status_code == 422
    [fault] = answer.json()["detail"]
    assert (fault["loc"], fault["type"]) == (["query", name], kind)
    assert fault["msg"]


def test_a_cursor_of_another_feed_is_gone(reader: httpx.Client) -> None:
    answer = reader.get(f"/events?after={10**17}")
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")


def test_the_feed_needs_its_scope_and_is_not_kept_by_caches(
    reader: httpx.Client, learner: httpx.Client, teacher: httpx.Client, visitor: httpx.Client
) -> None:
    for client in (learner, teacher):
        answer = client.get("/events")
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
        assert 'scope="events:read"' in answer.headers["www-authenticate"]
    assert visitor.get(f"{PREFIX}/events").status_code == 401
    assert reader.get("/events").headers["cache-control"] == "no-store"


def test_a_token_for_a_course_reads_its_events_alone(
    limited: Callable[..., httpx.Client], taught: Taught, author: httpx.Client, reader: httpx.Client
) -> None:
    other = Taught(author, taught.learner)
    whole = Reader(reader)
    feed = Reader(limited(courses=[taught.course_id]), taught.feed(reader).after)
    other.complete()
    taught.complete()
    taught.put(title="Edited")
    events = feed.next(5)
    assert {event["data"]["course_id"] for event in events} == {taught.course_id}
    assert len([one for one in whole.next(9) if one["data"]["course_id"] == other.course_id]) >= 4
    refused = limited(courses=[taught.course_id]).get(f"/events?course={other.course_id}")
    assert (refused.status_code, refused.json()["code"]) == (403, "course_not_granted")


def test_a_token_for_a_group_reads_of_its_members_and_of_documents(
    limited: Callable[..., httpx.Client],
    client_of: Callable[..., httpx.Client],
    taught: Taught,
    learner_id: str,
    other_learner: httpx.Client,
) -> None:
    registrar = client_of(str(uuid4()), "groups:write", "learners:admin")
    group, stranger = str(uuid4()), str(uuid4())
    registrar.put(f"/groups/{group}", json={"title": "A class", "members": [learner_id]}).raise_for_status()
    feed = taught.feed(limited(groups=[group]))
    neither = Reader(limited(groups=[], courses=[]))
    taught.complete(client=other_learner)
    taught.complete()
    taught.put(title="Edited")
    registrar.delete(f"/learners/{stranger}").raise_for_status()
    events = feed.next(6)
    told = {(event["type"], event["data"]["user_id"]) for event in events}
    assert {user for kind, user in told if not kind.startswith("course.e") and kind != "learner.erased"} == {learner_id}
    assert ("course.edited", None) in told
    erased = neither.next(1)
    assert ("learner.erased", stranger) in {(event["type"], event["data"]["user_id"]) for event in erased}
    assert {event["type"] for event in erased} == {"learner.erased"}


def test_no_event_is_told_where_they_are_off(folder: Path, database_url: str) -> None:
    with (
        forked_headway_serve(folder, database_url=database_url, events_days=0) as running,
        running.client(None, "events:read") as reader,
    ):
        for accept in ("application/json", "text/event-stream"):
            for query in ("", "?after=newest", "?wait=1"):
                answer = reader.get(f"/events{query}", headers={"Accept": accept})
                assert (answer.status_code, answer.json()["code"]) == (404, "events_off")


def test_a_write_of_another_process_ends_the_wait(folder: Path, database_url: str) -> None:
    with (
        forked_headway_serve(folder, database_url=database_url) as first,
        forked_headway_serve(folder, database_url=database_url) as second,
        first.client(None, "events:read") as reader,
        second.client(None, "courses:write") as author,
        second.client() as learner,
    ):
        feed = Reader(reader)
        taught = Taught(author, learner)
        taught.complete()
        assert feed.types(5) == ["course.published", *FIRST]
