"""Reads a package's zip file: checks every name and every byte before anything is stored."""

import posixpath
import re
import stat
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import BinaryIO, Final, NoReturn
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from headway.domain.errors import InvalidValueError, Problem
from headway.domain.package_ports import PIECE_BYTES
from headway.domain.packages import MANIFEST, FileDigest, Package, PackageFile, PackageIndex, folded_path, plain_path
from headway.domain.text import without_controls
from headway.turns import gently

PACKAGE_MEDIA_TYPES: Final = ("application/zip",)
_MOST_MANIFEST_BYTES: Final = 16 * 1024 * 1024
MOST_FILES: Final = 50_000
MOST_UNPACKED_BYTES: Final = 8 * 1024**3
_HIGHEST_RATIO: Final = 100
_RATIO_FROM_BYTES: Final = 64 * 1024 * 1024  # smaller packages may be as small as they like when packed
_LONGEST_PATH: Final = 1_000
_LONGEST_NAME: Final = 255
_MOST_DIRECTORY_BYTES: Final = 32 * 1024 * 1024
_LONG_READ: Final = 1024 * 1024

_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_UTF_8: Final = 0x800
_ENTRY: Final = b"PK\1\2"
_HEADER_BYTES: Final = 30  # of a file, without its name
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_LEFT_OUT: Final = re.compile(r"(__MACOSX/.*)|((.*/)?(\.DS_Store|Thumbs\.db|desktop\.ini))", re.IGNORECASE | re.DOTALL)
"""What operating systems add to folders."""
_FAULTS: Final = (BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError, LookupError)
"""What `zipfile` raises for a file that is damaged."""
_OTHER_MANIFESTS: Final = (
    (re.compile(r"(.*/)?cmi5\.xml"), "a cmi5 package", "cmi5"),
    (re.compile(r"(.*/)?tincan\.xml"), "an xAPI package (Tin Can)", "xapi"),
    (re.compile(r".*\.(crs|au)"), "an AICC package", "aicc"),
)


def read_package(file: BinaryIO, checked: Callable[[int], None]) -> tuple[Package, "ZipContent"]:
    """Return the package in a zip file, and its content, which can be read as long as the file is open.

    Every byte is unpacked and counted, and nothing is stored. `checked` is called with the bytes of the zip file that
    were checked since its last call. Raises `InvalidValueError` for whatever is not right.
    """
    from headway.formats.scorm_manifest import read_manifest  # noqa: PLC0415 - only imports need an XML parser

    content = _opened(file)
    index = PackageIndex(content.measured(checked))
    manifest = index.find(MANIFEST)
    if manifest is None or manifest.size > _MOST_MANIFEST_BYTES:
        _refuse((MANIFEST,), f"The manifest is over {_MOST_MANIFEST_BYTES // 1024**2} MiB.", "manifest_too_large")
    return read_manifest(b"".join(content.pieces(manifest)), index), content


class ZipContent:
    """The files of a zip file by their paths in the package. Several threads may read them."""

    def __init__(self, archive: ZipFile, entries: Mapping[str, ZipInfo], size: int) -> None:
        self._archive = archive
        self._entries = entries
        self._size = size

    def measured(self, checked: Callable[[int], None]) -> Iterator[PackageFile]:
        """Unpack every file, and yield it with its digest and its size. Raises `InvalidValueError`."""
        total, left = 0, self._size
        most = max(_RATIO_FROM_BYTES, self._size * _HIGHEST_RATIO)
        for path, entry in gently(self._entries.items()):
            content, size = sha256(), 0
            for piece in self._unpacked(path):
                content.update(piece)
                size += len(piece)
                if total + size > min(most, MOST_UNPACKED_BYTES):
                    _refuse_size(MOST_UNPACKED_BYTES if most > MOST_UNPACKED_BYTES else None)
            if size != entry.file_size:
                _refuse((path,), "The file has another size than the zip file says.", "zip_damaged")
            total += size
            yield PackageFile(path, FileDigest(content.hexdigest()), size)
            left -= entry.compress_size
            checked(entry.compress_size)
        checked(left)

    def pieces(self, file: PackageFile) -> Iterator[bytes]:
        """Yield a file in pieces. Raises `InvalidValueError` where it is not as it was when it was checked."""
        content = sha256()
        for piece in self._unpacked(file.path):
            content.update(piece)
            yield piece
        if content.hexdigest() != file.digest:
            _refuse((file.path,), "The file was changed while it was read.", "file_changed")

    def _unpacked(self, path: str) -> Iterator[bytes]:
        try:
            with self._archive.open(self._entries[path]) as unpacked:
                while piece := unpacked.read(PIECE_BYTES):
                    yield piece
        except _FAULTS as error:
            _refuse((_shown(path),), f"The file can not be unpacked ({_reason(error)}).", "zip_damaged")


