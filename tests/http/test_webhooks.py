"""Webhooks over HTTP: who manages them, what receivers get, and what is never told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import standardwebhooks
from fastapi import FastAPI

from headway import Settings, create_router
from headway.domain.webhooks import MOST_WEBHOOKS
from headway.formats.events import EventDocument
from support.postgres import Databases
from support.program import forked_headway_serve
from support.receivers import Answer, Receiver, closing, receiver
from support.running import PREFIX, SECRET, authorization, course, eventually
from support.school import limited_token
from support.serving import served

EDITOR = "webhooks:write"
LOOPBACK = "127.0.0.0/8"
PATIENCE = 30
COMPLETED = "lesson.completed"
WAYS = ("service on sqlite", "service on postgres", "router")


@pytest.fixture(scope="module", params=WAYS)
def base_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> Iterator[str]:
    """Yield the address of the API: of a service on each store, and of an application that includes the router."""
    folder = tmp_path_factory.mktemp("service")
    with ExitStack() as made:
        if request.param == "router":
            url = f"sqlite:///{folder}/headway.db"
            host = FastAPI()
            host.include_router(create_router(Settings(database_url=url, jwt_secret=SECRET, webhooks_allow=LOOPBACK)))
            yield made.enter_context(served(host)) + PREFIX
            return
        given = {"database_url": made.enter_context(databases.fresh())} if "postgres" in request.param else {}
        yield made.enter_context(forked_headway_serve(folder, webhooks_allow=LOOPBACK, **given)).base_url + PREFIX


def answer(code: int, *headers: str) -> Answer:
    """Return what answers with a status and closes the connection, which the service would keep for the next event."""
    return closing(
        "\r\n".join((f"HTTP/1.1 {code} Word", "Content-Length: 0", "Connection: close", *headers, "", "")).encode()
    )


def answer_after(moment: asyncio.Event) -> Answer:
    """Return what answers 204 as soon as the moment has come."""

    async def answer_then(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await moment.wait()
        await answer(204)(reader, writer)

    return answer_then


class Office:
    """A client with all scopes, a course, and a learner in it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.learner_id, self.course_id = str(uuid4()), str(uuid4())
        self.document = course()

    async def publish(self, course_id: str) -> None:
        (await self.client.put(f"/courses/{course_id}", json=self.document)).raise_for_status()

    async def complete(self, course_id: str | None = None, position: int = 0, learner_id: str | None = None) -> None:
        """Complete a lesson as the learner, or as another one."""
        lesson_id = self.document["lessons"][position]["id"]
        headers = authorization(learner_id or self.learner_id)
        path = f"/progress/{course_id or self.course_id}/lessons/{lesson_id}"
        done = await self.client.put(path, json={"status": "completed"}, headers=headers)
        done.raise_for_status()

    async def subscribe(self, address: str, **fields: object) -> tuple[str, dict[str, Any]]:
        """Put a webhook for completed lessons of the course. Return its path and the answer."""
        path = f"/webhooks/{uuid4()}"
        asked = {"address": address, "types": [COMPLETED], "courses": [self.course_id]} | fields
        put = await self.client.put(path, json=asked)
        assert put.status_code == 200, put.text
        return path, put.json()

    async def read(self, path: str) -> Any:
        found = await self.client.get(path)
        assert found.status_code == 200, found.text
        return found.json()

    async def last_delivery(self, path: str) -> dict[str, Any]:
        found = await self.read(f"{path}/deliveries?limit=1")
        return found[0] if found else {}


@pytest.fixture
async def office(base_url: str) -> AsyncIterator[Office]:
    scopes = ("courses:write", EDITOR, "groups:write")
    async with httpx.AsyncClient(
        base_url=base_url, headers=authorization(str(uuid4()), *scopes), timeout=20, verify=False
    ) as client:
        made = Office(client)
        await made.publish(made.course_id)
        yield made


