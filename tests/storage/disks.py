"""SQLite's files on a disk that the test can watch, hold up and break."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw


class WatchedDisk(apsw.VFS):
    """The file system as always, except for the moment at which a file is forced to the disk."""

    def __init__(self) -> None:
        super().__init__("watched", "unix", makedefault=True)
        self.synced: list[str] = []
        self.reached = threading.Event()
        self.through = threading.Event()
        self.through.set()
        self.only = ""
        self.broken = False

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return _WatchedFile(self, name, flags)

    @contextmanager
    def held(self, only: str = "") -> Iterator[None]:
        """Nothing, or nothing of `only` this file, reaches the disk until the block is left.

        `reached` tells that something is about to.
        """
        self.only = only
        self.reached.clear()
        self.through.clear()
        try:
            yield
        finally:
            self.through.set()


class _WatchedFile(apsw.VFSFile):
    def __init__(self, disk: WatchedDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else name or ""

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        name = Path(self._name).name
        if self._disk.only in {"", name}:
            self._disk.reached.set()
            assert self._disk.through.wait(20)
            if self._disk.broken:
                raise apsw.IOError
        super().xSync(flags)
        self._disk.synced.append(name)


class DeadlyDisk(apsw.VFS):
    """The file system as always, until it kills this process in place of its n-th change to a file."""

    def __init__(self, deadly_change: int) -> None:
        super().__init__("deadly", "unix", makedefault=True)
        self._changes_left = deadly_change

    def count(self) -> None:
        self._changes_left -= 1
        if self._changes_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return _CountedFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's name
        self.count()
        super().xDelete(filename, syncdir)


class _CountedFile(apsw.VFSFile):
    def __init__(self, disk: DeadlyDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.count()
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.count()
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.count()
        super().xSync(flags)


@contextmanager
def watched_disk() -> Iterator[WatchedDisk]:
    """Put every database that is opened in the block on this disk."""
    disk = WatchedDisk()
    try:
        yield disk
    finally:
        disk.unregister()
