"""The demo's SCORM course: imports its package, and lets some learners play it."""

import json
from collections.abc import Mapping
from importlib.resources import as_file, files
from io import BytesIO
from typing import Any, Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

from headway.cli.console import OPERATOR
from headway.domain.catalogue import Course
from headway.domain.identifiers import LearnerId
from headway.domain.packages import lesson_id_of
from headway.domain.principal import Principal
from headway.formats.package_file import read_package
from headway.formats.scorm_commits import parse_commit
from headway.service import ImportedPackage, Services

_LESSON: Final = "seeing-colour"
_QUIZ: Final = "five-questions"


class Played(NamedTuple):
    """An item of the package that a learner has played, and what it said at its end; `None`: it said nothing."""

    item: str
    cmi: Mapping[str, Any] | None


def _read(page: str, seen: int, time: str) -> Played:
    """Return a visit of the lesson that ended at one of its five pages."""
    said = {
        "location": page,
        "suspend_data": json.dumps({"seen": seen, "moved": {}}),
        "progress_measure": f"{seen / 5:g}",
        "completion_status": "completed" if seen == 5 else "incomplete",  # noqa: PLR2004 - see the docstring
    }
    return Played(_LESSON, {**said, "session_time": time, "exit": "suspend"})


def _answered(right: int, time: str) -> Played:
    """Return a try at the quiz, of whose five questions so many were answered right."""
    score = {"min": "0", "max": "5", "raw": f"{right}", "scaled": f"{right / 5:g}"}
    success = "passed" if right >= 4 else "failed"  # noqa: PLR2004 - the pass mark in the manifest
    return Played(
        _QUIZ,
        {"score": score, "success_status": success, "completion_status": "completed", "session_time": time},
    )


PLAYED: Final[Mapping[str, tuple[Played, ...]]] = {
    "ada": (_read("contrast", 3, "PT6M20S"),),
    "grace": (_read("palette", 5, "PT11M5S"), _answered(5, "PT3M40S")),
    "linus": (Played(_LESSON, None),),
    "margaret": (_read("palette", 5, "PT9M"), _answered(3, "PT2M50S"), _answered(3, "PT4M15S")),
}
"""What the demo's learners have played. One has opened the lesson, from which nothing came."""


def zipped_sample() -> BytesIO:
    """Return the sample as a package: a zip file."""
    content = BytesIO()
    with as_file(files("headway.cli") / "samples" / "colour") as folder, ZipFile(content, "w", ZIP_DEFLATED) as package:
        for file in sorted(folder.iterdir()):
            package.write(file, file.name)
    return content


async def import_sample(services: Services) -> ImportedPackage:
    """Import the sample as a course. A second time changes nothing."""
    package, content = read_package(zipped_sample(), lambda _: None)
    return await services.packages.import_package(OPERATOR, package, content)


async def play(services: Services, course: Course, learner_id: LearnerId, played: Played) -> None:
    """Open an item of the course for a learner, and report what it says."""
    lesson_id = lesson_id_of(course.id, played.item)
    launch = await services.launches.open(Principal(learner_id), course.id, lesson_id)
    if played.cmi is not None:
        body = json.dumps({"cmi": played.cmi, "terminate": True}).encode()
        await services.launches.commit(launch, parse_commit(body))
