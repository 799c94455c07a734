"""Course documents in files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from support.running import course, lesson


def course_document(*lessons: dict[str, Any], **fields: object) -> dict[str, Any]:
    """Return a course document as it is in files: with an id."""
    return course(*lessons, **{"id": str(uuid4())} | fields)


def full_document() -> dict[str, Any]:
    """Return a course document with every field, as `headway courses show` prints it."""
    quiz = lesson(
        title="Check yourself", content_id=str(uuid4()), section="Ends", kind="quiz", duration_seconds=90.5,
        required=False, pass_mark=62.5, complete_at=None,
        requires=[], due_at="2027-06-30T22:00:00Z", due_after_days=None,
    )  # fmt: skip
    video = lesson(
        title='Ünïcode [bold]and[/] :rocket: \\[x] "quoted" \u00a0\u200d \U0001f600', content_id=str(uuid4()),
        section=None, kind="video", duration_seconds=600, required=True, pass_mark=None, complete_at=90,
        requires=[quiz["id"]], due_at=None, due_after_days=14,
    )  # fmt: skip
    return course_document(
        quiz,
        video,
        title="All [there] is [/] to say",
        time_zone="America/Argentina/Ushuaia",
        on_edit="reopen",
        valid_for_days=365,
    )


def as_written(answered: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document as it was put, without the fields that the service adds."""
    return {name: value for name, value in answered.items() if name not in {"version", "recalculation"}}


def document_file(path: Path, document: Mapping[str, Any]) -> Path:
    """Write the document, as JSON or YAML by the file's name."""
    text = json.dumps(document) if path.suffix == ".json" else yaml.safe_dump(dict(document), allow_unicode=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
