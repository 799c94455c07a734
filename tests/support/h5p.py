"""An H5P content of the tests' own, and the player for it: h5p-standalone, as npm has it.

The content type says by xAPI what its content tells it to say, as H5P's content types do: a button for each result.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

_PLAYER: Final = Path(__file__).resolve().parents[2] / "node_modules/h5p-standalone/dist"
_LIBRARY: Final = {"machineName": "H5P.TestTask", "majorVersion": 1, "minorVersion": 0}
_NAME: Final = "H5P.TestTask 1.0"
_SCRIPT: Final = """
window.H5P = window.H5P || {};
H5P.TestTask = class extends H5P.EventDispatcher {
  constructor(content, contentId) {
    super();
    this.content = content;
    this.contentId = contentId;
  }

  attach($container) {
    for (const [label, statements] of Object.entries(this.content.buttons)) {
      const button = document.createElement("button");
      button.textContent = label;
      button.addEventListener("click", () => statements.forEach((one) => this.say(one)));
      $container.append(button);
    }
    for (const part of this.content.parts ?? []) {
      const holder = document.createElement("div");
      $container.append(holder);
      H5P.newRunnable(part, this.contentId, H5P.jQuery(holder), undefined, { parent: this });
    }
    this.triggerXAPI("attempted");
  }

  say({ verb, score, max, completion, result }) {
    if (score !== undefined) return this.triggerXAPIScored(score, max, verb, completion);
    const event = this.createXAPIEventTemplate(verb);
    event.data.statement.result = result;
    this.trigger(event);
  }
};
"""


def answered(score: float, most: float, verb: str = "answered", *, completion: bool = True) -> dict[str, Any]:
    """Return what a content says of a result."""
    return {"verb": verb, "score": score, "max": most, "completion": completion}


def said(verb: str, **result: object) -> dict[str, Any]:
    """Return what a content says, with a result as it stands."""
    return {"verb": verb, "result": result}


def part(identifier: str, **buttons: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a content within another one."""
    return {"library": _NAME, "params": {"buttons": buttons}, "subContentId": identifier}


def make_content(folder: Path, buttons: dict[str, list[dict[str, Any]]], *parts: dict[str, Any]) -> Path:
    """Make a package, as it is when it has been unpacked. `buttons` are what is said when one is pressed, by label."""
    library = folder / "H5P.TestTask-1.0"
    library.mkdir(parents=True)
    scripts = {"preloadedJs": [{"path": "task.js"}]}
    about = _LIBRARY | {"title": "A task", "patchVersion": 0, "runnable": 1} | scripts
    (library / "library.json").write_text(json.dumps(about))
    (library / "task.js").write_text(_SCRIPT)
    package = {
        "title": "A content",
        "language": "und",
        "mainLibrary": _LIBRARY["machineName"],
        "embedTypes": ["iframe"],
        "preloadedDependencies": [_LIBRARY],
    }
    (folder / "h5p.json").write_text(json.dumps(package))
    (folder / "content").mkdir()
    (folder / "content" / "content.json").write_text(json.dumps({"buttons": buttons, "parts": parts}))
    return folder


def bring_player(folder: Path) -> None:
    """Put the player into a folder that is served, as `h5p`. Fails where CI is set, and skips elsewhere, without it."""
    if not _PLAYER.is_dir():
        assert os.environ.get("CI") != "true", "H5P is not tested: no h5p-standalone"
        pytest.skip("H5P IS NOT TESTED: no h5p-standalone: npm ci")
    (folder / "h5p").symlink_to(_PLAYER)
