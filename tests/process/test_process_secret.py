import stat
from pathlib import Path

import httpx

from support.load import Written
from support.program import forked_headway_serve, headway
from support.running import PREFIX, Running

SECRET_FILE = "headway.db.jwt-secret"


def test_a_service_without_a_key_makes_a_lasting_secret_beside_the_database(
    folder: Path, all_progress: list[Written]
) -> None:
    learner = all_progress[0].learner
    with forked_headway_serve(folder, jwt_secret=None) as running:
        assert stat.S_IMODE((folder / SECRET_FILE).stat().st_mode) == 0o600
        token = headway(folder, "token", "--learner", learner, jwt_secret=None).out.strip()
        written = put(running, all_progress[0], token)
        assert written.status_code == 200
        assert written.json()["user_id"] == learner
        running.stop()
    with forked_headway_serve(folder, jwt_secret=None) as restarted:
        assert put(restarted, all_progress[0], token).json() == written.json()
        assert (folder / SECRET_FILE).read_text() not in "".join(restarted.log)


def test_a_token_made_before_the_first_start_is_valid(folder: Path, all_progress: list[Written]) -> None:
    token = headway(folder, "token", "--learner", "somebody@example.org", jwt_secret=None).out.strip()
    with forked_headway_serve(folder, jwt_secret=None) as running:
        assert put(running, all_progress[0], token).status_code == 200


def test_the_default_database_is_in_the_current_folder(folder: Path) -> None:
    with forked_headway_serve(folder, jwt_secret=None, database_url=None):
        assert {"headway.db", SECRET_FILE} <= {path.name for path in folder.iterdir()}


def test_a_token_of_another_secret_is_refused(folder: Path, all_progress: list[Written]) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    token = headway(elsewhere, "token", "--learner", all_progress[0].learner, jwt_secret=None).out.strip()
    with forked_headway_serve(folder, jwt_secret=None) as running:
        assert put(running, all_progress[0], token).status_code == 401


def test_a_configured_secret_makes_no_file(folder: Path) -> None:
    with forked_headway_serve(folder):
        assert not (folder / SECRET_FILE).exists()


def put(running: Running, progress: Written, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.put(running.base_url + PREFIX + progress.path, json={}, headers=headers, timeout=20, verify=False)
