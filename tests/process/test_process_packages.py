"""Large packages: their import takes little memory, and other requests are answered meanwhile."""

import os
import random
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from support.packages import PAGE, scorm12_manifest
from support.program import forked_headway_serve
from support.running import HEADWAY, Running, course, service_environment

pytestmark = pytest.mark.slow

MEBIBYTE = 1024 * 1024
MEBIBYTES = 500
FILES = 5_000
ROOM = 64
"""The MiB by which a process may grow: far more than an import takes, far less than the packages have."""


@pytest.fixture
def large(folder: Path) -> Path:
    """Return a package of 500 MiB that no zip file can make smaller."""
    path = folder / "large.zip"
    block = random.Random(19).randbytes(MEBIBYTE - 2)
    with ZipFile(path, "w", ZIP_STORED) as archive:
        archive.writestr("imsmanifest.xml", scorm12_manifest(identifier="large"))
        archive.writestr("index.html", PAGE)
        for number in range(5):
            with archive.open(f"video{number}.mp4", "w") as file:
                for part in range(MEBIBYTES // 5):
                    file.write(bytes([number, part]) + block)
    return path


@pytest.fixture
def many(folder: Path) -> Path:
    """Return a package of thousands of files."""
    path = folder / "many.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("imsmanifest.xml", scorm12_manifest(identifier="many"))
        for number in range(FILES - 1):
            archive.writestr(f"{number % 50}/{number}.js" if number else "index.html", f"const a = {number};\n" * 20)
    return path


def peak_mib(pid: int) -> int:
    """Return the most memory that a process has had in use."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) // 1024


def in_parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(MEBIBYTE):
            yield part


def test_large_packages_take_little_memory_and_hold_up_nobody(folder: Path, large: Path, many: Path) -> None:
    with forked_headway_serve(folder, packages_dir=folder / "packages") as running:
        document = course()
        path = f"/progress/{running.put_course(document)}/lessons/{document['lessons'][0]['id']}"
        before = peak_mib(running.process.pid)
        for package, count in ((large, 7), (many, FILES)):
            answers: list[int] = []
            ended = threading.Event()
            writer = threading.Thread(target=write_until, args=(running, path, ended, answers))
            writer.start()
            try:
                report = sent(running, package)
            finally:
                ended.set()
                writer.join(60)
            assert (report["files"], report["change"]["created"]) == (count, True)
            assert set(answers) == {200}
            assert len(answers) > 20  # one that waits for the import is the only one
        assert peak_mib(running.process.pid) < before + ROOM


def write_until(running: Running, path: str, ended: threading.Event, answers: list[int]) -> None:
    with running.client() as learner:
        while not ended.is_set():
            answers.append(learner.put(path, json={"time_spent_minutes": 1}).status_code)


def sent(running: Running, package: Path) -> dict[str, Any]:
    with running.client(None, "courses:write") as author:
        headers = {"Content-Type": "application/zip", "Content-Length": str(package.stat().st_size)}
        answer = author.post("/packages", content=in_parts(package), headers=headers, timeout=100)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def test_the_command_takes_little_memory(folder: Path, large: Path, many: Path) -> None:
    least = memory_of(folder, "courses", "list")
    for package in (large, many):
        assert memory_of(folder, "courses", "import", str(package)) < least + ROOM


def memory_of(folder: Path, *arguments: str) -> int:
    """Run the program. Return the most memory that it had in use, in MiB."""
    environment = service_environment(folder, packages_dir=folder / "packages")
    program = subprocess.Popen([HEADWAY, *arguments], cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    assert program.returncode == 0
    return usage.ru_maxrss // 1024
