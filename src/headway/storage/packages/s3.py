"""Keeps packages in a bucket of S3, or of a service that is used like it."""

from asyncio import to_thread
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from headway.domain.errors import ConfigurationError, PackagesUnavailableError
from headway.domain.identifiers import ContentId
from headway.domain.package_ports import PIECE_BYTES, PackageContent
from headway.domain.packages import Package, PackagedContent, PackageDigest, PackageFile, PackageIndex
from headway.storage.packages import documents

try:
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import S3Store
except ImportError as missing:
    raise ConfigurationError("HEADWAY_PACKAGES_URL needs the extra s3: pip install 'headway[s3]'.") from missing

_THREADS: Final = 4  # that send files at the same time
_PART_BYTES: Final = 8 * 1024 * 1024
_PARTS: Final = 2  # of a file that are sent at the same time
_READ_BYTES: Final = 1024 * 1024  # of one request: a learner may take the pieces slowly
_PATIENCE: Final = timedelta(seconds=60)
_RETRIES: Final = 3


class S3PackageStore:
    """Keeps packages in a bucket. The credentials and the endpoint are those of the usual variables `AWS_*`.

    Files are sent first, then the index, then what lessons launch. So what a failed import has sent is named by
    nothing. It stays, because another import may have found it and need it.
    """

    def __init__(self, url: str) -> None:
        with _configured():
            self._bucket = S3Store.from_url(
                url,
                client_options={"allow_http": True, "connect_timeout": _PATIENCE, "timeout": _PATIENCE},
                retry_config={"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
            )

    def spool(self) -> None:
        """Uploads wait in the system's folder of temporary files."""

    async def content(self, content_id: ContentId) -> PackagedContent | None:
        """Return what a lesson's content launches; `None` where the content is not of a package."""
        document = await self._document(documents.content_name(content_id))
        return None if document is None else documents.read_content(document)

    async def index(self, package: PackageDigest) -> PackageIndex:
        """Return the files of a package."""
        document = await self._document(documents.package_name(package))
        if document is None:
            raise PackagesUnavailableError("the index of the package is missing")
        return await to_thread(documents.read_index, document)

    async def read(self, file: PackageFile, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes of a file from `start` up to `stop` (`None`: its end), in pieces."""
        end = file.size if stop is None else min(stop, file.size)
        for first in range(start, end, _READ_BYTES):
            with _translated():
                found = await obstore.get_range_async(
                    self._bucket, documents.file_name(file.digest), start=first, end=min(first + _READ_BYTES, end)
                )
            for offset in range(0, len(found), PIECE_BYTES):
                yield bytes(memoryview(found)[offset : offset + PIECE_BYTES])

    async def put(self, package: Package, content: PackageContent, stored: Callable[[int], None]) -> None:
        """Store a package: its files, then its index, then what its lessons launch."""
        await to_thread(self._put, package, content, stored)

    def _put(self, package: Package, content: PackageContent, stored: Callable[[int], None]) -> None:
        sending: Callable[[PackageFile], int] = partial(self._send, content)
        with ThreadPoolExecutor(_THREADS) as threads:
            for size in threads.map(sending, package.index):
                stored(size)
            index, *contents = documents.describe(package).items()
            self._send_document(index)
            for _ in threads.map(self._send_document, contents):
                pass

    def _send(self, content: PackageContent, file: PackageFile) -> int:
        """Send a file, unless it is there. Return its size."""
        name = documents.file_name(file.digest)
        with _translated():
            if self._has(name):
                return file.size
            if file.size <= _PART_BYTES:
                obstore.put(self._bucket, name, b"".join(content.pieces(file)), use_multipart=False)
            else:
                parts = content.pieces(file)
                obstore.put(self._bucket, name, parts, chunk_size=_PART_BYTES, max_concurrency=_PARTS)
        return file.size

    def _send_document(self, named: tuple[str, bytes]) -> None:
        with _translated():
            obstore.put(self._bucket, named[0], named[1], use_multipart=False)

    def _has(self, name: str) -> bool:
        try:
            obstore.head(self._bucket, name)
        except FileNotFoundError:
            return False
        return True

    async def _document(self, name: str) -> bytes | None:
        with _translated():
            try:
                return bytes(await (await obstore.get_async(self._bucket, name)).bytes_async())
            except FileNotFoundError:
                return None


@contextmanager
def _configured() -> Iterator[None]:
    """Turn what obstore says of wrong settings into an error that names them, without their values."""
    try:
        yield
    except (BaseError, ValueError) as error:
        raise ConfigurationError("HEADWAY_PACKAGES_URL and the variables AWS_* do not name a bucket.") from error


@contextmanager
def _translated() -> Iterator[None]:
    """Turn errors of the bucket into the service's. The details, which may name an account, stay out of the message."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise PackagesUnavailableError(f"the bucket does not answer ({type(error).__name__})") from error
