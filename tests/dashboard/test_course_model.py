"""The pure functions behind the builder, run in the browser: from draft to draft, and durations."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from support.browser import DASHBOARD, visiting
from support.running import Running

Run = Callable[..., Any]

# Each lesson is named after its title. `outline` is what is left to compare: the sections with their titles.
_BEGIN = """
    const outline = (draft) => draft.sections.map(({ title, lessons }) => [title, ...lessons.map((one) => one.title)]);
    const lesson = (title, section) => ({ ...model.newLesson(), id: title, title, section });
    const draft = model.draftOf({
        title: "Bread",
        lessons: [lesson("flour", "Dough"), lesson("water", "Dough"), lesson("heat", "Oven"), lesson("eat", null)],
    });
    const key = (title) => draft.sections.find((section) => section.title === title).key;
"""


@pytest.fixture(scope="module")
def run(browser: Browser, running: Running) -> Iterator[Run]:
    """Run JavaScript with the module's functions, `draft` and `outline`. Returns its value."""
    with visiting(browser, running, str(uuid4()), "courses:write") as context:
        page = context.new_page()
        page.goto(f"{DASHBOARD}/authoring")

        def evaluate(script: str, given: Any = None) -> Any:
            return page.evaluate(
                f"""async (given) => {{
                    const {{ differences }} = await import("{DASHBOARD}/static/course-differences.js");
                    const model = await import("{DASHBOARD}/static/course-model.js");
                    const durations = await import("{DASHBOARD}/static/durations.js");
                    {_BEGIN}
                    {script}
                }}""",
                given,
            )

        yield evaluate


BREAD = [["Dough", "flour", "water"], ["Oven", "heat"], ["", "eat"]]


@pytest.mark.parametrize(
    ("change", "made"),
    [
        ("model.stepLesson(draft, 'water', 1)", [["Dough", "flour"], ["Oven", "water", "heat"], ["", "eat"]]),
        ("model.stepLesson(draft, 'heat', -1)", [["Dough", "flour", "water", "heat"], ["Oven"], ["", "eat"]]),
        ("model.stepLesson(draft, 'flour', -1)", BREAD),
        ("model.stepLesson(draft, 'eat', 1)", BREAD),
        (
            "model.moveLesson(draft, 'flour', key('Dough'), 1)",
            [["Dough", "water", "flour"], ["Oven", "heat"], ["", "eat"]],
        ),
        (
            "model.moveLesson(draft, 'flour', key('Oven'), 1)",
            [["Dough", "water"], ["Oven", "heat", "flour"], ["", "eat"]],
        ),
        ("model.moveSection(draft, key('Dough'), 1)", [["Oven", "heat"], ["Dough", "flour", "water"], ["", "eat"]]),
        ("model.moveSection(draft, key('Dough'), 3)", BREAD),
        ("model.removeSection(draft, key('Dough'))", [["Oven", "heat"], ["", "eat"]]),
        (
            "model.renameSection(draft, key(''), 'Table')",
            [["Dough", "flour", "water"], ["Oven", "heat"], ["Table", "eat"]],
        ),
        (
            "model.gatherLessons(draft, new Set(['eat', 'flour']), key('Oven'))",
            [["Dough", "water"], ["Oven", "heat", "flour", "eat"], [""]],
        ),
        (
            "model.duplicateLesson(draft, 'heat', 'copy')",
            [["Dough", "flour", "water"], ["Oven", "heat", "heat"], ["", "eat"]],
        ),
        (
            "model.insertLines(draft, 'flour', model.parseLines('salt 1:00\\n# Rest\\nwait')).draft",
            [["Dough", "flour", "salt"], ["Rest", "wait", "water"], ["Oven", "heat"], ["", "eat"]],
        ),
        (
            "model.insertLines(draft, 'eat', model.parseLines('# Table')).draft",
            [["Dough", "flour", "water"], ["Oven", "heat"], ["", "eat"], ["Table", ""]],
        ),
    ],
)
def test_a_change_makes_a_new_draft_and_leaves_the_old_one(run: Run, change: str, made: list[list[str]]) -> None:
    found, before = run(f"const changed = {change}; return [outline(changed), outline(draft)];")
    assert found == made
    assert before == BREAD


