"""What a manifest says of a course, and what is wrong with manifests."""

from collections.abc import Mapping
from uuid import UUID

import pytest

from headway.domain.bounds import COURSE_LESSONS
from headway.domain.catalogue import LessonKind
from headway.domain.errors import InvalidValueError
from headway.domain.packages import (
    Content,
    FileDigest,
    Package,
    PackageFile,
    PackageIndex,
    course_id_of,
    course_of,
)
from headway.domain.scorm import ScormVersion
from headway.formats.scorm_manifest import read_manifest
from support.packages import Item, manifest_of, scorm12_manifest, scorm2004_manifest

FILES = ("index.html", "a/b.html", "a b.html", "größe.html", "100%.html", "A/Mixed.HTML", "latin%E9.html")


def index_of(*paths: str) -> PackageIndex:
    return PackageIndex(PackageFile(path, FileDigest("0" * 64), 1) for path in paths)


def read(manifest: str | bytes, *files: str) -> Package:
    content = manifest if isinstance(manifest, bytes) else manifest.encode()
    return read_manifest(content, index_of(*(files or FILES)))


def refusal(manifest: str | bytes, *files: str) -> tuple[str, str]:
    with pytest.raises(InvalidValueError) as refused:
        read(manifest, *files)
    [problem] = refused.value.problems
    assert problem.location == ("imsmanifest.xml",)
    return problem.kind, problem.reason


def launch(manifest: str, *files: str) -> Content:
    [item] = read(manifest, *files).items
    return item.content


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("1.2", ScormVersion.SCORM_12),
        ("CAM 1.3", ScormVersion.SCORM_2004),
        ("2004 2nd Edition", ScormVersion.SCORM_2004),
        ("2004 3rd Edition", ScormVersion.SCORM_2004),
        ("2004 4th Edition", ScormVersion.SCORM_2004),
    ],
)
def test_the_version_is_the_one_that_the_manifest_says(said: str, version: ScormVersion) -> None:
    package = read(manifest_of([Item()], said))
    assert (package.scorm, package.warnings) == (version, ())
    assert package.items[0].content.scorm is version


def test_the_version_shows_in_the_namespaces_where_it_is_not_said() -> None:
    for made, version in (
        (scorm12_manifest(), ScormVersion.SCORM_12),
        (scorm2004_manifest(edition=""), ScormVersion.SCORM_2004),
    ):
        manifest = made.replace("<schemaversion>1.2</schemaversion>", "")
        package = read(manifest)
        assert (package.scorm, package.warnings) == (version, ())


def test_items_become_lessons_under_their_headings() -> None:
    tree = [
        Item("start", "Start"),
        Item(
            "one", "Part one", None,
            children=(Item("deep", "Deeper", None, children=(Item("a", "A"),)), Item("b", "B")),
        ),
        Item("end", "  The\n end "),
    ]  # fmt: skip
    package = read(scorm12_manifest(tree, title=" A \n title "))
    assert package.title == "A title"
    assert [(item.section, item.content.title) for item in package.items] == [
        (None, "Start"),
        ("Part one \u203a Deeper", "A"),
        ("Part one", "B"),
        (None, "The end"),
    ]


def test_a_title_that_no_course_may_have_is_mended() -> None:
    items = [Item("long", "x" * 600), Item("empty", ""), Item("unseen", "\u200b")]
    titles = [item.content.title for item in read(scorm12_manifest(items, title="")).items]
    assert titles == ["x" * 500, "empty", "Untitled"]
    assert read(scorm12_manifest(title="")).title == "org.example.course"


def test_marks_of_scorm_12_are_read() -> None:
    inside = (
        "<adlcp:maxtimeallowed>00:30:00</adlcp:maxtimeallowed>"
        "<adlcp:timelimitaction>exit,message</adlcp:timelimitaction><adlcp:datafromlms>level=2</adlcp:datafromlms>"
    )
    assert launch(scorm12_manifest([Item(mastery_score=80, inside=inside)])) == Content(
        "item", "An item", "index.html", launch_data="level=2", mastery_score=80,
        max_time="00:30:00", time_limit_action="exit,message",
    )  # fmt: skip


def test_marks_of_scorm_2004_are_read() -> None:
    found = launch(scorm2004_manifest([Item(measure=0.55, threshold=0.9)]))
    assert (found.passing_score, found.completion_threshold, found.pass_mark) == (0.55, 0.9, 55)


