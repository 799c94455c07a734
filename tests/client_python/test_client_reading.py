"""Statistics, and events with a cursor, by both clients."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from headway.client import NEWEST, AsyncClient, CursorExpiredError, Event, HeadwayError
from support.clients import made
from support.faulty import Reply, faulty

T = TypeVar("T")
PATIENCE = 30


async def all_of(values: AsyncIterator[T]) -> list[T]:
    return [value async for value in values]


@pytest.fixture
async def learners(client: AsyncClient, course_id: str, lessons: list[str]) -> list[str]:
    """Return three learners: one has completed the course, one is at the quiz, one has begun."""
    learners = [str(uuid4()) for _ in range(3)]
    for learner in learners:
        await client.progress.write(learner, course_id, lessons[0], {"status": "completed"})
    for learner, score in zip(learners[:2], (90, 10), strict=True):
        await client.progress.write(learner, course_id, lessons[1], {"quiz_score": score, "quiz_attempts": 2})
    return learners


async def test_figures_of_a_course(
    client: AsyncClient, course_id: str, document: dict[str, Any], learners: list[str]
) -> None:
    figures = await client.statistics.course(course_id)
    assert (figures["learners"], figures["completed"]) == (3, 1)
    [listed] = [one async for one in client.statistics.courses(page_size=1) if one["course_id"] == course_id]
    assert listed["title"] == document["title"]
    group = str(uuid4())
    await client.groups.put(group, "Class", learners[:1])
    assert (await client.statistics.course(course_id, group=group))["completion_rate"] == 100
    other = str(uuid4())
    await client.courses.put(other, document)  # type: ignore[arg-type]  # a document
    compared = await client.statistics.compare(course_id, courses=[other])
    assert [one["learners"] for one in compared] == [3, 0]
    activity = await client.statistics.activity(course_id, by="week")
    assert len(activity["days"]) == 30
    day = activity["to"]
    assert len((await client.statistics.activity(course_id, first=day, last=day))["days"]) == 1


async def test_rosters_and_grids_are_read_page_by_page(
    client: AsyncClient, course_id: str, lessons: list[str], learners: list[str]
) -> None:
    lines = await all_of(client.statistics.roster(course_id, sort="progress", order="desc", page_size=1))
    assert lines[0]["user_id"] == learners[0]
    assert {line["user_id"] for line in lines} == set(learners)
    done = await all_of(client.statistics.roster(course_id, completed=True))
    assert [line["user_id"] for line in done] == learners[:1]
    chosen = await all_of(client.statistics.roster(course_id, user_ids=learners[1:], incomplete_lesson=lessons[1]))
    assert [line["user_id"] for line in chosen] == learners[1:2]
    pages = await all_of(client.statistics.grid(course_id, page_size=2))
    assert [len(page["learners"]) for page in pages] == [2, 1]
    assert [one["lesson_id"] for one in pages[0]["lessons"]] == lessons
    detail = await client.statistics.learner(course_id, learners[1], explain=True)
    assert (detail["lessons"][1]["quiz_score"], len(detail["explanation"]["lessons"])) == (10, 3)


async def test_learners_who_need_attention(client: AsyncClient, course_id: str, learners: list[str]) -> None:
    counts = await client.statistics.attention(course=course_id, inactive_days=30)
    assert counts["failing"] == {"count": 1, "has_more": False}
    failing = await all_of(client.statistics.needing_attention("failing", course=course_id, user_ids=learners))
    assert [(one["user_id"], one["attempts"]) for one in failing] == [(learners[1], 2)]


async def published(client: AsyncClient, after: str, course_id: str, count: int) -> None:
    """Wait until so many lessons of a course are told to be completed: events come a moment after their writes."""
    for _ in range(PATIENCE):
        if len((await client.events.page(after, types=["lesson.completed"], course=course_id))["events"]) >= count:
            return
        await client.events.page(after, types=["course.removed"], course=course_id, wait=1)
    raise AssertionError(f"{count} events did not come")


async def test_events_are_followed_from_a_stored_cursor(
    client: AsyncClient, course_id: str, lessons: list[str]
) -> None:
    after = (await client.events.page(NEWEST))["next"]
    for learner in (str(uuid4()), str(uuid4())):
        for lesson in lessons:
            await client.progress.write(learner, course_id, lesson, {"status": "completed"})
    await published(client, after, course_id, 4)
    seen: list[Event] = []
    async for event in client.events.follow(after, types=["lesson.completed"], course=course_id, limit=2, wait=1):
        seen.append(event)
        if len(seen) == 4:
            break
    assert {event["data"]["lesson_id"] for event in seen} == {lessons[0], lessons[2]}
    cursors = [event["cursor"] for event in seen]
    assert cursors[0] == after
    assert None not in cursors
    again = await all_of(client.events.follow(cursors[1], types=["lesson.completed"], course=course_id, wait=0))
    assert [event["id"] for event in again] == [event["id"] for event in seen[2:]]
    assert await all_of(client.events.follow(again[-1]["cursor"], course=str(uuid4()), wait=0)) == []


async def test_pages_of_events_move_the_cursor_over_what_is_left_out(
    client: AsyncClient, learner: str, course_id: str, lessons: list[str]
) -> None:
    after = (await client.events.page(NEWEST))["next"]
    await client.progress.write(learner, course_id, lessons[0], {"status": "completed"})
    elsewhere = str(uuid4())
    async for page in client.events.pages(after, course=elsewhere, types=["course.edited"], wait=1):
        assert page["events"] == []
        assert int(page["next"]) > int(after)
        break


async def test_the_events_before_the_last_one_of_a_page_have_the_cursor_before_the_page(kind: str) -> None:
    pages = [
        {"events": [{"id": "a"}, {"id": "b"}], "next": "7", "more": True},
        {"events": [], "next": "9", "more": True},
        {"events": [{"id": "c"}, {"id": "d"}], "next": "12", "more": False},
    ]
    with faulty(*(Reply(200, page) for page in pages)) as server:
        client = made(kind, server.address, "a token")
        found = [(event["id"], event["cursor"]) async for event in client.events.follow(wait=0)]
        await client.aclose()
    assert found == [("a", None), ("b", "7"), ("c", "9"), ("d", "12")]
    assert [before in request.path for before, request in zip(("", "after=7", "after=9"), server.received, strict=True)]


async def test_the_first_page_of_what_is_new_does_not_wait(kind: str) -> None:
    pages: list[Any] = [
        {"events": [], "next": "7", "more": False},
        {"events": [{"id": "a"}], "next": "8", "more": False},
    ]
    with faulty(*(Reply(200, page) for page in pages)) as server:
        client = made(kind, server.address, "a token")
        async for event in client.events.follow(NEWEST, wait=25):
            assert event["cursor"] == "8"
            break
        await client.aclose()
    queries = [request.path.partition("?")[2] for request in server.received]
    assert queries == ["after=newest&limit=1&wait=0", "after=7&limit=100&wait=25"]
    assert all(one != other for one, other in pairwise(queries))


async def test_a_cursor_whose_events_are_gone(kind: str) -> None:
    gone = Reply(410, {"detail": "Events after the cursor are no longer kept.", "code": "cursor_expired"})
    with faulty(gone) as server:
        client = made(kind, server.address, "a token")
        with pytest.raises(CursorExpiredError) as refused:
            await client.events.page("1")
        await client.aclose()
    assert refused.value.code == "cursor_expired"
    assert isinstance(refused.value, HeadwayError)
