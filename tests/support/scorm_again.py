"""Content that talks to the vendored scorm-again, in Node.js, and what scorm-again sends for it.

Content calls `GetValue`, `SetValue`, `Commit` and so on, by the names of SCORM 2004 for both versions.
"""

import json
import subprocess
from pathlib import Path
from typing import Any, Final, NamedTuple

from headway.domain.scorm import ScormVersion

_SCRIPT: Final = Path(__file__).with_suffix(".mjs")
Call = tuple[str, ...]
INITIALIZE: Final[Call] = ("Initialize", "")
COMMIT: Final[Call] = ("Commit", "")
END: Final = {ScormVersion.SCORM_12: ("Finish", ""), ScormVersion.SCORM_2004: ("Terminate", "")}


class Sent(NamedTuple):
    """A commit that was sent: by a request or by a beacon, where to, and of what type."""

    way: str
    address: str
    type: str
    body: bytes


class Played(NamedTuple):
    """What content was answered; what was sent; why the CMI object was not loaded, or `None`."""

    answers: list[str]
    sent: list[Sent]
    refused: str | None


def play(scorm: ScormVersion, *calls: Call, load: Any = None, **settings: Any) -> Played:
    """Play one session of content that makes these calls. `load` is the CMI object that it begins with."""
    session = {"version": scorm, "settings": settings, "load": load, "calls": calls}
    done = subprocess.run(
        ["node", _SCRIPT], input=json.dumps(session).encode(), capture_output=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:].decode()
    printed = json.loads(done.stdout)
    sent = [Sent(one["way"], one["address"], one["type"], one["body"].encode()) for one in printed["sent"]]
    return Played(printed["answers"], sent, printed["refused"])
