"""`headway demo`: runs the service with sample courses, learners and classes; prints sign-in links and curl lines."""

import asyncio
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import typer

from headway.app import Headway
from headway.auth import issue_token
from headway.cli.console import OPERATOR, announce, fail, load_settings, out, refusals_end_the_program
from headway.cli.demo_package import PLAYED, import_sample, play
from headway.cli.demo_video import ADDRESS, video_routes
from headway.cli.documents import course_files, read_courses
from headway.domain.catalogue import Course, Lesson, LessonKind
from headway.domain.course_progress import EnrolmentSource
from headway.domain.identifiers import GroupId, LearnerId
from headway.domain.people import LearnerProfile, ProfilesMode
from headway.domain.principal import COURSES_WRITE, STATISTICS_READ, Principal
from headway.domain.progress import ProgressUpdate, Status
from headway.domain.sign_in import SignIn, new_code
from headway.http.api.routes import PREFIX
from headway.http.api.sign_in import sign_in_url
from headway.server.listening import base_url, bound_socket
from headway.server.serving import run
from headway.settings import Settings

# How many lessons each learner has finished in the first course and in the second.
LEARNERS: Final = {"ada": (3, 1), "grace": (7, 4), "linus": (1, 0), "margaret": (5, 2), "tim": (0, 3)}
GROUPS: Final = {
    GroupId("5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7a"): ("Class 7a", ("ada", "grace", "linus")),
    GroupId("5a1c7e0e-2c5a-4f0e-9a50-0d5f0d3c1b7b"): ("Class 7b", ("margaret", "tim")),
}
# The classes take the first course. One learner has not started it, and one is late.
_DUE: Final = EnrolmentSource(due_at=datetime(2099, 6, 30, 22, tzinfo=UTC))
_LATE: Final = ("margaret", EnrolmentSource(due_at=datetime(2026, 1, 31, 22, tzinfo=UTC)))
_NAMES: Final = {
    "ada": "Ada Lovelace",
    "grace": "Grace Hopper",
    "linus": "Linus Torvalds",
    "margaret": "Margaret Hamilton",
    "tim": "Tim Berners-Lee",
}
_PLAYER: Final = "a learner who plays a SCORM package"
_CURL_DATA: Final = '{"progress_percentage": 42.5, "video_position_seconds": 331, "time_spent_minutes": 6}'


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on; 0: a free port.")] = 8000,
    folder: Annotated[Path, typer.Option(help="The folder of the demo's data.")] = Path(".demo"),
) -> None:
    """Run the service with three sample courses and five learners in two classes, and print links that sign in.

    One of the courses is a SCORM package. The demo also prints curl commands to paste. The links are valid while it
    runs.

    Example:
      headway demo --port 8080
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = load_settings(
        database_url=f"sqlite:///{quote(str(folder / 'headway.db'))}", host="127.0.0.1", port=port, workers=1
    )
    if settings.has_key and settings.jwt_secret is None:
        fail("The demo signs its own token. Unset HEADWAY_JWT_PUBLIC_KEY and HEADWAY_JWT_JWKS_URL.", 2)
    with refusals_end_the_program():
        courses = _samples()
        listener = bound_socket(settings.host, settings.port)
        settings = _with_packages(settings, folder, listener)
        packaged = asyncio.run(_fill(Headway(settings), courses))
        visitors = _visitors(packaged)
        codes = {code: sign_in for code, sign_in, _ in visitors.values()}
        headway = Headway(settings, codes, video_routes(lambda: _token(headway)))
        url = settings.public_url or base_url(listener)
        links = {
            title: sign_in_url(url, settings.dashboard_path, code, page) for title, (code, _, page) in visitors.items()
        }
        out.print(_instructions(base_url(listener), links if headway.dashboard else {}, _token(headway), courses[0]))
        announce(settings, base_url(listener))
        run(headway, listener)


def _with_packages(settings: Settings, folder: Path, listener: socket.socket) -> Settings:
    """Return the settings with a folder for packages, and an origin for their content: another name of this machine.

    What the user has set stays.
    """
    added: dict[str, str] = {}
    if not (settings.packages_dir or settings.packages_url):
        added["packages_dir"] = str(folder / "packages")
    if not (settings.public_url or settings.content_origin):
        port = listener.getsockname()[1]
        added |= {"public_url": base_url(listener), "content_origin": f"http://localhost:{port}"}
    return settings.model_copy(update=added)


def _token(headway: Headway) -> str:
    """Return a learner's token for a day."""
    return issue_token(
        headway.access.secret,
        subject=_learner("ada"),
        lifetime=timedelta(days=1),
        issuer=headway.settings.jwt_issuer,
        audience=headway.settings.jwt_audience,
        now=datetime.now(UTC),
    )


