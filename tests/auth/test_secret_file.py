import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headway.auth import SharedSecret, load_or_make_secret
from headway.domain.errors import ConfigurationError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "headway.jwt-secret"


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_secret_is_made_once_and_is_long_enough(path: Path) -> None:
    secret = load_or_make_secret(path)
    SharedSecret(secret)
    assert len(secret) == 64
    assert load_or_make_secret(path) == secret
    assert path.read_text() == secret


def test_each_file_gets_a_secret_of_its_own(tmp_path: Path) -> None:
    assert load_or_make_secret(tmp_path / "one") != load_or_make_secret(tmp_path / "other")


@pytest.mark.usefixtures("open_umask")
def test_only_the_owner_may_read_the_file(path: Path) -> None:
    load_or_make_secret(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_other_file_is_left_in_the_folder(path: Path) -> None:
    load_or_make_secret(path)
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_that_was_written_by_hand_is_used(path: Path) -> None:
    path.touch(0o600)
    path.write_text("made-with-openssl-rand-and-a-final-newline\n")
    assert load_or_make_secret(path) == "made-with-openssl-rand-and-a-final-newline"


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 31 + b"\n" * 9, b"\xff" * 48])
def test_a_file_without_a_valid_secret_is_refused_and_stays_unchanged(path: Path, content: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"headway\.jwt-secret does not hold 32"):
        load_or_make_secret(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666])
def test_a_file_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    secret = load_or_make_secret(path)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=r"chmod 600 .*headway\.jwt-secret") as caught:
        load_or_make_secret(path)
    assert secret not in str(caught.value)
    path.chmod(0o600)
    assert load_or_make_secret(path) == secret


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent/secret can not be read or made: No such file"):
        load_or_make_secret(tmp_path / "absent" / "secret")


def test_a_dangling_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    path.symlink_to(target)
    with pytest.raises(ConfigurationError, match="can not be read or made"):
        load_or_make_secret(path)
    assert not target.exists()
    assert list(tmp_path.iterdir()) == [path]


def test_a_second_process_uses_the_first_secret(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    firsts: list[str] = []
    link = Path.hardlink_to

    def link_late(self: Path, target: Path) -> None:
        """Link the first process's file only after the second process has written its own file."""
        monkeypatch.setattr(Path, "hardlink_to", link)
        firsts.append(load_or_make_secret(path))
        link(self, target)

    monkeypatch.setattr(Path, "hardlink_to", link_late)
    second = load_or_make_secret(path)
    assert [second] == firsts
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_at_once_use_the_same_secret(tmp_path: Path) -> None:
    starters = 6
    barrier = threading.Barrier(starters)

    def start(path: Path) -> str:
        barrier.wait(10)
        return load_or_make_secret(path)

    with ThreadPoolExecutor(starters) as pool:
        for round_ in range(20):
            assert len(set(pool.map(start, [tmp_path / str(round_)] * starters))) == 1
    assert len(list(tmp_path.iterdir())) == 20