def test_an_objective_of_a_sequencing_that_is_referred_to_is_read() -> None:
    collection = (
        '<imsss:sequencingCollection><imsss:sequencing ID="s"><imsss:objectives><imsss:primaryObjective '
        'satisfiedByMeasure="true"/></imsss:objectives></imsss:sequencing></imsss:sequencingCollection>'
    )
    item = Item(inside='<imsss:sequencing IDRef="s"/>')
    assert launch(scorm2004_manifest([item], inside=collection)).passing_score == 1


def test_an_objective_that_is_not_satisfied_by_its_measure_is_no_mark() -> None:
    manifest = scorm2004_manifest([Item(measure=0.5)]).replace('satisfiedByMeasure="true"', "")
    assert launch(manifest).passing_score is None


@pytest.mark.parametrize("score", ["120", "-1", "nan", "eighty"])
def test_a_mark_that_is_none_is_left_out_with_a_warning(score: str) -> None:
    package = read(scorm12_manifest([Item(inside=f"<adlcp:masteryscore>{score}</adlcp:masteryscore>")]))
    assert package.items[0].content.mastery_score is None
    assert score in package.warnings[0]


def test_lessons_have_the_conditions_of_their_items() -> None:
    items = [Item("plain"), Item("asset", is_sco=False), Item("zero", measure=0), Item("mark", measure=0.7)]
    items += [Item("both", measure=0.7, threshold=0.5), Item("part", threshold=0.28)]
    course = course_of(read(scorm2004_manifest(items)), course_id_of("x"), None)
    assert [(lesson.kind, lesson.pass_mark, lesson.complete_at) for lesson in course.lessons] == [
        (LessonKind.OTHER, None, 100),
        (LessonKind.OTHER, None, 100),
        (LessonKind.OTHER, None, 100),
        (LessonKind.QUIZ, 70, None),
        (LessonKind.QUIZ, 70, 50),
        (LessonKind.OTHER, None, 28),
    ]


def test_ids_follow_from_identifiers_and_contents_from_the_version() -> None:
    old, new = read(scorm12_manifest()), read(scorm12_manifest(), "index.html", "new.html")
    course_id = course_id_of(old.identifier)
    first, second = (course_of(package, course_id, None).lessons[0] for package in (old, new))
    assert first.id == second.id
    assert first.content_id != second.content_id
    assert str(UUID(first.id)) == first.id
    assert course_of(old, course_id_of("other"), None).lessons[0].id != first.id
    assert set(old.contents) == {first.content_id}


@pytest.mark.parametrize(
    ("href", "path", "query", "fragment"),
    [
        ("a b.html", "a b.html", "", ""),
        ("a%20b.html", "a b.html", "", ""),
        ("gr%C3%B6%C3%9Fe.html", "größe.html", "", ""),
        ("gro\u0308ße.html", "größe.html", "", ""),
        ("100%.html", "100%.html", "", ""),
        ("latin%E9.html", "latin%E9.html", "", ""),
        ("a/mixed.html", "A/Mixed.HTML", "", ""),
        ("a\\b.html", "a/b.html", "", ""),
        ("./a/../a/b.html", "a/b.html", "", ""),
        ("/a/b.html", "a/b.html", "", ""),
        ("a/b.html?x=1&y=%20#top", "a/b.html", "?x=1&y=%20", "#top"),
        ("a/b.html#top?x", "a/b.html", "", "#top?x"),
    ],
)
def test_hrefs_lead_to_files(href: str, path: str, query: str, fragment: str) -> None:
    found = launch(scorm12_manifest([Item(href=href)]))
    assert (found.path, found.query, found.fragment) == (path, query, fragment)


@pytest.mark.parametrize(
    ("href", "parameters", "query", "fragment"),
    [
        ("index.html", "x=1", "?x=1", ""),
        ("index.html", "?x=1", "?x=1", ""),
        ("index.html", "&?&x=1", "?x=1", ""),
        ("index.html?a=b", "?x=1", "?a=b&x=1", ""),
        ("index.html", "#top", "", "#top"),
        ("index.html#here", "#top", "", "#here"),
        ("index.html#here", "x=1", "?x=1", "#here"),
        ("index.html", "?", "", ""),
    ],
)
def test_parameters_are_joined_as_scorm_says(href: str, parameters: str, query: str, fragment: str) -> None:
    item = Item(href=href, attributes=f'parameters="{parameters.replace("&", "&amp;")}"')
    found = launch(scorm12_manifest([item]))
    assert (found.query, found.fragment) == (query, fragment)