async def until(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds, or what it awaits."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.02)


def opened(secret: str, got: Receiver, number: int = -1) -> dict[str, Any]:
    """Verify a request as any receiver does. Return what it tells."""
    request = got.requests[number]
    verified: dict[str, Any] = standardwebhooks.Webhook(secret).verify(request.body, request.headers)
    return verified


async def test_a_signed_event_arrives(office: Office) -> None:
    async with receiver(answer(204)) as got:
        path, put = await office.subscribe(got.url)
        assert (put["id"], put["enabled"], put["waiting"]) == (path.rpartition("/")[2], True, 0)
        await office.complete()
        await until(lambda: got.requests)
        told = opened(put["secret"], got)
        assert got.requests[0].line == "POST /hooks HTTP/1.1"
        assert got.requests[0].headers["content-type"].startswith("application/cloudevents+json")
        EventDocument.model_validate_json(got.requests[0].body)
        assert (told["type"], told["data"]["user_id"], told["data"]["course_id"]) == (
            COMPLETED, office.learner_id, office.course_id
        )  # fmt: skip
        assert told["id"] == got.requests[0].headers["webhook-id"]

        async def is_noted() -> bool:
            return (await office.last_delivery(path)).get("state") == "delivered"

        await until(is_noted)
        delivery = await office.last_delivery(path)
        assert (delivery["event_id"], delivery["attempts"], delivery["last_result"]) == (told["id"], 1, "204")
        assert delivery["first_attempt_at"] == delivery["last_attempt_at"] is not None
        assert delivery["next_attempt_at"] is None


async def test_a_secret_is_shown_once(office: Office) -> None:
    path, put = await office.subscribe("https://lms.example/hooks")
    assert put["secret"].startswith("whsec_")
    again = await office.client.put(path, json={"address": put["address"]})
    assert again.json()["secret"] is None
    rotated = await office.client.post(f"{path}/secret")
    assert rotated.json()["secret"] not in {None, put["secret"]}
    said = json.dumps([await office.read(path), await office.read("/webhooks"), again.json()])
    assert put["secret"] not in said
    assert rotated.json()["secret"] not in said
    present, earlier = (await office.read(path))["secrets"]
    assert present == {"valid_until": None}
    assert earlier["valid_until"] is not None


async def test_both_secrets_sign_after_a_new_one_was_made(office: Office) -> None:
    async with receiver(answer(200)) as got:
        path, put = await office.subscribe(got.url)
        new = (await office.client.post(f"{path}/secret")).json()["secret"]
        tried = await office.client.post(f"{path}/test")
        assert tried.json() == {"outcome": "answered", "status": 200, "taken": True}
        assert {opened(secret, got)["type"] for secret in (put["secret"], new)} == {"webhook.test"}


async def test_one_test_of_a_webhook_runs_at_a_time(office: Office) -> None:
    may_answer = asyncio.Event()
    async with receiver(answer_after(may_answer)) as got, asyncio.TaskGroup() as running:
        path, _ = await office.subscribe(got.url)
        other, _ = await office.subscribe(got.url)
        first = running.create_task(office.client.post(f"{path}/test"))
        await got.gets(1)
        for _ in range(3):
            refused = await office.client.post(f"{path}/test")
            assert (refused.status_code, refused.json()["code"]) == (409, "webhook_test_under_way")
            assert "test of this webhook is under way" in refused.json()["detail"]
        of_another = running.create_task(office.client.post(f"{other}/test"))
        await got.gets(2)
        may_answer.set()
        for tried in (await first, await of_another, await office.client.post(f"{path}/test")):
            assert tried.json() == {"outcome": "answered", "status": 204, "taken": True}
    assert len(got.requests) == 3


async def test_a_webhook_can_be_tested_again_after_a_client_left(office: Office) -> None:
    may_answer = asyncio.Event()
    async with receiver(answer_after(may_answer)) as got:
        path, _ = await office.subscribe(got.url)
        left = asyncio.create_task(office.client.post(f"{path}/test"))
        await got.gets(1)
        left.cancel()
        may_answer.set()

        async def is_taken() -> bool:
            tried = await office.client.post(f"{path}/test")
            return tried.status_code == 200 and tried.json()["taken"]

        await until(is_taken)


async def test_other_events_are_not_sent(office: Office) -> None:
    other = str(uuid4())
    await office.publish(other)
    async with receiver(answer(200)) as got:
        _, put = await office.subscribe(got.url)
        await office.complete(other)
        await office.complete()
        await until(lambda: got.requests)
        assert opened(put["secret"], got, 0)["data"]["course_id"] == office.course_id


async def test_a_group_limits_what_is_sent(office: Office) -> None:
    group_id, outsider = str(uuid4()), str(uuid4())
    group = {"title": "A class", "members": [office.learner_id]}
    (await office.client.put(f"/groups/{group_id}", json=group)).raise_for_status()
    async with receiver(answer(200)) as got:
        _, put = await office.subscribe(got.url, groups=[group_id])
        await office.complete(learner_id=outsider)
        await office.complete()
        await until(lambda: got.requests)
        assert opened(put["secret"], got, 0)["data"]["user_id"] == office.learner_id


async def test_an_event_is_sent_once_more_when_asked(office: Office) -> None:
    async with receiver(answer(200)) as got:
        path, _ = await office.subscribe(got.url)
        await office.complete()

        async def is_delivered() -> bool:
            return (await office.last_delivery(path)).get("state") == "delivered"

        await until(is_delivered)
        number = (await office.last_delivery(path))["id"]
        asked = await office.client.post(f"{path}/deliveries/{number}/redeliver")
        assert (asked.json()["state"], asked.json()["attempts"]) == ("waiting", 0)
        await until(lambda: len(got.requests) == 2)
        assert got.requests[0].headers["webhook-id"] == got.requests[1].headers["webhook-id"]
        unknown = await office.client.post(f"{path}/deliveries/{number + 1_000_000}/redeliver")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "delivery_not_found")


