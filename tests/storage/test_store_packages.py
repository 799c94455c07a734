"""The stores of packages: one suite over a folder and over S3."""

import os
import random
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest

from headway.domain.errors import InvalidValueError, PackagesUnavailableError
from headway.domain.identifiers import ContentId
from headway.domain.package_ports import PIECE_BYTES, PackageStore
from headway.domain.packages import FileDigest, Package, PackageDigest, PackageFile, content_id_of
from headway.formats.package_file import ZipContent, read_package
from headway.storage.packages.folder import FolderPackageStore
from headway.storage.packages.s3 import S3PackageStore
from support.buckets import new_bucket, s3_server
from support.packages import Item, scorm12_package, scorm2004_package

LARGE = random.Random(19).randbytes(9 * 1024 * 1024)  # over the size that is sent in one part
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Yield the address of an S3 server."""
    with s3_server() as address:
        yield address


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, folder: Path) -> Iterator[PackageStore]:
    """Yield an empty store: one of each kind."""
    if request.param == "folder":
        yield FolderPackageStore(folder / "packages")
        return
    with new_bucket(request.getfixturevalue("server")) as url:
        yield S3PackageStore(url)


def read(package: bytes) -> tuple[Package, ZipContent]:
    return read_package(BytesIO(package), lambda _: None)


async def put(store: PackageStore, package: bytes) -> Package:
    found, content = read(package)
    await store.put(found, content, lambda _: None)
    return found


async def content_of(store: PackageStore, file: PackageFile, start: int = 0, stop: int | None = None) -> bytes:
    pieces = [piece async for piece in store.read(file, start, stop)]
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


async def test_a_package_is_read_as_it_was_put(store: PackageStore) -> None:
    items = [Item("a", "An äpple", "ä/b c.html", attributes='parameters="x=1"'), Item("q", measure=0.6, threshold=0.5)]
    package = await put(store, scorm2004_package(items, {"large.bin": LARGE, "empty.txt": "", "copy.bin": LARGE}))
    index = await store.index(package.digest)
    assert list(index) == list(package.index)
    for path, content in (("large.bin", LARGE), ("copy.bin", LARGE), ("empty.txt", b"")):
        file = index.find(path)
        assert file is not None
        assert await content_of(store, file) == content
    for content_id, launch in package.contents.items():
        assert await store.content(content_id) == launch


async def test_a_range_of_a_file_is_read(store: PackageStore) -> None:
    package = await put(store, scorm12_package(files={"large.bin": LARGE}))
    file = package.index.find("large.bin")
    assert file is not None
    for start, stop in ((0, 1), (5, PIECE_BYTES + 7), (MEBIBYTE - 1, 3 * MEBIBYTE + 1), (len(LARGE) - 1, None)):
        assert await content_of(store, file, start, stop) == LARGE[start:stop]
    assert await content_of(store, file, 7, 7) == b""
    assert await content_of(store, file, len(LARGE), None) == b""


async def test_what_was_never_put_is_not_there(store: PackageStore) -> None:
    assert await store.content(ContentId(str(uuid4()))) is None
    with pytest.raises(PackagesUnavailableError):
        await store.index(PackageDigest("0" * 64))
    with pytest.raises(PackagesUnavailableError):
        await content_of(store, PackageFile("a.html", FileDigest("0" * 64), 10))


async def test_the_same_content_in_another_zip_file_is_the_same_package(store: PackageStore) -> None:
    files = {"a.txt": "a", "b.txt": "b"}
    first = await put(store, scorm12_package(files=files))
    again = await put(store, scorm12_package(files=dict(reversed(files.items()))))
    assert again.digest == first.digest
    other = await put(store, scorm12_package(files=files | {"b.txt": "c"}))
    assert other.digest != first.digest
    assert list(await store.index(first.digest)) == list(first.index)


async def test_all_bytes_are_told(store: PackageStore) -> None:
    package, content = read(scorm12_package(files={"a.bin": LARGE, "b.bin": LARGE, "c.txt": "c"}))
    told: list[int] = []
    await store.put(package, content, told.append)
    assert sum(told) == package.index.size
    await store.put(package, content, told.append)
    assert sum(told) == 2 * package.index.size


class Changed:
    """The content of a package of which one file is not as it was."""

    def __init__(self, content: ZipContent) -> None:
        self._content = content

    def pieces(self, file: PackageFile) -> Iterator[bytes]:
        yield from self._content.pieces(file)
        if file.path == "z.bin":
            self.fail()

    def fail(self) -> None:
        raise InvalidValueError([])


async def test_a_package_that_fails_in_the_middle_is_not_there(store: PackageStore) -> None:
    package, content = read(scorm12_package(files={"a.bin": "a", "z.bin": LARGE}))
    with pytest.raises(InvalidValueError):
        await store.put(package, Changed(content), lambda _: None)
    with pytest.raises(PackagesUnavailableError):
        await store.index(package.digest)
    assert await store.content(content_id_of(package.digest, "item")) is None
    await store.put(package, content, lambda _: None)
    assert list(await store.index(package.digest)) == list(package.index)


@contextmanager
def no_larger_files_than(size: int) -> Iterator[None]:
    """Let no file of this process get larger, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_leaves_the_folder_as_it_was(folder: Path) -> None:
    store = FolderPackageStore(folder)
    await put(store, scorm12_package())
    before = files_below(folder)
    package, content = read(scorm12_package(files={"a.txt": "a", "large.bin": LARGE}))
    with no_larger_files_than(MEBIBYTE), pytest.raises(PackagesUnavailableError):
        await store.put(package, content, lambda _: None)
    assert files_below(folder) == before


async def test_a_damaged_file_is_not_passed_on_as_a_whole_one(folder: Path) -> None:
    store = FolderPackageStore(folder)
    package = await put(store, scorm12_package(files={"large.bin": LARGE}))
    file = package.index.find("large.bin")
    assert file is not None
    stored = next(path for path in files_below(folder) if path.name == file.digest)
    stored.write_bytes(LARGE[:100])
    with pytest.raises(PackagesUnavailableError):
        await content_of(store, file)


async def test_a_bucket_that_does_not_answer_is_said_to_be_unavailable(server: str) -> None:
    with new_bucket(server) as url:
        absent = S3PackageStore(url.replace("packages-", "absent-"))
        package, content = read(scorm12_package())
        with pytest.raises(PackagesUnavailableError) as refused:
            await absent.put(package, content, lambda _: None)
    assert "secret" not in str(refused.value)


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def test_what_a_killed_import_has_left_is_removed_a_day_later_by_the_clock_of_the_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, under_way = folder / "incoming" / "left", folder / "incoming" / "under-way"
    for one in (left, under_way):
        one.mkdir(parents=True)
    disk_now = under_way.stat().st_mtime
    os.utime(left, (disk_now - 25 * 3600,) * 2)
    monkeypatch.setattr(time, "time", lambda: disk_now + 7 * 24 * 3600)  # this machine's clock is far ahead
    await put(FolderPackageStore(folder), scorm12_package())
    assert (left.exists(), under_way.exists()) == (False, True)
