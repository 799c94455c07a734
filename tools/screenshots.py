"""Pictures of every page of the table of pages: `make screenshots`. With names of pages, only these are taken anew.

English in both colour schemes, on a desktop and on a phone; the other languages once on each. A school that looks lived
in is written day by day, by a clock of its own, then served; a real browser looks at it.
"""

import asyncio
import random
import re
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from playwright.sync_api import Browser, Page
from rich.progress import track

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))

from headway.cli.demo_package import zipped_sample  # noqa: E402 - the tests' folder comes first
from headway.cli.documents import course_files, read_courses  # noqa: E402 - the tests' folder comes first
from headway.dashboard.rendering import LANGUAGE_COOKIE  # noqa: E402
from headway.dashboard.words import LANGUAGES, SOURCE  # noqa: E402
from headway.domain.catalogue import Course, Lesson, LessonKind  # noqa: E402
from headway.domain.course_progress import EnrolmentSource  # noqa: E402
from headway.domain.enrolments import EnrolmentChange  # noqa: E402
from headway.domain.identifiers import LearnerId  # noqa: E402
from headway.domain.people import LearnerProfile  # noqa: E402
from headway.domain.progress import ProgressUpdate  # noqa: E402
from headway.domain.writes import LessonWrite  # noqa: E402
from headway.metrics import Metrics  # noqa: E402
from headway.storage.sqlite import SqliteStore  # noqa: E402
from support.browser import DASHBOARD, DESKTOP, PHONE, SCHEMES, browser, visiting  # noqa: E402
from support.pages import addresses, settle  # noqa: E402
from support.running import Running, headway_serve  # noqa: E402

TARGET: Final = ROOT / "docs/screenshots"
WIDTHS: Final = {"desktop": DESKTOP, "phone": PHONE}
_DAYS: Final = 60
_LEARNERS: Final = 240
_WHO_LOOKS: Final = 1
_WHO_FINISHES: Final = 2
_HIGHEST: Final = 6000
# Every first name comes together with every last one, once.
_FIRST: Final = (
    "Ada", "Zoë", "Mateusz", "Inês", "Jürgen", "Amélie", "Søren", "Nikola", "Łukasz", "Mary", "Đorđe", "Chloé", "Olga",
    "Peter", "Þóra", "Ahmed",
)  # fmt: skip
_LAST: Final = (
    "Lovelace", "Müller", "Nowak", "Gonçalves", "Ångström", "Dubois", "Kovačević", "Smith", "Papadopoulou", "Kamińska",
    "Çelik", "Novák", "Jónsdóttir", "Hernández", "van den Berg",
)  # fmt: skip
_UNNAMED: Final = 4
_LONG: Final = 12
_LONG_NAME: Final = "Maria Antónia Conceição de Albuquerque e Vasconcelos Cavalcanti-Figueiredo Menezes de Bragança"
_SCOPES: Final = ("statistics:read", "courses:write")