async def test_deliveries_are_listed_from_the_last_one_in_pages(office: Office) -> None:
    async with receiver(answer(200)) as got:
        path, _ = await office.subscribe(got.url)
        for position in range(3):
            await office.complete(position=position)
        await until(lambda: len(got.requests) == 3)
        listed: list[int] = []
        address = f"{path}/deliveries?limit=2"
        while address:
            found = await office.client.get(address)
            listed += [one["id"] for one in found.json()]
            address = f"{path}/deliveries{found.links['next']['url']}" if "next" in found.links else ""
        assert len(listed) == 3
        assert listed == sorted(listed, reverse=True)


async def test_what_happens_while_it_is_off_is_sent_when_it_is_on(office: Office) -> None:
    async with receiver(answer(200)) as got:
        path, put = await office.subscribe(got.url, enabled=False)
        assert put["disabled_because"] == "by_request"
        await office.complete()
        tried = await office.client.post(f"{path}/test")
        assert tried.json()["taken"] is True
        assert [opened(put["secret"], got, number)["type"] for number in range(len(got.requests))] == ["webhook.test"]
        (await office.client.put(path, json=await office.read(path) | {"enabled": True})).raise_for_status()
        await until(lambda: len(got.requests) == 2)
        assert opened(put["secret"], got)["type"] == COMPLETED


async def test_an_answer_410_turns_it_off(office: Office) -> None:
    async with receiver(answer(410)) as got:
        path, _ = await office.subscribe(got.url)
        await office.complete()

        async def is_off() -> bool:
            return not (await office.read(path))["enabled"]

        await until(is_off)
        [listed] = [one for one in await office.read("/webhooks") if one["id"] == path.rpartition("/")[2]]
        assert listed["disabled_because"] == "gone"
        assert listed["failing_since"] is not None

        async def is_noted() -> object:
            return (await office.last_delivery(path)).get("last_result") == "410"

        await until(is_noted)
        assert (await office.last_delivery(path))["state"] == "waiting"


