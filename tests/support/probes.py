"""What a service says of itself, asked without a token."""

import random
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from headway.app import Headway
from support.postgres import PORTS
from support.running import Running


def get(running: Running, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """Get one of the pages at the service's root."""
    return httpx.get(running.base_url + path, headers=headers, timeout=20, verify=False)


def queued_writes(running: Running) -> int:
    """Writes that wait for a batch; those of the batch under way are not counted."""
    [line] = [line for line in get(running, "/metrics").text.splitlines() if line.startswith("headway_queue_writes ")]
    return int(float(line.split()[1]))


def counted_requests(headway: Headway, route: str) -> dict[str, int]:
    """Return how many requests of a route this process has counted, by status."""
    samples = [sample for family in headway.metrics.registry.collect() for sample in family.samples]
    return {
        sample.labels["status"]: int(sample.value)
        for sample in samples
        if sample.name == "headway_requests_total" and sample.labels["route"] == route
    }


def address(running: Running) -> tuple[str, int]:
    """Return the host and port of the service."""
    parts = urlsplit(running.base_url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def refuses_connections(running: Running) -> bool:
    """Return whether nothing listens at the service's address any more."""
    try:
        socket.create_connection(address(running), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def free_port() -> int:
    """Return a port on which nothing listened a moment ago."""
    for port in random.sample(PORTS, 5):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("no free port")
