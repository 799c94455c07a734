"""Keeps packages in a folder of the file system, which several processes may share."""

import os
import shutil
from asyncio import to_thread
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from headway.domain.errors import PackagesUnavailableError
from headway.domain.identifiers import ContentId
from headway.domain.package_ports import PIECE_BYTES, PackageContent
from headway.domain.packages import Package, PackagedContent, PackageDigest, PackageFile, PackageIndex
from headway.storage.packages import documents

INCOMING: Final = "incoming"
"""The folder of what is not stored yet."""
_THREADS: Final = 4  # that wait for the disk at the same time
_OLD_SECONDS: Final = 24 * 60 * 60


class FolderPackageStore:
    """Keeps packages in a folder.

    All of a package is written into a folder of its own first, and then moved. So where writing fails, for example
    because the disk is full, that folder is removed and nothing else has changed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def spool(self) -> Path:
        """The folder for uploads: on the disk where there is room for packages."""
        with _translated():
            incoming = self._folder / INCOMING
            incoming.mkdir(parents=True, exist_ok=True)
        return incoming

    async def content(self, content_id: ContentId) -> PackagedContent | None:
        """Return what a lesson's content launches; `None` where the content is not of a package."""
        document = await to_thread(self._document, documents.content_name(content_id))
        return None if document is None else documents.read_content(document)

    async def index(self, package: PackageDigest) -> PackageIndex:
        """Return the files of a package."""
        document = await to_thread(self._document, documents.package_name(package))
        if document is None:
            raise PackagesUnavailableError("the index of the package is missing")
        return await to_thread(documents.read_index, document)

    async def read(self, file: PackageFile, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes of a file from `start` up to `stop` (`None`: its end), in pieces."""
        left = (file.size if stop is None else min(stop, file.size)) - start
        if left <= 0:
            return
        with _translated():
            opened = await to_thread(_open_at, self._folder / documents.file_name(file.digest), start)
            with opened:
                while left > 0 and (piece := await to_thread(opened.read, min(left, PIECE_BYTES))):
                    left -= len(piece)
                    yield piece
        if left > 0:
            raise PackagesUnavailableError("a file is shorter than it was")

    async def put(self, package: Package, content: PackageContent, stored: Callable[[int], None]) -> None:
        """Store a package: its files, then its index, then what its lessons launch."""
        await to_thread(self._put, package, content, stored)

    def _put(self, package: Package, content: PackageContent, stored: Callable[[int], None]) -> None:
        files = {documents.file_name(file.digest): file for file in package.index}
        described = documents.describe(package)
        sizes: Counter[str] = Counter()
        for file in package.index:
            sizes[documents.file_name(file.digest)] += file.size
        with _translated(), self._staging() as staging:
            written = []
            for name, is_new in self._stage(staging, files, map(content.pieces, files.values())):
                written += [name] if is_new else []
                stored(sizes[name])
            contents = ([document] for document in described.values())
            written += [name for name, is_new in self._stage(staging, described, contents) if is_new]
            self._move(staging, written)

    def _stage(
        self, staging: Path, names: Iterable[str], contents: Iterable[Iterable[bytes]]
    ) -> Iterator[tuple[str, bool]]:
        """Write files that are not stored yet. Yields the name of each file, and whether it was written."""

        def stage(name: str, pieces: Iterable[bytes]) -> tuple[str, bool]:
            is_new = not (self._folder / name).exists()
            if is_new:
                _write(staging / Path(name).name, pieces)
            return name, is_new

        with ThreadPoolExecutor(_THREADS) as threads:
            yield from threads.map(stage, names, contents)

    def _move(self, staging: Path, names: Sequence[str]) -> None:
        """Move files to their places, and see that the disk knows of it."""
        folders = set()
        for name in names:
            target = self._folder / name
            if target.parent not in folders:
                target.parent.mkdir(parents=True, exist_ok=True)
                folders.add(target.parent)
            (staging / target.name).replace(target)
        for folder in {*folders, *(folder.parent for folder in folders)}:
            _sync(folder)

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        """Make a folder, and remove it in the end. Also removes those of imports that were killed long ago."""
        incoming = self.spool()
        staging = incoming / str(uuid4())
        staging.mkdir()
        try:
            # By the disk's clock: one that is shared may be of another machine.
            too_old = staging.stat().st_mtime - _OLD_SECONDS
            with suppress(OSError):
                for old in incoming.iterdir():
                    if old.stat().st_mtime < too_old:
                        shutil.rmtree(old, ignore_errors=True)
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _document(self, name: str) -> bytes | None:
        with _translated():
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return None


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _open_at(path: Path, start: int) -> BinaryIO:
    opened = path.open("rb", buffering=0)
    opened.seek(start)
    return opened


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PackagesUnavailableError(error.strerror or type(error).__name__) from error
