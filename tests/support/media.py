"""Videos for players in a browser, made by Debian's ffmpeg."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

SECONDS: Final = 12
"""How long the tests' video is. Its pictures have a clock, and a place to seek to every second."""


def make_video(path: Path, seconds: int = SECONDS) -> Path:
    """Make a small video (WebM, VP8). Fails where CI is set, and skips elsewhere, if there is no ffmpeg."""
    program = shutil.which("ffmpeg")
    if program is None:
        assert os.environ.get("CI") != "true", "videos are not tested: no ffmpeg"
        pytest.skip("VIDEOS ARE NOT TESTED: no ffmpeg: apt-get install ffmpeg")
    picture = f"testsrc2=size=160x90:rate=10:duration={seconds}"
    coding = ["-c:v", "libvpx", "-b:v", "60k", "-g", "10"]
    subprocess.run([program, "-v", "error", "-f", "lavfi", "-i", picture, *coding, "-y", path], check=True, timeout=60)
    return path
