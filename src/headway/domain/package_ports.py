"""What a store of packages must do: keep their files and what their lessons launch."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from headway.domain.identifiers import ContentId
from headway.domain.packages import Package, PackagedContent, PackageDigest, PackageFile, PackageIndex

PIECE_BYTES: Final = 256 * 1024
"""The most bytes of a file that are held at a time."""


class PackageContent(Protocol):
    """The files of a package that is being imported. Its methods may be called in several threads."""

    def pieces(self, file: PackageFile) -> Iterator[bytes]:
        """Yield a file in pieces. Raises `InvalidValueError` where it can not be read as it was read before."""


class PackageStore(Protocol):
    """Keeps packages for good, each under the digest of its content. No method blocks the event loop.

    Every method may raise `PackagesUnavailableError`.
    """

    def spool(self) -> Path | None:
        """The folder in which uploads wait; `None`: the system's folder of temporary files."""

    async def content(self, content_id: ContentId) -> PackagedContent | None:
        """Return what a lesson's content launches; `None` where the content is not of a package."""

    async def index(self, package: PackageDigest) -> PackageIndex:
        """Return the files of a package."""

    def read(self, file: PackageFile, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes of a file from `start` up to `stop` (`None`: its end), in pieces of at most `PIECE_BYTES`."""

    async def put(self, package: Package, content: PackageContent, stored: Callable[[int], None]) -> None:
        """Store a package: its files, then its index, then what its lessons launch.

        Where it raises, no reader sees anything of it. `stored` is called with the bytes that were stored, or were
        there already, since its last call. It may be called in any thread.
        """