class _BoundedFile:
    """A file in which `zipfile` can not read a directory that is too large for the memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read as a file does. Raises `InvalidValueError` for a directory with too many entries."""
        if size > _MOST_DIRECTORY_BYTES:
            _refuse_number()
        found = self._file.read(size)
        if size > _LONG_READ and found.count(_ENTRY) > MOST_FILES:
            _refuse_number()
        return found


def _opened(file: BinaryIO) -> ZipContent:
    """Return the content of a zip file whose names are checked. Raises `InvalidValueError`."""
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(4)
    try:
        archive = ZipFile(_BoundedFile(file))
    except _FAULTS as error:
        _refuse((), f"The file is not a complete zip file ({_reason(error)}).", "not_a_zip")
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        _refuse_number()
    if not entries:
        _refuse((), f"The zip file is empty. A package has {MANIFEST} at its root.", "no_manifest")
    if not start.startswith(b"PK") or min(entry.header_offset for entry in entries) != 0:
        _refuse((), "There is something before the zip file's content. Zip the package again.", "data_before_zip")
    _refuse_misplaced(entries, size)
    _refuse_declared(entries, size)
    return ZipContent(archive, _unwrapped(_by_path(entries)), size)


def _refuse_misplaced(entries: Iterable[ZipInfo], size: int) -> None:
    """Refuse files that share bytes of the zip file, one of the ways to make a bomb, or lie beyond its end."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            _refuse((_shown(entry.filename),), "The file shares bytes of the zip file with another one.", "zip_bomb")
        end = entry.header_offset + _HEADER_BYTES + len(entry.orig_filename) + entry.compress_size
        if end > size:
            _refuse((_shown(entry.filename),), "The file lies beyond the end of the zip file.", "zip_damaged")


def _refuse_declared(entries: Iterable[ZipInfo], size: int) -> None:
    """Refuse what is too large by its own word, before anything is unpacked."""
    declared = sum(entry.file_size for entry in entries)
    if declared > MOST_UNPACKED_BYTES:
        _refuse_size(MOST_UNPACKED_BYTES)
    if declared > max(_RATIO_FROM_BYTES, size * _HIGHEST_RATIO):
        _refuse_size(None)


def _by_path(entries: Iterable[ZipInfo]) -> dict[str, ZipInfo]:
    """Return the files of a zip file by their paths, without what operating systems add."""
    files: dict[str, ZipInfo] = {}
    taken: dict[str, str] = {}
    folders: dict[str, str] = {}
    for entry in entries:
        path = _path(entry)
        is_folder = entry.is_dir() or entry.orig_filename.endswith("\\")
        if not path or _LEFT_OUT.fullmatch(path):
            continue
        above = path if is_folder else posixpath.dirname(path)
        while above and folded_path(above) not in folders:
            folders[folded_path(above)] = path
            above = posixpath.dirname(above)
        if is_folder:
            continue
        other = taken.setdefault(folded_path(path), path)
        if path in files or other != path:
            reason = "is in the zip file twice" if other == path else f"is the same as {_shown(other)} on many machines"
            _refuse((_shown(path),), f"The file {reason}.", "same_path")
        files[path] = entry
    for folded, path in taken.items():
        if folded in folders:
            _refuse((_shown(path),), f"The file is a folder too: of {_shown(folders[folded])}.", "same_path")
    return files


def _path(entry: ZipInfo) -> str:
    """Return the path of an entry: with `/`, in Unicode's form NFC. Raises `InvalidValueError` where it is hostile."""
    name = _name(entry)
    where = (_shown(name),)
    if entry.flag_bits & _ENCRYPTED:
        _refuse(where, "The file is encrypted.", "encrypted")
    if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        _refuse(where, "This is a link or a device, not a file.", "link")
    if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        _refuse(where, f"The file is packed by method {entry.compress_type}; only 0 and 8 are read.", "zip_method")
    if _CONTROL.search(name):
        _refuse(where, "The name has control characters.", "path")
    slashed = name.replace("\\", "/")
    if slashed.startswith("/") or _DRIVE.match(slashed):
        _refuse(where, "The name is absolute. A package has names relative to its root.", "path")
    parts = [part for part in plain_path(slashed).split("/") if part not in {"", "."}]
    if ".." in parts:
        _refuse(where, "The name leads out of the package.", "path")
    path = "/".join(parts)
    if len(path.encode()) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_NAME for part in parts):
        reason = f"The name is longer than {_LONGEST_PATH} bytes, or a part of it longer than {_LONGEST_NAME}."
        _refuse(where, reason, "path")
    return path


