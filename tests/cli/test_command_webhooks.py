"""`headway webhooks`: adds, lists, shows, tests, changes and removes webhooks."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
import standardwebhooks

from support.program import Finished, Program, check_refusal
from support.receivers import closing, receiver
from support.running import course, eventually
from support.tables import rows

ADDRESS = "https://lms.example/hooks?token=inthequery"
LOOPBACK = "127.0.0.0/8"


def added(program: Program, *arguments: str, **settings: object) -> tuple[str, str]:
    """Add a webhook. Return its id and its secret."""
    done = program("webhooks", "add", *(arguments or (ADDRESS,)), **settings)
    assert done.code == 0, done.err
    webhook, secret, *_ = done.out.splitlines()
    return webhook.removeprefix("webhook").strip(), secret.removeprefix("secret").strip()


def shown(program: Program, webhook_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(program("webhooks", "show", webhook_id, "--json").out)
    return found


def test_a_database_without_webhooks_says_how_to_add_one(program: Program) -> None:
    listed = program("webhooks", "list")
    assert listed.code == 0
    assert "headway webhooks add" in listed.out
    assert json.loads(program("webhooks", "list", "--json").out) == []


def test_a_webhook_is_added_with_its_secret_and_the_next_step(program: Program) -> None:
    course_id, group_id = str(uuid4()), str(uuid4())
    done = program(
        "webhooks", "add", ADDRESS, "--types", "lesson.completed,course.completed", "--course", course_id.upper(),
        "--group", group_id,
    )  # fmt: skip
    webhook, secret, *rest = done.out.splitlines()
    assert "Standard" in " ".join(rest)
    webhook_id = webhook.removeprefix("webhook").strip()
    found = shown(program, webhook_id)
    assert (found["address"], found["types"]) == (ADDRESS, ["course.completed", "lesson.completed"])
    assert (found["courses"], found["groups"]) == ([course_id], [group_id])
    text = secret.removeprefix("secret").strip()
    assert text.startswith("whsec_")
    for said in (program("webhooks", "list"), program("webhooks", "show", webhook_id)):
        assert text not in said.out


def test_a_list_shows_the_address_without_its_query(program: Program) -> None:
    webhook_id, _ = added(program)
    _heading, line = program("webhooks", "list").out.splitlines()
    assert line.split() == [webhook_id, "lms.example/hooks", "on"]


def test_a_webhook_is_turned_off_and_on(program: Program) -> None:
    webhook_id, _ = added(program)
    assert program("webhooks", "disable", webhook_id).out == f"{webhook_id}: off\n"
    assert shown(program, webhook_id)["disabled_because"] == "by_request"
    assert program("webhooks", "list").out.splitlines()[1].split()[-1] == "off"
    for _ in range(2):
        assert program("webhooks", "enable", webhook_id).out == f"{webhook_id}: on\n"
        assert shown(program, webhook_id)["enabled"] is True


def test_a_new_secret_leaves_the_present_one_valid_for_a_day(program: Program) -> None:
    webhook_id, secret = added(program)
    new = program("webhooks", "rotate", webhook_id).out.splitlines()[1].removeprefix("secret").strip()
    assert new not in {secret, ""}
    assert [one["valid_until"] is None for one in shown(program, webhook_id)["secrets"]] == [True, False]
    assert "an earlier secret is valid until" in program("webhooks", "show", webhook_id).out


def test_a_removed_webhook_is_gone(program: Program) -> None:
    webhook_id, _ = added(program)
    assert program("webhooks", "remove", webhook_id).out == f"{webhook_id}: removed\n"
    for command in ("show", "test", "remove", "enable", "disable", "rotate"):
        check_refusal(program("webhooks", command, webhook_id), "There is no webhook", code=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "http://lms.example/SECRET"), "not one of https"),
        (("add", "https://10.0.0.1/SECRET"), "HEADWAY_WEBHOOKS_ALLOW"),
        (("add", "https://lms.example/SECRET", "--types", "lesson.eaten"), "types"),
        (("add", "https://lms.example/SECRET", "--course", "x"), "courses"),
        (("show", "x"), "WEBHOOK is not a UUID"),
    ],
)
def test_wrong_arguments_are_refused(program: Program, arguments: tuple[str, ...], said: str) -> None:
    refused = program("webhooks", *arguments)
    check_refusal(refused, said)
    assert "SECRET" not in refused.err


def test_a_delivery_that_is_not_there_is_not_sent_once_more(program: Program) -> None:
    webhook_id, _ = added(program)
    check_refusal(program("webhooks", "redeliver", webhook_id, "7"), "There is no delivery 7", code=1)


def test_without_events_there_are_no_webhooks(program: Program) -> None:
    for arguments in (("list",), ("add", ADDRESS), ("test", str(uuid4()))):
        refused = program("webhooks", *arguments, events_days=0)
        check_refusal(refused, "HEADWAY_EVENTS_DAYS turns them on", code=1)


async def test_a_test_is_sent_from_the_command(program: Program) -> None:
    taken = closing(b"HTTP/1.1 204 Word\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    async with receiver(taken) as got:
        webhook_id, secret = await asyncio.to_thread(added, program, got.url, webhooks_allow=LOOPBACK)
        done = await asyncio.to_thread(_tested, program, webhook_id)
        assert (done.code, done.out) == (0, f"{webhook_id}: delivered. The receiver answered 204.\n")
        request = got.requests[0]
        assert standardwebhooks.Webhook(secret).verify(request.body, request.headers)["type"] == "webhook.test"
    refused = await asyncio.to_thread(_tested, program, webhook_id)
    check_refusal(refused, "not delivered. Nobody takes connections there.", code=1)
    not_allowed = await asyncio.to_thread(program, "webhooks", "test", webhook_id)
    check_refusal(not_allowed, "HEADWAY_WEBHOOKS_ALLOW does not name its network", code=1)


def _tested(program: Program, webhook_id: str) -> Finished:
    return program("webhooks", "test", webhook_id, webhooks_allow=LOOPBACK)


def test_a_list_shows_how_receivers_do(program: Program) -> None:
    """The receiver of this webhook has a name that is private, so the server refuses to send to it."""
    webhook_id, _ = added(program, "https://localhost/hooks", "--types", "course.published")
    with program.serve() as running:
        running.put_course(course())
        eventually(lambda: shown(program, webhook_id)["failing_since"] is not None, 30)
        with running.client(None, "webhooks:write") as client:
            number = client.get(f"/webhooks/{webhook_id}/deliveries").json()[0]["id"]
        running.stop()
    [(attempts,)] = rows(program.database_url, f"SELECT attempts FROM event_deliveries WHERE number = {number}")
    assert attempts > 0
    _heading, line = program("webhooks", "list").out.splitlines()
    assert "on; failing since " in line
    assert line.endswith("1 event waiting")
    assert program("webhooks", "show", webhook_id).out.splitlines()[-1].split()[:4] == [
        str(number), "waiting", str(attempts), "address_refused"
    ]  # fmt: skip
    done = program("webhooks", "redeliver", webhook_id, str(number))
    assert done.out == f"{webhook_id}: event {number} is sent once more\n"
