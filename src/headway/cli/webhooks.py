"""`headway webhooks`: manages webhooks directly in the database. The server delivers to them."""

from collections.abc import Iterator
from typing import Annotated, Final
from uuid import uuid4

import typer
from rich.table import Column, Table
from rich.text import Text

from headway.cli.console import (
    OPERATOR,
    AsJson,
    count_of,
    fail,
    out,
    print_json,
    refusals_end_the_program,
    shown_moment,
    webhook_id_of,
    with_service,
)
from headway.domain.deliveries import HIGHEST_NUMBER, DeliveryAttempt, Outcome
from headway.domain.identifiers import ConsumerId, WebhookId
from headway.domain.webhook_address import public_part
from headway.domain.webhooks import DisabledBecause
from headway.domain.writes import Precondition
from headway.formats import webhooks as formats
from headway.formats.webhooks import webhook_request
from headway.service import Services, WebhookReading
from headway.service.webhooks import MOST_COUNTED, DeliveryPage

app: Final = typer.Typer(no_args_is_help=True, help="Webhooks: addresses to which the service sends events.")

WebhookArgument = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The webhook's id, a UUID.")]

_LAST: Final = 10
_NEXT: Final = (
    "This secret is shown once. Give it to the receiver, and let it check the signatures with a library for Standard\n"
    "Webhooks: https://www.standardwebhooks.com"
)
_STATES: Final = {
    DisabledBecause.BY_REQUEST: "off",
    DisabledBecause.GONE: "off since it answered 410 (gone)",
    DisabledBecause.FAILING: "off after five days without a success",
}


@app.command("list")
def list_webhooks(as_json: AsJson = False) -> None:
    """List the webhooks, the oldest first, and how each receiver does.

    Addresses are shown without their query, which may hold a token.

    Examples:
      headway webhooks list
      headway webhooks list --json
    """
    found = with_service(lambda services: services.webhooks.webhooks(OPERATOR))
    if as_json:
        print_json(formats.webhooks(found))
        return
    if not found:
        out.print("There are no webhooks. Add one with: headway webhooks add ADDRESS")
        return
    table = Table(Column("id", no_wrap=True, min_width=36), "address", "state", box=None, pad_edge=False)
    for reading in found:
        table.add_row(reading.webhook.id, Text(public_part(reading.webhook.address)), "; ".join(_state(reading)))
    out.print(table, soft_wrap=False)


@app.command()
def show(webhook: WebhookArgument, as_json: AsJson = False) -> None:
    """Print a webhook: its address, which events it gets, how its receiver does, and its last deliveries.

    Its secrets are not shown.

    Examples:
      headway webhooks show 0d6f3a52-7c1b-4a57-9a3e-2b8f5f0c9e11
      headway webhooks show 0d6f3a52-7c1b-4a57-9a3e-2b8f5f0c9e11 --json
    """
    webhook_id = webhook_id_of(webhook)

    async def read(services: Services) -> tuple[WebhookReading, DeliveryPage]:
        service = services.webhooks
        return await service.webhook(OPERATOR, webhook_id), await service.deliveries(OPERATOR, webhook_id, None, _LAST)

    reading, page = with_service(read)
    if as_json:
        print_json(formats.webhook(reading))
        return
    out.print(Text(reading.webhook.address, style="bold"))
    for state in _state(reading):
        out.print(state)
    for name, values in reading.webhook.filter._asdict().items():
        out.print(f"{name}: {'all' if values is None else ', '.join(sorted(values))}")
    earlier = [secret.valid_until for secret in reading.webhook.secrets if secret.valid_until is not None]
    for moment in earlier:
        out.print(f"an earlier secret is valid until {shown_moment(moment)}")
    if not page.deliveries:
        return
    table = Table("delivery", "state", "attempts", "last result", "next attempt", box=None, pad_edge=False)
    for one in page.deliveries:
        following = shown_moment(one.next_attempt_at)
        table.add_row(str(one.event_number), one.state, str(one.attempts), one.last_result or "", following)
    out.print(table, soft_wrap=False)


@app.command()
def add(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address, such as https://lms.example/hooks.")],
    types: Annotated[
        list[str] | None, typer.Option(help="Types of events, separated by commas; default: all. May be repeated.")
    ] = None,
    course: Annotated[list[str] | None, typer.Option(help="A course whose events it gets; may be repeated.")] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="A group whose members' events it gets; may be repeated.")
    ] = None,
) -> None:
    """Add a webhook, which gets the events from now on. Print its id, and its secret this once.

    Examples:
      headway webhooks add https://lms.example/hooks
      headway webhooks add https://lms.example/hooks --types course.completed,enrolment.created --course COURSE
    """
    with refusals_end_the_program():
        names = [name for text in types or () for name in text.split(",")]
        asked = webhook_request(address, names, course or (), group or ())
    webhook_id = WebhookId(ConsumerId(str(uuid4())))
    is_new = Precondition(none_match_any=True)
    added = with_service(lambda services: services.webhooks.put(OPERATOR, webhook_id, asked, is_new))
    _print_secret(added)