async def test_a_receiver_that_fails_is_seen_to_fail_and_to_recover(office: Office) -> None:
    async with receiver(answer(503, "Retry-After: 1")) as got:
        path, _ = await office.subscribe(got.url)
        await office.complete()

        async def is_failing() -> bool:
            delivery, found = await office.last_delivery(path), await office.read(path)
            return delivery.get("last_result") == "503" and found["failing_since"] is not None

        await until(is_failing)
        found = await office.read(path)
        assert (found["waiting"], found["enabled"]) == (1, True)
    async with receiver(answer(200), port=got.port) as well:
        number = (await office.last_delivery(path))["id"]
        (await office.client.post(f"{path}/deliveries/{number}/redeliver")).raise_for_status()
        await until(lambda: well.requests)

        async def is_well() -> bool:
            found = await office.read(path)
            return found["failing_since"] is None and found["waiting"] == 0

        await until(is_well)


class TestConditions:
    async def test_an_answer_can_be_put_again_and_changes_nothing(self, office: Office) -> None:
        path, put = await office.subscribe("https://lms.example/hooks?token=abc")
        read = await office.client.get(path)
        again = await office.client.put(path, json=read.json(), headers={"If-Match": read.headers["etag"]})
        assert (again.status_code, again.json()) == (200, put | {"secret": None})

    async def test_a_stale_etag_changes_nothing(self, office: Office) -> None:
        path, put = await office.subscribe("https://lms.example/hooks")
        stale = (await office.client.get(path)).headers["etag"]
        asked = {"address": "https://lms.example/others"}
        (await office.client.put(path, json=asked, headers={"If-Match": stale})).raise_for_status()
        for headers in ({"If-Match": stale}, {"If-None-Match": "*"}):
            refused = await office.client.put(path, json={"address": put["address"]}, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
        assert (await office.read(path))["address"] == asked["address"]

    async def test_an_etag_of_one_that_was_removed_is_stale(self, office: Office) -> None:
        path, put = await office.subscribe("https://lms.example/hooks")
        stale = (await office.client.get(path)).headers["etag"]
        assert (await office.client.delete(path)).status_code == 204
        (await office.client.put(path, json={"address": put["address"]})).raise_for_status()
        refused = await office.client.put(path, json={"address": put["address"]}, headers={"If-Match": stale})
        assert refused.status_code == 412

    async def test_an_answer_that_is_current_is_not_sent_again(self, office: Office) -> None:
        path, _ = await office.subscribe("https://lms.example/hooks")
        etag = (await office.client.get(path)).headers["etag"]
        assert (await office.client.get(path, headers={"If-None-Match": etag})).status_code == 304


def operations_on(path: str) -> list[tuple[str, str]]:
    return [
        ("GET", path), ("PUT", path), ("DELETE", path), ("POST", f"{path}/secret"), ("POST", f"{path}/test"),
        ("GET", f"{path}/deliveries"), ("POST", f"{path}/deliveries/1/redeliver"),
    ]  # fmt: skip


class TestWhoManages:
    async def test_an_unknown_webhook_is_not_found(self, office: Office) -> None:
        for method, path in operations_on(f"/webhooks/{uuid4()}"):
            if method != "PUT":
                found = await office.client.request(method, path)
                assert (found.status_code, found.json()["code"]) == (404, "webhook_not_found"), path

    async def test_a_token_of_a_course_manages_webhooks_of_that_course_alone(self, office: Office) -> None:
        limited = limited_token(EDITOR, courses=[office.course_id])
        address = {"address": "https://lms.example/hooks"}
        foreign, _ = await office.subscribe(**address, courses=[str(uuid4())])
        own = f"/webhooks/{uuid4()}"
        for courses in (None, [str(uuid4())], [office.course_id, str(uuid4())]):
            refused = await office.client.put(own, json=address | {"courses": courses}, headers=limited)
            assert (refused.status_code, refused.json()["code"]) == (403, "course_not_granted")
        put = await office.client.put(own, json=address | {"courses": [office.course_id]}, headers=limited)
        assert put.status_code == 200
        listed = await office.client.get("/webhooks", headers=limited)
        assert [one["id"] for one in listed.json()] == [put.json()["id"]]
        for method, path in operations_on(foreign):
            body = address | {"courses": [office.course_id]} if method == "PUT" else None
            found = await office.client.request(method, path, json=body, headers=limited)
            assert (found.status_code, found.json()["code"]) == (404, "webhook_not_found"), path
        assert (await office.read(foreign))["courses"] != [office.course_id]

    async def test_a_token_of_a_group_manages_webhooks_of_that_group_alone(self, office: Office) -> None:
        group_id, path = str(uuid4()), f"/webhooks/{uuid4()}"
        limited = limited_token(EDITOR, groups=[group_id])
        address = {"address": "https://lms.example/hooks"}
        for groups in (None, [str(uuid4())]):
            refused = await office.client.put(path, json=address | {"groups": groups}, headers=limited)
            assert (refused.status_code, refused.json()["code"]) == (403, "group_not_granted")
        assert (
            await office.client.put(path, json=address | {"groups": [group_id]}, headers=limited)
        ).status_code == 200


class TestRefusals:
    """On the service that all tests share, which may reach public addresses alone."""

    @pytest.fixture
    def editor(self, client_of: Callable[..., httpx.Client]) -> httpx.Client:
        return client_of(str(uuid4()), EDITOR)

    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("http://lms.example/SECRET", "not one of https"),
            ("https://ada:SECRET@lms.example/", "user name or a password"),
            ("https://lms.example/#SECRET", "fragment"),
            ("https://lms.example/SECRET" + "x" * 2_000, "2000 characters"),
            ("https://lms.example:99999/SECRET", "port"),
            ("https://127.0.0.1/SECRET", "not public"),
            ("https://[::1]/SECRET", "not public"),
            ("https://169.254.169.254/SECRET", "not public"),
            ("https://2130706433/SECRET", "not written in the usual way"),
            ("ftp://lms.example/SECRET", "not one of https"),
            ("SECRET", "not one of https"),
            ("https://lms.example/SECRET space", "not one of https"),
            (["SECRET"], "string"),
            (None, "string"),
        ],
    )
    def test_an_address_that_is_wrong_is_refused_without_being_repeated(
        self, editor: httpx.Client, address: object, said: str
    ) -> None:
        path = f"/webhooks/{uuid4()}"
        refused = editor.put(path, json={"address": address})
        assert refused.status_code == 422, refused.text
        [fault] = refused.json()["detail"]
        assert fault["loc"] == ["body", "address"]
        assert said in fault["msg"]
        assert "SECRET" not in refused.text
        assert editor.get(path).status_code == 404

    @pytest.mark.parametrize(
        ("wrong", "place"),
        [
            ({"types": []}, ["types"]), ({"types": ["lesson.eaten"]}, ["types", 0]),
            ({"courses": ["x"]}, ["courses", 0]),
            ({"types": ["webhook.test"]}, ["types"]), ({"types": ["progress.updated"]}, ["types"]),
            ({"enabled": "yes"}, ["enabled"]), ({"typos": None}, ["typos"]), ({"groups": []}, ["groups"]),
        ],
    )  # fmt: skip
    def test_wrong_fields_are_refused(self, editor: httpx.Client, wrong: dict[str, Any], place: list[Any]) -> None:
        refused = editor.put(f"/webhooks/{uuid4()}", json={"address": "https://lms.example/SECRET"} | wrong)
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"] == ["body", *place]
        assert "SECRET" not in refused.text

    @pytest.mark.parametrize("number", ["0", "x", "1" * 19, "-1"])
    def test_a_delivery_has_a_number(self, editor: httpx.Client, number: str) -> None:
        assert editor.post(f"/webhooks/{uuid4()}/deliveries/{number}/redeliver").status_code == 422

    def test_a_cursor_is_one_that_was_answered(self, editor: httpx.Client) -> None:
        path = f"/webhooks/{uuid4()}"
        editor.put(path, json={"address": "https://lms.example/hooks", "enabled": False}).raise_for_status()
        assert editor.get(f"{path}/deliveries?cursor=x").status_code == 422
        assert editor.get(f"{path}/deliveries?cursor=7").json() == []
        editor.delete(path).raise_for_status()

    def test_a_private_name_is_refused_when_it_is_sent_to(
        self, editor: httpx.Client, learner: httpx.Client, lesson_path: str
    ) -> None:
        path, course_id = f"/webhooks/{uuid4()}", lesson_path.split("/")[2]
        put = {"address": "https://localhost/hooks", "courses": [course_id], "types": [COMPLETED]}
        editor.put(path, json=put).raise_for_status()
        tried = editor.post(f"{path}/test")
        assert tried.json() == {"outcome": "address_refused", "status": None, "taken": False}
        learner.put(lesson_path, json={"status": "completed"}).raise_for_status()
        eventually(
            lambda: [one["last_result"] for one in editor.get(f"{path}/deliveries").json()] == ["address_refused"],
            PATIENCE,
        )
        editor.delete(path).raise_for_status()

    def test_webhooks_need_their_scope(self, client_of: Callable[..., httpx.Client]) -> None:
        client = client_of(str(uuid4()), "events:read", "courses:write", "learners:admin")
        for method, path in [("GET", "/webhooks"), *operations_on(f"/webhooks/{uuid4()}")]:
            found = client.request(method, path, json={"address": "https://lms.example/"} if method == "PUT" else None)
            assert (found.status_code, found.json()["code"]) == (403, "missing_scope"), path