class Clock:
    """The time of the school, which is ahead of nobody's."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) - timedelta(days=_DAYS)

    def __call__(self) -> datetime:
        """The present moment there."""
        return self.now


def learner(number: int) -> LearnerId:
    """A learner."""
    return LearnerId(str(uuid5(NAMESPACE_URL, f"https://headway.example/pictured/{number}")))


def profiles() -> dict[LearnerId, LearnerProfile]:
    """Who the learners are. One has a very long name, and one has no profile."""
    names = {number: f"{_FIRST[number % len(_FIRST)]} {_LAST[number % len(_LAST)]}" for number in range(_LEARNERS)}
    names[_LONG] = _LONG_NAME
    del names[_UNNAMED]
    return {learner(number): LearnerProfile(name) for number, name in names.items()}


async def fill(path: Path, courses: list[Course]) -> None:
    """Sixty days of learners who come on some days, do a lesson or two, and now and then stay away for good."""
    chance = random.Random(7)
    clock = Clock()
    store = SqliteStore(path, queue_limit=4096, batch_limit=256, lock_seconds=5, observer=Metrics(), clock=clock)
    await store.open()
    for course in courses:
        await store.put_course(course)
    await store.profiles.put_all(profiles())
    positions = {(number, course.id): 0 for number in range(_LEARNERS) for course in courses}
    for _ in range(_DAYS):
        clock.now += timedelta(days=1)
        weekend = clock.now.weekday() > 4  # noqa: PLR2004 - Saturday and Sunday
        for number in range(_LEARNERS):
            for course in courses[: 2 if number % 3 else 1]:
                if chance.random() < (0.04 if weekend else 0.09) and number * 0.9 < chance.random() * 1.6 * _LEARNERS:
                    position = positions[number, course.id]
                    for lesson in course.lessons[position : position + chance.randint(1, 2)]:
                        done = chance.random() < 0.86  # noqa: PLR2004 - most finish what they begin
                        await store.write(_write(number, course, lesson, _update(lesson, chance, done=done)))
                        positions[number, course.id] += int(done)
    await _write_own(store, courses)
    await _finish(store, courses[1])
    await store.close()


async def _write_own(store: SqliteStore, courses: list[Course]) -> None:
    """The one who looks has notes, and a lesson under way."""
    first, second = courses[0].lessons[1], courses[0].lessons[4]
    notes = "A list is an object: two names can hold the same one. Look at copy() again."
    await store.write(_write(_WHO_LOOKS, courses[0], first, {"status": "completed", "time_spent_minutes": 9}))  # type: ignore[typeddict-item]
    update: ProgressUpdate = {
        "progress_percentage": 42.5, "video_position_seconds": 408, "time_spent_minutes": 11, "is_bookmarked": True,
        "user_notes": notes,
    }  # fmt: skip
    await store.write(_write(_WHO_LOOKS, courses[0], second, update))
    due = EnrolmentSource(due_at=datetime.now(UTC) + timedelta(days=5))
    await store.enrol(EnrolmentChange(learner(_WHO_LOOKS), courses[0].id, due))
    await store.goals.put(learner(_WHO_LOOKS), 1, datetime.now(UTC).date() - timedelta(days=_DAYS))


async def _finish(store: SqliteStore, course: Course) -> None:
    """One learner completes a course just now."""
    for lesson in course.lessons:
        update: ProgressUpdate = {"progress_percentage": 100, "time_spent_minutes": 4}
        if lesson.pass_mark is not None:
            update = {"quiz_score": 92, "quiz_attempts": 1, "time_spent_minutes": 6}
        await store.write(_write(_WHO_FINISHES, course, lesson, update))


def _write(number: int, course: Course, lesson: Lesson, update: ProgressUpdate) -> LessonWrite:
    return LessonWrite(learner(number), course.id, lesson.id, update)


def _update(lesson: Lesson, chance: random.Random, *, done: bool) -> ProgressUpdate:
    minutes = round(max(1.0, chance.gauss((lesson.duration_seconds or 600) / 60, 3)), 2)
    if lesson.kind is LessonKind.QUIZ:
        score = round(min(100, max(0, chance.gauss(78 if done else 52, 13))))
        return {"quiz_score": score, "quiz_attempts": chance.randint(1, 3), "time_spent_minutes": minutes}
    percentage = 100 if done else chance.randint(5, 85)
    return {"progress_percentage": percentage, "time_spent_minutes": minutes, "is_bookmarked": chance.random() < 0.1}  # noqa: PLR2004


def people(running: Running, courses: list[Course]) -> None:
    """Put the learners into two classes with due dates, of which one has passed; the one who looks has a goal."""
    today = datetime.now(UTC)
    with running.client(None, "groups:write", "enrolments:write") as registrar:
        for number, (title, due) in enumerate((("Class of Monday", -3), ("Class of Thursday", 12))):
            group = uuid5(NAMESPACE_URL, f"https://headway.example/group/{number}")
            members = [learner(one) for one in range(number, _LEARNERS, 4)]
            registrar.put(f"/groups/{group}", json={"title": title, "members": members}).raise_for_status()
            dates = {"due_at": (today + timedelta(days=due)).isoformat()}
            registrar.put(f"/courses/{courses[0].id}/groups/{group}", json=dates).raise_for_status()
    with running.client(learner(_WHO_LOOKS)) as client:
        client.put(f"/learners/{learner(_WHO_LOOKS)}/goal", json={"days_per_week": 3}).raise_for_status()


@dataclass(frozen=True)
class Look:
    """At what is looked, and by whom: the number of a learner, `None` for nobody signed in.

    `menu` opens the menu, and `tip` lets the first chart show a tip.
    """

    address: str
    learner: int | None = _WHO_LOOKS
    scopes: tuple[str, ...] = _SCOPES
    menu: bool = False
    tip: bool = False


class Setting(NamedTuple):
    """How it is looked at. The names of pictures have all of it."""

    width: str
    scheme: str
    language: str = SOURCE

    @property
    def name(self) -> str:
        """The end of a picture's name."""
        own = (self.width, self.scheme) if self.language == SOURCE else (self.width, self.scheme, self.language)
        return "-".join(own)


SETTINGS: Final = (
    *(Setting(width, scheme) for width in WIDTHS for scheme in SCHEMES),
    *(
        Setting(width, scheme, language)
        for language in LANGUAGES
        if language != SOURCE
        for width, scheme in (("desktop", "light"), ("phone", "dark"))
    ),
)


