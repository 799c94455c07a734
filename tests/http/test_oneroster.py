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


ORGS = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId"
SESSIONS = "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear"
COURSES = "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects"
CLASSES_OF_COURSES = (
    "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"
    "termSourcedIds"
)
ORG_ROWS = "d1,,,District,district,,\ns1,,,School,school,,d1\n"
SESSION_ROWS = (
    "t1,,,Autumn,term,2030-09-01,2031-01-01,y,2031\nt2,,,Spring,term,2031-01-01,2031-07-01,y,2031\n"
    "y,,,Year,schoolYear,2030-09-01,2031-07-01,,2031\n"
)


def complete(word: str, course_id: str, **changed: str) -> dict[str, str]:
    """The files of a bundle with all that is read: a school, two terms, two courses, two classes and two students."""
    row = f",,,c{word},s1,{{}}{word},student,,2030-09-01,2031-07-01\n"
    return {
        "orgs": f"{ORGS}\n{ORG_ROWS}",
        "academicSessions": f"{SESSIONS}\n{SESSION_ROWS}",
        "courses": f"{COURSES}\nk1,,,y,Algebra,{course_id.upper()},,s1,\nk2,,,y,Art,ART-1,,s1,\n",
        "users": f"{USERS}\nu1{word},,,true,a,Ada,Lovelace,,\nu2{word},,,true,b,Bo,Li,,\n",
        "classes": f"{CLASSES_OF_COURSES}\n"
        f'c{word},,,Class {word},,k1,,scheduled,,s1,"t1,t2"\nd{word},,,Art {word},,k2,,scheduled,,s1,t1\n',
        "enrollments": "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,"
        f"beginDate,endDate\n1{row.format('u1')}2{row.format('u2')}",
    } | changed


@pytest.fixture
def enroller(client_of: Callable[..., httpx.Client]) -> httpx.Client:
    """A client that may import people with groups and enrolments."""
    return client_of(str(uuid4()), "learners:admin", "groups:write", "enrolments:write")


@pytest.fixture
def course_id(course_path: str) -> str:
    return course_path.rpartition("/")[2]


def enrolled(client: httpx.Client, course_id: str) -> dict[str, tuple[str | None, str | None]]:
    found = client.get(f"/courses/{course_id}/enrolments").json()["enrolments"]
    return {one["user_id"]: (one["starts_at"], one["due_at"]) for one in found}


def test_the_course_of_a_class_enrols_its_students_for_its_terms(
    enroller: httpx.Client, word: str, course_id: str
) -> None:
    files = complete(word, course_id)
    expected = {
        "people_new": 2,
        "groups_added": 2,
        "memberships_added": 2,
        "group_enrolments_added": 1,
        "courses_unknown": 1,
    }
    assert counts(send(enroller, bundle(**files), dry_run=True)) == expected
    assert enrolled(enroller, course_id) == {}
    assert counts(send(enroller, bundle(**files))) == expected
    dates = ("2030-09-01T00:00:00Z", "2031-07-01T00:00:00Z")
    ada, bo = (str(id_of(f"u{number}{word}", None)) for number in (1, 2))
    assert enrolled(enroller, course_id) == {ada: dates, bo: dates}
    assert counts(send(enroller, bundle(**files))) == {"people_unchanged": 2, "courses_unknown": 1}
    moved = SESSION_ROWS.replace("2031-01-01,2031-07-01", "2031-01-01,2031-06-01")
    later = complete(word, course_id, academicSessions=f"{SESSIONS}\n{moved}")
    assert counts(send(enroller, bundle(**later))) == {
        "people_unchanged": 2,
        "group_enrolments_changed": 1,
        "courses_unknown": 1,
    }
    assert enrolled(enroller, course_id)[ada] == (dates[0], "2031-06-01T00:00:00Z")


def test_a_delta_adds_and_ends_enrolments_and_keeps_dates_that_it_does_not_give(
    enroller: httpx.Client, word: str, course_id: str
) -> None:
    send(enroller, bundle(**complete(word, course_id)))
    classes = f"{CLASSES_OF_COURSES}\nc{word},active,2026-01-01T00:00:00Z,Class {word},,{course_id},,,,s1,t1\n"
    enrollments = f"{ENROLLMENTS}\n1,tobedeleted,2026-01-01T00:00:00Z,c{word},u1{word},student\n"
    delta = bundle("delta", classes=classes, enrollments=enrollments)
    assert counts(send(enroller, delta)) == {"people_unchanged": 1, "memberships_ended": 1}
    bo = str(id_of(f"u2{word}", None))
    assert enrolled(enroller, course_id) == {bo: ("2030-09-01T00:00:00Z", "2031-07-01T00:00:00Z")}


def test_enrolling_by_a_bundle_needs_the_scope(importer: httpx.Client, word: str, course_id: str) -> None:
    assert send(importer, bundle(**complete(word, course_id))).status_code == 403
    assert importer.get(f"/learners/{id_of(f'u1{word}', None)}/profile").status_code == 404


@pytest.mark.parametrize(
    ("file", "before", "after", "line", "column", "kind"),
    [
        ("orgs", ",,d1", ",,d9", 3, "parentSourcedId", "unknown_reference"),
        ("orgs", "s1,,,School", "d1,,,School", 3, "sourcedId", "duplicate_id"),
        ("academicSessions", "2030-09-01,2031-01-01", "1.9.2030,2031-01-01", 2, "startDate", "date_parsing"),
        ("academicSessions", "2030-09-01,2031-01-01", "2030-09-01,2030-09-01", 2, "endDate", "end_before_start"),
        ("academicSessions", "t1,,,Autumn", "t1,,,", 2, "title", "missing"),
        ("courses", "k2,,,y,Art", "k2,gone,,y,Art", 3, "status", "unknown_status"),
        ("courses", "k2,,,y,Art", "k2,,yesterday,y,Art", 3, "dateLastModified", "datetime_parsing"),
        ("classes", "k2,,scheduled", "k9,,scheduled", 3, "courseSourcedId", "unknown_reference"),
        ("classes", '"t1,t2"', '"t1,t9"', 2, "termSourcedIds", "unknown_reference"),
        ("enrollments", "student,,2030-09-01", "student,,2030-13-01", 2, "beginDate", "date_parsing"),
    ],
)
def test_a_fault_names_file_line_and_column(  # noqa: PLR0913, PLR0917 - a table
    enroller: httpx.Client,
    word: str,
    course_id: str,
    file: str,
    before: str,
    after: str,
    line: int,
    column: str,
    kind: str,
) -> None:
    files = complete(word, course_id)
    assert before in files[file]
    answer = send(enroller, bundle(**files | {file: files[file].replace(before, after, 1)}))
    assert (["body", f"{file}.csv", line, column], kind) in faults(answer)
    assert enrolled(enroller, course_id) == {}


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
