"""Zip files that are hostile, damaged or no packages: each is refused with its reason."""

import io
import random
import stat
import struct
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import pytest

from headway.domain.errors import InvalidValueError
from headway.domain.packages import FileDigest, Package
from headway.formats import package_file
from headway.formats.package_file import ZipContent, read_package
from support.packages import PAGE, Item, scorm12_manifest, scorm12_package, zipped

MANIFEST = {"imsmanifest.xml": scorm12_manifest(), "index.html": PAGE}


def read(package: bytes) -> tuple[Package, ZipContent]:
    return read_package(io.BytesIO(package), lambda _: None)


def refusal(package: bytes) -> tuple[str, str]:
    """Return the kind of the refusal, and its sentence with its location."""
    with pytest.raises(InvalidValueError) as refused:
        read(package)
    [problem] = refused.value.problems
    return problem.kind, str(refused.value)


def with_entry(entry: ZipInfo | str, content: bytes = b"a", method: int = ZIP_STORED) -> bytes:
    """Return a package with one more entry."""
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name, data in MANIFEST.items():
            archive.writestr(name, data)
        archive.writestr(entry, content, method)
    return out.getvalue()


def entry_of_mode(name: str, mode: int) -> ZipInfo:
    entry = ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = mode << 16
    return entry


def paths(package: bytes) -> list[str]:
    return [file.path for file in read(package)[0].index]


def test_every_file_is_counted_and_hashed_once() -> None:
    told: list[int] = []
    content = scorm12_package(files={"a/b.txt": "hello"})
    package, unpacked = read_package(io.BytesIO(content), told.append)
    file = package.index.find("a/b.txt")
    assert file is not None
    assert (file.size, file.digest[:8]) == (5, "2cf24dba")
    assert b"".join(unpacked.pieces(file)) == b"hello"
    assert sum(told) == len(content)


@pytest.mark.parametrize(
    "name",
    [
        "../a.html", "a/../../b.html", "..\\a.html", "a\\..\\..\\b.html", "/etc/passwd", "\\a.html", "\\\\host\\a",
        "C:\\a.html", "c:a.html", "a\nb.html", "a\x7f.html", f"{'a' * 256}.html", "/".join(["abcdefghi"] * 101),
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    assert refusal(with_entry(name))[0] == "path"


def test_a_name_with_a_nul_is_refused() -> None:
    assert refusal(with_entry("aXb.html").replace(b"aXb.html", b"a\0b.html"))[0] == "path"


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o600, stat.S_IFCHR | 0o600])
def test_links_and_devices_are_refused(mode: int) -> None:
    assert refusal(with_entry(entry_of_mode("link", mode), b"/etc/passwd"))[0] == "link"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.html", "A.html"),
        ("straße.html", "STRASSE.html"),
        (unicodedata.normalize("NFC", "ä.html"), unicodedata.normalize("NFD", "ä.html")),
        ("a/b.html", "a\\b.html"),
        ("a.html", "./a.html"),
        ("a.html", "a.html/b.html"),
        ("A.html/b.html", "a.html"),
        ("a.html/", "a.html"),
    ],
)
def test_names_that_are_the_same_file_on_some_machines_are_refused(first: str, second: str) -> None:
    assert refusal(zipped({**MANIFEST, first: "a", second: "b"}))[0] == "same_path"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused() -> None:
    kind, sentence = refusal(with_entry("index.html"))
    assert kind == "same_path"
    assert "index.html: The file is in the zip file twice." in sentence


@pytest.mark.parametrize("flag", [0x1, 0x41, 0x2000])
def test_encrypted_files_are_refused(flag: int) -> None:
    def encrypt(header: bytearray, offset: int) -> None:
        header[offset : offset + 2] = struct.pack("<H", flag)

    assert refusal(changed(zipped(MANIFEST), encrypt, central=8, local=6))[0] == "encrypted"


@pytest.mark.parametrize("method", [ZIP_BZIP2, ZIP_LZMA])
def test_other_ways_to_pack_are_refused(method: int) -> None:
    assert refusal(with_entry("a.html", b"a", method))[0] == "zip_method"


def changed(
    package: bytes, change: Callable[[bytearray, int], None], *, central: int, local: int | None = None
) -> bytes:
    """Return a zip file with a field of its last entry changed: at these offsets of its two headers."""
    content = bytearray(package)
    change(content, content.rindex(b"PK\1\2") + central)
    if local is not None:
        change(content, content.rindex(b"PK\3\4") + local)
    return bytes(content)