def pages(browser: Browser, running: Running, courses: list[Course]) -> dict[str, Look]:
    """Return every page of the table of pages, and what else may be seen, by the names of their pictures."""
    with visiting(browser, running, learner(_WHO_LOOKS), *_SCOPES) as context:
        found = addresses(
            context, course_id=courses[0].id, lesson_id=courses[0].lessons[4].id, user_id=learner(_WHO_LOOKS)
        )
    return {_name(path): Look(address) for path, address in found.items()} | {
        "play-course-lesson": Look(_packaged_lesson(running)),
        "home-of-a-newcomer": Look(DASHBOARD, learner=_LEARNERS),  # who comes after all who have written
        "menu": Look(DASHBOARD, menu=True),
        "course-completed": Look(f"{DASHBOARD}/courses/{courses[1].id}", learner=_WHO_FINISHES),
        "chart-tip": Look(f"{DASHBOARD}/statistics/{courses[0].id}/activity", tip=True),
        "catalogue-of-a-newcomer": Look(f"{DASHBOARD}/catalogue", learner=_LEARNERS),
        "search-found": Look(f"{DASHBOARD}/search?q=ada"),
        "roster-late": Look(f"{DASHBOARD}/statistics/{courses[0].id}/learners?late=true"),
        "sign-in": Look(f"{DASHBOARD}/sign-in", learner=None),
        "sign-in-refused": Look(f"{DASHBOARD}/sign-in?notice=code", learner=None),
        "not-found": Look(f"{DASHBOARD}/nowhere"),
        "not-allowed": Look(f"{DASHBOARD}/statistics", scopes=()),
    }


def _name(path: str) -> str:
    """Return the name of the picture of a page, by its path in the table."""
    named = re.sub(r"\{(\w+?)(_id)?\}", r"\1", path).replace("courses/course", "course").replace("user", "learner")
    return named.strip("/").replace("/", "-") or "home"


@contextmanager
def _serving() -> Iterator[tuple[Running, list[Course]]]:
    courses = read_courses(course_files([ROOT / "src/headway/cli/samples"]))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(fill(Path(folder) / "headway.db", courses))
        with headway_serve(Path(folder), packages_dir=Path(folder) / "packages") as running:
            people(running, courses)
            yield running, courses


def _packaged_lesson(running: Running) -> str:
    """Import the demo's package. Return the address of the page that plays its first lesson."""
    with running.client(None, "courses:write") as author:
        headers = {"Content-Type": "application/zip"}
        imported = (
            author.post("/packages", content=zipped_sample().getvalue(), headers=headers).raise_for_status().json()
        )
    return f"{DASHBOARD}/play/{imported['course_id']}/{imported['lessons'][0]['id']}"


@contextmanager
def _looking(browser: Browser, running: Running, look: Look, setting: Setting) -> Iterator[Page]:
    """The page, with all that its scripts draw and in the pages' own font."""
    with visiting(
        browser, running, learner(look.learner or 0), *look.scopes,
        refusals={403, 404}, reduced_motion="reduce", width=WIDTHS[setting.width], color_scheme=setting.scheme,
    ) as context:  # fmt: skip
        if look.learner is None:
            context.clear_cookies()
        context.add_cookies([{"name": LANGUAGE_COOKIE, "value": setting.language, "url": running.base_url}])
        page = context.new_page()
        page.goto(look.address, wait_until="load")
        page.evaluate("() => document.fonts.ready")
        page.reload(wait_until="load")  # now the browser has the font before it paints
        if page.locator("#play").count():
            page.frame_locator("#frame iframe").frame_locator("iframe").get_by_role("heading").first.wait_for()
        settle(page)
        if look.menu:
            page.locator("[popovertarget=menu]").click()
        if look.tip:
            page.get_by_role("slider").first.press("ArrowLeft")
        yield page


def _take(browser: Browser, running: Running, looks: dict[str, Look]) -> None:
    smaller = browser.new_page()
    smaller.add_script_tag(path=ROOT / "tools/palette.mjs", type="module")
    wanted = [(name, setting) for name in looks for setting in SETTINGS]
    for name, setting in track(wanted, "Taking pictures"):
        with _looking(browser, running, looks[name], setting) as page:
            (TARGET / f"{name}-{setting.name}.png").write_bytes(_picture(page, smaller))


def _picture(page: Page, smaller: Page) -> bytes:
    """Take a picture as high as the page is, so that what sticks to the window's edge is at the page's."""
    width = page.evaluate("() => window.innerWidth")
    for _ in range(2):  # a higher window may have room for more of a table
        height = page.evaluate("() => document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": min(height, _HIGHEST)})
        settle(page)
    taken = "data:image/png;base64," + b64encode(page.screenshot()).decode()
    made: str = smaller.evaluate("(address) => withPalette(address)", taken)
    return b64decode(made.partition(",")[2])


def main(names: list[str]) -> None:
    """Take the pictures of some pages anew; of all pages where none is named."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with _serving() as (running, courses), browser() as opened:
        looks = pages(opened, running, courses)
        if unknown := set(names) - looks.keys():
            sys.exit(f"No page has the name {', '.join(sorted(unknown))}.")
        if not names:
            for old in TARGET.glob("*.png"):
                old.unlink()
        _take(opened, running, {name: looks[name] for name in names or looks})


if __name__ == "__main__":
    main(sys.argv[1:])