def test_a_document_becomes_a_draft_and_the_same_document_again(run: Run) -> None:
    same, saved = run("""
        const doc = { title: "Bread", unknown: 1, lessons: [{ ...lesson("a", null), unknown: [2] }, lesson("b", "B")] };
        const later = model.insertLesson(model.draftOf(doc), model.draftOf(doc).sections[0].key, model.newLesson(), 0);
        return [JSON.stringify(model.documentOf(model.draftOf(doc))) === JSON.stringify(doc), model.documentOf(later)];
    """)
    assert same
    assert [one["title"] for one in saved["lessons"]] == ["a", "b"]  # an empty lesson is not saved


def test_a_removed_lesson_is_required_by_none(run: Run) -> None:
    assert run("""
        const required = model.setLessons(draft, new Set(["heat"]), "requires", ["flour", "water"]);
        return model.lessonsOf(model.removeLessons(required, new Set(["flour"])))[1].requires;
    """) == ["water"]


def test_what_differs_is_named_once(run: Run) -> None:
    found = run("""
        const before = model.documentOf(draft);
        let after = model.renameSection(draft, key("Dough"), "Kneading");
        after = model.moveLesson(after, "eat", key("Oven"), 0);
        after = model.setLessons(after, new Set(["water"]), "duration_seconds", 60);
        after = model.insertLesson(after, key("Oven"), lesson("steam"), 2);
        const { sections, added, removed, moved, edited } = differences(before, model.documentOf(after));
        const titles = (lessons) => lessons.map(({ title }) => title);
        return [sections, titles(added), titles(removed), titles(moved), edited.map(({ fields }) => fields)];
    """)
    assert found == [[["Dough", "Kneading"]], ["steam"], [], ["eat"], [["duration_seconds"]]]


def test_only_what_left_its_place_is_called_moved(run: Run) -> None:
    found = run("""
        const doc = (titles) => ({ lessons: titles.map((title) => lesson(title, null)) });
        return differences(doc(["a", "b", "c", "d"]), doc(["d", "a", "b", "c"])).moved.map(({ title }) => title);
    """)
    assert found == ["d"]


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("12:30", 750, "12:30"),
        ("1:02:30", 3750, "1:02:30"),
        ("90", 5400, "1:30:00"),
        ("75:00", 4500, "1:15:00"),
        ("0:45", 45, "0:45"),
        ("5:30,5", 330.5, "5:30.5"),
        (" \u0661\u0662:\u0663\u0660 ", 750, "12:30"),
        ("", None, None),
    ],
)
def test_a_duration_is_read_and_written(run: Run, text: str, seconds: float | None, written: str | None) -> None:
    found = run(
        """
        const seconds = durations.parseDuration(given);
        return [seconds, seconds === null ? null : durations.writeDuration(seconds)];
        """,
        text,
    )
    assert found == [seconds, written]


@pytest.mark.parametrize("text", ["soon", "1:75", "1:75:00", "-5", "1:2", "12:30 min", "1.5"])
def test_what_is_no_duration_is_not_guessed(run: Run, text: str) -> None:
    assert run("return durations.parseDuration(given) === undefined", text)


@pytest.mark.parametrize(
    ("line", "title", "seconds"),
    [
        ("Flour 12:30", "Flour", 750),
        ("Flour (1:02:30)", "Flour", 3750),
        ("Flour \u2013 4:05", "Flour", 245),
        ("\u2022 Flour\t4:05", "Flour", 245),
        ("Flour", "Flour", None),
        ("12:30", "12:30", None),
        ("Part 2", "Part 2", None),
    ],
)
def test_a_line_of_a_list_is_a_lesson(run: Run, line: str, title: str, seconds: int | None) -> None:
    assert run("return model.parseLines(given)", line) == [{"isSection": False, "title": title, "seconds": seconds}]


def test_faults_name_the_lesson_and_the_field(run: Run) -> None:
    found = run("""
        let wrong = model.setCourse(draft, "title", " ");
        wrong = model.setLessons(wrong, new Set(["flour"]), "duration_seconds", "soon");
        wrong = model.setLessons(wrong, new Set(["heat"]), "complete_at", 120);
        return model.faultsOf(wrong).map(({ id, field, kind }) => [id, field, kind]);
    """)
    assert found == [
        [None, "title", "missing"],
        ["flour", "duration_seconds", "duration"],
        ["heat", "complete_at", "percentage"],
    ]
