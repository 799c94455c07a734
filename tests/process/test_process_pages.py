"""The settings of the pages: on, off, or a service that refuses to start."""

from pathlib import Path

import httpx
import pytest

from support.program import forked_headway_serve, headway

PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
SECRET = "a secret of the sessions, long enough for HS256"
VERIFYING = [{"jwt_public_key": PUBLIC_KEY}, {"jwt_jwks_url": "http://127.0.0.1:9/jwks.json"}]
PROVIDER = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": "headway"}


@pytest.mark.parametrize("key", VERIFYING, ids=["public key", "key set"])
def test_a_service_without_a_secret_runs_without_pages_and_logs_it(folder: Path, key: dict[str, str]) -> None:
    with forked_headway_serve(folder, jwt_secret=None, **key) as running:
        assert httpx.get(f"{running.base_url}/readyz", verify=False, timeout=20).status_code == 200
        assert httpx.get(f"{running.base_url}/dashboard", verify=False, timeout=20).status_code == 404
        running.stop()
    assert any("pages_off" in line and "HEADWAY_SESSION_SECRET" in line for line in running.log)
    assert not list(folder.glob("*.jwt-secret"))


def test_pages_that_are_turned_off_are_not_logged(folder: Path) -> None:
    with forked_headway_serve(folder, jwt_secret=None, jwt_public_key=PUBLIC_KEY, dashboard_path="") as running:
        running.stop()
    assert not any("pages_off" in line for line in running.log)


@pytest.mark.parametrize(
    "settings", [{}, {"jwt_secret": None}, {"jwt_secret": None, "jwt_public_key": PUBLIC_KEY, "session_secret": SECRET}]
)
def test_a_service_with_a_secret_has_pages(folder: Path, settings: dict[str, str | None]) -> None:
    with forked_headway_serve(folder, **settings) as running:
        assert httpx.get(f"{running.base_url}/dashboard", verify=False, timeout=20).status_code == 303


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"session_secret": "short-but-secret"}, "HEADWAY_SESSION_SECRET"),
        ({"jwt_secret": None, "jwt_public_key": PUBLIC_KEY, **PROVIDER}, "HEADWAY_SESSION_SECRET"),
        ({"oidc_issuer": "https://id.example"}, "HEADWAY_OIDC_CLIENT_ID"),
        ({"oidc_client_id": "headway"}, "HEADWAY_OIDC_ISSUER"),
        (PROVIDER | {"oidc_issuer": "http://id.example"}, "HEADWAY_OIDC_ISSUER"),
        (PROVIDER | {"oidc_issuer": "id.example"}, "HEADWAY_OIDC_ISSUER"),
        (PROVIDER | {"oidc_scopes": "profile"}, "HEADWAY_OIDC_SCOPES"),
        ({"public_url": "learn.example"}, "HEADWAY_PUBLIC_URL"),
        ({"public_url": "https://learn.example/path"}, "HEADWAY_PUBLIC_URL"),
    ],
)
def test_settings_that_can_not_work_are_reported_at_the_start(
    folder: Path, settings: dict[str, str | None], said: str
) -> None:
    refused = headway(folder, "serve", "--port", "0", **settings)
    assert refused.code == 2
    assert said in refused.err
    assert "short-but-secret" not in refused.err
    assert "Traceback" not in refused.err


def test_the_pages_can_be_at_another_path(folder: Path) -> None:
    with forked_headway_serve(folder, dashboard_path="/look/here/") as running:
        away = httpx.get(f"{running.base_url}/look/here", verify=False, timeout=20)
        assert away.headers["location"].startswith("/look/here/sign-in?next=%2Flook%2Fhere")
        assert httpx.get(f"{running.base_url}/dashboard", verify=False, timeout=20).status_code == 404
