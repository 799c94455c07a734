import json
from pathlib import Path

import pytest

from support.buckets import bucket_variables, new_bucket, s3_server
from support.packages import Item, scorm12_package, scorm2004_package
from support.program import Finished, Program, check_refusal, headway, on_a_terminal

QUIZ = Item("quiz", "A quiz", "quiz.html", mastery_score=80)
PART = Item("part", "Part one", None, children=(Item("intro", "Introduction", "intro/index.html"), QUIZ))


def imported(program: Program, content: bytes, *options: str) -> Finished:
    (program.folder / "package.zip").write_bytes(content)
    return program("courses", "import", "package.zip", *options, packages_dir=program.folder / "packages")


def test_a_package_becomes_a_course(program: Program) -> None:
    done = imported(program, scorm12_package([PART], title="Safety"))
    assert done.code == 0, done.err
    first, second, intro, quiz = done.out.splitlines()
    course_id = first.split()[0]
    assert first == f"{course_id}  Safety: created, 2 added"
    assert second == "SCORM 1.2, 3 files, 2 lessons:"
    lessons = json.loads(program("courses", "show", course_id).out)["lessons"]
    assert intro == f"  {lessons[0]['id']}  Part one: Introduction"
    assert quiz == f"  {lessons[1]['id']}  Part one: A quiz  (pass mark 80)"
    assert (program.folder / "packages" / "contents" / f"{lessons[0]['content_id']}.json").exists()


def test_a_dry_run_stores_nothing(program: Program) -> None:
    done = imported(program, scorm2004_package(), "--dry-run")
    assert (done.code, "created, 1 added; of 0 learners" in done.out) == (0, True)
    assert not (program.folder / "packages").exists()
    assert "empty" in program("courses", "list").out


def test_the_course_may_be_named(program: Program) -> None:
    course_id = "5e757794-c815-4ccc-bf16-1010d8ef2347"
    assert imported(program, scorm12_package(), "--course", course_id).out.startswith(f"{course_id}  A course: created")
    assert imported(program, scorm12_package(), "--course", course_id).out.startswith(
        f"{course_id}  A course: unchanged"
    )


def test_what_is_not_used_is_warned_of(program: Program) -> None:
    item = Item(inside="<adlcp:prerequisites>x</adlcp:prerequisites>")
    done = imported(program, scorm12_package([item]))
    assert done.code == 0
    assert "warning: These rules are not enforced" in done.err


def test_what_is_wrong_is_said_and_nothing_stored(program: Program) -> None:
    refused = imported(program, scorm12_package([Item("intro", href="missing%20file.html")]))
    assert refused.code == 2
    assert "“intro”: there is no such file in the package" in refused.err
    assert "Traceback" not in refused.err
    assert not (program.folder / "packages").exists()
    check_refusal(imported(program, b"", "--course", "a"), "COURSE is not a UUID")


def test_without_a_setting_packages_are_off(folder: Path) -> None:
    (folder / "package.zip").write_bytes(scorm12_package())
    refused = headway(folder, "courses", "import", "package.zip")
    check_refusal(refused, "HEADWAY_PACKAGES_DIR", "HEADWAY_PACKAGES_URL", code=1)


def test_a_folder_that_can_not_be_written_is_said(folder: Path) -> None:
    (folder / "package.zip").write_bytes(scorm12_package())
    (folder / "packages").write_text("no folder")
    refused = headway(folder, "courses", "import", "package.zip", packages_dir=folder / "packages")
    assert refused.code == 1
    assert "The store of packages is not available" in refused.err
    assert headway(folder, "courses", "list").out.startswith("The catalogue is empty")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"packages_url": "https://example.org"}, "s3://bucket"),
        ({"packages_url": "s3://bucket", "packages_dir": "packages"}, "only one of"),
        ({"package_mib": 0}, "HEADWAY_PACKAGE_MIB"),
    ],
)
def test_wrong_settings_are_refused(folder: Path, settings: dict[str, object], said: str) -> None:
    check_refusal(headway(folder, "courses", "list", **settings), said)


def test_a_terminal_shows_how_far_the_import_is(folder: Path) -> None:
    (folder / "package.zip").write_bytes(scorm12_package())
    code, shown = on_a_terminal(folder, "courses", "import", "package.zip", packages_dir=folder / "packages")
    assert code == 0
    assert "Checking" in shown
    assert "Storing" in shown
    assert "━" in shown


def test_packages_are_kept_in_a_bucket(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "package.zip").write_bytes(scorm12_package())
    with s3_server() as server, new_bucket(server) as url:
        for name, value in bucket_variables(server).items():
            monkeypatch.setenv(name, value)
        done = headway(folder, "courses", "import", "package.zip", packages_url=url)
    assert (done.code, "created, 1 added" in done.out) == (0, True), done.err


def test_without_the_extra_s3_what_to_install_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "modules").mkdir()
    (folder / "modules" / "obstore.py").write_text("raise ModuleNotFoundError('obstore', name='obstore')\n")
    monkeypatch.syspath_prepend(folder / "modules")
    monkeypatch.setenv("PYTHONPATH", str(folder / "modules"))
    (folder / "package.zip").write_bytes(scorm12_package())
    refused = headway(folder, "courses", "import", "package.zip", packages_url="s3://bucket")
    check_refusal(refused, "pip install 'headway[s3]'")