def _samples() -> list[Course]:
    with as_file(files("headway.cli") / "samples") as folder:
        return read_courses(course_files([folder]))


async def _fill(headway: Headway, courses: list[Course]) -> Course:
    """Store the courses, the classes, their enrolments, and the learners' progress. Return the packaged course.

    A second run changes nothing: merge writes only add, and only a new package is played.
    """
    async with headway.opened():
        for course in courses:
            await headway.services.catalogue.put_course(OPERATOR, course)
        for group_id, (title, names) in GROUPS.items():
            await headway.services.groups.put(OPERATOR, group_id, title, map(_learner, names))
            await headway.services.enrolments.enrol_group(OPERATOR, courses[0].id, group_id, _DUE)
        late, dates = _LATE
        await headway.services.enrolments.enrol(OPERATOR, courses[0].id, _learner(late), dates)
        for name, finished in LEARNERS.items():
            await _name(headway, name)
            principal = Principal(_learner(name))
            for course, count in zip(courses, finished, strict=True):
                for lesson, update in _progress(course, count):
                    await headway.services.progress.record(principal, course.id, lesson.id, update)
        imported = await import_sample(headway.services)
        if imported.change.created:
            for name, played in PLAYED.items():
                for one in played:
                    await play(headway.services, imported.course, _learner(name), one)
        return imported.course


async def _name(headway: Headway, name: str) -> None:
    """Store the learner's profile, unless the settings turn profiles off."""
    if headway.settings.profiles is not ProfilesMode.OFF:
        profile = LearnerProfile(_NAMES[name], f"{name}@school.example", locale="en")
        await headway.services.people.put_profile(OPERATOR, _learner(name), profile)


def _progress(course: Course, finished: int) -> list[tuple[Lesson, ProgressUpdate]]:
    """Return updates that finish the first lessons and start the next one."""
    done = [(lesson, _finished(lesson)) for lesson in course.lessons[:finished]]
    if not finished:
        return []
    return done + [(lesson, _begun(lesson)) for lesson in course.lessons[finished : finished + 1]]


def _finished(lesson: Lesson) -> ProgressUpdate:
    if lesson.kind is LessonKind.QUIZ:
        return {"quiz_score": 85, "quiz_attempts": 2, "time_spent_minutes": 9}
    return {"status": Status.COMPLETED, "time_spent_minutes": round((lesson.duration_seconds or 600) / 60)}


def _begun(lesson: Lesson) -> ProgressUpdate:
    return {
        "progress_percentage": 30,
        "video_position_seconds": round((lesson.duration_seconds or 0) * 0.3),
        "time_spent_minutes": 4,
        "user_notes": "Look at this again before the quiz.",
        "is_bookmarked": True,
    }


def _visitors(packaged: Course) -> dict[str, tuple[str, SignIn, str]]:
    """Return the demo's visitors by title, each with a sign-in code, whom it signs in, and the first page."""
    visitors = {
        "a learner": (Principal(_learner("ada")), ""),
        _PLAYER: (Principal(_learner("ada")), f"/play/{packaged.id}/{packaged.lessons[0].id}"),
        "a teacher": (Principal(_learner("teacher"), frozenset({STATISTICS_READ})), "/statistics"),
        "an author": (Principal(_learner("author"), frozenset({COURSES_WRITE, STATISTICS_READ})), "/authoring"),
    }
    return {title: (new_code(), SignIn(principal, None), page) for title, (principal, page) in visitors.items()}


def _learner(name: str) -> LearnerId:
    return LearnerId(str(uuid5(NAMESPACE_URL, f"https://headway.example/learners/{name}")))


def _instructions(url: str, links: Mapping[str, str], token: str, course: Course) -> str:
    progress = f"{url}{PREFIX}/progress/{course.id}"
    authorization = f'-H "Authorization: Bearer {token}"'
    lesson = course.lessons[4]
    pages = "".join(f"\nLook at it as {title}:\n{link}\n" for title, link in links.items())
    return f"""
Headway answers at {url}   (API: {url}/docs, stop with Ctrl-C)
{pages}
Watch a video that reports while it plays:
{url}{ADDRESS}

A learner's token, for a day:
{token}

List the learner's progress in "{course.title}":
curl {authorization} {progress}

Update a lesson, "{lesson.title}":
curl -X PUT {authorization} -H "Content-Type: application/json" -d '{_CURL_DATA}' {progress}/lessons/{lesson.id}

Get the course's summary:
curl {authorization} {progress}/summary
"""
