"""An S3 server on this machine."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import httpx
import pytest
from moto.server import ThreadedMotoServer


@contextmanager
def s3_server() -> Iterator[str]:
    """Run an S3 server in a thread, and yield its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def bucket_variables(server: str) -> dict[str, str]:
    """Return the variables by which a program finds the server."""
    return {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
        "AWS_REGION": "us-east-1",
    }


@contextmanager
def new_bucket(server: str) -> Iterator[str]:
    """Make a bucket, yield the address of a prefix in it, and let this process find it meanwhile."""
    name = f"packages-{uuid4()}"
    with httpx.Client(base_url=server, trust_env=False) as client:
        client.put(f"/{name}").raise_for_status()
    with pytest.MonkeyPatch.context() as environment:
        for variable in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(variable)
        for variable, value in bucket_variables(server).items():
            environment.setenv(variable, value)
        yield f"s3://{name}/headway"
