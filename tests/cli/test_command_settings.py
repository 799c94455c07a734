from pathlib import Path

import pytest

from headway.settings import Settings
from support.probes import get
from support.program import Finished, check_refusal, forked_headway_serve, headway
from support.running import SECRET

PASSWORD = "a-database-password"
VARIABLES = [f"HEADWAY_{name.upper()}" for name in Settings.model_fields]


def test_every_setting_is_listed_with_its_meaning(folder: Path) -> None:
    listed = headway(folder, "settings")
    assert listed.code == 0
    lines = listed.out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("HEADWAY_")] == VARIABLES
    for field in Settings.model_fields.values():
        assert field.description
        assert field.description.split()[0] in listed.out


def test_a_secret_is_shown_only_as_set(folder: Path) -> None:
    assert value(headway(folder, "settings"), "HEADWAY_JWT_SECRET") == "(set)"
    assert SECRET not in headway(folder, "settings").out
    assert value(headway(folder, "settings", jwt_secret=None), "HEADWAY_JWT_SECRET") == "-"


@pytest.mark.parametrize("position", ["127.0.0.1:5432/headway", "one,other/headway?sslmode=require", "[::1/headway"])
def test_a_password_in_the_databases_address_is_never_shown(folder: Path, position: str) -> None:
    listed = headway(folder, "settings", database_url=f"postgresql://me:{PASSWORD}@{position}")
    assert listed.code == 0
    assert PASSWORD not in listed.out


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(folder: Path) -> None:
    (folder / ".env").write_text("HEADWAY_PORT=8001\nHEADWAY_QUEUE_LIMIT=7\nHEADWAY_CORS_ORIGINS=http://a, http://b\n")
    listed = headway(folder, "settings", port=8002)
    assert value(listed, "HEADWAY_PORT") == "8002"
    assert value(listed, "HEADWAY_QUEUE_LIMIT") == "7"
    assert value(listed, "HEADWAY_BATCH_LIMIT") == "256"
    assert value(listed, "HEADWAY_CORS_ORIGINS") == "http://a, http://b"


def test_options_of_a_service_win_over_the_file(folder: Path) -> None:
    (folder / ".env").write_text(
        "HEADWAY_LOG_FORMAT=json\nHEADWAY_HOST=203.0.113.9\nHEADWAY_CORS_ORIGINS=http://page\n"
    )
    with forked_headway_serve(folder, "--host", "127.0.0.1") as running:
        answer = get(running, "/healthz", {"Origin": "http://page"})
        assert answer.headers["Access-Control-Allow-Origin"] == "http://page"
        running.stop()
    assert running.log[-1].startswith("{")


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("HEADWAY_PORT", "eighty"),
        ("HEADWAY_BATCH_LIMIT", "4097"),
        ("HEADWAY_LOCK_SECONDS", "61"),
        ("HEADWAY_LOG_FORMAT", "xml"),
        ("HEADWAY_LOG_LEVEL", "loud"),
        ("HEADWAY_LOG_REQUESTS", "some"),
        ("HEADWAY_DASHBOARD_PATH", "/"),
        ("HEADWAY_DASHBOARD_PATH", "/.."),
        ("HEADWAY_DASHBOARD_PATH", "/a/./b"),
        ("HEADWAY_DASHBOARD_PATH", "/healthz"),
        ("HEADWAY_DASHBOARD_PATH", "/api/v1"),
        ("HEADWAY_LESSON_URL", "javascript:alert(1)//{lesson_id}"),
        ("HEADWAY_LESSON_URL", "https://learn.example/lessons"),
        ("HEADWAY_LESSON_URL", "https://{lesson_id}.example/"),
        ("HEADWAY_LESSON_URL", "https://learn.example/{lesson_id}/{user_id}"),
        ("HEADWAY_LESSON_URL", "https://learn.example/{{lesson_id}}"),
        ("HEADWAY_LESSON_URL", "https://learn.example/a lesson/{lesson_id}"),
        ("HEADWAY_WEBHOOKS_ALLOW", "localhost"),
        ("HEADWAY_WEBHOOKS_ALLOW", "10.0.0.0/8, 127.0.0.1/8"),
        ("HEADWAY_WEBHOOKS_ALLOW", "10.0.0.0/33"),
    ],
)
def test_a_wrong_value_is_refused_naming_its_variable(folder: Path, variable: str, wrong: str) -> None:
    given = {variable.removeprefix("HEADWAY_").lower(): wrong}
    check_one_is_named(headway(folder, "settings", **given), variable)


def test_networks_of_webhooks_are_listed_as_they_are_used(folder: Path) -> None:
    listed = headway(folder, "settings", webhooks_allow=" 10.0.0.0/8,127.0.0.1, FD12:0::/32,")
    assert value(listed, "HEADWAY_WEBHOOKS_ALLOW") == "10.0.0.0/8, 127.0.0.1/32, fd12::/32"


@pytest.mark.parametrize("variable", ["public_url", "frame_ancestors"])
def test_a_wrong_value_is_not_repeated(folder: Path, variable: str) -> None:
    refused = headway(folder, "settings", **{variable: f"https://me:{PASSWORD}@learn.example"})
    check_one_is_named(refused, f"HEADWAY_{variable.upper()}")
    assert PASSWORD not in refused.err


@pytest.mark.parametrize("variable", ["public_url", "session_secret", "oidc_issuer", "oidc_client_id"])
def test_an_empty_setting_is_not_set(folder: Path, variable: str) -> None:
    assert value(headway(folder, "settings", **{variable: ""}), f"HEADWAY_{variable.upper()}") == "-"


def test_a_wrong_value_in_the_file_is_refused_naming_its_variable(folder: Path) -> None:
    (folder / ".env").write_text("HEADWAY_PORT=eighty\n")
    check_one_is_named(headway(folder, "settings"), "HEADWAY_PORT")


def test_every_command_refuses_a_wrong_setting(folder: Path) -> None:
    for command in ("serve", "migrate", "demo", "courses list", "token --learner ada"):
        refused = headway(folder, *command.split(), queue_limit=0)
        assert refused.code == 2
        assert "HEADWAY_QUEUE_LIMIT: " in refused.err
    assert not (folder / "headway.db").exists()


def test_two_keys_are_refused(folder: Path) -> None:
    refused = headway(folder, "settings", jwt_public_key="key.pem")
    assert refused.code == 2
    assert "HEADWAY_JWT_SECRET, HEADWAY_JWT_PUBLIC_KEY" in refused.err
    assert SECRET not in refused.err


def test_a_file_that_can_not_be_read_is_named(folder: Path) -> None:
    (folder / ".env").write_bytes(b"HEADWAY_JWT_ISSUER=\xff\n")
    refused = headway(folder, "settings")
    assert refused.code == 2
    assert ".env" in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.parametrize("shown", ["https://id.example/" + "a-long-path/" * 8, "an [issuer] in brackets", "a:rocket:b"])
def test_a_value_is_shown_unchanged(folder: Path, shown: str) -> None:
    assert shown in headway(folder, "settings", jwt_issuer=shown).out


def value(listed: Finished, variable: str) -> str:
    """Return the text between a variable and its meaning. At least two spaces separate the columns."""
    [line] = [line for line in listed.out.splitlines() if line.startswith(f"{variable} ")]
    return line.split("  ", 1)[1].strip().split("  ")[0]


def check_one_is_named(refused: Finished, variable: str) -> None:
    check_refusal(refused, f"{variable}: ")
    assert refused.err.count("HEADWAY_") == 1
