"""People, groups, enrolments, courses, webhooks and sign-in codes, by both clients."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from headway.auth.claims import learner_id as learner_of
from headway.client import AsyncClient, ConditionFailedError, HeadwayError, NotFoundError, learner_id
from support.running import token

T = TypeVar("T")


async def all_of(values: AsyncIterator[T]) -> list[T]:
    return [value async for value in values]


@pytest.mark.parametrize(
    "subject", ["ada@example.org", "909B59DD-c4b4-52ab-acdd-208379bc9b4f", "909b59ddc4b452abacdd208379bc9b4f", "Ä"]
)
@pytest.mark.parametrize("issuer", ["", "https://issuer.example"])
def test_a_learners_id_is_that_of_the_service(subject: str, issuer: str) -> None:
    assert learner_id(subject, issuer) == learner_of(subject, issuer)


async def test_profiles_are_stored_found_and_removed(client: AsyncClient, learner: str) -> None:
    word = f"Zq{uuid4().hex[:8]}"
    stored = await client.people.put_profile(learner, {"name": f"Ada {word}"}, if_none_match="*")
    assert stored.value["locale"] is None
    assert await client.people.profile(learner) == stored
    with pytest.raises(ConditionFailedError):
        await client.people.put_profile(learner, {"name": "Somebody"}, if_none_match="*")
    others = [str(uuid4()) for _ in range(4)]
    for other in others:
        await client.people.put_profile(other, {"name": f"{word} {other}"})
    found = await all_of(client.people.find(word.lower(), page_size=2))
    assert {one["user_id"] for one in found} == {learner, *others}
    await client.people.remove_profile(learner, if_match=stored.etag)
    with pytest.raises(NotFoundError) as missing:
        await client.people.profile(learner)
    assert missing.value.code == "profile_not_found"


async def test_a_file_of_people_is_imported(client: AsyncClient, learner: str, course_id: str) -> None:
    title = f"Class {uuid4()}"
    file = f"user_id,name,groups,courses\n{learner},Grace Hopper,{title},{course_id}\n".encode()
    tried = await client.people.import_file(file, dry_run=True)
    report = await client.people.import_file(file)
    assert tried == report
    assert (report["new"], report["groups_added"], report["enrolments_added"]) == ([learner], 1, 1)
    [group] = [one async for one in client.groups.all(page_size=1) if one["title"] == title]
    assert group["members"] == 1


async def test_a_goal_is_set_and_removed(client: AsyncClient, learner: str) -> None:
    goal = await client.people.put_goal(learner, 3)
    assert (goal["days_per_week"], goal["met"]) == (3, False)
    assert (await client.people.goal(learner, first_weekday="sunday"))["days_per_week"] == 3
    await client.people.remove_goal(learner)
    with pytest.raises(NotFoundError):
        await client.people.goal(learner)


async def test_groups_are_stored_and_enrolled(client: AsyncClient, learner: str, course_id: str) -> None:
    group, other = str(uuid4()), uuid4()
    stored = await client.groups.put(group, "Class 7c", [learner])
    await client.groups.add(group, other)
    read = await client.groups.get(group)
    assert sorted(read.value["members"]) == sorted([learner, str(other)])
    with pytest.raises(ConditionFailedError):
        await client.groups.put(group, "Class 7d", [], if_match=stored.etag)
    due_at = datetime(2099, 7, 31, 22, tzinfo=UTC)
    enrolled = await client.enrolments.enrol_group(group, course_id, due_at=due_at)
    assert enrolled["due_at"] == "2099-07-31T22:00:00Z"
    enrolments = await all_of(client.enrolments.of_course(course_id, page_size=1))
    assert [one["user_id"] for one in enrolments] == sorted([learner, str(other)])
    await client.groups.take_out(group, other)
    await client.enrolments.end_group(group, course_id)
    assert await all_of(client.enrolments.of_course(course_id)) == []
    await client.groups.remove(group)
    with pytest.raises(NotFoundError):
        await client.groups.get(group)


async def test_enrolments_and_runs(
    client: AsyncClient, client_of: Callable[..., AsyncClient], learner: str, course_id: str, lessons: list[str]
) -> None:
    enrolled = await client.enrolments.enrol(learner, course_id, due_at=datetime.now(UTC) + timedelta(days=9))
    assert (enrolled["status"], enrolled["run"]) == ("not_started", 1)
    [own] = await client_of(learner).enrolments.own()
    assert own["title"].startswith("Course ")
    await client.progress.write(learner, course_id, lessons[0], {"status": "completed"})
    second = await client.enrolments.begin_run(learner, course_id, number=2)
    assert (second["run"], second["due_at"]) == (2, None)
    with pytest.raises(HeadwayError) as refused:
        await client.enrolments.begin_run(learner, course_id, number=2)
    assert refused.value.code == "run_conflict"
    assert [run["number"] for run in await client.enrolments.runs(learner, course_id)] == [1, 2]
    first = await client.enrolments.run(learner, course_id, 1)
    assert [one["status"] for one in first["lesson_progress"]] == ["completed"]
    await client.enrolments.end(learner, course_id)
    assert await all_of(client.enrolments.of_course(course_id)) == []


async def test_courses_are_edited_without_overwriting_another_author(
    client: AsyncClient, learner: str, course_id: str, lessons: list[str]
) -> None:
    await client.progress.write(learner, course_id, lessons[0], {"status": "completed"})
    read = await client.courses.get(course_id)
    edited: Any = read.value | {"lessons": read.value["lessons"][:1]}
    impact = await client.courses.impact(course_id, edited)
    assert (impact["learners"], impact["gain_completion"]) == (1, 1)
    change = await client.courses.put(course_id, edited, if_match=read.etag)
    assert change.value["removed"] == lessons[1:]
    with pytest.raises(ConditionFailedError):
        await client.courses.put(course_id, edited, if_match=read.etag)
    checked = await client.courses.validate(
        b"{title: Bread, lessons: [{id: %b, title: Flour}]}" % lessons[0].encode(), "application/yaml"
    )
    assert checked["lessons"][0]["kind"] == "other"
    listed = [one["id"] async for one in client.courses.all(page_size=1)]
    assert listed.count(course_id) == 1
    await client.courses.remove(course_id)
    with pytest.raises(NotFoundError) as missing:
        await client.courses.get(UUID(course_id))
    assert missing.value.code == "course_not_found"


async def test_webhooks_are_managed(client: AsyncClient) -> None:
    webhook = str(uuid4())
    made = await client.webhooks.put(webhook, {"address": "https://lms.example/hooks", "types": ["course.completed"]})
    assert (made.value["secret"] or "").startswith("whsec_")
    assert (await client.webhooks.get(webhook)).value["types"] == ["course.completed"]
    assert webhook in [one["id"] for one in await client.webhooks.all()]
    assert len((await client.webhooks.new_secret(webhook))["secrets"]) == 2
    assert not (await client.webhooks.test(webhook))["taken"]
    assert await all_of(client.webhooks.deliveries(webhook)) == []
    with pytest.raises(NotFoundError) as missing:
        await client.webhooks.redeliver(webhook, 4711)
    assert missing.value.code == "delivery_not_found"
    await client.webhooks.remove(webhook)
    with pytest.raises(NotFoundError):
        await client.webhooks.get(webhook)


async def test_a_code_signs_a_learner_in(client: AsyncClient, learner: str) -> None:
    code = await client.with_token(token(learner)).sign_in_code()
    assert urlsplit(code["url"]).query == f"code={code['code']}"
    assert (await client.people.export(learner))["user_id"] == learner  # with the first token, over open connections
