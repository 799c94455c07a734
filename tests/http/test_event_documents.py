"""Every kind of event as a document: against the published schema, and by the library that CloudEvents has for Node."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema  # type: ignore[import-untyped]
import pytest

from headway.domain.events import Actor, ActorKind, Event, EventId, EventType, Feed, PublishedEvent
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.formats.events import SOURCE, event_json, event_page, event_schema
from headway.http.api.routes import PREFIX

ROOT = Path(__file__).parents[2]
LEARNER, COURSE, LESSON, TEACHER = (str(UUID(int=number, version=4)) for number in (1, 2, 3, 4))
DOCUMENTS = [EventType.COURSE_PUBLISHED, EventType.COURSE_EDITED, EventType.COURSE_REMOVED]
# As a receiver in JavaScript does it: with the headers of a webhook, and strictly.
READ_BY_NODE = """
const { CloudEvent, HTTP } = require("cloudevents");
const lines = require("node:fs").readFileSync(0, "utf8").trim().split("\\n");
const headers = { "content-type": "application/cloudevents+json" };
for (const body of lines) {
  const received = HTTP.toEvent({ headers, body });
  const made = new CloudEvent(JSON.parse(body), true);
  if (!received.validate() || received.id !== made.id) throw new Error(body);
  console.log(JSON.stringify([received.id, received.type, received.subject, received.time, received.data.user_id]));
}
"""


def event(kind: EventType) -> Event:
    """An event of a kind, with what such an event can have."""
    is_of_lesson = kind.startswith("lesson.") or kind is EventType.PROGRESS_UPDATED
    return Event(
        EventId(str(UUID(int=list(EventType).index(kind) + 100, version=4))),
        kind,
        datetime(2026, 11, 23, 5, 34, 40, 123456, tzinfo=UTC),
        None if kind in DOCUMENTS else LearnerId(LEARNER),
        None if kind is EventType.LEARNER_ERASED else CourseId(COURSE),
        LessonId(LESSON) if is_of_lesson else None,
        Actor(ActorKind.ON_BEHALF, LearnerId(TEACHER)) if is_of_lesson else Actor(ActorKind.LEARNER),
        {"title": None, "score": 12.5},
        {"title": 'Ünïcode "quoted"\n', "score": 80, "passed": True},
    )


ALL = [event(kind) for kind in EventType]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(event_schema())
    return jsonschema.Draft202012Validator(event_schema(), format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.type)
def test_every_kind_of_event_keeps_the_schema(validator: jsonschema.Draft202012Validator, one: Event) -> None:
    text = event_json(one)
    document = json.loads(text)
    validator.validate(document)
    assert b"\n" not in text
    assert document["time"] == "2026-11-23T05:34:40Z"
    assert document["data"]["new"] == one.new
    assert event_page(Feed([PublishedEvent(7, one)], 9, is_last=False)) | {"events": 1} == {
        "events": 1, "next": "9", "more": True,
    }  # fmt: skip


def test_a_subject_goes_as_far_as_the_event() -> None:
    subjects = {one.type: json.loads(event_json(one))["subject"] for one in ALL}
    assert subjects[EventType.LESSON_PASSED] == f"learners/{LEARNER}/courses/{COURSE}/lessons/{LESSON}"
    assert subjects[EventType.RUN_STARTED] == f"learners/{LEARNER}/courses/{COURSE}"
    assert subjects[EventType.COURSE_EDITED] == f"courses/{COURSE}"
    assert subjects[EventType.LEARNER_ERASED] == f"learners/{LEARNER}"
    assert SOURCE == PREFIX


@pytest.mark.parametrize(
    "wrong",
    [
        {"specversion": "0.3"}, {"type": "lesson.opened"}, {"subject": ""}, {"subject": "people/1"}, {"more": 1},
        {"time": "yesterday"}, {"id": 1}, {"source": "https://elsewhere.example"}, {"data": {}},
    ],
)  # fmt: skip
def test_the_schema_refuses_what_is_no_event(validator: jsonschema.Draft202012Validator, wrong: dict[str, Any]) -> None:
    document = json.loads(event_json(ALL[0]))
    validator.validate(document)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(document | wrong)


def test_the_library_of_cloudevents_reads_every_event() -> None:
    sent = b"\n".join(map(event_json, ALL))
    done = subprocess.run(
        ["node", "-e", READ_BY_NODE], cwd=ROOT, input=sent, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    read = [json.loads(line) for line in done.stdout.splitlines()]
    expected = [json.loads(event_json(one)) for one in ALL]
    assert [line[:3] for line in read] == [[one["id"], one["type"], one["subject"]] for one in expected]
    assert [line[4] for line in read] == [one["data"]["user_id"] for one in expected]
    assert {line[3] for line in read} == {"2026-11-23T05:34:40.000Z"}