def test_there_are_a_hundred_webhooks_at_most(folder: Path) -> None:
    with forked_headway_serve(folder) as running, running.client(None, EDITOR) as client:
        asked = {"address": "https://lms.example/hooks", "enabled": False}
        ids = [str(uuid4()) for _ in range(MOST_WEBHOOKS)]
        for webhook_id in ids:
            client.put(f"/webhooks/{webhook_id}", json=asked).raise_for_status()
        refused = client.put(f"/webhooks/{uuid4()}", json=asked)
        assert (refused.status_code, refused.json()["detail"][0]["type"]) == (422, "too_many")
        assert client.put(f"/webhooks/{ids[0]}", json=asked).status_code == 200
        assert [one["id"] for one in client.get("/webhooks").json()] == ids


def test_without_events_there_are_no_webhooks(folder: Path) -> None:
    with forked_headway_serve(folder, events_days=0) as running, running.client(None, EDITOR) as client:
        for method, path in [("GET", "/webhooks"), *operations_on(f"/webhooks/{uuid4()}")]:
            found = client.request(method, path, json={"address": "https://lms.example/"} if method == "PUT" else None)
            assert (found.status_code, found.json()["code"]) == (404, "events_off"), path


async def test_neither_a_secret_nor_an_address_is_logged(folder: Path) -> None:
    async with receiver(answer(410)) as got:
        with forked_headway_serve(
            folder, webhooks_allow=LOOPBACK, log_requests="all", log_level="debug", log_format="json"
        ) as running:
            headers = authorization(str(uuid4()), "courses:write", EDITOR)
            url = running.base_url + PREFIX
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20, verify=False) as client:
                office = Office(client)
                await office.publish(office.course_id)
                path, put = await office.subscribe(f"{got.url}/inthepath?token=inthequery")
                new = (await client.post(f"{path}/secret")).json()["secret"]
                await client.put(path, json={"address": f"ftp://{got.url}/inthepath?token=inthequery"})
                await client.post(f"{path}/test")
                await office.complete()

                async def is_off() -> bool:
                    return not (await office.read(path))["enabled"]

                await until(is_off)
                metrics = ""

                async def is_at_rest() -> bool:
                    nonlocal metrics
                    metrics = (await client.get(running.base_url + "/metrics")).text
                    return "headway_webhooks_failing 0.0" in metrics

                await until(is_at_rest)
            await asyncio.to_thread(running.stop)
    log = "".join(running.log)
    assert "webhook_turned_off" in log
    assert "/webhooks/{webhook_id}" in log
    for secret in (put["secret"], new):
        assert secret.removeprefix("whsec_") not in log + metrics
    for part in ("inthepath", "inthequery", f"127.0.0.1:{got.port}"):
        assert part not in log + metrics
    assert 'headway_webhook_attempts_total{outcome="failed"} 1.0' in metrics
    assert 'headway_webhooks_turned_off_total{reason="gone"} 1.0' in metrics
