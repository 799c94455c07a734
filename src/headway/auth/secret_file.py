"""The secret that the service makes and keeps in a file, where none is configured."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from headway.auth.keys import SECRET_BYTES
from headway.domain.errors import ConfigurationError

_RANDOM_BYTES: Final = 48
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def load_or_make_secret(path: Path) -> str:
    """Return the secret in the file. A missing file is made. Processes that start together get the same secret.

    Raises `ConfigurationError`, with the file's name, where the file can not be read or made, where other users have
    access to it, or where its secret is too short or not ASCII.
    """
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise ConfigurationError(
            f"The secret file {path} can not be read or made: {error.strerror}. "
            "Let the service write in its folder, or configure a secret."
        ) from error


def _read(path: Path) -> str:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        content = file.read().strip()
    if mode & _OTHERS:
        raise ConfigurationError(f"The secret file {path} is open to other users. Close it with: chmod 600 {path}")
    if len(content) < SECRET_BYTES or not content.isascii():
        raise ConfigurationError(
            f"The secret file {path} does not hold {SECRET_BYTES} ASCII characters or more. "
            "Remove it to have a new secret made; tokens signed with the old one end with it."
        )
    return content.decode()


def _make(path: Path) -> None:
    """Write a new secret to a temporary file, then link that to `path`.

    So nobody reads half a secret, and where several processes do this, the first link stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_RANDOM_BYTES))
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Sync the folder, so that the file's name also survives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
