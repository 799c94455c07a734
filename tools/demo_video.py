"""Makes the video of `headway demo` from the pictures of demo_video.html. Needs Chromium and ffmpeg.

Run `.venv/bin/python tools/demo_video.py` after a change of the picture.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))

from support.browser import browser  # noqa: E402 - the tests' folder comes first

TARGET: Final = ROOT / "src/headway/cli/video/lines.webm"
WIDTH: Final = 640
HEIGHT: Final = 360
FRAMES_A_SECOND: Final = 10


def pictures() -> Iterator[bytes]:
    """Yield each frame as a PNG file."""
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto((ROOT / "tools/demo_video.html").as_uri())
        page.evaluate("() => document.fonts.load('15px Inter')")
        seconds: int = page.evaluate("() => LENGTH")
        for frame in range(seconds * FRAMES_A_SECOND):
            page.evaluate("(seconds) => show(seconds)", frame / FRAMES_A_SECOND)
            yield page.screenshot()


def encode(frames: Iterator[bytes]) -> None:
    """Write the frames as a WebM file (VP9), in which players can seek."""
    reading = ["-f", "image2pipe", "-framerate", str(FRAMES_A_SECOND), "-i", "-"]
    writing = ["-c:v", "libvpx-vp9", "-crf", "38", "-b:v", "0", "-g", str(6 * FRAMES_A_SECOND), "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", *reading, *writing, "-y", TARGET], input=b"".join(frames), check=True)


if __name__ == "__main__":
    encode(pictures())