def _name(entry: ZipInfo) -> str:
    """Return the name of an entry. Many tools write UTF-8 without saying so."""
    if entry.flag_bits & _UTF_8:
        return entry.orig_filename
    try:
        return entry.orig_filename.encode("cp437").decode()
    except UnicodeError:
        return entry.orig_filename


def _unwrapped(files: dict[str, ZipInfo]) -> Mapping[str, ZipInfo]:
    """Return the files by their paths in the package, whose root has the manifest.

    The whole package may be in one folder, as many tools make it. Raises `InvalidValueError` without a manifest.
    """
    if any(path.lower() == MANIFEST for path in files):
        return files
    manifests = [path for path in files if posixpath.basename(path).lower() == MANIFEST]
    folder = posixpath.dirname(manifests[0]) + "/" if len(manifests) == 1 else ""
    if folder.count("/") != 1 or not all(path.startswith(folder) for path in files):
        _refuse_without_manifest(files, manifests)
    return {path.removeprefix(folder): entry for path, entry in files.items()}


def _refuse_without_manifest(files: Mapping[str, ZipInfo], manifests: list[str]) -> NoReturn:
    """Say what was found instead of the manifest."""
    if manifests:
        found = f"There is {_shown(manifests[0])}" + (f", and {len(manifests) - 1} more" if manifests[1:] else "")
        _refuse((), f"{found}, but a package has {MANIFEST} at its root. Zip what is in its folder.", "no_manifest")
    for pattern, what, kind in _OTHER_MANIFESTS:
        if any(pattern.fullmatch(path.lower()) for path in files):
            _refuse((), f"This is {what}. Such packages are not supported yet; SCORM 1.2 and 2004 are.", kind)
    zips = [path for path in files if path.lower().endswith(".zip")]
    if zips:
        found = f"It has another zip file, {_shown(zips[0])}: if that is the package, import it alone."
    else:
        kinds = Counter(posixpath.splitext(path)[1].lower() or "files without an end" for path in files)
        most = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common(3)) or "folders alone"
        found = f"It has {most}."
    _refuse((), f"The zip file has no {MANIFEST} at its root, so it is not a SCORM package. {found}", "no_manifest")


def _refuse_number() -> NoReturn:
    _refuse((), f"The zip file has more than {MOST_FILES:,} files.", "too_many_files")


def _refuse_size(most: int | None) -> NoReturn:
    if most is None:
        reason = f"The content is more than {_HIGHEST_RATIO} times as large as the zip file, as that of a bomb is."
        _refuse((), reason, "zip_bomb")
    _refuse((), f"The content is over {most // 1024**3} GiB.", "package_too_large")


def _shown(path: str) -> str:
    """Return a name for an error message."""
    return without_controls(path if len(path) <= _LONGEST_NAME else f"{path[:_LONGEST_NAME]}…")


def _reason(error: Exception) -> str:
    return without_controls(" ".join(str(error).split()))[:_LONGEST_NAME] or type(error).__name__


def _refuse(location: tuple[str, ...], reason: str, kind: str) -> NoReturn:
    raise InvalidValueError([Problem(location, reason, kind)])