def size(value: int) -> Callable[[bytearray, int], None]:
    def write(header: bytearray, offset: int) -> None:
        header[offset : offset + 4] = struct.pack("<I", value)

    return write


def test_a_file_that_is_larger_than_it_says_is_refused() -> None:
    lying = changed(with_entry("a.bin", bytes(1000), ZIP_DEFLATED), size(10), central=24, local=22)
    assert refusal(lying)[0] == "zip_damaged"


def test_a_file_that_is_smaller_than_it_says_is_refused() -> None:
    lying = changed(with_entry("a.bin", bytes(1000), ZIP_DEFLATED), size(2000), central=24, local=22)
    assert refusal(lying)[0] == "zip_damaged"


def test_a_bomb_that_says_its_size_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = with_entry("a.bin", bytes(80 * 1024 * 1024), ZIP_DEFLATED)
    monkeypatch.setattr(ZipContent, "measured", lambda *_: pytest.fail("it was unpacked"))
    kind, sentence = refusal(bomb)
    assert kind == "zip_bomb"
    assert "100 times as large as the zip file" in sentence


def test_what_is_unpacked_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    package = with_entry("a.bin", bytes(600_000), ZIP_DEFLATED)
    monkeypatch.setattr(package_file, "_refuse_declared", lambda *_: None)
    monkeypatch.setattr(package_file, "_RATIO_FROM_BYTES", 500_000)
    assert refusal(package)[0] == "zip_bomb"
    monkeypatch.setattr(package_file, "_RATIO_FROM_BYTES", 10**9)
    monkeypatch.setattr(package_file, "MOST_UNPACKED_BYTES", 500_000)
    assert refusal(package)[0] == "package_too_large"


def test_files_that_share_their_bytes_are_refused() -> None:
    """As David Fifield's bomb does: many entries of the directory lead to one file."""
    content = zipped({**MANIFEST, "a.bin": bytes(1000)})
    start = content.index(b"PK\1\2")
    end = content.index(b"PK\5\6")
    last = content[content.rindex(b"PK\1\2") : end]
    directory = content[start:end] + last.replace(b"a.bin", b"b.bin")
    tail = bytearray(content[end:])
    tail[8:16] = struct.pack("<HHI", 4, 4, len(directory))
    assert refusal(content[:start] + directory + bytes(tail))[0] == "zip_bomb"


def test_more_files_than_a_package_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_file, "MOST_FILES", 100)
    many = {f"{number}.txt": "" for number in range(99)}
    assert refusal(zipped(MANIFEST | many))[0] == "too_many_files"
    del many["0.txt"]
    assert len(paths(zipped(MANIFEST | many))) == 100


def test_a_directory_that_would_fill_the_memory_is_not_read() -> None:
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * 60_000
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 60_000, 60_000, len(directory), 0, 0)
    assert refusal(b"PK\3\4" + directory + end)[0] == "too_many_files"
    directory = entry * 800_000
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65_535, 65_535, len(directory), 0, 0)
    assert refusal(b"PK\3\4" + directory + end)[0] == "too_many_files"


@pytest.mark.parametrize("kept", [10, 100, -1, -30])
def test_a_truncated_zip_file_is_refused(kept: int) -> None:
    assert refusal(zipped(MANIFEST)[:kept])[0] in {"not_a_zip", "zip_damaged"}


def test_an_empty_file_and_an_empty_zip_file_are_refused() -> None:
    assert refusal(b"")[0] == "not_a_zip"
    assert refusal(zipped({}))[0] == "no_manifest"


def test_something_before_the_content_is_refused() -> None:
    assert refusal(b"#!/bin/sh\n" + zipped(MANIFEST))[0] == "data_before_zip"
    assert refusal(zipped({"other.txt": "a"}) + zipped(MANIFEST))[0] == "data_before_zip"


def test_any_damaged_byte_is_refused_or_harmless() -> None:
    content = bytearray(scorm12_package(files={"a.bin": random.Random(1).randbytes(300)}))
    whole = read(bytes(content))[0].index
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        try:
            package, _ = read(bytes(damaged))
        except InvalidValueError as refused:
            assert refused.problems[0].reason  # noqa: PT017 - either may happen
        else:
            assert {file.digest for file in package.index} <= {file.digest for file in whole}


def test_zip64_is_read() -> None:
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name, data in MANIFEST.items():
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(data.encode())
    assert paths(out.getvalue()) == ["imsmanifest.xml", "index.html"]


