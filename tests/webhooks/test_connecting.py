"""The address that was checked is the one that is connected to, and the certificate has its host's name."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpcore2
import pytest

from headway.domain.deliveries import DeliveryAttempt, Outcome
from headway.domain.networks import read_network
from headway.webhooks.sender import Sender
from support.certificates import Authority
from support.receivers import closing, raw_receiver, receiver, silence, status
from webhooks.conftest import LOOPBACK, Names

TAKEN = DeliveryAttempt(Outcome.ANSWERED, 204)
REFUSED = DeliveryAttempt(Outcome.ADDRESS_REFUSED)
PUBLIC = "93.184.215.14"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the addresses that are connected to. No connection succeeds."""
    found: list[str] = []

    async def connect(_: object, host: str, *_arguments: object) -> Any:
        found.append(host)
        raise httpcore2.ConnectError

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect)
    return found


@pytest.fixture
def authority(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Return an authority that the senders made from now on trust."""
    made = Authority(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@pytest.fixture
async def tls_sender(authority: Authority) -> AsyncIterator[Sender]:  # noqa: ARG001 - it has to be there first
    """Yield a sender that trusts the authority and may reach this machine."""
    async with Sender(LOOPBACK, "1.2.3") as made:
        yield made


@pytest.mark.parametrize(
    "disguise",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "017700000001", "0x7f000001", "0", "0.0.0.0",
        "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[fe80::1]", "[fe80::1%lo]", "169.254.169.254", "[fd00:ec2::254]",
        "10.0.0.1", "192.168.0.1", "100.64.0.1", "255.255.255.255", "[ff02::1]",
    ],
)  # fmt: skip
async def test_no_disguise_of_an_address_is_connected_to(
    strict_sender: Sender, asked: list[str], disguise: str
) -> None:
    """As the address of a webhook, most of these are refused before: see `read_address`."""
    for scheme in ("http", "https"):
        made = await strict_sender.send(f"{scheme}://{disguise}:8080/", {}, b"")
        assert made.outcome in {Outcome.ADDRESS_REFUSED, Outcome.NAME_NOT_FOUND}
    assert asked == []


@pytest.mark.parametrize(
    "private", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1%lo", "169.254.169.254"]
)
@pytest.mark.parametrize("position", [0, 1, 2])
async def test_a_name_with_one_address_that_is_not_public_is_refused(
    strict_sender: Sender, names: Names, asked: list[str], private: str, position: int
) -> None:
    addresses = [PUBLIC, "2606:4700:4700::1111"]
    addresses.insert(position, private)
    names.resolve("rebound.test", tuple(addresses))
    assert await strict_sender.send("https://rebound.test/", {}, b"") == REFUSED
    assert asked == []


async def test_the_addresses_that_were_checked_are_connected_to_one_after_the_other(
    strict_sender: Sender, names: Names, asked: list[str]
) -> None:
    addresses = (PUBLIC, "2606:4700:4700::1111", PUBLIC, "1.1.1.1", "1.1.1.2", "1.1.1.3")
    names.resolve("public.test", addresses, ("127.0.0.1",))
    made = await strict_sender.send("https://public.test/", {}, b"")
    assert made == DeliveryAttempt(Outcome.CONNECTION_FAILED)
    assert asked == [PUBLIC, "2606:4700:4700::1111", "1.1.1.1", "1.1.1.2"]
    assert names.resolved == {"public.test": 1}


async def test_a_public_address_is_not_connected_to_without_tls(
    strict_sender: Sender, sender: Sender, names: Names, asked: list[str]
) -> None:
    names.resolve("public.test", (PUBLIC,))
    for one in (strict_sender, sender):
        assert await one.send("http://public.test/", {}, b"") == REFUSED
    assert asked == []


async def test_a_name_is_resolved_once_for_each_connection_and_checked_each_time(names: Names) -> None:
    """The first address is the only one that is allowed; another receiver has the same port at the second one."""
    names.resolve("rebound.test", ("127.0.0.1",), ("127.0.0.2",))
    async with (
        Sender((read_network("127.0.0.1/32"),), "1") as sender,
        receiver(status(204, "Connection: close")) as first,
        receiver(status(204), host="127.0.0.2", port=first.port) as second,
    ):
        url = f"http://rebound.test:{first.port}/"
        assert await sender.send(url, {}, b"") == TAKEN
        assert names.resolved["rebound.test"] == 1
        assert await sender.send(url, {}, b"") == REFUSED
    assert (first.connections, second.connections) == (1, 0)
    assert first.requests[0].headers["host"] == f"rebound.test:{first.port}"


async def test_where_one_address_fails_the_next_is_tried(sender: Sender, names: Names) -> None:
    async with receiver(status(204)) as found:
        names.resolve("two.test", ("127.0.0.2", "127.0.0.1"))
        assert await sender.send(f"http://two.test:{found.port}/", {}, b"") == TAKEN
        await sender.aclose()


async def test_a_name_that_does_not_exist_fails(sender: Sender) -> None:
    for name in ("absent.invalid", f"{'a' * 64}.invalid"):
        assert await sender.send(f"http://{name}/", {}, b"") == DeliveryAttempt(Outcome.NAME_NOT_FOUND)


async def test_names_that_take_long_keep_no_other_work_waiting(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.webhooks.connecting.RESOLVE_SECONDS", 1)
    loop, begun, released = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def resolve(*_arguments: object, **_named: object) -> list[Any]:
        loop.call_soon_threadsafe(begun.set)
        released.wait()
        return []

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    sending = [asyncio.create_task(sender.send("http://slow.test/", {}, b"")) for _ in range(100)]
    try:
        async with asyncio.timeout(20):
            await begun.wait()
            assert await asyncio.to_thread(lambda: "other work") == "other work"
        assert set(await asyncio.gather(*sending)) == {DeliveryAttempt(Outcome.TIMED_OUT)}
    finally:
        released.set()


async def test_a_slow_name_leaves_threads_to_others(
    sender: Sender, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, begun, released = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    names.resolve("quick.test", ("127.0.0.1",))

    def resolve(host: str, *arguments: Any, **named: Any) -> list[Any]:
        if host != "slow.test":
            return names(host, *arguments, **named)
        loop.call_soon_threadsafe(begun.set)
        released.wait()
        return []

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    sending = [asyncio.create_task(sender.send("http://slow.test/", {}, b"")) for _ in range(20)]
    try:
        async with asyncio.timeout(20), receiver(status(204, "Connection: close")) as found:
            await begun.wait()
            for host in ("quick.test", "127.0.0.1"):
                assert await sender.send(f"http://{host}:{found.port}/", {}, b"") == TAKEN
    finally:
        released.set()
        await asyncio.gather(*sending)
    assert names.resolved == {"quick.test": 1}


async def test_a_certificate_for_the_name_is_accepted(tls_sender: Sender, authority: Authority, names: Names) -> None:
    names.resolve("receiver.test", ("127.0.0.1",))
    context = authority.context("receiver.test")
    told: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: told.append(name)
    async with receiver(status(204), context=context) as found:
        for _ in range(2):
            assert await tls_sender.send(f"https://receiver.test:{found.port}/", {}, b"") == TAKEN
        await tls_sender.aclose()
    assert told == ["receiver.test"]
    assert found.requests[0].headers["host"] == f"receiver.test:{found.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_certificate_for_the_ip_address_is_accepted(
    tls_sender: Sender, authority: Authority, host: str
) -> None:
    async with receiver(status(204), context=authority.context(host), host=host) as found:
        written = f"[{host}]:{found.port}" if ":" in host else f"{host}:{found.port}"
        assert await tls_sender.send(f"https://{written}/", {}, b"") == TAKEN
        await tls_sender.aclose()
    assert found.requests[0].headers["host"] == written


@pytest.mark.parametrize(
    ("named", "age"), [("other.test", timedelta()), ("127.0.0.1", timedelta()), ("receiver.test", timedelta(days=2))]
)
async def test_a_certificate_that_is_not_valid_for_the_name_is_refused(
    tls_sender: Sender, authority: Authority, names: Names, named: str, age: timedelta
) -> None:
    names.resolve("receiver.test", ("127.0.0.1",))
    async with receiver(status(204), context=authority.context(named, age=age)) as found:
        made = await tls_sender.send(f"https://receiver.test:{found.port}/", {}, b"")
    assert made == DeliveryAttempt(Outcome.TLS_FAILED)
    assert found.requests == []


async def test_a_certificate_of_an_unknown_authority_is_refused(sender: Sender, folder: Path, names: Names) -> None:
    names.resolve("receiver.test", ("127.0.0.1",))
    async with receiver(status(204), context=Authority(folder).context("receiver.test")) as found:
        made = await sender.send(f"https://receiver.test:{found.port}/", {}, b"")
    assert made == DeliveryAttempt(Outcome.TLS_FAILED)


async def test_a_receiver_without_tls_is_refused(sender: Sender) -> None:
    async with raw_receiver(closing(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as found:
        made = await sender.send(f"https://127.0.0.1:{found.port}/", {}, b"")
    assert made == DeliveryAttempt(Outcome.TLS_FAILED)


@pytest.mark.usefixtures("impatient")
async def test_a_handshake_without_an_end_is_broken_off(sender: Sender) -> None:
    async with raw_receiver(silence) as found:
        made = await sender.send(f"https://127.0.0.1:{found.port}/", {}, b"")
        await found.nobody_is_there()
    assert made == DeliveryAttempt(Outcome.TIMED_OUT)


async def test_bytes_that_are_no_tls_after_the_handshake_are_no_answer(
    tls_sender: Sender, authority: Authority
) -> None:
    async def spoil(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        os.write(writer.get_extra_info("socket").fileno(), b"these bytes are not encrypted")
        writer.transport.abort()

    async with receiver(spoil, context=authority.context("127.0.0.1")) as found:
        made = await tls_sender.send(f"https://127.0.0.1:{found.port}/", {}, b"")
        await found.nobody_is_there()
    assert made == DeliveryAttempt(Outcome.BAD_ANSWER)
