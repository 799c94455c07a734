"""Importing OneRoster bundles over HTTP: bulk and delta, and harmful zip files."""

import io
import stat
import warnings
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from headway.auth import learner_id as id_of
from headway.formats import oneroster

ZIP = {"Content-Type": "application/zip"}
USERS = "sourcedId,status,dateLastModified,enabledUser,username,givenName,familyName,email,userMasterIdentifier"
CLASSES = "sourcedId,status,dateLastModified,title"
ENROLLMENTS = "sourcedId,status,dateLastModified,classSourcedId,userSourcedId,role"


@pytest.fixture
def importer(client_of: Callable[..., httpx.Client]) -> httpx.Client:
    """A client that may import people with groups."""
    return client_of(str(uuid4()), "learners:admin", "groups:write")


@pytest.fixture
def word() -> str:
    """A word that no other test has in its ids and titles."""
    return uuid4().hex[:12]


def zipped(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def bundle(mode: str = "bulk", **files: str) -> bytes:
    """A bundle of these files without `.csv`; the others are absent."""
    manifest = "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\n"
    manifest += "".join(f"file.{name},{mode}\n" for name in files)
    return zipped({"manifest.csv": manifest} | {f"{name}.csv": text for name, text in files.items()})


def whole(word: str) -> bytes:
    """Two students and a teacher in one class. One has a master identifier."""
    return bundle(
        users=f"{USERS}\nu1{word},,,true,a,Ada,Lovelace,a@example.org,m{word}\nu2{word},,,true,b,Bo,Li,,\n",
        classes=f"{CLASSES}\nc{word},,,Class {word}\n",
        enrollments=f"{ENROLLMENTS}\n1,,,c{word},u1{word},student\n2,,,c{word},u2{word},teacher\n",
        orgs="sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\no1,,,School,school,,\n",
    )


def send(client: httpx.Client, content: bytes, **query: Any) -> httpx.Response:
    return client.post("/people/import", content=content, headers=ZIP, params=query)


def counts(answer: httpx.Response) -> dict[str, int]:
    assert answer.status_code == 200, answer.text
    return {name: value for name, value in answer.json().items() if isinstance(value, int) and value}


def faults(answer: httpx.Response) -> list[tuple[list[Any], str]]:
    assert answer.status_code == 422, answer.text
    return [(fault["loc"], fault["type"]) for fault in answer.json()["detail"]]


def members(client: httpx.Client, word: str) -> list[str]:
    [group] = [group for group in client.get("/groups").json() if group["title"] == f"Class {word}"]
    found: list[str] = client.get(f"/groups/{group['id']}").json()["members"]
    return found


def test_a_bulk_bundle_is_stored_once_and_names_who_is_missing(importer: httpx.Client, word: str) -> None:
    expected = {"people_new": 2, "groups_added": 1, "memberships_added": 1}
    assert counts(send(importer, whole(word), dry_run=True)) == expected
    assert counts(send(importer, whole(word))) == expected
    assert counts(send(importer, whole(word))) == {"people_unchanged": 2}
    ada = str(id_of(f"m{word}", None))
    profile = importer.get(f"/learners/{ada}/profile").json()
    assert (profile["name"], profile["external_id"]) == ("Ada Lovelace", f"u1{word}")
    assert importer.get(f"/learners/{id_of(f'u2{word}', None)}/profile").json()["name"] == "Bo Li"
    assert members(importer, word) == [ada]
    fewer = send(importer, bundle(classes=f"{CLASSES}\nc{word},,,Class {word}\n", enrollments=f"{ENROLLMENTS}\n"))
    assert (counts(fewer), fewer.json()["missing"]) == ({"people_missing": 1}, [ada])
    assert members(importer, word) == [ada]


def test_a_delta_ends_memberships_of_users_who_are_not_in_it(importer: httpx.Client, word: str) -> None:
    send(importer, whole(word))
    row = "{},{},2026-01-01T00:00:00Z,c" + word + ",{}" + word + ",student\n"
    delta = bundle(
        "delta", enrollments=f"{ENROLLMENTS}\n{row.format(1, 'tobedeleted', 'u1')}{row.format(3, 'active', 'u2')}"
    )
    assert counts(send(importer, delta)) == {"people_unchanged": 2, "memberships_added": 1, "memberships_ended": 1}
    assert members(importer, word) == [str(id_of(f"u2{word}", None))]
    assert counts(send(importer, delta)) == {"people_unchanged": 2}
    stranger = bundle("delta", enrollments=f"{ENROLLMENTS}\n{row.format(1, 'active', 'u9')}")
    assert faults(send(importer, stranger)) == [(["body", "enrollments.csv", 2, "userSourcedId"], "unknown_user")]


@pytest.mark.parametrize("status", ["active", "tobedeleted"])
def test_an_unknown_class_and_a_wrong_user_are_named_and_nothing_is_written(
    importer: httpx.Client, word: str, status: str
) -> None:
    wrong = bundle(
        "delta",
        users=f"{USERS}\nu1{word},,,true,a,Ada,Lovelace,,\n",
        enrollments=f"{ENROLLMENTS}\n1,{status},,c{word},u1{word},student\n",
    )
    assert faults(send(importer, wrong)) == [(["body", "enrollments.csv", 2, "groups"], "group_not_found")]
    wrong = bundle(users=f"{USERS}\nu1{word},,,true,a,Ada,Lovelace,,\nu2{word},,,true,a,Bo,Li,nobody,\n")
    assert faults(send(importer, wrong)) == [(["body", "users.csv", 3, "email"], "email_parsing")]
    assert importer.get(f"/learners/{id_of(f'u1{word}', None)}/profile").status_code == 404


def linked() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo("users.csv")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return content.getvalue()


def twice() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr("users.csv", "x")
        archive.writestr("users.csv", "y")
    return content.getvalue()


def encrypted() -> bytes:
    content = bytearray(zipped({"users.csv": "x"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


HARMFUL = {
    "zip_path": zipped({"../users.csv": "x"}),
    "zip_nested": zipped({"more.zip": "x"}),
    "zip_too_many_files": zipped({f"{number}.csv": "" for number in range(oneroster.MOST_ENTRIES + 1)}),
    "zip_too_large": zipped({"users.csv": "0" * (oneroster.MOST_UNPACKED_BYTES + 1)}),
    "zip_link": linked(),
    "zip_duplicate_name": twice(),
    "zip_encrypted": encrypted(),
    "zip_invalid": b"PK\x03\x04 and no more",
}


@pytest.mark.parametrize("kind", HARMFUL)
def test_a_harmful_zip_file_is_refused(importer: httpx.Client, kind: str) -> None:
    assert faults(send(importer, HARMFUL[kind])) == [(["body", "zip"], kind)]


def test_a_bundle_needs_its_manifest_and_the_files_that_it_names(importer: httpx.Client) -> None:
    assert faults(send(importer, zipped({"users.csv": USERS}))) == [(["body", "manifest.csv"], "missing")]
    head = "propertyName,value\noneroster.version,1.2\nfile.users,{}\n"
    absent = zipped({"manifest.csv": head.format("bulk")})
    assert faults(send(importer, absent)) == [(["body", "users.csv"], "missing")]
    unknown = zipped({"manifest.csv": head.format("some")})
    assert faults(send(importer, unknown)) == [(["body", "manifest.csv"], "unknown_mode")]