def in_zip64(value: int, *, central: int) -> bytes:
    """Return a package whose last entry has a field in the form of zip64: at this offset of its central header."""
    content, extra = bytearray(zipped(MANIFEST)), struct.pack("<HHQ", 1, 8, value)
    start = content.rindex(b"PK\1\2")
    content[start + central : start + central + 4] = b"\xff" * 4
    content[start + 30 : start + 32] = struct.pack("<H", len(extra))
    name = struct.unpack_from("<H", content, start + 28)[0]
    content[start + 46 + name : start + 46 + name] = extra
    end = content.rindex(b"PK\5\6")
    [length] = struct.unpack_from("<I", content, end + 12)
    content[end + 12 : end + 16] = struct.pack("<I", length + len(extra))
    return bytes(content)


def test_an_entry_in_zip64_that_lies_about_its_size_is_refused() -> None:
    assert refusal(in_zip64(2**62, central=24))[0] == "package_too_large"


@pytest.mark.parametrize("offset", [10**6, 2**62, 2**63, 2**64 - 1])
def test_an_entry_that_lies_beyond_the_end_is_refused(offset: int, tmp_path: Path) -> None:
    hostile = in_zip64(offset, central=42)
    assert refusal(hostile)[0] == "zip_damaged"
    (tmp_path / "package.zip").write_bytes(hostile)
    with (tmp_path / "package.zip").open("rb") as file, pytest.raises(InvalidValueError):
        read_package(file, lambda _: None)


def test_a_manifest_that_would_fill_the_memory_is_refused() -> None:
    large = {"imsmanifest.xml": scorm12_manifest() + " " * (16 * 1024 * 1024), "index.html": PAGE}
    assert refusal(zipped(large))[0] == "manifest_too_large"


def test_a_package_in_a_folder_is_read_without_the_folder() -> None:
    wrapped = {f"My course/{name}": data for name, data in MANIFEST.items()}
    assert paths(zipped(wrapped)) == ["imsmanifest.xml", "index.html"]
    assert paths(zipped({**wrapped, "__MACOSX/My course/._index.html": "x", ".DS_Store": "x"})) == [
        "imsmanifest.xml",
        "index.html",
    ]
    kind, sentence = refusal(zipped({**wrapped, "outside.html": "x"}))
    assert kind == "no_manifest"
    assert "My course/imsmanifest.xml" in sentence
    assert refusal(zipped({f"a/b/{name}": data for name, data in MANIFEST.items()}))[0] == "no_manifest"


def test_the_manifest_may_have_other_capitals() -> None:
    assert len(paths(zipped({"IMSManifest.xml": scorm12_manifest(), "index.html": PAGE}))) == 2


@pytest.mark.parametrize(
    ("files", "kind", "said"),
    [
        ({"cmi5.xml": "<a/>"}, "cmi5", "not supported yet"),
        ({"tincan.xml": "<a/>"}, "xapi", "not supported yet"),
        ({"course.au": "a", "course.crs": "a", "course.des": "a"}, "aicc", "not supported yet"),
        ({"course.zip": zipped(MANIFEST)}, "no_manifest", "course.zip"),
        ({"a.html": "a", "b.html": "b", "c.css": "c"}, "no_manifest", "2 .html, 1 .css"),
        ({"a/": ""}, "no_manifest", "folders alone"),
    ],
)
def test_what_was_found_instead_of_a_manifest_is_said(files: dict[str, str], kind: str, said: str) -> None:
    found, sentence = refusal(zipped(files))
    assert found == kind
    assert said in sentence


def test_names_in_utf_8_are_read_with_and_without_their_flag() -> None:
    name = "größe/日本.html"
    marked = scorm12_package([Item(href=name)])
    unmarked = bytearray(marked)
    for header, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        start = unmarked.rindex(header)
        unmarked[start + offset : start + offset + 2] = b"\0\0"
    assert paths(marked) == paths(bytes(unmarked)) == [name, "imsmanifest.xml"]


def test_names_in_an_old_code_page_are_read() -> None:
    content = with_entry("XX.html").replace(b"XX.html", "ä_.html".encode("cp437"))
    assert "ä_.html" in paths(content)


def test_backslashes_are_read_as_slashes() -> None:
    assert "a/b.html" in paths(zipped({**MANIFEST, "a\\b.html": "x"}))


def test_a_file_that_changes_while_it_is_read_is_noticed() -> None:
    out = io.BytesIO(zipped({**MANIFEST, "a.bin": "a"}))
    package, content = read_package(out, lambda _: None)
    file = package.index.find("a.bin")
    assert file is not None
    before = replace(file, digest=FileDigest("0" * 64))
    with pytest.raises(InvalidValueError, match="changed while it was read"):
        list(content.pieces(before))