@app.command()
def test(webhook: WebhookArgument) -> None:
    """Send a webhook the event webhook.test now, from this process. The exit code is 1 where it does not arrive.

    Example:
      headway webhooks test 0d6f3a52-7c1b-4a57-9a3e-2b8f5f0c9e11
    """
    webhook_id = webhook_id_of(webhook)
    attempt = with_service(lambda services: services.webhooks.try_out(OPERATOR, webhook_id))
    if not attempt.is_success:
        fail(f"{webhook_id}: not delivered. {_came_of(attempt)}")
    out.print(f"{webhook_id}: delivered. {_came_of(attempt)}")


@app.command()
def remove(webhook: WebhookArgument) -> None:
    """Remove a webhook and its deliveries.

    Example:
      headway webhooks remove 0d6f3a52-7c1b-4a57-9a3e-2b8f5f0c9e11
    """
    webhook_id = webhook_id_of(webhook)
    with_service(lambda services: services.webhooks.remove(OPERATOR, webhook_id))
    out.print(f"{webhook_id}: removed")


@app.command()
def redeliver(
    webhook: WebhookArgument,
    delivery: Annotated[
        int, typer.Argument(metavar="DELIVERY", help="The delivery's id, a number.", min=1, max=HIGHEST_NUMBER)
    ],
) -> None:
    """Let the server send an event to a webhook once more, however its delivery ended.

    Example:
      headway webhooks redeliver 0d6f3a52-7c1b-4a57-9a3e-2b8f5f0c9e11 4711
    """
    webhook_id = webhook_id_of(webhook)
    with_service(lambda services: services.webhooks.redeliver(OPERATOR, webhook_id, delivery))
    out.print(f"{webhook_id}: event {delivery} is sent once more")


@app.command()
def enable(webhook: WebhookArgument) -> None:
    """Turn a webhook on. What waits for it is sent at once.

    Example:
      headway webhooks enable 0d6f3a52-7c1b-4a57-9a3e-2b8f5f0c9e11
    """
    _switch(webhook_id_of(webhook), on=True)


@app.command()
def disable(webhook: WebhookArgument) -> None:
    """Turn a webhook off. Events wait until it is on again, as long as they are kept.

    Example:
      headway webhooks disable 0d6f3a52-7c1b-4a57-9a3e-2b8f5f0c9e11
    """
    _switch(webhook_id_of(webhook), on=False)


@app.command()
def rotate(webhook: WebhookArgument) -> None:
    """Give a webhook a new secret, and print it this once. The present one stays valid for a day.

    Example:
      headway webhooks rotate 0d6f3a52-7c1b-4a57-9a3e-2b8f5f0c9e11
    """
    webhook_id = webhook_id_of(webhook)
    _print_secret(with_service(lambda services: services.webhooks.rotate(OPERATOR, webhook_id)))


def _switch(webhook_id: WebhookId, *, on: bool) -> None:
    with_service(lambda services: services.webhooks.switch(OPERATOR, webhook_id, on=on))
    out.print(f"{webhook_id}: {'on' if on else 'off'}")


def _print_secret(reading: WebhookReading) -> None:
    out.print(f"webhook  {reading.webhook.id}")
    out.print(f"secret   {reading.new_secret}")
    out.print(_NEXT)


def _state(reading: WebhookReading) -> Iterator[str]:
    webhook = reading.webhook
    yield "on" if webhook.disabled_because is None else _STATES[webhook.disabled_because]
    if webhook.failing_since is not None:
        yield f"failing since {shown_moment(webhook.failing_since)}"
    if webhook.resume_at is not None:
        yield f"nothing is sent before {shown_moment(webhook.resume_at)}"
    if reading.waiting == MOST_COUNTED:
        yield f"{MOST_COUNTED:,} or more events waiting"
    elif reading.waiting:
        yield f"{count_of(reading.waiting, 'event')} waiting"


_REASONS: Final = {
    Outcome.TIMED_OUT: "The receiver took too long to answer.",
    Outcome.NAME_NOT_FOUND: "The host of its address has no IP address.",
    Outcome.ADDRESS_REFUSED: "The host of its address has an IP address that is not public, and "
    "HEADWAY_WEBHOOKS_ALLOW does not name its network.",
    Outcome.CONNECTION_FAILED: "Nobody takes connections there.",
    Outcome.TLS_FAILED: "The receiver has no valid certificate for its name, or speaks no TLS.",
    Outcome.BAD_ANSWER: "The receiver did not answer in HTTP, or its answer is too long.",
}


def _came_of(attempt: DeliveryAttempt) -> str:
    if attempt.status is not None:
        return f"The receiver answered {attempt.status}."
    return _REASONS[attempt.outcome]