@pytest.mark.parametrize("base", ["a/", "a", "./a/"])
def test_bases_are_joined(base: str) -> None:
    assert launch(scorm12_manifest([Item(href="b.html")], base=base)).path == "a/b.html"
    assert launch(scorm12_manifest([Item(href="b.html")], resources_base=base)).path == "a/b.html"
    assert launch(scorm12_manifest([Item(href="b.html", resource=f'xml:base="{base}"')])).path == "a/b.html"
    joined = scorm12_manifest([Item(href="d.html", resource='xml:base="c/"')], base="a/", resources_base="b/")
    assert launch(joined, "a/b/c/d.html").path == "a/b/c/d.html"


@pytest.mark.parametrize(
    ("href", "kind"),
    [
        ("missing.html", "no_file"),
        ("https://example.org/a.html", "outside_package"),
        ("//example.org/a.html", "outside_package"),
        ("javascript:alert(1)", "outside_package"),
        ("C:/a.html", "outside_package"),
        ("../index.html", "outside_package"),
        ("a/..%2f..%2findex.html", "outside_package"),
        ("..\\index.html", "outside_package"),
        ("", "no_href"),
    ],
)
def test_an_item_without_a_file_in_the_package_is_refused(href: str, kind: str) -> None:
    found, reason = refusal(scorm12_manifest([Item("intro", href=href)]))
    assert found == kind
    assert "“intro”" in reason


def test_a_base_of_another_host_is_refused() -> None:
    assert refusal(scorm12_manifest(base="https://example.org/course/"))[0] == "outside_package"


def test_an_item_without_its_resource_is_refused() -> None:
    kind, reason = refusal(scorm12_manifest().replace('identifierref="resource-item"', 'identifierref="gone"'))
    assert kind == "no_resource"
    assert "“gone”" in reason


def test_identifiers_are_needed_once_each() -> None:
    assert refusal(scorm12_manifest([Item("a"), Item("a")]))[0] == "duplicate_identifier"
    assert refusal(scorm12_manifest([Item("")]))[0] == "no_identifier"
    assert refusal(scorm12_manifest(identifier="").replace('identifier="org"', ""))[0] == "no_identifier"


def test_a_manifest_without_anything_to_open_is_refused() -> None:
    assert refusal(scorm12_manifest([]))[0] == "no_items"
    assert refusal(scorm12_manifest([Item(href=None)]))[0] == "no_items"
    manifest = scorm12_manifest()
    start, end = manifest.index("<organization "), manifest.index("</organizations>")
    assert refusal(manifest[:start] + manifest[end:])[0] == "no_organization"


def test_no_course_has_more_lessons_than_it_may_have() -> None:
    items = [Item(f"item-{number}") for number in range(COURSE_LESSONS + 1)]
    assert refusal(scorm12_manifest(items))[0] == "too_many_items"
    assert len(read(scorm12_manifest(items[1:])).items) == COURSE_LESSONS


def test_the_default_organization_is_read() -> None:
    other = '<organization identifier="other"><title>Other</title></organization>'
    package = read(scorm12_manifest(organizations=other))
    assert package.title == "A course"
    assert "2 organizations" in package.warnings[0]
    package = read(scorm12_manifest().replace('default="org"', 'default="gone"'))
    assert "“gone”" in package.warnings[0]


def test_hidden_items_are_left_out_where_others_are_visible() -> None:
    hidden, shown = Item("hidden", attributes='isvisible="false"'), Item("shown")
    package = read(scorm12_manifest([hidden, shown]))
    assert [item.content.identifier for item in package.items] == ["shown"]
    assert "“hidden”" in package.warnings[0]
    assert [item.content.identifier for item in read(scorm12_manifest([hidden])).items] == ["hidden"]
    heading = Item("part", "Part", None, children=(shown,), attributes='isvisible="false"')
    assert [item.section for item in read(scorm12_manifest([heading])).items] == [None]


def test_an_item_that_opens_nothing_is_left_out_with_a_warning() -> None:
    package = read(scorm12_manifest([Item("empty", href=None), Item()]))
    assert len(package.items) == 1
    assert "“empty”" in package.warnings[0]


def test_rules_that_are_not_enforced_are_named() -> None:
    rules = (
        "<imsss:sequencing><imsss:sequencingRules/><imsss:rollupRules/>"
        '<imsss:limitConditions attemptLimit="1"/></imsss:sequencing>'
    )
    [warning] = read(scorm2004_manifest([Item("a", inside=rules), Item("b", inside=rules)])).warnings
    assert "limitConditions (2), rollupRules (2), sequencingRules (2)" in warning
    [warning] = read(scorm12_manifest([Item(inside="<adlcp:prerequisites>x</adlcp:prerequisites>")])).warnings
    assert "prerequisites (1)" in warning


def test_an_asset_reports_nothing_and_what_is_not_said_is_a_sco() -> None:
    assert launch(scorm12_manifest([Item(is_sco=False)])).is_sco is False
    package = read(scorm12_manifest().replace('adlcp:scormtype="sco"', ""))
    assert package.items[0].content.is_sco is True
    assert "SCO or an asset" in package.warnings[0]


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("UTF-16", "utf-16"),
        ("utf-16le", "utf-16-le"),
        ("UTF-16BE", "utf-16-be"),
        ("GB2312", "gb2312"),
        ("Shift_JIS", "shift_jis"),
        ("ISO-8859-1", "utf-8-sig"),
    ],
)
def test_encodings_are_read(declared: str, written: str) -> None:
    title = {"gb2312": "课程", "shift_jis": "コース"}.get(written, "Größe")
    package = read(scorm12_manifest(title=title, encoding=declared).encode(written))
    assert (package.title, package.warnings) == (title, ())


def test_a_manifest_that_declares_utf_16_but_is_utf_8_is_read_with_a_warning() -> None:
    package = read(scorm12_manifest(title="Größe", encoding="utf-16").encode())
    assert package.title == "Größe"
    assert "read as UTF-8" in package.warnings[0]


def test_a_manifest_in_another_encoding_than_it_declares_is_refused() -> None:
    kind, reason = refusal(scorm12_manifest(title="Größe").encode("cp1252"))
    assert kind == "wrong_encoding"
    assert "UTF-8" in reason


@pytest.mark.parametrize("name", ["utf-7", "rot13", "idna", "unknown", "unicode_escape"])
def test_other_encodings_are_refused(name: str) -> None:
    assert refusal(scorm12_manifest(encoding=name))[0] == "unknown_encoding"


ENTITIES: Mapping[str, str] = {
    "a bomb": '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    "a file": '<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    "a parameter": '<!DOCTYPE m [<!ENTITY % a SYSTEM "http://127.0.0.1/a.dtd"> %a;]>',
}


@pytest.mark.parametrize("dtd", ENTITIES.values(), ids=ENTITIES)
def test_entities_are_refused(dtd: str) -> None:
    assert refusal(scorm12_manifest().replace("?>\n", f"?>\n{dtd}\n", 1))[0] == "xml_entities"


def test_xml_that_is_none_is_refused() -> None:
    assert refusal("<manifest>")[0] == "xml_invalid"
    assert refusal("")[0] == "xml_invalid"
    assert refusal("<html/>")[0] == "no_manifest"


def test_a_manifest_is_neither_too_deep_nor_too_large() -> None:
    assert refusal("<a>" * 200_000)[0] == "xml_too_deep"
    assert refusal("<manifest>" + "<a/>" * 300_000 + "</manifest>")[0] == "manifest_too_large"


def test_a_common_cartridge_is_named() -> None:
    manifest = (
        '<manifest identifier="m" xmlns="http://www.imsglobal.org/xsd/imsccv1p3/imscp_v1p1"><metadata>'
        "<schema>IMS Common Cartridge</schema><schemaversion>1.3.0</schemaversion></metadata></manifest>"
    )
    kind, reason = refusal(manifest)
    assert kind == "common_cartridge"
    assert "not supported yet" in reason


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (f"<adlcp:datafromlms>{'x' * 64_001}</adlcp:datafromlms>", "launch_data"),
        ("<adlcp:maxtimeallowed>soon</adlcp:maxtimeallowed>", "max_time"),
        ("<adlcp:maxtimeallowed>PT30M</adlcp:maxtimeallowed>", "max_time"),
        ("<adlcp:timelimitaction>explode</adlcp:timelimitaction>", "time_limit_action"),
    ],
)
def test_what_content_can_not_be_told_is_left_out_with_a_warning(said: str, field: str) -> None:
    package = read(scorm12_manifest([Item(inside=said)]))
    assert not getattr(package.items[0].content, field)
    assert "left out" in package.warnings[0]
